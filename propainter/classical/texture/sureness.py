"""How sure a copy is: whether, along its border, its piece is of the same kind as what it meets.

Not by how well pixels fit: pebbles and leaves never fit and need not. What shows is another kind of thing: sky in a facade,
slanted windows beside level ones. So mean colour, contrast and direction are compared (``likeness.py``).

Here: the miss of every pixel. Not here: what becomes of it (the report, the output Never seen).
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from propainter.classical.flow_image import Index
from propainter.classical.harmonic import Field, Mask
from propainter.classical.motion import nearest_of
from propainter.classical.texture.likeness import Look
from propainter.classical.texture.offsets import Offsets

_RIM = 4
"""Pixels around the hole that a piece beside them must meet."""
_ANOTHER = 2.0
"""How unlike places are at most: beyond that one is simply another thing."""


def misses_of(look: Look, hole: Mask, offsets: Offsets, label: Index) -> Field:
    """Of every pixel of the hole, by row and column, how unlike in kind its piece and what is around it are."""
    total, count = np.zeros((2, *hole.shape), np.float32)
    for member, gap in (*_at_rim(look, hole, offsets, label), *_at_seams(look, hole, offsets, label)):
        np.add.at(total.reshape(-1), member, gap)
        np.add.at(count.reshape(-1), member, 1)
    result = np.zeros(hole.shape, np.float32)
    for number in np.unique(label[hole]).tolist():
        pieces, part = cv2.connectedComponents((hole & (label == number)).astype(np.uint8), connectivity=8)
        sums, counts = (np.bincount(part.ravel(), image.ravel(), pieces) for image in (total, count))
        mean = (sums / np.maximum(counts, 1)).astype(np.float32)
        result[part > 0] = mean[part[part > 0]]
    return result[hole]


def _at_rim(look: Look, hole: Mask, offsets: Offsets, label: Index) -> Iterator[tuple[Index, Field]]:
    """Pixels of the hole, by place, that known ones lie next to, and how unlike these are to what would be copied there."""
    size = 2 * _RIM + 1
    rows, columns = np.nonzero((cv2.dilate(hole.astype(np.uint8), np.ones((size, size), np.uint8)) > 0) & look.known)
    member = np.flatnonzero(hole)[nearest_of(hole)[1][rows, columns]]
    away = offsets[label.ravel()[member]]
    yield member, _unlike(look, (rows, columns), (rows + away[:, 0], columns + away[:, 1]))


def _at_seams(look: Look, hole: Mask, offsets: Offsets, label: Index) -> Iterator[tuple[Index, Field]]:
    """Pixels of the hole, by place, at which two pieces meet, and how unlike the two are there."""
    height, width = hole.shape
    for down, right in ((0, 1), (1, 0)):
        seam = hole[: height - down, : width - right] & hole[down:, right:]
        row, column = np.nonzero(seam & (label[: height - down, : width - right] != label[down:, right:]))
        one, other = offsets[label[row, column]], offsets[label[row + down, column + right]]
        both = (row, column), (row + down, column + right)
        gaps = [_unlike(look, (y + one[:, 0], x + one[:, 1]), (y + other[:, 0], x + other[:, 1])) for y, x in both]
        for y, x in both:
            yield y * width + x, (gaps[0] + gaps[1]) / np.float32(2)


def _unlike(look: Look, one: tuple[Index, Index], other: tuple[Index, Index]) -> Field:
    """How unlike places are in kind, at most ``_ANOTHER``; places beyond the picture are those at its edge."""
    height, width = look.usable.shape
    first, second = ((at[0].clip(0, height - 1), at[1].clip(0, width - 1)) for at in (one, other))
    gap = ((look.features[first] - look.features[second]) ** 2).sum(-1)
    unlike: Field = np.minimum(gap, np.float32(_ANOTHER))
    return unlike
