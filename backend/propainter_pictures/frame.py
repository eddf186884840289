"""One frame of a plate, matte or clean plate: every channel in the file's own type, and which of them are what.

Here: ``Frame``, what its channels' names mean, whole numbers as shares and back. Not here: files (``images.py``, which
alone looks into a frame's ``FileHeader``), the matte a frame holds (``mattes.py``), colour (``color.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from propainter_pictures.color import Pixels
from propainter_pictures.errors import BadInput


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame of a plate or matte, as its file holds it."""

    pixels: Pixels
    """[h, w, c] over the display window, or beyond it where plate and matte have overscan (``inset``); rows from the top;
    uint8, uint16, float16 or float32."""
    channel_names: tuple[str, ...]
    """One a channel, in file order; layers carry their name in front: ``beauty.R``."""
    number: int = 0
    """Frame number, the host's counting."""
    path: Path | None = None
    """The file it came from."""
    header: FileHeader | None = field(default=None, repr=False)
    """What else the file said; opaque, for writing it back."""
    inset: tuple[int, int, int, int] | None = None
    """Where the display window lies in the pixels if they reach beyond it: x, y, width, height."""
    video: VideoSamples | None = field(default=None, repr=False)
    """What the video it came from holds in its place; opaque, for writing it back."""

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.shape[2] != len(self.channel_names):
            raise ValueError(f"pixels are {self.pixels.shape} but there are {len(self.channel_names)} channel names")

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the pixels: of the display window, but for overscan."""
        return self.pixels.shape[1], self.pixels.shape[0]

    def displayed(self) -> Frame:
        """The display window alone, for what holds no overscan."""
        if self.inset is None:
            return self
        x, y, width, height = self.inset
        return replace(self, pixels=self.pixels[y : y + height, x : x + width], inset=None, header=None)

    @property
    def label(self) -> str:
        """How messages call it: its number and file name."""
        return f"frame {self.number} ({self.path.name})" if self.path else f"frame {self.number}"

    @property
    def rgb_channels(self) -> tuple[int, int, int]:
        """Where red, green and blue are; three times the same for a grey picture (one channel, or grey and alpha).

        Plain R, G, B come before those of a layer, the first whole layer before later ones. Raises ``BadInput`` if
        there are other channels only.
        """
        if len(self.channel_names) <= 2:
            grey = 1 if self.alpha_channel == 0 else 0
            return (grey, grey, grey)
        found = find_rgb(self.channel_names)
        if found is None:
            raise BadInput(
                f"{self.label} has no red, green and blue among its channels ({', '.join(self.channel_names)}); "
                "write it with R, G and B"
            )
        return found

    @property
    def alpha_channel(self) -> int | None:
        """Where alpha is: beside R, G, B, or grey, in the same layer; None without one."""
        return find_alpha(self.channel_names)

    def rgb(self) -> Pixels:
        """[h, w, 3] in the file's own type; a copy."""
        return self.pixels[..., self.rgb_channels]

    def with_rgb(self, rgb: Pixels) -> Frame:
        """The same frame with other colours; every other channel as it was. A grey picture takes their mean."""
        return self.with_patch((0, 0, *self.size), rgb)

    def with_patch(self, region: tuple[int, int, int, int], rgb: Pixels) -> Frame:
        """The same frame with other colours in one rectangle: x, y, width, height."""
        x, y, width, height = region
        pixels = self.pixels.copy()
        patch = pixels[y : y + height, x : x + width]
        if len(self.channel_names) > 2:
            patch[..., self.rgb_channels] = rgb
        else:
            grey = rgb.mean(axis=-1, dtype=np.float64)  # exact where the three agree
            is_whole = np.issubdtype(pixels.dtype, np.integer)
            patch[..., self.rgb_channels[0]] = np.rint(grey) if is_whole else grey
        return replace(self, pixels=pixels)


@dataclass(frozen=True, eq=False)
class FileHeader:
    """Everything of a file but the pixels of its display window. Opaque outside this module."""

    suffix: str
    """File name ending in lower case: the format it came from."""
    spec: Any
    """OpenImageIO's description of the part that was read."""
    part: int
    """Which part of a multi-part file that is."""
    parts: int
    overscan: Pixels | None
    """All pixels of the data window, if it reaches beyond the display window."""


