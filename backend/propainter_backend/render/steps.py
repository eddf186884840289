"""Work in steps: progress after each unit, what was computed and what was found, and carrying a walk through.

Every step is a generator: it yields ``Progress`` after each unit of work, so that its caller can show progress, stop between
two units (close the generator) or turn to a more urgent frame. Here: ``Steps``, ``RenderCounts``, ``run_to_end``. Not here:
who takes the steps (``evaluator.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from propainter_plan.stages import COUNTED
from propainter_plan.units import Unit, name_of

T = TypeVar("T")


@dataclass(frozen=True)
class Progress:
    """One unit of work is done: ``done`` of ``total`` of this stage."""

    stage: str
    done: int
    total: int
    frame: int
    """The frame (0-based) whose picture was being worked for."""
    share: float = 0.0
    """0..1 of the whole work towards the frames that are wanted; 0 while nobody has said which."""


Steps = Generator[Progress, None, T]


class NotCached(Exception):
    """An artifact would have to be computed, and may not be."""


@dataclass
class StageCount:
    """What one stage cost."""

    seconds: float = 0.0
    computed: set[Unit] = field(default_factory=set)
    reused: set[Unit] = field(default_factory=set)


class RenderCounts:
    """Seconds and units of every stage since it was made: pairs, chunks, chunks, windows, frames."""

    def __init__(self, stages: Sequence[str] = COUNTED) -> None:
        self.stages = {stage: StageCount() for stage in stages}
        self.kernels_in_holes = 0
        """Kernels that were sampled and read a pixel under a hole; it stays 0."""

    def of(self, stage: str) -> StageCount:
        """What one stage has cost so far."""
        return self.stages.setdefault(stage, StageCount())

    def report(self) -> dict[str, dict[str, float | int]]:
        """Per stage: seconds, units computed, units found in the cache."""
        return {
            stage: {
                "seconds": round(count.seconds, 3),
                "computed": len(count.computed),
                "reused": len(count.reused - count.computed),
            }
            for stage, count in self.stages.items()
        }

    @staticmethod
    def merged(parts: Sequence[tuple[int, RenderCounts]]) -> RenderCounts:
        """Counts of several stretches of a shot as one; each stands behind the shot's frame it begins at."""
        whole = RenderCounts()
        for first, counts in parts:
            whole.kernels_in_holes += counts.kernels_in_holes
            for stage, (seconds, computed, reused) in counts.units().items():
                count = whole.of(stage)
                count.seconds += seconds
                count.computed |= {first + unit for unit in computed}
                count.reused |= {first + unit for unit in reused}
        return whole

    def units(self) -> dict[str, tuple[float, set[int], set[int]]]:
        """Per stage: seconds, and which units were computed and reused, named by their first frame or centre."""
        return {
            stage: (count.seconds, set(map(name_of, count.computed)), set(map(name_of, count.reused)))
            for stage, count in self.stages.items()
        }


def run_to_end(steps: Steps[T], on_progress: Callable[[Progress], None] = lambda _: None) -> T:
    """Carry a generator of steps through and return its value."""
    while True:
        try:
            on_progress(next(steps))
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
