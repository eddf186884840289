"""Small moving scenes whose truth is known, for the tests of mattes.

Here: ``Scene``, ``moving_disc``. Not here: plates for removals (``builders.py``).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from builders import texture
from propainter_matte.footage import Footage

SIZE = 160, 120


@dataclass
class Scene:
    """Frames, uint8 RGB [h, w, 3], and the object's true cover [h, w] in [0, 1]."""

    frames: list[np.ndarray]
    truth: list[np.ndarray]
    shadows: list[np.ndarray]

    @property
    def footage(self) -> Footage:
        return Footage(lambda i: self.frames[i], len(self.frames))

    def box(self, index: int, *, pad: int = 1) -> tuple[float, float, float, float]:
        """x, y, width, height around the object."""
        rows, columns = (np.flatnonzero((self.truth[index] > 0.5).any(axis)) for axis in (1, 0))
        return (
            float(columns[0] - pad), float(rows[0] - pad),
            float(np.ptp(columns) + 1 + 2 * pad), float(np.ptp(rows) + 1 + 2 * pad),
        )  # fmt: skip


def moving_disc(
    count: int, *, pan: float = 1.0, speed: float = 2.5, start: float = 40.0, radius: float = 18.0, soft: float = 0.7,
    shadow: float = 0.0, contrast: float = 0.35, post: tuple[int, int] | None = None,
) -> Scene:  # fmt: skip
    """A textured disc that goes right over a textured ground that goes left; with a shadow to its lower left, if asked.

    shadow: the share of light it takes. soft: sigma of the disc's edge. contrast: how far its colour is off the ground's.
    post: left side and width, in the first frame, of a grey post before the disc; it stands on the ground.
    """
    width, height = SIZE
    ground = 0.25 + 0.5 * texture(height, width + 2 * count + 8, seed=3)
    skin = 0.3 + 0.4 * texture(height, width, seed=9)
    skin[..., 0] += contrast
    skin[..., 2] -= contrast / 2
    frames, truth, shadows = [], [], []
    for i in range(count):
        moved = np.array([[1, 0, -pan * i], [0, 1, 0]], np.float32)
        behind = cv2.warpAffine(ground, moved, (width, height), flags=cv2.INTER_LINEAR)
        x, y = start + speed * i, height / 2
        cover = _disc(x, y, radius, soft)
        cast = _disc(x - radius, y + radius * 0.9, radius * 0.8, soft) * (1 - cover)
        on = cv2.warpAffine(skin, np.array([[1, 0, x - start], [0, 1, 0]], np.float32), (width, height))
        lit = behind * (1 - shadow * cast[..., None])
        picture = lit * (1 - cover[..., None]) + on * cover[..., None]
        if post is not None:
            left = round(post[0] - pan * i)
            hidden = slice(max(0, left), max(0, left + post[1]))
            picture[:, hidden] = 0.3 * behind[:, hidden] + 0.15
            cover, cast = cover.copy(), cast.copy()
            cover[:, hidden], cast[:, hidden] = 0, 0
        frames.append(np.rint(picture.clip(0, 1) * 255).astype(np.uint8))
        truth.append(cover)
        shadows.append(cast * (shadow > 0))
    return Scene(frames, truth, shadows)


def _disc(x: float, y: float, radius: float, soft: float) -> np.ndarray:
    rows, columns = np.mgrid[: SIZE[1], : SIZE[0]].astype(np.float32)
    off = np.hypot(columns + 0.5 - x, rows + 0.5 - y)
    return np.clip((radius - off) / (2 * soft) + 0.5, 0, 1).astype(np.float32)
