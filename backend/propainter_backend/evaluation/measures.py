"""How near pictures are to the truth, as the field measures it: PSNR, SSIM, warping error, the distance of two clouds.

Here: pure functions of arrays. Not here: who is compared (``protocol.py``), the network behind VFID (``i3d.py``).

Pictures are [h, w, 3] of 0..255, whole numbers or floats, compared over the whole picture as the paper does; outside the
hole they are equal.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[Any]
Flow = NDArray[np.float32]
Mask = NDArray[np.bool_]

PERFECT_DB = 100.0
"""PSNR of two equal pictures, which have none."""
SSIM_WINDOW = 65
"""Side of the window, in pixels: this line of papers takes 65 where Wang et al. (2004) took 11."""


def psnr(picture: Picture, truth: Picture) -> float:
    """Peak signal to noise ratio in dB, the peak being 255."""
    square = float(np.mean((picture.astype(np.float64) - truth.astype(np.float64)) ** 2))
    return PERFECT_DB if square == 0 else min(PERFECT_DB, 10 * float(np.log10(255.0**2 / square)))


def ssim(picture: Picture, truth: Picture, *, window: int = SSIM_WINDOW) -> float:
    """Structural similarity (Wang et al. 2004, equation 13), mean of the channels and of all whole windows.

    window: its side, odd, evenly weighted, with sample variances; smaller where the picture is.
    """
    side = min(window, *(length - (length + 1) % 2 for length in picture.shape[:2]))
    a, b = picture.astype(np.float64), truth.astype(np.float64)
    unbiased = side**2 / max(side**2 - 1, 1)
    mean_a, mean_b = _mean(a, side), _mean(b, side)
    var_a = unbiased * (_mean(a * a, side) - mean_a**2)
    var_b = unbiased * (_mean(b * b, side) - mean_b**2)
    both = unbiased * (_mean(a * b, side) - mean_a * mean_b)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    alike = (2 * mean_a * mean_b + c1) * (2 * both + c2) / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
    return float(alike.mean())


def _mean(x: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    """Over every window that lies whole in the picture."""
    half = side // 2
    blurred = cv2.blur(x, (side, side)).reshape(x.shape)
    return np.asarray(blurred[half : x.shape[0] - half, half : x.shape[1] - half])


def warping_error(picture: Picture, following: Picture, forward: Flow, backward: Flow) -> float:
    """Mean square of what a picture differs from the next one, fetched along the truth's flow, 0..1 colours, where that
    flow can be trusted (Lai et al. 2018, equation 9); 0 where it nowhere can.

    forward, backward: [h, w, 2] in pixels, picture to following and back, of the truth.
    """
    where = ~unreliable(forward, backward)
    if not where.any():
        return 0.0
    gap = (picture.astype(np.float32) - _fetched(following.astype(np.float32), forward)) / 255
    return float(np.mean(np.square(gap[where], dtype=np.float64)))


def unreliable(forward: Flow, backward: Flow) -> Mask:
    """Where flow leaves the picture, is not undone by the way back, or tears (Ruder et al. 2016, equations 5 and 6)."""
    height, width = forward.shape[:2]
    returned = _fetched(backward, forward)
    gap = np.square(forward + returned).sum(-1)
    hidden = gap > 0.01 * (np.square(forward).sum(-1) + np.square(returned).sum(-1)) + 0.5
    slopes = [np.square(np.gradient(forward[..., axis], axis=way)) for axis in (0, 1) for way in (0, 1)]
    torn = np.sum(slopes, axis=0) > 0.01 * np.square(forward).sum(-1) + 0.002
    x, y = _places(forward)
    outside = (x < 0) | (y < 0) | (x > width - 1) | (y > height - 1)
    return np.asarray(hidden | torn | outside)


def _fetched(picture: NDArray[np.float32], flow: Flow) -> NDArray[np.float32]:
    """picture at p + flow(p), bilinear; 0 outside."""
    return np.asarray(cv2.remap(picture, *_places(flow), cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT))


def _places(flow: Flow) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    y, x = np.indices(flow.shape[:2], dtype=np.float32)
    return x + flow[..., 0], y + flow[..., 1]


def frechet_distance(some: NDArray[Any], others: NDArray[Any]) -> float:
    """Frechet distance between normal distributions fitted to two clouds of points, [n, d] each, n at least 2.

    |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)). The root's trace is the sum of singular values of A B^T, where A and B are
    the centred points over sqrt(n - 1): exact, and n x n where d may be a thousand.
    """
    a, b = some.astype(np.float64), others.astype(np.float64)
    shift = a.mean(0) - b.mean(0)
    a, b = ((x - x.mean(0)) / np.sqrt(len(x) - 1) for x in (a, b))
    root = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    return float(max(0.0, shift @ shift + np.square(a).sum() + np.square(b).sum() - 2 * root))
