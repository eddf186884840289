"""Which frames a shot has, which of them the daemon lacks, and sending their pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, get_args

from propainter_wire.messages.buffers import Buffer
from propainter_wire.messages.message import Message
from propainter_wire.messages.words import (
    HEX32,
    MAX_FRAMES,
    NO_CLEAN_PLATE,
    Digest,
    FrameList,
    FrameNumber,
    FrameRuns,
    Id,
    Kind,
    QualityWord,
)
from propainter_wire.schema import Checked, Choice, ListOf, Maybe, Pattern, Record


@dataclass(frozen=True)
class FrameContent(Checked):
    """Which content a frame of the shot has."""

    frame: FrameNumber
    plate: Annotated[str | None, Maybe(Pattern("digest", HEX32))] = None
    matte: Annotated[str | None, Maybe(Pattern("digest", HEX32))] = None
    clean: Annotated[str | None, Maybe(Pattern("digest or none", f"{HEX32}|{NO_CLEAN_PLATE}"))] = None


@dataclass(frozen=True)
class Have(Message):
    type: ClassVar[str] = "have"
    shot: Id
    frames: Annotated[tuple[FrameContent, ...], ListOf(Record(FrameContent), MAX_FRAMES)]


@dataclass(frozen=True)
class Need(Message):
    type: ClassVar[str] = "need"
    plates: FrameList
    mattes: FrameList
    cleans: FrameList = ()


@dataclass(frozen=True)
class Put(Message):
    type: ClassVar[str] = "put"
    shot: Id
    kind: Annotated[Kind, Choice(get_args(Kind))]
    digest: Digest
    buffer: Annotated[Buffer, Record(Buffer, "buffer")]


@dataclass(frozen=True)
class Stored(Message):
    type: ClassVar[str] = "stored"
    digest: Digest


@dataclass(frozen=True)
class Reach(Message):
    type: ClassVar[str] = "reach"
    shot: Id
    frames: FrameList
    quality: QualityWord = "normal"


@dataclass(frozen=True)
class ReachIs(Message):
    type: ClassVar[str] = "reach_is"
    plates: FrameRuns
    mattes: FrameRuns
