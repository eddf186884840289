"""The contact sheet: a few frames of a removal on one page, before | matte | after.

Here: laying out and writing that picture. Not here: which frames it shows (whoever renders chooses), colour for eyes
(``color.to_display``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from propainter_pictures.color import Pixels, WorkingSpace, to_display
from propainter_pictures.whole_files import replacing

Picture = NDArray[np.uint8]
"""[h, w, 3], RGB for eyes."""

CELL_WIDTH = 480
"""Pixels a picture on the sheet is wide, at most; smaller plates stay as they are."""

_GAP = 8
_LINE = 28  # height of a line of text
_PAPER = 24
_INK = (230, 230, 230)
_MATTE_COLOUR = np.array([255, 0, 0], np.float32)
_COLUMNS = ("before", "matte", "after")


@dataclass(frozen=True, eq=False)
class SheetRow:
    """One frame of the sheet."""

    number: int
    """Frame number, the host's counting."""
    before: Pixels
    """The plate, [h, w, 3] in its own type."""
    matte: NDArray[np.float32]
    """[h, w] in [0, 1], 1 = remove."""
    after: Pixels
    """The result, as ``before``."""
    space: WorkingSpace = WorkingSpace.AUTO
    """How the numbers of both are encoded."""


def make_contact_sheet(rows: Sequence[SheetRow], path: Path, *, title: str) -> None:
    """Write a sheet as PNG: the title, then a row a frame: its number, the plate, the plate under a red matte, the result.

    Raises OutputError if the file cannot be written, ValueError without rows.
    """
    data = encode_png(compose_sheet(rows, title=title))
    with replacing(path) as partial:
        partial.write_bytes(data)


def compose_sheet(rows: Sequence[SheetRow], *, title: str) -> Picture:
    """The sheet as a picture. Raises ValueError without rows."""
    if not rows:
        raise ValueError("a contact sheet needs at least one row")
    bands = [_compose_row(row) for row in rows]
    width = max(band.shape[1] for band in bands)
    return np.concatenate([_text_line(title, width), *(_widen(band, width) for band in bands)])


def encode_png(picture: Picture) -> bytes:
    """PNG file content of an RGB picture."""
    is_encoded, data = cv2.imencode(".png", np.ascontiguousarray(picture[..., ::-1]))
    if not is_encoded:  # it encodes any 8-bit RGB, and says nothing more where it has no memory for that
        raise MemoryError("OpenCV encodes no picture")
    return data.tobytes()


def overlay_matte(picture: Picture, matte: NDArray[np.float32]) -> Picture:
    """The picture with the matte laid over it in red, half transparent where it is 1."""
    share = matte[..., None] * np.float32(0.5)
    mixed: Picture = np.rint(picture * (1 - share) + _MATTE_COLOUR * share).astype(np.uint8)
    return mixed


def _compose_row(row: SheetRow) -> Picture:
    before, after = to_display(row.before, row.space), to_display(row.after, row.space)
    cells = [_shrink(cell) for cell in (before, overlay_matte(before, row.matte), after)]
    gap = np.full((cells[0].shape[0], _GAP, 3), _PAPER, np.uint8)
    pictures = np.concatenate([gap, cells[0], gap, cells[1], gap, cells[2], gap], axis=1)
    labels = _text_line("", pictures.shape[1])
    for column, name in enumerate(_COLUMNS):
        text = f"{row.number}  {name}" if column == 0 else name
        _write_text(labels, text, _GAP + column * (cells[0].shape[1] + _GAP))
    return np.concatenate([labels, pictures])


def _shrink(picture: Picture) -> Picture:
    height, width = picture.shape[:2]
    if width <= CELL_WIDTH:
        return picture
    size = (CELL_WIDTH, max(1, round(height * CELL_WIDTH / width)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _text_line(text: str, width: int) -> Picture:
    line = np.full((_LINE, width, 3), _PAPER, np.uint8)
    _write_text(line, text, _GAP)
    return line


def _write_text(line: Picture, text: str, x: int) -> None:
    cv2.putText(line, text, (x, _LINE - 9), cv2.FONT_HERSHEY_SIMPLEX, 0.5, _INK, 1, cv2.LINE_AA)


def _widen(band: Picture, width: int) -> Picture:
    missing = width - band.shape[1]
    return np.pad(band, ((0, 0), (0, missing), (0, 0)), constant_values=_PAPER)
