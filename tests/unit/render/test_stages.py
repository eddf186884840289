"""Stages are data: one evaluator asks them all, and a new one takes a file and a line in the list."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from builders import RGB, MemoryPictures, ToyEngine, box_matte, box_shot, moving_plates
from propainter.types import Settings
from propainter_backend.render.cache_entry import Arrays
from propainter_backend.render.evaluator import AnyStage, Evaluator
from propainter_backend.render.shot import Shot
from propainter_backend.render.shot_cache import ShotCache
from propainter_backend.render.shot_renderer import ShotRenderer
from propainter_backend.render.stage import Ask, Made, Stage
from propainter_backend.render.stages import all_stages
from propainter_backend.render.stages.composite import Composite
from propainter_backend.render.stages.painting import fill
from propainter_backend.render.stages.propagation import propagated
from propainter_backend.render.steps import NotCached, Steps, run_to_end
from propainter_knobs.table import BY_NAME
from propainter_pictures.color import WorkingSpace
from propainter_pictures.frame import Frame
from propainter_plan.plan import ShotPlan
from propainter_plan.stages import COUNTED, ROWS, STORED, Need, Span, StageRow
from propainter_plan.units import Unit

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
    assert [stage.row for stage in all_stages() if stage.row in ROWS] == list(ROWS)
    assert len(set(names)) == len(names)
    for i, row in enumerate(ROWS):
        assert {need.stage for need in row.needs} <= set(names[: i + 1])  # itself: at the unit before
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


_HARMLESS = {"native": {"feather"}}
"""It asks where alpha is above zero: exactly on the grown matte, whatever the feather."""


class Watched(Evaluator):
    """Notes which stages and settings a stage looks at while it computes."""

    def __init__(self, shot: Shot, engine: ToyEngine, cache: ShotCache) -> None:
        super().__init__(replace(shot, settings=_Noting(**vars(shot.settings))), engine, cache, all_stages())
        self.seen: dict[str, set[str]] = defaultdict(set)
        self.read: dict[str, set[str]] = defaultdict(set)
        self._at_work: list[str] = []
        self.shot.settings.tell(self._note_setting)

    def part(self, stage: str, part: int, unit: Unit | None = None, *, until: int | None = None) -> Steps[Arrays]:
        if self._at_work:
            self.seen[self._at_work[-1]].add(self.meant(stage, part, unit)[0].row.name)
        return (yield from super().part(stage, part, unit, until=until))

    def _make(self, stage: AnyStage, unit: Unit, until: int | None) -> Steps[Made]:
        self._at_work.append(stage.row.name)
        try:
            return (yield from super()._make(stage, unit, until))
        finally:
            self._at_work.pop()

    def _key(self, stage: AnyStage, unit: Unit, until: int | None = None) -> Steps[str]:
        self._at_work.append("key")
        try:
            return (yield from super()._key(stage, unit, until))
        finally:
            self._at_work.pop()

    def _note_setting(self, name: str) -> None:
        if self._at_work:
            self.read[self._at_work[-1]].add(name)


class _Noting(Settings):
    def tell(self, note: Callable[[str], None]) -> None:
        object.__setattr__(self, "_note", note)

    def __getattribute__(self, name: str) -> object:
        if name in BY_NAME and (note := object.__getattribute__(self, "__dict__").get("_note")) is not None:
            note(name)
        return object.__getattribute__(self, name)


@pytest.mark.parametrize("change", [{}, {"grow_flow": 9}, {"flow_hole_snap": 16}], ids=str)
@pytest.mark.parametrize("has_clean", [False, True])
def test_whatever_a_stage_looks_at_is_in_its_key(change: dict[str, int], has_clean: bool):
    shot = box_shot(20, replace(SHORT, **change))
    assert isinstance(shot.pictures, MemoryPictures)
    if has_clean:
        alpha = np.zeros((*shot.plate_size[::-1], 1), np.uint8)
        alpha[:, :30] = 255
        cleans = {i: Frame(np.concatenate([shot.pictures.plates[i].pixels, alpha], 2), (*RGB, "A")) for i in (3, 9)}
        shot = replace(shot, pictures=MemoryPictures(shot.pictures.plates, shot.pictures.mattes, cleans))
    half = replace(shot, working_size=(shot.plate_size[0] // 2, shot.plate_size[1] // 2))
    for asked in (Watched(shot, ToyEngine(), store()), Watched(half, ToyEngine(), store())):
        for frame in range(20):
            with asked.sources.holding(frame):
                run_to_end(asked.part("composite", frame))
        rows = {row.name: row for row in ROWS}
        assert asked.seen.keys() >= {"completion", "propagation", "painting", "composite"}
        for name, row in rows.items():
            if not asked.stages[name].is_kept and name != "known":
                continue  # the composite is stored nowhere, so it has no key to be wrong
            below = _all_below(row, asked)
            assert asked.seen[name] <= below | {name}, name
            allowed = {setting for stage in below | {name} for setting in rows[stage].settings}
            assert asked.read[name] <= allowed | _HARMLESS.get(name, set()), name


def _all_below(row: StageRow, asked: Evaluator) -> set[str]:
    """Every stage that enters a stage's key, by whatever way; those that others stand for, too."""
    found = {need.stage for need in row.needs} - {row.name}
    for name in (row.name, *found):
        found |= {other for i in range(20) if (other := asked.stages[name].stands_for(i, asked)) is not None}
    return found.union(*(_all_below(asked.stages[stage].row, asked) for stage in found))


