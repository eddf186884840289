"""What a removal changed where it should not: counted on the files it wrote.

Here: ``OutsideCount``. Not here: writing them (``propainter_pictures/results.py``).
"""

from __future__ import annotations

import numpy as np
import torch

from propainter.hole import hole_of
from propainter_backend.removal.removal import ShotFiles
from propainter_pictures.frame import Frame, as_float
from propainter_pictures.images import read_image
from propainter_pictures.results import FrameSink
from propainter_pictures.stored import Box


class OutsideCount:
    """Counts pixels outside the grown matte that a written picture has other than the plate, frame by frame.

    Where a report is asked for: reading every picture back takes a few percent of a quick render.
    """

    def __init__(self, files: ShotFiles, sink: FrameSink) -> None:
        self._files = files
        self._sink = sink
        is_counted = files.wish.report is not None and not files.is_written_as_video
        self._changed: int | None = 0 if is_counted else None

    @property
    def changed(self) -> int | None:
        """Pixels so far, whatever channel; None where nobody asks, and for a video, which is encoded anew as a whole."""
        return self._changed

    def add(self, index: int) -> None:
        """Read a frame back that was written. Raises BadInput if it cannot be read."""
        if self._changed is None:
            return
        number, pictures = self._files.numbers[index], self._files.pictures
        plate, path = pictures.plate(index), self._sink.file(number)
        x, y, width, height = plate.inset or (0, 0, *plate.size)
        seen = (slice(None), slice(None))
        if path.suffix.lower() == _suffix_of(plate):  # overscan and all
            written = read_image(path, number, reach=Box(-x, -y, plate.size[0] - x, plate.size[1] - y))
        else:
            plate, written = plate.displayed(), read_image(path, number)
            seen = (slice(y, y + height), slice(x, x + width))
        differs = _differ(plate, written)
        if not differs.any():
            return
        settings = self._files.wish.settings
        matte = torch.from_numpy(pictures.matte(index))
        hole = hole_of(matte, threshold=settings.threshold, grow_pixels=settings.grow).numpy() > 0
        self._changed += int((differs & ~hole[seen]).sum())


def _suffix_of(plate: Frame) -> str:
    return plate.path.suffix.lower() if plate.path else ""


def _differ(plate: Frame, written: Frame) -> np.ndarray:
    """[h, w]: whether any channel differs, bit for bit where both are of one type."""
    before, after = plate.pixels, written.pixels
    if sorted(plate.channel_names) == sorted(written.channel_names):
        if plate.channel_names != written.channel_names:
            after = after[..., [written.channel_names.index(name) for name in plate.channel_names]]
    elif before.shape != after.shape:  # a format of other channels: the picture itself
        before, after = plate.rgb(), written.rgb()
    if before.dtype != after.dtype:
        before, after = as_float(before), as_float(after)
    if np.issubdtype(before.dtype, np.floating):
        bits = np.dtype(f"u{before.dtype.itemsize}")
        before, after = np.ascontiguousarray(before).view(bits), np.ascontiguousarray(after).view(bits)
    differs: np.ndarray = (before != after).any(axis=-1)
    return differs
