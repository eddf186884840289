"""Motion of the background near a hole: a robust homography, and what it leaves over completed smoothly.

Here: the model of one pair's flow, flow completed inside holes, looking images up along flow. Not here: estimating flow
(``dis.py``), correcting it by looking at the plate again (``alignment.py``).

Dense flow is wrong around a moving object too, not only on it: a patch that holds both follows the object. So nothing
within a guard band of the hole is believed.
"""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from propainter.classical.harmonic import Field, Mask, box_around, fill_harmonic
from propainter.spread import ONE_BY_ONE, Spread, carry_out

Matrix = npt.NDArray[np.float64]
"""3x3 homography of pixel coordinates (x, y, 1), frame to frame; the lower right entry is 1."""

_FIT_POINTS = 2000
"""Grid points a fit looks at; more only cost time."""
_FIT_ROUNDS = 5
"""Reweightings of a fit."""
_STILL = 1e-3
"""Pixels a frame below which the camera is taken to stand: on a tripod the fill is then a plain copy."""
_PAIR_BYTES = 150
"""Bytes a pixel that completing a pair takes while it lasts."""
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


def nearest_of(known: Mask) -> tuple[Field, npt.NDArray[np.intp]]:
    """Of every pixel the distance to the nearest known one, and which of them, by row and column, that is."""
    distance, label = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    number = np.zeros(int(label.max()) + 1, np.intp)
    number[label[known]] = np.arange(np.count_nonzero(known))
    return cast(Field, distance), number[label]


