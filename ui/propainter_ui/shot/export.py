"""Results as files: a sequence, a video, a contact sheet, a report.

Here: which places are suggested and refused; what is written of what is given, every file under its name only when it is
whole. Not here: which formats there are (``export_formats.py``), encoding pictures and video, which
``propainter_pictures`` does (its encoders are loaded when first needed), getting results (``bridge/exporting.py``), asking
for a place (``widgets/export_place.py``).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from propainter_pictures.formats import VIDEO_SUFFIXES
from propainter_pictures.frame_range import FrameRange
from propainter_pictures.names import pictures_in
from propainter_pictures.whole_files import appearing, make_folder
from propainter_ui.qt import QtCore, QtGui
from propainter_ui.shot.frame_maker import image_of
from propainter_ui.shot.frame_store import ShotLibrary
from propainter_ui.shot.matte_views import HoleSettings
from propainter_ui.shot.picture import Display, Patch, show
from propainter_ui.shot.shot_files import BadShot, ShotFiles, told_to_artists
from propainter_ui.state.panel_state import ShotState, View
from propainter_wire.shot import Pixels

ExportKind = Literal["sequence", "video", "sheet", "report"]
EXPORT_NAMES: Mapping[ExportKind, str] = {
    "sequence": "Image sequence", "video": "Video", "sheet": "Contact sheet", "report": "Report",
}  # fmt: skip
ENDINGS: Mapping[ExportKind, str] = {"video": ".mp4", "sheet": ".png", "report": ".json"}
"""Where none is chosen."""
Advance = Callable[[int], None]
"""Called with how many frames are done; may raise to stop."""

_SUGGESTIONS = 100
_SHEET_ROWS = 5
_CELL_WIDTH = 360


def places_of(
    kind: ExportKind, path: Path, files: ShotFiles, frames: Sequence[int], ending: str | None = None
) -> list[Path]:
    """The files an export writes. path: a folder for a sequence, a file otherwise. ending: of a sequence's files."""
    if kind != "sequence":
        return [path]
    with told_to_artists():
        from propainter_pictures.results import file_name_like

        return [path / file_name_like(files.plate_frames.source, frame, ending) for frame in frames]


def places_there(
    kind: ExportKind, path: Path, files: ShotFiles, frames: Sequence[int], ending: str | None = None
) -> list[Path]:
    """Those of them that exist already, and would be replaced."""
    return [place for place in places_of(kind, path, files, frames, ending) if os.path.lexists(place)]


def suggested_place(
    kind: ExportKind, name: str, files: ShotFiles, frames: Sequence[int], folders: Sequence[Path], ending: str | None = None
) -> Path:  # fmt: skip
    """The first place in these folders where an export may go and replaces nothing; the last folder's where none is."""
    stem = f"{name}-{'clean' if kind in ('sequence', 'video') else kind}"
    ending = "" if kind == "sequence" else ending or ENDINGS[kind]
    for folder in folders:
        for count in range(1, _SUGGESTIONS):
            place = folder / f"{stem}{'' if count == 1 else f'-{count}'}{ending}"
            try:
                check_place(kind, place, files, frames)
            except BadShot:
                continue
            if not os.path.lexists(place):
                return place
    return folders[-1] / f"{stem}{ending}"


def folder_beside(files: ShotFiles) -> Path:
    """Where results lie well: beside the plate's own folder, or in it where other things are kept there, too."""
    plate = files.plate_frames
    own = Path(plate.path)
    if own.is_dir():
        return own.parent
    if plate.source.video is not None or {file.resolve() for file in pictures_in(own.parent)} != plate.source.files:
        return own.parent
    return own.parent.parent


def check_place(
    kind: ExportKind, path: Path, files: ShotFiles, frames: Sequence[int], ending: str | None = None
) -> None:  # fmt: skip
    """Raise BadShot where an export would be written over plate, matte or clean plate, or cannot be written at all."""
    try:
        _check_place(kind, path, files, frames, ending)
    except OSError as error:  # a name too long, a folder nobody may look into
        raise BadShot(f"{path} cannot be written ({error.strerror}); choose another place for the export") from error


