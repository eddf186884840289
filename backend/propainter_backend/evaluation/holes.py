"""What is removed where nobody drew masks: one free-form hole a clip, which stands still.

Here: ``stationary_hole``. Not here: masks from files (``clips.py``), growing them (``protocol.py``).

The paper's own masks are of this kind and were published as pictures. Where these are at hand, use them: figures under
made-up holes tell engines apart, they are not the paper's.
"""

from __future__ import annotations

import hashlib

import cv2
import numpy as np
from numpy.typing import NDArray

_CORNERS = (6, 12)
_RADIUS = (0.12, 0.30)
"""Of the shorter side: such a shape covers some 5 to 20 % of a picture."""
_STEPS = 16


def stationary_hole(name: str, size: tuple[int, int]) -> NDArray[np.bool_]:
    """[h, w]: a smooth blob that lies whole in the picture. It depends on the clip's name and the size alone."""
    width, height = size
    random = np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big"))
    corners = int(random.integers(*_CORNERS, endpoint=True))
    turns = 2 * np.pi * (np.arange(corners) + random.uniform(0, 0.6, corners)) / corners
    reach = random.uniform(*_RADIUS, corners) * min(size)
    stretch = random.uniform(1.0, 1.6)
    away = np.stack((reach * np.cos(turns) * stretch, reach * np.sin(turns)), axis=1)
    room = np.array([width, height]) - 1 - 2 * np.abs(away).max(0)
    centre = np.abs(away).max(0) + random.uniform(0, 1, 2) * np.maximum(room, 0)
    hole = np.zeros((height, width), np.uint8)
    cv2.fillPoly(hole, [np.rint(_rounded(away) + centre).astype(np.int32)], 1)
    return hole > 0


def _rounded(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """A closed line of quadratic Bezier arcs from middle to middle of the polygon's sides: never outside the polygon."""
    before, after = (corners + np.roll(corners, 1, 0)) / 2, (corners + np.roll(corners, -1, 0)) / 2
    t = np.linspace(0, 1, _STEPS, endpoint=False)[:, None, None]
    arcs = (1 - t) ** 2 * before + 2 * t * (1 - t) * corners + t**2 * after
    return np.asarray(arcs.transpose(1, 0, 2).reshape(-1, 2), np.float64)
