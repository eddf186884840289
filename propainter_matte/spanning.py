"""What a box says of its object beyond what was found: a shadow belongs to it where the object alone does not span it.

Here: ``cast_in_box``. Not here: light (``shadows.py``), the rounds in which an object is found (``selecting.py``).
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from propainter_matte.arrays import Field, Mask, blurred, square
from propainter_matte.footage import Footage
from propainter_matte.shadows import THRESHOLD, light_lost
from propainter_matte.standing import VIEWS

_FAINT = 0.5
"""Share of a shadow's threshold down to which what hangs together with it belongs to it."""
_UNREST = 0.9
"""Quantile of the light that seems lost around the box up to which it is unrest: leaves, a crowd, ground with depth."""
_DEEP = 1.5
"""Thresholds that a piece of shadow must be deep somewhere."""
_LEAST = 30.0
"""Pixels at 432x240 of the least piece."""
_GAP = 7.0
"""Pixels at 432x240 between pieces that hang together: a shadow lies on itself in other frames."""
_ODDS = 4.0
"""Log odds of ground in a shadow twice as deep as the threshold."""


def cast_in_box(
    footage: Footage, index: int, matte: Field, may: Mask, *, around: Mask, is_reached: Callable[[Field], bool]
) -> Field | None:
    """Log odds [h, w] from 0 on that a pixel is shadow that leads from the object to what it does not reach.

    matte: the object's. may: where it may be. around: where there is none; what seems to lose light there is unrest, and
    shadow must be deeper. is_reached: whether a matte spans the box. None: there is none.
    """
    unit = footage.unit
    lost = blurred(light_lost(footage, index, matte, off=VIEWS), 1.0 * unit)
    unrest = float(np.quantile(lost[around & ~may], _UNREST)) if (around & ~may).any() else 0.0
    if unrest > THRESHOLD:
        return None  # other frames do not fit over this one
    threshold = max(THRESHOLD, unrest / _FAINT)
    lost[~may | (matte > 0.5)] = 0
    shadow = _deep(lost / np.float32(threshold), _LEAST * unit**2)
    count, labels = cv2.connectedComponents(cv2.dilate(shadow.astype(np.uint8), square(_GAP * unit)))
    beside = np.unique(labels[cv2.dilate((matte > 0.5).astype(np.uint8), square(_GAP * unit)) > 0])
    leads = np.zeros(count, np.bool_)
    for each in beside[beside > 0]:  # one that leads nowhere may be ground that the object lay over in other frames
        leads[each] = is_reached(np.maximum(matte, shadow & (labels == each)))
    if not leads.any():
        return None
    odds: Field = np.where(leads[labels] & shadow, _ODDS * np.tanh(lost / threshold / 2), 0).astype(np.float32)
    return odds


def _deep(lost: Field, least: float) -> Mask:
    """Pieces of at least ``least`` pixels that are a shadow's depth somewhere, down to where they are faint.

    lost: light, in thresholds.
    """
    count, labels = cv2.connectedComponents((lost > _FAINT).astype(np.uint8))
    sizes = np.bincount(labels.ravel(), minlength=count)
    deepest = np.zeros(count, np.float32)
    np.maximum.at(deepest, labels.ravel().astype(np.intp), lost.ravel())
    kept = (sizes >= least) & (deepest > _DEEP)
    kept[0] = False
    deep: Mask = kept[labels]
    return deep
