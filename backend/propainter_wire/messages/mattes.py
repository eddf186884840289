"""Mattes made from marks: one frame at once, all frames as a job, the shadow, motion to carry points by, publishing.

Here: what a panel that computes nothing itself asks. Not here: how a matte is made (``propainter_matte``), the mattes of a
render (``content.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from propainter_wire.messages.buffers import Buffer
from propainter_wire.messages.message import Message
from propainter_wire.messages.shots import check_range
from propainter_wire.messages.words import (
    HEX32,
    MAX_FRAMES,
    Digest,
    FrameNumber,
    FreeMap,
    Id,
    Name,
    Size,
    Yes,
)
from propainter_wire.schema import Checked, Fixed, Float, Int, ListOf, Maybe, Pattern, Record, refuse

MAX_POINTS = 4096
"""Points carried at once."""
SELECT_REACH = 14
"""Frames either way whose plates a ``select`` looks at."""
CAST_REACH = 44
"""The same of a ``cast``, among frames that have a matte."""
CARRY_REACH = 240
"""Frames away that points are carried and motion is asked to, at most."""
_POINT = Fixed(Float(-1e6, 1e6), Float(-1e6, 1e6))
_MATRIX = Fixed(*[Float(-1e12, 1e12)] * 9)

Points = Annotated[tuple[tuple[float, float], ...], ListOf(_POINT, MAX_POINTS)]
"""x, y in plate pixels; (0, 0) is the upper left corner of the upper left pixel."""


@dataclass(frozen=True)
class MatteContent(Checked):
    """Which matte a frame has, of those put as content."""

    frame: FrameNumber
    matte: Digest


MatteList = Annotated[tuple[MatteContent, ...], ListOf(Record(MatteContent), MAX_FRAMES)]


@dataclass(frozen=True)
class Select(Message):
    type: ClassVar[str] = "select"
    shot: Id
    frame: FrameNumber
    marks: FreeMap
    start: Annotated[str | None, Maybe(Pattern("digest", HEX32))] = None


@dataclass(frozen=True)
class MatteIs(Message):
    type: ClassVar[str] = "matte"
    frame: FrameNumber
    digest: Digest
    buffer: Annotated[Buffer, Record(Buffer, "buffer")]
    job: Annotated[str | None, Maybe(Pattern("id", HEX32))] = None
    doubt: Annotated[float | None, Maybe(Float(0.0, 1.0))] = None

    def check(self) -> None:
        if self.buffer.shape[2] != 1:
            raise refuse("buffer.shape", f"has {self.buffer.shape[2]} channels; a matte has 1")


@dataclass(frozen=True)
class Track(Message):
    type: ClassVar[str] = "track"
    shot: Id
    keys: MatteList
    first: FrameNumber
    last: FrameNumber
    known: MatteList = ()

    def check(self) -> None:
        check_range(self.first, self.last)
        if not self.keys:
            raise refuse("keys", "is empty; draw one frame at least")
        _refuse_repeated("keys", self.keys)
        _refuse_repeated("known", self.known)


@dataclass(frozen=True)
class Cast(Message):
    type: ClassVar[str] = "cast"
    shot: Id
    mattes: MatteList
    first: FrameNumber
    last: FrameNumber
    threshold: Annotated[float, Float(0.001, 0.999)] = 0.08
    soften: Annotated[float, Float(0.0, 1000.0)] = 3.0
    reflections: Yes = False

    def check(self) -> None:
        check_range(self.first, self.last)
        if not self.mattes:
            raise refuse("mattes", "is empty; give the object's mattes")
        _refuse_repeated("mattes", self.mattes)


@dataclass(frozen=True)
class Motion(Message):
    type: ClassVar[str] = "motion"
    shot: Id
    frame: FrameNumber
    other: FrameNumber


@dataclass(frozen=True)
class MotionIs(Message):
    type: ClassVar[str] = "motion_is"
    matrix: Annotated[tuple[float, ...], _MATRIX]
    """Row by row; the last is 1."""


@dataclass(frozen=True)
class Carry(Message):
    type: ClassVar[str] = "carry"
    shot: Id
    frame: FrameNumber
    to: FrameNumber
    points: Points


@dataclass(frozen=True)
class Carried(Message):
    type: ClassVar[str] = "carried"
    points: Points


@dataclass(frozen=True)
class PublishMattes(Message):
    type: ClassVar[str] = "publish_mattes"
    name: Name
    first: FrameNumber
    last: FrameNumber
    width: Size
    height: Size
    frames: MatteList
    more: Yes = False

    def check(self) -> None:
        check_range(self.first, self.last)
        _refuse_repeated("frames", self.frames)
        for each in self.frames:
            if not self.first <= each.frame <= self.last:
                raise refuse("frames", f"has frame {each.frame}, outside {self.first}..{self.last}")


@dataclass(frozen=True)
class MattesPublished(Message):
    type: ClassVar[str] = "mattes_published"
    name: Name
    frames: Annotated[int, Int(0, 10**6)]
    followers: Annotated[int, Int(0, 10**6)]


def _refuse_repeated(field: str, mattes: Sequence[MatteContent]) -> None:
    seen: set[int] = set()
    for each in mattes:
        if each.frame in seen:
            raise refuse(field, f"names frame {each.frame} twice")
        seen.add(each.frame)
