"""Shapes and strokes as pixels: how much of each pixel they cover.

Here: filling outlines, drawing round strokes, numpy alone, as OpenCV is none of the panel's. Not here: what covers what
(``cooking.py``, ``cloning.py``).

Everything comes as a patch: the rows and columns it reaches within the picture, and its cover there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from propainter_ui.matte.strokes import Dab, Point

Cover = npt.NDArray[Any]
"""float32 [h, w], 0..1."""

_PIECE_PX = 24.0
"""A line is measured in pieces so short that the box around each is small."""
_DAB_STEP = 1 / 8
"""Share of the radius that the hand must have moved to count: less cannot be seen."""


@dataclass(frozen=True)
class CoverPatch:
    """Cover within a box of the picture; outside it there is none."""

    rows: slice
    columns: slice
    cover: Cover

    @property
    def box(self) -> tuple[slice, slice]:
        """To index a picture with."""
        return self.rows, self.columns


def filled(points: Sequence[Point], width: int, height: int, *, feather: float = 0.0) -> CoverPatch:
    """The inside of a closed polygon, even-odd. feather: pixels of soft edge, half of it on either side; the edge is a pixel
    wide at least, so that slanting ones have no steps.
    """
    soft = max(1.0, feather)
    xs, ys = np.array(points, np.float64).T
    rows, columns = _box(xs.min(), ys.min(), xs.max(), ys.max(), soft, width, height)
    inside = _inside(points, rows, columns)
    distance = np.full(inside.shape, np.inf, np.float32)
    for one, other in _edges(points):
        _measure(distance, one, other, soft / 2 + 1, rows, columns)
    signed = np.where(inside, distance, -distance)
    return CoverPatch(rows, columns, np.clip(0.5 + signed / np.float32(soft), 0, 1).astype(np.float32))


def stroked(dabs: Sequence[Dab], radius: float, width: int, height: int, *, softness: float = 0.0) -> CoverPatch:
    """A line of a round brush; one dab alone is a disc. Pressure scales the radius.

    softness 0 covers every pixel whose middle lies within the radius, and no other; above 0 the cover fades over that
    outer share of the radius.
    """
    thinned = _thinned(dabs, radius)
    xs, ys, pressures = np.array(thinned, np.float64).T
    reach = radius * max(0.0, float(pressures.max()))
    rows, columns = _box(xs.min(), ys.min(), xs.max(), ys.max(), reach, width, height)
    cover = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.float32)
    for one, other in _dab_pairs(thinned):
        _draw(cover, one, other, radius, softness, rows, columns)
    return CoverPatch(rows, columns, cover)


def _thinned(dabs: Sequence[Dab], radius: float) -> list[Dab]:
    """Without those a hand at rest leaves in one place; first and last stay."""
    kept = [dabs[0]]
    for dab in dabs[1:-1]:
        if math.dist(dab[:2], kept[-1][:2]) >= radius * _DAB_STEP or abs(dab[2] - kept[-1][2]) >= _DAB_STEP:
            kept.append(dab)
    return kept if len(dabs) == 1 else [*kept, dabs[-1]]


def _dab_pairs(dabs: Sequence[Dab]) -> Iterator[tuple[Dab, Dab]]:
    """Neighbours along a line, long ways in pieces; a lone dab with itself."""
    if len(dabs) == 1:
        yield dabs[0], dabs[0]
    for one, other in pairwise(dabs):
        count = max(1, math.ceil(math.dist(one[:2], other[:2]) / _PIECE_PX))
        for step in range(count):
            yield _on_way(one, other, step / count), _on_way(one, other, (step + 1) / count)


def _on_way(one: Dab, other: Dab, share: float) -> Dab:
    x, y, pressure = (a + (b - a) * share for a, b in zip(one, other, strict=True))
    return x, y, pressure


def _edges(points: Sequence[Point]) -> Iterator[tuple[Point, Point]]:
    """A polygon's edges, long ones in pieces."""
    for one, other in zip(points, (*points[1:], points[0]), strict=True):
        count = max(1, math.ceil(math.dist(one, other) / _PIECE_PX))
        for step in range(count):
            a, b = step / count, (step + 1) / count
            yield (
                (one[0] + (other[0] - one[0]) * a, one[1] + (other[1] - one[1]) * a),
                (one[0] + (other[0] - one[0]) * b, one[1] + (other[1] - one[1]) * b),
            )


