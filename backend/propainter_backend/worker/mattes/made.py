"""What a step of a matte's job leaves. Here: ``Made``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from propainter_backend.worker.pipe import Note


@dataclass(frozen=True)
class Made:
    """A frame's matte and what is said with it."""

    pixels: np.ndarray
    """[h, w, 1] as it is sent."""
    note: Note
