"""Looking at the plate at places between pixels.

Here: bicubic sampling of many places in many frames, and the rims it needs around holes. Not here: finding places
(``places.py``).
"""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np

from propainter.classical.harmonic import Field, Mask, box_around
from propainter.classical.places import Places

_REMAP_WIDTH = 1024
"""Places are handed to OpenCV in rows of this many; its images may not be wider than 32767."""


def with_rims(frames: Field, holes: Mask) -> Field:
    """Frames with 0 in their holes, but for a rim two pixels wide: the plate around it, extended.

    A place may lie as near to a hole as bilinear sampling allows; the wider cubic kernel then finds the rim there.
    """
    extended: Field = np.where(holes[..., None], np.float32(0), frames)
    for i in np.flatnonzero(holes.any((1, 2))):
        rows, columns = box_around(holes[i], pad=2)
        hole, image = holes[i, rows, columns], extended[i, rows, columns]
        once = _extended(image, hole)
        inner = cv2.erode(hole.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        image[...] = _extended(once, inner)
    return extended


def _extended(image: Field, hole: Mask) -> Field:
    """The image carried one pixel into the hole, each new pixel the mean of its known neighbours."""
    known = (~hole).astype(np.float32)
    around = cv2.boxFilter(image * known[..., None], -1, (3, 3), normalize=False, borderType=cv2.BORDER_CONSTANT)
    count = cv2.boxFilter(known, -1, (3, 3), normalize=False, borderType=cv2.BORDER_CONSTANT)
    extended: Field = np.where(hole[..., None], around / np.maximum(count, 1)[..., None], image)
    return extended


def sample_plate(plate: Field, places: Places) -> Field:
    """Colours (n, 3) of the plate (t, h, w, 3) at places that are all seen: bicubic, image borders repeated."""
    colours = np.zeros((len(places.source), 3), np.float32)
    order = np.argsort(places.source, kind="stable")
    bounds = np.searchsorted(places.source[order], np.arange(len(plate) + 1))
    for source in np.flatnonzero(np.diff(bounds)):
        chosen = order[bounds[source] : bounds[source + 1]]
        colours[chosen] = _look_up(plate[source], places.x[chosen], places.y[chosen])
    return colours


def _look_up(image: Field, x: Field, y: Field) -> Field:
    padding = -len(x) % _REMAP_WIDTH
    at = [np.pad(c, (0, padding)).reshape(-1, _REMAP_WIDTH) for c in (x, y)]
    found = cv2.remap(image, at[0], at[1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return cast(Field, found.reshape(-1, 3)[: len(x)])
