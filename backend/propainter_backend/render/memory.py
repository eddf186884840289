"""Memory of arrays: freed memory is used again while a unit is computed, and goes back to the system between units.

Here: ``reuse_freed_memory``, ``give_back``. Not here: budgets of what is kept (``shot_cache.py``), how much a unit takes
(``propainter/footprint.py``).
"""

from __future__ import annotations

import ctypes
from functools import lru_cache
from typing import Any

from propainter_os import systems


def reuse_freed_memory() -> None:
    """Keep freed memory at hand for the next array, of whichever thread. Call once, early.

    A page that comes fresh from the system costs a fault and is filled with zeros: with pages of its own for every large
    array a third of all processor time went there. Left to itself glibc would keep a heap for each thread, and a shot's
    peak would grow with the workers. ``give_back`` returns what is free, from the middle of the heap, too.
    """
    libc = _glibc()
    if libc is not None:
        libc.mallopt(_M_MMAP_THRESHOLD, _APART)
        libc.mallopt(_M_TRIM_THRESHOLD, _KEPT_FREE)
        libc.mallopt(_M_ARENA_MAX, 1)


def give_back() -> None:
    """Return freed heap pages to the system. glibc keeps them otherwise, and every chunk would leave more behind."""
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)


_APART = 32 << 20
"""Bytes from which an array has pages of its own: the most that glibc takes for this limit."""
_KEPT_FREE = 256 << 20
"""Bytes at the heap's end that stay when they are freed."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8


@lru_cache(maxsize=1)
def _glibc() -> Any:
    """The C library where it knows ``malloc_trim``; other systems give memory back by themselves."""
    if not systems.is_linux():
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "malloc_trim") else None
