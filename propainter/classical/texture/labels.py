"""One label a place of a lattice, so that what the places want and what neighbours agree on is cheapest together.

Here: min-sum belief propagation in sweeps (Tappen & Freeman 2003), which reaches across the lattice in one sweep. Not here:
what a label is, what it costs (``pieces.py``).
"""

from __future__ import annotations

import numpy as np

from propainter.classical.flow_image import Index
from propainter.classical.harmonic import Field


def cheapest(wants: Field, across: Field, down: Field, *, rounds: int) -> Index:
    """The label (h, w) of every place.

    wants: (h, w, k), what each label costs there. across: (h, w - 1, k, k), what labels of a place and of the one to its
    right cost together; down: (h - 1, w, k, k), with the one below. A place that is no part of it costs nothing.
    rounds: times that messages go right, left, down and up.
    """
    told = np.zeros((4, *wants.shape), np.float32)
    height, width = wants.shape[:2]
    for _ in range(rounds):
        for x in range(1, width):
            told[0, :, x] = _message(wants[:, x - 1] + told[[0, 2, 3], :, x - 1].sum(0), across[:, x - 1])
        for x in range(width - 2, -1, -1):
            back = across[:, x].swapaxes(-1, -2)
            told[1, :, x] = _message(wants[:, x + 1] + told[1:, :, x + 1].sum(0), back)
        for y in range(1, height):
            told[2, y] = _message(wants[y - 1] + told[:3, y - 1].sum(0), down[y - 1])
        for y in range(height - 2, -1, -1):
            told[3, y] = _message(wants[y + 1] + told[[0, 1, 3], y + 1].sum(0), down[y].swapaxes(-1, -2))
    chosen: Index = (wants + told.sum(0)).argmin(-1)
    return chosen


def _message(known: Field, together: Field) -> Field:
    """What places (n, k) tell their neighbours of these labels."""
    message: Field = (known[..., :, None] + together).min(-2)
    message -= message.min(-1, keepdims=True)
    return message
