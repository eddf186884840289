"""What the eye gets: plate, matte, result and what was never seen, laid into one 8-bit picture.

Here: numpy only, pure. Not here: where pixels come from (``frame_store.py``), Qt's pictures (``frame_maker.py``).

Every pixel goes through one table from its 16-bit code to 8 bits, so that exposure and gamma cost the same at any
pixel type; float32 is looked at as half float, which no display can tell apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from propainter_ui.state.panel_state import Isolated, View
from propainter_wire.shot import Pixels

Rgb8 = npt.NDArray[np.uint8]
Region = tuple[int, int, int, int]

_MATTE_RED = np.array([255, 48, 40], np.float32)
_HOLE_LINE = np.array([255, 221, 87], np.uint8)
_NEVER_SEEN = np.array([255, 64, 200], np.float32)
_DIFFERENCE_GAIN = 4
_LARGEST_OUTLINE_GROW = 96


@dataclass(frozen=True)
class Patch:
    """A rendered rectangle of a frame: outside it, the plate."""

    region: Region
    """x, y, width, height in the plate, y down."""
    pixels: Pixels


@dataclass(frozen=True)
class Display:
    """How numbers become light."""

    exposure: float = 0.0
    gamma: float = 1.0
    is_linear: bool = False
    isolated: Isolated = ""
    """The one channel that is shown, as grey."""


def show(
    view: View,
    *,
    plate: Pixels,
    matte: Pixels | None,
    result: Patch | None,
    apart: Patch | None,
    display: Display,
    grow: int = 0,
    line: int = 1,
    alpha: Pixels | None = None,
) -> Rgb8 | None:
    """One view of a frame, [h, w, 3]; None where what it takes is missing.

    plate: [h, w, 3]; matte: [h, w, 1] of any type; apart: what these views take besides: of ``unseen`` [h, w, 1], above 0 =
    never seen, full scale = a guess; of ``grain_free`` [h, w, 4], the fill, premultiplied; grow: plate pixels the matte
    grows, for the outline of the hole in the matte view; line: plate pixels the outline is wide; alpha: [h, w, 1], the
    plate's own, for A alone. A plate without alpha shows its matte there, or is opaque.
    """
    if display.isolated == "A":
        return _alpha_alone(plate, alpha if alpha is not None else matte)
    before = to_eyes(plate, display)
    shown = before
    if view == "alpha":
        return None if matte is None else _grey(shares_of(matte))
    if view == "matte":
        if matte is None:
            return None
        shown = _with_matte(before, matte, grow, line)
    elif view != "plate":
        drawn = _drawn(view, before, plate, result, apart, display)
        if drawn is None:
            return None
        shown = drawn
    return shown if not display.isolated else _channel_alone(shown, "RGB".index(display.isolated))


def _drawn(
    view: View, before: Rgb8, plate: Pixels, result: Patch | None, apart: Patch | None, display: Display
) -> Rgb8 | None:
    """A view that takes a result; None where it is missing."""
    if result is None:
        return None
    if view == "grain_free":
        return None if apart is None else _with_fill(before, plate, apart, display)
    return _with_result(view, before, result, apart, display)


def _with_fill(before: Rgb8, plate: Pixels, fill: Patch, display: Display) -> Rgb8:
    """The fill laid over the plate, both as the plate is encoded."""
    after: Rgb8 = before.copy()
    cut = _slices(fill.region)
    colours, share = fill.pixels[..., :3], fill.pixels[..., 3:]
    under = np.nan_to_num(plate[cut].astype(np.float32))
    if np.issubdtype(plate.dtype, np.integer):
        under /= np.float32(np.iinfo(plate.dtype).max)
    laid = (colours + (1 - share) * under).astype(np.float32)
    inside = share[..., 0] > 0
    after[cut][inside] = to_eyes(laid, display)[inside]
    return after


def _alpha_alone(plate: Pixels, alpha: Pixels | None) -> Rgb8:
    return np.full((*plate.shape[:2], 3), 255, np.uint8) if alpha is None else _grey(shares_of(alpha))


def _grey(shares: npt.NDArray[np.float32]) -> Rgb8:
    return _channel_alone(np.rint(shares * 255).astype(np.uint8)[..., None], 0)


def _channel_alone(picture: Rgb8, channel: int) -> Rgb8:
    alone: Rgb8 = np.repeat(picture[..., channel, None], 3, axis=2)
    return alone


def _with_result(view: View, before: Rgb8, result: Patch, unseen: Patch | None, display: Display) -> Rgb8 | None:
    after: Rgb8 = before.copy()
    rows, columns = _slices(result.region)
    after[rows, columns] = to_eyes(result.pixels, display)
    if view == "result":
        return after
    if view == "difference":
        apart = np.abs(after.astype(np.int16) - before.astype(np.int16)) * _DIFFERENCE_GAIN
        difference: Rgb8 = np.minimum(apart, 255).astype(np.uint8)
        return difference
    return None if unseen is None else _with_unseen(after, unseen)


def to_eyes(pixels: Pixels, display: Display) -> Rgb8:
    """8-bit display pixels of the same shape."""
    if pixels.dtype == np.uint8 and display.exposure == 0 and display.gamma == 1 and not display.is_linear:
        same: Rgb8 = np.ascontiguousarray(pixels)
        return same
    codes = pixels
    if pixels.dtype == np.float32:
        with np.errstate(over="ignore"):
            codes = pixels.astype(np.float16)
    table = _table(codes.dtype.name, display)
    shown: Rgb8 = table[codes.view(np.uint16) if codes.dtype == np.float16 else codes]
    return shown


@lru_cache(maxsize=8)
def _table(dtype: str, display: Display) -> Rgb8:
    """8 bits for every code a pixel of this type can have."""
    if dtype == "float16":
        values = np.arange(65536, dtype=np.uint16).view(np.float16).astype(np.float32)
        values = np.nan_to_num(values, nan=0.0, posinf=65504.0, neginf=0.0)
    else:
        highest = int(np.iinfo(dtype).max)
        values = np.arange(highest + 1, dtype=np.float32) / np.float32(highest)
    light = values if display.is_linear else _decode(values)
    light = np.clip(light * np.float32(2.0**display.exposure), 0, 1)
    shown = _encode(light) ** np.float32(1 / display.gamma)
    table: Rgb8 = np.rint(shown * 255).astype(np.uint8)
    return table


def _encode(light: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Linear light to sRGB (IEC 61966-2-1)."""
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055)


