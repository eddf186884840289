"""What colours say: how likely a pixel's colour is the object's, near it and in the whole frame.

Here: counting colours of object and background in cells of place and colour, and looking them up. Not here: what else
speaks for the object (``cues.py``).

Cells of place hold the colours of a neighbourhood, as the overlapping windows of Video SnapCut do (Bai et al., SIGGRAPH
2009); pixels of earlier frames are counted where flow has carried them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from propainter_matte.arrays import Field
from propainter_matte.footage import Footage

_PLACE = 24.0
"""Pixels a side of a cell of place, at 432x240."""
_UNSEEN_HERE = 0.05
"""Pixels a cell is taken to hold of each where nothing was counted: nothing known says nothing."""
_UNSEEN = 2e-4
"""The same as a share of all pixels, in the whole frame."""


@dataclass(frozen=True)
class Remembered:
    """The pixels of a frame whose matte is known, at their places in the frame that is asked about."""

    index: int
    matte: Field
    x: Field
    y: Field
    weight: float | Field = 1.0
    lasts: bool = False
    """Whether it is never forgotten: the frame a walk begins at."""


def near_colour(footage: Footage, index: int, remembered: Sequence[Remembered]) -> Field:
    """Log odds [h, w] that a pixel is the object's, by the colours that lay around it in remembered frames."""
    side = _PLACE * footage.unit
    columns, rows = int(footage.width / side) + 3, int(footage.height / side) + 3
    colours = int(np.prod(footage.cell_counts))
    counts = np.zeros((2, rows * columns * colours), np.float32)
    for each in remembered:
        column = np.clip(np.rint(each.x / side) + 1, 0, columns - 1).astype(np.int64)
        row = np.clip(np.rint(each.y / side) + 1, 0, rows - 1).astype(np.int64)
        cell = ((row * columns + column) * colours + footage.cells(each.index)).ravel()
        for which, share in enumerate((each.matte, 1 - each.matte)):
            counts[which] += np.bincount(cell, (share * each.weight).ravel(), counts.shape[1]).astype(np.float32)
    grid = counts.reshape(2, rows, columns, *footage.cell_counts)
    for axis in range(1, 6):
        grid = _spread(grid, axis)
    found = _sampled(grid.reshape(2, rows, columns, colours), footage, index, side)
    odds: Field = np.log((found[0] + _UNSEEN_HERE) / (found[1] + _UNSEEN_HERE))
    return odds


def far_colour(
    footage: Footage, index: int, keys: Sequence[tuple[int, Field]], *, around: Field | None = None
) -> Field:
    """The same by the colours of whole key frames, wherever they lay.

    around: how much each pixel that is not the object counts as background; None: all alike.
    """
    shares = np.zeros((2, int(np.prod(footage.cell_counts))))
    for key, matte in keys:
        background = 1 - matte if around is None else (1 - matte) * around
        for which, share in enumerate((matte, background)):
            shares[which] += _counted(footage, key, share) / max(float(share.sum()), 1.0)
    grid = _spread_colours(footage, shares / max(len(keys), 1))
    odds = np.log((grid[0] + _UNSEEN) / (grid[1] + _UNSEEN))
    found: Field = odds[footage.cells(index)]
    return found


def own_colours(footage: Footage, index: int, inside: Field, around: Field) -> Field:
    """How far a pixel's colour is commoner inside than around, [h, w] in [0, 1]: 0 is as common or less.

    inside, around: how much each pixel counts [h, w].
    """
    area = float(inside.sum())
    grid = _spread_colours(
        footage,
        np.stack(
            [_counted(footage, index, inside), _counted(footage, index, around) * area / max(float(around.sum()), 1.0)]
        ),
    )
    share = 1 - grid[1] / np.maximum(grid[0], 1e-3)
    found: Field = share.clip(0, 1).astype(np.float32)[footage.cells(index)]
    return found


def _counted(footage: Footage, index: int, weight: Field) -> Field:
    counts: Field = np.bincount(footage.cells(index).ravel(), weight.ravel(), int(np.prod(footage.cell_counts)))
    return counts


def _spread_colours(footage: Footage, counts: Field) -> Field:
    grid = counts.reshape(-1, *footage.cell_counts).astype(np.float32)
    for axis in (1, 2, 3):
        grid = _spread(grid, axis)
    return grid.reshape(len(counts), -1)


def _spread(grid: Field, axis: int) -> Field:
    """1 2 1 along an axis; nothing beyond the ends."""
    moved = np.moveaxis(grid, axis, 0)
    wide = 2 * moved
    wide[1:] += moved[:-1]
    wide[:-1] += moved[1:]
    spread: Field = np.moveaxis(wide, 0, axis) * np.float32(0.25)
    return spread


def _sampled(grid: Field, footage: Footage, index: int, side: float) -> Field:
    """Counts [2, h, w] at every pixel: linear in place, nearest in colour."""
    _, rows, columns, colours = grid.shape
    x = np.arange(footage.width, dtype=np.float32) / np.float32(side) + 1
    y = np.arange(footage.height, dtype=np.float32)[:, None] / np.float32(side) + 1
    left, top = np.floor(x).astype(np.int32), np.floor(y).astype(np.int32)
    flat, cells = grid.reshape(2, -1), footage.cells(index).astype(np.int32)
    found = np.zeros((2, footage.height, footage.width), np.float32)
    for down in (0, 1):
        for right in (0, 1):
            weight = np.abs(1 - right - (x - left)) * np.abs(1 - down - (y - top))
            row, column = np.minimum(top + down, rows - 1), np.minimum(left + right, columns - 1)
            place = (row * columns + column) * np.int32(colours) + cells
            for which in (0, 1):
                found[which] += weight * flat[which].take(place)
    return found
