"""Light of invented texture: closed at the rim, its lows drawn to those of the membrane.

Here: what one frame's texture becomes. Not here: which texture (``search.py``), where it is sampled (``painter.py``).

Of the membrane a third of the lows is taken: all of them would wash the texture's own structure, a wall against a floor,
into a haze; none of them would let a patch stand out darker than its place.
"""

from __future__ import annotations

import cv2
import numpy as np

from propainter.classical.flow_image import Index
from propainter.classical.harmonic import Field, Mask, box_around, fill_harmonic

_LOW = 8.0
"""Sigma in pixels of the blur below which frequencies are lows."""
_SHARE = 0.3
"""Share of the membrane in them."""
RIM = 6
"""Pixels outside the texture over which it is compared with the picture."""
_SMOOTHING = 3.0
"""Sigma in pixels of the averaging along the rim."""
_NO_CHANGE = 0.02
"""Weight of 'no difference' within the averaging: a rim hardly seen corrects little."""
_FADE = 20.0
"""Pixels into the texture over which the correction falls to 1/e."""


def levelled(image: Field, unseen: Mask, textured: Mask, rim: tuple[Index, Index], gap: Field) -> Field:
    """The picture (h, w, 3) with its texture lit; unseen pixels without texture become the membrane.

    rim: rows and columns of pixels beside the texture; gap: (n, 3), what they are brighter than the texture continued there.
    """
    result: Field = image.copy()
    if not unseen.any():
        return result
    rows, columns = box = box_around(unseen, pad=int(3 * _LOW))
    part, hole, inside = image[box], unseen[box], textured[box]
    smooth = fill_harmonic(part, hole)
    lit = part + _closing(inside, (rim[0] - rows.start, rim[1] - columns.start), gap)
    share = inside.astype(np.float32)
    total = cv2.GaussianBlur((smooth - lit) * share[..., None], (0, 0), _LOW)
    low = total / np.maximum(cv2.GaussianBlur(share, (0, 0), _LOW), np.float32(1e-3))[..., None]
    result[box] = np.where(inside[..., None], lit + np.float32(_SHARE) * low, np.where(hole[..., None], smooth, part))
    return result


def _closing(textured: Mask, rim: tuple[Index, Index], gap: Field) -> Field:
    """The gap at the rim averaged along it, stretched over the texture, fading inward (h, w, 3).

    Averaged twice: pixels far from the first average, edges out of register most of all, count little in the second.
    """
    values, weights = np.zeros((*textured.shape, 3), np.float32), np.zeros(textured.shape, np.float32)
    if not len(gap):
        return values
    values[rim], weights[rim] = gap, 1
    miss = ((gap - _averaged(values, weights)[rim]) ** 2).sum(-1)
    weights[rim] = 1 / (1 + miss / (2 * max(float(np.median(miss)), 1e-6))) ** 2
    stretched = fill_harmonic(_averaged(values, weights), weights == 0)
    inside = np.pad(textured, 1).astype(np.uint8)
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_5)[1:-1, 1:-1]
    faded: Field = stretched * np.exp(-depth / np.float32(_FADE))[..., None]
    return faded


def _averaged(values: Field, weights: Field) -> Field:
    total = cv2.GaussianBlur(values * weights[..., None], (0, 0), _SMOOTHING)
    averaged: Field = total / (cv2.GaussianBlur(weights, (0, 0), _SMOOTHING)[..., None] + np.float32(_NO_CHANGE))
    return averaged
