"""Results as files: a sequence, an mp4 to look at, a contact sheet, a report.

Here: what is written of what is given, every file under its name only when it is whole. Not here: encoding pictures and
video, which ``propainter_pictures`` does (its encoders are loaded when first needed); getting results
(``bridge/exporting.py``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from propainter_pictures.formats import VIDEO_SUFFIXES
from propainter_pictures.frame import Frame
from propainter_pictures.frame_range import FrameRange
from propainter_pictures.names import sequence_name
from propainter_pictures.one_writer import OneWriter
from propainter_pictures.whole_files import appearing, make_folder
from propainter_ui.qt import QtCore, QtGui
from propainter_ui.shot.frame_maker import image_of
from propainter_ui.shot.frame_store import ShotLibrary
from propainter_ui.shot.picture import Display, Patch, show, to_eyes
from propainter_ui.shot.shot_files import BadShot, told_to_artists
from propainter_ui.state.panel_state import ShotState, View
from propainter_wire.shot import Pixels

ExportKind = Literal["sequence", "mp4", "sheet", "report"]
EXPORT_NAMES: Mapping[ExportKind, str] = {
    "sequence": "Image sequence", "mp4": "Video (mp4)", "sheet": "Contact sheet", "report": "Report",
}  # fmt: skip
Advance = Callable[[int], None]
"""Called with how many frames are done; may raise to stop."""

_SHEET_ROWS = 5
_CELL_WIDTH = 360


def write_sequence(
    folder: Path, library: ShotLibrary, shot: ShotState, frames: Sequence[int], patches: Mapping[int, Patch],
    advance: Advance,
) -> Path:  # fmt: skip
    """Frames named like the plate's, in its format where that is lossless: every pixel the matte does not reach, every
    other channel and the header as in the plate's file. Returns the folder. Raises BadShot, OSError.
    """
    assert library.files is not None
    plate = library.files.plate_frames
    own = Path(shot.plate) if Path(shot.plate).is_dir() else Path(shot.plate).parent
    if folder.resolve() == own.resolve() and Path(shot.plate).suffix.lower() not in VIDEO_SUFFIXES:
        raise BadShot(f"{folder} is the plate's own folder; choose another, so that the plate is not overwritten")
    folder.mkdir(parents=True, exist_ok=True)
    with told_to_artists():
        from propainter_pictures.images import write_image

        first = folder / plate.source.file_name(frames[0])
        held = OneWriter(first.with_name(sequence_name(first)), FrameRange(min(frames), max(frames)))
    try:
        for done, frame in enumerate(frames, start=1):
            with told_to_artists():
                result = plate.frame(frame).with_patch(patches[frame].region, patches[frame].pixels)
                write_image(folder / plate.source.file_name(frame), result, {})
            advance(done)
    finally:
        held.let_go()
    return folder


def write_mp4(
    path: Path, library: ShotLibrary, shot: ShotState, frames: Sequence[int], patches: Mapping[int, Patch],
    advance: Advance,
) -> tuple[Path, tuple[str, ...]]:  # fmt: skip
    """A video as like the plate's as its format allows, else H.264 in Rec.709.

    Returns its path, and sentences on what of the plate it is without. Raises BadShot.
    """
    assert library.files is not None
    display, rate = Display(is_linear=shot.is_linear), Fraction(shot.fps).limit_denominator(1001)
    counted = FrameRange(frames[0], frames[0] + len(frames) - 1)
    with told_to_artists():
        from propainter_pictures.results import open_sink

        with open_sink(str(path), like=library.files.plate_frames.source, frames=counted, fps=rate) as sink:
            for index, frame in enumerate(frames):
                shown = to_eyes(finished(library.plate(frame), patches[frame]), display)
                sink.write(frames[0] + index, Frame(shown, ("R", "G", "B"), frame))
                advance(index + 1)
    return path, sink.notes


def write_sheet(
    path: Path, library: ShotLibrary, shot: ShotState, frames: Sequence[int], patches: Mapping[int, Patch], grow: int
) -> Path:
    """A PNG with a few frames spread over the range: before, matte, after. Raises BadShot, OSError."""
    display = Display(is_linear=shot.is_linear)
    chosen = sorted({frames[i * (len(frames) - 1) // max(1, _SHEET_ROWS - 1)] for i in range(_SHEET_ROWS)})
    rows = []
    for frame in chosen:
        plate, matte = library.plate(frame), library.matte(frame)
        views: tuple[View, ...] = ("plate", "matte", "result")
        cells = [
            show(view, plate=plate, matte=matte, result=patches[frame], unseen=None, display=display, grow=grow)
            for view in views
        ]
        rows.append((frame, [image_of(cell) for cell in cells if cell is not None]))
    sheet = _lay_out(rows, f"{shot.name}   {frames[0]}–{frames[-1]}   {shot.width}x{shot.height}")
    with _whole(path) as partial:
        if not sheet.save(str(partial)):
            raise BadShot(f"{path} cannot be written; choose another place")
    return path


def write_report(path: Path, report: Mapping[str, Any]) -> Path:
    """The report as JSON. Raises OSError."""
    with _whole(path) as partial:
        partial.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def finished(plate: Pixels, patch: Patch) -> Pixels:
    """The plate with its rendered rectangle laid in."""
    whole: Pixels = plate.copy()
    x, y, width, height = patch.region
    whole[y : y + height, x : x + width] = patch.pixels
    return whole


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A hidden name beside ``path``, which becomes ``path`` if all goes well and vanishes otherwise."""
    make_folder(path.parent)
    with appearing(path) as partial:
        yield partial


def _lay_out(rows: Sequence[tuple[int, Sequence[QtGui.QImage]]], title: str) -> QtGui.QImage:
    gap, line = 10, 26
    cell = rows[0][1][0].size()
    cell.scale(_CELL_WIDTH, 10**6, QtCore.Qt.AspectRatioMode.KeepAspectRatio)
    size = (3 * (cell.width() + gap) + gap, 2 * line + len(rows) * (cell.height() + line))
    sheet = QtGui.QImage(*size, QtGui.QImage.Format.Format_RGB32)
    sheet.fill(QtGui.QColor(24, 26, 29))
    painter = QtGui.QPainter(sheet)
    painter.setRenderHint(QtGui.QPainter.RenderHint.SmoothPixmapTransform)
    painter.setPen(QtGui.QColor(225, 228, 232))
    painter.drawText(gap, line - 8, title)
    for column, name in enumerate(("before", "matte and hole", "after")):
        painter.drawText(gap + column * (cell.width() + gap), 2 * line - 8, name)
    for row, (frame, images) in enumerate(rows):
        top = 2 * line + row * (cell.height() + line)
        for column, image in enumerate(images):
            painter.drawImage(QtCore.QRect(QtCore.QPoint(gap + column * (cell.width() + gap), top), cell), image)
        painter.drawText(gap, top + cell.height() + 16, str(frame))
    painter.end()
    return sheet
