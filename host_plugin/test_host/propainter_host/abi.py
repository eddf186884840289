"""The OpenFX binary interface as ctypes sees it: structs, statuses, and every suite's functions in their order.

Here: facts of the interface (OpenFX ABI notes, sections 1 to 5) and the one trick with variable arguments. Not here:
property names and types (``properties.py``), what the functions do (``suites/``).

Variable arguments without a C compiler
    ``paramGetValue(param, ...)``, ``paramSetValue(param, ...)`` and ``message(effect, type, id, format, ...)`` take
    variable arguments, which a ctypes callback cannot declare. In the System V x86-64 convention a variadic call puts
    its arguments where a call with fixed arguments would: integers and pointers in rdi, rsi, rdx, rcx, r8, r9, doubles
    in xmm0..xmm7, the rest on the stack in order, and the two register files are filled independently. So a callback
    that declares enough integers *and* enough doubles receives all of them, and picks those the parameter's type calls
    for; the others hold whatever the registers held and are never looked at. No parameter needs more than five integer
    or five floating point registers. Messages may overflow: sixteen stack words are declared too, and the text is made
    by the C library's vsnprintf on a va_list built by hand. Windows x64 and Apple arm64 pass variable arguments
    differently: ``require_supported_machine`` refuses them.
"""

from __future__ import annotations

import ctypes
import platform
import sys
from collections.abc import Callable, Mapping
from ctypes import c_char_p, c_double, c_int, c_size_t, c_uint, c_void_p
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from propainter_host.errors import HostError


class Status(IntEnum):
    """What a suite function or an action returns (ABI notes, section 2)."""

    OK = 0
    FAILED = 1
    FATAL = 2
    UNKNOWN = 3
    MISSING_HOST_FEATURE = 4
    UNSUPPORTED = 5
    EXISTS = 6
    FORMAT = 7
    MEMORY = 8
    BAD_HANDLE = 9
    BAD_INDEX = 10
    VALUE = 11
    REPLY_YES = 12
    REPLY_NO = 13
    REPLY_DEFAULT = 14


class Refusal(Exception):
    """Leaves a suite function with a status other than OK; never reaches the plugin as anything but that status."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.name)
        self.status = status


class OfxHost(ctypes.Structure):
    """What setHost receives: the host's property set and the door to the suites (16 bytes)."""

    _fields_ = [("host", c_void_p), ("fetchSuite", c_void_p)]


class OfxPlugin(ctypes.Structure):
    """What OfxGetPlugin returns (48 bytes)."""

    _fields_ = [
        ("pluginApi", c_char_p),
        ("apiVersion", c_int),
        ("pluginIdentifier", c_char_p),
        ("pluginVersionMajor", c_uint),
        ("pluginVersionMinor", c_uint),
        ("setHost", c_void_p),
        ("mainEntry", c_void_p),
    ]


class VaList(ctypes.Structure):
    """The one element of a System V x86-64 va_list (24 bytes)."""

    _fields_ = [
        ("gp_offset", c_uint),
        ("fp_offset", c_uint),
        ("overflow_arg_area", c_void_p),
        ("reg_save_area", c_void_p),
    ]


FETCH_SUITE = ctypes.CFUNCTYPE(c_void_p, c_void_p, c_char_p, c_int)
SET_HOST = ctypes.CFUNCTYPE(None, c_void_p)
MAIN_ENTRY = ctypes.CFUNCTYPE(c_int, c_char_p, c_void_p, c_void_p, c_void_p)
THREAD_FUNCTION = ctypes.CFUNCTYPE(None, c_uint, c_uint, c_void_p)

STACK_WORDS = 16
"""Stack words a message callback declares: variable arguments beyond two integers and eight doubles."""


@dataclass(frozen=True)
class Function:
    """One slot of a suite."""

    name: str
    arguments: tuple[Any, ...]

    def callback(self, python: Callable[..., int]) -> Any:
        """A C function pointer that calls `python`; keep it as long as the plugin may call it."""
        return ctypes.CFUNCTYPE(c_int, *self.arguments)(python)


