"""Plates and mattes as clients sent them, by digest: stored once, read by daemon and workers alike.

Here: ``ContentStore`` over a ``ShotCache``. Not here: whose frames they are (``daemon/work/shots.py``).
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Protocol

import numpy as np

from propainter_backend.render.memory_limits import available_bytes
from propainter_backend.render.shot_cache import CacheUse, ShotCache


class Beside(Protocol):
    """Another place where some pixels are kept for good."""

    def has(self, digest: str) -> bool:
        """Whether pixels are there."""

    def get(self, digest: str) -> np.ndarray | None:
        """The pixels."""


class ContentStore:
    """Pixels [h, w, c] by their wire digest.

    root: folder shared by the daemon, which writes, and its workers, which read; None keeps to memory. beside: where pixels
    are looked for that are here no more.
    """

    def __init__(
        self,
        root: Path | None,
        *,
        memory_budget: int,
        disk_budget: int | None = None,
        beside: Beside | None = None,
    ) -> None:
        self._cache = ShotCache(root, memory_budget=memory_budget, disk_budget=disk_budget, spare=_spare)
        self._beside = beside

    @property
    def problem(self) -> str:
        """Why pixels are kept in memory alone, in a sentence; empty where they are not."""
        return self._cache.problem

    def has(self, digest: str) -> bool:
        """Whether the pixels are here."""
        if self._cache.digest(_key(digest)) is not None:
            return True
        return self._beside is not None and self._beside.has(digest)

    def put(self, digest: str, pixels: np.ndarray) -> None:
        """Keep pixels."""
        self._cache.save(_key(digest), {"pixels": pixels})

    def get(self, digest: str) -> np.ndarray | None:
        """The pixels, read-only, or None where they were never put, or have been evicted."""
        arrays = self._cache.load(_key(digest))
        if arrays is not None:
            return arrays["pixels"]
        return None if self._beside is None else self._beside.get(digest)

    def use(self) -> CacheUse:
        """What is held, in memory and on disk."""
        return self._cache.use()

    def clear(self) -> int:
        """Forget everything; returns the bytes that were on disk."""
        return self._cache.clear()


def _spare() -> int:
    """Of free memory, what pixels may take that the disk does not: nobody here could make them again."""
    return available_bytes() // 2


def _key(digest: str) -> str:
    return hashlib.sha256(f"content/{digest}".encode()).hexdigest()
