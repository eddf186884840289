"""What every frame of a shot can see: what the plan of each frame says, gathered in time that grows with the shot."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from propainter.types import Settings
from propainter_plan.layouts import layout_of
from propainter_plan.plan import ShotPlan
from propainter_plan.reach import reach_of_all
from propainter_wire.shot import runs_of

engines = pytest.mark.parametrize("engine", ["classical", "propainter"])


@engines
@effort(max_examples=25, deadline=None)
@given(
    count=st.integers(1, 90),
    settings=st.builds(
        Settings, neighbor_length=st.integers(2, 12), ref_stride=st.integers(1, 12), chunk_length=st.integers(2, 40)
    ),
)
def test_it_is_what_the_plan_of_each_frame_says(engine: str, count: int, settings: Settings) -> None:
    plan = ShotPlan(layout_of(engine), count, settings)
    expected = [runs_of(plan.plan([frame]).frames or (frame,)) for frame in range(count)]
    assert list(reach_of_all(plan)) == expected


class Counting(ShotPlan):
    """Counts how often it is asked which units give a part."""

    asked = 0

    def units_of(self, stage: str, part: int):
        self.asked += 1
        return super().units_of(stage, part)


@engines
def test_a_shot_of_twice_the_length_is_twice_the_work_and_not_four_times(engine: str) -> None:
    work = []
    for count in (1000, 2000):
        plan = Counting(layout_of(engine), count, Settings())
        assert sum(1 for _ in reach_of_all(plan)) == count
        work.append(plan.asked)
    assert work[1] < 2.3 * work[0]
