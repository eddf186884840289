"""What the panel draws of windows and chunks is what the engines do, and what it says is to be redone covers all of it."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import ToyEngine
from propainter.classical import ClassicalEngine
from propainter.types import Settings
from propainter_knobs.table import BY_NAME
from propainter_plan import cuts
from propainter_plan.plan import ShotPlan
from propainter_plan.units import Window
from propainter_ui.state.windows_preview import plan_for, window_of, work_to_redo
from propainter_wire.messages import ShotSettings


def window_at(centre: int, count: int, neighbor_length: int, ref_stride: int, chunk_length: int) -> Window:
    """The window around a centre that need not be one of the shot's own."""
    settings = ShotSettings(neighbor_length=neighbor_length, ref_stride=ref_stride, chunk_length=chunk_length)
    windows = plan_for(count, "propainter", settings).windows
    return next((w for w in windows if w.centre == centre), None) or cuts.window_at(centre, count, settings)


GOLDEN = json.loads((Path(__file__).parents[1] / "data/golden/windows.json").read_text())


@pytest.mark.parametrize(
    ("name", "count", "neighbor_length", "ref_stride", "chunk_length"),
    [("pan12", 12, 6, 4, 80), ("pan_synthflow", 8, 10, 1, 80), ("pan40_chunk20", 40, 10, 10, 20)],
)
def test_windows_are_the_references_own(
    name: str, count: int, neighbor_length: int, ref_stride: int, chunk_length: int
) -> None:
    for expected in GOLDEN[name]:
        seen = window_at(expected["centre"], count, neighbor_length, ref_stride, chunk_length)
        assert list(seen.neighbours) == expected["neighbours"]
        assert list(seen.references) == expected["references"]


@pytest.mark.parametrize(
    ("centre", "references"),
    [
        (45, (5, 15, 25, 35, 55, 65, 75)),
        (40, (0, 10, 20, 30, 50, 60, 70)),
        (5, (20, 30, 40)),
        (95, (55, 65, 75, 85)),
    ],
)
def test_references_in_a_long_shot_are_the_specifications_examples(centre: int, references: tuple[int, ...]) -> None:
    seen = window_at(centre, 100, 10, 10, 80)
    assert seen.references == references


@given(
    count=st.integers(1, 130), length=st.integers(2, 25), stride=st.integers(1, 30), chunk=st.integers(2, 90)
)  # fmt: skip
def test_plans_are_those_of_both_engines(count: int, length: int, stride: int, chunk: int) -> None:
    wire = ShotSettings(neighbor_length=length, ref_stride=stride, chunk_length=chunk)
    settings = Settings(neighbor_length=length, ref_stride=stride, chunk_length=chunk)
    drawn = plan_for(count, "propainter", wire)
    assert [(w.centre, tuple(w.neighbours), w.references) for w in drawn.windows] == [
        (w.centre, w.neighbours, w.references) for w in cuts.paint_windows(count, settings)
    ]
    classical = plan_for(count, "classical", wire)
    assert [tuple(w.neighbours) for w in classical.windows] == [
        w.neighbours for w in ClassicalEngine().windows(count, settings)
    ]
    for drawn_chunks, real in (
        (classical.completion, ClassicalEngine().completion_chunks(count - 1, settings)),
        (drawn.completion, cuts.completion_chunks(count - 1, settings)),
        (drawn.propagation, cuts.propagation_chunks(count, settings)),
    ):
        assert drawn_chunks == real


@given(frame=st.integers(0, 59), half=st.integers(1, 20))
def test_the_window_drawn_for_a_frame_is_the_one_with_the_greatest_share(frame: int, half: int) -> None:
    settings = Settings(neighbor_length=2 * half)
    painting = [w for w in cuts.paint_windows(60, settings) if frame in w.neighbours]
    best = max(painting, key=lambda w: (w.weights[w.neighbours.index(frame)], -w.centre))
    drawn = window_of(frame, 60, ShotSettings(neighbor_length=2 * half))
    assert drawn.centre == best.centre


@given(
    count=st.integers(2, 60), length=st.integers(2, 20), stride=st.integers(1, 20), chunk=st.integers(4, 40),
    data=st.data(),
)  # fmt: skip
def test_with_nothing_cached_the_work_is_the_daemons_own_plan(
    count: int, length: int, stride: int, chunk: int, data: st.DataObject
) -> None:
    first = data.draw(st.integers(0, count - 1))
    last = data.draw(st.integers(first, count - 1))
    wire = ShotSettings(neighbor_length=length, ref_stride=stride, chunk_length=chunk)
    settings = Settings(neighbor_length=length, ref_stride=stride, chunk_length=chunk)
    for name, engine in (("propainter", ToyEngine()), ("classical", ClassicalEngine())):
        real = ShotPlan(engine, count, settings).plan(range(first, last + 1))
        redo = work_to_redo(
            range(first, last + 1), count, before=wire, after=wire, engine_before=name, engine_after=name, cached={}
        )
        assert redo.pairs == len(real.pairs)
        assert [c.core_first for c in redo.completion] == sorted(c.core_first for c in real.completion)
        assert [c.core_first for c in redo.propagation] == sorted(c.core_first for c in real.propagation)
        assert sorted(w.centre for w in redo.windows) == sorted(w.centre for w in real.windows)


# --- what is to be redone ---------------------------------------------------------------------------------------------

