"""Pixels and frame numbers as both sides of the wire see them: ranges, runs, digests, array views.

Here: pure functions on numpy views; no socket, no shared memory (``shm.py``), no messages (``messages``). Digest and
pixel layout: docs/wire.md, section 4.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
import xxhash

DType = Literal["uint8", "uint16", "float16", "float32"]
DTYPES: tuple[DType, ...] = get_args(DType)
ITEM_BYTES: dict[DType, int] = {"uint8": 1, "uint16": 2, "float16": 2, "float32": 4}

Shape: TypeAlias = tuple[int, int, int]
Run: TypeAlias = tuple[int, int]
Pixels: TypeAlias = npt.NDArray[Any]
"""h w c, rows top-down, channels interleaved, dtype one of DTYPES."""


@dataclass(frozen=True)
class FrameRange:
    """An inclusive run of frames in the host's numbering."""

    first: int
    last: int

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError(f"frame range ends ({self.last}) before it starts ({self.first})")

    def __len__(self) -> int:
        return self.last - self.first + 1

    def __contains__(self, frame: object) -> bool:
        return isinstance(frame, int) and self.first <= frame <= self.last


def runs_of(frames: Iterable[int]) -> tuple[Run, ...]:
    """Frames as ascending inclusive runs: 1, 2, 3, 7 -> (1, 3), (7, 7); their order and repetition do not matter."""
    runs: list[Run] = []
    for frame in sorted(set(frames)):
        if runs and runs[-1][1] == frame - 1:
            runs[-1] = (runs[-1][0], frame)
        else:
            runs.append((frame, frame))
    return tuple(runs)


def frames_of(runs: Iterable[Sequence[int]]) -> tuple[int, ...]:
    """The frames of inclusive runs, in the order of the runs."""
    return tuple(frame for first, last in runs for frame in range(first, last + 1))


def byte_count(dtype: DType, shape: Shape) -> int:
    """Bytes of tightly packed pixels."""
    return math.prod(shape) * ITEM_BYTES[dtype]


def dtype_of(pixels: Pixels) -> DType:
    """The wire's name of an array's dtype. Raises ValueError for any other than the four."""
    for name in DTYPES:
        if pixels.dtype.newbyteorder("=") == np.dtype(name):
            return name
    raise ValueError(f"pixels are {pixels.dtype}; the wire carries {', '.join(DTYPES)}")


def shape_of(pixels: Pixels) -> Shape:
    """h, w, c of an array. Raises ValueError unless it has exactly these three axes."""
    if pixels.ndim != 3:
        raise ValueError(f"pixels have shape {pixels.shape}; the wire carries rows, columns, channels")
    height, width, channels = pixels.shape
    return height, width, channels


def packed(pixels: Pixels) -> Pixels:
    """The same pixels little-endian, tightly packed and top-down in memory; the array itself where it already is so."""
    name = dtype_of(pixels)
    shape_of(pixels)
    return np.ascontiguousarray(pixels, dtype=np.dtype(name).newbyteorder("<"))


def bytes_of(pixels: Pixels) -> memoryview:
    """The bytes of packed pixels, without a copy."""
    return pixels.reshape(-1).view(np.uint8).data


def pixels_in(memory: memoryview | bytes | bytearray, dtype: DType, shape: Shape) -> Pixels:
    """A view of h w c pixels in memory of exactly their size; as writable as the memory is."""
    return np.frombuffer(memory, dtype=np.dtype(dtype).newbyteorder("<")).reshape(shape)


def digest_of(pixels: Pixels) -> str:
    """Name of this content: 32 hex digits of XXH3-128 over a line with dtype and shape, then the bytes."""
    tight = packed(pixels)
    state = digest_state(dtype_of(tight), shape_of(tight))
    state.update(bytes_of(tight))
    return str(state.hexdigest())


def digest_state(dtype: DType, shape: Shape) -> xxhash.xxh3_128:
    """A digest begun: what is still to be fed to it are the bytes."""
    height, width, channels = shape
    return xxhash.xxh3_128(f"{dtype} {height}x{width}x{channels}\n".encode("ascii"))
