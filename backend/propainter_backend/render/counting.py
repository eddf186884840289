"""What the stages of one shot have done, what it took, and how far the wanted frames are.

Here: ``Counting``. Not here: the counts themselves (``steps.py``), shares of the whole (``whole_work.py``), who works
(``evaluator.py``).
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

from propainter_backend.render.stage import Stage
from propainter_backend.render.steps import Progress, RenderCounts
from propainter_backend.render.whole_work import WholeWork
from propainter_plan.plan import Plan
from propainter_plan.units import Unit

_AIMS_KEPT = 4


class Counting:
    """Seconds, units and progress of one shot. engine: by its name, which tells what stages cost."""

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self.counts = RenderCounts()
        """What was computed and reused since it was last set."""
        self.for_frame = 0
        """The frame whose picture is being worked for, as progress tells it."""
        self.aimed: Collection[int] = ()
        """The frames whose pictures will be asked for."""
        self.following: dict[int, int] = {}
        """Of each of them, the one that will be asked for after it."""
        self.work = WholeWork(None, engine=engine, frames=0)
        """Towards the frames that are aimed at."""
        self._works: list[WholeWork] = []
        """Those aimed at last, the present one first: whoever comes back to one finds it as far as it was."""
        self.elsewhere_s = 0.0
        """Seconds within the unit at work that are not its own: other units', and the caller's between two steps."""

    def aim_at(self, goal: Plan, indices: Collection[int]) -> None:
        """Count progress towards these units, of these frames, from now on."""
        frames = len(set(indices))
        known = next((work for work in self._works if (work.goal, work.frames) == (goal, frames)), None)
        self.aimed = frozenset(indices)
        self.following = dict(pairwise(indices))
        self.work = known or WholeWork(goal, engine=self._engine, frames=frames)
        self._works = [self.work, *(work for work in self._works if work is not self.work)][:_AIMS_KEPT]

    def progress(self, stage: str, units: Sequence[Unit]) -> Progress:
        """These are done."""
        self.counts.of(stage).computed.update(units)
        self.work.see(stage, units)
        return Progress(stage, *self.work.count(stage), self.for_frame, self.work.share)

    def note_reused(self, stage: Stage[Unit], unit: Unit) -> None:
        """A unit was found in the cache."""
        if stage.row.is_counted:
            self.counts.of(stage.row.name).reused.add(unit)
            self.work.see(stage.row.name, (unit,))

    def add(self, stage: str, started: float, elsewhere: float) -> None:
        """Count the seconds since a unit was started. elsewhere: ``elsewhere_s`` as it was then."""
        self.counts.of(stage).seconds += time.perf_counter() - started - (self.elsewhere_s - elsewhere)

    def leave(self, asked_at: float, elsewhere: float) -> None:
        """The unit is made: neither its time nor its caller's is that of whoever asked for it."""
        self.elsewhere_s = elsewhere + time.perf_counter() - asked_at

    def count_together(self, took: Mapping[str, float], asked_at: float, elsewhere: float, callers: float) -> None:
        """Share the seconds since then among stages whose parts were made at once, by what their parts took; those of the
        caller between two steps are nobody's."""
        whole = sum(took.values())
        passed = time.perf_counter() - asked_at - callers - (self.elsewhere_s - elsewhere)
        for stage, seconds in took.items():
            self.counts.of(stage).seconds += passed * seconds / whole
        self.leave(asked_at, elsewhere)
