"""Which frames of a plate, a matte and a clean plate belong together: the one rule, for commands and panel alike.

Here: frame numbers only. Not here: reading frames (``plates.py``); what the user said, or dropped, which decides offset
and what a lone clean plate is of.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from propainter_pictures.frame_range import FrameRange


class Numbered(Protocol):
    """What pairing looks at of a run of frames."""

    @property
    def range(self) -> FrameRange:
        """First and last frame there is."""

    @property
    def is_still(self) -> bool:
        """One picture."""

    def has(self, number: int) -> bool:
        """Whether there is such a frame."""


@dataclass(frozen=True)
class Pairing:
    """A plate with its matte and its clean plates, each by the plate's frame numbers."""

    plate: Numbered
    matte: Numbered | None = None
    clean: Numbered | None = None
    matte_offset: int = 0
    """Added to the matte's numbers, they are the plate's."""
    is_clean_everywhere: bool = False
    """Whether the clean plate is one picture for every frame."""

    @property
    def common(self) -> range:
        """The frames plate and matte have in common; a still, or no matte, is of every frame. May be empty."""
        first, last = self.plate.range.first, self.plate.range.last
        if self.matte is not None and not self.matte.is_still:
            first = max(first, self.matte.range.first + self.matte_offset)
            last = min(last, self.matte.range.last + self.matte_offset)
        return range(first, last + 1)

    def matte_number(self, frame: int) -> int:
        """The matte's own number for a frame of the plate."""
        assert self.matte is not None
        return self.matte.range.first if self.matte.is_still else frame - self.matte_offset

    def clean_number(self, frame: int) -> int | None:
        """The clean plate's own number for a frame; None: the frame has none."""
        if self.clean is None:
            return None
        number = self.clean.range.first if self.is_clean_everywhere else frame
        return number if self.clean.has(number) else None


def offset_by_place(plate: Numbered, matte: Numbered) -> int:
    """The offset at which both begin together: for numbers that have nothing to do with each other."""
    return plate.range.first - matte.range.first
