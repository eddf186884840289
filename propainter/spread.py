"""The same work on many things, perhaps at once: how the engines say what may be done side by side.

Here: ``Spread``, what an engine is given, and the one that does one thing after the other; ``carry_out``. Not here: threads
and how many there are (the backend's ``render/cores.py``); this package knows none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar, runtime_checkable

A = TypeVar("A")
B = TypeVar("B")


@runtime_checkable
class Spread(Protocol):
    """Carries out work on things that do not depend on each other."""

    @property
    def count(self) -> int:
        """Things that are worked on at once, at most."""

    def __call__(self, work: Callable[[A], B], things: Iterable[A], *, each_bytes: int = 0) -> Iterator[B]:
        """What ``work`` makes of each thing, in their order; so the results are the same however many are at work.

        things: taken one by one, by the caller's own thread, a few ahead. each_bytes: memory that work on one of them takes
        while it lasts; fewer are worked on at once where that is short. What work raises is raised in the thing's place.
        """


class OneByOne:
    """One thing after the other."""

    count = 1

    def __call__(self, work: Callable[[A], B], things: Iterable[A], *, each_bytes: int = 0) -> Iterator[B]:
        """See ``Spread``."""
        del each_bytes
        return map(work, things)


ONE_BY_ONE: Spread = OneByOne()


def carry_out(spread: Spread, work: Callable[[A], object], things: Iterable[A], *, each_bytes: int = 0) -> None:
    """The same for work that leaves its results where they belong, until all of it is done."""
    for _ in spread(work, things, each_bytes=each_bytes):
        pass
