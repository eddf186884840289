"""Which offset each pixel of a hole is copied over: pieces that agree with the rim and with each other where they meet.

Here: the choice on a lattice of cells, and its refinement pixel by pixel at the seams. Not here: which offsets there are
(``offsets.py``), how the cheapest choice is found (``labels.py``).
"""

from __future__ import annotations

from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from propainter.classical.flow_image import Index
from propainter.classical.harmonic import Field, Mask
from propainter.classical.texture.labels import cheapest
from propainter.classical.texture.likeness import Look
from propainter.classical.texture.offsets import Likely, Offsets

T = TypeVar("T", bound=np.generic)

_CELLS = 2000
"""Cells of the lattice over the hole and its rim, at most; larger holes have larger cells."""
_RIM = 2
"""Cells, then pixels, around the hole in which what is known must be met."""
_SAYS_OF_RIM = 1.5
"""What a difference there counts, against one at a seam."""
_SAYS_OF_KIND = 0.1
"""What it costs inside to be of another texture than the rims' texture, drawn over the hole, would have there."""
_SAYS_OF_REPETITION = 0.4
"""What it costs that the surroundings as a whole do not repeat at an offset."""
_SEAM = 0.02
"""What a seam costs that shows no difference."""
_LACKING = 3.0
"""What it costs to be copied from nowhere."""
_ROUNDS, _ROUNDS_REFINED = 8, 3
"""Times that messages go about the lattice: labels hardly change after six, and at the seams, which lie close, after two."""
_OPTIONS = 4
"""Offsets a pixel chooses from when seams are refined."""


def laid_in_cells(look: Look, hole: Mask, likely: Likely) -> tuple[Index, int]:
    """The number of the offset that each pixel (h, w) takes, by whole cells (-1: away from the hole), and their side."""
    box, side = _lattice(hole)
    rows, columns = np.mgrid[box]
    cells = _Cells(side)
    known, picture = cells.of(_at(look.known, rows, columns)), cells.of(_at(look.picture, rows, columns))
    features, variance = cells.of(_at(look.features, rows, columns)), cells.of(_at(look.variance, rows, columns))
    in_hole = cells.of(_at(hole, rows, columns) & (rows < hole.shape[0]) & (columns < hole.shape[1]))
    active = cv2.dilate(np.asarray(in_hole.any(2), np.uint8), np.ones((2 * _RIM + 1, 2 * _RIM + 1), np.uint8)) > 0
    wants, looks, kinds, spreads = [], [], [], []
    for (down, right), repeated in zip(likely.offsets.tolist(), likely.cost.tolist(), strict=True):
        there = rows + down, columns + right
        lacking, colours = cells.of(look.lacks(*there)), cells.of(_at(look.picture, *there))
        kind, spread = cells.of(_at(look.features, *there)), cells.of(_at(look.variance, *there))
        other = ((kind - features) ** 2).sum(3)
        differs = look.relative(((colours - picture) ** 2).mean(3), variance + spread) + other
        inside = np.float32(_SAYS_OF_KIND) * other + np.float32(_SAYS_OF_REPETITION * repeated)
        cost = np.where(known, np.float32(_SAYS_OF_RIM) * differs, inside) + np.float32(_LACKING) * lacking
        wants.append(cost.mean(2))
        looks.append(colours.reshape(*active.shape, -1))
        kinds.append(kind.mean(2))
        spreads.append(spread.mean(2))
    spread, count = np.stack(spreads, 2), np.float32(looks[0].shape[2])
    apart = look.relative(_squared(np.stack(looks, 2)) / count, spread[..., :, None] + spread[..., None, :])
    apart += _squared(np.stack(kinds, 2))
    apart += np.float32(_SEAM / 2) * (1 - np.eye(len(likely.offsets), dtype=np.float32))
    apart[~active] = 0
    across, below = apart[:, :-1] + apart[:, 1:], apart[:-1] + apart[1:]
    across[~(active[:, :-1] & active[:, 1:])] = 0
    below[~(active[:-1] & active[1:])] = 0
    chosen = np.where(active, cheapest(np.stack(wants, 2) * active[..., None], across, below, rounds=_ROUNDS), -1)
    label = np.full(hole.shape, -1, np.intp)
    grown = np.repeat(np.repeat(chosen, side, 0), side, 1)
    part = label[box]
    part[:] = grown[: part.shape[0], : part.shape[1]]
    return label, side


