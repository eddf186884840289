"""A clean plate: a picture of a frame's background that somebody painted, shot or found.

Here: ``CleanPlate``, its pixels as the plate's and where it holds. Not here: what it does to the hole and the fill
(``stages/holes.py``, ``stages/composite.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from propainter_pictures.frame import Frame, as_float, as_type

_HOLDS_ABOVE = 0.5


@dataclass(frozen=True)
class CleanPlate:
    """Background to be taken as known inside the hole."""

    rgb: NDArray[Any]
    """[h, w, 3], of the plate's own type."""
    holds: NDArray[np.bool_]
    """[h, w]; elsewhere it says nothing."""

    @staticmethod
    def of(frame: Frame, *, dtype: np.dtype[Any]) -> CleanPlate:
        """Read one from a frame: it holds where its alpha, if it has one, is above 0.5 and its colour is finite.

        dtype: the plate's. Whole numbers and floats stand for the same shares of white.
        """
        rgb, holds = frame.rgb(), np.ones(frame.pixels.shape[:2], np.bool_)
        if np.issubdtype(rgb.dtype, np.floating):
            holds &= np.isfinite(rgb).all(-1)
        if frame.alpha_channel is not None:
            holds &= as_float(frame.pixels[..., frame.alpha_channel]) > _HOLDS_ABOVE
        if rgb.dtype != dtype:
            rgb = as_type(np.where(holds[..., None], as_float(rgb), np.float32(0)), dtype)
        return CleanPlate(rgb, holds)
