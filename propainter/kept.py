"""Things worth keeping for a while: by content key, within a limit of memory.

Here: ``Kept``. Not here: what is kept and how it is keyed (the engines), artifacts that outlive a process (the backend).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
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
        self._values: OrderedDict[str, T] = OrderedDict()

    @property
    def held_bytes(self) -> int:
        """Memory taken now; never more than the limit."""
        return self._held_bytes

    def remember(self, key: str | None, compute: Callable[[], T]) -> T:
        """What is kept under ``key``, else what ``compute`` gives, kept from now on; without a key nothing is kept."""
        if key is None:
            return compute()
        found = self._values.get(key)
        if found is not None:
            self._values.move_to_end(key)
            return found
        value = compute()
        if value.nbytes <= self._limit_bytes:
            self._values[key] = value
            self._held_bytes += value.nbytes
        while self._held_bytes > self._limit_bytes or (self._limit is not None and len(self._values) > self._limit):
            self._held_bytes -= self._values.popitem(last=False)[1].nbytes
        return value
