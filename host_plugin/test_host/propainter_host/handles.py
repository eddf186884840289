"""The opaque pointers this host hands out, and who is calling: nothing given to a plugin is a real address.

Here: handles (numbers that name Python objects and are never used twice), strings on loan, and the stack of actions of
each thread. Not here: the objects themselves. Because a handle is never reused, one kept too long is always recognised.
"""

from __future__ import annotations

import ctypes
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from propainter_host.abi import Refusal, Status
from propainter_host.strict import Ledger, Rule

if TYPE_CHECKING:
    from propainter_host.images import HostImage, Rect

T = TypeVar("T")

_FIRST_HANDLE = 0x0FC000000000
"""Far from anything mapped: a plugin that looks inside a handle falls over at once."""


@dataclass
class Call:
    """One action in progress on one thread."""

    action: str
    subject: object | None = None
    """The descriptor or instance the action is about."""
    time: float = 0.0
    images: dict[int, HostImage] = field(default_factory=dict)
    """Images the plugin holds, by handle."""
    abort: threading.Event | None = None
    scale: tuple[float, float] = (1.0, 1.0)
    output: HostImage | None = None
    frames_needed: dict[str, list[tuple[float, float]]] | None = None
    """Clip name to the time ranges the plugin declared; None when it was not asked."""
    progress: float | None = None
    """0..1 while a progress dialog would be open."""
    regions: dict[str, Rect] | None = None
    """Clip name to the pixel rectangle the plugin declared; None when whole images are given."""


class Calls(threading.local):
    """The actions in progress on the current thread, outermost first."""

    def __init__(self) -> None:
        self.stack: list[Call] = []
        self.spawned: int | None = None
        """Index given by the multi-thread suite, on the threads that suite made."""

    @property
    def current(self) -> Call | None:
        """The innermost action of this thread, or None when the host is not in the plugin here."""
        return self.stack[-1] if self.stack else None

    @property
    def action(self) -> str:
        """The name of that action, or an empty string."""
        return self.stack[-1].action if self.stack else ""


class Handles:
    """Numbers for objects; a retired number stays retired for ever."""

    def __init__(self, ledger: Ledger, calls: Calls) -> None:
        self._ledger = ledger
        self._calls = calls
        self._live: dict[int, object] = {}
        self._of: dict[int, int] = {}
        self._retired: dict[int, str] = {}
        self._next = _FIRST_HANDLE
        self._lock = threading.Lock()

    def of(self, thing: object) -> int:
        """The handle of `thing`, made at its first use."""
        with self._lock:
            if id(thing) not in self._of:
                self._of[id(thing)] = self._next
                self._live[self._next] = thing
                self._next += 16
            return self._of[id(thing)]

    def retire(self, thing: object) -> None:
        """`thing` is gone: its handle, if it has one, is refused from now on."""
        with self._lock:
            handle = self._of.pop(id(thing), None)
            if handle is not None:
                self._live.pop(handle)
                self._retired[handle] = str(thing)

    def find(self, handle: int | None, kind: type[T], what: str) -> T:
        """The object a plugin means.

        Raises: Refusal(BAD_HANDLE), with a violation, when it is gone, was never there, or is no `kind`.
        """
        thing = self._live.get(handle or 0)
        if isinstance(thing, kind):
            return thing
        if handle in self._retired:
            self._refuse(Rule.AFTER_DESTROY, f"{what} on {self._retired[handle]}")
        expected = kind.__name__
        got = "NULL" if not handle else f"the handle of {thing}" if thing is not None else hex(handle)
        self._refuse(Rule.BAD_HANDLE, f"{what} was given {got} instead of a handle to a {expected}")
        raise AssertionError("unreachable")

    def _refuse(self, rule: Rule, text: str) -> None:
        self._ledger.record(rule, text, action=self._calls.action)
        raise Refusal(Status.BAD_HANDLE)

    def was_retired(self, handle: int | None) -> str | None:
        """The name of the thing a retired handle meant, or None."""
        return self._retired.get(handle or 0)


class StringLoans:
    """Strings given to a plugin: they live until the same thread asks for another, then turn into question marks.

    A plugin that keeps the pointer instead of copying reads rubbish here every time, not once a month in the field.
    """

    def __init__(self) -> None:
        self._mine = threading.local()
        self._graveyard: deque[ctypes.Array[ctypes.c_char]] = deque(maxlen=4096)

    def lend(self, texts: list[str]) -> list[int]:
        """Addresses of NUL-terminated copies of `texts`; everything lent to this thread before is spoilt."""
        for old in getattr(self._mine, "buffers", []):
            ctypes.memset(old, ord("?"), max(0, len(old) - 1))
            self._graveyard.append(old)
        self._mine.buffers = [ctypes.create_string_buffer(text.encode()) for text in texts]
        return [ctypes.addressof(buffer) for buffer in self._mine.buffers]