def _decode(shown: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Its inverse."""
    return np.where(shown <= 0.04045, shown / 12.92, ((np.maximum(shown, 0) + 0.055) / 1.055) ** 2.4)


def shares_of(matte: Pixels) -> npt.NDArray[np.float32]:
    """A matte as [h, w] in 0..1."""
    values = matte[..., 0].astype(np.float32)
    if np.issubdtype(matte.dtype, np.integer):
        values /= np.float32(np.iinfo(matte.dtype).max)
    return np.clip(np.nan_to_num(values), 0, 1)


def grown(hole: npt.NDArray[np.bool_], pixels: int) -> npt.NDArray[np.bool_]:
    """A region grown by a diamond: every pixel at most so many steps, up, down, left and right, away from it."""
    hole = hole.copy()
    for _ in range(pixels):
        wider = hole.copy()
        wider[1:] |= hole[:-1]
        wider[:-1] |= hole[1:]
        wider[:, 1:] |= hole[:, :-1]
        wider[:, :-1] |= hole[:, 1:]
        hole = wider
    return hole


def _with_matte(picture: Rgb8, matte: Pixels, grow: int, width: int) -> Rgb8:
    """Red where the matte is, and a line of this width along the inner edge of the hole it makes."""
    shares = shares_of(matte)
    rows, columns = np.flatnonzero(shares.any(1)), np.flatnonzero(shares.any(0))
    if not rows.size:
        return picture
    margin = min(grow, _LARGEST_OUTLINE_GROW) + 2
    top, bottom = max(0, int(rows[0]) - margin), min(shares.shape[0], int(rows[-1]) + margin + 1)
    left, right = max(0, int(columns[0]) - margin), min(shares.shape[1], int(columns[-1]) + margin + 1)
    cut = np.s_[top:bottom, left:right]
    tinted = _tinted(picture, shares, _MATTE_RED, 0.5, cut)
    hole: npt.NDArray[np.bool_] = grown(shares[cut] > 0, min(grow, _LARGEST_OUTLINE_GROW))
    line = hole & ~_shrunk(hole, width)
    tinted[cut][line] = _HOLE_LINE
    return tinted


def _shrunk(hole: npt.NDArray[np.bool_], pixels: int) -> npt.NDArray[np.bool_]:
    return np.logical_not(grown(np.logical_not(hole), pixels))


def _with_unseen(picture: Rgb8, unseen: Patch) -> Rgb8:
    """Magenta where nothing was ever seen, the stronger the less sure what stands there; the rest dimmed."""
    dimmed: Rgb8 = (picture // 2 + picture.mean(-1, keepdims=True).astype(np.uint8) // 4).astype(np.uint8)
    shares = np.zeros(picture.shape[:2], np.float32)
    cut = _slices(unseen.region)
    shares[cut] = shares_of(unseen.pixels)
    return _tinted(dimmed, shares, _NEVER_SEEN, 0.9, cut)


def _tinted(
    picture: Rgb8, shares: npt.NDArray[np.float32], colour: npt.NDArray[np.float32], strength: float,
    cut: tuple[slice, slice],
) -> Rgb8:  # fmt: skip
    tinted: Rgb8 = picture.copy()
    share = shares[cut][..., None] * np.float32(strength)
    tinted[cut] = np.rint(picture[cut] * (1 - share) + colour * share).astype(np.uint8)
    return tinted


def _slices(region: Region) -> tuple[slice, slice]:
    x, y, width, height = region
    return slice(y, y + height), slice(x, x + width)
