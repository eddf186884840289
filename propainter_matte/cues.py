"""What speaks for the object at each pixel of a frame: cues, each in about [-1, 1], above 0 for the object.

Here: ``cues_of``, from the matte of a neighbour and what is remembered; ``moving_cues``; ``KeyView``, a key found again far
from it. Not here: what each cue counts
(``weighing.py``), drawing the line (``cutting.py``), colours (``colours.py``).

What moves unlike its surroundings belongs together. So the flow is compared with the object's and with the background's,
and each pixel is looked up along both: the motion that finds the same picture again is the pixel's. Where the camera has
shown what lies behind, what differs from it is the object.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from propainter.classical.motion import Matrix
from propainter_matte.arrays import Field, Mask, added, blurred, depth_in, look_up, norm, square
from propainter_matte.colours import Remembered, far_colour, near_colour
from propainter_matte.footage import Footage
from propainter_matte.refinding import FoundAgain

NAMES = (
    "carried", "deep", "near", "far", "flow back", "found back", "flow on", "found on", "apart", "uncovered", "warped",
    "uncovered on", "key",
)  # fmt: skip
"""What the cues are, in order."""
BEFORE = (2, 4, 7, 11, 16, 24)
"""Frames off whose background is compared with."""
_EDGE = 6.0
"""Pixels from the warped edge within which depth says little."""
_MOST_DIFFERENCE = 60.0
"""Levels in Lab beyond which a difference says no more."""
_NOISE = 6.0
"""Levels that looking up along two motions may differ by."""
_UNLIKE = 20.0
"""Levels by which a frame and a key found in it differ where the key is hardly believed any more."""
_OUTSIDE = 2.0
"""Pixels outside the frame from which on a flow says nothing of what was there."""
_FULL_ODDS = 4.0
_LEAST_STIR = 0.1
"""Pixels that flow of what stands still is off by, at least; the background's own unrest is measured."""


@dataclass(frozen=True)
class Cues:
    """Of one frame."""

    values: Field
    """[h, w, len(NAMES)]"""
    warped: Field
    """The neighbour's matte carried here along flow [h, w]; beyond the neighbour's border, what lay at it."""
    seen: Field
    """1 [h, w] where the neighbour's frame shows what is here, 0 where it has come into sight since."""


def cues_of(
    footage: Footage,
    index: int,
    neighbour: int,
    *,
    mattes: Mapping[int, Field],
    keys: Sequence[tuple[int, Field]],
    remembered: Sequence[Remembered],
    from_key: Field | None = None,
    again: FoundAgain | None = None,
) -> Cues:
    """The cues of a frame beside one whose matte is known.

    mattes: those known so far, the neighbour's among them; their backgrounds are compared with. from_key: what
    ``KeyView`` says. again: where the object is, if the neighbour has lost it.
    """
    if again is None:
        flow = footage.flow(index, neighbour)
        warped = look_up(mattes[neighbour], flow)
        astray = norm(flow + look_up(footage.flow(neighbour, index), flow))
        seen = _within(flow, footage.unit)
    else:
        warped = look_up(again.matte, again.flow)
        astray = np.zeros_like(warped)
        seen = _within(again.flow, footage.unit)
    back = moving_cues(footage, index, neighbour, warped)
    following = 2 * index - neighbour
    onward = moving_cues(footage, index, following, warped) if 0 <= following < footage.count else back
    # What comes into sight beside the object may be more of it or what is behind: the way it goes on tells.
    says = np.clip(onward.flow + onward.found, -1, 1)
    carried, depth = (
        each * seen + np.minimum(each, says) * (1 - seen)
        for each in (2 * warped - 1, np.tanh(depth_in(warped) / (_EDGE * footage.unit)))
    )
    values = (
        carried * np.exp(-astray / (2 * footage.unit)),
        depth,
        np.clip(near_colour(footage, index, remembered) / _FULL_ODDS, -1.5, 1.5),
        np.clip(far_colour(footage, index, keys) / _FULL_ODDS, -1.5, 1.5),
        back.flow * seen + onward.flow * (1 - seen), back.found, onward.flow, onward.found,
        back.apart * depth,
        _uncovered(footage, index, neighbour, warped, mattes),
        carried,
        _uncovered(footage, index, 2 * index - neighbour, warped, None),
        np.zeros_like(warped) if from_key is None else from_key,
    )  # fmt: skip
    return Cues(np.stack(values, -1).astype(np.float32), warped, seen)


