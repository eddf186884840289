"""Parts made ready on all cores before they are asked for: what they are made of beside them, none twice, none in vain."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from builders import MemoryPictures, box_matte, box_shot
from propainter.classical import ClassicalEngine
from propainter.types import Settings
from propainter_backend.render.cores import Cores
from propainter_backend.render.shot import Shot
from propainter_backend.render.shot_cache import ShotCache
from propainter_backend.render.shot_renderer import ShotRenderer
from propainter_backend.render.stages import all_stages
from propainter_backend.render.stages.pictures import Working
from propainter_backend.render.steps import NotCached, Progress, run_to_end
from propainter_plan.stages import COUNTED

COUNT = 9
PAIRS = range(COUNT - 1)


class Watched(ClassicalEngine):
    """Counts the calls of the flow estimator and of the completion, and how many are in one."""

    def __init__(self, cores: int) -> None:
        super().__init__(spread=Cores(cores))
        self.estimated = self.completed = self.now = 0
        self.changed = threading.Condition()

    def estimate_flow(self, frames, *, iterations, stop=0.0):
        with self.changed:
            self.estimated += frames.shape[1] - 1
            self.now += 1
            self.changed.notify_all()
        try:
            return super().estimate_flow(frames, iterations=iterations, stop=stop)
        finally:
            self.now -= 1

    def complete_flow(self, flow, holes):
        self.completed += flow.pairs
        return super().complete_flow(flow, holes)


def store() -> ShotCache:
    return ShotCache(None, memory_budget=1 << 28)


def shot() -> Shot:
    return box_shot(COUNT, Settings(), size=(96, 64))


def edited(before: Shot, frame: int) -> Shot:
    assert isinstance(before.pictures, MemoryPictures)
    mattes = list(before.pictures.mattes)
    mattes[frame] = box_matte(before.plate_size, left=48, top=30)
    return replace(before, pictures=MemoryPictures(before.pictures.plates, mattes))


def test_a_pair_is_completed_before_the_flow_of_the_last_is_begun():
    engine, count = Watched(2), 30
    asked = ShotRenderer(box_shot(count, Settings(), size=(96, 64)), engine, store())
    begun: list[tuple[int, int]] = []
    run_to_end(
        asked.ask.make_ready("completion", range(count - 1)),
        lambda _: begun.append((engine.estimated, engine.completed)),
    )
    assert 0 < begun[0][1] <= begun[0][0] < count - 1
    assert begun[-1] == (count - 1, count - 1)


def test_many_pairs_are_at_work_at_once():
    class Together(Watched):
        def estimate_flow(self, frames, *, iterations, stop=0.0):
            all_here.wait(60)
            return super().estimate_flow(frames, iterations=iterations, stop=stop)

        def complete_flow(self, flow, holes):
            all_here.wait(60)
            return super().complete_flow(flow, holes)

    all_here, engine = threading.Barrier(2), Together(2)
    asked = ShotRenderer(shot(), engine, store())
    run_to_end(asked.ask.make_ready("completion", PAIRS))
    assert (engine.estimated, engine.completed) == (8, 8)


def test_each_part_is_made_once_and_told_of_once():
    engine = Watched(3)
    asked = ShotRenderer(shot(), engine, store())
    asked.aim_at(range(COUNT))
    shares: list[float] = []
    stages: Counter[str] = Counter()

    def note(step: Progress) -> None:
        shares.append(step.share)
        stages[step.stage] += 1

    run_to_end(asked.frame(0), note)
    assert stages["flow"] >= 8 and stages["completion"] == 8
    assert (engine.estimated, engine.completed) == (8, 8)
    assert asked.counts.of("flow").computed == asked.counts.of("flow").computed | set(PAIRS)
    assert shares == sorted(shares) and len(shares) >= len(PAIRS)


def test_seconds_of_parts_made_together_are_shared_out_and_no_more_than_passed():
    asked = ShotRenderer(shot(), Watched(2), store())
    run_to_end(asked.ask.make_ready("completion", PAIRS))
    flow, completion = (asked.counts.of(stage).seconds for stage in ("flow", "completion"))
    assert flow > 0 and completion > 0
    assert asked.ask.counting.elsewhere_s >= flow + completion
    assert set(asked.counts.report()) == set(COUNTED), "nothing is told of pictures and mattes"


def test_an_edit_asks_for_no_picture_whose_flow_is_stored():
    made: list[int] = []

    class Noted(Working):
        def begun(self, unit, ask):
            made.append(unit)
            return super().begun(unit, ask)

    stages = [Noted() if isinstance(stage, Working) else stage for stage in all_stages()]
    cache = store()
    first = ShotRenderer(shot(), Watched(2), cache, stages=stages)
    run_to_end(first.ask.make_ready("completion", PAIRS))
    assert made == [*range(COUNT)]
    made.clear()
    engine = Watched(2)
    again = ShotRenderer(edited(shot(), 4), engine, cache, stages=stages)
    run_to_end(again.ask.make_ready("completion", PAIRS))
    assert (made, engine.estimated) == ([], 0)
    assert engine.completed == 2, "both pairs of the frame whose matte was edited"


def test_whoever_stops_amid_it_waits_for_what_is_at_work_and_finds_the_rest_later():
    engine, cache = Watched(2), store()
    steps = ShotRenderer(shot(), engine, cache).ask.make_ready("completion", PAIRS)
    next(steps)
    steps.close()
    assert engine.now == 0
    before = engine.estimated
    assert before < 8 or engine.completed < 8
    run_to_end(ShotRenderer(shot(), engine, cache).ask.make_ready("completion", PAIRS))
    assert engine.estimated <= 8 + 2 * 3, "what was done is not done again"


def test_a_picture_that_cannot_be_read_stops_those_made_of_it_and_nothing_is_left_at_work():
    class Torn(MemoryPictures):
        def plate(self, index: int):
            if index == 6:
                raise ValueError("frame 6 is torn")
            return super().plate(index)

    whole, engine = shot(), Watched(2)
    torn = replace(whole, pictures=Torn(whole.pictures.plates, whole.pictures.mattes), cuts="none")
    asked = ShotRenderer(torn, engine, store())
    with pytest.raises(ValueError, match="frame 6 is torn"):
        run_to_end(asked.ask.make_ready("completion", PAIRS))
    assert engine.now == 0
    run_to_end(asked.ask.make_ready("completion", range(5)))
    assert asked.ask.is_stored("completion", 4) and not asked.ask.is_stored("completion", 5)


def test_where_nothing_may_be_computed_nothing_is():
    engine = Watched(2)
    asked = ShotRenderer(shot(), engine, store())
    with asked.ask.only_stored(), pytest.raises(NotCached):
        run_to_end(asked.ask.part("completion", 0))
    with asked.ask.only_stored():
        run_to_end(asked.ask.make_ready("completion", PAIRS))
    assert engine.estimated == 0


def test_a_first_picture_uses_all_cores():
    engine = Watched(4)
    quick = ShotRenderer(shot(), engine, store())
    alone = ShotRenderer(shot(), ClassicalEngine(), store())
    frames = [run_to_end(each.frame(4, provisional=True)).pixels for each in (quick, alone)]
    np.testing.assert_array_equal(*frames)
    assert (engine.estimated, engine.completed) == (8, 8)
