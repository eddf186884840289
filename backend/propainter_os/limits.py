"""What the system lets one process have: cores, open files, addresses, file sizes; the most memory it held; and how
much the machine has.

Here: asking. Not here: what is planned with it (``propainter_wire/descriptors.py``,
``propainter_backend/render/memory_limits.py``).
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
from pathlib import Path

from propainter_os import systems

_USUAL_MEMORY = 8 << 30


def usable_cores(quota: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """Processor cores that this process may use: those it is bound to, and no more than its container's quota.

    quota: the file in which Linux tells it: microseconds of processor time, and in how many.
    """
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        allowed, period = quota.read_text(encoding="ascii").split()
        return max(1, min(bound, math.ceil(int(allowed) / int(period))))
    except (OSError, ValueError):  # another system, or "max": no quota
        return bound


def open_files() -> int | None:
    """How many this process may have open at once; None: no limit is told. Windows counts sockets apart from files."""
    return _soft_limit("RLIMIT_NOFILE")


def raise_open_files(wanted: int) -> None:
    """Take so many, or as many as the system lets this user have. Never fails."""
    if systems.is_windows():
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def address_bytes() -> int | None:
    """How many bytes of addresses this process may use (``ulimit -v``); None: no limit."""
    return _soft_limit("RLIMIT_AS")


def file_bytes() -> int | None:
    """How long a file this process may write (``ulimit -f``); None: no limit."""
    return _soft_limit("RLIMIT_FSIZE")


def peak_memory_bytes() -> int:
    """The most main memory this process held at once; 0 where the system does not tell."""
    if systems.is_windows():
        return _peak_on_windows()
    import resource

    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return held if systems.is_macos() else held * 1024


def machine_memory_bytes() -> int:
    """The main memory that is built in; 8 GB where the system does not tell."""
    if systems.is_windows():
        status = _MemoryStatus()
        status.nbytes = ctypes.sizeof(status)
        is_told = systems.kernel32().GlobalMemoryStatusEx(ctypes.addressof(status))
        return int(status.total) if is_told else _USUAL_MEMORY
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return _USUAL_MEMORY


class _MemoryStatus(ctypes.Structure):
    """Windows' MEMORYSTATUSEX."""

    _fields_ = (
        ("nbytes", ctypes.c_uint32),
        ("percent_in_use", ctypes.c_uint32),
        ("total", ctypes.c_uint64),
        ("others", ctypes.c_uint64 * 6),
    )


class _MemoryCounters(ctypes.Structure):
    """Windows' PROCESS_MEMORY_COUNTERS."""

    _fields_ = (
        ("nbytes", ctypes.c_uint32),
        ("page_faults", ctypes.c_uint32),
        ("peak_working_set", ctypes.c_size_t),
        ("working_set", ctypes.c_size_t),
        ("others", ctypes.c_size_t * 6),
    )


def _soft_limit(name: str) -> int | None:
    """What holds now of a limit that the system's module names so; None: no limit, or none that is told."""
    if systems.is_windows():
        return None
    import resource

    soft, _ = resource.getrlimit(getattr(resource, name))
    return None if soft == resource.RLIM_INFINITY else soft


def _peak_on_windows() -> int:
    counters = _MemoryCounters()
    counters.nbytes = ctypes.sizeof(counters)
    library = systems.kernel32()
    is_told = library.K32GetProcessMemoryInfo(library.GetCurrentProcess(), ctypes.addressof(counters), counters.nbytes)
    return int(counters.peak_working_set) if is_told else 0