def background_motion(flow: Field, hole_distance: Field, landing_distance: Field) -> Matrix:
    """The homography that explains the background around the hole best.

    flow: (h, w, 2), frame a to b. hole_distance, landing_distance: ``distance_to`` the hole of a and of b, in their own
    frames. Vectors that start or land in the guard band are left out (only those inside the hole, if hardly any are
    left); nearer vectors count more, so that the hole takes the motion of its own surroundings. Outliers are weighed
    down by iteratively reweighted least squares with Geman-McClure weights.
    """
    height, width = flow.shape[:2]
    guard = guard_band(height, width)
    step = max(1, int(np.sqrt(height * width / _FIT_POINTS)))
    rows, columns = np.mgrid[step // 2 : height : step, step // 2 : width : step]
    moved, distance = flow[rows, columns], hole_distance[rows, columns]
    landed_row = np.rint(rows + moved[..., 1]).clip(0, height - 1).astype(np.intp)
    landed_column = np.rint(columns + moved[..., 0]).clip(0, width - 1).astype(np.intp)
    believed = (distance > guard) & (landing_distance[landed_row, landed_column] > guard)
    if np.count_nonzero(believed) < believed.size // 50:
        believed = distance > 0
    if np.count_nonzero(believed) < _LEAST_POINTS:
        return np.eye(3)
    weights = 1.0 / (1.0 + (distance[believed] / (height / 6)) ** 2)
    points = np.stack([columns[believed], rows[believed]], -1).astype(np.float64)
    return _fitted(points, moved[believed].astype(np.float64), weights.astype(np.float64), extent=max(height, width))


def moved_by(motion: Matrix, x: npt.NDArray[np.floating], y: npt.NDArray[np.floating]) -> tuple[Matrix, Matrix]:
    """Where points of any shape go, in pixels. Never through the horizon: the depth is kept at a tenth at least."""
    depth = np.maximum(motion[2, 0] * x + motion[2, 1] * y + motion[2, 2], 0.1)
    return (
        (motion[0, 0] * x + motion[0, 1] * y + motion[0, 2]) / depth,
        (motion[1, 0] * x + motion[1, 1] * y + motion[1, 2]) / depth,
    )


def flow_of_motion(motion: Matrix, rows: slice, columns: slice) -> Field:
    """The motion as flow (h, w, 2) over a box of the image."""
    y, x = np.mgrid[rows, columns].astype(np.float64)
    to_x, to_y = moved_by(motion, x, y)
    return np.stack([to_x - x, to_y - y], -1).astype(np.float32)


def motion_at(motion: Matrix, rows: npt.NDArray[np.integer], columns: npt.NDArray[np.integer]) -> Field:
    """The motion as flow (n, 2) at pixels."""
    x, y = columns.astype(np.float64), rows.astype(np.float64)
    to_x, to_y = moved_by(motion, x, y)
    return np.stack([to_x - x, to_y - y], -1).astype(np.float32)


def warp(image: Field, flow: Field, *, x: int = 0, y: int = 0) -> Field:
    """Bilinear look-up of ``image`` at p + flow(p), borders repeated. x, y: where the flow's corner lies in the image."""
    height, width = flow.shape[:2]
    columns = flow[..., 0] + np.arange(x, x + width, dtype=np.float32)
    rows = flow[..., 1] + np.arange(y, y + height, dtype=np.float32)[:, None]
    return cast(Field, cv2.remap(image, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def complete_pairs(flow: Field, holes: Mask, landing_holes: Mask, *, spread: Spread = ONE_BY_ONE) -> Field:
    """Flow (n, h, w, 2) completed inside holes (n, h, w); outside them it comes back unchanged.

    landing_holes: the holes of the frames the flow leads to. Inside, the flow is the background model plus the smooth
    completion of what the model leaves over just outside the guard band; that remainder fades with depth.
    """
    completed: Field = flow.copy()

    def complete(pair: int) -> None:
        _complete_pair(completed[pair], holes[pair], distance_to(landing_holes[pair]))

    pairs = np.flatnonzero(holes.any((1, 2))).tolist()
    carry_out(spread, complete, pairs, each_bytes=_PAIR_BYTES * holes[:1].size)
    return completed


def _complete_pair(flow: Field, hole: Mask, landing_distance: Field) -> None:
    """Complete one pair's flow in place."""
    distance = distance_to(hole)
    motion = background_motion(flow, distance, landing_distance)
    guard = guard_band(*hole.shape)
    rows, columns = box_around(hole, pad=guard + 2)
    model = flow_of_motion(motion, rows, columns)
    landed = warp(landing_distance, model, x=columns.start, y=rows.start)
    unknown = (distance[rows, columns] <= guard) | (landed <= 0)
    rest = fill_harmonic(flow[rows, columns] - model, unknown) * _fading_with_depth(unknown, guard)[..., None]
    np.copyto(flow[rows, columns], model + rest, where=hole[rows, columns][..., None])


def _fading_with_depth(unknown: Mask, guard: int) -> Field:
    """1 at the rim, falling with depth: what the model misses at the rim says little about the middle of a large hole."""
    depth = cv2.distanceTransform(np.pad(unknown, 1, mode="edge").astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    far = np.minimum(depth[1:-1, 1:-1] / (4.0 * guard), 1e3)  # OpenCV's "no rim at all" would overflow the square
    return cast(Field, (1.0 / (1.0 + far**2)).astype(np.float32))


def _fitted(points: Matrix, moved: Matrix, weights: npt.NDArray[np.float64], *, extent: int) -> Matrix:
    """The homography that moves n points (n, 2) by ``moved`` (n, 2) pixels.

    Solved for its difference from identity in coordinates near 1, linearly: moved_x = a x + b y + c - u (g x + h y) with
    u = x + moved_x, and likewise in y. The tiny ridge then pulls what the points leave open towards no motion.
    """
    scale = 2.0 / extent
    centre = points.mean(0)
    (x, y), shift = ((points - centre) * scale).T, moved * scale
    u, v = x + shift[:, 0], y + shift[:, 1]
    one, nil = np.ones_like(x), np.zeros_like(x)
    equations = np.concatenate(
        [
            np.stack([x, y, one, nil, nil, nil, -x * u, -y * u], 1),
            np.stack([nil, nil, nil, x, y, one, -x * v, -y * v], 1),
        ]
    )
    target, noise = shift.T.reshape(-1), 0.1 * scale
    from_median = np.hypot(*(shift - np.median(shift, 0)).T)
    robust = weights / (1 + (from_median / max(float(np.median(from_median)), 5 * noise)) ** 2)
    motion = np.eye(3)
    for _ in range(_FIT_ROUNDS):
        motion = np.eye(3) + np.append(_least_squares(equations, target, np.tile(robust, 2)), 0).reshape(3, 3)
        to_x, to_y = moved_by(motion, x, y)
        square = (to_x - u) ** 2 + (to_y - v) ** 2
        robust = weights / (1 + square / max(2 * float(np.median(square)), noise**2)) ** 2
    to_unit = np.array([[scale, 0, -scale * centre[0]], [0, scale, -scale * centre[1]], [0, 0, 1]])
    pixels: Matrix = np.linalg.inv(to_unit) @ motion @ to_unit
    pixels /= pixels[2, 2]
    to_x, to_y = moved_by(pixels, points[:, 0], points[:, 1])
    still = max(np.abs(to_x - points[:, 0]).max(), np.abs(to_y - points[:, 1]).max()) < _STILL
    return np.eye(3) if still else pixels


def _least_squares(
    equations: Matrix, target: npt.NDArray[np.float64], weights: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    # einsum, not @: its order of summation does not depend on the number of threads
    weighted = equations * weights[:, None]
    normal = np.einsum("ni,nj->ij", weighted, equations)
    ridge = 1e-9 * np.trace(normal) * np.eye(normal.shape[0])
    return np.linalg.solve(normal + ridge, np.einsum("ni,n->i", weighted, target))
