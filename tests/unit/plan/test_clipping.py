"""At a cut of the film every unit ends: nothing on one side looks at the other, and every frame is still made."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from propainter.types import Settings
from propainter_plan.layouts import ClassicalLayout, LearnedLayout
from propainter_plan.plan import ShotPlan
from propainter_plan.units import Chunk, Unit, Window

SMALL = Settings(chunk_length=14, neighbor_length=6, ref_stride=3)
shots = st.tuples(
    st.sampled_from([ClassicalLayout(), LearnedLayout()]),
    st.integers(1, 60),
    st.frozensets(st.integers(1, 59), max_size=6),
)


def plan_of(layout: ClassicalLayout | LearnedLayout, count: int, cuts: frozenset[int] | None) -> ShotPlan:
    return ShotPlan(layout, count, SMALL, is_cut=None if cuts is None else lambda pair, _: pair + 1 in cuts)


def frames_of(unit: Unit, part: str) -> range:
    """The frames a unit looks at."""
    if isinstance(unit, Window):
        return range(min(unit.seen), max(unit.seen) + 1)
    assert isinstance(unit, Chunk)
    return range(unit.reach_first, unit.reach_last + 1 + (part == "pair"))


@settings(max_examples=150, deadline=None)
@given(shots)
def test_no_unit_looks_across_a_cut_and_every_part_is_given(given_shot) -> None:
    layout, count, cuts = given_shot
    plan, uncut = plan_of(layout, count, cuts), plan_of(layout, count, None)
    for stage in ("completion", "carried past", "carried future", "propagation", "painting"):
        part_kind = plan.rows[stage].part
        for part in plan.parts(stage):
            units, before = plan.units_of(stage, part), uncut.units_of(stage, part)
            assert len(units) <= len(before)
            assert units or plan.rows[stage].unit in ("past", "future")
            for unit in units:
                seen = frames_of(unit, part_kind)
                crossed = {cut for cut in cuts if seen[0] < cut <= seen[-1]}
                assert crossed <= ({part + 1} if stage == "completion" and part + 1 in cuts else set())
                assert any(
                    set(seen) <= set(frames_of(other, part_kind)) for other in before
                )  # what clients send is enough
    if not cuts:
        assert all(plan.units(stage) == uncut.units(stage) for stage in plan.rows)


def test_chunks_and_windows_on_both_sides_of_a_cut() -> None:
    plan = plan_of(ClassicalLayout(), 40, frozenset({20}))
    assert plan.propagation_of(19) == Chunk(14, 19, 4, 19)
    assert plan.propagation_of(20) == Chunk(20, 27, 20, 37)
    assert [(w.neighbours[0], w.neighbours[-1]) for w in plan.windows_of(19)] == [(0, 19), (4, 19)]
    assert [(w.neighbours[0], w.neighbours[-1]) for w in plan.windows_of(21)] == [(20, 37), (20, 39)]
    assert plan.completion_of(19) == Chunk(19, 19, 19, 19)
    assert plan.units_of("carried past", 18) == (Chunk(18, 18, 4, 18),)
    assert plan.units_of("carried future", 23) == (Chunk(23, 23, 23, 37),)
    assert plan.units_of("carried past", 32) == ()


def test_a_scene_that_no_window_is_centred_in_takes_the_nearest_ones_part_of_it() -> None:
    plan = plan_of(LearnedLayout(), 30, frozenset({10, 11}))
    (window,) = plan.windows_of(10)
    assert window.neighbours == (10,) and window.references == () and window.centre == 10
