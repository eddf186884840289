"""What the eye gets of a matte: tinted, as lines, as what the settings make of it, its neighbours' outlines.

Here: numpy only, pure; pictures are 8-bit RGB. Not here: the other views (``picture.py``), where mattes come from
(``frame_store.py``).

What a matte becomes is computed as ``propainter/hole.py`` does, which the panel must not load.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from propainter_wire.messages import ShotSettings
from propainter_wire.shot import Pixels

Rgb8 = npt.NDArray[np.uint8]
Shares = npt.NDArray[Any]
"""float32 [h, w], 0..1."""
Region = npt.NDArray[np.bool_]
Colour = npt.NDArray[Any]

MATTE_RED = np.array([255, 48, 40], np.float32)
HOLE_YELLOW = np.array([255, 221, 87], np.uint8)
EDGE_GREEN = np.array([64, 255, 120], np.uint8)
_CASING = np.array([12, 14, 16], np.uint8)
"""Beside the line of an edge, so that it is seen on any plate."""
ONION_BEFORE = np.array([70, 170, 255], np.uint8)
ONION_AFTER = np.array([255, 150, 40], np.uint8)
_TINT = 0.5
_RING_TINT = 0.35
_STEPWISE = 64
"""Grown further than this, a soft edge is made of a few levels of the matte, each at once."""
_LEVELS = 32
_LOOPED = 4
"""Grown no further than this, step by step is faster than by distance."""

_FAR = 1 << 24
"""Steps to a region that is nowhere."""


@dataclass(frozen=True)
class HoleSettings:
    """What the settings make of a matte."""

    threshold: float = 0.0
    grow: int = 0
    """Plate pixels."""
    feather: int = 0
    """Plate pixels."""


PLAIN_HOLE = HoleSettings()


def hole_settings(settings: ShotSettings) -> HoleSettings:
    """Those of a shot."""
    return HoleSettings(settings.threshold, settings.grow, settings.feather)


def shares_of(matte: Pixels) -> Shares:
    """A matte as [h, w] in 0..1."""
    values = matte[..., 0].astype(np.float32)
    if np.issubdtype(matte.dtype, np.integer):
        values /= np.float32(np.iinfo(matte.dtype).max)
    return np.clip(np.nan_to_num(values), 0, 1)


# --- views ------------------------------------------------------------------------------------------------------------


def overlaid(picture: Rgb8, matte: Pixels, hole: HoleSettings, line: int) -> Rgb8:
    """Red where the matte is, yellow where the settings grow it, fading as they feather, and a line of this width along
    the inner edge of the hole.
    """
    shares = shares_of(matte)
    cut = _around(shares > 0, hole.grow + 2)
    if cut is None:
        return picture
    part = shares[cut]
    tinted: Rgb8 = picture.copy()
    alpha = soft_alpha(part, hole)
    under = picture[cut].astype(np.float32)
    ring = np.clip(alpha - part, 0, 1)[..., None] * np.float32(_RING_TINT)
    red = part[..., None] * np.float32(_TINT)
    shown = under * (1 - red - ring * (1 - red)) + MATTE_RED * red + HOLE_YELLOW * (ring * (1 - red))
    tinted[cut] = np.rint(shown).astype(np.uint8)
    region = grown(part > hole.threshold, hole.grow)
    tinted[cut][region & ~shrunk(region, line)] = HOLE_YELLOW
    return tinted


def edge_drawn(picture: Rgb8, matte: Pixels, line: int) -> Rgb8:
    """The picture as it is, with a line just outside where the matte passes one half, and a dark one beside it.

    The line lies outside, so that what lies under the matte can be judged to its last pixel.
    """
    region = shares_of(matte) > 0.5
    cut = _around(region, 2 * line + 2)
    if cut is None:
        return picture
    drawn: Rgb8 = picture.copy()
    inside = region[cut]
    near = grown(inside, line)
    drawn[cut][grown(near, max(1, line // 2)) & ~near] = _CASING
    drawn[cut][near & ~inside] = EDGE_GREEN
    return drawn


def onion_drawn(picture: Rgb8, neighbours: Sequence[tuple[Pixels, Colour]], line: int) -> Rgb8:
    """Outlines of other mattes, each in its colour, along the inside of where they pass one half."""
    drawn = picture
    for matte, colour in neighbours:
        region = shares_of(matte) > 0.5
        cut = _around(region, 2)
        if cut is None:
            continue
        drawn = drawn.copy() if drawn is picture else drawn
        drawn[cut][region[cut] & ~shrunk(region[cut], line)] = colour
    return drawn


# --- what the settings make of a matte --------------------------------------------------------------------------------


def soft_alpha(shares: Shares, hole: HoleSettings) -> Shares:
    """How much of the fill each pixel takes: the matte above the threshold, dilated by a cone that fades over the feather.

    Exact up to a growth of 64 px; beyond, within a 32nd.
    """
    alpha: Shares = np.where(shares > hole.threshold, shares, np.float32(0)).astype(np.float32)
    cut = _around(alpha > 0, hole.grow)
    if cut is not None:
        alpha[cut] = _dilated_by_cone(alpha[cut], hole)
    return alpha


def _dilated_by_cone(shell: Shares, hole: HoleSettings) -> Shares:
    if hole.grow > _STEPWISE:
        return _alpha_by_levels(shell, hole)
    alpha: Shares = shell.copy()
    for distance in range(1, hole.grow + 1):
        shell = _dilated(shell)
        np.maximum(alpha, shell * np.float32(_ramp(distance, hole)), out=alpha)
    return alpha


def grown(region: Region, pixels: int) -> Region:
    """A region grown by a diamond: every pixel at most so many steps, up, down, left and right, away from it."""
    if pixels > _LOOPED:
        reached: Region = _steps_to(region) <= pixels
        return reached
    for _ in range(pixels):
        region = _dilated(region)
    return region


def shrunk(region: Region, pixels: int) -> Region:
    """A region less what is within so many steps of its edge; the picture's border is no edge."""
    return np.logical_not(grown(np.logical_not(region), pixels))


