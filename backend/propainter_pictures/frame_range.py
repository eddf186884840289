"""A run of frames as hosts and files number them: both ends included.

Here: ``FrameRange``. Not here: 0-based indices, which only ``propainter`` and the renderer use.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FrameRange:
    """An inclusive run of frames in the host's numbering."""

    first: int
    last: int

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError(f"frame range ends ({self.last}) before it starts ({self.first})")

    def __len__(self) -> int:
        return self.last - self.first + 1
