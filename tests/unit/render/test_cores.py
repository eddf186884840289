"""Work shared among cores: the same results in the same order, errors in their place, and nothing left at work."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from builders import MemoryPictures, box_matte, box_shot, moving_plates
from propainter.classical import ClassicalEngine
from propainter.classical.arrays import images_of
from propainter.types import Settings
from propainter_backend.commands import remove as command
from propainter_backend.render.cores import Cores
from propainter_backend.render.shot_cache import ShotCache
from propainter_backend.render.shot_renderer import ShotRenderer
from propainter_backend.render.stages import all_stages
from propainter_backend.render.stages.composite import Composite
from propainter_backend.render.steps import run_to_end
from propainter_os.limits import usable_cores

COUNT = 7
SETTINGS = Settings(chunk_length=4)


class AtWork:
    """How many are at work at once, and the most there were."""

    def __init__(self, together: int = 0) -> None:
        self._lock = threading.Lock()
        self.now = self.most = self.begun = 0
        self._all_here = threading.Barrier(together) if together else None

    def __call__(self, thing: int) -> int:
        with self._lock:
            self.now, self.begun = self.now + 1, self.begun + 1
            self.most = max(self.most, self.now)
        if self._all_here is not None:
            self._all_here.wait(60)
        with self._lock:
            self.now -= 1
        return thing * thing


@pytest.mark.parametrize("count", [1, 2, 4])
def test_results_come_in_the_order_of_the_things(count):
    assert list(Cores(count)(lambda i: i * i, range(40))) == [i * i for i in range(40)]


def test_as_many_are_at_work_as_there_are_cores_and_no_more():
    work = AtWork(together=3)
    assert list(Cores(3)(work, range(9))) == [i * i for i in range(9)]
    assert work.most == 3


def test_what_one_thing_raises_comes_in_its_place_and_nothing_is_left_at_work():
    done, cores = [], Cores(2)

    def work(i: int) -> int:
        if i == 3:
            raise ZeroDivisionError("the fourth")
        done.append(i)
        return i

    found = cores(work, range(1000))
    assert [next(found) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ZeroDivisionError, match="the fourth"):
        next(found)
    assert len(done) < 10, "no more begins"
    assert list(cores(abs, [-1])) == [1], "and the cores are free for others"


def test_whoever_stops_asking_waits_for_what_is_at_work():
    work, cores = AtWork(), Cores(2)
    found = cores(work, range(1000))
    next(found)
    found.close()
    assert work.now == 0
    assert work.begun <= 4


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_whoever_is_interrupted_as_it_waits_waits_for_what_is_at_work():
    work, has_begun, ended = AtWork(), threading.Event(), []

    def slowly(thing: int) -> None:
        has_begun.set()
        time.sleep(0.5)
        ended.append(work(thing))

    def interrupt() -> None:
        has_begun.wait(60)
        os.kill(os.getpid(), signal.SIGINT)

    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        list(Cores(2)(slowly, range(1)))
    assert ended == [0]


def test_things_are_taken_in_the_callers_thread_a_few_ahead():
    taken: list[int] = []

    def things():
        for i in range(50):
            assert threading.current_thread() is threading.main_thread()
            taken.append(i)
            yield i

    found = Cores(2)(abs, things())
    next(found)
    assert len(taken) <= 5
    found.close()


def test_work_within_work_is_done_where_it_is():
    cores = Cores(2)

    def outer(i: int) -> list[int]:
        return list(cores(lambda j: i * j, range(4)))

    assert list(cores(outer, range(4))) == [[i * j for j in range(4)] for i in range(4)]


def test_where_memory_is_short_fewer_are_at_work_and_one_always_is():
    work = AtWork()
    assert list(Cores(4, free=lambda: 400)(work, range(8), each_bytes=100)) == [i * i for i in range(8)]
    assert work.most <= 2, "half of what is free holds two"
    one = AtWork()
    list(Cores(4, free=lambda: 0)(one, range(8), each_bytes=100))
    assert one.most == 1


@pytest.mark.skipif(not hasattr(os, "getpriority"), reason="no niceness here")
def test_the_threads_are_as_nice_as_who_made_them():
    def nicenesses(sent: Future[set[int]]) -> None:
        os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0) + 1)  # of this thread, on Linux
        mine = os.getpriority(os.PRIO_PROCESS, 0)
        sent.set_result({os.getpriority(os.PRIO_PROCESS, 0) - mine for _ in Cores(2)(AtWork(), range(8))})

    sent: Future[set[int]] = Future()
    thread = threading.Thread(target=nicenesses, args=(sent,))
    thread.start()
    assert sent.result(60) == {0}
    thread.join()


def test_no_more_cores_than_the_container_may_use(tmp_path: Path):
    quota = tmp_path / "cpu.max"
    bound = usable_cores(tmp_path / "none")
    quota.write_text("max 100000\n")
    assert usable_cores(quota) == bound >= 1
    quota.write_text("50000 100000\n")
    assert usable_cores(quota) == 1
    quota.write_text("what")
    assert usable_cores(quota) == bound


def test_a_number_of_cores_below_one_is_refused(capsys):
    with pytest.raises(ValueError, match="number of cores is 0"):
        Cores(0)
    with pytest.raises(SystemExit) as ended:
        command.main(["--plate", "p", "--matte", "m", "--output", "o", "--cores", "0"])
    assert ended.value.code == 2
    assert "'0' is not a number of cores" in capsys.readouterr().err


def test_the_backends_cores_are_not_this_commands(capsys):
    assert command.main(["--plate", "p", "--matte", "m", "--output", "o", "--cores", "2", "--backend"]) == 2
    assert "give it to propainter-backend" in capsys.readouterr().err


@pytest.mark.parametrize("working", [None, (48, 32)])
def test_a_shot_has_the_same_bits_on_one_two_and_four_cores(working):
    shot = replace(box_shot(COUNT, SETTINGS, size=(96, 64)), working_size=working, match_grain=1.0)
    shot.pictures.mattes[:] = [box_matte((96, 64), left=20 + i, top=20, width=24, height=20) for i in range(COUNT)]
    one, two, four = (frames_of(shot, count) for count in (1, 2, 4))
    assert (one == two).all()
    assert (one == four).all()
    assert (one != np.stack([plate.pixels for plate in shot.pictures.plates])).any(), "something was removed"


def frames_of(shot, count: int) -> np.ndarray:
    renderer = ShotRenderer(shot, ClassicalEngine(spread=Cores(count)), ShotCache(None, memory_budget=1 << 28))
    renderer.aim_at(range(COUNT))
    frames = np.stack([run_to_end(renderer.frame(i)).pixels for i in range(COUNT)])
    assert renderer.counts.kernels_in_holes == 0
    return frames


def test_a_step_that_is_stopped_goes_on_where_it_was():
    shot, cache = box_shot(COUNT, Settings(), size=(96, 64)), ShotCache(None, memory_budget=1 << 28)
    engine = ClassicalEngine(spread=Cores(2))
    steps = ShotRenderer(shot, engine, cache).frame(3)
    next(steps)
    steps.close()
    whole = run_to_end(ShotRenderer(shot, engine, cache).frame(3)).pixels
    fresh = ShotRenderer(shot, ClassicalEngine(), ShotCache(None, memory_budget=1 << 28))
    assert (whole == run_to_end(fresh.frame(3)).pixels).all()


def test_flow_of_many_pairs_at_once_is_that_of_each():
    frames = torch.stack([torch.from_numpy(p.pixels.astype(np.float32) / 127.5 - 1) for p in moving_plates(6)])
    frames = frames.permute(0, 3, 1, 2)[None]
    alone, together = (ClassicalEngine(spread=Cores(count)).estimate_flow(frames, iterations=1) for count in (1, 3))
    for one, other in ((alone.forward, together.forward), (alone.backward, together.backward)):
        np.testing.assert_array_equal(images_of(one), images_of(other))


def test_torch_has_one_thread_within_work_and_as_many_as_before_elsewhere():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        inside = set(Cores(2)(lambda _: torch.get_num_threads(), range(8)))
        later: list[int] = []
        thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
        thread.start()
        thread.join()
        assert (inside, torch.get_num_threads(), later) == ({1}, 3, [3])
    finally:
        torch.set_num_threads(before)


def finished_at_work(count: int, aim: list[int], *, cores: int) -> list[list[int]]:
    """The frames that each run of the composite finishes, as frames are asked for in the order of the aim."""
    runs: list[list[int]] = []

    class Watched(Composite):
        def compute_run(self, units, ask):
            runs.append([*units])
            return (yield from super().compute_run(units, ask))

    shot = replace(box_shot(count, Settings(), size=(96, 64)), match_grain=1.0)
    stages = [Watched() if isinstance(stage, Composite) else stage for stage in all_stages()]
    cache = ShotCache(None, memory_budget=1 << 28)
    renderer = ShotRenderer(shot, ClassicalEngine(spread=Cores(cores)), cache, stages=stages)
    alone = ShotRenderer(shot, ClassicalEngine(), ShotCache(None, memory_budget=1 << 28))
    renderer.aim_at(aim)
    for index in aim:
        assert (run_to_end(renderer.frame(index)).pixels == run_to_end(alone.frame(index)).pixels).all()
    return runs


def test_frames_are_finished_side_by_side_and_each_once():
    assert finished_at_work(COUNT, [*range(COUNT)], cores=3) == [[0, 1, 2, 3, 4, 5], [6]]


def test_a_frame_that_is_not_asked_for_next_is_not_finished_ahead():
    assert finished_at_work(COUNT, [3, 4, 2, 5, 1], cores=4) == [[3, 4], [2], [5], [1]]
    assert finished_at_work(COUNT, [3], cores=4) == [[3]]


def test_a_frame_that_cannot_be_read_stops_nobody_who_does_not_need_it():
    class Torn(MemoryPictures):
        def plate(self, index: int):
            if index >= 5:
                raise ValueError(f"frame {index} is torn")
            return super().plate(index)

    shot = box_shot(COUNT, Settings(), size=(96, 64))
    torn = replace(shot, pictures=Torn(shot.pictures.plates, shot.pictures.mattes), cuts=(5,))
    renderer = ShotRenderer(torn, ClassicalEngine(spread=Cores(4)), ShotCache(None, memory_budget=1 << 28))
    run_to_end(renderer.frame(2))
    with pytest.raises(ValueError, match="frame 5 is torn"):
        run_to_end(renderer.frame(5))


class OneReader(MemoryPictures):
    """Pictures as files are: read by one thread at a time."""

    def __init__(self, plates, mattes) -> None:
        super().__init__(plates, mattes)
        self._alone = threading.Lock()

    def plate(self, index: int):
        return self._read(super().plate, index)

    def matte(self, index: int):
        return self._read(super().matte, index)

    def plate_digest(self, index: int) -> str:
        return self._read(super().plate_digest, index)

    def _read(self, read, index: int):
        assert self._alone.acquire(blocking=False), "two threads read at once"
        try:
            time.sleep(0.002)
            return read(index)
        finally:
            self._alone.release()


def test_frames_that_are_filled_natively_at_once_read_their_plates_one_after_the_other():
    shot = replace(box_shot(4, Settings(), size=(96, 64)), working_size=(48, 32))
    shot = replace(shot, pictures=OneReader(shot.pictures.plates, shot.pictures.mattes))
    renderer = ShotRenderer(shot, ClassicalEngine(spread=Cores(4)), ShotCache(None, memory_budget=1 << 28))
    renderer.aim_at(range(4))
    run_to_end(renderer.frame(0))
    assert renderer.counts.of("composite").seconds > 0
