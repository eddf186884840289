"""What is carried from frame to frame: an outline's points along the object's flow, stamps by the camera's motion.

Here: ``carried``, ``camera_between``. Not here: flow and the camera's motion between neighbours (``footage.py``).

Points are (x, y) in pixels at the working size; (0, 0) is the upper left corner of the upper left pixel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from propainter.classical.motion import Matrix
from propainter_matte.arrays import Field, blurred, depth_in
from propainter_matte.footage import Footage
from propainter_matte.marks import Marks, Point, Polygon, inside_polygons

_SHRINK = (8.0, 5.0, 2.0)
"""Pixels inside an outline from which flow is the object's own: at its edge it mixes with what lies behind. The first that
leaves enough of it."""
_NEAR = 8.0
"""Sigma in pixels within which an outline's point moves as the object beside it."""
_LEAST_CORE = 12
"""Pixels of core below which there is nothing to tell its motion by."""
_LEAST_SHARE = 0.15
"""The same as a share of what the outline holds."""


def carried(footage: Footage, index: int, to: int, points: Sequence[Point]) -> list[Point]:
    """Points of a frame where they are in another.

    Three and more are taken for an outline: they move as the object within it does beside them, since flow at an edge is
    half the background's. Fewer move as the flow at their places.
    """
    way = 1 if to > index else -1
    found = np.array(points, np.float64).reshape(-1, 2)
    for here in range(index, to, way):
        flow = footage.flow(here, here + way)
        found = found + _at(_motion_within(flow, found, footage.unit), found)
    return [(float(x), float(y)) for x, y in found]


def camera_between(footage: Footage, index: int, other: int, mattes: Mapping[int, Field] | None = None) -> Matrix:
    """The homography [3, 3] that carries points of ``other`` onto ``index`` with the background.

    mattes: of frames whose object is to be left out of it. Raises ValueError where the way collapses.
    """
    none = np.zeros((footage.height, footage.width), np.float32)
    way = 1 if index > other else -1
    total = np.eye(3)
    for here in range(other, index, way):
        matte = none if mattes is None else mattes.get(here, none)
        total = footage.motion(here, here + way, matte > 0.3) @ total
        if not np.isfinite(total).all() or abs(total[2, 2]) < 1e-9:
            raise ValueError("no motion of a background is found between these frames")
        total = total / total[2, 2]
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # arrays have whole numbers at their pixels' middle
    total = half @ total @ np.linalg.inv(half)
    found: Matrix = total / total[2, 2]
    return found


def _motion_within(flow: Field, points: np.ndarray, unit: float) -> Field:
    """The flow that an outline's points follow."""
    if len(points) < 3:
        return flow
    inside = inside_polygons(Marks(polygons=(Polygon(tuple(map(tuple, points))),)), *flow.shape[:2])
    depth = depth_in(inside.astype(np.float32))
    cores = ((depth > max(shrink * unit, shrink / 2)).astype(np.float32) for shrink in _SHRINK)
    least = max(_LEAST_CORE, _LEAST_SHARE * int(inside.sum()))
    core = next((each for each in cores if each.sum() >= least), None)
    if core is None:
        return flow
    total, weight = np.zeros_like(flow), np.zeros(flow.shape[:2], np.float32)
    for wider in (1, 3, 9):  # near an outline's point its own neighbourhood counts; where none is near, larger parts
        faint = np.float32(1e-3 ** (wider // 3))
        total += faint * blurred(flow * core[..., None], wider * _NEAR * unit)
        weight += faint * blurred(core, wider * _NEAR * unit)
    own: Field = total / (weight[..., None] + np.float32(1e-12))
    return own


def _at(flow: Field, points: np.ndarray) -> np.ndarray:
    """Flow at points, linear; beyond the border that at the border."""
    x, y = (points - 0.5).astype(np.float32).T
    found = cv2.remap(flow, x[:, None], y[:, None], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found).reshape(-1, 2)
