"""How the plate around a hole moves in fact, where a model of the background leads only near it.

A homography of all of the background errs by a tenth or two of a pixel beside a hole, another way in every pair of frames:
texture carried by it shakes against what stands beside it. What is seen around the hole in both frames says by how much.

Here: the error, linear across the picture, of one pair of frames. Not here: the model (``carrying.py``), sources
(``registering.py``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from propainter.classical.harmonic import Field, Mask
from propainter.classical.motion import distance_to
from propainter.classical.texture.registering import ALIKE, NOISE, bilinear, credit, slopes_of

_WIDE = 32.0
"""Pixels around the hole that are looked at."""
_MOST_POINTS, _LEAST_POINTS = 6000, 64
"""Of them so many are looked at; with fewer the model stands."""
_ROUNDS = 6
"""Times that the error is set right."""
_STIFF = np.array([0.5, 0.3, 0.3])
"""Pixels that the model is taken to be off by: everywhere, and more so a spread of the surroundings across and down."""
_BEYOND = 2.0
"""Spreads of the surroundings beyond which the error grows no further: there nothing tells of it."""


@dataclass(frozen=True, eq=False)
class Error:
    """What a field of motion lacks, linear in the place."""

    centre: tuple[float, float]
    """Column and row."""
    spread: float
    """Pixels."""
    slope: Field
    """(3, 2): across and down, in pixels: everywhere, a spread further right, a spread further down."""

    def corrected(self, field: Field) -> Field:
        """The field (h, w, 2) without its error."""
        height, width = field.shape[:2]
        right, below = (self._away(np.arange(size), axis) for axis, size in ((0, width), (1, height)))
        whole: Field = (field + self.slope[0] + right[None, :, None] * self.slope[1]) + below[
            :, None, None
        ] * self.slope[2]
        return whole

    def _away(self, at: np.ndarray, axis: int) -> Field:
        away: Field = ((at - self.centre[axis]) / self.spread).clip(-_BEYOND, _BEYOND).astype(np.float32)
        return away


def error_around(holes: tuple[Mask, Mask], details: tuple[Field, Field], field: Field) -> Error | None:
    """The error of a field (h, w, 2) from one frame to another; None: nothing tells of it.

    holes, details (``registering.detail_of``): of the two frames.
    """
    distance = distance_to(holes[0])
    row, column = np.nonzero((distance > 1) & (distance <= _WIDE))
    step = max(1, len(row) // _MOST_POINTS)
    row, column = row[::step], column[::step]
    height, width = distance.shape
    x, y = (at + field[row, column, axis] for axis, at in ((0, column), (1, row)))
    clear = distance_to(holes[1]) > 1
    seen = (x >= 1) & (x <= width - 2) & (y >= 1) & (y <= height - 2)
    seen[seen] = clear[np.rint(y[seen]).astype(np.intp), np.rint(x[seen]).astype(np.intp)]
    if np.count_nonzero(seen) < _LEAST_POINTS:
        return None
    row, column, x, y = row[seen], column[seen], x[seen].astype(np.float32), y[seen].astype(np.float32)
    centre = float(column.mean()), float(row.mean())
    spread = 1.5 * max(float(column.std()), float(row.std()), 1.0)
    place = np.stack([np.ones(len(row)), (column - centre[0]) / spread, (row - centre[1]) / spread], 1)
    slopes = slopes_of(details[0])[row, column]
    told = np.concatenate([place * slopes[:, :1], place * slopes[:, 1:]], 1)
    was, found = details[0][row, column], np.zeros(6)
    for _ in range(_ROUNDS):
        right, down = (np.einsum("nk,k->n", place, part) for part in (found[:3], found[3:]))
        at = (x + right).clip(0, width - 1).astype(np.float32), (y + down).clip(0, height - 1).astype(np.float32)
        miss = bilinear(details[1][..., None], *at)[:, 0] - was
        spoken = credit(miss)
        stiff = ALIKE * max(float(np.median(np.square(miss))), NOISE) / np.square(np.tile(_STIFF, 2))
        normal = np.einsum("n,ni,nj->ij", spoken, told, told) + np.diag(stiff)
        found -= np.linalg.solve(normal, np.einsum("n,ni->i", spoken * miss, told) + stiff * found)
    return Error(centre, spread, found.reshape(2, 3).T.astype(np.float32))
