"""What an artist draws on a frame: box, stroke, polygon.

Here: ``Box``, ``Stroke``, ``Polygon``, ``Marks``; where they lie in pixels. Not here: what is made of them
(``selecting.py``), reading them from options and files (``propainter_backend/matting/marks_files.py``).

Points are (x, y) in pixels of the plate; (0, 0) is the upper left corner of the upper left pixel. ``scaled`` brings marks
to the working size.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import cv2
import numpy as np
import numpy.typing as npt

from propainter_matte.arrays import Mask

Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """A rectangle around the object."""

    x: float
    y: float
    width: float
    height: float

    def __post_init__(self) -> None:
        if not (self.width > 0 and self.height > 0):
            raise ValueError(
                f"a box of {self.width:g}x{self.height:g} holds nothing; give a width and a height above 0"
            )

    def holds(self, point: Point) -> bool:
        """Whether a point lies in it."""
        return self.x <= point[0] <= self.x + self.width and self.y <= point[1] <= self.y + self.height

    def meets(self, other: Box) -> bool:
        """Whether two share pixels."""
        return (
            max(self.x, other.x) < min(self.x + self.width, other.x + other.width)
            and max(self.y, other.y) < min(self.y + self.height, other.y + other.height)
        )  # fmt: skip


@dataclass(frozen=True)
class Stroke:
    """A line drawn with a round brush; a single point is a dot."""

    points: tuple[Point, ...]
    removes: bool = True
    """Whether it marks what is to be removed, else what is to be kept."""
    radius: float = 3.0

    def __post_init__(self) -> None:
        if not self.points or not self.radius > 0:
            raise ValueError("a stroke needs a point and a radius above 0")


@dataclass(frozen=True)
class Polygon:
    """A closed outline; the object ends at it."""

    points: tuple[Point, ...]

    def __post_init__(self) -> None:
        if len(self.points) < 3:
            raise ValueError(f"a polygon of {len(self.points)} points has no inside; give three at least")


@dataclass(frozen=True)
class Marks:
    """All that is drawn on one frame; later strokes lie over earlier ones."""

    boxes: tuple[Box, ...] = ()
    strokes: tuple[Stroke, ...] = ()
    polygons: tuple[Polygon, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.boxes or self.strokes or self.polygons)

    def __add__(self, more: Marks) -> Marks:
        return Marks(self.boxes + more.boxes, self.strokes + more.strokes, self.polygons + more.polygons)

    @property
    def names_object(self) -> bool:
        """Whether anything here says what is to be removed."""
        return bool(self.boxes or self.polygons or any(stroke.removes for stroke in self.strokes))

    def objects_apart(self) -> list[Marks]:
        """For every box its own marks, where boxes lie apart from each other; else all together.

        A stroke that removes goes with the box it begins in, or the first; one that keeps with all.
        """
        if self.polygons or len(self.boxes) < 2 or any(a.meets(b) for a, b in combinations(self.boxes, 2)):
            return [self]
        mine: list[list[Stroke]] = [[] for _ in self.boxes]
        for stroke in self.strokes:
            begun_in = [place for place, box in enumerate(self.boxes) if box.holds(stroke.points[0])]
            for place in begun_in or [0] if stroke.removes else range(len(self.boxes)):
                mine[place].append(stroke)
        return [Marks((box,), tuple(strokes)) for box, strokes in zip(self.boxes, mine, strict=True)]

    def scaled(self, across: float, down: float) -> Marks:
        """The same on a picture of another size."""
        mean = (across * down) ** 0.5

        def move(points: tuple[Point, ...]) -> tuple[Point, ...]:
            return tuple((x * across, y * down) for x, y in points)

        return Marks(
            tuple(Box(b.x * across, b.y * down, b.width * across, b.height * down) for b in self.boxes),
            tuple(replace(s, points=move(s.points), radius=max(s.radius * mean, 0.5)) for s in self.strokes),
            tuple(Polygon(move(p.points)) for p in self.polygons),
        )


def inside_boxes(marks: Marks, height: int, width: int) -> Mask:
    """Pixels within any box, those it cuts through too."""
    inside = np.zeros((height, width), np.bool_)
    for box in marks.boxes:
        rows = slice(max(0, int(np.floor(box.y))), max(0, int(np.ceil(box.y + box.height))))
        columns = slice(max(0, int(np.floor(box.x))), max(0, int(np.ceil(box.x + box.width))))
        inside[rows, columns] = True
    return inside


def inside_polygons(marks: Marks, height: int, width: int) -> Mask:
    """Pixels within any polygon."""
    inside = np.zeros((height, width), np.uint8)
    for polygon in marks.polygons:
        cv2.fillPoly(inside, [_whole(polygon.points)], 1, shift=_SHIFT)
    return inside > 0


def under_strokes(marks: Marks, height: int, width: int) -> tuple[Mask, Mask]:
    """Pixels under strokes that remove, and under those that keep; where they cross, the later one counts."""
    under = np.zeros((height, width), np.uint8)
    for stroke in marks.strokes:
        value, thick = (1 if stroke.removes else 2), max(1, round(2 * stroke.radius))
        points = _whole(stroke.points)
        if len(points) == 1:
            cv2.circle(under, points[0].tolist(), round(stroke.radius * 2**_SHIFT), value, cv2.FILLED, shift=_SHIFT)
        else:
            cv2.polylines(under, [points], False, value, thick, shift=_SHIFT)
    return under == 1, under == 2


_SHIFT = 4
"""Bits of a pixel that OpenCV's drawing is told."""
_FAR_OUT = 2.0**20
"""Pixels off beyond which a line is cut short: OpenCV counts in 32 bits."""


def _whole(points: tuple[Point, ...]) -> npt.NDArray[np.int32]:
    """Points for OpenCV, whose pixels have whole numbers at their middle."""
    placed = np.array(points, np.float64).clip(-_FAR_OUT, _FAR_OUT)
    whole: npt.NDArray[np.int32] = np.rint((placed - 0.5) * 2**_SHIFT).astype(np.int32)
    return whole