COUNT = 40
EVERYTHING = {
    "flow": set(range(COUNT - 1)), "completion": set(range(COUNT - 1)), "propagation": set(range(COUNT)),
    "painting": set(range(COUNT)),
}  # fmt: skip
BEFORE = ShotSettings(chunk_length=20)


def _redo(after: ShotSettings, *, cached: dict[str, set[int]] | None = None, frames: range = range(COUNT)):
    return work_to_redo(
        frames, COUNT, before=BEFORE, after=after, engine_before="propainter", engine_after="propainter",
        cached=EVERYTHING if cached is None else cached,
    )  # fmt: skip


def test_nothing_is_redone_where_everything_is_cached_and_nothing_changed() -> None:
    assert _redo(BEFORE).is_nothing


def test_an_empty_cache_means_everything() -> None:
    redo = _redo(BEFORE, cached={})
    assert redo.pairs == COUNT - 1
    assert len(redo.completion) == len(redo.propagation) == 2
    assert len(redo.windows) == redo.all_windows == 8


def test_another_neighbour_window_redoes_windows_and_keeps_everything_before_them() -> None:
    redo = _redo(BEFORE.changed({"neighbor_length": 14}))
    assert (redo.pairs, redo.completion, redo.propagation) == (0, (), ())
    assert len(redo.windows) == redo.all_windows == 6


def test_windows_that_see_the_same_frames_under_another_stride_are_kept() -> None:
    redo = _redo(BEFORE.changed({"ref_stride": 11}))
    kept = redo.all_windows - len(redo.windows)
    same = [
        centre
        for centre in range(0, COUNT, 5)
        if window_at(centre, COUNT, 10, 10, 20) == window_at(centre, COUNT, 10, 11, 20)
    ]
    assert kept == len(same) > 0


def test_growing_the_matte_keeps_flow_alone() -> None:
    redo = _redo(BEFORE.changed({"grow": 9}))
    assert redo.pairs == 0
    assert len(redo.completion) == len(redo.propagation) == 2
    assert len(redo.windows) == redo.all_windows


def test_growing_for_the_flow_alone_counts_from_where_it_exceeds_the_other() -> None:
    assert _redo(BEFORE.changed({"grow_flow": 4})).is_nothing, "the hole grows by 4 anyhow"
    redo = _redo(BEFORE.changed({"grow_flow": 9}))
    assert redo.pairs == 0 and len(redo.completion) == 2


def test_looking_at_a_box_around_the_matte_redoes_the_flow_too() -> None:
    cropped = BEFORE.changed({"crop_to_matte": True})
    assert _redo(cropped).pairs == COUNT - 1
    assert _redo(BEFORE.changed({"crop_padding": 100})).is_nothing, "nobody looks at it"
    for change in ({"crop_padding": 100}, {"grow": 9}, {"threshold": 0.5}, {"grow_flow": 9}):
        redo = work_to_redo(
            range(COUNT), COUNT, before=cropped, after=cropped.changed(change), engine_before="propainter",
            engine_after="propainter", cached=EVERYTHING,
        )  # fmt: skip
        assert redo.pairs == COUNT - 1, f"{change} makes another box"


def test_feather_redoes_nothing_but_the_composite() -> None:
    redo = _redo(BEFORE.changed({"feather": 1}))
    assert redo.is_nothing and redo.frames == COUNT


def test_more_flow_iterations_redo_everything() -> None:
    assert _redo(BEFORE.changed({"flow_iterations": 30})).pairs == COUNT - 1


def test_a_short_range_needs_only_what_its_windows_see() -> None:
    redo = _redo(BEFORE, cached={}, frames=range(3))
    assert redo.all_windows == 2  # centres 0 and 5 paint frames 0 to 2
    assert redo.propagation == cuts.propagation_chunks(COUNT, Settings(chunk_length=20))[:1]


def test_a_hole_in_one_chunk_leaves_windows_that_cannot_see_it() -> None:
    cached = {**EVERYTHING, "propagation": set(range(20))}
    redo = _redo(BEFORE, cached=cached)
    assert redo.propagation == cuts.propagation_chunks(COUNT, Settings(chunk_length=20))[1:]
    assert all(any(i >= 20 for i in window.seen) for window in redo.windows)
    assert len(redo.windows) < redo.all_windows


def test_a_window_that_only_refers_to_what_is_redone_is_redone() -> None:
    cached = {**EVERYTHING, "propagation": set(range(20, COUNT))}
    redone = [window.centre for window in _redo(BEFORE, cached=cached).windows]
    assert 25 in redone, "it paints 20 to 30 and looks at 15"
    assert 35 not in redone, "it paints 30 to 39 and looks at 25"


@pytest.mark.parametrize("engine", ["classical", "propainter"])
@pytest.mark.parametrize(
    "change",
    [{"flow_iterations": 7}, {"flow_stop": 0.02}, {"neighbor_length": 4}, {"ref_stride": 3}, {"precision": "fp32"},
     {"never_seen": "smooth"}, {"draft_flow_iterations": 2}],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_what_the_engine_ignores_redoes_nothing(engine: str, change: dict[str, object]) -> None:
    (name,) = change
    after = BEFORE.changed(change)
    redo = work_to_redo(
        range(COUNT), COUNT, before=BEFORE, after=after, engine_before=engine, engine_after=engine, cached=EVERYTHING
    )
    heeds = engine in BY_NAME[name].engines and name != "draft_flow_iterations"  # no draft is rendered here
    assert redo.is_nothing != heeds
