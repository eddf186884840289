"""Work shared among a processor's cores: a pool of threads behind ``propainter.spread.Spread``.

Threads, not processes: OpenCV and numpy let go of Python's lock while they compute, and pictures need not be copied. Results
come in the order of what was asked, so the number of threads moves no bit. Threads have the niceness of the process.

Here: ``Cores``. Not here: the threads (``threads.py``), how many a process may use (``propainter_os/limits.py``), what may
be done side by side (the engines, ``stages/``), workers that are processes (``daemon/workers``).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import TypeVar

import cv2
import torch

from propainter_backend.render.memory_limits import available_bytes
from propainter_backend.render.threads import Threads
from propainter_os import limits

A = TypeVar("A")
B = TypeVar("B")

_SHARE = 0.5
"""Of the memory that is free, what things worked on at once may take beyond the first."""
AHEAD = 2
"""Things a thread that are begun at once."""
_HERE = threading.local()


class Cores:
    """So many threads, begun when they are first needed. free: bytes that are free at this moment."""

    def __init__(self, count: int, *, free: Callable[[], int] = available_bytes) -> None:
        if count < 1:
            raise ValueError(f"the number of cores is {count}; it must be at least 1")
        self.count = count
        self._free = free
        self._pool = Threads(count, begin=_begin)
        self._beginning = threading.Lock()
        self._has_begun = False

    def __call__(self, work: Callable[[A], B], things: Iterable[A], *, each_bytes: int = 0) -> Iterator[B]:
        """See ``Spread``. Whoever stops asking, or is stopped by an error, waits for what is at work, and no more begins."""
        begun_at_most = self._begun_at_most(each_bytes)
        if begun_at_most == 1 or getattr(_HERE, "is_at_work", False):  # within work: its threads are all taken
            yield from map(work, things)
            return
        self._begin_all()
        begun: deque[Future[B]] = deque()
        try:
            for thing in things:
                begun.append(self._pool.submit(work, thing))
                if len(begun) >= begun_at_most:
                    yield _next_of(begun)
            while begun:
                yield _next_of(begun)
        finally:
            for future in begun:
                future.cancel()
            for future in begun:
                if not future.cancelled():
                    future.exception()

    def _begin_all(self) -> None:
        """Start every thread. Each has torch to itself alone; what torch takes elsewhere is what it was before."""
        with self._beginning:
            if self._has_begun:
                return
            elsewhere = torch.get_num_threads()
            self._pool.begin()
            torch.set_num_threads(elsewhere)  # it keeps one number for threads yet to come
            self._has_begun = True

    def _begun_at_most(self, each_bytes: int) -> int:
        """Things at work, waiting for a thread, or done and not yet asked for. Beyond the threads a few wait: where one
        thing takes long no thread is idle until its result is there."""
        if self.count == 1:
            return 1
        most = self.count * AHEAD
        return most if each_bytes <= 0 else max(1, min(most, int(self._free() * _SHARE) // each_bytes))


def _next_of(begun: deque[Future[B]]) -> B:
    """The first result. Its work stays among what has begun until then: an interrupted wait must wait for that too."""
    result = begun[0].result()
    begun.popleft()
    return result


def _begin() -> None:
    _HERE.is_at_work = True
    torch.get_num_threads()  # the first question sets a thread's number, to the one asked for anywhere last
    torch.set_num_threads(1)  # work is shared out already: a team of threads for each would be cores times cores


def make_cores(count: int | None) -> Cores:
    """As many threads as are asked for; None: as many as this process may use. OpenCV and torch keep to the number too."""
    cores = Cores(limits.usable_cores() if count is None else count)
    cv2.setNumThreads(cores.count)
    torch.set_num_threads(cores.count)
    return cores
