"""What the eye gets: plate, matte, result and what was never seen, laid into one 8-bit picture.

Here: numpy only, pure. Not here: a matte's own views (``matte_views.py``), where pixels come from (``frame_store.py``), Qt's
pictures (``frame_maker.py``).

Every pixel goes through one table from its 16-bit code to 8 bits, so that exposure and gamma cost the same at any
pixel type; float32 is looked at as half float, which no display can tell apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from propainter_ui.shot.matte_views import (
    ONION_AFTER,
    ONION_BEFORE,
    PLAIN_HOLE,
    HoleSettings,
    edge_drawn,
    onion_drawn,
    overlaid,
    shares_of,
    soft_alpha,
)
from propainter_ui.state.panel_state import OF_MATTE, WITHOUT_RESULT, Isolated, View
from propainter_wire.shot import Pixels

Rgb8 = npt.NDArray[np.uint8]
Region = tuple[int, int, int, int]

_NEVER_SEEN = np.array([255, 64, 200], np.float32)
_DIFFERENCE_GAIN = 4


Onion = tuple[Pixels | None, Pixels | None]
"""Mattes of the keys before and after."""


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
    hole: HoleSettings = PLAIN_HOLE,
    line: int = 1,
    alpha: Pixels | None = None,
    onion: Onion = (None, None),
) -> Rgb8 | None:
    """One view of a frame, [h, w, 3]; None where what it takes is missing.

    plate: [h, w, 3]; matte: [h, w, 1] of any type; apart: what these views take besides: of ``unseen`` [h, w, 1], above 0 =
    never seen, full scale = a guess; of ``grain_free`` [h, w, 4], the fill, premultiplied; hole: what the settings make of a
    matte; line: plate pixels that outlines are wide; alpha: [h, w, 1], the plate's own, for A alone, where a plate without
    alpha shows its matte, or is opaque; onion: the key mattes before and after, outlined over plate and matte.
    """
    if display.isolated == "A":
        return _alpha_alone(plate, alpha if alpha is not None else matte)
    before = to_eyes(plate, display)
    shown: Rgb8 | None = before
    if view in OF_MATTE:
        shown = None if matte is None else _of_matte(view, before, matte, hole, line)
    elif view != "plate":
        shown = _drawn(view, before, plate, result, apart, display)
    if shown is None:
        return None
    if display.isolated and view not in ("alpha", "hole"):
        shown = _channel_alone(shown, "RGB".index(display.isolated))
    if view in WITHOUT_RESULT:
        neighbours = zip(onion, (ONION_BEFORE, ONION_AFTER), strict=True)
        shown = onion_drawn(shown, [(each, colour) for each, colour in neighbours if each is not None], line)
    return shown


def _of_matte(view: View, picture: Rgb8, matte: Pixels, hole: HoleSettings, line: int) -> Rgb8:
    if view == "matte":
        return overlaid(picture, matte, hole, line)
    if view == "edge":
        return edge_drawn(picture, matte, line)
    shares = shares_of(matte)
    return _grey(shares if view == "alpha" else soft_alpha(shares, hole))


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
