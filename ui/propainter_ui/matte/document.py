"""A drawn matte, all of it as data: what the artist drew, and what the backend made of it.

Here: frozen dataclasses, and what they say of themselves. Not here: changes by hand (``edits.py``), what the backend tells
(``news.py``), which frames are keys or doubtful (``standing.py``), pixels (``cooking.py``).

Frames have the host's numbers, both ends included. Mattes are named by their digest (``propainter_wire.shot.digest_of``)
and lie in a ``MatteStore``. Two documents share whatever is the same in both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from propainter_ui.matte.outlines import Shape
from propainter_ui.matte.strokes import Box, BrushStroke, CloneStroke, Scribble

Source = Literal["selected", "tracked", "imported", "kept"]
"""Where a solved matte is from: made of the frame's marks, tracked from keys, of a sequence that was opened, or tracked and
then said to be right. All but tracked ones are keys."""


@dataclass(frozen=True)
class FrameEdits:
    """What was drawn on one frame; later strokes lie over earlier ones."""

    boxes: tuple[Box, ...] = ()
    scribbles: tuple[Scribble, ...] = ()
    brush: tuple[BrushStroke, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.boxes or self.scribbles or self.brush)


@dataclass(frozen=True)
class Solved:
    """A matte as the backend made it, or as it was opened; brush and garbage mattes are laid over it later."""

    digest: str
    source: Source
    start: str = ""
    """The matte that the frame's scribbles corrected; empty: its marks drew it anew."""


@dataclass(frozen=True)
class Shadow:
    """What the object casts, as the backend offers it."""

    threshold: float = 0.08
    """Share of light that ground must lose."""
    soften: float = 3.0
    """Pixels its edge fades over."""
    reflections: bool = False
    is_added: bool = False
    """Whether it is part of the matte."""
    mattes: Mapping[int, str] = field(default_factory=dict)
    """Digests by frame."""


@dataclass(frozen=True)
class MatteDocument:
    """One shot's drawn matte."""

    width: int
    """Of the plate, in pixels."""
    height: int
    first: int
    last: int
    edits: Mapping[int, FrameEdits] = field(default_factory=dict)
    """By frame; frames with nothing drawn are not in it."""
    shapes: tuple[Shape, ...] = ()
    """Later ones count over earlier ones."""
    solved: Mapping[int, Solved] = field(default_factory=dict)
    stale: frozenset[int] = frozenset()
    """Frames whose tracked matte is of keys that have changed since."""
    doubt: Mapping[int, float] = field(default_factory=dict)
    """By frame, 0..1, as the last tracking told."""
    help: tuple[int, ...] = ()
    """Frames to look at, the most doubtful first."""
    empty: tuple[tuple[int, int], ...] = ()
    """First and last frame of every scene without a key."""
    cuts: tuple[int, ...] = ()
    """Frames that begin another scene; nothing is tracked across."""
    shadow: Shadow = field(default_factory=Shadow)
    clean: Mapping[int, tuple[CloneStroke, ...]] = field(default_factory=dict)
    """By frame: strokes of the clone stamp that paint its clean plate."""
    start: str = ""
    """The sequence that was opened to be edited, as it can be opened again; empty: none."""

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ValueError(f"a matte of {self.width}x{self.height} has no pixels")
        if self.last < self.first:
            raise ValueError(f"frame range ends ({self.last}) before it starts ({self.first})")

    @property
    def frames(self) -> range:
        """Every frame of the shot."""
        return range(self.first, self.last + 1)

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing in it."""
        return not (self.edits or self.shapes or self.solved or self.clean)

    def edits_of(self, frame: int) -> FrameEdits:
        """What is drawn on a frame."""
        return self.edits.get(frame, FrameEdits())
