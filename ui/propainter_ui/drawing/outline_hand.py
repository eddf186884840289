"""The hand on outlines: drawing a new one point by point, dragging points, handles and whole outlines of those there are.

Here: ``OutlineHand`` and what it makes. Not here: what lies near the hand (``outlines.py``), outlines and their key frames
(``matte/outlines.py``), keeping them (``matte/edits.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from propainter_ui.drawing import outlines
from propainter_ui.drawing.outlines import Part
from propainter_ui.drawing.touch import Touch
from propainter_ui.matte.outlines import Outline, Vertex
from propainter_ui.matte.strokes import Point


@dataclass(frozen=True)
class Drawn:
    """A new outline is closed."""

    outline: Outline


@dataclass(frozen=True)
class Changed:
    """An outline that was there is another now; it has as many points."""

    which: int
    outline: Outline


@dataclass(frozen=True)
class Inserted:
    """An outline has a point more: on the side after a point, so far along."""

    which: int
    segment: int
    share: float


@dataclass(frozen=True)
class Deleted:
    """An outline has a point less; without a point, all of it is gone."""

    which: int
    index: int | None


Made = Drawn | Changed | Inserted | Deleted


@dataclass(frozen=True)
class _Grip:
    """What the hand holds."""

    which: int
    index: int
    part: Part | None
    """None: all of the outline."""
    at: Point


class OutlineHand:
    """Draws and edits outlines. curves: a drag after a new point makes its sides round."""

    def __init__(self, *, curves: bool) -> None:
        self.curves = curves
        self.drawn: tuple[Vertex, ...] = ()
        """The points of the one being drawn, open yet."""
        self.changed: Changed | None = None
        """The one being dragged, as it is now."""
        self.selected: tuple[int, int | None] | None = None
        """Outline and point that Delete means; no point: all of it."""
        self._grip: _Grip | None = None
        self._is_shaping = False

    @property
    def is_drawing(self) -> bool:
        """Whether an outline is begun and not closed."""
        return bool(self.drawn)

    # --- mouse and pen --------------------------------------------------------------------------------------------

    def press(self, touch: Touch, there: Sequence[Outline]) -> Made | None:
        """The button goes down. there: the frame's outlines."""
        if self.drawn:
            if len(self.drawn) >= 3 and touch.distance(self.drawn[0].point) <= touch.reach:
                return self.close()
            if touch.distance(self.drawn[-1].point) > 0:  # a second press at one place adds nothing
                self.drawn = (*self.drawn, Vertex(touch.x, touch.y))
            self._is_shaping = True
            return None
        is_there, made = self._grab(touch, there)
        if is_there:
            return made
        self.selected = None
        self.drawn, self._is_shaping = (Vertex(touch.x, touch.y),), True
        return None

    def _grab(self, touch: Touch, there: Sequence[Outline]) -> tuple[bool, Made | None]:
        """Take hold of what is at the place: a point or handle (Ctrl turns a corner), a side (Ctrl puts a point on it), with
        Shift an outline's inside. Whether there is anything, and what that has made at once.
        """
        on_top = list(reversed(list(enumerate(there))))
        for which, outline in on_top:
            found = outlines.part_at(outline.vertices, touch.point, touch.reach)
            if found is not None:
                index, part = found
                self.selected = which, index
                if touch.is_other and part == "vertex":
                    return True, Changed(which, outlines.with_corner_turned(outline, index))
                self._hold(which, outline, index, part, touch)
                return True, None
        for which, outline in on_top:
            side = outlines.side_at(outline, touch.point, touch.reach)
            if touch.is_other and side is not None:
                segment, share = side
                self.selected = which, segment + 1
                self._hold(which, outline.with_inserted(segment, share), segment + 1, "vertex", touch)
                return True, Inserted(which, segment, share)
            if side is not None or (touch.is_shifted and outlines.is_inside(outline, touch.point)):
                self.selected = which, None
                self._hold(which, outline, 0, None, touch)
                return True, None
        return False, None

    def _hold(self, which: int, outline: Outline, index: int, part: Part | None, touch: Touch) -> None:
        self._grip, self.changed = _Grip(which, index, part, touch.point), Changed(which, outline)

    def move(self, touch: Touch) -> None:
        """The hand is here now, the button down."""
        if self._is_shaping and self.drawn and self.curves:
            last = self.drawn[-1]
            if touch.distance(last.point) > touch.reach / 2:
                self.drawn = (*self.drawn[:-1], last.smoothed((touch.x - last.x, touch.y - last.y)))
        grip = self._grip
        if grip is None or self.changed is None:
            return
        outline = self.changed.outline
        if grip.part is None:
            outline = outline.moved(touch.x - grip.at[0], touch.y - grip.at[1])
            self._grip = _Grip(grip.which, 0, None, touch.point)
        else:
            outline = outlines.with_part_at(outline, grip.index, grip.part, touch.point, breaks=touch.is_shifted)
        self.changed = Changed(grip.which, outline)

    def release(self, there: Sequence[Outline]) -> Made | None:
        """The button goes up."""
        self._is_shaping, self._grip = False, None
        changed, self.changed = self.changed, None
        if changed is None or (changed.which < len(there) and there[changed.which] == changed.outline):
            return None
        return changed

    # --- keys -----------------------------------------------------------------------------------------------------

    def close(self) -> Made | None:
        """Close what is being drawn; with fewer than three points it goes on."""
        if len(self.drawn) < 3:
            return None
        drawn, self.drawn, self._is_shaping = Drawn(Outline(self.drawn)), (), False
        return drawn

    def step_back(self) -> None:
        """Take back the last point of what is being drawn."""
        self.drawn = self.drawn[:-1]

    def give_up(self) -> None:
        """Draw no further; what is being dragged stays as it was."""
        self.drawn, self.changed, self._grip, self._is_shaping = (), None, None, False

    def delete(self, there: Sequence[Outline]) -> Made | None:
        """Delete the selected point, or the outline where no point of it is selected or three are left."""
        if self.selected is None or self.selected[0] >= len(there):
            return None
        which, index = self.selected
        if index is None or len(there[which].vertices) <= 3:
            self.selected = None
            return Deleted(which, None)
        self.selected = which, None
        return Deleted(which, index)
