"""Giving memory back to the system between chunks, so that a long shot's peak is that of one chunk.

Here: ``keep_large_arrays_apart``, ``give_back``. Not here: budgets of what is kept (``shot_cache.py``).
"""

from __future__ import annotations

import ctypes
from functools import lru_cache
from typing import Any

from propainter_os import systems


def keep_large_arrays_apart() -> None:
    """Give every array over 256 KB pages of its own, which go back the moment it is freed. Call once, early.

    By itself glibc raises this limit to 32 MB as arrays come and go; then a shot's frames share one heap, whose holes grow
    from chunk to chunk.
    """
    libc = _glibc()
    if libc is not None:
        libc.mallopt(_M_MMAP_THRESHOLD, 256 << 10)


def give_back() -> None:
    """Return freed heap pages to the system. glibc keeps them otherwise, and every chunk would leave more behind."""
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)


_M_MMAP_THRESHOLD = -3


@lru_cache(maxsize=1)
def _glibc() -> Any:
    """The C library where it knows ``malloc_trim``; other systems give memory back by themselves."""
    if not systems.is_linux():
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "malloc_trim") else None