def _check_place(
    kind: ExportKind, path: Path, files: ShotFiles, frames: Sequence[int], ending: str | None
) -> None:  # fmt: skip
    with told_to_artists():
        from propainter_pictures.overwriting import refuse_folder, refuse_overwriting

        if kind == "sequence":
            refuse_folder(path, files.sources)
        refuse_overwriting(places_of(kind, path, files, frames, ending), files.sources)
    folder = path if kind == "sequence" else path.parent
    if kind in ("video", "sheet") and path.suffix.lower() not in (
        VIDEO_SUFFIXES if kind == "video" else (ENDINGS[kind],)
    ):
        raise BadShot(f"{path.name} is no name for this kind of file; end it in {ENDINGS[kind]}")
    if kind != "sequence" and path.is_dir():
        raise BadShot(f"{path} is a folder; give the file a name of its own")
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        raise BadShot(f"{folder} is a file; choose a folder for the export")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise BadShot(f"{folder} cannot be written to; choose another place for the export")


def write_sequence(
    folder: Path, library: ShotLibrary, shot: ShotState, frames: Sequence[int], patches: Mapping[int, Patch],
    advance: Advance, ending: str | None = None,
) -> Path:  # fmt: skip
    """Frames named like the plate's, in its format where that is lossless, or in the one that ``ending`` names: every
    pixel the matte does not reach, every other channel and the header as in the plate's file.

    Returns the folder. Raises BadShot, OSError.
    """
    files = library.files
    assert files is not None
    plate, counted = files.plate_frames, FrameRange(min(frames), max(frames))
    with told_to_artists():
        from propainter_pictures.results import open_folder

        like, *others = files.sources
        with open_folder(folder, like=like, frames=counted, protect=others, ending=ending) as sink:
            for done, frame in enumerate(frames, start=1):
                sink.write(frame, plate.frame(frame).with_patch(patches[frame].region, patches[frame].pixels))
                advance(done)
    return folder


def write_video(
    path: Path, library: ShotLibrary, frames: Sequence[int], patches: Mapping[int, Patch], advance: Advance
) -> tuple[Path, tuple[str, ...]]:  # fmt: skip
    """A video as like the plate's as its format allows, as the command writes it: depth, colour, sound, timecode.

    Returns its path, and sentences on what of the plate it is without. Raises BadShot.
    """
    files = library.files
    assert files is not None
    counted = FrameRange(frames[0], frames[0] + len(frames) - 1)
    with told_to_artists():
        from propainter_pictures.results import open_sink

        like, *others = files.sources
        with open_sink(str(path), like=like, frames=counted, protect=others) as sink:
            for done, frame in enumerate(frames, start=1):
                plate = files.plate_frames.frame(frame)
                sink.write(frames[0] + done - 1, plate.with_patch(patches[frame].region, patches[frame].pixels))
                advance(done)
    return path, sink.notes


def write_sheet(
    path: Path,
    library: ShotLibrary,
    shot: ShotState,
    frames: Sequence[int],
    patches: Mapping[int, Patch],
    hole: HoleSettings,
) -> Path:
    """A PNG with a few frames spread over the range: before, matte, after. Raises BadShot, OSError."""
    assert library.files is not None
    check_place("sheet", path, library.files, frames)
    display = Display(is_linear=shot.is_linear)
    chosen = sorted({frames[i * (len(frames) - 1) // max(1, _SHEET_ROWS - 1)] for i in range(_SHEET_ROWS)})
    rows = []
    for frame in chosen:
        plate, matte = library.plate(frame), library.matte(frame)
        views: tuple[View, ...] = ("plate", "matte", "result")
        cells = [
            show(view, plate=plate, matte=matte, result=patches[frame], apart=None, display=display, hole=hole)
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
