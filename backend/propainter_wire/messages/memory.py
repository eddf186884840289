"""Agreeing on shared memory: docs/wire.md, section 5. Not here: the memory itself (``shm.py``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from propainter_wire.messages.message import Message
from propainter_wire.messages.words import MAX_SEGMENT_BYTES, Counter, SegmentName
from propainter_wire.schema import Choice, Int


@dataclass(frozen=True)
class ShmRequest(Message):
    type: ClassVar[str] = "shm_request"
    nbytes: Annotated[int, Int(1, MAX_SEGMENT_BYTES)]
    use: Annotated[Literal["upload", "download"], Choice(("upload", "download"))]


@dataclass(frozen=True)
class ShmGrant(Message):
    type: ClassVar[str] = "shm_grant"
    name: SegmentName
    nbytes: Annotated[int, Int(1, MAX_SEGMENT_BYTES)]


@dataclass(frozen=True)
class ShmMapped(Message):
    type: ClassVar[str] = "shm_mapped"
    name: SegmentName


@dataclass(frozen=True)
class ShmUnlinked(Message):
    type: ClassVar[str] = "shm_unlinked"
    name: SegmentName


@dataclass(frozen=True)
class ShmRelease(Message):
    type: ClassVar[str] = "shm_release"
    name: SegmentName
    generation: Counter