@dataclass(frozen=True)
class Suite:
    """A named, versioned table of function pointers."""

    name: str
    version: int
    functions: tuple[Function, ...]

    def table(self, implementations: Mapping[str, Callable[..., int] | None]) -> SuiteTable:
        """The C table; a None makes a NULL pointer. KeyError when a slot has no implementation (our own mistake)."""
        callbacks = [
            None if implementations[function.name] is None else function.callback(implementations[function.name])  # type: ignore[arg-type]
            for function in self.functions
        ]
        addresses = [None if one is None else ctypes.cast(one, c_void_p).value for one in callbacks]
        return SuiteTable((c_void_p * len(addresses))(*addresses), callbacks)


@dataclass(frozen=True)
class SuiteTable:
    """A suite's memory, and the callbacks its pointers lead to."""

    pointers: Any
    callbacks: list[Any]

    @property
    def address(self) -> int:
        """Where the plugin finds the table."""
        return ctypes.addressof(self.pointers)


_P, _S, _I, _D, _N = c_void_p, c_char_p, c_int, c_double, c_size_t


def _functions(**slots: tuple[Any, ...]) -> tuple[Function, ...]:
    return tuple(Function(name, arguments) for name, arguments in slots.items())


PROPERTY_SUITE = Suite(
    "OfxPropertySuite",
    1,
    _functions(
        propSetPointer=(_P, _S, _I, _P),
        propSetString=(_P, _S, _I, _S),
        propSetDouble=(_P, _S, _I, _D),
        propSetInt=(_P, _S, _I, _I),
        propSetPointerN=(_P, _S, _I, _P),
        propSetStringN=(_P, _S, _I, _P),
        propSetDoubleN=(_P, _S, _I, _P),
        propSetIntN=(_P, _S, _I, _P),
        propGetPointer=(_P, _S, _I, _P),
        propGetString=(_P, _S, _I, _P),
        propGetDouble=(_P, _S, _I, _P),
        propGetInt=(_P, _S, _I, _P),
        propGetPointerN=(_P, _S, _I, _P),
        propGetStringN=(_P, _S, _I, _P),
        propGetDoubleN=(_P, _S, _I, _P),
        propGetIntN=(_P, _S, _I, _P),
        propReset=(_P, _S),
        propGetDimension=(_P, _S, _P),
    ),
)

IMAGE_EFFECT_SUITE = Suite(
    "OfxImageEffectSuite",
    1,
    _functions(
        getPropertySet=(_P, _P),
        getParamSet=(_P, _P),
        clipDefine=(_P, _S, _P),
        clipGetHandle=(_P, _S, _P, _P),
        clipGetPropertySet=(_P, _P),
        clipGetImage=(_P, _D, _P, _P),
        clipReleaseImage=(_P,),
        clipGetRegionOfDefinition=(_P, _D, _P),
        abort=(_P,),
        imageMemoryAlloc=(_P, _N, _P),
        imageMemoryFree=(_P,),
        imageMemoryLock=(_P, _P),
        imageMemoryUnlock=(_P,),
    ),
)

# Variable arguments, see the top of this file: pointers to receive up to four values; up to three integers or strings
# and up to four doubles to give.
_RECEIVERS = (_P, _P, _P, _P)
_GIVEN = (_N, _N, _N, _D, _D, _D, _D)

PARAMETER_SUITE = Suite(
    "OfxParameterSuite",
    1,
    _functions(
        paramDefine=(_P, _S, _S, _P),
        paramGetHandle=(_P, _S, _P, _P),
        paramSetGetPropertySet=(_P, _P),
        paramGetPropertySet=(_P, _P),
        paramGetValue=(_P, *_RECEIVERS),
        paramGetValueAtTime=(_P, _D, *_RECEIVERS),
        paramGetDerivative=(_P, _D, *_RECEIVERS),
        paramGetIntegral=(_P, _D, _D, *_RECEIVERS),
        paramSetValue=(_P, *_GIVEN),
        paramSetValueAtTime=(_P, _D, *_GIVEN),
        paramGetNumKeys=(_P, _P),
        paramGetKeyTime=(_P, c_uint, _P),
        paramGetKeyIndex=(_P, _D, _I, _P),
        paramDeleteKey=(_P, _D),
        paramDeleteAllKeys=(_P,),
        paramCopy=(_P, _P, _D, _P),
        paramEditBegin=(_P, _S),
        paramEditEnd=(_P,),
    ),
)