def _within(flow: Field, unit: float) -> Field:
    """1 [h, w] where a flow ends within the frame, 0 from some pixels outside on: what comes into sight was nowhere."""
    height, width = flow.shape[:2]
    x = flow[..., 0] + np.arange(width, dtype=np.float32)
    y = flow[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    out = np.maximum(np.maximum(-x, x - (width - 1)), np.maximum(-y, y - (height - 1)))
    within: Field = np.clip(1 - out / np.float32(_OUTSIDE * unit), 0, 1)
    return within


@dataclass(frozen=True)
class Moving:
    """What motion towards one neighbour says."""

    flow: Field
    """Nearer to the object's flow than to the background's."""
    found: Field
    """Found again along the object's flow rather than along the background's."""
    apart: Field
    """How far the two are apart, 0..1."""


def moving_cues(footage: Footage, index: int, other: int, warped: Field) -> Moving:
    unit = footage.unit
    flow = footage.flow(index, other)
    around = cv2.dilate(warped, square(9 * unit)) > 0.3
    camera = footage.camera_flow(index, other, around)
    outside = (cv2.dilate(warped, square(9 * unit)) < 0.1).astype(np.float32)
    weight = blurred(outside, 20 * unit)[..., None]
    beside = blurred(flow * outside[..., None], 20 * unit) / (weight + 1e-6)
    local = camera + (beside - camera) * weight / (weight + 0.05)
    own = _own_flow(flow, cv2.erode(warped, square(3 * unit)), unit)
    off = np.minimum(norm(flow - camera), norm(flow - local))
    apart = np.minimum(norm(own - camera), norm(own - local))
    stirred = max(_LEAST_STIR * unit, 1.5 * float(np.median(off[outside > 0]))) if outside.any() else 1.0
    nearer = np.clip((off**2 - norm(flow - own) ** 2) / (apart**2 + stirred**2), -1, 1)
    missed = [_missed(footage, index, other, motion) for motion in (camera, local, own)]
    behind, self_ = np.minimum(missed[0], missed[1]), missed[2]
    seen = np.minimum(np.maximum(_within(camera, unit), _within(local, unit)), _within(own, unit))
    return Moving(nearer, seen * (behind - self_) / (behind + self_ + _NOISE), apart / (stirred + apart))


def _own_flow(flow: Field, core: Field, unit: float) -> Field:
    """The object's flow everywhere: near its pixels theirs, further off that of larger parts."""
    total, weights = np.zeros_like(flow), np.zeros(flow.shape[:2], np.float32)
    for sigma in (8, 24, 64):
        total += blurred(flow * core[..., None], sigma * unit) / np.float32(sigma)
        weights += blurred(core, sigma * unit) / np.float32(sigma)
    own: Field = total / (weights[..., None] + 1e-6)
    return own


def _missed(footage: Footage, index: int, other: int, flow: Field) -> Field:
    """How unlike a frame's pixels are those found along a flow, in levels."""
    here, there = footage.lab(index).astype(np.float32), footage.lab(other)
    differ = added(np.abs(here - look_up(there, flow)))
    return blurred(np.minimum(differ, _MOST_DIFFERENCE), 1.5 * footage.unit)


def _uncovered(
    footage: Footage, index: int, neighbour: int, warped: Field, mattes: Mapping[int, Field] | None
) -> Field:
    """How unlike the background that other frames show here: 1 differs from all, -1 is it, 0 none showed it.

    neighbour: the first frame on the way to them. mattes: theirs; None: nobody knows yet where the object is in them.
    """
    least = np.full(warped.shape, _MOST_DIFFERENCE, np.float32)
    was_seen = np.zeros(warped.shape, np.bool_)
    here = footage.lab(index).astype(np.float32)
    nothing = np.zeros_like(warped)
    for other, camera in _views(footage, index, neighbour - index, warped, mattes):
        differ, clear = difference_from(footage, here, other, camera, nothing if mattes is None else mattes[other])
        least = np.where(clear, np.minimum(least, differ), least)
        was_seen |= clear
    cue: Field = np.where(was_seen, np.clip(least / 12 - 0.7, -1, 1), 0).astype(np.float32)
    return cue


def _views(
    footage: Footage, index: int, way: int, warped: Field, mattes: Mapping[int, Field] | None
) -> list[tuple[int, Matrix]]:
    """Frames some way off, each with the camera's motion from this frame to it; with mattes, those that have one."""
    views: list[tuple[int, Matrix]] = []
    total = np.eye(3)
    for off in range(1, BEFORE[-1] + 1):
        here, there = index + way * (off - 1), index + way * off
        if not 0 <= there < footage.count or (mattes is not None and there not in mattes):
            break
        beside = warped > 0.3 if off == 1 else np.zeros(warped.shape, np.bool_)
        if mattes is not None and off > 1:
            beside = mattes[here] > 0.3
        total = footage.motion(here, there, beside) @ total
        if off in BEFORE:
            views.append((there, total / total[2, 2]))
    return views


def difference_from(footage: Footage, here: Field, other: int, camera: Matrix, matte: Field) -> tuple[Field, Mask]:
    """How unlike another frame's background this picture in Lab is, in levels, and where that frame shows it.

    A pixel is compared with the range of its neighbours there, so that half a pixel of parallax is no difference.
    """
    size, flags = (footage.width, footage.height), cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpPerspective(footage.lab(other), camera, size, flags=flags)
    free = ((matte < 0.3) * 255).astype(np.uint8)
    clear = cv2.warpPerspective(free, camera, size, flags=flags) > 250
    darkest, brightest = (way(moved, square(3)).astype(np.float32) for way in (cv2.erode, cv2.dilate))
    differ = added(np.maximum(np.maximum(darkest - here, here - brightest), 0))
    return blurred(np.minimum(differ, _MOST_DIFFERENCE), 1.2 * footage.unit), clear


class KeyView:
    """A key frame as it is found again in frame after frame of a walk that begins there, without adding up errors.

    The flow from a frame straight to the key is estimated anew in each, beginning with the flow to the frame before and on
    from there.
    """

    def __init__(self, footage: Footage, key: int, matte: Field) -> None:
        self._footage, self._key, self._matte = footage, key, matte
        self._here = key
        self._flow: Field = np.zeros((*matte.shape, 2), np.float32)

    def seen_from(self, index: int) -> Field:
        """How surely pixels of the next frame of the walk are the object's in the key [h, w], [-1, 1]."""
        footage = self._footage
        step = footage.flow(index, self._here)
        self._flow = footage.straight_flow(index, self._key, step + look_up(self._flow, step))
        self._here = index
        here, there = footage.lab(index).astype(np.float32), footage.lab(self._key)
        differ = added(np.abs(here - look_up(there, self._flow)))
        trust = np.exp(-blurred(differ, 1.5 * footage.unit) / _UNLIKE)
        cue: Field = (2 * look_up(self._matte, self._flow) - 1) * trust * _within(self._flow, footage.unit)
        return cue


def remember(
    footage: Footage, remembered: Sequence[Remembered], index: int, target: int, matte: Field
) -> list[Remembered]:
    """What is remembered in frame ``target``, the next one: frame ``index`` and, fainter, what was remembered there.

    The first frame of all is never forgotten: its matte is a key's, while those after it may be wrong already.
    """
    flow = footage.flow(index, target)
    y, x = np.mgrid[: footage.height, : footage.width].astype(np.float32)
    carried = [Remembered(index, matte, x + flow[..., 0], y + flow[..., 1], lasts=not remembered)]
    lasting = [each for each in remembered if each.lasts]
    for each in [each for each in remembered if not each.lasts][:2] + lasting:
        step = cv2.remap(flow, each.x, each.y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        moved = each.x + step[..., 0], each.y + step[..., 1]
        carried.append(replace(each, x=moved[0], y=moved[1], weight=1.0 if each.lasts else each.weight * 0.6))
    return carried
