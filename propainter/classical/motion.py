"""Motion of the background near a hole: a robust homography, and what it leaves over completed smoothly.

Here: the model of one pair's flow, flow completed inside holes. Not here: estimating flow (``dis.py``), correcting it
by looking at the plate again (``alignment.py``).

Dense flow is wrong around a moving object too, not only on it: a patch that holds both follows the object. So nothing
within a guard band of the hole is believed.
"""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from propainter.classical.harmonic import Field, Mask, fill_harmonic

_FIT_POINTS = 3000
"""Flow vectors a fit looks at; more only cost time."""
_FIT_ROUNDS = 6
"""Reweightings of a fit."""
_LEAST_POINTS = 16
"""With fewer vectors to fit there is no model, and the background is taken to stand still."""


def guard_band(height: int, width: int) -> int:
    """Pixels around a hole in which measured flow may follow the object instead of the background."""
    return max(24, min(height, width) // 10)


def distance_to(hole: Mask) -> Field:
    """Distance of every pixel to the hole in pixels; larger than the image where there is no hole."""
    if not hole.any():
        return np.full(hole.shape, 1e6, np.float32)
    return cast(Field, cv2.distanceTransform((~hole).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5))


def background_flow(flow: Field, hole_distance: Field, landing_distance: Field) -> Field:
    """Dense flow (h, w, 2) of the homography that explains the background around the hole best.

    flow: frame a to b. hole_distance, landing_distance: ``distance_to`` the hole of a and of b, in their own frames.
    Vectors that start or land in the guard band are left out (all of them: only those inside the hole are); nearer
    vectors count more, so that the hole takes the motion of its own surroundings. Outliers are weighed down by
    iteratively reweighted least squares with Geman-McClure weights.
    """
    height, width = flow.shape[:2]
    guard = guard_band(height, width)
    landed = warp(landing_distance, flow)
    weights = 1.0 / (1.0 + (hole_distance / (height / 4)) ** 2)
    believed = (hole_distance > guard) & (landed > guard)
    if np.count_nonzero(believed) < 200:
        believed = hole_distance > 0
    return _homography_flow(flow, np.where(believed, weights, 0).astype(np.float64))


def warp(image: Field, flow: Field, *, x: int = 0, y: int = 0) -> Field:
    """Bilinear look-up of ``image`` at p + flow(p), borders repeated. x, y: where the flow's corner lies in the image."""
    rows, columns = np.mgrid[: flow.shape[0], : flow.shape[1]].astype(np.float32)
    found = cv2.remap(
        image,
        columns + (flow[..., 0] + x),
        rows + (flow[..., 1] + y),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return cast(Field, found)


def complete_pairs(flow: Field, holes: Mask, landing_holes: Mask) -> Field:
    """Flow (n, h, w, 2) completed inside holes (n, h, w); outside them it comes back unchanged.

    landing_holes: the holes of the frames the flow leads to. Inside, the flow is the background model plus the smooth
    completion of what the model leaves over just outside the guard band; that remainder fades with depth.
    """
    completed: Field = flow.copy()
    for i in np.flatnonzero(holes.any((1, 2))):
        completed[i] = _complete_pair(flow[i], holes[i], distance_to(landing_holes[i]))
    return completed


def _complete_pair(flow: Field, hole: Mask, landing_distance: Field) -> Field:
    distance = distance_to(hole)
    model = background_flow(flow, distance, landing_distance)
    guard = guard_band(*hole.shape)
    unknown = (distance <= guard) | (warp(landing_distance, model) <= 0)
    rest = fill_harmonic(flow - model, unknown) * _fading_with_depth(unknown, guard)[..., None]
    completed: Field = np.where(hole[..., None], model + rest, flow)
    return completed


def _fading_with_depth(unknown: Mask, guard: int) -> Field:
    """1 at the rim, falling with depth: what the model misses at the rim says little about the middle of a large hole."""
    depth = cv2.distanceTransform(np.pad(unknown, 1, mode="edge").astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    far = np.minimum(depth[1:-1, 1:-1] / (4.0 * guard), 1e3)  # OpenCV's "no rim at all" would overflow the square
    return cast(Field, (1.0 / (1.0 + far**2)).astype(np.float32))


def _homography_flow(flow: Field, weights: npt.NDArray[np.float64]) -> Field:
    height, width = weights.shape
    ys, xs = np.nonzero(weights)
    if len(ys) < _LEAST_POINTS:
        return np.zeros_like(flow)
    step = max(1, len(ys) // _FIT_POINTS)
    ys, xs = ys[::step], xs[::step]
    scale = max(height, width) / 2  # coordinates near 1 keep the normal equations well conditioned
    delta = _fit_homography(
        (xs - width / 2) / scale, (ys - height / 2) / scale, flow[ys, xs] / scale, weights[ys, xs], noise=0.1 / scale
    )
    rows, columns = np.mgrid[:height, :width]
    model = _displacement(delta, (columns - width / 2) / scale, (rows - height / 2) / scale) * scale
    return cast(Field, model.astype(np.float32))


def _fit_homography(
    x: npt.NDArray[np.float64],
    y: npt.NDArray[np.float64],
    moved: npt.NDArray[np.floating],
    weights: npt.NDArray[np.float64],
    *,
    noise: float,
) -> npt.NDArray[np.float64]:
    """The homography identity + delta (8 numbers, the last entry fixed at 1) that moves (x, y) by ``moved``.

    Linear in delta: u (1 + g x + h y) = x + a x + b y + c - x (g x + h y) ... written as differences from identity, so
    that the tiny ridge pulls what the data leave open (perspective, on few points) towards no motion.
    """
    u, v = x + moved[:, 0], y + moved[:, 1]
    one, nil = np.ones_like(x), np.zeros_like(x)
    equations = np.stack(
        [
            np.stack([x, y, one, nil, nil, nil, -x * u, -y * u], 1),
            np.stack([nil, nil, nil, x, y, one, -x * v, -y * v], 1),
        ]
    )
    target = np.stack([moved[:, 0], moved[:, 1]])
    from_median = np.hypot(*(moved - np.median(moved, 0)).T)
    robust = weights / (1 + (from_median / max(float(np.median(from_median)), 5 * noise)) ** 2)
    delta = np.zeros(8)
    for _ in range(_FIT_ROUNDS):
        # einsum, not @: its order of summation does not depend on the number of threads
        normal = np.einsum("eni,n,enj->ij", equations, robust, equations)
        ridge = 1e-9 * np.trace(normal) * np.eye(8)
        delta = np.linalg.solve(normal + ridge, np.einsum("eni,n,en->i", equations, robust, target))
        missed = _displacement(delta, x, y) - moved
        square = (missed**2).sum(1)
        robust = weights / (1 + square / max(2 * float(np.median(square)), noise**2)) ** 2
    return delta


def _displacement(
    delta: npt.NDArray[np.float64], x: npt.NDArray[np.floating], y: npt.NDArray[np.floating]
) -> npt.NDArray[np.float64]:
    a, b, c, d, e, f, g, h = delta
    depth = np.maximum(g * x + h * y + 1, 0.1)  # never through the horizon
    moved_x, moved_y = (x + a * x + b * y + c) / depth - x, (y + d * x + e * y + f) / depth - y
    return np.stack([moved_x, moved_y], -1)
