"""Which units of a shot one farm task computes: pure, integers only.

Every unit belongs to exactly one task however a scheduler cuts the shot: to the one whose frames hold the first frame of
the unit's core. Nothing is computed that no frame with a hole looks at, so that all tasks together do the work of a single
process. Painting is the exception: a window that paints frames of two tasks is painted by both where they run at once.

Here: ``FarmUnits``. Not here: computing them (``farm_compute.py``), what depends on what (``stage_graph.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from propainter import windows
from propainter.classical import ClassicalEngine
from propainter.types import Chunk, Settings, Window
from propainter_backend.render.stage_graph import Layout, Plan, ShotPlan

COMPUTED_STAGES = ("flow", "completion", "propagation", "painting")
"""The stages of a farm job before ``merge``, in order."""


class FarmUnits:
    """The units of one shot, dealt to tasks.

    engine: ``classical`` or ``propainter``. has_hole: whether a frame (0-based) has anything to remove; asked only where
    it matters, for the answer takes reading a matte.
    """

    def __init__(self, engine: str, frame_count: int, settings: Settings, has_hole: Callable[[int], bool]) -> None:
        self.plan = ShotPlan(_layout_of(engine), frame_count, settings)
        self._has_hole = has_hole

    def of_task(self, stage: str, frames: range) -> tuple[int, ...]:
        """What a task with these frames (0-based) computes of a stage, in order.

        flow, completion: pairs; propagation, painting: frames. Whole chunks: their first frame lies within ``frames``, the
        rest may lie beyond. Painting: all of them, those without a hole too, since each is written.
        """
        if stage == "painting":
            return tuple(frames)
        if stage == "flow":
            return self._needed(stage, [pair for pair in frames if pair + 1 < self.plan.frame_count])
        chunks = self.plan.completion if stage == "completion" else self.plan.propagation
        mine = [chunk for chunk in chunks if chunk.core_first in frames]
        needed = set(self._needed(stage, [chunk.core_first for chunk in mine]))
        return tuple(i for c in mine if c.core_first in needed for i in range(c.core_first, c.core_last + 1))

    def seen_by(self, frame: int) -> tuple[int, ...]:
        """Every frame (0-based) whose plate and matte the picture of a frame depends on; itself among them."""
        if not self._has_hole(frame):
            return (frame,)
        return tuple(sorted({frame, *self.plan.plan([frame]).frames}))

    def _needed(self, stage: str, units: Sequence[int]) -> tuple[int, ...]:
        """Those of the units that some frame with a hole looks at. Asks the nearest frames first: most often they do."""
        wanted, needed = set(units), set[int]()
        middle = units[len(units) // 2] if units else 0
        for frame in sorted(range(self.plan.frame_count), key=lambda frame: abs(frame - middle)):
            if not wanted:
                break
            seen = wanted & _units_in(self.plan.plan([frame]), stage)
            if seen and self._has_hole(frame):
                needed |= seen
                wanted -= seen
        return tuple(sorted(needed))


def _units_in(plan: Plan, stage: str) -> set[int]:
    if stage == "flow":
        return set(plan.pairs)
    return {chunk.core_first for chunk in (plan.completion if stage == "completion" else plan.propagation)}


class _ProPainterLayout:
    """How the learned engine cuts a shot, without its networks: a task that works through a daemon has none."""

    def windows(self, frame_count: int, settings: Settings) -> tuple[Window, ...]:
        return windows.paint_windows(frame_count, settings)

    def propagation_chunks(self, frame_count: int, settings: Settings) -> tuple[Chunk, ...]:
        return windows.propagation_chunks(frame_count, settings)

    def completion_chunks(self, pair_count: int, settings: Settings) -> tuple[Chunk, ...]:
        return windows.completion_chunks(pair_count, settings)


def _layout_of(engine: str) -> Layout:
    return ClassicalEngine() if engine == "classical" else _ProPainterLayout()