@dataclass(frozen=True, eq=False)
class VideoSamples:
    """A frame of a video as it was decoded. Opaque outside the files about video."""

    samples: Any
    """PyAV's frame."""
    rgb: Pixels
    """[h, w, 3], upright: what the samples show."""
    primaries: int
    """Number of ITU-T H.273."""
    transfer: int
    is_turned: bool
    """Whether the samples lie otherwise than they are shown."""
    alpha: Pixels | None = None
    """[h, w], upright, in the type of ``rgb``; None without one."""


def packed(frame: Frame, channels: Sequence[int]) -> Pixels:
    """Some channels of a frame as one contiguous array, as pictures are sent and shown; not always a copy."""
    are_first = tuple(channels) == tuple(range(len(channels)))
    return np.ascontiguousarray(frame.pixels[..., : len(channels)] if are_first else frame.pixels[..., channels])


def rgb_of(frame: Frame) -> Pixels:
    """Red, green, blue, [h, w, 3], packed; a grey picture three times. Raises ``BadInput`` if there are none."""
    return packed(frame, frame.rgb_channels)


def rgba_of(frame: Frame) -> Pixels:
    """The same and, where there is one, alpha: a clean plate. Raises ``BadInput`` if there are no colours."""
    return packed(frame, frame.rgb_channels + (() if frame.alpha_channel is None else (frame.alpha_channel,)))


def as_float(pixels: Pixels) -> np.ndarray:
    """Whole numbers as shares of their range, floats as they are."""
    shares: np.ndarray = pixels.astype(np.float32)
    if np.issubdtype(pixels.dtype, np.integer):
        shares /= np.float32(np.iinfo(pixels.dtype).max)
    return shares


def as_type(values: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """The inverse: rounded to the nearest and clipped to what the type can hold, nothing narrower."""
    if np.issubdtype(dtype, np.integer):
        limit = np.iinfo(dtype).max
        held: np.ndarray = np.clip(np.rint(values * np.float32(limit)), 0, limit)
    else:
        limits = np.finfo(dtype)
        held = np.clip(values, limits.min, limits.max)
    return held.astype(dtype)


def as_rate(rate: float) -> Fraction:
    """A frame rate that was rounded, as the fraction meant: 23.976 is 24000/1001."""
    ntsc = Fraction(round(rate * 1.001) * 1000, 1001)
    return ntsc if abs(rate - ntsc) < 0.001 and rate != round(rate) else Fraction(rate).limit_denominator(1000)


def widened(pixels: Pixels, dtype: np.dtype[Any]) -> Pixels:
    """Pixels in a type of the same kind that holds more; ``narrowed`` brings back every bit."""
    held: Pixels = pixels.astype(dtype, copy=False)
    if pixels.dtype == np.uint8 and dtype == np.uint16:
        held = held * np.uint16(257)
    return held


def narrowed(pixels: Pixels, dtype: np.dtype[Any]) -> Pixels:
    """The inverse of ``widened``; what is between is rounded to the nearest."""
    held = (pixels.astype(np.uint32) + 128) // 257 if pixels.dtype == np.uint16 and dtype == np.uint8 else pixels
    native: Pixels = held.astype(dtype, copy=False)
    return native


def find_rgb(names: Sequence[str]) -> tuple[int, int, int] | None:
    """Positions of red, green and blue among channel names; plain ones first, then the first whole layer."""
    for layer in dict.fromkeys(["", *map(layer_of, names)]):
        found = [_find_channel(names, layer, wanted) for wanted in (("r", "red"), ("g", "green"), ("b", "blue"))]
        red, green, blue = found
        if red is not None and green is not None and blue is not None:
            return red, green, blue
    return None


def find_alpha(names: Sequence[str]) -> int | None:
    """Position of alpha: beside R, G, B, or grey, in the same layer; None without one."""
    if len(names) == 1:
        return None
    found = find_rgb(names)
    layer = layer_of(names[found[0] if found else 0])
    return _find_channel(names, layer, ("a", "alpha"))


def layer_of(channel_name: str) -> str:
    """The layer in front of a channel's name; empty without one."""
    return channel_name.rpartition(".")[0]


def _find_channel(names: Sequence[str], layer: str, wanted: tuple[str, ...]) -> int | None:
    for index, name in enumerate(names):
        if layer_of(name) == layer and name.rpartition(".")[2].lower() in wanted:
            return index
    return None
