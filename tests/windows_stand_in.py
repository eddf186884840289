"""Windows as far as our code asks it: the calls of its own that ``propainter_os`` makes, answered on this machine.

Here: ``StandIn``, and ``enter`` for a whole process. What it answers is what Microsoft's reference says. Not here: promises
(``unit/system``). What only a Windows machine can show is listed in TESTED.md.
"""

from __future__ import annotations

import ctypes
import os
import sys
import types
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LOCK_VIOLATION, INVALID_PARAMETER, ACCESS_DENIED, NOT_SUPPORTED = 33, 87, 5, 50
WAIT_TIMEOUT, WAIT_OBJECT = 258, 0
_FIRST_HANDLE = 1 << 40
"""Larger than 32 bits, as handles may be."""


@dataclass
class _Lock:
    handle: int
    inode: int
    start: int
    end: int


@dataclass
class StandIn:
    """kernel32, msvcrt and the registry. Locks are held by descriptor, and go with it, as on Windows."""

    running: dict[int, str] = field(default_factory=dict)
    """Number of a process: ``runs``, ``ended`` (somebody still has a handle of it) or ``denied``; others are unknown."""
    long_paths: int = 0
    knows_locks: bool = True
    peak_bytes: int = 0
    memory_bytes: int = 0
    priority: int = 0
    error: int = 0
    calls: list[str] = field(default_factory=list)
    _locks: list[_Lock] = field(default_factory=list)
    _handles: dict[int, int] = field(default_factory=dict)

    # kernel32

    def LockFileEx(self, handle: int, flags: int, _: int, low: int, high: int, place: int) -> int:
        assert flags == 3, "it must fail at once, and keep others out"
        if not self.knows_locks:
            self.error = NOT_SUPPORTED
            return 0
        start = _offset_at(place)
        wanted = _Lock(handle, os.fstat(handle).st_ino, start, start + low + (high << 32))
        if any(one.inode == wanted.inode and one.start < wanted.end and wanted.start < one.end for one in self._locks):
            self.error = LOCK_VIOLATION  # even where the same handle has it
            return 0
        self._locks.append(wanted)
        return 1

    def UnlockFileEx(self, handle: int, _: int, low: int, high: int, place: int) -> int:
        start = _offset_at(place)
        asked = (handle, start, start + low + (high << 32))
        kept = [one for one in self._locks if (one.handle, one.start, one.end) != asked]
        found = len(kept) < len(self._locks)
        self._locks = kept
        return int(found)

    def OpenProcess(self, access: int, inherits: int, pid: int) -> int | None:
        assert access == 0x100000 and not inherits, "SYNCHRONIZE alone is enough to wait"
        state = self.running.get(pid)
        if state in (None, "denied"):
            self.error = INVALID_PARAMETER if state is None else ACCESS_DENIED
            return None
        handle = _FIRST_HANDLE + len(self._handles)
        self._handles[handle] = pid
        return handle

    def WaitForSingleObject(self, handle: int, milliseconds: int) -> int:
        assert milliseconds == 0
        return WAIT_TIMEOUT if self.running[self._handles[handle]] == "runs" else WAIT_OBJECT

    def CloseHandle(self, handle: int) -> int:
        self._handles.pop(handle)
        return 1

    def GetCurrentProcess(self) -> int:
        return -1

    def SetPriorityClass(self, process: int, priority: int) -> int:
        assert process == -1
        self.priority = priority
        return 1

    def K32GetProcessMemoryInfo(self, process: int, counters: int, nbytes: int) -> int:
        assert process == -1 and nbytes == 72, "PROCESS_MEMORY_COUNTERS has 72 bytes on 64 bits"
        ctypes.c_size_t.from_address(counters + 8).value = self.peak_bytes
        return 1

    def GlobalMemoryStatusEx(self, status: int) -> int:
        assert ctypes.c_uint32.from_address(status).value == 64, "MEMORYSTATUSEX has 64 bytes"
        ctypes.c_uint64.from_address(status + 8).value = self.memory_bytes
        return 1

    @property
    def open_handles(self) -> int:
        return len(self._handles)

    def close(self, handle: int) -> None:
        """A descriptor is closed: its locks go."""
        self._locks = [one for one in self._locks if one.handle != handle]

    # modules

    def modules(self) -> dict[str, types.ModuleType]:
        """What Python has on Windows alone."""
        msvcrt, winreg = types.ModuleType("msvcrt"), types.ModuleType("winreg")
        msvcrt.get_osfhandle = lambda descriptor: descriptor  # type: ignore[attr-defined]
        stand_in = self

        class Key:
            def __enter__(self) -> Key:
                return self

            def __exit__(self, *_: object) -> None:
                pass

        winreg.HKEY_LOCAL_MACHINE = 1  # type: ignore[attr-defined]
        winreg.OpenKey = lambda *_: Key()  # type: ignore[attr-defined]
        winreg.QueryValueEx = lambda _, name: (stand_in.long_paths, 4)  # type: ignore[attr-defined]
        return {"msvcrt": msvcrt, "winreg": winreg}


def _offset_at(place: int) -> int:
    """Of an OVERLAPPED: two pointers, then the offset's low and high half."""
    low, high = (ctypes.c_uint32.from_address(place + 2 * ctypes.sizeof(ctypes.c_void_p) + 4 * n).value for n in (0, 1))
    return low + (high << 32)


def enter(stand_in: StandIn, set_item: Any = None, set_attribute: Any = None) -> None:
    """From now on this process is told that it runs on Windows."""
    from propainter_os import files, systems

    set_attribute = set_attribute or setattr
    for name, module in stand_in.modules().items():
        if set_item is None:
            sys.modules[name] = module
        else:
            set_item(sys.modules, name, module)
    set_attribute(systems, "is_windows", lambda: True)
    set_attribute(systems, "is_linux", lambda: False)
    set_attribute(systems, "kernel32", lambda: stand_in)
    set_attribute(systems, "last_error", lambda: stand_in.error)
    set_attribute(files, "_NO_LINK", 0)
    really_close = os.close

    def close(descriptor: int) -> None:
        stand_in.close(descriptor)
        really_close(descriptor)

    set_attribute(os, "close", close)
    home = str(Path.home())
    os.environ.setdefault("USERPROFILE", home)
