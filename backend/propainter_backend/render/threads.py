"""Threads that begin all at once, or not at all: where memory is short that is told, and nobody waits without end.

Here: ``Threads``. Not here: what is shared among them (``cores.py``, ``removal/writing.py``).

Python's own pools wait for every thread they begin until it says that it runs. One that finds no memory to say so has ended,
and is waited for all the same.
"""

from __future__ import annotations

import _thread
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")
_Waiting = queue.SimpleQueue["tuple[Future[Any], Callable[..., Any], tuple[Any, ...]] | None"]

_PATIENCE_S = 20.0
"""A thread that does not run after so long never will."""
_LOOK_AGAIN_S = 0.2
"""An interrupt may have taken the word of a thread that ended: so often they are counted."""


class Threads:
    """So many threads, begun when work first comes. They end with ``end``, or with the process.

    begin: what each does first.
    """

    def __init__(self, count: int, *, begin: Callable[[], object] = lambda: None) -> None:
        self.count = count
        self._first = begin
        self._asked: _Waiting | None = None
        """Work that waits for a thread; None as long as none runs."""
        self._told: queue.SimpleQueue[None] = queue.SimpleQueue()
        """Hears of every thread that runs, and of every one that ends."""
        self._ended: list[bool] = []
        """Counts those that have ended."""
        self._beginning = threading.Lock()

    def submit(self, work: Callable[..., T], *given: Any) -> Future[T]:
        """Work to be done by the next thread that is free. Raises MemoryError where the threads cannot begin."""
        future: Future[T] = Future()
        self.begin().put((future, work, given))
        return future

    def begin(self) -> _Waiting:
        """Let all threads run, if they do not yet; returns what they take work from. Raises MemoryError where one cannot."""
        with self._beginning:
            if self._asked is None:
                self._asked = self._begun()
            return self._asked

    def _begun(self) -> _Waiting:
        asked: _Waiting = queue.SimpleQueue()
        told: queue.SimpleQueue[None] = queue.SimpleQueue()
        ended: list[bool] = []
        try:
            for _ in range(self.count):
                _thread.start_new_thread(self._work, (asked, told, ended))
            for _ in range(self.count):
                told.get(timeout=_PATIENCE_S)
        except (RuntimeError, MemoryError, queue.Empty) as error:
            for _ in range(self.count):
                asked.put(None)  # lets those go that do run
            raise MemoryError("no thread can begin") from error
        self._told, self._ended = told, ended
        return asked

    def end(self) -> None:
        """Wait for all that has been asked for; the threads end. Who is told to stop meanwhile waits all the same."""
        with self._beginning:
            asked, self._asked = self._asked, None
            if asked is None:
                return
            for _ in range(self.count):
                asked.put(None)
            stopped: BaseException | None = None
            while len(self._ended) < self.count:
                try:
                    self._told.get(timeout=_LOOK_AGAIN_S)
                except queue.Empty:
                    continue
                except (KeyboardInterrupt, SystemExit) as error:
                    stopped = error
            if stopped is not None:
                raise stopped

    def _work(self, waiting: _Waiting, told: queue.SimpleQueue[None], ended: list[bool]) -> None:
        self._first()
        told.put(None)
        while (asked := waiting.get()) is not None:
            _carry_out(*asked)
            del asked  # what it worked on is not kept until the next comes
        ended.append(True)
        told.put(None)


def _carry_out(future: Future[Any], work: Callable[..., Any], given: tuple[Any, ...]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = work(*given)
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(result)
