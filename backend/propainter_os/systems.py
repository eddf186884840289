"""Which system this is. Here: the questions, as calls, so that a test can give another answer. Not here: what differs."""

from __future__ import annotations

import ctypes
import sys
from functools import lru_cache
from typing import Any


def is_windows() -> bool:
    return sys.platform == "win32"


def is_macos() -> bool:
    return sys.platform == "darwin"


def is_linux() -> bool:
    return sys.platform.startswith("linux")


@lru_cache(maxsize=1)
def kernel32() -> Any:
    """Windows' own functions. They tell of a fault by ``last_error``.

    Handles are pointers: without declared types ctypes would cut them to 32 bits.
    """
    library = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined]  # Windows alone has it
    handle, dword, pointer = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p
    for name, returned, arguments in (
        ("LockFileEx", ctypes.c_int, [handle, dword, dword, dword, dword, pointer]),
        ("UnlockFileEx", ctypes.c_int, [handle, dword, dword, dword, pointer]),
        ("OpenProcess", handle, [dword, ctypes.c_int, dword]),
        ("WaitForSingleObject", dword, [handle, dword]),
        ("CloseHandle", ctypes.c_int, [handle]),
        ("GetCurrentProcess", handle, []),
        ("SetPriorityClass", ctypes.c_int, [handle, dword]),
        ("GlobalMemoryStatusEx", ctypes.c_int, [pointer]),
        ("K32GetProcessMemoryInfo", ctypes.c_int, [handle, pointer, dword]),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = returned, arguments
    return library


def last_error() -> int:
    """The number of the fault that the last of ``kernel32``'s functions met."""
    return int(ctypes.get_last_error())  # type: ignore[attr-defined]  # Windows alone has it
