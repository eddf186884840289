"""Which units of a shot one farm task computes: pure, integers only.

Every unit belongs to exactly one task however a scheduler cuts the shot: to the one whose frames hold the first frame of
the unit's core. Nothing is computed that no frame with a hole looks at, so that all tasks together do the work of a single
process. Painting is the exception: a window that paints frames of two tasks is painted by both where they run at once.

Here: ``FarmUnits``. Not here: computing them (``compute.py``), what depends on what (``propainter_plan``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from propainter.types import Settings
from propainter_plan.layouts import layout_of
from propainter_plan.plan import ShotPlan
from propainter_plan.stages import STORED
from propainter_plan.units import Unit, first_part, parts_of

COMPUTED_STAGES = STORED
"""The stages of a farm job before ``merge``, in order."""


class FarmUnits:
    """The units of one shot, dealt to tasks.

    engine: ``classical`` or ``propainter``. has_hole: whether a frame (0-based) has anything to remove; asked only where
    it matters, for the answer takes reading a matte.
    """

    def __init__(self, engine: str, frame_count: int, settings: Settings, has_hole: Callable[[int], bool]) -> None:
        self.plan = ShotPlan(layout_of(engine), frame_count, settings)
        self._has_hole = has_hole

    def of_task(self, stage: str, frames: range) -> tuple[int, ...]:
        """What a task with these frames (0-based) computes of a stage, in order: pairs or frames, as the stage stores them.

        Whole units: their first part lies within ``frames``, the rest may lie beyond. Painting: all of them, those without a
        hole too, since each is written.
        """
        if stage == "painting":
            return tuple(frames)
        mine = [unit for unit in self.plan.units(stage) if first_part(unit) in frames]
        needed = self._needed(stage, mine)
        return tuple(part for unit in mine if unit in needed for part in parts_of(unit))

    def seen_by(self, frame: int) -> tuple[int, ...]:
        """Every frame (0-based) whose plate and matte the picture of a frame depends on; itself among them."""
        if not self._has_hole(frame):
            return (frame,)
        return tuple(sorted({frame, *self.plan.plan([frame]).frames}))

    def _needed(self, stage: str, units: Sequence[Unit]) -> set[Unit]:
        """Those of the units that some frame with a hole looks at. Asks the nearest frames first: most often they do."""
        wanted, needed = set(units), set[Unit]()
        middle = first_part(units[len(units) // 2]) if units else 0
        for frame in sorted(range(self.plan.frame_count), key=lambda frame: abs(frame - middle)):
            if not wanted:
                break
            seen = wanted & set(self.plan.plan([frame]).units.get(stage, ()))
            if seen and self._has_hole(frame):
                needed |= seen
                wanted -= seen
        return needed
