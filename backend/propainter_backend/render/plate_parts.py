"""Boxes of a shot's plates, as the fill at native resolution looks at them.

Here: ``PlateParts``: a box of a plate in the working transform, at the plate's size, with its hole, a clean plate laid in;
stored like any artifact, for every frame near it looks there, too. Not here: who looks where (``propainter/native.py``).
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch

from propainter.hole import hole_of
from propainter.native import PlatePart
from propainter_backend.render.cache_entry import Arrays
from propainter_backend.render.clean_plate import CleanPlate
from propainter_backend.render.keys import key_of
from propainter_backend.render.shot import Shot
from propainter_backend.render.shot_cache import ShotCache
from propainter_pictures.color import to_finite_working
from propainter_pictures.frame import Frame

_GRID = 256
"""Plate pixels boxes are widened to, so that frames that look at nearly the same find the same stored."""
_CODE_VERSION = "2"


class PlateParts:
    """Reads boxes of the plates of one shot; of a plate never more is kept than the boxes that were asked for."""

    def __init__(self, shot: Shot, cache: ShotCache, reading: AbstractContextManager[Any] | None = None) -> None:
        """reading: held while files are read; several threads may ask at once."""
        self._shot = shot
        self._cache = cache
        self._reading = reading or nullcontext()

    def id(self, index: int) -> list[str | None]:
        """Everything that decides what a frame shows outside its hole, and where that is."""
        pictures = self._shot.pictures
        return [pictures.plate_digest(index), pictures.matte_digest(index), pictures.clean_digest(index)]

    def read(self, index: int, rows: slice, columns: slice) -> PlatePart:
        """A box of a frame's plate."""
        width, height = self._shot.plate_size
        wide_rows, wide_columns = _widened(rows, height), _widened(columns, width)
        box = [wide_rows.start, wide_rows.stop, wide_columns.start, wide_columns.stop]
        s = self._shot.settings
        with self._reading:
            content = self.id(index)
        key = key_of("plate part", _CODE_VERSION, content, box, s.threshold, s.grow, self._shot.space.value)
        arrays = self._cache.load(key)
        if arrays is None:
            with self._reading:
                arrays = self._cut(index, wide_rows, wide_columns)
            self._cache.save(key, arrays)
        inner = (
            slice(rows.start - wide_rows.start, rows.stop - wide_rows.start),
            slice(columns.start - wide_columns.start, columns.stop - wide_columns.start),
        )
        return PlatePart(arrays["rgb"][inner], arrays["hole"][inner] > 0)

    def _cut(self, index: int, rows: slice, columns: slice) -> Arrays:
        pictures = self._shot.pictures
        plate = pictures.plate(index)
        rgb, hole = plate.pixels[rows, columns][..., plate.rgb_channels], self._hole(index, rows, columns)
        frame = pictures.clean(index)
        if frame is not None:
            clean = _cleaned(frame, rows, columns, rgb.dtype)
            shown = hole & clean.holds
            rgb[shown] = clean.rgb[shown]
            hole &= ~clean.holds
        return {"rgb": to_finite_working(rgb, self._shot.space), "hole": hole.astype(np.uint8)}

    def _hole(self, index: int, rows: slice, columns: slice) -> np.ndarray:
        s, (width, height) = self._shot.settings, self._shot.plate_size
        top, left = max(rows.start - s.grow, 0), max(columns.start - s.grow, 0)
        bottom, right = min(rows.stop + s.grow, height), min(columns.stop + s.grow, width)
        matte = torch.from_numpy(np.ascontiguousarray(self._shot.pictures.matte(index)[top:bottom, left:right]))
        hole = hole_of(matte, threshold=s.threshold, grow_pixels=s.grow).numpy() > 0
        cut: np.ndarray = hole[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left].copy()
        return cut


def _widened(span: slice, limit: int) -> slice:
    return slice(span.start // _GRID * _GRID, min(-(-span.stop // _GRID) * _GRID, limit))


def _cleaned(frame: Frame, rows: slice, columns: slice, dtype: np.dtype[Any]) -> CleanPlate:
    part = Frame(frame.pixels[rows, columns], frame.channel_names)
    return CleanPlate.of(part, dtype=dtype)
