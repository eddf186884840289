"""Types of arrays and the small filters that everything here shares.

Here: blur, look-up along flow, signed distance, overlap. Not here: anything that knows what a matte is for.
"""

from __future__ import annotations

from typing import Any, cast

import cv2
import numpy as np
import numpy.typing as npt

Field = npt.NDArray[Any]
"""float32 [h, w] or [h, w, c]."""
Picture = npt.NDArray[Any]
"""uint8 [h, w, 3]."""
Mask = npt.NDArray[Any]
"""bool [h, w]."""


_FINE = 3.0
"""Sigma in pixels that a picture is kept fine enough for."""


def blurred(image: Field, sigma: float) -> Field:
    """Gaussian blur; sigma in pixels. A wide one is made on a smaller picture: near enough, and many times faster."""
    coarse = int(sigma // _FINE)
    height, width = image.shape[:2]
    if coarse < 2 or min(height, width) < 4 * coarse:
        return cast(Field, cv2.GaussianBlur(image, (0, 0), max(sigma, 0.3)))
    size = (-(-width // coarse), -(-height // coarse))
    small = cv2.GaussianBlur(cv2.resize(image, size, interpolation=cv2.INTER_AREA), (0, 0), sigma / coarse)
    return cast(Field, cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))


def look_up(image: Any, flow: Field) -> Field:
    """Bilinear look-up at p + flow(p), borders repeated."""
    height, width = flow.shape[:2]
    x = flow[..., 0] + np.arange(width, dtype=np.float32)
    y = flow[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    return cast(Field, cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def norm(vectors: Field) -> Field:
    """Length along the last axis."""
    length: Field = np.sqrt(added(vectors * vectors))
    return length


def added(image: Field) -> Field:
    """The sum of a few channels [h, w, c]; faster than numpy's along a short axis."""
    total: Field = image[..., 0].copy()
    for channel in range(1, image.shape[-1]):
        total += image[..., channel]
    return total


def depth_in(matte: Field) -> Field:
    """Signed distance to a matte's edge at one half, in pixels: above 0 inside. Far below 0 everywhere if it is empty."""
    inside = (matte > 0.5).astype(np.uint8)
    if not inside.any():
        return np.full(matte.shape, -1e3, np.float32)
    if inside.all():
        return np.full(matte.shape, 1e3, np.float32)
    within = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_3)
    return cast(Field, within - cv2.distanceTransform(1 - inside, cv2.DIST_L2, cv2.DIST_MASK_3))


def overlap(first: Field | Mask, second: Field | Mask) -> float:
    """Intersection over union of two mattes above one half; 1 where both are empty."""
    one, other = first > 0.5, second > 0.5
    union = int(np.count_nonzero(one | other))
    return int(np.count_nonzero(one & other)) / union if union else 1.0


def square(size: float) -> npt.NDArray[np.uint8]:
    """A square to grow or shrink by, about ``size`` pixels wide, of odd width."""
    side = 2 * max(1, round((size - 1) / 2)) + 1
    return np.ones((side, side), np.uint8)
