"""The worker by itself, driven through its pipe: one unit at a time, and less at once when memory is short."""

from __future__ import annotations

import threading
from dataclasses import asdict
from multiprocessing import Pipe
from multiprocessing.connection import Connection

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from builders import ToyEngine, box_matte, moving_plates
from propainter.classical import ClassicalEngine
from propainter.footprint import ClassicalFootprint
from propainter.types import Settings
from propainter_backend.render.content import ContentStore
from propainter_backend.render.memory_plan import smaller_chunk
from propainter_backend.worker import fitting
from propainter_backend.worker.pipe import Note, receive, send
from propainter_backend.worker.shot_spec import ShotSpec
from propainter_backend.worker.worker import Worker
from propainter_backend.worker.worker_entry import WorkerOptions
from propainter_plan.plan import ShotPlan
from propainter_wire.messages import ShotSettings
from propainter_wire.shot import digest_of

SIZE = (64, 48)
COUNT = 60


class Narrow(ToyEngine):
    """Has memory for so many frames at once, and no more."""

    def __init__(self, frames: int, error: Exception) -> None:
        super().__init__()
        self.frames, self.error = frames, error

    def propagate_plate(self, frames, holes, flow, **hints):
        if frames.shape[1] > self.frames:
            raise self.error
        return super().propagate_plate(frames, holes, flow)


class Bench:
    """A worker, and the daemon's end of its pipe. Content it asks for is sent, as the daemon would."""

    def __init__(self, folder, engine, *, memory_budget: int = 1 << 28) -> None:
        self.pipe, theirs = Pipe()
        options = WorkerOptions("w", "cpu", folder, 1 << 30, memory_budget)
        self.worker = Worker(theirs, options, engine=engine, when_alone=lambda: None)
        self.plates = [frame.pixels for frame in moving_plates(COUNT, size=SIZE)]
        self.mattes = [box_matte(SIZE, left=20, top=15)[..., None] for _ in range(COUNT)]
        self.content = {digest_of(pixels): pixels for pixels in [*self.plates, *self.mattes]}
        self.store = ContentStore(folder / "content", memory_budget=0)
        for digest, pixels in self.content.items():
            self.store.put(digest, pixels)
        threading.Thread(target=self.worker.serve, daemon=True).start()
        assert receive(self.pipe)[0]["op"] == "ready"

    def tell_shot(self, key: str = "shot", quality: str = "normal", **settings: object) -> None:
        plates = [digest_of(pixels) for pixels in self.plates]
        mattes = [digest_of(pixels) for pixels in self.mattes]
        self.say(self.note(plates, mattes, quality, settings) | {"op": "shot", "key": key})

    def note(self, plates, mattes, quality="normal", settings=()) -> Note:
        return {
            "first": 1001, "size": list(SIZE), "channels": 3, "plates": plates, "mattes": mattes,
            "cleans": [None] * len(plates),
            "settings": asdict(ShotSettings().changed(dict(settings))), "quality": quality,
        }  # fmt: skip

    def start(self, frame: int = 0, shot: str = "shot") -> None:
        self.say(
            {
                "op": "start", "kind": "render", "work": [shot, frame, False], "shot": shot, "frame": frame,
                "provisional": False, "output": "result", "dtype": None, "crop": False, "aim": [frame],
            }
        )  # fmt: skip

    def say(self, note: Note, pixels: np.ndarray | None = None) -> None:
        send(self.pipe, note, pixels)

    def hear(self) -> tuple[Note, np.ndarray | None]:
        """The next thing it says that is not a question for content."""
        while True:
            assert self.pipe.poll(60), "the worker says nothing"
            note, pixels = receive(self.pipe)
            if note["op"] != "need":
                return note, pixels
            self.say({"op": "content", "ticket": note["ticket"]}, self.content.get(note["digest"]))

    def end(self) -> tuple[list[Note], Note, np.ndarray | None]:
        """Everything until a step ends: progress, the end, pixels."""
        said = []
        while (heard := self.hear())[0]["op"] == "progress":
            said.append(heard[0])
        return said, *heard


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path, ToyEngine())


