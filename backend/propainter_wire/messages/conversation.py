"""Beginning a session, keeping it alive, and being told no."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from propainter_wire.errors import ERROR_CODES, RETRY_MAY_HELP, ErrorCode, WireError
from propainter_wire.messages.message import Message
from propainter_wire.messages.words import (
    HEX32,
    MAX_PART_BYTES,
    MAX_SEGMENT_BYTES,
    Counter,
    DeviceName,
    FreeMap,
    Id,
    Name,
    Short,
    Yes,
)
from propainter_wire.schema import Choice, Int, ListOf, Maybe, Pattern, Text


@dataclass(frozen=True)
class Hello(Message):
    type: ClassVar[str] = "hello"
    client: DeviceName
    protocols: Annotated[tuple[str, ...], ListOf(Text(16), 16)]
    pid: Counter = 0
    shm: Yes = False


@dataclass(frozen=True)
class Welcome(Message):
    type: ClassVar[str] = "welcome"
    session: Id
    protocol: Annotated[str, Text(16)]
    server: Short
    engine: Short
    device: DeviceName
    weights: DeviceName = "none"
    licence: Name = ""
    shm: Yes = False
    shm_min_bytes: Annotated[int, Int(1, MAX_PART_BYTES)] = 8 * 2**20
    shm_max_bytes: Annotated[int, Int(1, MAX_SEGMENT_BYTES)] = 2**30
    max_message_bytes: Annotated[int, Int(2**20, MAX_PART_BYTES)] = MAX_PART_BYTES
    lease_s: Annotated[int, Int(10, 86400)] = 600


@dataclass(frozen=True)
class Ping(Message):
    type: ClassVar[str] = "ping"


@dataclass(frozen=True)
class Pong(Message):
    type: ClassVar[str] = "pong"


@dataclass(frozen=True)
class ErrorReply(Message):
    type: ClassVar[str] = "error"
    code: Annotated[ErrorCode, Choice(ERROR_CODES, "enum of section 8")]
    message: Annotated[str, Text(1024)]
    retry: Yes
    job: Annotated[str | None, Maybe(Pattern("id", HEX32))] = None
    details: FreeMap = field(default_factory=dict)

    @classmethod
    def of(cls, error: WireError, job: str | None = None) -> ErrorReply:
        """The reply that tells the other side about an error."""
        return cls(error.code, error.message[:1024], error.code in RETRY_MAY_HELP, job, error.details)