def _ramp(distance: int, hole: HoleSettings) -> float:
    fade = min(hole.feather, hole.grow)
    return min(1.0, (hole.grow + 1 - distance) / (fade + 1))


def _alpha_by_levels(shell: Shares, hole: HoleSettings) -> Shares:
    alpha: Shares = shell.copy()
    fade = np.float32(min(hole.feather, hole.grow) + 1)
    levels = np.unique(np.ceil(shell * _LEVELS)) / np.float32(_LEVELS)
    for level in levels[levels > 0]:
        steps = _steps_to(shell > level - np.float32(1 / _LEVELS))
        fall = np.clip((hole.grow + 1 - steps) / fade, 0, 1).astype(np.float32)
        np.maximum(alpha, level * fall * (steps <= hole.grow), out=alpha)
    return alpha


def _dilated(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    wider: npt.NDArray[Any] = image.copy()
    for to, come in (
        (np.s_[1:], np.s_[:-1]), (np.s_[:-1], np.s_[1:]), (np.s_[:, 1:], np.s_[:, :-1]), (np.s_[:, :-1], np.s_[:, 1:]),
    ):  # fmt: skip
        np.maximum(wider[to], image[come], out=wider[to])
    return wider


def _steps_to(region: Region) -> npt.NDArray[np.int32]:
    """Steps, up, down, left and right, from every pixel to a region: by lines, then by columns, as these add up."""
    steps = np.where(region, 0, _FAR).astype(np.int32)
    for axis in (0, 1):
        place = np.arange(region.shape[axis], dtype=np.int32)
        place = place[:, None] if axis == 0 else place
        ahead = np.minimum.accumulate(steps - place, axis=axis) + place
        turned = np.flip(steps + place, axis)
        behind = np.flip(np.minimum.accumulate(turned, axis=axis), axis) - place
        steps = np.minimum(ahead, behind)
    return steps


def _around(region: Region, margin: int) -> tuple[slice, slice] | None:
    """Rows and columns of a region with a margin; None: it is empty."""
    rows, columns = np.flatnonzero(region.any(1)), np.flatnonzero(region.any(0))
    if not rows.size:
        return None
    return (
        slice(max(0, int(rows[0]) - margin), min(region.shape[0], int(rows[-1]) + margin + 1)),
        slice(max(0, int(columns[0]) - margin), min(region.shape[1], int(columns[-1]) + margin + 1)),
    )
