"""Pixels: clips made of numpy arrays, and the images a plugin sees, each between guard bytes.

Here: ``NumpyClip`` (what the artist plugs in), ``HostImage`` (one buffer lent to a plugin), conversions of depth,
components and size. Not here: reading files (``sequences.py``), which image is due when (``graph/clip.py``).

Arrays are top-down (h, w, c) or (h, w); images are bottom-up in whatever memory order the profile asks for; pixel
rectangles are half-open with y up (ABI notes, section 7).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xxhash

from propainter_host.errors import BadValue

Array = npt.NDArray[Any]

DEPTHS: Mapping[str, type[np.generic]] = {
    "Byte": np.uint8,
    "Short": np.uint16,
    "Half": np.float16,
    "Float": np.float32,
}
COMPONENTS: Mapping[str, int] = {"Alpha": 1, "RGB": 3, "RGBA": 4}
PREMULTIPLICATIONS: Mapping[str, str] = {
    "opaque": "OfxImageOpaque",
    "premultiplied": "OfxImageAlphaPremultiplied",
    "unpremultiplied": "OfxImageAlphaUnPremultiplied",
}

_GUARD_BYTES = 4096
_NOISE = np.random.default_rng(0x0FC).integers(0, 256, 65521, dtype=np.uint8)
"""What memory holds before anybody writes it; the prime length keeps it from lining up with rows."""


class Rect(NamedTuple):
    """x1 <= x < x2, y1 <= y < y2, y up; pixels or canonical units, as said where it is used."""

    x1: float
    y1: float
    x2: float
    y2: float

    def intersect(self, other: Rect) -> Rect:
        """What both cover; empty rectangles have x2 == x1 or y2 == y1."""
        x1, y1 = max(self.x1, other.x1), max(self.y1, other.y1)
        return Rect(x1, y1, max(x1, min(self.x2, other.x2)), max(y1, min(self.y2, other.y2)))

    def union(self, other: Rect) -> Rect:
        """The smallest rectangle around both."""
        return Rect(min(self.x1, other.x1), min(self.y1, other.y1), max(self.x2, other.x2), max(self.y2, other.y2))

    def scaled(self, x: float, y: float) -> Rect:
        """Both axes multiplied."""
        return Rect(self.x1 * x, self.y1 * y, self.x2 * x, self.y2 * y)

    def outward(self) -> Rect:
        """Grown to whole numbers (a hair's breadth of rounding error grows nothing)."""
        return Rect(
            math.floor(self.x1 + 1e-6), math.floor(self.y1 + 1e-6), math.ceil(self.x2 - 1e-6), math.ceil(self.y2 - 1e-6)
        )

    @property
    def width(self) -> int:
        """Whole pixels across."""
        return int(self.x2 - self.x1)

    @property
    def height(self) -> int:
        """Whole pixels up."""
        return int(self.y2 - self.y1)


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture and where it lies."""

    pixels: Array
    """(h, w) or (h, w, c), top-down; uint8, uint16, float16 or float32."""
    origin: tuple[int, int] = (0, 0)
    """The bottom-left pixel, y up."""

    def __post_init__(self) -> None:
        shape, dtype = self.pixels.shape, self.pixels.dtype
        if len(shape) not in (2, 3) or (len(shape) == 3 and shape[2] not in COMPONENTS.values()):
            raise BadValue(f"a frame of shape {shape} is neither (h, w), (h, w, 1), (h, w, 3) nor (h, w, 4)")
        if dtype.type not in DEPTHS.values():
            raise BadValue(f"a frame of {dtype} cannot be shown to a plugin; give uint8, uint16, float16 or float32")

    @property
    def bounds(self) -> Rect:
        """The pixels it covers."""
        (x, y), (height, width) = self.origin, self.pixels.shape[:2]
        return Rect(x, y, x + width, y + height)


class NumpyClip:
    """Frames first..last, from arrays in memory or from a function that fetches them.

    frames: an array (t, h, w) or (t, h, w, c) whose first picture is frame `first`; a mapping from frame number to an
        array or ``Frame`` (numbers may be missing: those frames fail); or a function of the frame number.
    first, last: inclusive; needed only with a function.
    origin: bottom-left pixel of arrays that are not a ``Frame``, y up.
    premultiplication: "opaque", "premultiplied" or "unpremultiplied"; None = opaque without alpha, else premultiplied.
    pixel_aspect: width of a pixel divided by its height.

    Raises: BadValue when there are no frames, or one cannot be shown.
    """

    def __init__(
        self,
        frames: Array | Mapping[int, Array | Frame] | Callable[[int], Array | Frame | None],
        *,
        first: int = 1,
        last: int | None = None,
        origin: tuple[int, int] = (0, 0),
        premultiplication: str | None = None,
        pixel_aspect: float = 1.0,
        frame_rate: float = 24.0,
    ) -> None:
        self._fetch, self.first, self.last = _as_function(frames, first, last)
        self._origin = origin
        self.pixel_aspect = pixel_aspect
        self.frame_rate = frame_rate
        sample = self._sample()
        channels = 1 if sample.pixels.ndim == 2 else sample.pixels.shape[2]
        self.components = next(name for name, count in COMPONENTS.items() if count == channels)
        self.depth = next(name for name, dtype in DEPTHS.items() if sample.pixels.dtype.type is dtype)
        self.premultiplication = premultiplication or ("premultiplied" if channels == 4 else "opaque")
        if self.premultiplication not in PREMULTIPLICATIONS:
            raise BadValue(
                f"premultiplication {premultiplication!r} is none of {', '.join(PREMULTIPLICATIONS)}; choose one"
            )

    def frame(self, number: int) -> Frame | None:
        """The picture of one frame, or None where there is none."""
        got = self._fetch(number)
        return got if got is None or isinstance(got, Frame) else Frame(np.asarray(got), self._origin)

    def _sample(self) -> Frame:
        for number in range(self.first, self.last + 1):
            frame = self.frame(number)
            if frame is not None:
                return frame
        raise BadValue(f"a clip of frames {self.first}-{self.last} holds no picture")


def _as_function(
    frames: Array | Mapping[int, Array | Frame] | Callable[[int], Array | Frame | None], first: int, last: int | None
) -> tuple[Callable[[int], Array | Frame | None], int, int]:
    if isinstance(frames, np.ndarray):
        if frames.ndim not in (3, 4) or not len(frames):
            raise BadValue(f"an array of shape {frames.shape} is no run of frames; give (t, h, w) or (t, h, w, c)")
        pictures: Mapping[int, Array | Frame] = {first + index: picture for index, picture in enumerate(frames)}
    elif isinstance(frames, Mapping):
        if not frames:
            raise BadValue("a clip needs at least one frame; the mapping given is empty")
        pictures = frames
    else:
        if last is None or last < first:
            raise BadValue(f"a clip that fetches its frames needs its first and last frame; got {first} and {last}")
        return frames, first, last
    return pictures.get, min(pictures), max(pictures)


def to_components(pixels: Array, wanted: str) -> Array:
    """(h, w) or (h, w, c) to (h, w, C) of "Alpha", "RGB" or "RGBA".

    A lone alpha fills every channel (a white matte, premultiplied); a missing alpha is 1; RGB to Alpha is all 1.
    """
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    have, count = pixels.shape[2], COMPONENTS[wanted]
    if have == count:
        return pixels
    if have == 1:
        return np.repeat(pixels, count, axis=2)
    if count == 3:
        return pixels[..., :3]
    one = 1 if pixels.dtype.kind == "f" else np.iinfo(pixels.dtype).max
    alpha = pixels[..., 3:] if have == 4 else np.full((*pixels.shape[:2], 1), one, pixels.dtype)
    return alpha if count == 1 else np.concatenate([pixels, alpha], axis=2)


def to_depth(pixels: Array, wanted: str) -> Array:
    """The same picture in another depth; integers stand for 0..1, to which floats are clipped on becoming integers."""
    dtype = DEPTHS[wanted]
    if pixels.dtype.type is dtype:
        return pixels
    unit = pixels.astype(np.float32)
    if pixels.dtype.kind == "u":
        unit /= np.float32(np.iinfo(pixels.dtype).max)
    if wanted in ("Half", "Float"):
        return unit.astype(dtype)
    top = np.iinfo(dtype).max  # type: ignore[type-var]
    return np.floor(np.nan_to_num(unit).clip(0, 1) * top + 0.5).astype(dtype)


def resize(pixels: Array, bounds: Rect, scale: tuple[float, float], wanted: Rect) -> Array:
    """Area average of a picture on another pixel grid.

    pixels: (h, w, c), top-down, covering `bounds`. scale: new pixels per old pixel, x and y.
    wanted: the rectangle to make, on the new grid. What no old pixel covers is 0. Returns float32 or the input's dtype.
    """
    across = _area_weights(bounds.x1, bounds.width, scale[0], wanted.x1, wanted.width)
    upward = _area_weights(bounds.y1, bounds.height, scale[1], wanted.y1, wanted.height)
    new = np.einsum("yh,hwc,xw->yxc", upward, pixels[::-1].astype(np.float32), across, optimize=True)[::-1]
    rounded: Array = (np.floor(new + 0.5) if pixels.dtype.kind == "u" else new).astype(pixels.dtype)
    return rounded


def _area_weights(old_start: float, old_count: int, scale: float, new_start: float, new_count: int) -> Array:
    """(new, old): how much of each old cell lies under each new cell, rows summing to 1 or 0."""
    new = (new_start + np.arange(new_count + 1)) / scale
    old = old_start + np.arange(old_count + 1)
    overlap = np.minimum(new[1:, None], old[None, 1:]) - np.maximum(new[:-1, None], old[None, :-1])
    overlap = overlap.clip(0, None)
    total = overlap.sum(1, keepdims=True)
    weights: Array = (overlap / np.where(total > 1e-9, total, 1)).astype(np.float32)
    return weights


def place(pixels: Array, bounds: Rect, wanted: Rect) -> Array:
    """The part of a picture that `wanted` shows; 0 where the picture has nothing. Same grid, (h, w, c), top-down."""
    shared = bounds.intersect(wanted)
    if wanted == bounds:
        return pixels
    placed = np.zeros((wanted.height, wanted.width, pixels.shape[2]), pixels.dtype)
    if shared.width and shared.height:
        placed[_rows(wanted, shared), _columns(wanted, shared)] = pixels[
            _rows(bounds, shared), _columns(bounds, shared)
        ]
    return placed


def _rows(whole: Rect, part: Rect) -> slice:
    return slice(int(whole.y2 - part.y2), int(whole.y2 - part.y1))


def _columns(whole: Rect, part: Rect) -> slice:
    return slice(int(part.x1 - whole.x1), int(part.x2 - whole.x1))


class Block:
    """Memory lent to a plugin, with guards of known bytes before and behind."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._memory = np.resize(_NOISE, size + 2 * _GUARD_BYTES)

    def __str__(self) -> str:
        return f"a memory block of {self.size} bytes"

    @property
    def address(self) -> int:
        """The first byte the plugin may touch."""
        return int(self._memory.ctypes.data) + _GUARD_BYTES

    @property
    def body(self) -> Array:
        """The bytes between the guards."""
        return self._memory[_GUARD_BYTES : _GUARD_BYTES + self.size]

    @property
    def original(self) -> Array:
        """What the body held before anybody wrote to it."""
        return np.resize(_NOISE, self.size + _GUARD_BYTES)[_GUARD_BYTES:]

    @property
    def guards_hold(self) -> bool:
        """Whether both guards are as they were."""
        behind = _GUARD_BYTES + self.size
        return np.array_equal(self._memory[:_GUARD_BYTES], _NOISE[:_GUARD_BYTES]) and np.array_equal(
            self._memory[behind:], _noise_at(behind, _GUARD_BYTES)
        )


def _noise_at(start: int, count: int) -> Array:
    """What memory holds at so many places from one on; count is at most a guard's length."""
    start %= len(_NOISE)
    if start + count <= len(_NOISE):
        return _NOISE[start : start + count]
    return np.concatenate([_NOISE[start:], _NOISE[: start + count - len(_NOISE)]])


@functools.lru_cache(maxsize=16)
def _noise_between_rows(rows: int, stride: int, used: int) -> Array:
    """(rows, stride - used): what the bytes behind each row of a block's body hold before anybody writes them."""
    offsets = np.arange(rows)[:, None] * stride + np.arange(used, stride)
    noise: Array = _NOISE[(_GUARD_BYTES + offsets) % len(_NOISE)]
    return noise


class HostImage:
    """One image lent to a plugin.

    bounds: pixels, half-open. row_order: "up" (positive rowBytes) or "down" (negative). padding: bytes after each row.
    data_is_null: a host that says OK and gives nothing (black).
    """

    def __init__(
        self,
        title: str,
        bounds: Rect,
        *,
        components: str,
        depth: str,
        row_order: str = "up",
        padding: int = 0,
        data_is_null: bool = False,
    ) -> None:
        self.title = title
        self.bounds = bounds
        self.components = components
        self.depth = depth
        self._row = bounds.width * COMPONENTS[components] * np.dtype(DEPTHS[depth]).itemsize
        self._stride = self._row + padding
        self._is_downward = row_order == "down"
        self._is_null = data_is_null
        self._block = Block(self._stride * bounds.height)
        self.checksum: int | None = None
        """Of an input's memory as it was filled; None for an output."""

    def __str__(self) -> str:
        return self.title

    @property
    def row_bytes(self) -> int:
        """Bytes to the next row up."""
        return -self._stride if self._is_downward else self._stride

    @property
    def data(self) -> int | None:
        """Address of the bottom-left pixel."""
        if self._is_null:
            return None
        return self._block.address + (self._stride * (self.bounds.height - 1) if self._is_downward else 0)

    @property
    def pixels(self) -> Array:
        """(h, w, c) view of the memory, top-down."""
        return self._as_pixels(self._block.body)

    def fill(self, pixels: Array) -> None:
        """The picture the plugin is to see, (h, w, c), top-down; remembered, to see whether it stays as it is."""
        self.pixels[...] = pixels
        self.checksum = self._digest()

    @property
    def is_unchanged(self) -> bool:
        """Whether an input's pixels are still what was filled in."""
        return self.checksum is None or self._digest() == self.checksum

    @property
    def guards_hold(self) -> bool:
        """Whether no byte before, behind or between the rows was touched."""
        between = self._block.body.reshape(self.bounds.height, self._stride)[:, self._row :]
        noise = _noise_between_rows(self.bounds.height, self._stride, self._row)
        return self._block.guards_hold and np.array_equal(between, noise)

    def _digest(self) -> int:
        return xxhash.xxh3_64_intdigest(self._block.body.data)

    def count_written_outside(self, window: Rect) -> int:
        """Pixels of an output changed outside the render window."""
        inside = self.bounds.intersect(window)
        if inside == self.bounds:
            return 0
        changed = self._changed()
        changed[_rows(self.bounds, inside), _columns(self.bounds, inside)] = False
        return int(changed.sum())

    def count_unwritten(self, window: Rect) -> int:
        """Pixels of the render window still as they were; a few lucky hits of small pixels are let pass."""
        inside = self.bounds.intersect(window)
        changed = self._changed()[_rows(self.bounds, inside), _columns(self.bounds, inside)]
        unwritten = int(changed.size - changed.sum())
        bits = 8 * COMPONENTS[self.components] * np.dtype(DEPTHS[self.depth]).itemsize
        by_chance = 0.0 if bits >= 64 else 8 + 4 * changed.size * 2.0**-bits
        return unwritten if unwritten > by_chance else 0

    def _changed(self) -> Array:
        """(h, w) of bool, top-down: pixels of which any byte differs from what memory first held."""
        pixel_bytes = self._row // self.bounds.width
        word = next(size for size in (8, 4, 2, 1) if pixel_bytes % size == 0)
        now, before = (self._rows_of(body).view(f"u{word}") for body in (self._block.body, self._block.original))
        differs = (now != before).reshape(self.bounds.height, self.bounds.width, -1)
        changed: Array = functools.reduce(np.logical_or, np.moveaxis(differs, 2, 0))
        return changed if self._is_downward else changed[::-1]

    def _as_pixels(self, body: Array) -> Array:
        rows = self._rows_of(body).view(DEPTHS[self.depth])
        pixels = rows.reshape(self.bounds.height, self.bounds.width, COMPONENTS[self.components])
        return pixels if self._is_downward else pixels[::-1]

    def _rows_of(self, body: Array) -> Array:
        return body.reshape(self.bounds.height, self._stride)[:, : self._row]
