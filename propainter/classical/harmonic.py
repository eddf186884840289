"""Smooth completion: the membrane stretched over a hole from the values on its rim (Laplace's equation).

Here: the solver every part of the classical engine shares. Not here: what is completed (``motion.py`` flow,
``paint.py`` colour).
"""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

Field = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_SWEEPS = 6
"""Relaxations a level; the coarse levels have already carried the rim's values across."""
_NEIGHBOURS = np.array([[0, 0.25, 0], [0.25, 0, 0.25], [0, 0.25, 0]], np.float32)


def fill_harmonic(field: Field, hole: Mask) -> Field:
    """A copy of ``field`` (h, w, c) whose hole is the smooth surface through the values around it.

    Cascadic multigrid: averaged down until the hole is gone, then up again, relaxing the hole at every level. What is
    under the hole is never read. A hole without any rim is filled with 0; image borders let nothing through (Neumann).
    """
    filled: Field = field.copy()
    if hole.all():
        filled[...] = 0
    if hole.all() or not hole.any():
        return filled
    rows, columns = box_around(hole, pad=1)
    filled[rows, columns] = _solve(field[rows, columns], hole[rows, columns])
    return filled


def box_around(mask: Mask, *, pad: int) -> tuple[slice, slice]:
    """Rows and columns of the smallest box around a mask that is not empty, padded but kept within the image."""
    ys, xs = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    rows = slice(max(int(ys[0]) - pad, 0), min(int(ys[-1]) + pad + 1, mask.shape[0]))
    return rows, slice(max(int(xs[0]) - pad, 0), min(int(xs[-1]) + pad + 1, mask.shape[1]))


def _solve(field: Field, hole: Mask) -> Field:
    known = (~hole).astype(np.float32)[..., None]
    clean = np.where(hole[..., None], np.float32(0), field)
    if not hole.any():
        return clean
    surface = _double(_solve(*_halved(clean, known)), field.shape)
    open_ = 1 - known
    surface = surface * open_ + clean
    for _ in range(_SWEEPS):
        around = cv2.filter2D(surface, -1, _NEIGHBOURS, borderType=cv2.BORDER_REPLICATE).reshape(surface.shape)
        surface = around * open_ + clean
    return surface


def _halved(clean: Field, known: Field) -> tuple[Field, Mask]:
    """Means over the known pixels of each 2x2 cell, and the cells that have none."""
    below, right = clean.shape[0] % 2, clean.shape[1] % 2
    both = cv2.copyMakeBorder(np.concatenate([clean, known], 2), 0, below, 0, right, cv2.BORDER_CONSTANT, value=0)
    cells = both[::2, ::2] + both[1::2, ::2] + both[::2, 1::2] + both[1::2, 1::2]
    count = cells[..., -1]
    return cells[..., :-1] / np.maximum(count, 1)[..., None], count == 0


def _double(field: Field, shape: tuple[int, ...]) -> Field:
    size = (field.shape[1] * 2, field.shape[0] * 2)
    twice = cv2.resize(field, size, interpolation=cv2.INTER_LINEAR).reshape(size[1], size[0], -1)
    return cast(Field, twice[: shape[0], : shape[1]])
