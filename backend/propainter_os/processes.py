"""Processes: whether one runs, how to start one that outlives us, which signals mean stop.

Here: asking and telling the system. Not here: which command is started (``propainter_wire/start.py``), worker processes
(``propainter_backend/daemon/workers/link.py``).
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from propainter_os import systems

_SYNCHRONIZE = 0x100000
_NO_SUCH_PROCESS = 87
"""ERROR_INVALID_PARAMETER: no process has this number."""
_STILL_RUNS = 258
"""WAIT_TIMEOUT: it has not ended."""
_BELOW_NORMAL = 0x4000
_NICENESS = 10
_NO_WINDOW, _OWN_GROUP = 0x08000000, 0x200


def is_running(pid: int) -> bool:
    """Whether a process of this number runs; True where the system does not tell.

    On Windows signal 0 is no question: ``os.kill`` sends Ctrl-C with it, to every process of the console.
    """
    if systems.is_windows():
        return _is_running_on_windows(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def on_stop(act: Callable[[int, Any], object]) -> None:
    """Call this when the process is told to stop: SIGTERM, Ctrl-C, and on Windows a console that is closed."""
    for number in (signal.SIGTERM, signal.SIGINT, getattr(signal, "SIGBREAK", None)):
        if number is not None:
            signal.signal(number, act)


def words(line: str) -> list[str]:
    """A command line in words, quoted as shells do. Raises ValueError for a quote that is left open."""
    reader = shlex.shlex(line, posix=True, punctuation_chars=False)
    reader.whitespace_split, reader.commenters = True, ""
    if systems.is_windows():
        reader.escape, reader.quotes = "", '"'  # a backslash parts folders there
    return list(reader)


def ways_to_outlive() -> dict[str, Any]:
    """Arguments of ``Popen`` for a process to which neither Ctrl-C nor the end of our terminal is meant."""
    if systems.is_windows():  # as the node's launcher_win.cpp
        return {"creationflags": _NO_WINDOW | _OWN_GROUP}
    return {"start_new_session": True}


def give_way() -> None:
    """Let the compositor and the panel come first where all share the same cores; idle ones cost nothing."""
    if systems.is_windows():
        library = systems.kernel32()
        library.SetPriorityClass(library.GetCurrentProcess(), _BELOW_NORMAL)
    else:
        with contextlib.suppress(OSError):
            os.nice(_NICENESS)


@contextmanager
def no_interrupts() -> Iterator[None]:
    """A process started meanwhile never hears Ctrl-C, not even at first: that is meant for whoever started it.

    Windows has no such mask: there the worker ignores it itself, from its first line on.
    """
    if systems.is_windows():
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # starting it lets signals through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _is_running_on_windows(pid: int) -> bool:
    library = systems.kernel32()
    handle = library.OpenProcess(_SYNCHRONIZE, 0, pid & 0xFFFFFFFF)
    if not handle:
        return systems.last_error() != _NO_SUCH_PROCESS
    try:
        return bool(library.WaitForSingleObject(handle, 0) == _STILL_RUNS)
    finally:
        library.CloseHandle(handle)
