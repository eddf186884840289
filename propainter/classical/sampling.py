"""Looking at the plate at places between pixels.

Here: bicubic sampling of many places in many frames, and the rims it needs around holes. Not here: finding places
(``places.py``).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from propainter.classical.exposure import exposed
from propainter.classical.flow_image import Index
from propainter.classical.harmonic import Field, Mask, box_around
from propainter.classical.places import Places


def with_rims(frames: Field, holes: Mask) -> Field:
    """Frames with 0 in their holes, but for a rim two pixels wide: the plate around it, extended.

    A place may lie as near to a hole as bilinear sampling allows; the wider cubic kernel then finds the rim there.
    """
    extended: Field = frames.copy()
    lay_rims(extended, holes)
    return extended


def lay_rims(extended: Field, holes: Mask) -> None:
    """The same in place."""
    extended[holes] = 0
    for i in np.flatnonzero(holes.any((1, 2))):
        rows, columns = box_around(holes[i], pad=2)
        hole, image = holes[i, rows, columns], extended[i, rows, columns]
        once = _extended(image, hole)
        inner = cv2.erode(hole.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        image[...] = _extended(once, inner)


def _extended(image: Field, hole: Mask) -> Field:
    """The image carried one pixel into the hole, each new pixel the mean of its known neighbours."""
    known = (~hole).astype(np.float32)
    around = cv2.boxFilter(image * known[..., None], -1, (3, 3), normalize=False, borderType=cv2.BORDER_CONSTANT)
    count = cv2.boxFilter(known, -1, (3, 3), normalize=False, borderType=cv2.BORDER_CONSTANT)
    extended: Field = np.where(hole[..., None], around / np.maximum(count, 1)[..., None], image)
    return extended


@dataclass(frozen=True)
class Plate:
    """A plate to look at, as if all its frames had one exposure."""

    images: Field
    """(t, h, w, 3), black is -1, with rims in their holes."""
    gains: Field
    """(t, 3): logarithm of each frame's gain (``exposure.py``)."""

    @classmethod
    def of_one_exposure(cls, images: Field) -> Plate:
        """Frames that are taken as they are."""
        return cls(images, np.zeros((len(images), 3), np.float32))

    def at(self, frame: int, rows: Index | slice, columns: Index | slice) -> Field:
        """Colours (..., 3) of pixels of a frame; the caller's own."""
        return exposed(self.images[frame][rows, columns], -self.gains[frame])

    def sample(self, places: Places) -> Field:
        """Colours (n, 3) at places that are all seen: bicubic, image borders repeated."""
        colours = np.zeros((len(places.source), 3), np.float32)
        order = np.argsort(places.source, kind="stable")
        bounds = np.searchsorted(places.source[order], np.arange(len(self.images) + 1))
        for source in np.flatnonzero(np.diff(bounds)):
            chosen = order[bounds[source] : bounds[source + 1]]
            colours[chosen] = look_up(self.images[source], places.x[chosen], places.y[chosen], -self.gains[source])
        return colours


def look_up(image: Field, x: Field, y: Field, gain: Field | None = None) -> Field:
    """Colours (n, c) of an image at points: bicubic, image borders repeated. gain: of the image, see ``exposed``.

    Keys' cubic convolution (1981), a = -1/2: slopes stay slopes, where OpenCV's a = -3/4 bends them by 0.05 px.
    """
    height, width, channels = image.shape
    left, top = np.floor(x).astype(np.intp), np.floor(y).astype(np.intp)
    across, down = _keys_weights(x - np.floor(x)), _keys_weights(y - np.floor(y))
    columns = [(left + i).clip(0, width - 1) for i in range(-1, 3)]
    pixels = image.reshape(-1, channels)
    colours = np.zeros((len(x), channels), np.float32)
    for j, weight in enumerate(down):
        row = (top + j - 1).clip(0, height - 1) * width
        taken = (pixels[row + column] for column in columns)
        if gain is not None:
            taken = (exposed(colour, gain) for colour in taken)
        line = sum(w[:, None] * colour for w, colour in zip(across, taken, strict=True))
        colours += weight[:, None] * line
    return colours


def _keys_weights(t: Field) -> Field:
    """Weights (4, n) of the pixels at -1, 0, 1, 2 for a point at t, 0 <= t < 1."""
    t2, t3 = t * t, t * t * t
    before, after = 2 * t2 - t3 - t, 4 * t2 - 3 * t3 + t
    weights: Field = np.stack([before, 3 * t3 - 5 * t2 + 2, after, t3 - t2]) * np.float32(0.5)
    return weights
