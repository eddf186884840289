"""The frames that a matte is made of, as the daemon tells them.

Here: ``Clip``. Not here: a shot as it is rendered (``worker/shot_spec.py``), pictures (``footages.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from propainter_backend.worker.pipe import Note
from propainter_backend.worker.shot_spec import ShotSpec
from propainter_matte.footage import working_size
from propainter_pictures.color import WorkingSpace


@dataclass(frozen=True)
class Clip:
    """A run of a shot's frames. Its own indices count from 0; ``first`` is the host's number of the first of them."""

    first: int
    size: tuple[int, int]
    """Width, height of the plate."""
    channels: int
    color: str
    plates: tuple[str, ...]
    """Digests."""

    @staticmethod
    def from_note(note: Note) -> Clip:
        """Read the daemon's description."""
        width, height = note["size"]
        return Clip(note["first"], (width, height), note["channels"], note["color"], tuple(note["plates"]))

    @staticmethod
    def of(spec: ShotSpec, begin: int, end: int) -> Clip:
        """Frames ``begin``..``end`` of a shot, indices of it, both included; all of their plates must be told."""
        plates = tuple(digest or "" for digest in spec.plates[begin : end + 1])
        return Clip(spec.first + begin, spec.size, spec.channels, spec.settings["color"], plates)

    @property
    def count(self) -> int:
        """Frames."""
        return len(self.plates)

    @property
    def working(self) -> tuple[int, int]:
        """Width, height that mattes are made at."""
        return working_size(*self.size)

    @property
    def space(self) -> WorkingSpace:
        """How the plate's colours are encoded."""
        return WorkingSpace(self.color)

    def number(self, index: int) -> int:
        """A frame as the host numbers it."""
        return self.first + index

    def part(self, frames: range) -> Clip:
        """Some of its frames, as a clip of their own."""
        return Clip(
            self.first + frames[0], self.size, self.channels, self.color, self.plates[frames[0] : frames[-1] + 1]
        )

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Digests of neighbours."""
        return zip(self.plates, self.plates[1:], strict=False)