OUT_OF_MEMORY = {
    "torch on a GPU": torch.OutOfMemoryError("CUDA out of memory"),
    "torch on the processor": RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried ..."),
    "numpy": MemoryError("Unable to allocate 1. GiB"),
}


@pytest.mark.parametrize("kind", OUT_OF_MEMORY)
def test_when_memory_runs_out_it_goes_on_with_less_at_once_and_says_so(tmp_path, kind):
    bench = Bench(tmp_path, Narrow(35, OUT_OF_MEMORY[kind]))
    bench.tell_shot(chunk_length=80)
    bench.start(5)
    _, end, pixels = bench.end()
    assert end["op"] == "done" and pixels.shape == (48, 64, 3)
    assert end["notes"] == [
        "memory ran out: going on with chunks of 30 frames",
        "memory ran out: going on with chunks of 15 frames",
    ]
    bench.start(6)
    _, end, _ = bench.end()
    assert len(end["notes"]) == 2, "what was learnt is kept: nothing is tried too large again"


def test_the_picture_of_a_render_short_of_memory_is_that_of_the_smaller_chunk(tmp_path):
    short, plenty = Bench(tmp_path / "a", Narrow(35, MemoryError())), Bench(tmp_path / "b", ToyEngine())
    short.tell_shot(chunk_length=80)
    plenty.tell_shot(chunk_length=15)
    for bench in (short, plenty):
        bench.start(5)
    assert np.array_equal(short.end()[2], plenty.end()[2])


def test_a_draft_short_of_memory_also_becomes_smaller(tmp_path):
    bench = Bench(tmp_path, Narrow(40, MemoryError()))
    bench.tell_shot(quality="draft", draft_scale=0.5)
    bench.start(5)
    assert bench.end()[1]["notes"] == ["memory ran out: going on with chunks of 30 frames at 0.25 of the working size"]


def test_when_nothing_smaller_helps_it_says_which_setting_does(tmp_path):
    bench = Bench(tmp_path, Narrow(3, torch.OutOfMemoryError("CUDA out of memory")))
    bench.tell_shot()
    bench.start(5)
    _, end, _ = bench.end()
    assert (end["op"], end["code"], end["retry"]) == ("failed", "out_of_memory", False)
    assert end["message"] == (
        "cpu cannot hold the 15 frames of 64x48 that are needed at once; choose a smaller working size"
    )
    bench.tell_shot("other", chunk_length=8)
    bench.start(5, "other")
    assert bench.end()[1]["op"] == "failed", "the worker lives"


def test_memory_is_let_go_of_before_the_next_attempt(tmp_path):
    """A traceback holds every local of the failed attempt: stepping down inside its handler would free nothing."""

    class Greedy(ToyEngine):
        alive = 0

        def propagate_plate(self, frames, holes, flow, **hints):
            if frames.shape[1] > 40:
                held = Tracked()  # kept alive by the traceback alone
                raise MemoryError(held)
            seen_alive.append(Tracked.alive)
            return super().propagate_plate(frames, holes, flow)

    class Tracked:
        alive = 0

        def __init__(self) -> None:
            Tracked.alive += 1

        def __del__(self) -> None:
            Tracked.alive -= 1

    seen_alive: list[int] = []
    bench = Bench(tmp_path, Greedy())
    bench.tell_shot()
    bench.start(5)
    assert bench.end()[1]["op"] == "done"
    assert seen_alive and set(seen_alive) == {0}


def test_what_can_be_computed_again_gives_way_when_memory_runs_out(tmp_path):
    plenty = Bench(tmp_path / "a", ToyEngine(), memory_budget=400_000)
    short = Bench(tmp_path / "b", Narrow(40, MemoryError()), memory_budget=400_000)
    for bench in (plenty, short):
        bench.tell_shot()
        bench.start(5)
        assert bench.end()[1]["op"] == "done"
    assert short.worker._cache.use().memory_bytes <= 100_000 < plenty.worker._cache.use().memory_bytes