def test_two_working_sizes_whose_holes_have_the_same_bits_share_none_of_them():
    """The grown matte of a full-width band packs to the same bits at 64x48 and at 128x24."""
    band = np.zeros((128, 128), np.float32)
    band[:26] = 1
    plates = moving_plates(6, size=(128, 128))
    settings = replace(SHORT, grow=0, grow_flow=0, flow_hole_snap=16)
    shot = Shot(MemoryPictures(plates, [band] * 6), WorkingSpace.SRGB, settings, (128, 128))
    cache = store()
    for size in ((64, 48), (128, 24)):
        sized = replace(shot, working_size=size, native_fill=False)
        shared, alone = (ShotRenderer(sized, ToyEngine(), each) for each in (cache, store()))
        for i in range(6):
            assert np.array_equal(run_to_end(shared.frame(i)).pixels, run_to_end(alone.frame(i)).pixels)


def test_a_clean_plates_hole_belongs_to_one_working_size():
    """Full mattes have the same bits at 64x56 and 56x64; what a clean plate leaves of them has not."""
    alpha = np.zeros((128, 128, 1), np.uint8)
    alpha[:, :40] = 255
    plates = moving_plates(4, size=(128, 128))
    cleans = {1: Frame(np.concatenate([plates[1].pixels, alpha], 2), (*RGB, "A"))}
    pictures = MemoryPictures(plates, [np.ones((128, 128), np.float32)] * 4, cleans)
    shot, cache = Shot(pictures, WorkingSpace.SRGB, replace(SHORT, grow=0), (128, 128)), store()
    for size in ((64, 56), (56, 64)):
        sized = replace(shot, working_size=size, native_fill=False)
        shared, alone = (ShotRenderer(sized, ToyEngine(), each) for each in (cache, store()))
        assert torch.equal(shared.hole(1), alone.hole(1))


def test_units_of_equal_content_at_two_places_keep_their_own_parts():
    """A freeze: every window sees the same; each frame is still stored for the window it was painted in."""
    still = moving_plates(1)[0]
    mattes = [box_matte((64, 48), left=20, top=15)] * 40
    shot = Shot(MemoryPictures([still] * 40, mattes), WorkingSpace.SRGB, SHORT, (64, 48))
    asked = ShotRenderer(shot, ToyEngine(), store())
    windows = [window for window in asked.plan.windows if window.centre in (24, 26)]
    assert len({asked.plan.propagation_of(frame) for window in windows for frame in window.seen}) == 1
    keys = {run_to_end(asked.ask._part_key(asked.ask.stages["painting"], w, i)) for w in windows for i in w.neighbours}
    assert len(keys) == sum(len(w.neighbours) for w in windows)


def test_a_stage_between_painting_and_the_composite_is_planned_counted_and_asked():
    class Tint(Stage[int]):
        row = StageRow("tint", "frame", "frame", (Need("painting"), Need("known", by_key=True), Need("hole")))
        is_kept = False

        def compute(self, unit: int, ask: Ask) -> Steps[Made]:
            picture = yield from fill(ask, unit)
            return {unit: {"level": picture.std().numpy()[None]}}

    class Tinted(Composite):
        row = replace(Composite.row, needs=(*Composite.row.needs, Need("tint")))

        def compute_run(self, units: Sequence[int], ask: Ask) -> Steps[Made]:
            yield from ask.inputs(Need("tint"), units)  # by content, of a stage that keeps none
            return (yield from super().compute_run(units, ask))

    asked = ShotRenderer(box_shot(8, SHORT), ToyEngine(), store(), stages=(*all_stages()[:-1], Tint(), Tinted()))
    assert asked.plan.plan([3]).units["tint"] == (3,) and asked.plan.plan([3]).count("painting") > 0
    run_to_end(asked.frame(3))
    assert asked.counts.of("tint").computed == {3} and "tint" not in asked.cached()
