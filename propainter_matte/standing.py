"""What other frames show behind an object of which one frame alone is known.

Here: ``uncovered_anywhere``; ``stirs``, what moves by itself. Not here: the same beside known mattes (``cues.py``).
"""

from __future__ import annotations

import numpy as np

from propainter_matte.arrays import Field, Mask, norm
from propainter_matte.cues import difference_from
from propainter_matte.footage import Footage

VIEWS = (2, 5, 9, 14)
"""Frames off, either way, that may show what lies behind."""
_TELLS = 12.0
"""Levels from which on a difference tells."""
_STIRS, _STILL = 2.0, 0.3
"""Times the unrest of what stands from which on flow is an object's own; pixels of unrest that are there in any case."""
_UNREST = 0.9
"""Quantile of what stands that is taken for its unrest."""


def stirs(footage: Footage, index: int, other: int, may: Mask) -> Mask:
    """Where the flow [h, w] to a neighbour leaves the camera's far more than it does outside ``may``."""
    off = norm(footage.flow(index, other) - footage.camera_flow(index, other, may))
    moving: Mask = off > _STIRS * (float(np.quantile(off[~may], _UNREST)) + _STILL * footage.unit)
    return moving


def uncovered_anywhere(footage: Footage, index: int, may: Mask) -> Field:
    """How unlike what other frames show here, in [0, 1] [h, w]: 1 differs from all of them, 0 is seen again.

    may: where the object may be in this frame. Where it is in others nobody knows. An object that stays where it is
    so says nothing, and never counts as background for that.
    """
    here = footage.lab(index).astype(np.float32)
    none = np.zeros(may.shape, np.float32)
    differences = []
    for way in (-1, 1):
        total = np.eye(3)
        for off in range(1, VIEWS[-1] + 1):
            source, target = index + way * (off - 1), index + way * off
            if not 0 <= target < footage.count:
                break
            total = footage.motion(source, target, may if off == 1 else none > 0) @ total
            if off in VIEWS:
                differ, clear = difference_from(footage, here, target, total / total[2, 2], none)
                differences.append(np.where(clear, differ, np.inf))
    if not differences:
        return none
    least = np.min(differences, 0)
    least[~np.isfinite(least)] = 0
    cue: Field = np.clip(least / _TELLS - 0.5, 0, 1).astype(np.float32)
    return cue
