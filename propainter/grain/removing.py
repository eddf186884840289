"""Parting a picture from its grain: blocks of every place, in cosines; what is no stronger than grain goes.

Sliding blocks with hard thresholds (Yu & Sapiro 2011, "DCT image denoising"), by level, channel and frequency.
Here: ``part``. Not here: what becomes of the two parts (``laying.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from propainter.classical.harmonic import Field, Mask
from propainter.grain.grain import SIDE, Grain, cosines

_STRONGER = 2.8
"""Standard deviations of grain above which a coefficient is picture."""
_FAINTEST = 1e-10
"""Variance that is nothing."""
_TILE = 192
"""Pixels of a square that is parted at once."""
_FLATTEST, _OF_FLATTEST = 0.05, 1.25
"""Share of the places that is looked at for grain, and how far below the mean such a share of nothing but grain lies."""
_COLOURS = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]]) / np.sqrt([[3], [2], [6]])
"""Orthonormal: light, and two differences of colour, where grain of single channels shows most."""


@dataclass(frozen=True, eq=False)
class Parted:
    """A picture (h, w, 3) without its grain, and what is known of the grain it had."""

    smooth: Field
    busy: Field
    """(h, w): share of the grain's energy that could not be told from the picture, and stays in ``smooth``."""
    had: Field
    """(h, w): variance of what was taken off, over the grain's there; at most about 1 where there is nothing but grain."""


def part(picture: Field, grain: Grain, where: Mask | None = None) -> Parted:
    """Part a picture from grain it may have.

    where: (h, w), what of it matters: tiles that hold none of that come back as they are. Memory does not grow with it.
    """
    height, width = picture.shape[:2]
    whole = Parted(picture.copy(), *np.zeros((2, height, width), np.float32))
    for top in range(0, height, _TILE):
        for left in range(0, width, _TILE):
            tile = np.s_[top : top + _TILE, left : left + _TILE]
            if where is not None and not where[tile].any():
                continue
            rows, columns = (slice(max(at - 2 * SIDE, 0), at + _TILE + 2 * SIDE) for at in (top, left))
            inner = np.s_[top - rows.start :, left - columns.start :]
            made = _part(picture[rows, columns], grain)
            for name in ("smooth", "busy", "had"):
                here = getattr(whole, name)[tile]
                here[:] = getattr(made, name)[inner][: here.shape[0], : here.shape[1]]
    return whole


def _part(picture: Field, grain: Grain) -> Parted:
    wide: Any = cv2.copyMakeBorder(picture, SIDE, SIDE, SIDE, SIDE, cv2.BORDER_REFLECT_101)
    coloured: Any = cv2.transform(wide, _COLOURS)
    level: Any = cv2.boxFilter(wide, -1, (SIDE, SIDE), anchor=(0, 0))
    variance = _variance(grain, level)
    shape = np.einsum("ic,uvc->uvi", np.square(_COLOURS), grain.spectrum.astype(np.float64)).astype(np.float32)
    limit = _STRONGER * np.sqrt(variance)
    basis = cosines()
    clear, busy, below = (np.zeros_like(coloured) for _ in range(3))
    for u in range(SIDE):
        down, line = _filtered(coloured, basis[u], is_down=True), np.zeros_like(coloured)
        for v in range(SIDE):
            found = _filtered(down, basis[v], is_down=False)
            if u or v:
                is_picture = np.abs(found) > limit * np.sqrt(shape[u, v])
                busy += is_picture * shape[u, v]
                grainy = found * ~is_picture
                found -= grainy
                cv2.accumulateSquare(grainy, below)
            line += _filtered(found, basis[v], is_down=False, is_back=True)
        clear += _filtered(line, basis[u], is_down=True, is_back=True)
    inner = np.s_[SIDE:-SIDE, SIDE:-SIDE]
    all_of_it = (shape.sum((0, 1)) - shape[0, 0]) * variance
    kept, energy, total = (_around(image.sum(2))[inner] for image in (busy * variance, below, all_of_it))
    smooth: Any = cv2.transform(clear[inner], _COLOURS.T / SIDE**2)
    return Parted(smooth, kept / total, energy / np.maximum(total - kept, total * np.float32(1e-3)))


def _filtered(image: Field, weights: Field, *, is_down: bool, is_back: bool = False) -> Field:
    """An image's coefficients with one cosine, of the blocks that begin at each pixel; back: the blocks' pixels, summed."""
    along, one = np.ascontiguousarray(weights[::-1] if is_back else weights), np.ones(1, np.float32)
    kernels, at = ((one, along), (0, SIDE - 1)) if is_down else ((along, one), (SIDE - 1, 0))
    anchor = at if is_back else (0, 0)
    filtered: Any = cv2.sepFilter2D(image, -1, kernels[0], kernels[1], anchor=anchor, borderType=cv2.BORDER_CONSTANT)
    whole: Field = filtered
    return whole


def _around(image: Field) -> Field:
    """Of each pixel the mean of all blocks that hold it."""
    mean: Any = cv2.boxFilter(image, -1, (SIDE, SIDE), anchor=(SIDE - 1, SIDE - 1))
    whole: Field = mean
    return whole


def had_by_flat(parted: Parted, where: Mask) -> float:
    """Variance of the grain of a part of the picture over the grain's, by the flattest of it: texture only adds to it."""
    known, share = (
        cv2.blur(image, (2 * SIDE, 2 * SIDE))[where] for image in (parted.had * where, where.astype(np.float32))
    )
    return float(np.quantile(known / share, _FLATTEST)) * _OF_FLATTEST


def _variance(grain: Grain, level: Field) -> Field:
    """Of grain in light and colour differences, (h, w, 3), at levels (h, w, 3)."""
    strength = grain.strength_at(level)
    found = np.zeros_like(strength)
    for one in range(3):
        for other in range(one, 3):
            times = _COLOURS[:, one] * _COLOURS[:, other] * grain.together[one, other] * (1 + (one != other))
            found += (strength[..., one] * strength[..., other])[..., None] * times.astype(np.float32)
    strongest = np.square(strength).max(2, keepdims=True)
    whole: Field = np.maximum(found, np.maximum(strongest * np.float32(1e-3), np.float32(_FAINTEST)))
    return whole
