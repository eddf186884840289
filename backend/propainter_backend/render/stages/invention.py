"""What a painter copied: stored beside its colours, and how two windows meet in it.

Two textures laid half and half over each other are neither. So where windows overlap, every pixel takes one of the two, and
which one spreads in patches from frame to frame, with a narrow blend between. Not here: painting (``painting.py``), what
becomes of it at the plate's size (``native.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import cv2
import numpy as np

from propainter.types import NOWHERE, Invented
from propainter_backend.render.cache_entry import Arrays

UNSURE = 0.35
"""``Invented.miss`` above which a copy is a guess. Rock, leaves and windows that pass stay below 0.3 nearly everywhere; of a
fill that is plainly wrong a fifth to a half lies above."""
SURE = 0.6
"""What the output Never seen shows of a copy that is none; a guess is 1. Above a half, as many threshold it there."""
_PATCH = 24
"""Pixels from one of the patches to the next."""
_NARROW = 0.08
"""Share of the overlap during which a pixel is between the two."""
_NAMES = tuple(field.name for field in fields(Invented))


def stored(found: Invented, first: int) -> dict[str, np.ndarray]:
    """Arrays of one frame's invention, frames counted in the shot. first: the window's first frame there."""
    source = np.where(found.copied, found.source + first, NOWHERE).astype(np.int32)
    return {**{name: getattr(found, name) for name in _NAMES}, "source": source}


def loaded(arrays: Arrays) -> Invented | None:
    """The invention that is stored there, if any."""
    return Invented(**{name: arrays[name] for name in _NAMES}) if "piece" in arrays else None


def choose(first: Invented, second: Invented, takes_second: np.ndarray) -> Invented:
    """Of two inventions of the same pixels one for each."""
    both = {name: np.where(takes_second, getattr(second, name), getattr(first, name)) for name in _NAMES}
    return Invented(**both)


def meeting(share: float, unseen: np.ndarray) -> np.ndarray:
    """How much of the second of two windows each pixel takes, [h, w]: nothing, everything, or in between on a narrow line.

    share: the second window's in the frame, 0..1. unseen: [h, w], gives the size alone.
    """
    height, width = unseen.shape
    rows, columns = np.indices((height // _PATCH + 2, width // _PATCH + 2))
    level = (rows * 0.7548776662 + columns * 0.5698402910) % 1.0  # additive recurrence: neighbours lie far apart
    field = cv2.resize(level.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    span = 1 + 2 * _NARROW
    taken: np.ndarray = ((share * span - _NARROW - field) / _NARROW + 0.5).clip(0, 1).astype(np.float32)
    return taken


def takeovers(weights: Sequence[float], unseen: np.ndarray) -> list[np.ndarray]:
    """How much each window after the first takes, [h, w], of what those before it have left: see ``meeting``.

    weights: the windows' in the frame, in order; short chunks lay more than two over a frame.
    """
    return [meeting(weights[i] / sum(weights[: i + 1]), unseen) for i in range(1, len(weights))]
