"""The working transform: what the networks see of a plate's colours, and the way back.

Here: pixels in the file's own type -> float32 in the networks' nominal [-1, 1], its inverse, and an 8-bit view for
eyes (contact sheets, preview videos). Not here: reading pixels (``plates.py``); colour management between cameras and
displays, which a compositor does before and after.

The networks learnt from 8-bit display pictures scaled by ``v / 255 * 2 - 1``. Encoded plates (8 and 16 bit, and every
DPX, log or not) are given to them just so. Scene-linear plates know no white: sun and lamps go far above 1, keyed and
filtered plates below 0. They pass through a curve e(v) with a display-like middle and a logarithmic shoulder, and the
networks see ``2 * e - 1``:

    v <= 0.00304       0.7 * 12.9232 * v                       straight, through zero and on below it
    0.00304 < v <= 1   0.7 * (1.055 * v**(1/2.4) - 0.055)      sRGB (IEC 61966-2-1), at 7/10 of its height
    v > 1              0.7 + a * log2(1 + b * (v - 1))         a = 0.034917, b = 6.108418

    v (linear)   -0.01    0     0.001   0.01    0.18    0.5     1      2      4      8      16     32     64    1024
    e(v)         -0.0905  0     0.0090  0.0699  0.3229  0.5147  0.7    0.7988 0.8492 0.8903 0.9281 0.9644 1     1.1403

Both seams are smooth (value and slope agree): the lower one because the straight part's slope is the exact tangent
where the rounded constants of the standard leave a small step, the upper one because a and b solve a * b / ln 2 =
0.7 * 1.055 / 2.4 (slope) and e(64) = 1. The curve rises everywhere and has no end, so every finite value comes back;
beyond 64 it gives 0.035 a stop.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Pixels = NDArray[Any]
"""Pixels in the file's own type: uint8, uint16, float16 or float32."""


class WorkingSpace(str, Enum):
    """How a plate's numbers are encoded: chosen by whoever knows the plate, guessed from its type otherwise."""

    AUTO = "auto"
    """Whole numbers are display-encoded, floats are scene-linear."""
    LINEAR = "linear"
    """Scene-linear light, 1 = diffuse white; through the curve."""
    SRGB = "srgb"
    """Display-encoded as sRGB; as it is."""
    REC709 = "rec709"
    """Camera-encoded as Rec.709; as it is, for the networks learnt from just such video."""
    RAW = "raw"
    """Anything else (log, data); as it is."""

    def is_linear(self, dtype: DTypeLike) -> bool:
        """Whether a plate of this type goes through the scene-linear curve."""
        if self is WorkingSpace.AUTO:
            return np.issubdtype(np.dtype(dtype), np.floating)
        return self is WorkingSpace.LINEAR


def to_working(rgb: Pixels, space: WorkingSpace = WorkingSpace.AUTO) -> NDArray[np.float32]:
    """What the networks see: float32 of the same shape, nominally in [-1, 1].

    rgb: uint8 and uint16 span their whole range, floats are 1 = white and may be negative or above 1. Every finite
    value stays finite; NaN passes through (``plates.check_finite`` names it).
    """
    value = rgb.astype(np.float32)
    if np.issubdtype(rgb.dtype, np.integer):
        value /= np.float32(np.iinfo(rgb.dtype).max)
    if space.is_linear(rgb.dtype):
        value = _encode_linear(value)
    value *= 2
    value -= 1
    return value


def to_finite_working(rgb: Pixels, space: WorkingSpace = WorkingSpace.AUTO) -> NDArray[np.float32]:
    """As ``to_working``, with a number for every value that is none, so that nothing of it spreads by sampling.

    Infinity is the top of the nominal range, white or six stops above it; minus infinity is black, NaN middle grey.
    """
    working = to_working(rgb, space)
    if np.issubdtype(rgb.dtype, np.integer):
        return working
    working[np.isposinf(rgb)] = 1
    working[np.isneginf(rgb)] = -1
    return np.nan_to_num(working, copy=False)


