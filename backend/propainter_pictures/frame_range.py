"""A run of frames as hosts and files number them: both ends included.

Here: ``FrameRange``, and frames as they are typed. Not here: 0-based indices, which only ``propainter`` and the renderer
use.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
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


def with_negative_frames(words: Sequence[str], option: str = "--frames") -> list[str]:
    """``--frames -5--1`` as ``--frames=-5--1``: argparse takes a minus for the start of an option."""
    joined: list[str] = []
    for word in words:
        if joined and joined[-1] == option and re.match(r"-\d", word):
            joined[-1] = f"{option}={word}"
        else:
            joined.append(word)
    return joined
