"""Inventing what no frame shows: filled once from its surroundings, then carried along the flow so that it holds still.

Here: the painter of the classical engine. Not here: pixels some frame does show (``pull.py``).
"""

from __future__ import annotations

import cv2
import numpy as np

from propainter.classical.harmonic import Field, Mask, box_around
from propainter.classical.places import future_places, past_places
from propainter.classical.pull import blend_places
from propainter.classical.sampling import with_rims

_MOST_KEYS = 6
"""Frames invented one after the other and carried to the rest; what is still missing then is invented frame by frame."""
_LEVELS = 127.5
"""OpenCV's fast marching, though in float, has constants made for 8-bit levels: in [-1, 1] it overshoots tenfold."""
_RADIUS = 5
"""Neighbourhood of Telea's fast marching, in pixels."""


def paint_unseen(frames: Field, unseen: Mask, forward: Field, backward: Field) -> Field:
    """Frames (t, h, w, 3) with their unseen pixels (t, h, w) invented; all others come back unchanged.

    forward, backward: completed flows (t-1, h, w, 2). The frame that misses most is filled from its own surroundings and
    then serves the others as a source like any other frame; what they still miss is met the same way.
    """
    painted: Field = frames.copy()
    missing = unseen.copy()
    for _ in range(_MOST_KEYS):
        if not missing.any():
            return painted
        key = int(missing.sum((1, 2)).argmax())
        painted[key] = _invented(painted[key], missing[key])
        missing[key] = False
        sights = [find(forward, backward, missing) for find in (past_places, future_places)]
        colours, unseen = blend_places(with_rims(painted, missing), missing, sights, [1.0, 1.0])
        painted[missing] = colours
        missing[missing] = unseen
    for i in np.flatnonzero(missing.any((1, 2))):
        painted[i] = _invented(painted[i], missing[i])
    return painted


def _invented(frame: Field, missing: Mask) -> Field:
    """One frame filled from its own surroundings by fast marching (Telea 2004), in float; 0 where nothing surrounds it."""
    if missing.all():
        return np.zeros_like(frame)
    rows, columns = box_around(missing, pad=2 * _RADIUS)
    hole = missing[rows, columns].astype(np.uint8)
    box = frame[rows, columns] * np.float32(_LEVELS)
    channels = [
        cv2.inpaint(np.ascontiguousarray(channel), hole, _RADIUS, cv2.INPAINT_TELEA) / np.float32(_LEVELS)
        for channel in np.moveaxis(box, -1, 0)
    ]
    invented: Field = frame.copy()
    np.copyto(invented[rows, columns], np.stack(channels, -1), where=missing[rows, columns][..., None])
    return invented
