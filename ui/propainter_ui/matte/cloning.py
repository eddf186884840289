"""Clean plates painted by clone stamp, in the plate's own numbers.

Here: ``CleanBench``, ``laid_over``. Not here: strokes (``strokes.py``), files (``shot/matte_files.py``).

A stroke lays colours of a frame over a layer, not over the plate: what is left of the object under a soft edge never mixes
into the clean plate. Values above 1 and below 0 stay what they are; moved by whole pixels, every bit does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from propainter_ui.bounded_store import BoundedStore
from propainter_ui.matte.raster import CoverPatch, stroked
from propainter_ui.matte.strokes import CloneStroke, Matrix
from propainter_wire.shot import Pixels

Shares = npt.NDArray[Any]
"""float32 [h, w], 0..1."""
Source: TypeAlias = Callable[[int], Pixels]
"""Gives RGB of a frame of the plate."""
_WHOLE = 1e-6
"""A motion so near to whole pixels is one."""


@dataclass(frozen=True, eq=False)
class Layer:
    """What is painted over a plate: straight colours and how far they cover."""

    colours: npt.NDArray[Any]
    """float32 [h, w, 3], in the plate's own numbers; what lies where alpha is 0 counts for nothing."""
    alpha: Shares


class CleanBench:
    """Paints clean plates, and keeps what it painted: one stroke more is one stroke more to draw. Any thread may ask."""

    def __init__(self, limit_bytes: int) -> None:
        self._layers: BoundedStore[Layer] = BoundedStore(limit_bytes)

    def painted(
        self, plate: Pixels, frame: int, strokes: tuple[CloneStroke, ...], source: Source, *, of: object
    ) -> tuple[Pixels, Shares]:
        """A frame's clean plate: colours [h, w, 3] in the plate's type, and how far they are painted, float32 [h, w] 0..1.

        plate: RGB [h, w, 3] of the frame; it is what the colours are where nothing is painted. source: gives RGB of a frame
        of the plate. of: names the plate, for what is kept. A stroke that takes from its own frame takes what earlier
        strokes left there. Where a stroke would take from beyond the picture, or what is no number, it paints nothing.
        """
        counts = range(len(strokes), -1, -1)
        done, layer = next(
            ((n, kept) for n in counts if (kept := self._layers.get((of, frame, strokes[:n]))) is not None),
            (0, _blank(plate)),
        )
        for count in range(done, len(strokes)):
            layer = _with_stroke(layer, plate, frame, strokes[count], source)
        self._layers.put((of, frame, strokes), layer, layer.colours.nbytes + layer.alpha.nbytes)
        return _finished(layer, plate)


def _blank(plate: Pixels) -> Layer:
    return Layer(np.zeros(plate.shape, np.float32), np.zeros(plate.shape[:2], np.float32))


def _with_stroke(layer: Layer, plate: Pixels, frame: int, stroke: CloneStroke, source: Source) -> Layer:
    height, width = plate.shape[:2]
    patch = stroked(stroke.dabs, stroke.radius, width, height, softness=stroke.softness)
    if not patch.cover.size:
        return layer
    taken_from = _shown(plate, layer) if stroke.source == frame else source(stroke.source)
    found, is_there = _sampled(taken_from, stroke.matrix, patch)
    colours, alpha = layer.colours.copy(), layer.alpha.copy()
    _lay(colours, alpha, patch, found, patch.cover * np.float32(stroke.opacity) * is_there)
    return Layer(colours, alpha)


def _finished(layer: Layer, plate: Pixels) -> tuple[Pixels, Shares]:
    is_painted = (layer.alpha > 0)[..., None]
    return np.where(is_painted, _as_type(layer.colours, plate.dtype), plate), layer.alpha


def laid_over(plate: Pixels, colours: Pixels, alpha: Shares) -> Pixels:
    """A painted clean plate as it is seen: over its plate, in the plate's type."""
    mixed = plate.astype(np.float32) * (1 - alpha[..., None]) + colours.astype(np.float32) * alpha[..., None]
    whole, none = (alpha == 1)[..., None], (alpha == 0)[..., None]
    return np.where(none, plate, np.where(whole, colours, _as_type(mixed, plate.dtype)))


def _shown(plate: Pixels, layer: Layer) -> npt.NDArray[Any]:
    """Plate and layer, as a stroke on the same frame takes them."""
    share = layer.alpha[..., None]
    with np.errstate(invalid="ignore"):
        mixed = plate.astype(np.float32) * (1 - share) + layer.colours * share
    return np.where(share == 1, layer.colours, np.where(share == 0, plate, mixed))


def _lay(colours: npt.NDArray[Any], alpha: Shares, patch: CoverPatch, found: npt.NDArray[Any], cover: Shares) -> None:
    """A stroke over the layer, both with straight colours (Porter and Duff 1984, "over")."""
    cut = patch.box
    under = alpha[cut] * (1 - cover)
    total = cover + under
    share = np.divide(cover, total, out=np.zeros_like(total), where=total > 0)[..., None]
    old = colours[cut]
    with np.errstate(invalid="ignore"):
        mixed = old + (found - old) * share
    colours[cut] = np.where(share == 1, found, np.where(share == 0, old, mixed))
    alpha[cut] = total


def _sampled(picture: npt.NDArray[Any], matrix: Matrix, patch: CoverPatch) -> tuple[npt.NDArray[Any], Shares]:
    """Colours at where a motion carries the pixels of a patch, and 1 where there are any."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[patch.rows, patch.columns].astype(np.float64) + 0.5
    m = np.array(matrix, np.float64).reshape(3, 3)
    across, down, depth = (m[i, 0] * x + m[i, 1] * y + m[i, 2] for i in range(3))
    is_there = depth > 0
    depth = np.where(is_there, depth, 1.0)
    across, down = across / depth - 0.5, down / depth - 0.5
    for place in (across, down):
        np.copyto(place, np.rint(place), where=np.abs(place - np.rint(place)) < _WHOLE)
    is_there &= (across >= 0) & (across <= width - 1) & (down >= 0) & (down <= height - 1)
    across, down = np.where(is_there, across, 0), np.where(is_there, down, 0)
    left, top = np.floor(across).astype(np.int64), np.floor(down).astype(np.int64)
    part_x, part_y = (across - left)[..., None], (down - top)[..., None]
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    found = np.zeros((*left.shape, picture.shape[2]), np.float32)
    for rows, columns, weight in (
        (top, left, (1 - part_x) * (1 - part_y)), (top, right, part_x * (1 - part_y)),
        (bottom, left, (1 - part_x) * part_y), (bottom, right, part_x * part_y),
    ):  # fmt: skip
        with np.errstate(invalid="ignore"):
            found += np.where(weight > 0, picture[rows, columns].astype(np.float32) * weight.astype(np.float32), 0)
    is_there &= np.isfinite(found).all(-1)
    return np.where(is_there[..., None], found, 0), is_there.astype(np.float32)


def _as_type(values: npt.NDArray[Any], dtype: np.dtype[Any]) -> Pixels:
    if np.issubdtype(dtype, np.integer):
        highest = np.iinfo(dtype).max
        values = np.clip(np.rint(np.nan_to_num(values)), 0, highest)
    with np.errstate(over="ignore"):
        held: Pixels = values.astype(dtype)
    return held