MEMORY_SUITE = Suite("OfxMemorySuite", 1, _functions(memoryAlloc=(_P, _N, _P), memoryFree=(_P,)))

MULTI_THREAD_SUITE = Suite(
    "OfxMultiThreadSuite",
    1,
    _functions(
        multiThread=(_P, c_uint, _P),
        multiThreadNumCPUs=(_P,),
        multiThreadIndex=(_P,),
        multiThreadIsSpawnedThread=(),
        mutexCreate=(_P, _I),
        mutexDestroy=(_P,),
        mutexLock=(_P,),
        mutexUnLock=(_P,),
        mutexTryLock=(_P,),
    ),
)

_MESSAGE = (_P, _S, _S, _P, _N, _N, *([_D] * 8), *([_N] * STACK_WORDS))

MESSAGE_SUITE_1 = Suite("OfxMessageSuite", 1, _functions(message=_MESSAGE))
MESSAGE_SUITE_2 = Suite(
    "OfxMessageSuite",
    2,
    _functions(message=_MESSAGE, setPersistentMessage=_MESSAGE, clearPersistentMessage=(_P,)),
)

PROGRESS_SUITE_1 = Suite(
    "OfxProgressSuite", 1, _functions(progressStart=(_P, _S), progressUpdate=(_P, _D), progressEnd=(_P,))
)
PROGRESS_SUITE_2 = Suite(
    "OfxProgressSuite", 2, _functions(progressStart=(_P, _S, _S), progressUpdate=(_P, _D), progressEnd=(_P,))
)

TIMELINE_SUITE = Suite(
    "OfxTimeLineSuite", 1, _functions(getTime=(_P, _P), gotoTime=(_P, _D), getTimeBounds=(_P, _P, _P))
)


def format_message(template: int | None, registers: tuple[Any, ...]) -> str:
    """The text of a printf-like call.

    template: address of the format string, or None for an empty text.
    registers: what a message callback received after its four named arguments: two integer registers, eight doubles,
        then ``STACK_WORDS`` stack words (see the top of this file).
    """
    if not template:
        return ""
    saved = (c_double * 22)()  # 6 integer slots of 8 bytes, then 8 vector slots of 16 bytes
    base = ctypes.addressof(saved)
    (c_size_t * 6).from_address(base)[4:6] = registers[:2]  # type: ignore[call-overload]
    for index, number in enumerate(registers[2:10]):
        saved[6 + 2 * index] = number
    overflow = (c_size_t * STACK_WORDS)(*registers[10:])
    arguments = VaList(4 * 8, 6 * 8, ctypes.addressof(overflow), base)
    text = ctypes.create_string_buffer(4096)
    ctypes.CDLL(None).vsnprintf(text, c_size_t(len(text)), c_void_p(template), ctypes.byref(arguments))
    return text.value.decode("utf-8", "replace")


def format_text(template: int | None) -> str:
    """The format string itself, as it was handed over."""
    return ctypes.string_at(template).decode("utf-8", "replace") if template else ""


def require_supported_machine() -> None:
    """HostError unless variable arguments arrive as this file expects (System V x86-64)."""
    if platform.machine() not in ("x86_64", "AMD64") or sys.platform == "win32":
        raise HostError(
            f"this host cannot receive C variable arguments on {sys.platform} {platform.machine()}; "
            "run it on Linux or macOS with an x86-64 processor"
        )


def write_pointer(address: int, value: int | None) -> None:
    """Put a pointer where a plugin asked for it."""
    c_void_p.from_address(address).value = value


def write_int(address: int, value: int) -> None:
    """Put a C int where a plugin asked for it."""
    c_int.from_address(address).value = value


def write_double(address: int, value: float) -> None:
    """Put a double where a plugin asked for it."""
    c_double.from_address(address).value = value
