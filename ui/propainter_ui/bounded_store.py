"""A bounded map safe to use from several threads.

Here: ``BoundedStore``. Not here: what the panel keeps in one (``shot/frame_store.py``, ``matte/cooking.py``).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class BoundedStore(Generic[T]):
    """A map that never holds more than ``limit_bytes`` of values; what was not looked at longest goes first."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()
        self._bytes = 0

    def put(self, key: Hashable, value: T, nbytes: int) -> None:
        """Keep a value; a single one above the limit is not kept."""
        with self._lock:
            self._drop(key)
            self._entries[key] = (value, nbytes)
            self._bytes += nbytes
            while self._bytes > self.limit_bytes:
                _, (_, freed) = self._entries.popitem(last=False)
                self._bytes -= freed

    def get(self, key: Hashable) -> T | None:
        """A value, or None if it is not, or no longer, there."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            self._entries.move_to_end(key)
            return entry[0]

    def __contains__(self, key: Hashable) -> bool:
        with self._lock:
            return key in self._entries

    def __len__(self) -> int:
        with self._lock:
            return len(self._entries)

    @property
    def nbytes(self) -> int:
        """Bytes of all values kept."""
        with self._lock:
            return self._bytes

    def _drop(self, key: Hashable) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= entry[1]
