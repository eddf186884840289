"""The timeline an effect sits in."""

from __future__ import annotations

from dataclasses import dataclass

from propainter_host.errors import BadValue
from propainter_host.images import Rect


@dataclass(frozen=True)
class Project:
    """The timeline an effect sits in."""

    width: int
    """Pixels."""
    height: int
    pixel_aspect: float = 1.0
    frame_rate: float = 24.0
    first: int = 1
    last: int = 1

    def __post_init__(self) -> None:
        if min(self.width, self.height) < 1 or self.last < self.first:
            raise BadValue(
                f"a project of {self.width}x{self.height} pixels, frames {self.first}-{self.last}, is empty; "
                "give at least one pixel and one frame"
            )

    @property
    def canonical(self) -> Rect:
        """Its area in canonical units."""
        return Rect(0, 0, self.width * self.pixel_aspect, self.height)
