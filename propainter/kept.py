"""Things worth keeping for a while: by content key, within a limit of memory.

Here: ``Kept``. Not here: what is kept and how it is keyed (the engines), artifacts that outlive a process (the backend).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar, runtime_checkable


@runtime_checkable
class Sized(Protocol):
    """Something that knows how much memory it takes."""

    @property
    def nbytes(self) -> int:
        """Bytes."""


T = TypeVar("T", bound=Sized)


class Kept(Generic[T]):
    """Values by key; the least recently used go first when they take more than ``limit_bytes`` or are more than ``limit``.

    A limit in number keeps memory flat: small values would take until deep into a long shot to fill the bytes.
    """

    def __init__(self, limit_bytes: int, *, limit: int | None = None) -> None:
        self._limit_bytes = limit_bytes
        self._limit = limit
        self._held_bytes = 0
        self._values: OrderedDict[Hashable, T] = OrderedDict()

    @property
    def held_bytes(self) -> int:
        """Memory taken now; never more than the limit."""
        return self._held_bytes

    def get(self, key: Hashable) -> T | None:
        """What is kept under ``key``, now the most recently used; None: nothing is."""
        found = self._values.get(key)
        if found is not None:
            self._values.move_to_end(key)
        return found

    def put(self, key: Hashable, value: T) -> None:
        """Keep a value in place of any other under this key; one larger than the limit is not kept."""
        self._forget(key)
        if value.nbytes > self._limit_bytes:
            return
        self._values[key] = value
        self._held_bytes += value.nbytes
        while self._held_bytes > self._limit_bytes or (self._limit is not None and len(self._values) > self._limit):
            self._forget(next(iter(self._values)))

    def clear(self) -> None:
        """Forget all of them."""
        self._values.clear()
        self._held_bytes = 0

    def remember(self, key: Hashable | None, compute: Callable[[], T]) -> T:
        """What is kept under ``key``, else what ``compute`` gives, kept from now on; without a key nothing is kept."""
        if key is None:
            return compute()
        value = self.get(key)
        if value is None:
            value = compute()
            self.put(key, value)
        return value

    def _forget(self, key: Hashable) -> None:
        value = self._values.pop(key, None)
        if value is not None:
            self._held_bytes -= value.nbytes
