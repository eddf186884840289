"""How a stored picture is turned and mirrored to stand upright: EXIF's orientations and a video's display matrix.

Here: ``Turn``, and what either note says as one. Not here: where such notes are read (``stored.py``, ``video.py``).

Every axis-aligned way to store a picture is a transposition or none, then a mirror from left to right or none, then one
from top to bottom or none: eight in all. All other code sees upright pictures alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from propainter_pictures.color import Pixels


@dataclass(frozen=True)
class Turn:
    """What makes a stored picture upright, in this order. By itself: nothing."""

    transposed: bool = False
    """Rows become columns."""
    mirrored: bool = False
    """Left and right change places."""
    flipped: bool = False
    """Top and bottom change places."""

    def __bool__(self) -> bool:
        return self.transposed or self.mirrored or self.flipped

    def upright(self, stored: Pixels) -> Pixels:
        """[h, w, ...] as it is shown, from how it is stored; a copy where anything moves."""
        seen = stored.swapaxes(0, 1) if self.transposed else stored
        return self._mirror(seen) if self else stored

    def as_stored(self, upright: Pixels) -> Pixels:
        """The inverse of ``upright``."""
        seen = self._mirror(upright)
        return np.ascontiguousarray(seen.swapaxes(0, 1)) if self.transposed else seen

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height after turning, either way."""
        return (height, width) if self.transposed else (width, height)

    def _mirror(self, pixels: Pixels) -> Pixels:
        if self.mirrored:
            pixels = pixels[:, ::-1]
        if self.flipped:
            pixels = pixels[::-1]
        return np.ascontiguousarray(pixels)


_EXIF = {
    2: Turn(mirrored=True),
    3: Turn(mirrored=True, flipped=True),
    4: Turn(flipped=True),
    5: Turn(transposed=True),
    6: Turn(transposed=True, mirrored=True),
    7: Turn(transposed=True, mirrored=True, flipped=True),
    8: Turn(transposed=True, flipped=True),
}


def turn_of_exif(orientation: int) -> Turn:
    """What EXIF 2.3 and TIFF 6.0 mean by the numbers of their Orientation; any other number: upright."""
    return _EXIF.get(orientation, Turn())


def turn_of_matrix(matrix: Sequence[int]) -> Turn | None:
    """What the nine numbers of a display matrix mean (ISO/IEC 14496-12, 6.2.2); None: a slant, which no turn makes.

    A stored point (x, y) is shown at (a x + c y, b x + d y), y downwards; the first two rows are a, b, u and c, d, v.
    Only the signs are looked at: scale is the pixel's aspect, which is kept apart.
    """
    a, b, _, c, d, _, *_ = matrix
    if a and d and not b and not c:
        return Turn(mirrored=a < 0, flipped=d < 0)
    if b and c and not a and not d:
        return Turn(transposed=True, mirrored=c < 0, flipped=b < 0)
    return None if any((a, b, c, d)) else Turn()
