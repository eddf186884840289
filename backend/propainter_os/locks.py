"""Locks on files: the system lets go of them when the process ends, however it ends.

Here: locking a file, or bytes of it, without waiting. Not here: what a lock means (``propainter_wire/connection.py``,
``propainter_pictures/one_writer.py``, ``propainter_backend/render/spill.py``).

On Windows, locked bytes can be read by nobody else. So a whole file is locked by one byte far behind its end. Its C library
knows offsets of 32 bits alone; ``LockFileEx`` takes 64.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import importlib
import os
from collections.abc import Callable
from pathlib import Path

from propainter_os import files, systems

_HELD = frozenset({errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK})
"""What locking says where another has the lock, on one system or another; anything else says something of the disk."""
_BEHIND = 1 << 62
_FAIL_AT_ONCE, _EXCLUSIVE = 1, 2
_HELD_ON_WINDOWS = (33, 997)
"""ERROR_LOCK_VIOLATION, ERROR_IO_PENDING."""


def try_lock(descriptor: int) -> bool:
    """Lock a file; the lock lasts as long as the descriptor. False: another has it. Raises OSError without locks."""
    if systems.is_windows():
        return _try_lock_bytes(descriptor, _BEHIND, 1)
    import fcntl

    return _is_taken(lambda: fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB))


def try_lock_bytes(descriptor: int, start: int, count: int) -> bool:
    """Lock bytes of a file, which need not be there; count 0: all from start on. False: another process has some.

    Raises OSError where the file system knows no locks.
    """
    if systems.is_windows():
        return _try_lock_bytes(descriptor, start, count)
    import fcntl

    return _is_taken(lambda: fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, count, start))


def let_go(descriptor: int, path: Path, start: int, count: int) -> None:
    """Let go of bytes and close; the last to hold any takes the file away. Never fails.

    Windows removes no open file: it is closed first, and stays where somebody opened it meanwhile, who then removes it.
    """
    with contextlib.suppress(OSError):
        if systems.is_windows():
            _unlock_bytes(descriptor, start, count)
            is_last = _try_lock_bytes(descriptor, 0, 0)
            os.close(descriptor)
            if is_last:
                path.unlink(missing_ok=True)
            return
        if try_lock_bytes(descriptor, 0, 0):
            path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # nothing was written to it
        os.close(descriptor)


def read_owner(path: Path) -> str:
    """What whoever holds a file's lock wrote into it; "?" where it cannot be read."""
    try:
        descriptor = files.open_to_read(path)
        try:
            return os.read(descriptor, 32).decode("ascii", "replace").strip() or "?"
        finally:
            os.close(descriptor)
    except OSError:
        return "?"


def _is_taken(lock: Callable[[], object]) -> bool:
    try:
        lock()
    except OSError as error:
        if error.errno in _HELD:
            return False
        raise
    return True


class _Overlapped(ctypes.Structure):
    """Windows' OVERLAPPED: where the bytes begin."""

    _fields_ = (
        ("internal", ctypes.c_size_t),
        ("internal_high", ctypes.c_size_t),
        ("offset", ctypes.c_uint32),
        ("offset_high", ctypes.c_uint32),
        ("event", ctypes.c_void_p),
    )


def _try_lock_bytes(descriptor: int, start: int, count: int) -> bool:
    handle, span, place = _as_windows_says(descriptor, start, count)
    if systems.kernel32().LockFileEx(handle, _FAIL_AT_ONCE | _EXCLUSIVE, 0, *span, ctypes.addressof(place)):
        return True
    code = systems.last_error()
    if code in _HELD_ON_WINDOWS:
        return False
    raise OSError(errno.ENOLCK, f"the file system refuses locks (error {code})")


def _unlock_bytes(descriptor: int, start: int, count: int) -> None:
    handle, span, place = _as_windows_says(descriptor, start, count)
    systems.kernel32().UnlockFileEx(handle, 0, *span, ctypes.addressof(place))


def _as_windows_says(descriptor: int, start: int, count: int) -> tuple[int, tuple[int, int], _Overlapped]:
    """The file's handle; how many bytes, low half and high half; where they begin."""
    handle = importlib.import_module("msvcrt").get_osfhandle(descriptor)
    nbytes = count or (1 << 63) - start
    place = _Overlapped(offset=start & 0xFFFFFFFF, offset_high=start >> 32)
    return handle, (nbytes & 0xFFFFFFFF, nbytes >> 32), place
