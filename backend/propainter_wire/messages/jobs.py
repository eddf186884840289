"""Asking for frames, and everything a job says until it is done or cancelled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, get_args

from propainter_wire.messages.buffers import Buffer
from propainter_wire.messages.message import Message
from propainter_wire.messages.shots import check_range
from propainter_wire.messages.words import (
    SIZE,
    Digest,
    FrameList,
    FrameNumber,
    FreeMap,
    Id,
    Output,
    PriorityWord,
    QualityWord,
    StageWord,
    Steps,
    Yes,
)
from propainter_wire.schema import Choice, Fixed, Float, Int, Maybe, Record, refuse
from propainter_wire.shot import DTYPES, DType


@dataclass(frozen=True)
class Render(Message):
    type: ClassVar[str] = "render"
    shot: Id
    frames: FrameList
    quality: QualityWord = "normal"
    priority: PriorityWord = "playhead"
    output: Annotated[Output, Choice(get_args(Output))] = "result"
    dtype: Annotated[DType | None, Maybe(Choice(DTYPES, "dtype"))] = None
    crop: Yes = False
    provisional: Yes = False

    def check(self) -> None:
        if not self.frames:
            raise refuse("frames", "is empty; a render needs at least one frame")
        if self.output in ("difference", "flow") and self.dtype in ("uint8", "uint16"):
            raise refuse("dtype", f"is {self.dtype}; output {self.output} has negative values and needs a float dtype")


@dataclass(frozen=True)
class Analyse(Message):
    type: ClassVar[str] = "analyse"
    shot: Id
    first: FrameNumber
    last: FrameNumber
    quality: QualityWord = "normal"

    def check(self) -> None:
        check_range(self.first, self.last)


@dataclass(frozen=True)
class Accepted(Message):
    type: ClassVar[str] = "accepted"
    job: Id


@dataclass(frozen=True)
class Progress(Message):
    type: ClassVar[str] = "progress"
    job: Id
    stage: StageWord
    done: Steps
    total: Steps
    eta_s: Annotated[float | None, Maybe(Float(0.0, 1e9))] = None


@dataclass(frozen=True)
class Result(Message):
    type: ClassVar[str] = "result"
    job: Id
    frame: FrameNumber
    quality: QualityWord
    provisional: Yes
    region: Annotated[tuple[int, int, int, int], Fixed(Int(0, 16383), Int(0, 16383), SIZE, SIZE)]
    """x, y, width, height in the plate, y down."""
    digest: Digest
    buffer: Annotated[Buffer, Record(Buffer, "buffer")]

    def check(self) -> None:
        height, width, _ = self.buffer.shape
        if self.region[2:] != (width, height):
            raise refuse("region", f"is {self.region[2]}x{self.region[3]} but the buffer is {width}x{height}")


@dataclass(frozen=True)
class Done(Message):
    type: ClassVar[str] = "done"
    job: Id
    report: FreeMap


@dataclass(frozen=True)
class Cancel(Message):
    type: ClassVar[str] = "cancel"
    job: Id


@dataclass(frozen=True)
class Cancelled(Message):
    type: ClassVar[str] = "cancelled"
    job: Id
    was_running: Yes