def _box(
    left: float, top: float, right: float, bottom: float, margin: float, width: int, height: int
) -> tuple[slice, slice]:
    """Rows and columns of the picture that a rectangle with this margin reaches; empty slices where it reaches none."""

    def held(value: float, highest: int) -> int:
        return int(min(max(value, 0), highest))

    rows = slice(held(math.floor(top - margin), height), held(math.ceil(bottom + margin) + 1, height))
    columns = slice(held(math.floor(left - margin), width), held(math.ceil(right + margin) + 1, width))
    return rows, columns


def _inside(points: Sequence[Point], rows: slice, columns: slice) -> npt.NDArray[np.bool_]:
    """Pixels whose middle lies within a polygon, even-odd: every edge turns over what is to the right of it."""
    height, width = rows.stop - rows.start, columns.stop - columns.start
    turns = np.zeros((height, width + 1), np.int32)
    for (x0, y0), (x1, y1) in zip(points, (*points[1:], points[0]), strict=True):
        if y0 == y1:
            continue
        if y0 > y1:
            x0, y0, x1, y1 = x1, y1, x0, y0
        begin = min(max(math.ceil(y0 - 0.5) - rows.start, 0), height)
        end = min(max(math.ceil(y1 - 0.5) - rows.start, 0), height)
        if begin >= end:
            continue
        row = np.arange(begin, end)
        x = x0 + (row + rows.start + 0.5 - y0) * ((x1 - x0) / (y1 - y0))
        column = np.clip(np.ceil(x - 0.5) - columns.start, 0, width).astype(np.int64)
        np.add.at(turns, (row, column), 1)
    inside: npt.NDArray[np.bool_] = (np.cumsum(turns, axis=1)[:, :width] & 1) == 1
    return inside


def _measure(distance: Cover, one: Point, other: Point, reach: float, rows: slice, columns: slice) -> None:
    """Lower each pixel's distance to that from a line, as far as ``reach``."""
    near = _near(one, other, reach, rows, columns)
    if near is None:
        return
    cut, _, gap = near
    np.minimum(distance[cut], gap, out=distance[cut])


def _draw(cover: Cover, one: Dab, other: Dab, radius: float, softness: float, rows: slice, columns: slice) -> None:
    """Raise each pixel's cover to that of a line with round ends."""
    first, last = radius * one[2], radius * other[2]
    if max(first, last) <= 0:
        return
    near = _near(one[:2], other[:2], max(first, last), rows, columns)
    if near is None:
        return
    cut, share, gap = near
    here = np.float32(first) + share * np.float32(last - first)
    if softness == 0:
        drawn = (gap <= here).astype(np.float32)
    else:
        with np.errstate(divide="ignore", invalid="ignore"):
            fade = np.clip((1 - gap / here) / np.float32(softness), 0, 1)
        drawn = np.where(here > 0, fade * fade * (3 - 2 * fade), 0).astype(np.float32)
    np.maximum(cover[cut], drawn, out=cover[cut])


def _near(
    one: Point, other: Point, reach: float, rows: slice, columns: slice
) -> tuple[tuple[slice, slice], Cover, Cover] | None:
    """For pixels within reach of a line: where they are, their share along it, their distance; None: there are none."""
    top = max(math.floor(min(one[1], other[1]) - reach), rows.start)
    bottom = min(math.ceil(max(one[1], other[1]) + reach) + 1, rows.stop)
    left = max(math.floor(min(one[0], other[0]) - reach), columns.start)
    right = min(math.ceil(max(one[0], other[0]) + reach) + 1, columns.stop)
    if top >= bottom or left >= right:
        return None
    y = np.arange(top, bottom, dtype=np.float64)[:, None] + (0.5 - one[1])
    x = np.arange(left, right, dtype=np.float64) + (0.5 - one[0])
    along_x, along_y = other[0] - one[0], other[1] - one[1]
    length = along_x * along_x + along_y * along_y
    share = (
        np.zeros((bottom - top, right - left)) if length == 0 else np.clip((x * along_x + y * along_y) / length, 0, 1)
    )
    gap = np.hypot(x - share * along_x, y - share * along_y)
    cut = (slice(top - rows.start, bottom - rows.start), slice(left - columns.start, right - columns.start))
    return cut, share.astype(np.float32), gap.astype(np.float32)
