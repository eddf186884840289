"""What of a shot is cached, what the daemon keeps altogether, and clearing it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, get_args

from propainter_wire.messages.message import Message
from propainter_wire.messages.words import FRAME, MAX_FRAMES, Artifact, CacheKind, CacheState, Counter, Id, QualityWord
from propainter_wire.schema import Checked, Choice, Fixed, ListOf, Record, Text


@dataclass(frozen=True)
class StageRuns(Checked):
    """How much of one stage of a shot is cached."""

    stage: Annotated[Artifact, Choice(get_args(Artifact))]
    runs: Annotated[
        tuple[tuple[int, int, CacheState], ...],
        ListOf(Fixed(FRAME, FRAME, Choice(get_args(CacheState))), MAX_FRAMES),
    ]
    """first, last (included), state."""


@dataclass(frozen=True)
class CacheEntry(Checked):
    """One kind of cached thing."""

    what: Annotated[str, Text(32)]
    count: Counter
    bytes: Counter


@dataclass(frozen=True)
class CacheQuery(Message):
    type: ClassVar[str] = "cache_query"
    shot: Id
    quality: QualityWord = "normal"


@dataclass(frozen=True)
class CacheStateIs(Message):
    type: ClassVar[str] = "cache_state"
    shot: Id
    stages: Annotated[tuple[StageRuns, ...], ListOf(Record(StageRuns), 16)]


@dataclass(frozen=True)
class Cache(Message):
    type: ClassVar[str] = "cache"
    action: Annotated[Literal["list", "clear"], Choice(("list", "clear"))]
    what: Annotated[CacheKind, Choice(get_args(CacheKind))] = "all"


@dataclass(frozen=True)
class CacheIs(Message):
    type: ClassVar[str] = "cache_is"
    entries: Annotated[tuple[CacheEntry, ...], ListOf(Record(CacheEntry), 16)]
    freed_bytes: Counter = 0
