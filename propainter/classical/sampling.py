"""Looking at the plate at places between pixels.

Here: bicubic sampling of many places in many frames. Not here: finding places (``places.py``), how far a kernel may
reach beside a hole (``kernels.py``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from propainter.classical.exposure import exposed
from propainter.classical.flow_image import Index
from propainter.classical.harmonic import Field, Mask
from propainter.classical.kernels import FrameGround, Ground, ReadElsewhere, by_source
from propainter.classical.light import Light
from propainter.classical.places import Places


@dataclass(frozen=True)
class Plate:
    """A plate to look at, as if all its frames had one exposure."""

    images: Field
    """(t, h, w, 3), black is -1; what lies in the holes is never read."""
    gains: Field
    """(t, 3): logarithm of each frame's gain (``exposure.py``)."""
    ground: Ground
    """The frames' holes."""
    light: Light | None = None
    """What moves over the scene beside that (``light.py``)."""
    read: ReadElsewhere | None = None
    """Gives picture and hole of a frame elsewhere in the shot, counted from the first of these."""

    @classmethod
    def of_one_exposure(cls, images: Field, holes: Mask | None = None) -> Plate:
        """Frames that are taken as they are; without holes all of them is good."""
        good = np.zeros(images.shape[:3], np.bool_) if holes is None else holes
        return cls(images, np.zeros((len(images), 3), np.float32), Ground(good))

    def at(self, frame: int, rows: Index | slice, columns: Index | slice) -> Field:
        """Colours (..., 3) of pixels of a frame; the caller's own."""
        colours = exposed(self.images[frame][rows, columns], -self.gains[frame])
        if self.light is None:
            return colours
        if isinstance(rows, slice) and isinstance(columns, slice):
            y, x = (each.reshape(-1) for each in np.mgrid[rows, columns])
        else:
            y, x = rows, columns
        return exposed(colours, -self.light.at(frame, x, y).reshape(colours.shape))

    def lit(self, colours: Field, frame: int, rows: Index, columns: Index) -> Field:
        """Colours (n, 3) as they were sampled, in the light and the exposure of pixels of a frame."""
        if self.light is not None:
            colours = exposed(colours, self.light.at(frame, columns, rows))
        return exposed(colours, self.gains[frame])

    def image(self, frame: int) -> Field:
        """One frame (h, w, 3), of those at hand or elsewhere."""
        if 0 <= frame < len(self.images):
            at_hand: Field = self.images[frame]
            return at_hand
        assert self.read is not None
        return self.read(frame)[0]

    def gain(self, frame: int) -> Field:
        """Of one frame (3,); of one elsewhere, that of the nearest at hand."""
        nearest: Field = self.gains[min(max(frame, 0), len(self.gains) - 1)]
        return nearest

    def sample(self, places: Places) -> Field:
        """Colours (n, 3) at places that are all seen: bicubic, image borders repeated; beside a hole the kernel shrinks."""
        colours = np.zeros((len(places.source), 3), np.float32)
        for source, chosen in by_source(places.source):
            x, y, ground = places.x[chosen], places.y[chosen], self.ground.of(source)
            found = look_up(self.image(source), x, y, ground, -self.gain(source))
            colours[chosen] = found if self.light is None else exposed(found, -self.light.at(source, x, y))
        return colours


def look_up(image: Field, x: Field, y: Field, ground: FrameGround, gain: Field | None = None) -> Field:
    """Colours (n, c) of an image at points, image borders repeated.

    ground: of the image; it says how wide a kernel may be, and counts those that touch the hole all the same. gain: of the
    image, see ``exposed``.
    """
    height, width, channels = image.shape
    left, top = np.floor(x).astype(np.intp), np.floor(y).astype(np.intp)
    across, down = ground.weights(x, y)
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
    ground.count(x, y, across, down)
    return colours
