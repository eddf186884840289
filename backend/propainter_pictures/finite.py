"""Pixels that are not numbers: finding them, and saying so.

Here: ``check_finite``. Not here: what is done about them (the removal decides).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from propainter_pictures.frame import Frame


@dataclass(frozen=True)
class NonFinite:
    """Pixels that are not numbers. As text: one sentence naming the frame, how many, and the first."""

    label: str
    """How messages call the frame."""
    count: int
    """Pixels with NaN or infinity in red, green or blue."""
    first: tuple[int, int]
    """x, y of the first, rows from the top."""
    value: float
    """What it holds: nan, inf or -inf."""

    def __str__(self) -> str:
        many = "1 pixel is" if self.count == 1 else f"{self.count} pixels are"
        return (
            f"{self.label}: {many} NaN or infinite, the first {self.value} at ({self.first[0]}, {self.first[1]}); "
            "repair the plate upstream or cover them with the matte"
        )


def check_finite(frame: Frame, within: NDArray[np.bool_] | None = None) -> NonFinite | None:
    """What of red, green and blue is NaN or infinite, or None. Whole-number frames have neither.

    within: [h, w]; look only where it is true, for example outside the hole (inside, the plate does not matter).
    """
    if not np.issubdtype(frame.pixels.dtype, np.floating):
        return None
    rgb = frame.rgb()
    wrong = ~np.isfinite(rgb)
    if within is not None:
        wrong &= within[..., None]
    if not wrong.any():
        return None
    row, column, channel = np.argwhere(wrong)[0]
    pixel_count = int(wrong.any(axis=-1).sum())
    return NonFinite(frame.label, pixel_count, (int(column), int(row)), float(rgb[row, column, channel]))
