"""How a shot is dealt to farm tasks: every unit once, however it is cut; nothing that no hole needs."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from propainter.types import Settings
from propainter_backend.farm.units import COMPUTED_STAGES, FarmUnits

CHUNK_STAGES = ("flow", "completion", "propagation")
SMALL = Settings(chunk_length=7, neighbor_length=6, ref_stride=3)

shots = st.tuples(
    st.sampled_from(["classical", "propainter"]),
    st.integers(1, 40),
    st.lists(st.integers(1, 39), max_size=4),  # where the shot is cut
    st.frozensets(st.integers(0, 39), max_size=5),  # frames with holes
)


def tasks(count: int, cuts: list[int]) -> list[range]:
    edges = sorted({0, count, *(cut for cut in cuts if cut < count)})
    return [range(first, after) for first, after in pairwise(edges)]


@settings(max_examples=150)
@given(shots)
def test_however_a_shot_is_cut_each_needed_unit_has_one_owner_and_no_other_unit_has_any(given_shot):
    engine, count, cuts, holes = given_shot
    units = FarmUnits(engine, count, SMALL, holes.__contains__)
    with_holes = [frame for frame in range(count) if frame in holes]
    plan = units.plan.plan(with_holes)
    wanted = {
        "flow": list(plan.pairs),
        "completion": sorted(i for c in plan.completion for i in range(c.core_first, c.core_last + 1)),
        "propagation": sorted(i for c in plan.propagation for i in range(c.core_first, c.core_last + 1)),
        "painting": list(range(count)),
    }
    for stage in COMPUTED_STAGES:
        dealt = [index for frames in tasks(count, cuts) for index in units.of_task(stage, frames)]
        assert sorted(dealt) == wanted[stage], stage


@settings(max_examples=100)
@given(shots)
def test_what_a_frame_sees_is_all_its_plan_reads_and_without_a_hole_itself_alone(given_shot):
    engine, count, _, holes = given_shot
    units = FarmUnits(engine, count, SMALL, holes.__contains__)
    for frame in range(count):
        expected = {frame} | (set(units.plan.plan([frame]).frames) if frame in holes else set())
        assert set(units.seen_by(frame)) == expected


@pytest.mark.parametrize("stage", CHUNK_STAGES)
def test_a_matte_is_read_only_until_the_answer_is_known(stage):
    """In a long shot whose every frame has a hole, the nearest ones tell."""
    asked: set[int] = set()

    def has_hole(frame: int) -> bool:
        asked.add(frame)
        return True

    units = FarmUnits("propainter", 400, Settings(), has_hole)
    assert units.of_task(stage, range(160, 240))
    assert len(asked) < 80
