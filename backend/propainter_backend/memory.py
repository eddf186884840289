"""Giving memory back to the system between chunks, so that a long shot's peak is that of one chunk.

Here: ``give_back``. Not here: budgets of what is kept (``shot_cache.py``).
"""

from __future__ import annotations

import ctypes
import sys
from functools import lru_cache
from typing import Any


def give_back() -> None:
    """Return freed heap pages to the system. glibc keeps them otherwise, and every chunk would leave more behind."""
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)


@lru_cache(maxsize=1)
def _glibc() -> Any:
    """The C library where it knows ``malloc_trim``; other systems give memory back by themselves."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "malloc_trim") else None
