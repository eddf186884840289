"""Inventing what no frame shows: filled once from its surroundings, then carried along the flow so that it holds still.

Here: the painter of the classical engine. Not here: pixels some frame does show (``pull.py``).

The invention is the plain membrane. OpenCV's fast marching (Telea 2004) was tried: it drags streaks in from the rim, costs
more, and on static holes over a facade lies 1.2 dB further from the truth.
"""

from __future__ import annotations

import numpy as np

from propainter.classical.harmonic import Field, Mask, fill_harmonic
from propainter.classical.places import future_places, past_places
from propainter.classical.pull import blend_places
from propainter.classical.sampling import Plate

_MOST_KEYS = 6
"""Frames invented one after the other and carried to the rest; what is still missing then is invented frame by frame."""


def paint_unseen(frames: Field, unseen: Mask, forward: Field, backward: Field) -> Field:
    """Frames (t, h, w, 3), in place, with their unseen pixels (t, h, w) invented; all others stay as they are.

    forward, backward: completed flows (t-1, h, w, 2). The frame that misses most is filled from its own surroundings and
    then serves the others as a source like any other frame; what they still miss is met the same way. A frame that
    misses everything becomes 0.
    """
    missing = unseen.copy()
    for _ in range(_MOST_KEYS):
        if not missing.any():
            return frames
        key = int(missing.sum((1, 2)).argmax())
        frames[key] = fill_harmonic(frames[key], missing[key])
        missing[key] = False
        frames[missing] = 0
        plate = Plate.of_one_exposure(frames, missing.copy())
        sights = [find(forward, backward, missing, plate.ground) for find in (past_places, future_places)]
        colours, unknown = blend_places(plate, missing, sights, [1.0, 1.0], missing)
        frames[missing] = colours
        missing[missing] = unknown
    for i in np.flatnonzero(missing.any((1, 2))):
        frames[i] = fill_harmonic(frames[i], missing[i])
    return frames
