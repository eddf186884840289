"""Solved mattes by digest, packed in memory.

Here: ``MatteStore``, and ``Packed``, which is what a file keeps as well. Not here: files (``project.py``), final mattes
(``cooking.py``).

A matte is mostly black or white: the box around what is not black, packed by zlib, is a fiftieth of its pixels or less. So
those of every step of undo can be kept.
"""

from __future__ import annotations

import threading
import zlib
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np

from propainter_wire.shot import Pixels, digest_of

MatteType = Literal["uint8", "float16"]
_FAST = 1


class UnknownMatte(LookupError):
    """A matte is not in the store; ``str()`` is one sentence."""


@dataclass(frozen=True)
class Packed:
    """One matte."""

    dtype: MatteType
    width: int
    height: int
    box: tuple[int, int, int, int]
    """x, y, width, height of what is not black; zeros: all of it is black."""
    data: bytes
    """The box's pixels, row by row, little-endian, packed by zlib."""

    @classmethod
    def of(cls, pixels: Pixels) -> Packed:
        """[h, w, 1] of uint8 or float16."""
        require_matte(pixels)
        height, width = pixels.shape[:2]
        is_set = pixels[..., 0] != 0
        rows, columns = np.flatnonzero(is_set.any(1)), np.flatnonzero(is_set.any(0))
        box = (0, 0, 0, 0)
        if rows.size:
            x, y = int(columns[0]), int(rows[0])
            box = (x, y, int(columns[-1]) - x + 1, int(rows[-1]) - y + 1)
        cut = pixels[box[1] : box[1] + box[3], box[0] : box[0] + box[2]]
        tight = np.ascontiguousarray(cut, dtype=pixels.dtype.newbyteorder("<"))
        return cls(cast(MatteType, pixels.dtype.name), width, height, box, zlib.compress(tight.tobytes(), _FAST))

    def unpacked(self) -> Pixels:
        """The pixels, read-only. Raises ValueError where the data is not what it should be."""
        x, y, across, down = self.box
        if min(self.box) < 0 or x + across > self.width or y + down > self.height:
            raise ValueError(f"its box {self.box} lies outside its {self.width}x{self.height} pixels")
        kind = np.dtype(self.dtype).newbyteorder("<")
        size = across * down * kind.itemsize
        unpacker = zlib.decompressobj()
        try:
            data = unpacker.decompress(self.data, size + 1)
        except zlib.error as error:
            raise ValueError(f"its pixels cannot be unpacked ({error})") from error
        if len(data) != size:
            raise ValueError(f"it has other than the {size} bytes of its pixels")
        pixels = np.zeros((self.height, self.width, 1), self.dtype)
        pixels[y : y + down, x : x + across] = np.frombuffer(data, kind).reshape(down, across, 1)
        pixels.setflags(write=False)
        return pixels


def require_matte(pixels: Pixels) -> None:
    """Raise ValueError for anything but uint8 or float16 [h, w, 1]."""
    if pixels.ndim != 3 or pixels.shape[2] != 1 or pixels.dtype.name not in ("uint8", "float16"):
        raise ValueError(f"a matte of {pixels.dtype} {pixels.shape}; it takes uint8 or float16 [h, w, 1]")


class MatteStore:
    """Keeps every matte that was solved, for the document and all its steps of undo. Any thread may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._packed: dict[str, Packed] = {}

    def put(self, pixels: Pixels) -> str:
        """Keep a matte, uint8 or float16 [h, w, 1]; returns its digest. Raises ValueError for anything else."""
        require_matte(pixels)
        digest = digest_of(pixels)
        if digest not in self:
            self.put_packed(digest, Packed.of(pixels))
        return digest

    def put_packed(self, digest: str, packed: Packed) -> None:
        """Keep one that is packed already."""
        with self._lock:
            self._packed[digest] = packed

    def get(self, digest: str) -> Pixels:
        """A matte, read-only. Raises UnknownMatte."""
        return self.packed(digest).unpacked()

    def packed(self, digest: str) -> Packed:
        """The same, packed. Raises UnknownMatte."""
        with self._lock:
            found = self._packed.get(digest)
        if found is None:
            raise UnknownMatte(f"the matte {digest[:8]} is not at hand any more; track its frames again")
        return found

    def __contains__(self, digest: object) -> bool:
        with self._lock:
            return digest in self._packed

    def __len__(self) -> int:
        with self._lock:
            return len(self._packed)

    @property
    def nbytes(self) -> int:
        """Bytes of all mattes, packed."""
        with self._lock:
            return sum(len(each.data) for each in self._packed.values())
