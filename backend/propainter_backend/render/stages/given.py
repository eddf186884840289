"""What is given of a frame that is being finished, read once, so that any thread may finish it.

Here: ``Given``. Not here: the finishing (``composite.py``, ``regraining.py``), reading files (``sources.py``).
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from propainter_backend.render.clean_plate import CleanPlate
from propainter_backend.render.shot import Shot
from propainter_backend.render.stage import Ask
from propainter_pictures.frame import Frame


@dataclass(frozen=True, eq=False)
class Given:
    """One frame as it was given."""

    shot: Shot
    plate: Frame
    alpha: Tensor
    """How much of the fill each plate pixel takes, [h, w], 0..1."""
    clean: CleanPlate | None

    @staticmethod
    def of(ask: Ask, index: int) -> Given:
        """The plate, alpha and clean plate of a frame."""
        return Given(ask.shot, ask.sources.plate(index), ask.sources.alpha(index), ask.sources.clean(index))
