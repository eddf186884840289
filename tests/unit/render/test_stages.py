"""Stages are data: one evaluator asks them all, and a new one takes a file and a line in the list."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from builders import MemoryPictures, ToyEngine, box_matte, box_shot
from propainter.types import Settings
from propainter_backend.render.shot import Shot
from propainter_backend.render.shot_cache import ShotCache
from propainter_backend.render.shot_renderer import ShotRenderer
from propainter_backend.render.stage import Ask, Made, Stage
from propainter_backend.render.stages import all_stages
from propainter_backend.render.stages.propagation import propagated
from propainter_backend.render.steps import NotCached, Steps, run_to_end
from propainter_plan.plan import ShotPlan
from propainter_plan.stages import COUNTED, ROWS, STORED, Need, Span, StageRow

SHORT = Settings(neighbor_length=4, ref_stride=4, chunk_length=16, flow_iterations=3)


class Brightness(Stage[int]):
    """The worked example of docs/contributing.md: how bright what was pulled into a frame is, one number."""

    row = StageRow(
        "brightness", "frame", "frame",
        (Need("known", by_key=True), Need("hole"), Need("propagation")), settings=("feather",),
    )  # fmt: skip

    def compute(self, unit: int, ask: Ask) -> Steps[Made]:
        """See ``Stage.compute``."""
        picture, _ = yield from propagated(ask, unit)
        return {unit: {"mean": picture.mean().numpy()[None]}}


def store() -> ShotCache:
    return ShotCache(None, memory_budget=1 << 30)


def renderer(shot: Shot, cache: ShotCache) -> ShotRenderer:
    return ShotRenderer(shot, ToyEngine(), cache, stages=(*all_stages(), Brightness()))


def brightness(asked: ShotRenderer, frames: range) -> list[float]:
    return [float(run_to_end(asked.ask.part("brightness", i))["mean"][0]) for i in frames]


def edited(shot: Shot, frame: int) -> Shot:
    assert isinstance(shot.pictures, MemoryPictures)
    mattes = list(shot.pictures.mattes)
    mattes[frame] = box_matte(shot.plate_size, left=24, top=15)
    return replace(shot, pictures=MemoryPictures(shot.pictures.plates, mattes))


def test_a_stage_is_one_file_and_one_line_and_is_computed_stored_counted_and_found_again():
    shot, cache = box_shot(40, SHORT), store()
    first = renderer(shot, cache)
    assert first.cached()["brightness"] == [False] * 40
    values = brightness(first, range(40))
    assert first.counts.report()["brightness"]["computed"] == 40
    again = renderer(shot, cache)
    assert brightness(again, range(40)) == values
    assert again.counts.report()["brightness"] == {"seconds": 0.0, "computed": 0, "reused": 40}
    assert again.cached()["brightness"] == [True] * 40


def test_a_new_stage_is_redone_by_what_it_depends_on_and_by_nothing_else():
    shot, cache = box_shot(60, SHORT), store()
    brightness(renderer(shot, cache), range(60))
    other = renderer(replace(shot, settings=replace(SHORT, grow_flow=0, ref_stride=3)), cache)
    brightness(other, range(60))
    assert other.counts.of("brightness").computed == set()
    feathered = renderer(replace(shot, settings=replace(SHORT, feather=1)), cache)
    brightness(feathered, range(60))
    assert len(feathered.counts.of("brightness").computed) == 60
    after = edited(shot, 3)
    redone = renderer(after, cache)
    incremental = brightness(redone, range(60))
    assert 0 < len(redone.counts.of("brightness").computed) < 60  # early cut-off: chunks that see nothing of it
    assert incremental == brightness(renderer(after, store()), range(60))


def test_what_is_not_stored_is_refused_where_nothing_may_be_computed():
    asked = renderer(box_shot(8, SHORT), store())
    with asked.ask.only_stored(), pytest.raises(NotCached):
        brightness(asked, range(1))
    assert not asked.ask.is_stored("brightness", 0)
    brightness(asked, range(1))
    assert asked.ask.is_stored("brightness", 0) and not asked.ask.is_stored("brightness", 7)


def test_the_map_names_every_stage_once_and_each_needs_only_what_stands_before_it():
    names = [row.name for row in ROWS]
    assert [stage.row for stage in all_stages()] == list(ROWS)
    assert len(set(names)) == len(names)
    for i, row in enumerate(ROWS):
        assert {need.stage for need in row.needs} <= set(names[:i])
    assert COUNTED == ("flow", "completion", "propagation", "painting", "composite") and COUNTED[:-1] == STORED


def test_a_plan_reads_the_map_of_a_new_stage_too():
    plan = ShotPlan(ToyEngine(), 12, SHORT, rows=[*ROWS, Brightness.row])
    assert plan.units_of("brightness", 5) == (5,) and plan.parts("brightness") == range(12)
    chunk = plan.completion[0]
    assert list(Span.REACH_ENDS.of(chunk)) == list(range(chunk.reach_first, chunk.reach_last + 2))


@pytest.mark.parametrize("count", [1, 2, 12, 90])
def test_a_plan_holds_exactly_what_rendering_a_frame_computes_and_reads(count: int):
    shot = box_shot(count, SHORT)
    for frame in {0, count // 2, count - 1}:
        asked = ShotRenderer(shot, ToyEngine(), store())
        run_to_end(asked.frame(frame))
        needed = asked.plan.plan([frame])
        for stage in STORED:
            assert asked.counts.of(stage).computed == set(needed.units.get(stage, ()))


def test_seconds_of_a_stage_leave_out_the_stages_it_waits_for_and_its_caller():
    class Slow(Brightness):
        def compute(self, unit: int, ask: Ask) -> Steps[Made]:
            made = yield from super().compute(unit, ask)
            time.sleep(0.05)
            return made

    asked = ShotRenderer(box_shot(20, SHORT), ToyEngine(), store(), stages=(*all_stages(), Slow()))
    steps, started = asked.ask.part("brightness", 10), time.perf_counter()
    while True:
        try:
            next(steps)
        except StopIteration:
            break
        time.sleep(0.02)  # the caller's own business
    taken = time.perf_counter() - started
    seconds = {stage: count.seconds for stage, count in asked.counts.stages.items()}
    held = 0.02 * sum(len(asked.counts.of(stage).computed) for stage in ("completion", "propagation"))
    assert seconds["brightness"] >= 0.05 and sum(seconds.values()) <= taken - held
