"""Sources kept in register: where a piece has gone, by what it shows, not by the motion around it alone.

A piece that slides against what it shows by a fraction of a pixel from frame to frame boils, though every frame copies from
a picture. So each piece, as a whole, is laid where it is most like what it was in the key: one shift a piece keeps bars
straight, and what passes in front of a part of it drags nothing along.

Here: the shift of every piece in one frame, and the detail that is compared. Not here: the motion that leads near it
(``carrying.py``, ``surroundings.py``), what a frame shows no longer (``painter.py``).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from propainter.classical.flow_image import Index
from propainter.classical.harmonic import Field, Mask
from propainter.classical.places import Taps

_FINE, _COARSE = 0.7, 4.0
"""Sigmas in pixels of the blurs between which detail is compared: neither grain, nor light."""
_ROUNDS = 4
"""Times that shifts are set right: the motion leads to within a pixel or two."""
_MOST_POINTS = 1 << 14
"""Pixels of all pieces that are looked at."""
_STIFF = 0.3
"""Pixels that a piece is taken to be off by, where it tells little of it."""
ALIKE = 12.0
"""Pixels whose misses count as one: neighbours err alike."""
NOISE = 0.01**2
"""Variance of what nobody sees."""
_MOST = 1.0
"""Pixels that a shift changes by in one round at most."""


@dataclass(frozen=True, eq=False)
class Register:
    """What pieces were in the key frame, at some of their pixels."""

    points: Index
    """(m,): numbers of these pixels."""
    piece: Index
    """(m,): which piece each belongs to, 0..k."""
    was: Field
    """(m,): detail there."""
    slope: Field
    """(m, 2): its slope, across and down."""
    pieces: Index
    """(n,): the piece of every pixel."""

    @classmethod
    def of(cls, picture: Field, known: Mask, x: Field, y: Field, pieces: npt.NDArray[np.integer]) -> Register:
        """The key's: its picture (h, w, 3), what is known of it, its sources (n,) and which piece each belongs to."""
        _, number = np.unique(pieces, return_inverse=True)
        points = np.arange(0, len(x), -(-len(x) // _MOST_POINTS))
        detail = detail_of(picture, known)
        at = x[points], y[points]
        was, slope = bilinear(detail[..., None], *at)[:, 0], bilinear(slopes_of(detail), *at)
        return cls(points, number[points], was, slope, number)

    def shifts(self, picture: Field, known: Mask, x: Field, y: Field, shown: Mask) -> Field:
        """How far (n, 2), across and down, pixels must move on from where their motion led them (n,) in another frame.

        picture, known: the frame's. shown: which of them it shows.
        """
        count = int(self.pieces.max(initial=-1)) + 1
        shift = np.zeros((count, 2), np.float32)
        use = shown[self.points]
        if not use.any():
            return shift[self.pieces]
        points, piece, was, slope = self.points[use], self.piece[use], self.was[use], self.slope[use]
        detail, (height, width) = detail_of(picture, known)[..., None], known.shape
        for whole in (True, False):
            group = np.zeros_like(piece) if whole else piece
            for _ in range(_ROUNDS):
                at = x[points] + shift[piece, 0], y[points] + shift[piece, 1]
                seen = bilinear(detail, at[0].clip(0, width - 1), at[1].clip(0, height - 1))[:, 0]
                step = _step(seen - was, slope, group, 1 if whole else count)
                shift -= step
        return shift[self.pieces]


def detail_of(picture: Field, known: Mask) -> Field:
    """Grey detail (h, w) between two blurs, of what is known alone."""
    share = known.astype(np.float32)
    grey = np.where(known, picture.mean(2), np.float32(0))

    def mean(sigma: float) -> Field:
        weight = np.maximum(cv2.GaussianBlur(share, (0, 0), sigma), np.float32(1e-3))
        blurred: Field = cv2.GaussianBlur(grey, (0, 0), sigma) / weight
        return blurred

    return mean(_FINE) - mean(_COARSE)


def slopes_of(detail: Field) -> Field:
    """Its slopes (h, w, 2), across and down."""
    return np.stack([cv2.Sobel(detail, -1, 1, 0, scale=1 / 8), cv2.Sobel(detail, -1, 0, 1, scale=1 / 8)], 2)


def bilinear(image: Field, x: Field, y: Field) -> Field:
    """Values (n, c) of an image at points within it."""
    taps = Taps.at(x, y, *image.shape[:2])
    values: Field = np.einsum("kn,knc->nc", taps.weight, image.reshape(-1, image.shape[2])[taps.index])
    return values


def credit(miss: Field) -> Field:
    """How much pixels (n,) count by how far they miss: what passes in front counts nothing."""
    spread = max(float(np.median(np.square(miss))), NOISE)
    counted: Field = 1 / (1 + np.square(miss) / np.float32(4 * spread)) ** 2
    return counted


def _step(miss: Field, slope: Field, group: Index, count: int) -> Field:
    """By how much (count, 2) every group's shift is too large: robust least squares, stiff where little is told."""
    spread = max(float(np.median(np.square(miss))), NOISE)
    weight = credit(miss)

    def total(values: Field) -> np.ndarray:
        return np.bincount(group, values, count)

    xx, xy, yy = (total(weight * slope[:, i] * slope[:, j]) for i, j in ((0, 0), (0, 1), (1, 1)))
    right = np.stack([total(weight * slope[:, i] * miss) for i in (0, 1)], 1)
    stiff = ALIKE * spread / _STIFF**2
    xx, yy = xx + stiff, yy + stiff
    inverse = np.stack([yy, -xy, -xy, xx], 1).reshape(count, 2, 2) / (xx * yy - xy**2)[:, None, None]
    step: Field = np.einsum("nij,nj->ni", inverse, right).clip(-_MOST, _MOST).astype(np.float32)
    return step