def from_working(working: NDArray[np.float32], dtype: DTypeLike, space: WorkingSpace = WorkingSpace.AUTO) -> Pixels:
    """The inverse of ``to_working``: pixels of ``dtype``, the plate's own type.

    Whole numbers are rounded to the nearest, never truncated. Values are clipped to what the type can hold and to
    nothing narrower: a float plate keeps its negatives and its highlights.
    """
    target = np.dtype(dtype)
    value: NDArray[np.float32] = working.astype(np.float32)
    value += 1
    value /= 2
    if space.is_linear(target):
        value = _decode_linear(value)
    if np.issubdtype(target, np.integer):
        limit = np.iinfo(target).max
        native: Pixels = np.clip(np.rint(value * np.float32(limit)), 0, limit).astype(target)
    else:
        native = np.clip(value, np.finfo(target).min, np.finfo(target).max).astype(target)
    return native


def to_display(rgb: Pixels, space: WorkingSpace = WorkingSpace.AUTO) -> NDArray[np.uint8]:
    """An 8-bit picture to look at, of the same shape; clipped at black and white, NaN shown black."""
    value = rgb.astype(np.float32)
    if np.issubdtype(rgb.dtype, np.integer):
        value /= np.float32(np.iinfo(rgb.dtype).max)
    value = np.clip(np.nan_to_num(value, nan=0.0), 0, 1)
    if space.is_linear(rgb.dtype):
        value = _encode_linear(value) / np.float32(_WHITE)
    return np.rint(value * 255).astype(np.uint8)


_WHITE = 0.7  # where diffuse white lands, leaving the rest of [0, 1] to six stops of highlights
_POWER = 2.4
_OFFSET = 0.055
_TOE_END = _OFFSET / (_POWER - 1)  # encoded; the sRGB curve's tangent through zero touches it here
_TOE_END_LINEAR = ((_TOE_END + _OFFSET) / (1 + _OFFSET)) ** _POWER
_TOE_SLOPE = _TOE_END / _TOE_END_LINEAR
_SHOULDER_BEND = 6.108418431900427  # b: the root of ln(1 + 63 b) / b = 0.3 / (0.7 * 1.055 / 2.4)
_SHOULDER_GAIN = _WHITE * (1 + _OFFSET) / _POWER * np.log(2) / _SHOULDER_BEND  # a
# log2(1 + b (v - 1)) is computed as log2(b) + log2(v - pivot): the largest floats then cannot overflow.
_SHOULDER_PIVOT = 1 - 1 / _SHOULDER_BEND
_SHOULDER_START = np.log2(_SHOULDER_BEND)
_DARKEST = 1e37  # negatives below minus this would overflow on the straight part; they stay here


def _encode_linear(linear: NDArray[np.float32]) -> NDArray[np.float32]:
    encoded: NDArray[np.float32] = np.clip(linear, -_DARKEST, 1)
    encoded *= np.float32(_WHITE * _TOE_SLOPE)
    middle = np.clip(linear, np.float32(_TOE_END_LINEAR), 1)
    middle **= np.float32(1 / _POWER)
    middle *= np.float32(_WHITE * (1 + _OFFSET))
    middle -= np.float32(_WHITE * _OFFSET)
    np.copyto(encoded, middle, where=linear > _TOE_END_LINEAR)
    bright = linear > 1
    if bright.any():
        stops = np.log2(linear[bright] - np.float32(_SHOULDER_PIVOT)) + np.float32(_SHOULDER_START)
        encoded[bright] = stops * np.float32(_SHOULDER_GAIN) + np.float32(_WHITE)
    return encoded


def _decode_linear(encoded: NDArray[np.float32]) -> NDArray[np.float32]:
    linear: NDArray[np.float32] = encoded / np.float32(_WHITE * _TOE_SLOPE)
    middle = np.clip(encoded / np.float32(_WHITE), np.float32(_TOE_END), 1)
    middle += np.float32(_OFFSET)
    middle /= np.float32(1 + _OFFSET)
    middle **= np.float32(_POWER)
    np.copyto(linear, middle, where=encoded > _WHITE * _TOE_END)
    bright = encoded > _WHITE
    if bright.any():
        stops = (encoded[bright] - np.float32(_WHITE)) / np.float32(_SHOULDER_GAIN) - np.float32(_SHOULDER_START)
        linear[bright] = np.exp2(stops) + np.float32(_SHOULDER_PIVOT)
    return linear
