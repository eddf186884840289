"""Closing the seam: what is pulled from another frame takes on the light of the place it is pulled to.

Here: the smooth light of one sight of the holes. Not here: the exposure of whole frames (``exposure.py``), weighing
sights (``pull.py``).

Just outside the hole both pictures are known, the frame's own and what the sight would have put there. How much brighter
one is than the other, averaged along the rim, is a gain per channel; it is stretched over the hole as a smooth surface. A
gain leaves dark pixels dark, where a difference would lift them; light that sweeps over the scene crosses the hole whole.
A rim of black beside a sight of the sun is no light: gains are bounded, and so is what they make of a colour.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from propainter.classical.flow_image import Index
from propainter.classical.harmonic import Field, Mask, box_around, fill_harmonic
from propainter.classical.kernels import Ground
from propainter.classical.motion import nearest_of
from propainter.classical.places import Places, parts_of
from propainter.classical.sampling import Plate

_RIM = 8
"""Width of the rim outside the hole, in pixels, over which both pictures are compared."""
_SMOOTHING = 4.0
"""Sigma in pixels of the averaging along the rim."""
_NO_CHANGE = 0.02
"""Weight of 'no difference' within the averaging: a rim hardly seen corrects little."""
_PEDESTAL = 0.1
"""Added to colours, of a range of 2 from black to white, before they are compared: noise in the dark is no light."""

_MOST = float(np.log(4))
"""Bound of the gain's logarithm: the edge of a hard shadow, as a picture encodes it."""


def seam_light(plate: Plate, holes: Mask, places: Places, members: Mask, run: range) -> Field:
    """Logarithm of the gain of a sight's colours: (n, 3), one row a member of a run of frames, by frame, row, column.

    plate: good outside the holes (t, h, w). places: the sight of every member of the run. members: the holes,
    or the same with some frames all False.
    """
    parts = dict(zip(run, parts_of(members[run.start : run.stop]), strict=True))
    rims = [_rim_of(plate.ground, frame, places.take(part)) for frame, part in parts.items() if part.stop > part.start]
    light = np.zeros((len(places.source), 3), np.float32)
    if not rims:
        return light
    imagined = plate.sample(Places.joined([rim.places for rim in rims]))
    for rim, colours in zip(rims, np.split(imagined, np.cumsum([len(rim.row) for rim in rims])[:-1]), strict=True):
        difference = _logarithm(plate.at(rim.frame, rim.row, rim.column)) - _logarithm(colours)
        light[parts[rim.frame]] = _membrane(holes[rim.frame], rim, difference)
    return light


def under_light(colours: Field, light: Field, darkest: Field, brightest: Field) -> Field:
    """Colours (n, 3), black is -1, under the light of ``seam_light``.

    darkest, brightest: of the frame they come to (``extremes``), (n, 3) each. Light takes no colour beyond them.
    """
    lit = colours + (np.maximum(colours + 1, 0) + _PEDESTAL) * np.expm1(light)
    within: Field = np.clip(lit, np.minimum(colours, darkest), np.maximum(colours, brightest)).astype(np.float32)
    return within


def extremes(plate: Plate, holes: Mask, frames: range) -> Field:
    """The darkest and the brightest value each of these frames shows outside its hole: (t, 2, 3). Where it shows nothing
    they are inf and -inf, in this order: no colour may change."""
    found = np.zeros((len(frames), 2, 3), np.float32)
    found[:, 0], found[:, 1] = np.inf, -np.inf
    for ends, frame in zip(found, frames, strict=True):
        rows, columns = np.nonzero(~holes[frame])
        if len(rows):
            shown = plate.at(frame, rows, columns)
            ends[0], ends[1] = shown.min(0), shown.max(0)
    return found


def _logarithm(colours: Field) -> Field:
    logarithm: Field = np.log(np.maximum(colours + 1, 0) + _PEDESTAL).astype(np.float32)
    return logarithm


@dataclass(frozen=True)
class _Rim:
    """Pixels beside one frame's hole, and where the sight of the hole pixel nearest to each would have led it."""

    frame: int
    row: Index
    column: Index
    places: Places


def _rim_of(ground: Ground, frame: int, places: Places) -> _Rim:
    hole = ground.holes[frame]
    rows, columns = box_around(hole, pad=_RIM + 1)
    inside = hole[rows, columns]
    distance, whose = nearest_of(inside)
    row, column = np.nonzero((distance > 0) & (distance <= _RIM))
    nearest = whose[row, column]
    hole_row, hole_column = np.nonzero(inside)
    led = places.take(nearest)
    aside = np.stack([column - hole_column[nearest], row - hole_row[nearest]]).astype(np.float32)
    led = Places(led.source, led.x + aside[0], led.y + aside[1], led.doubtful)
    height, width = hole.shape
    known = led.sound & (led.x >= 0) & (led.x <= width - 1) & (led.y >= 0) & (led.y <= height - 1)
    known[known] = ground.is_clear(led.source[known], led.x[known], led.y[known])
    return _Rim(frame, row[known] + rows.start, column[known] + columns.start, led.take(known))


def _membrane(hole: Mask, rim: _Rim, difference: Field) -> Field:
    """The difference (m, 3) on the rim, averaged along it, stretched over the hole's n pixels: (n, 3).

    Averaged twice: pixels far from the first average, edges out of register most of all, count little in the second.
    """
    rows, columns = box_around(hole, pad=_RIM + 1)
    inside = hole[rows, columns]
    at = rim.row - rows.start, rim.column - columns.start
    values = np.zeros((*inside.shape, 3), np.float32)
    values[at] = difference
    weights = np.zeros(inside.shape, np.float32)
    weights[at] = 1
    if not len(difference):
        return np.zeros((np.count_nonzero(inside), 3), np.float32)
    miss = ((difference - _averaged(values, weights)[at]) ** 2).sum(-1)
    weights[at] = 1 / (1 + miss / (2 * max(float(np.median(miss)), 1e-6))) ** 2
    unknown = np.ones_like(inside)
    unknown[at] = False
    stretched: Field = fill_harmonic(_averaged(values, weights), unknown)[inside]
    return stretched.clip(-_MOST, _MOST)


def _averaged(values: Field, weights: Field) -> Field:
    total = cv2.GaussianBlur(values * weights[..., None], (0, 0), _SMOOTHING)
    averaged: Field = total / (cv2.GaussianBlur(weights, (0, 0), _SMOOTHING)[..., None] + _NO_CHANGE)
    return averaged
