"""Whether a way that leaves a hole arrives at what it followed.

Here: the check of landings by motion. Not here: the ways (``places.py``), the motion (``alignment.py``, ``layers.py``).

A way may leave the hole and land on something that passes in front of what it followed. Nothing at the landing itself
tells: what counts is where the plate goes on to, one pair further from the hole.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from propainter.classical.alignment import Aligned
from propainter.classical.harmonic import Mask
from propainter.classical.places import Check, Places

_SLACK = 0.75
"""Pixels off the motion that was followed, which measuring flow may be wrong by."""
_OF_OWN, _OF_ALL = 0.35, 0.05
"""The same, as shares of the motion beside the background's, and of all motion: both change from pair to pair."""


def landing_check(motion: Aligned, *, onward: bool) -> Check:
    """The check for ways that lead onward in time, or back."""
    flow, way = (motion.forward, 1) if onward else (motion.backward, -1)

    def check(places: Places, near: Mask, pair: int, following: int) -> Places:
        beyond = pair + way
        arrived = np.flatnonzero(places.source == following)
        if not 0 <= beyond < len(flow) or not len(arrived):
            return places
        ys, xs = (each[arrived] for each in np.nonzero(near))
        rows, columns = np.rint(places.y[arrived]).astype(np.intp), np.rint(places.x[arrived]).astype(np.intp)
        followed = flow[pair][ys, xs]
        own, goes = motion.apart(pair, ys, xs, onward=onward), motion.apart(beyond, rows, columns, onward=onward)
        size = np.maximum(np.hypot(*own.T), np.hypot(*goes.T))
        bound = _SLACK + _OF_OWN * size + _OF_ALL * np.hypot(*followed.T)
        doubtful = places.doubtful.copy()
        doubtful[arrived] |= np.hypot(*(goes - own).T) > bound
        return replace(places, doubtful=doubtful)

    return check