def refined(look: Look, hole: Mask, offsets: Offsets, label: Index, *, reach: int) -> Index:
    """The same choice pixel by pixel: each takes its label or one that lies within reach, where the seam shows least."""
    near = cv2.dilate(hole.astype(np.uint8), np.ones((2 * _RIM + 1, 2 * _RIM + 1), np.uint8)) > 0
    rows, columns = np.nonzero(near)
    box = slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1)
    near, at = near[box], np.mgrid[box]
    options = _options(label, reach)[:, box[0], box[1]]
    picture, variance, known = look.picture[box], look.variance[box], look.known[box]

    def seen(option: Index, rows: Index = at[0], columns: Index = at[1]) -> tuple[Field, Field, Mask]:
        there = rows + offsets[option, 0], columns + offsets[option, 1]
        return _at(look.picture, *there), _at(look.variance, *there), look.lacks(*there)

    wants = []
    for option in options:
        colours, spread, lacking = seen(option)
        differs = look.relative(((colours - picture) ** 2).mean(2), variance + spread)
        wants.append(np.float32(_SAYS_OF_RIM) * differs * known + np.float32(_LACKING) * (lacking & near))
    pairs = []
    for axis in (1, 0):
        here = tuple(slice(None, -1) if i == axis else slice(None) for i in (0, 1))
        beyond = tuple(slice(1, None) if i == axis else slice(None) for i in (0, 1))
        both = near[here] & near[beyond]
        together = np.zeros((*both.shape, _OPTIONS, _OPTIONS), np.float32)
        for first in range(_OPTIONS):
            for second in range(_OPTIONS):
                mine, theirs = options[first][here], options[second][beyond]
                differs = np.full(both.shape, np.float32(_SEAM))
                for rows, columns in ((at[0][here], at[1][here]), (at[0][beyond], at[1][beyond])):
                    one, other = seen(mine, rows, columns), seen(theirs, rows, columns)
                    differs += look.relative(((one[0] - other[0]) ** 2).mean(2), one[1] + other[1])
                together[..., first, second] = np.where(both & (mine != theirs), differs, 0)
        pairs.append(together)
    chosen = cheapest(np.stack(wants, 2) * near[..., None], *pairs, rounds=_ROUNDS_REFINED)
    result: Index = label.copy()
    result[box] = np.where(near, np.take_along_axis(options, chosen[None], 0)[0], label[box])
    return result


class _Cells:
    """Images cut into square cells."""

    def __init__(self, side: int) -> None:
        self._side = side

    def of(self, image: npt.NDArray[T]) -> npt.NDArray[T]:
        """(h, w, ...) as (cells down, cells across, pixels of a cell, ...)."""
        side, rest = self._side, image.shape[2:]
        height, width = image.shape[0] // side, image.shape[1] // side
        cut = image.reshape(height, side, width, side, *rest).swapaxes(1, 2)
        cells: npt.NDArray[T] = cut.reshape(height, width, side * side, *rest)
        return cells


def _lattice(hole: Mask) -> tuple[tuple[slice, slice], int]:
    """The part of the picture that cells are laid over, in whole cells (it may end beyond the picture), and their side."""
    rows, columns = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
    side = 1
    while True:
        rim = _RIM * side
        top, left = max(rows[0] - rim, 0), max(columns[0] - rim, 0)
        down, across = -(-(rows[-1] + 1 + rim - top) // side), -(-(columns[-1] + 1 + rim - left) // side)
        if down * across <= _CELLS:
            return (slice(top, top + down * side), slice(left, left + across * side)), side
        side += 1


def _at(image: npt.NDArray[T], rows: Index, columns: Index) -> npt.NDArray[T]:
    """Pixels of an image; beyond its edge those at the edge."""
    values: npt.NDArray[T] = image[rows.clip(0, image.shape[0] - 1), columns.clip(0, image.shape[1] - 1)]
    return values


def _squared(values: Field) -> Field:
    """Squared differences (..., k, k) of k vectors each (..., k, c)."""
    length = (values**2).sum(-1)
    product = np.matmul(values, values.swapaxes(-1, -2))
    squared: Field = np.maximum(length[..., :, None] + length[..., None, :] - 2 * product, 0)
    return squared


def _options(label: Index, reach: int) -> Index:
    """Labels (options, h, w) each pixel may take: its own, and others around it; repeated where there are no more."""
    own = np.where(label < 0, 0, label)
    options = [own] * _OPTIONS
    height, width = label.shape
    padded = np.pad(label, reach, mode="edge")
    count = np.ones(label.shape, np.intp)
    stacked = np.stack(options)
    for down, right in ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1)):
        other = padded[reach * (1 + down) :, reach * (1 + right) :][:height, :width]
        fresh = (other >= 0) & (stacked != other).all(0) & (count < _OPTIONS)
        where = np.nonzero(fresh)
        stacked[count[where], where[0], where[1]] = other[where]
        count[where] += 1
    return stacked
