"""How far a pixel is shut off from the surroundings: background that reaches into a box can be walked to from outside.

Here: ``barrier``, the minimum barrier distance (Strand et al., 2013; in sweeps as Zhang et al., ICCV 2015). Not here: what
is made of it (``selecting.py``).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from propainter_matte.arrays import Field, Mask, Picture

_ROUNDS = 3
_ONE_CHANNEL = 255.0


def barrier(picture: Picture, outside: Mask) -> Field:
    """The least range of levels [h, w] on any way from ``outside`` to a pixel, summed over channels."""
    total = np.zeros(outside.shape, np.float32)
    for channel in range(picture.shape[2]):
        total += _of_one(picture[..., channel].astype(np.float32), outside)
    return total


def _of_one(levels: Field, outside: Mask) -> Field:
    distance: Field = np.where(outside, np.float32(0), np.float32(_ONE_CHANNEL))
    highest, lowest = levels.copy(), levels.copy()
    for _ in range(_ROUNDS):
        for turned in (False, True):
            here, far, high, low = ((each.T if turned else each) for each in (levels, distance, highest, lowest))
            for rows in (range(1, len(here)), range(len(here) - 2, -1, -1)):
                _sweep(here, far, high, low, rows)
    return distance


def _sweep(levels: Field, distance: Field, highest: Field, lowest: Field, rows: range) -> None:
    """Come from the row before, in place."""
    for row in rows:
        before = row - rows.step
        high = np.maximum(highest[before], levels[row])
        low = np.minimum(lowest[before], levels[row])
        shorter: npt.NDArray[np.bool_] = high - low < distance[row]
        np.copyto(distance[row], high - low, where=shorter)
        np.copyto(highest[row], high, where=shorter)
        np.copyto(lowest[row], low, where=shorter)
