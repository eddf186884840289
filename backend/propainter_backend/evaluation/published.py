"""What the ProPainter paper reports for itself and for those before it, to stand beside figures of ours.

Here: rows of its table 1 (Zhou et al., ICCV 2023), 432x240, stationary masks. Not here: the table that is printed
(``table.py``).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """One method on one data set."""

    method: str
    data_set: str
    psnr: float
    ssim: float
    vfid: float
    warping: float
    """Times 1000."""


PAPER = (
    Published("STTN", "DAVIS", 30.61, 0.9560, 0.149, 1.438),
    Published("FuseFormer", "DAVIS", 32.59, 0.9701, 0.137, 1.349),
    Published("E2FGVI", "DAVIS", 33.01, 0.9721, 0.116, 1.289),
    Published("ProPainter", "DAVIS", 34.47, 0.9776, 0.098, 1.187),
    Published("STTN", "YouTube-VOS", 32.34, 0.9655, 0.053, 1.061),
    Published("FuseFormer", "YouTube-VOS", 33.32, 0.9681, 0.053, 1.053),
    Published("E2FGVI", "YouTube-VOS", 33.71, 0.9700, 0.046, 1.013),
    Published("ProPainter", "YouTube-VOS", 34.43, 0.9735, 0.042, 0.974),
)
