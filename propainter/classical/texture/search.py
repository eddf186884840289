"""Where a key frame's unseen pixels could be seen: for each, a pixel of the plate whose surroundings continue its own.

Here: the search in one key frame, from a size at which it is cheap to the full one. Not here: what is alike
(``likeness.py``), which offsets are tried (``offsets.py``) and taken (``pieces.py``), how sure that is (``sureness.py``),
carrying what is found to other frames (``carrying.py``), light (``levels.py``).

What is found is a place, never a colour, and every pixel is copied from one place.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from propainter.classical.flow_image import Index
from propainter.classical.harmonic import Field, Mask, box_around
from propainter.classical.texture.likeness import Look, look_of
from propainter.classical.texture.offsets import Offsets, likely_offsets
from propainter.classical.texture.pieces import laid_in_cells, refined
from propainter.classical.texture.sureness import misses_of
from propainter.spread import ONE_BY_ONE, Spread

_MOST_OFFSETS = 64
"""Offsets a hole chooses from."""
_PIXELS_AN_OFFSET, _LEAST_OFFSETS = 20, 16
"""Pixels of a small hole for each of them; and how many it has at least."""
_SEARCHED = 1 << 17
"""Pixels around a hole that are searched at full size; more are halved first."""
_AWAY, _LEAST_AWAY = 1.0, 64
"""Sizes of the hole, and pixels at least, around it within which sources are sought."""
_JOINED = 16
"""Parts of the hole nearer to each other, in pixels, are treated as one."""
_ADJUSTING, _LEAST_TOLD = 6, 16
"""Pixels around the hole by which an offset found at half the size is set right; and how many of them at least."""


@dataclass(frozen=True)
class Found:
    """Where n unseen pixels of a key frame, by row and column, can be copied from in the same frame."""

    copied: Mask
    """Whether there is anything to copy."""
    x: npt.NDArray[np.int32]
    y: npt.NDArray[np.int32]
    miss: Field
    """See ``Invented.miss``."""

    @property
    def any(self) -> bool:
        """Whether there is anything to copy for some pixel."""
        return bool(self.copied.any())


def find_sources(picture: Field, unseen: Mask, usable: Mask, *, spread: Spread = ONE_BY_ONE) -> Found:
    """Where the unseen pixels (h, w) of a picture (h, w, 3) can be copied from.

    unseen: not read. usable: (h, w), what may be copied.
    """
    count = int(unseen.sum())
    x, y = np.zeros((2, count), np.int32)
    copied, misses = np.zeros(count, np.bool_), np.full(count, np.inf, np.float32)
    number = np.full(unseen.shape, -1, np.intp)
    number[unseen] = np.arange(count)

    def search(here: Mask) -> tuple[tuple[slice, slice], Index, tuple[Index, Index, Field, Mask]]:
        box = _surroundings(here)
        return box, number[box][here[box]], _search(picture[box], here[box], unseen[box], usable[box])

    for (rows, columns), which, (row, column, miss, good) in spread(search, _parts_of(unseen)):
        which = which[good]
        copied[which], misses[which] = True, miss[good]
        y[which], x[which] = row[good] + rows.start, column[good] + columns.start
    return Found(copied, x, y, misses)


def _parts_of(unseen: Mask) -> list[Mask]:
    """The hole's parts, those near each other together."""
    near = cv2.dilate(unseen.astype(np.uint8), np.ones((_JOINED + 1, _JOINED + 1), np.uint8))
    count, labels = cv2.connectedComponents(near, connectivity=8)
    return [part for part in (unseen & (labels == i) for i in range(1, count)) if part.any()]


def _surroundings(hole: Mask) -> tuple[slice, slice]:
    rows, columns = box_around(hole, pad=0)
    size = max(rows.stop - rows.start, columns.stop - columns.start)
    return box_around(hole, pad=max(int(_AWAY * size), _LEAST_AWAY))


def _search(picture: Field, hole: Mask, unseen: Mask, usable: Mask) -> tuple[Index, Index, Field, Mask]:
    """Row, column and miss of every hole pixel's source, and whether there is one."""
    rows, columns = np.nonzero(hole)
    none = rows, columns, np.zeros(len(rows), np.float32), np.zeros(len(rows), np.bool_)
    sizes = [(look_of(np.ascontiguousarray(picture), ~unseen, usable), hole)]
    while sizes[-1][1].size > _SEARCHED:
        sizes.append(_halved(*sizes[-1]))
    look, small = sizes[-1]
    if not look.usable.any():
        return none
    most = min(_MOST_OFFSETS, _LEAST_OFFSETS + int(small.sum()) // _PIXELS_AN_OFFSET)
    likely = likely_offsets(look, small, most)
    if not len(likely.offsets):
        return none
    label, side = laid_in_cells(look, small, likely)
    offsets = likely.offsets
    label = refined(look, small, offsets, label, reach=side)
    for look, here in reversed(sizes[:-1]):
        label = np.repeat(np.repeat(label, 2, 0), 2, 1)[: here.shape[0], : here.shape[1]]
        offsets = _adjusted(look, here, 2 * offsets, label)
        label = refined(look, here, offsets, label, reach=2)
    away = offsets[label[hole]]
    there = rows + away[:, 0], columns + away[:, 1]
    return *there, misses_of(sizes[0][0], hole, offsets, label), ~sizes[0][0].lacks(*there)


def _halved(look: Look, hole: Mask) -> tuple[Look, Mask]:
    """The same at half the size, from what is usable alone. What is part of the hole stays one."""
    pads = (0, hole.shape[0] % 2), (0, hole.shape[1] % 2)
    weight = np.pad(look.known, pads).astype(np.float32)[..., None]
    count = _sum_of_cells(weight)
    picture: Field = _sum_of_cells(np.pad(look.picture, (*pads, (0, 0))) * weight) / np.maximum(count, np.float32(1))
    lies_in = _sum_of_cells(np.pad(hole, pads, mode="edge").astype(np.float32)) > 0
    usable = _sum_of_cells(np.pad(look.usable, pads).astype(np.float32)) > 3.5
    return look_of(picture, (count[..., 0] > 0) & ~lies_in, usable), lies_in


def _sum_of_cells(image: Field) -> Field:
    cells: Field = image[::2, ::2] + image[1::2, ::2] + image[::2, 1::2] + image[1::2, 1::2]
    return cells


def _adjusted(look: Look, hole: Mask, offsets: Offsets, label: Index) -> Offsets:
    """Offsets found at half the size, set right by a pixel where what is known beside the hole tells."""
    result: Offsets = offsets.copy()
    size = 2 * _ADJUSTING + 1
    beside = (cv2.dilate(hole.astype(np.uint8), np.ones((size, size), np.uint8)) > 0) & look.known & (label >= 0)
    for number in np.unique(label[beside]).tolist():
        rows, columns = np.nonzero(beside & (label == number))
        if len(rows) < _LEAST_TOLD:
            continue
        best = np.inf
        for down, right in ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1)):
            there = rows + offsets[number, 0] + down, columns + offsets[number, 1] + right
            good = ~look.lacks(*there)
            if good.sum() < _LEAST_TOLD:
                continue
            gap = look.picture[rows[good], columns[good]] - look.picture[there[0][good], there[1][good]]
            miss = float((gap**2).mean())
            if miss < best:
                best, result[number] = miss, offsets[number] + (down, right)
    return result
