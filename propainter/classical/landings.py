"""Whether a way goes on with what it followed.

Here: the check of each step by motion. Not here: the ways (``places.py``), the motion (``alignment.py``, ``layers.py``).

A way may leave the hole and land on something that passes in front of what it followed. Nothing at the landing itself
tells: what counts is where the plate goes on to, one pair further from the hole. Within the hole, too, something may come to
pass in front: what stood still for twenty frames and then walks away is covered, and its way ends there.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from propainter.classical.alignment import Aligned
from propainter.classical.harmonic import Mask
from propainter.classical.places import Check, Places
from propainter.types import NOWHERE

_SLACK = 0.75
"""Pixels off the motion that was followed, which measuring flow may be wrong by."""
_OF_OWN, _OF_ALL = 0.35, 0.05
"""The same, as shares of the motion beside the background's, and of all motion: both change from pair to pair."""
_AROUND = (5, 5)
"""Pixels over which neighbours agree on whether they go on: at a blurred edge a few always slip through."""


def landing_check(motion: Aligned, *, onward: bool) -> Check:
    """The check for ways that lead onward in time, or back: what arrives at something else is doubtful, what goes on within
    the hole as something else is seen nowhere."""
    flow, way = (motion.forward, 1) if onward else (motion.backward, -1)

    def check(places: Places, near: Mask, pair: int, following: int) -> Places:
        beyond, seen = pair + way, np.flatnonzero(places.seen)
        if not 0 <= beyond < len(flow) or not len(seen):
            return places
        ys, xs = (each[seen] for each in np.nonzero(near))
        followed = flow[pair][ys, xs]
        rows = np.rint(ys + followed[:, 1]).astype(np.intp).clip(0, near.shape[0] - 1)
        columns = np.rint(xs + followed[:, 0]).astype(np.intp).clip(0, near.shape[1] - 1)
        own, goes = motion.apart(pair, ys, xs, onward=onward), motion.apart(beyond, rows, columns, onward=onward)
        size = np.maximum(np.hypot(*own.T), np.hypot(*goes.T))
        bound = _SLACK + _OF_OWN * size + _OF_ALL * np.hypot(*followed.T)
        other = np.hypot(*(goes - own).T) > bound
        arrived = places.source[seen] == following
        doubtful, source = places.doubtful.copy(), places.source.copy()
        doubtful[seen] |= other & arrived
        lost = np.zeros(near.shape, np.float32)
        going = lost.copy()
        going[ys[~arrived], xs[~arrived]] = 1
        lost[ys, xs] = other & ~arrived
        most = 2 * cv2.blur(lost, _AROUND) > cv2.blur(going, _AROUND)
        source[seen[~arrived & (other | most[ys, xs])]] = NOWHERE
        return replace(places, source=source, doubtful=doubtful)

    return check
