"""How much of a plate's grain a fill has by the way it was made: of its sights, their weights and kernels.

An average of independent grain has less of it, and so has whatever was sampled between pixels. Here: ``had_by_sights``. Not
here: what a picture itself tells (``removing.py``).
"""

from __future__ import annotations

import numpy as np

from propainter.classical.harmonic import Field, Mask
from propainter.classical.kernels import keys_weights
from propainter.grain.grain import REACH, Grain
from propainter.types import Sights

_PARTS = 16
"""Parts of a pixel that sampling is told apart by."""


def had_by_sights(sights: Sights, hole: Mask, grain: Grain, scale: tuple[float, float]) -> Field:
    """Variance of the grain a fill has over the plate's, on the working grid (h, w); 0 where no sight shows anything.

    sights: of the hole (h, w). scale: plate pixels per working pixel, across and down.
    """
    rows, columns = np.nonzero(hole)
    had = np.zeros(hole.shape, np.float32)
    table = _of_parts(grain)
    total = np.zeros(len(rows), np.float32)
    for x, y, weight in zip(sights.x, sights.y, sights.weight, strict=True):
        at = [
            np.rint((to - here) * by * _PARTS).astype(np.intp) % _PARTS
            for to, here, by in zip((x, y), (columns, rows), scale, strict=True)
        ]
        total += np.square(weight) * table[at[1], at[0]]
    had[rows, columns] = total
    return had


def _of_parts(grain: Grain) -> Field:
    """Variance that sampling leaves of grain, by part of a pixel down and across."""
    weights = keys_weights((np.arange(_PARTS) / _PARTS).astype(np.float32)).T.astype(np.float64)
    like = grain.likeness.mean(2)[REACH - 3 : REACH + 4, REACH - 3 : REACH + 4].astype(np.float64)
    pairs = np.stack([np.convolve(w, w[::-1]) for w in weights])
    left: Field = np.einsum("ai,bj,ij->ab", pairs, pairs, like).clip(0, 1).astype(np.float32)
    return left