def test_an_opencv_that_finds_no_memory_is_understood(tmp_path):
    error = cv2.error("OpenCV(5.0.0) alloc.cpp:73: error: (-4:Insufficient memory) Failed to allocate 33 bytes")
    bench = Bench(tmp_path, Narrow(40, error))
    bench.tell_shot()
    bench.start(5)
    assert bench.end()[1]["notes"] == ["memory ran out: going on with chunks of 30 frames"]


@given(chunk=st.integers(2, 260), count=st.integers(1, 260), ref_stride=st.integers(1, 40))
def test_smaller_chunks_see_nothing_that_larger_ones_did_not(chunk, count, ref_stride):
    smaller = smaller_chunk(chunk, count)
    if smaller is None:
        return
    assert 8 <= smaller <= chunk // 2 or smaller <= count // 2
    before, after = (
        ShotPlan(ToyEngine(), count, Settings(chunk_length=length, ref_stride=ref_stride))
        for length in (chunk, smaller)
    )
    for frame in {0, count // 3, count // 2, count - 1}:
        assert set(after.plan([frame]).frames) <= set(before.plan([frame]).frames)


def test_the_usual_chunk_steps_down_by_halves_in_a_long_shot():
    assert [smaller_chunk(chunk, 1000) for chunk in (80, 40, 20, 16, 10, 101, 160)] == [40, 20, 10, 8, None, None, 20]


# --- stopping, and who is gone


class Stepwise(ToyEngine):
    """Waits in its first painted window until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.may_go_on = threading.Event(), threading.Event()

    def estimate_flow(self, frames, *, iterations, stop):
        self.entered.set()
        assert self.may_go_on.wait(60)
        return super().estimate_flow(frames, iterations=iterations, stop=stop)


def test_a_stop_takes_effect_after_the_unit_under_work(tmp_path):
    engine = Stepwise()
    bench = Bench(tmp_path, engine)
    bench.tell_shot(chunk_length=8)
    bench.start(30)
    assert engine.entered.wait(60)
    bench.say({"op": "stop"})
    ask_use(bench)
    engine.may_go_on.set()
    said, end, _ = bench.end()
    assert end["op"] == "stopped" and len(said) == 1
    assert engine.calls["completion"] == 0


def ask_use(bench: Bench) -> None:
    """Wait until everything said before has been heard."""
    bench.say({"op": "use", "id": "1"})
    assert bench.hear()[0]["op"] == "answer"


def test_a_stop_that_follows_its_start_at_once_is_not_lost(bench):
    bench.tell_shot(chunk_length=8)
    for _ in range(50):
        bench.start(30)
        bench.say({"op": "stop"})
        assert bench.end()[1]["op"] in ("stopped", "done")
    bench.say({"op": "stop"})
    bench.start(30)
    assert bench.end()[1]["op"] == "done", "a stop from before does not stop the next step"


def test_a_stop_under_way_is_obeyed_every_time(bench):
    bench.tell_shot(chunk_length=8)
    stopped = 0
    for frame in range(20, 30):
        bench.worker._cache.clear()
        bench.start(frame)
        bench.say({"op": "stop"})
        stopped += bench.end()[1]["op"] == "stopped"
    assert stopped == 10


def test_questions_are_answered_while_a_step_is_under_work(tmp_path):
    engine = Stepwise()
    bench = Bench(tmp_path, engine)
    bench.tell_shot()
    bench.start(0)
    assert engine.entered.wait(60)
    ask_use(bench)
    engine.may_go_on.set()
    assert bench.end()[1]["op"] == "done"


def test_content_that_is_not_on_disk_comes_from_the_daemon(bench):
    bench.tell_shot()
    bench.start(0)
    on_disk = bench.end()[2]
    bench.worker._cache.clear()
    bench.store.clear()
    bench.tell_shot("again")
    bench.start(0, "again")
    assert np.array_equal(bench.end()[2], on_disk)
    assert len(bench.worker._fetcher) == 0


def test_content_that_nobody_has_any_more_fails_the_step_with_the_code_that_asks_for_it(bench):
    bench.tell_shot()
    bench.store.clear()
    bench.content = {}
    bench.start(0)
    _, end, _ = bench.end()
    assert (end["op"], end["code"]) == ("failed", "frames_missing")
    assert len(bench.worker._fetcher) == 0


def test_a_mistake_ends_one_step_and_not_the_worker(tmp_path):
    bench = Bench(tmp_path, Narrow(1, ZeroDivisionError("of ours")))
    bench.tell_shot()
    bench.start(0)
    _, end, _ = bench.end()
    assert (end["op"], end["code"]) == ("failed", "internal") and "ZeroDivisionError" in end["message"]
    ask_use(bench)


def test_a_question_that_cannot_be_answered_says_why(bench):
    note = bench.note(["a"], ["b"], settings={}) | {"quality": "draft"}
    note["settings"]["engine"] = "propainter"
    bench.say({"op": "plan", "id": "7", "shot": note})
    answer, _ = bench.hear()
    assert answer["code"] == "engine_unavailable" and "propainter-weights" in answer["problem"]


@pytest.mark.parametrize(("quality", "stop"), [("draft", 0.05), ("normal", 0.05), ("best", 0.0)])
def test_flow_runs_to_its_last_update_at_quality_best_whatever_is_asked_for(bench, quality, stop):
    spec = ShotSpec.from_note(bench.note(["a"], ["b"], quality, {"flow_stop": 0.05}))
    assert spec.removal_settings(0).flow_stop == stop


def test_frames_nobody_told_of_are_not_cached_and_their_question_leaves_nothing_behind(bench):
    plates = [digest_of(pixels) for pixels in bench.plates]
    bench.tell_shot()
    bench.start(0)
    bench.end()
    before = bench.worker._cache.use().disk_entries
    known = [*plates[:20], *[None] * 40]
    mattes = [digest_of(bench.mattes[0])] * 60
    bench.say({"op": "cache_state", "id": "8", "shot": bench.note(known, [*mattes[:20], *[None] * 40])})
    stages = bench.hear()[0]["stages"]
    assert stages["flow"][:19] == [True] * 19 and not any(stages["flow"][19:])
    assert not any(stages["painting"]), "windows that see an unknown frame are not known to be stored"
    bench.say({"op": "cache_state", "id": "9", "shot": bench.note(plates, mattes)})
    stages = bench.hear()[0]["stages"]
    assert all(stages["flow"]) and stages["painting"][0]
    assert bench.worker._cache.use().disk_entries <= before + 41  # the empty holes of the unknown


def test_many_shots_do_not_make_it_forget_the_one_at_hand(bench):
    for number in range(100):
        bench.tell_shot(f"shot {number}")
        bench.start(0, f"shot {number}")
        assert bench.end()[1]["op"] == "done"
    assert len(bench.worker._specs) <= 24 and len(bench.worker._benches) <= 6


def test_it_ends_with_the_daemon(tmp_path):
    context = torch.multiprocessing.get_context("spawn")
    from propainter_backend.worker.worker_entry import run

    ours, theirs = context.Pipe()
    process = context.Process(target=run, args=(theirs, WorkerOptions("w", "cpu", tmp_path, 1 << 20, 1 << 20)))
    process.start()
    theirs.close()
    assert isinstance(ours, Connection)
    ours.close()
    process.join(60)
    assert process.exitcode == 0


def test_a_shot_that_would_not_fit_is_begun_with_shorter_chunks_and_says_so(tmp_path, monkeypatch):
    seen: list[int] = []

    class Watched(ClassicalEngine):
        def propagate_plate(self, frames, holes, flow, **hints):
            seen.append(frames.shape[1])
            return super().propagate_plate(frames, holes, flow, **hints)

    takes = ClassicalFootprint(SIZE[0], SIZE[1])
    monkeypatch.setattr(fitting, "free_memory", lambda device, artifacts: takes.propagation(45) + takes.kept(COUNT))
    bench = Bench(tmp_path, Watched())
    bench.tell_shot()
    bench.start(5)
    _, end, _ = bench.end()
    assert end["op"] == "done"
    assert len(end["notes"]) == 1 and end["notes"][0].endswith("working with chunks of 30 frames")
    assert seen and max(seen) <= 45
