"""What else differs from the background beside the object: its shadow, its reflection, as a second soft matte.

Here: ``shadow_of``; ``with_shadow``, the two as one. Not here: the object's matte (``selecting.py``, ``tracking.py``).

Other frames, brought over this one by the camera's motion, show the ground without the shadow where the object has moved on.
A shadow is the same ground in less light: all channels lower, the detail kept. A reflection is brighter or of another
colour; it counts where that is asked for. Where no other frame shows the ground free, nothing is offered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from propainter_matte.arrays import Field, Mask, Picture, blurred, norm, square
from propainter_matte.footage import WORKING_PIXELS, Footage

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
_BRIGHT_ANYWHERE = 0.35
"""The same where the shadow itself may lie on the ground in other frames."""
_SEAM = 5.0
"""Pixels wide a seam between object and shadow is at most, at 432x240."""
_LEAST_VIEWS = 2
"""Frames that must show the ground for its light to be believed; a short shot may have but one."""
_FINE = 2.5
"""Pixels over which what is left is detail."""
_DETAIL = 4.0
"""Pixels over which detail is compared."""
_MISSED = 0.62
"""Share of the detail of two pictures that may differ: with nothing in common it is about 0.75, with all the same 0."""
_FIT_POINTS = 2000
_FIT_ROUNDS = 6
_LEAST_POINTS = 50
_NOISE = 0.012
"""Detail that is noise."""
_OTHER_COLOUR = 0.11
"""Difference of colours beside lightness from which it is other ground. The sky lights shadows a little bluer."""
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
    ratio, seen = _light(footage, index, mattes, _OFF, _BRIGHT)
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


def light_lost(footage: Footage, index: int, matte: Field, *, off: tuple[int, ...]) -> Field:
    """The share of its light [h, w] that ground has lost beside what frames ``off`` show of it; 0 where none shows it.

    matte: the object's in this frame; nobody knows it in others. There it is seldom taken for the same ground.
    """
    none = np.zeros_like(matte)
    mattes = dict.fromkeys(range(footage.count), none)
    ratio, seen = _light(footage, index, {**mattes, index: matte}, off, _BRIGHT_ANYWHERE)
    lost: Field = np.where(seen, 1 - ratio, 0).clip(0, 1).astype(np.float32)
    return lost


def with_shadow(matte: Field, cast: Field) -> Field:
    """Object and shadow as one matte [h, w] in [0, 1], without the thin seam that two soft edges leave where they meet."""
    total: Field = np.clip(matte + cast, 0, 1).astype(np.float32)
    side = square(_SEAM * (matte.size / WORKING_PIXELS) ** 0.5)
    meet = (cv2.dilate(matte, side) > 0.5) & (cv2.dilate(cast, side) > 0.5)
    joined: Field = np.where(meet, cv2.morphologyEx(total, cv2.MORPH_CLOSE, side), total)
    return joined


def _light(
    footage: Footage, index: int, mattes: Mapping[int, Field], offs: tuple[int, ...], bright: float
) -> tuple[Field, Mask]:
    """This frame's light beside what others show of the same ground, and where enough of them do.

    offs: frames off, either way, that are compared with. bright: the quantile of their light that is believed.
    """
    here = _Ground.of(footage.lab(index), footage.unit)
    views = []
    for way in (-1, 1):
        total = np.eye(3)
        for off in range(1, offs[-1] + 1):
            source, target = index + way * (off - 1), index + way * off
            if target not in mattes or source not in mattes:
                break
            total = footage.motion(source, target, mattes[source] > 0.3) @ total
            if off in offs:
                views.append(_ratio(footage, here, target, total / total[2, 2], mattes[target]))
    if not views:
        return np.ones_like(here.light), np.zeros(here.light.shape, np.bool_)
    stack = np.sort(np.stack(views), axis=0)  # what is not seen, NaN, comes last
    counts = np.isfinite(stack).sum(0)
    seen = counts >= min(_LEAST_VIEWS, len(views))
    stack[:, counts == 0] = 1
    # Where the shadow lies in another frame, too, or parallax has moved something dark there, the ratio is higher.
    place = np.rint(bright * np.maximum(counts - 1, 0)).astype(np.intp)
    ratio: Field = np.take_along_axis(stack, place[None], 0)[0].astype(np.float32)
    return ratio, seen


def _size(inside: Mask) -> float:
    rows, columns = (np.flatnonzero(inside.any(axis)) for axis in (1, 0))
    return max(float(np.ptp(rows)), float(np.ptp(columns)), 8.0)


@dataclass(frozen=True)
class _Ground:
    """A picture as shadows leave it alone, and its light. In Lab a shadow scales lightness + 16 and the colours alike."""

    light: Field
    """Roughly linear, 0 to 255, over a few pixels."""
    detail: Field
    """Lightness beside that of the pixels around, as a logarithm: less light does not change it."""
    colour: Field
    """[h, w, 2] red or green, blue or yellow, beside lightness."""

    @classmethod
    def of(cls, lab: Picture, unit: float) -> _Ground:
        planes = lab.astype(np.float32)
        level = planes[..., 0] / np.float32(255 / 100) + 16
        smooth = blurred(level, 1.5 * unit)
        detail = np.log(blurred(level, 0.7 * unit) / blurred(level, _FINE * unit))
        usual = max(1.5 * float(np.median(np.abs(detail))), _NOISE)
        detail = np.tanh(detail / usual) * usual  # a shadow's own edge counts no more than the ground's detail
        colour = blurred(planes[..., 1:] - 128, 1.5 * unit) / smooth[..., None]
        return cls((smooth / 116) ** 3 * 255, detail, colour)


def _ratio(footage: Footage, here: _Ground, other: int, camera: np.ndarray, matte: Field) -> Field:
    """This frame's light beside another's [h, w]; NaN where that shows other things than the same ground."""
    size, flags, unit = (footage.width, footage.height), cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, footage.unit
    grown = cv2.dilate((matte > 0.3).astype(np.uint8), square(9 * unit))
    moved = cv2.warpPerspective(footage.lab(other), camera, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    free = cv2.warpPerspective((1 - grown) * np.uint8(255), camera, size, flags=flags) > 250
    there = _Ground.of(moved, unit)
    ratio: Field = np.where(free & _is_alike(here, there, unit), (here.light + _LEAST) / (there.light + _LEAST), np.nan)
    return ratio / _light_around(ratio)


def _light_around(ratio: Field) -> Field:
    """The part of a ratio [h, w] that exposure and vignettes make: a curved surface that most of what is known lies on.

    Fitted to the logarithm by reweighted least squares, for which a shadow is an outlier.
    """
    height, width = ratio.shape
    step = max(1, int((height * width / _FIT_POINTS) ** 0.5))
    rows, columns = np.mgrid[step // 2 : height : step, step // 2 : width : step]
    known = np.isfinite(ratio[rows, columns]) & (ratio[rows, columns] > 0)
    if np.count_nonzero(known) < _LEAST_POINTS:
        return np.ones_like(ratio)
    target = np.log(ratio[rows, columns][known]).astype(np.float64)
    curves = _curves(rows[known] / height, columns[known] / width)
    found = np.zeros(curves.shape[1])
    found[0] = np.median(target)
    hold = np.diag([0.0] + [1e-3 * len(target)] * (curves.shape[1] - 1))
    for _ in range(_FIT_ROUNDS):
        off = target - curves @ found
        weight = 1 / (1 + (off / max(1.5 * float(np.median(np.abs(off))), 0.02)) ** 2) ** 2
        found = np.linalg.solve((curves * weight[:, None]).T @ curves + hold, (curves * weight[:, None]).T @ target)
    y, x = (np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width
    surface = _curves(*np.broadcast_arrays(y[:, None], x)) @ found
    around: Field = np.exp(surface).astype(np.float32)
    return around


def _curves(y: Field, x: Field) -> Field:
    """What a surface is made of, at places from 0 to 1: [..., 6]."""
    x, y = 2 * x - 1, 2 * y - 1
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], -1)


def _is_alike(here: _Ground, there: _Ground, unit: float) -> Mask:
    """Where two pictures show the same ground, in whatever light: its detail lies at the same places, its colours agree.

    Ground at another depth than the camera's motion was found at lies beside itself, and says nothing about light.
    """
    missed, either = (
        blurred(each, _DETAIL * unit)
        for each in (np.abs(here.detail - there.detail), np.abs(here.detail) + np.abs(there.detail))
    )
    astray = norm(here.colour - there.colour)
    alike: Mask = (missed < _MISSED * either + _NOISE) & (astray < _OTHER_COLOUR)
    return alike


def _joined(share: Field, matte: Field, unit: float) -> Field:
    """What is joined to the object, within its reach: a cloud's shadow elsewhere is not the object's."""
    inside = matte > 0.5
    reach = _REACH * _size(inside)
    off = cv2.distanceTransform((~inside).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    near = (share > 0.25) & (off <= reach)
    touching = cv2.dilate(inside.astype(np.uint8), square(7 * unit)) > 0
    joined = cv2.morphologyEx(near.astype(np.uint8), cv2.MORPH_OPEN, square(5 * unit))
    count, labels = cv2.connectedComponents(((joined > 0) | touching).astype(np.uint8))
    wanted = np.zeros(count, np.bool_)
    wanted[np.unique(labels[touching])] = True
    wanted[0] = False
    fade = np.clip(2 - 2 * off / reach, 0, 1)
    kept: Field = np.where(wanted[labels], share * fade, 0).astype(np.float32)
    return kept
