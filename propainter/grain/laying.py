"""Laying grain on a fill: what it has is taken off where it can be told from the picture, what a plate has is put on.

A fill of averaged sights has too little grain, a smooth one none: what is missing is added, new in every frame. A held
picture, or a tripod's fill, has the same in every frame: there its own is taken off before, in busy parts as well. Detail
fainter than the grain goes with it, and nobody sees it under the new one; what is stronger stays, and the grain within it.

Here: ``regrained``, ``field``. Not here: measuring (``measuring.py``), taking off (``removing.py``).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import cv2
import numpy as np

from propainter.classical.harmonic import Field
from propainter.grain.grain import REACH, Grain
from propainter.grain.removing import Parted

_TILE = 64
"""Pixels of a square whose noise is drawn at once."""
_HAD = 0.3
"""Variance over the plate's from which on a fill's own grain is taken off; what has none keeps all its picture."""


def regrained(
    parted: Parted, picture: Field, grain: Grain, noise: Field, coverage: Field, stands: Field, *, amount: float
) -> Field:
    """The picture (h, w, 3) with the plate's grain.

    parted: the picture's. noise: (h, w, 3), see ``field``. coverage: (h, w), 0..1, how much of the picture a pixel takes;
    where that is little the rest is plate, whose grain is fainter then, and is made up for. stands: (h, w), 0..1, how far
    the picture's own grain is the same in every frame; such is taken off where that can be. amount: 1 for all of the
    grain, 0 for what the picture has; between them its variance lies between.
    """
    own = picture - parted.smooth
    taken = _ramp(parted.had, _HAD) * stands
    left = parted.had * (1 - taken**2 * (1 - parted.busy))
    alpha = np.maximum(coverage, np.float32(1e-3))
    missing = np.sqrt(np.maximum((2 - alpha) / alpha - left, 0))
    fresh = noise * grain.strength_at(parted.smooth) * (np.float32(amount) * missing)[..., None]
    kept = np.sqrt(1 - np.square(np.float32(amount) * taken))[..., None]
    whole: Field = parted.smooth + kept * own + fresh
    return whole


def _ramp(value: Field, width: float) -> Field:
    ramp: Field = (value / np.float32(width)).clip(0, 1)
    return ramp


def field(grain: Grain, seed: int, top: int, left: int, shape: tuple[int, int]) -> Field:
    """Grain of strength 1, (h, w, 3): a piece, from row ``top`` and column ``left``, of what this seed gives everywhere.

    Independent of anything else, so that it is like no grain that is there. It is made tile by tile: a pixel is the same to
    the bit whichever piece is asked for.
    """
    rows = range(top // _TILE, (top + shape[0] - 1) // _TILE + 1)
    columns = range(left // _TILE, (left + shape[1] - 1) // _TILE + 1)
    white = {
        (row, column): np.einsum("hwc,dc->hwd", _white(seed, row, column), grain.mixing)
        for row in range(rows.start - 1, rows.stop + 1)
        for column in range(columns.start - 1, columns.stop + 1)
    }
    made = _joined({at: _tile(grain, white, *at) for at in itertools.product(rows, columns)}, rows, columns)
    top, left = top - rows.start * _TILE, left - columns.start * _TILE
    return made[top : top + shape[0], left : left + shape[1]]


def _tile(grain: Grain, white: Mapping[tuple[int, int], Field], row: int, column: int) -> Field:
    """One tile of grain: white noise, and that of the tiles around, filtered."""
    around = _joined(white, range(row - 1, row + 2), range(column - 1, column + 2))
    near = np.s_[_TILE - REACH : 2 * _TILE + REACH]
    made = np.empty((_TILE, _TILE, 3), np.float32)
    for channel in range(3):
        one, kernel = (np.ascontiguousarray(image[..., channel]) for image in (around[near, near], grain.kernel))
        filtered = cv2.filter2D(one, -1, kernel, borderType=cv2.BORDER_CONSTANT)
        made[..., channel] = filtered[REACH:-REACH, REACH:-REACH]
    return made


def _white(seed: int, row: int, column: int) -> Field:
    """White noise of a tile."""
    source = np.random.Philox(key=seed % 2**64, counter=[0, 0, row % 2**32, column % 2**32])
    return np.random.Generator(source).standard_normal((_TILE, _TILE, 3), np.float32)


def _joined(tiles: Mapping[tuple[int, int], Field], rows: range, columns: range) -> Field:
    joined: Field = np.concatenate([np.concatenate([tiles[row, column] for column in columns], 1) for row in rows], 0)
    return joined
