"""How the daemon is, what it is doing for whom, and stopping it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from propainter_wire.messages.message import Message
from propainter_wire.messages.settings import AllSettings
from propainter_wire.messages.words import (
    Counter,
    DeviceName,
    FrameNumber,
    FreeMap,
    Id,
    Name,
    Notes,
    PriorityWord,
    Short,
    Size,
    StageWord,
    Steps,
    Yes,
)
from propainter_wire.schema import Checked, Choice, Float, Int, ListOf, Record


@dataclass(frozen=True)
class JobLine(Checked):
    """One job of the status list."""

    job: Id
    name: Name
    priority: PriorityWord
    stage: StageWord
    done: Steps
    total: Steps


@dataclass(frozen=True)
class ShotLine(Checked):
    """One open shot of the status list."""

    shot: Id
    name: Name
    client: DeviceName
    first: FrameNumber
    last: FrameNumber
    width: Size
    height: Size
    follows: Yes
    settings: AllSettings


@dataclass(frozen=True)
class Status(Message):
    type: ClassVar[str] = "status"


@dataclass(frozen=True)
class StatusIs(Message):
    type: ClassVar[str] = "status_is"
    server: Short
    engine: Short
    device: DeviceName
    pid: Counter
    uptime_s: Annotated[float, Float(0.0, 1e9)]
    sessions: Annotated[int, Int(0, 10**6)]
    weights: DeviceName = "none"
    jobs: Annotated[tuple[JobLine, ...], ListOf(Record(JobLine), 256)] = ()
    memory: FreeMap = field(default_factory=dict)
    notes: Notes = ()
    shots: Annotated[tuple[ShotLine, ...], ListOf(Record(ShotLine), 64)] = ()


@dataclass(frozen=True)
class Stop(Message):
    type: ClassVar[str] = "stop"
    when: Annotated[Literal["now", "idle"], Choice(("now", "idle"))] = "now"


@dataclass(frozen=True)
class Stopping(Message):
    type: ClassVar[str] = "stopping"
    jobs: Annotated[int, Int(0, 10**6)]
