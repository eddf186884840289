"""Soft edges at the plate's own size: hair, motion blur, what lies between object and background.

Here: ``soft_edges``. Not here: which side of the edge is which (``cutting.py``).

A guided filter (He et al., ECCV 2010) makes the matte a local linear function of the plate's colours, so that it takes the
plate's own detail within a band around its edge. The band is wider where the flow is fast: motion blur is as long as
the way that is gone while the shutter is open. Outside the band the matte is 0 or 1.
"""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np

from propainter_matte.arrays import Field, Picture, depth_in

_BAND = 5.0
"""Pixels at 432x240 on either side of the edge that may be soft."""
_SHUTTER = 0.5
"""Share of a frame's motion that blurs."""
_SMOOTH = 4e-4
"""Variance of colour, of 1, below which there is no edge to follow."""
_SURE = 0.18
"""Shares nearer than this to 0 or 1 are taken for it."""


def soft_edges(matte: Field, picture: Picture, *, speed: float = 0.0) -> Field:
    """The matte [h, w] in [0, 1] at the picture's size, soft where the picture is.

    matte: at the working size. picture: the plate as uint8 RGB [h, w, 3], display-encoded. speed: how far the object moves
    beside the background in this frame, in pixels at the working size.
    """
    height, width = picture.shape[:2]
    factor = width / matte.shape[1]
    large = cast(Field, cv2.resize(matte, (width, height), interpolation=cv2.INTER_CUBIC)).clip(0, 1)
    if not 0 < int((large > 0.5).sum()) < large.size:
        return (large > 0.5).astype(np.float32)
    unit = factor * (matte.size / (432 * 240)) ** 0.5
    band = _BAND * unit + 0.5 * _SHUTTER * speed * factor
    depth = depth_in(large)
    near = np.abs(depth) <= band
    rows, columns = (np.flatnonzero(near.any(axis)) for axis in (1, 0))
    pad = int(2 * band) + 2
    window = (
        slice(max(0, rows[0] - pad), rows[-1] + pad + 1),
        slice(max(0, columns[0] - pad), columns[-1] + pad + 1),
    )
    found: Field = (depth > 0).astype(np.float32)
    soft = _guided(found[window], picture[window].astype(np.float32) / 255, radius=max(2, round(0.8 * band)))
    soft = ((soft - _SURE) / (1 - 2 * _SURE)).clip(0, 1)
    found[window] = np.where(near[window], soft, found[window])
    return found


def _guided(matte: Field, guide: Field, *, radius: int) -> Field:
    """The guided filter with a guide in colour [h, w, 3], equation 19 and 20 of the paper."""
    side = (2 * radius + 1, 2 * radius + 1)

    def mean(image: Field) -> Field:
        return cast(Field, cv2.blur(image, side, borderType=cv2.BORDER_REFLECT).astype(np.float32))

    mean_guide, mean_matte = mean(guide), mean(matte)
    joint = mean(guide * matte[..., None]) - mean_guide * mean_matte[..., None]
    spread = np.empty((*matte.shape, 3, 3), np.float32)
    for a in range(3):
        for b in range(a, 3):
            spread[..., a, b] = mean(guide[..., a] * guide[..., b]) - mean_guide[..., a] * mean_guide[..., b]
            spread[..., b, a] = spread[..., a, b]
    spread += np.eye(3, dtype=np.float32) * np.float32(_SMOOTH)
    slope = np.linalg.solve(spread, joint[..., None])[..., 0]
    offset = mean_matte - (slope * mean_guide).sum(-1)
    soft: Field = (mean(slope) * guide).sum(-1) + mean(offset)
    return soft.astype(np.float32)
