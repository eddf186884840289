"""What else differs from the background beside the object: its shadow, its reflection, as a second soft matte.

Here: ``shadow_of``. Not here: the object's matte (``selecting.py``, ``tracking.py``), adding the two (whoever wants it).

Other frames, brought over this one by the camera's motion, show the ground without the shadow where the object has moved on.
A shadow is the same ground in less light: all channels lower, the detail kept. A reflection is brighter or of another
colour; it counts where that is asked for. Where no other frame shows the ground free, nothing is offered.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from propainter_matte.arrays import Field, Mask, blurred, square
from propainter_matte.footage import Footage

THRESHOLD = 0.08
"""Share of its light a pixel must lose to be shadow."""
SOFTEN = 3.0
"""Pixels over which the shadow's edge is softened, at 432x240."""
_OFF = (6, 10, 16, 24, 32, 44)
"""Frames off, either way, that are compared with."""
_REACH = 1.0
"""Sizes of the object around it within which a shadow is sought."""
_BRIGHT = 0.65
"""Quantile of the light in other frames' eyes that is believed."""
_LEAST = 2.0
"""Levels that light is measured above: black has none to lose."""


def shadow_of(
    footage: Footage,
    index: int,
    mattes: Mapping[int, Field],
    *,
    threshold: float = THRESHOLD,
    soften: float = SOFTEN,
    reflections: bool = False,
) -> Field:
    """A soft matte [h, w] in [0, 1] of what the object casts, the object itself left out.

    mattes: the object's, by frame; frames without one are not looked at. threshold: 0 to 1, the share of light lost at
    which the matte is one half. reflections: take what is brighter, too. Raises ValueError where a number is out of range.
    """
    if not 0 < threshold < 1 or not soften >= 0:
        raise ValueError(f"threshold {threshold:g} must lie between 0 and 1, soften {soften:g} not below 0")
    matte = mattes[index]
    none = np.zeros_like(matte)
    if not (matte > 0.5).any():
        return none
    ratio, seen = _light(footage, index, mattes)
    lost = 1 - ratio
    if reflections:
        lost = np.abs(lost)
    lost = blurred(np.where(seen, lost, 0).astype(np.float32), 1.0 * footage.unit)
    share = np.clip((lost - threshold) / threshold + 0.5, 0, 1).astype(np.float32)
    share[~seen] = 0
    cast = _joined(share, matte, footage.unit)
    soft = blurred(cast, soften * footage.unit) if soften > 0 else cast
    offered: Field = np.clip(np.maximum(soft, cast) - matte, 0, 1).astype(np.float32)
    return offered


def _light(footage: Footage, index: int, mattes: Mapping[int, Field]) -> tuple[Field, Mask]:
    """This frame's light beside what others show of the same ground, and where any does."""
    here = _lightness(footage, index)
    ratios = []
    for way in (-1, 1):
        total = np.eye(3)
        for off in range(1, _OFF[-1] + 1):
            source, target = index + way * (off - 1), index + way * off
            if target not in mattes or source not in mattes:
                break
            total = footage.motion(source, target, mattes[source] > 0.3) @ total
            if off in _OFF:
                ratios.append(_ratio(footage, here, target, total / total[2, 2], mattes[target]))
    if not ratios:
        return np.ones_like(here), np.zeros(here.shape, np.bool_)
    stack = np.sort(np.stack(ratios), axis=0)  # what is not seen, NaN, comes last
    counts = np.isfinite(stack).sum(0)
    seen = counts > 0
    stack[:, ~seen] = 1
    # Where the shadow lies in another frame, too, or parallax has moved something dark there, the ratio is higher.
    place = np.rint(_BRIGHT * np.maximum(counts - 1, 0)).astype(np.intp)
    ratio: Field = np.take_along_axis(stack, place[None], 0)[0].astype(np.float32)
    return ratio, seen


def _size(inside: Mask) -> float:
    rows, columns = (np.flatnonzero(inside.any(axis)) for axis in (1, 0))
    return max(float(np.ptp(rows)), float(np.ptp(columns)), 8.0)


def _ratio(footage: Footage, here: Field, other: int, camera: np.ndarray, matte: Field) -> Field:
    size, flags = (footage.width, footage.height), cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    grown = cv2.dilate((matte > 0.3).astype(np.uint8), square(9 * footage.unit))
    moved = cv2.warpPerspective(_lightness(footage, other), camera, size, flags=flags)
    free = cv2.warpPerspective((1 - grown) * np.uint8(255), camera, size, flags=flags) > 250
    smooth = [blurred(light, 1.5 * footage.unit) + _LEAST for light in (here, moved)]
    ratio: Field = np.where(free, smooth[0] / smooth[1], np.nan).astype(np.float32)
    gain = np.nanmedian(ratio) if free.any() else np.float32(1)  # exposure may drift between the frames
    return ratio / gain if gain > 0 else ratio


def _lightness(footage: Footage, index: int) -> Field:
    """Light, roughly linear, 0 to 255."""
    level = footage.lab(index)[..., 0].astype(np.float32) / 255
    light: Field = level**2.2 * 255
    return light


def _joined(share: Field, matte: Field, unit: float) -> Field:
    """What is joined to the object, within its reach: a cloud's shadow elsewhere is not the object's."""
    inside = matte > 0.5
    reach = _REACH * _size(inside)
    off = cv2.distanceTransform((~inside).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    near = (share > 0.25) & (off <= reach)
    touching = cv2.dilate(inside.astype(np.uint8), square(7 * unit)) > 0
    joined = cv2.morphologyEx(near.astype(np.uint8), cv2.MORPH_OPEN, square(3 * unit))
    count, labels = cv2.connectedComponents(((joined > 0) | touching).astype(np.uint8))
    wanted = np.zeros(count, np.bool_)
    wanted[np.unique(labels[touching])] = True
    wanted[0] = False
    fade = np.clip(2 - 2 * off / reach, 0, 1)
    kept: Field = np.where(wanted[labels], share * fade, 0).astype(np.float32)
    return kept
