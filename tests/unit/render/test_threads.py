"""Threads that begin all at once or not at all, do what is asked in turn, and end when told."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import time
from typing import Any

import pytest

from propainter_backend.render import threads
from propainter_backend.render.threads import Threads


def test_they_do_what_is_asked_side_by_side_and_begin_once() -> None:
    begun: list[int] = []
    pool, together = Threads(3, begin=lambda: begun.append(threading.get_ident())), threading.Barrier(3)
    for _ in range(2):
        found = [pool.submit(lambda i: (together.wait(60), i * i)[1], i) for i in range(3)]
        assert [future.result(60) for future in found] == [0, 1, 4]
    assert len(set(begun)) == len(begun) == 3
    pool.end()


def test_what_work_raises_is_raised_where_it_is_asked_for_and_the_thread_goes_on() -> None:
    pool = Threads(1)
    with pytest.raises(ZeroDivisionError):
        pool.submit(lambda: 1 / 0).result(60)
    assert pool.submit(abs, -1).result(60) == 1
    pool.end()


def test_what_is_cancelled_before_its_turn_is_never_done() -> None:
    pool, gate, done = Threads(1), threading.Event(), []
    pool.submit(gate.wait, 60)
    cancelled = pool.submit(done.append, 1)
    assert cancelled.cancel()
    gate.set()
    pool.end()
    assert not done


def test_the_end_waits_for_all_that_has_been_asked_for() -> None:
    pool, done = Threads(2), []
    for i in range(20):
        pool.submit(done.append, i)
    pool.end()
    assert sorted(done) == list(range(20))


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_whoever_is_interrupted_twice_at_the_end_waits_all_the_same() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    pool, done = Threads(1), []

    def slowly() -> None:
        for _ in range(2):
            time.sleep(0.5)
            os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.5)
        done.append(True)

    with pytest.raises(KeyboardInterrupt):
        pool.submit(slowly)
        pool.end()
    assert done


@pytest.mark.parametrize("fault", ["none begins", "the second dies as it begins"])
def test_threads_that_cannot_begin_are_told_and_those_that_did_are_let_go(
    fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second as Python leaves it where it finds no memory: it has ended, and nobody is told."""
    real, calls, ended = _thread.start_new_thread, [], threading.Event()

    def start(work: Any, given: Any) -> int:
        calls.append(work)
        if fault == "none begins":
            raise RuntimeError("can't start new thread")
        if len(calls) == 2:
            return 0

        def then_tell() -> None:
            work(*given)
            ended.set()

        return real(then_tell, ())

    monkeypatch.setattr(_thread, "start_new_thread", start)
    monkeypatch.setattr(threads, "_PATIENCE_S", 0.2)
    pool = Threads(2)
    with pytest.raises(MemoryError):
        pool.submit(abs, -1)
    if fault != "none begins":
        assert ended.wait(60), "it does not wait for work that never comes"
    monkeypatch.undo()
    assert pool.submit(abs, -1).result(60) == 1, "the next try may go well"
    pool.end()
