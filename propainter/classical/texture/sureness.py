"""How sure a copy is: how badly its piece meets what is around it, against how well the plate's own patches fit elsewhere.

Here: the miss of every pixel. Not here: what becomes of it (``Invented.miss``, the report, the output Never seen).
"""

from __future__ import annotations

import cv2
import numpy as np

from propainter.classical.flow_image import Index
from propainter.classical.harmonic import Field, Mask
from propainter.classical.texture.likeness import NOISE, Look
from propainter.classical.texture.offsets import Offsets

_RIM = 4
"""Pixels around the hole that a piece beside them must meet."""


def misses_of(look: Look, hole: Mask, offsets: Offsets, label: Index) -> Field:
    """Of every pixel of the hole, by row and column, how badly its piece meets its border; 1: no better than at random."""
    total, count = np.zeros((2, *hole.shape), np.float32)
    rows, columns = np.nonzero(cv2.dilate(hole.astype(np.uint8), np.ones((2 * _RIM + 1, 2 * _RIM + 1), np.uint8)) > 0)
    size = 2 * _RIM + 1
    _, nearest = cv2.distanceTransformWithLabels(
        (~hole).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    whose = np.zeros(int(nearest.max()) + 1, np.intp)
    whose[nearest[hole]] = np.flatnonzero(hole)
    known = (cv2.dilate(hole.astype(np.uint8), np.ones((size, size), np.uint8)) > 0) & look.known
    rows, columns = np.nonzero(known)
    member = whose[nearest[rows, columns]]
    away = offsets[label.ravel()[member]]
    gap = _relative(look, (rows, columns), (rows + away[:, 0], columns + away[:, 1]))
    np.add.at(total.reshape(-1), member, gap)
    np.add.at(count.reshape(-1), member, 1)
    for down, right in ((0, 1), (1, 0)):
        seam = hole[: hole.shape[0] - down, : hole.shape[1] - right] & hole[down:, right:]
        seam &= label[: hole.shape[0] - down, : hole.shape[1] - right] != label[down:, right:]
        y, x = np.nonzero(seam)
        one, other = offsets[label[y, x]], offsets[label[y + down, x + right]]
        gap = np.zeros(len(y), np.float32)
        for at in ((y, x), (y + down, x + right)):
            gap += (
                _relative(look, (at[0] + one[:, 0], at[1] + one[:, 1]), (at[0] + other[:, 0], at[1] + other[:, 1])) / 2
            )
        for at in ((y, x), (y + down, x + right)):
            np.add.at(total, at, gap)
            np.add.at(count, at, 1)
    result = np.zeros(hole.shape, np.float32)
    for number in np.unique(label[hole]).tolist():
        pieces, part = cv2.connectedComponents((hole & (label == number)).astype(np.uint8), connectivity=8)
        sums, counts = (np.bincount(part.ravel(), image.ravel(), pieces) for image in (total, count))
        mean = (sums / np.maximum(counts, 1)).astype(np.float32)
        result[part > 0] = mean[part[part > 0]]
    return result[hole]


def _relative(look: Look, one: tuple[Index, Index], other: tuple[Index, Index]) -> Field:
    height, width = look.usable.shape
    a, b = ((at[0].clip(0, height - 1), at[1].clip(0, width - 1)) for at in (one, other))
    gap = ((look.picture[a] - look.picture[b]) ** 2).mean(-1)
    relative: Field = gap / (look.variance[a] + look.variance[b] + np.float32(NOISE))
    return np.where(look.lacks(*one) | look.lacks(*other), np.float32(1), relative).astype(np.float32)
