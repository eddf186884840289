"""Marks as their user writes them: options like ``1001:x,y,w,h``, and a file of strokes.

Here: ``parse_box``, ``parse_points``, ``read_strokes``, ``marks_as_json``. Not here: what marks are
(``propainter_matte.marks``).

A file of strokes is JSON, frame by frame; every part may be left out:

    {"1001": {"boxes": [[x, y, width, height]],
              "remove": [{"points": [[x, y], ...], "radius": 4}],
              "keep": [{"points": [[x, y], ...], "radius": 4}],
              "polygons": [[[x, y], [x, y], [x, y], ...]]}}

Pixels are the plate's, (0, 0) its upper left corner.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from propainter_backend.errors import BadInput
from propainter_matte.marks import Box, Marks, Point, Polygon, Stroke

Framed = tuple[int, Marks]
"""Marks of a frame, by its number."""

_PARTS = ("boxes", "remove", "keep", "polygons")


def parse_box(text: str) -> Framed:
    """``FRAME:x,y,width,height``."""
    number, rest = _split_frame(text, "1001:420,180,96,210")
    values = _numbers(rest)
    if values is None or len(values) != 4:
        raise argparse.ArgumentTypeError(f"{text!r} is no box; say FRAME:x,y,width,height, as in 1001:420,180,96,210")
    try:
        return number, Marks(boxes=(Box(*values),))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from error


def parse_points(kind: str) -> Callable[[str], Framed]:
    """A reader of ``FRAME:x,y;x,y``: dots that ``remove`` or ``keep``, or the corners of a ``polygon``."""

    def parse(text: str) -> Framed:
        example = "1001:420,180;440,200"
        number, rest = _split_frame(text, example)
        pairs = [_numbers(part) for part in rest.split(";") if part.strip()]
        if not pairs or any(pair is None or len(pair) != 2 for pair in pairs):
            raise argparse.ArgumentTypeError(f"{text!r} holds no points; say FRAME:x,y;x,y, as in {example}")
        points = tuple((pair[0], pair[1]) for pair in pairs if pair is not None)
        try:
            if kind == "polygon":
                return number, Marks(polygons=(Polygon(points),))
            return number, Marks(strokes=tuple(Stroke((point,), kind == "remove", _DOT) for point in points))
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{text!r}: {error}") from error

    return parse


_DOT = 3.0
"""Radius of a point given by an option, in plate pixels."""


def joined(found: list[Framed]) -> dict[int, Marks]:
    """Marks by frame number."""
    by_frame: dict[int, Marks] = {}
    for number, marks in found:
        by_frame[number] = by_frame.get(number, Marks()) + marks
    return by_frame


def read_strokes(path: Path) -> list[Framed]:
    """The marks of a file of strokes. Raises BadInput naming the file, the frame and what is wrong there."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"strokes {path} cannot be read ({error.strerror or error}); check its name") from error
    except ValueError as error:
        raise BadInput(f"strokes {path} are no JSON ({error}); write them as docs/matte.md shows") from error
    if not isinstance(data, dict) or not data:
        raise BadInput(f'strokes {path} hold no frames; write {{"1001": {{"remove": [...]}}}}, as docs/matte.md shows')
    found = []
    for name, parts in data.items():
        try:
            found.append((int(name), marks_of(parts)))
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            raise BadInput(
                f"strokes {path}, frame {name!r}: {_reason(error)}; write it as docs/matte.md shows"
            ) from error
    return found


def marks_as_json(marks: Marks) -> dict[str, Any]:
    """The same for a file, as ``read_strokes`` reads it."""

    def strokes(removes: bool) -> list[dict[str, Any]]:
        return [
            {"points": [list(point) for point in stroke.points], "radius": stroke.radius}
            for stroke in marks.strokes
            if stroke.removes is removes
        ]

    return {
        "boxes": [[box.x, box.y, box.width, box.height] for box in marks.boxes],
        "remove": strokes(True),
        "keep": strokes(False),
        "polygons": [[list(point) for point in polygon.points] for polygon in marks.polygons],
    }


def marks_of(parts: object) -> Marks:
    """One frame of a file of strokes. Raises ValueError, TypeError, KeyError or OverflowError for anything else."""
    if not isinstance(parts, Mapping):
        raise ValueError("it is no object with boxes, remove, keep or polygons")
    unknown = [name for name in parts if name not in _PARTS]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is none of {', '.join(_PARTS)}")
    boxes = tuple(Box(*_finite(box, 4)) for box in parts.get("boxes", ()))
    strokes = tuple(
        Stroke(_points(stroke["points"]), kind == "remove", *_finite([stroke.get("radius", _DOT)], 1))
        for kind in ("remove", "keep")
        for stroke in parts.get(kind, ())
    )
    return Marks(boxes, strokes, tuple(Polygon(_points(points)) for points in parts.get("polygons", ())))


def _points(found: Any) -> tuple[Point, ...]:
    return tuple((x, y) for x, y in (_finite(point, 2) for point in found))


def _finite(found: Any, count: int) -> tuple[float, ...]:
    values = tuple(float(value) for value in found)
    if len(values) != count or not all(math.isfinite(value) for value in values):
        raise ValueError(f"{found!r} is not {count} numbers")
    return values


def _reason(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def _split_frame(text: str, example: str) -> tuple[int, str]:
    number, colon, rest = text.partition(":")
    try:
        return int(number), rest if colon else ""
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} names no frame; begin with its number, as in {example}") from error


def _numbers(text: str) -> tuple[float, ...] | None:
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        return None
    return values if all(math.isfinite(value) for value in values) else None
