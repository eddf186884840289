"""Pixels lying somewhere else: what they are, and whether they travel in the message or in shared memory.

docs/wire.md, section 4. Not here: asking for shared memory (``memory.py``), the pixels themselves (``shot.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, TypeAlias

from propainter_wire.messages.words import MAX_BUFFERS, MAX_PART_BYTES, MAX_SEGMENT_BYTES, SIZE, DTypeName, SegmentName
from propainter_wire.schema import HUGE, Checked, Fixed, Int, Named, refuse
from propainter_wire.shot import Shape, byte_count


@dataclass(frozen=True)
class Inline(Checked):
    """Bytes that are a buffer part of the same message."""

    index: Annotated[int, Int(0, MAX_BUFFERS - 1)]


@dataclass(frozen=True)
class InSegment(Checked):
    """Bytes inside a shared memory segment."""

    name: SegmentName
    offset: Annotated[int, Int(0, MAX_SEGMENT_BYTES)]
    nbytes: Annotated[int, Int(1, MAX_PART_BYTES)]
    generation: Annotated[int, Int(1, HUGE)]


class _PlaceChecker:
    """Reads a place by its ``kind``."""

    text = "place"
    kinds: ClassVar[dict[str, type[Checked]]] = {"inline": Inline, "shm": InSegment}

    def read(self, value: object, where: str) -> Checked:
        if isinstance(value, (Inline, InSegment)):
            return value
        if not isinstance(value, Mapping):
            raise refuse(where, "must be a map")
        kind = value.get("kind")
        if not isinstance(kind, str) or kind not in self.kinds:
            raise refuse(f"{where}.kind", f"must be one of {', '.join(self.kinds)}")
        return self.kinds[kind].from_map({name: entry for name, entry in value.items() if name != "kind"}, where)

    def write(self, value: Checked) -> object:
        return {"kind": "inline" if isinstance(value, Inline) else "shm", **value.to_map()}


Place: TypeAlias = Inline | InSegment


@dataclass(frozen=True)
class Buffer(Checked):
    """Pixels lying somewhere else: what they are and where."""

    dtype: DTypeName
    shape: Annotated[Shape, Fixed(SIZE, SIZE, Named("channels", Int(1, 4)))]
    """Rows, columns, channels."""
    place: Annotated[Place, _PlaceChecker()]

    @property
    def nbytes(self) -> int:
        """Bytes of the pixels, tightly packed."""
        return byte_count(self.dtype, self.shape)

    def check(self) -> None:
        if self.nbytes > MAX_PART_BYTES:
            raise refuse("shape", f"makes {self.nbytes} bytes; at most {MAX_PART_BYTES} are allowed")
        if isinstance(self.place, InSegment) and self.place.nbytes != self.nbytes:
            raise refuse("place.nbytes", f"is {self.place.nbytes} but dtype and shape make {self.nbytes}")
