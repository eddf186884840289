"""Light that stays: what every frame's texture was lit by, averaged over neighbouring frames along the way the texture goes.

A rim's light is measured in every frame anew, from pixels that grain, compression and passers-by change. Texture that is
lit by that boils, though it is copied without a fault. Here: the average, in the key's own picture, coarse. Not here: one
frame's light (``levels.py``), which pixel of the key a pixel is (``carrying.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from propainter.classical.flow_image import Index
from propainter.classical.harmonic import Field
from propainter.classical.texture.carrying import Origins
from propainter.classical.texture.registering import bilinear

_CELLS, _LEAST_CELL = 1 << 13, 4
"""Cells that a key's picture is cut into, at most; and a cell's side in pixels, at least."""
_FRAMES = 6.0
"""Sigma in frames of the average: light that sweeps over the scene is followed, what a single frame thinks is not."""
_ODD = 0.1
"""Difference, of a range of 2, from the average at which a frame counts little: something passes at its rim."""
_SOFT = 1.0
"""Sigma in cells by which the average is softened: cells must not show."""


def steadied(
    origins: Sequence[Origins], lights: Sequence[Field | None], among: Sequence[Index], size: tuple[int, int]
) -> list[Field | None]:
    """What light (n, 3) is added to pixels of each frame, averaged over frames.

    among: numbers of these pixels within the frame's origins. size: height and width of the frames.
    """
    result = list(lights)
    cell = max(_LEAST_CELL, int(np.ceil((size[0] * size[1] / _CELLS) ** 0.5)))
    shape = size[0] // cell + 2, size[1] // cell + 2
    lit = [(t, light) for t, light in enumerate(lights) if light is not None]
    for key in sorted({int(key) for t, _ in lit for key in np.unique(origins[t].key[among[t]])}):
        parts = []
        for t, light in lit:
            some = np.flatnonzero(origins[t].key[among[t]] == key)
            if len(some):
                member = among[t][some]
                x, y = ((at[member] / cell).clip(0, limit - 2) for at, limit in _axes(origins[t], shape))
                parts.append(_Part(t, some, x.astype(np.float32), y.astype(np.float32), light[some]))
        for part, average in zip(parts, _averaged(parts, shape), strict=True):
            light = np.array(result[part.frame])
            light[part.which] = bilinear(average, part.x, part.y)
            result[part.frame] = light
    return result


def _axes(origins: Origins, shape: tuple[int, int]) -> tuple[tuple[Field, int], tuple[Field, int]]:
    return (origins.x, shape[1]), (origins.y, shape[0])


@dataclass(frozen=True)
class _Part:
    """What one frame has of one key."""

    frame: int
    which: Index
    x: Field
    """(n,): column in cells; y: row."""
    y: Field
    light: Field


def _averaged(parts: Sequence[_Part], shape: tuple[int, int]) -> list[Field]:
    """The average (h, w, 3) for every part, of it and its neighbours in time; what is much unlike them counts little."""
    sums = np.stack([_in_cells(part, shape) for part in parts])
    count, mean = sums[..., 3:], sums[..., :3] / np.maximum(sums[..., 3:], np.float32(1e-6))
    frames = np.array([part.frame for part in parts], np.float32)
    near = np.exp(-((frames[:, None] - frames) ** 2) / np.float32(2 * _FRAMES**2))
    say = (count > 0).astype(np.float32)
    for _ in range(2):
        average = _over_time(near, mean * say) / np.maximum(_over_time(near, say), np.float32(1e-6))
        odd = ((mean - average) ** 2).mean(-1, keepdims=True)
        say = (count > 0) / (1 + odd / np.float32(_ODD**2)) ** 2
    return [_softened(one, weight[..., 0]) for one, weight in zip(average, _over_time(near, say), strict=True)]


def _over_time(near: Field, images: Field) -> Field:
    return np.tensordot(near, images, 1)


def _in_cells(part: _Part, shape: tuple[int, int]) -> Field:
    """Sum of the light, and number of pixels, in every cell (h, w, 4)."""
    cell = np.rint(part.y).astype(np.intp) * shape[1] + np.rint(part.x).astype(np.intp)
    values = (*part.light.T, np.ones(len(cell), np.float32))
    sums = [np.bincount(cell, value, shape[0] * shape[1]) for value in values]
    return np.stack(sums, 1).reshape(*shape, 4).astype(np.float32)


def _softened(image: Field, weight: Field) -> Field:
    """Without the cells' borders; cells that nothing is known of take after those around them."""
    share = cv2.GaussianBlur((weight > 0).astype(np.float32), (0, 0), _SOFT)
    blurred = cv2.GaussianBlur(image * (weight > 0)[..., None], (0, 0), _SOFT)
    soft: Field = blurred / np.maximum(share, np.float32(1e-6))[..., None]
    return soft.astype(np.float32)
