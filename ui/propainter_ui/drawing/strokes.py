"""Gestures that go from a press to a release: a box, a stroke, the brush's size.

Here: one class a gesture: ``move`` goes on with it, ``result`` is what it made. Not here: outlines, which go on after the
release (``outline_hand.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from propainter_ui.drawing.touch import Touch, held_within
from propainter_ui.matte.strokes import Box, Dab, Point

_LEAST_BOX = 2.0
"""Plate pixels a box must measure each way, or it was a click."""
_THIN = 0.2
"""Share of the radius within which a further point of a stroke says nothing new."""
_LIGHTEST = 0.15
"""Share of its radius that a pen draws with when it hardly touches."""
_SIZES = (0.5, 500.0)


class BoxGesture:
    """A box from one corner to the other, or from its middle with Ctrl, or as wide as high with Shift."""

    def __init__(self, touch: Touch, size: tuple[int, int]) -> None:
        """size: width, height of the plate; a box never leaves it."""
        self._size = size
        self._start = self._end = touch

    def move(self, touch: Touch) -> None:
        """The hand is here now."""
        self._end = touch

    @property
    def result(self) -> Box | None:
        """The box within the plate, on whole pixels; None: it is too small to be meant."""
        (ax, ay), (bx, by) = self._start.point, self._end.point
        across, down = bx - ax, by - ay
        if self._end.is_shifted:
            side = max(abs(across), abs(down))
            across, down = (side if across >= 0 else -side), (side if down >= 0 else -side)
        first = (ax - across, ay - down) if self._end.is_other else (ax, ay)
        corners = held_within(first, self._size), held_within((ax + across, ay + down), self._size)
        left, right = sorted(round(corner[0]) for corner in corners)
        top, bottom = sorted(round(corner[1]) for corner in corners)
        if right - left < _LEAST_BOX or bottom - top < _LEAST_BOX:
            return None
        return Box(float(left), float(top), float(right - left), float(bottom - top))


def corner_at(boxes: Sequence[Box], touch: Touch) -> tuple[int, Point] | None:
    """The box whose corner is at the hand, by its place, and the corner across, which stays while that one is dragged."""
    for place, box in reversed(list(enumerate(boxes))):
        sides, ends = (box.x, box.x + box.width), (box.y, box.y + box.height)
        for across, down in ((0, 0), (0, 1), (1, 0), (1, 1)):
            if touch.distance((sides[across], ends[down])) <= touch.reach:
                return place, (sides[1 - across], ends[1 - down])
    return None


@dataclass
class StrokeGesture:
    """A line of a round brush. A pen's pressure makes it thinner."""

    radius: float
    """At full pressure."""
    dabs: list[Dab] = field(default_factory=list)
    is_eraser: bool = False

    def move(self, touch: Touch) -> None:
        """The hand is here now. Points closer together than the brush can show are left out."""
        pressure = min(max(touch.pressure, _LIGHTEST), 1.0)
        self.is_eraser = self.is_eraser or touch.is_eraser
        if self.dabs and touch.distance(self.dabs[-1][:2]) < max(_THIN * self.radius * pressure, 0.5):
            x, y, before = self.dabs[-1]
            self.dabs[-1] = x, y, max(before, pressure)
            return
        self.dabs.append((touch.x, touch.y, pressure))

    @property
    def points(self) -> tuple[Point, ...]:
        """Where it goes through."""
        return tuple((x, y) for x, y, _ in self.dabs)

    @property
    def mean_radius(self) -> float:
        """One radius for all of it."""
        pressed = [pressure for _, _, pressure in self.dabs]
        return max(self.radius * sum(pressed) / max(1, len(pressed)), _SIZES[0])


class SizeGesture:
    """The brush's size by dragging: to the right it grows, to the left it shrinks; its middle stays."""

    def __init__(self, touch: Touch, radius: float) -> None:
        self.middle, self._start, self._radius = touch.point, touch, radius
        self.radius = radius

    def move(self, touch: Touch) -> None:
        """The hand is here now."""
        self.radius = held_size(self._radius + touch.x - self._start.x)


def held_size(radius: float) -> float:
    """A radius that a brush can have."""
    return min(max(radius, _SIZES[0]), _SIZES[1])


def next_size(radius: float, step: int) -> float:
    """The next larger (1) or smaller (-1) size: a sixth more or less, a half pixel at least."""
    moved = radius * (7 / 6 if step > 0 else 6 / 7)
    moved = max(moved, radius + 0.5) if step > 0 else min(moved, radius - 0.5)
    return held_size(round(moved * 2) / 2)
