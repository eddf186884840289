"""What a hand draws on one frame: boxes, scribbles, strokes of a brush, strokes of a clone stamp.

Here: data alone. Not here: outlines with points that can be moved (``outlines.py``), pixels (``raster.py``).

Points are (x, y) in pixels of the plate; (0, 0) is the upper left corner of the upper left pixel, so that pixel's middle is
(0.5, 0.5).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

Point: TypeAlias = tuple[float, float]
Dab: TypeAlias = tuple[float, float, float]
"""x, y, and how hard the pen was pressed, 0..1."""
Matrix: TypeAlias = tuple[float, float, float, float, float, float, float, float, float]
"""3x3, row by row; it carries (x, y, 1)."""

STILL: Matrix = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True)
class Box:
    """A rectangle around the object."""

    x: float
    y: float
    width: float
    height: float

    def __post_init__(self) -> None:
        require_finite((self.x, self.y, self.width, self.height), "a box")
        if not (self.width > 0 and self.height > 0):
            raise ValueError(f"a box of {self.width:g}x{self.height:g} holds nothing; drag a width and a height")


@dataclass(frozen=True)
class Scribble:
    """A line that says what the object is; the backend finds its edge."""

    points: tuple[Point, ...]
    removes: bool = True
    """Whether it lies on the object, else on what is kept."""
    radius: float = 3.0

    def __post_init__(self) -> None:
        _require_stroke(self.points, self.radius, "a scribble")


@dataclass(frozen=True)
class BrushStroke:
    """Paint on the matte itself, exact to the pixel: no edge is looked for."""

    dabs: tuple[Dab, ...]
    radius: float
    """At full pressure."""
    paints: bool = True
    """Whether it paints white (remove), else black."""
    softness: float = 0.0
    """0: every pixel whose middle lies within the radius, and no other; 1: fading from the middle outwards."""
    opacity: float = 1.0

    def __post_init__(self) -> None:
        _require_stroke(self.dabs, self.radius, "a stroke of the brush")
        _require_share(self.softness, "softness")
        _require_share(self.opacity, "opacity")


@dataclass(frozen=True)
class CloneStroke:
    """Paint on a clean plate, taken from a frame of the plate."""

    dabs: tuple[Dab, ...]
    radius: float
    source: int
    """The frame that is taken from."""
    matrix: Matrix = STILL
    """Carries a point of the painted frame to where its colour is taken in ``source``."""
    softness: float = 0.0
    opacity: float = 1.0

    def __post_init__(self) -> None:
        _require_stroke(self.dabs, self.radius, "a stroke of the clone stamp")
        _require_share(self.softness, "softness")
        _require_share(self.opacity, "opacity")
        require_finite(self.matrix, "the motion of a clone stamp")
        if len(self.matrix) != 9:
            raise ValueError(f"the motion of a clone stamp has {len(self.matrix)} numbers; it takes 9")


def require_finite(values: Iterable[float], what: str) -> None:
    """Raise ValueError where a number is none."""
    for value in values:
        if not math.isfinite(value):
            raise ValueError(f"{what} holds {value}, which is no place on the picture")


def _require_stroke(points: tuple[tuple[float, ...], ...], radius: float, what: str) -> None:
    if not points:
        raise ValueError(f"{what} has no points")
    require_finite((number for point in points for number in point), what)
    if not (math.isfinite(radius) and radius > 0):
        raise ValueError(f"{what} has a radius of {radius}; it takes one above 0")


def _require_share(value: float, what: str) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{what} is {value}; it lies between 0 and 1")
