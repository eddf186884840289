"""How much of a whole render is done: every stage counts by what its units cost, so that one number goes from 0 to 1.

Here: ``WholeWork`` and ``COSTS``. Not here: which units there are (``propainter_plan/plan.py``), when one is done
(``evaluator.py``), showing it (``progress.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from propainter_plan.plan import Plan
from propainter_plan.stages import COUNTED
from propainter_plan.units import Chunk, Unit, Window

COSTS: Mapping[str, Mapping[str, float]] = {
    "classical": {"flow": 5.0, "completion": 1.0, "propagation": 6.0, "painting": 2.0, "composite": 1.0},
    "propainter": {"flow": 5.0, "completion": 0.7, "propagation": 0.2, "painting": 1.7, "composite": 0.3},
}
"""What a frame of a stage's units costs next to those of other stages: measured on the sample shot, 24 frames of 432x240,
and estimated for the networks. Only the ratios count, and roughly: a stage that turns out dearer goes slower along its own
part of the way."""


class WholeWork:
    """The work towards some frames. What is found in the cache counts as done, too.

    engine: by its name; of another than ``COSTS`` has, all stages cost the same. frames: how many are wanted.
    """

    def __init__(self, goal: Plan | None, *, engine: str, frames: int) -> None:
        self.goal = goal
        self.frames = frames
        self._costs = COSTS.get(engine, dict.fromkeys(COUNTED, 1.0))
        units: Mapping[str, Iterable[Unit]] = {} if goal is None else goal.units
        self._counts = {stage: len(tuple(found)) for stage, found in units.items()} | {"composite": frames}
        self._sizes = {stage: sum(map(size_of, found)) for stage, found in units.items()} | {"composite": frames}
        self._seen: dict[str, set[Unit]] = {}
        self._seen_sizes: dict[str, int] = {}

    def see(self, stage: str, units: Iterable[Unit]) -> None:
        """These are done, or were found."""
        seen = self._seen.setdefault(stage, set())
        for unit in units:
            if unit not in seen:
                seen.add(unit)
                self._seen_sizes[stage] = self._seen_sizes.get(stage, 0) + size_of(unit)

    def count(self, stage: str) -> tuple[int, int]:
        """Units of a stage that are done, and all that there are."""
        done = len(self._seen.get(stage, ()))
        return done, max(done, self._counts.get(stage, done) if self.goal is not None else done)

    @property
    def share(self) -> float:
        """0..1 of the whole; 0 while nobody has said what is wanted. It never falls."""
        whole = sum(self._costs.get(stage, 1.0) * size for stage, size in self._sizes.items())
        if self.goal is None or not whole:
            return 0.0
        done = sum(
            self._costs.get(stage, 1.0) * min(size, self._seen_sizes.get(stage, 0))
            for stage, size in self._sizes.items()
        )  # fmt: skip
        return done / whole


def size_of(unit: Unit) -> int:
    """Frames, or pairs, that a unit looks at: about what its cost grows with."""
    if isinstance(unit, Window):
        return len(unit.seen)
    return unit.reach_length if isinstance(unit, Chunk) else 1
