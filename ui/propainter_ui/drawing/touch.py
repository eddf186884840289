"""Where mouse or pen touch the picture, and how.

Here: ``Touch``. Not here: what a touch draws (``strokes.py``, ``outline_hand.py``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from propainter_ui.matte.strokes import Point


@dataclass(frozen=True)
class Touch:
    """One place the hand is at, in plate pixels; (0, 0) is the upper left corner of the upper left pixel."""

    x: float
    y: float
    pressure: float = 1.0
    """Of a pen, above 0 to 1; a mouse presses with 1."""
    reach: float = 8.0
    """Plate pixels within which something is meant that lies beside."""
    is_other: bool = False
    """Ctrl is held: the tool does its other thing."""
    is_shifted: bool = False
    """Shift is held."""
    is_eraser: bool = False
    """The pen is turned round."""

    @property
    def point(self) -> Point:
        """Where it is."""
        return self.x, self.y

    def distance(self, point: Point) -> float:
        """Plate pixels from a point."""
        return math.hypot(self.x - point[0], self.y - point[1])


def held_within(point: Point, size: tuple[int, int]) -> Point:
    """The point of the picture nearest to a point. size: width, height."""
    return min(max(point[0], 0.0), float(size[0])), min(max(point[1], 0.0), float(size[1]))
