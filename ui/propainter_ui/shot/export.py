"""Results as files: a sequence, an mp4 to look at, a contact sheet, a report.

Here: writing what is given, every file under its name only when it is whole. Not here: getting results
(``bridge/exporting.py``). OpenImageIO and PyAV are imported when first needed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np

from propainter_ui.qt import QtCore, QtGui
from propainter_ui.shot.frame_maker import image_of
from propainter_ui.shot.frame_store import ShotLibrary
from propainter_ui.shot.picture import Display, Patch, show, to_eyes
from propainter_ui.shot.shot_files import BadShot, find_rgb, reader_library
from propainter_ui.state.panel_state import ShotState, View
from propainter_wire.shot import Pixels

ExportKind = Literal["sequence", "mp4", "sheet", "report"]
EXPORT_NAMES: Mapping[ExportKind, str] = {
    "sequence": "Image sequence", "mp4": "Video (mp4)", "sheet": "Contact sheet", "report": "Report",
}  # fmt: skip
Advance = Callable[[int], None]
"""Called with how many frames are done; may raise to stop."""

_HOLDS = {
    ".exr": ("float16", "float32"), ".dpx": ("uint8", "uint16"), ".png": ("uint8", "uint16"),
    ".tif": ("uint8", "uint16", "float16", "float32"), ".tiff": ("uint8", "uint16", "float16", "float32"),
}  # fmt: skip
_OIIO_NAMES = {"uint8": "uint8", "uint16": "uint16", "float16": "half", "float32": "float"}
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
    sources: Mapping[int, Path] = getattr(library.files.plate_frames, "files", {})
    plate_folder = Path(shot.plate) if Path(shot.plate).is_dir() else Path(shot.plate).parent
    if sources and folder.resolve() == plate_folder.resolve():
        raise BadShot(f"{folder} is the plate's own folder; choose another, so that the plate is not overwritten")
    folder.mkdir(parents=True, exist_ok=True)
    for done, frame in enumerate(frames, start=1):
        source = sources.get(frame)
        if source is not None and shot.dtype in _HOLDS.get(source.suffix.lower(), ()):
            with _whole(folder / source.name) as partial:
                _write_like(partial, source, patches[frame])
        else:
            suffix = ".exr" if shot.is_linear else ".png"
            stem = source.stem if source else f"{Path(shot.plate).stem}.{frame:04d}"
            with _whole(folder / f"{stem}{suffix}") as partial:
                _write_rgb(partial, finished(library.plate(frame), patches[frame]))
        advance(done)
    return folder


def write_mp4(
    path: Path, library: ShotLibrary, shot: ShotState, frames: Sequence[int], patches: Mapping[int, Patch],
    advance: Advance,
) -> Path:  # fmt: skip
    """H.264 for looking at: visually lossless, Rec.709, 4:4:4 where a side is odd. Raises BadShot, OSError."""
    av, Colorspace = reader_library("av"), reader_library("av.video.reformatter").Colorspace
    display = Display(is_linear=shot.is_linear)
    with _whole(path) as partial:
        try:
            with av.open(str(partial), "w", options={"movflags": "faststart"}) as container:
                rate = Fraction(shot.fps).limit_denominator(1001)
                stream = container.add_stream("libx264", rate=rate, options={"crf": "14", "preset": "medium"})
                stream.width, stream.height = shot.width, shot.height
                stream.pix_fmt = "yuv444p" if shot.width % 2 or shot.height % 2 else "yuv420p"
                context = stream.codec_context
                context.colorspace = context.color_primaries = context.color_trc = context.color_range = 1
                for done, frame in enumerate(frames, start=1):
                    picture = to_eyes(finished(library.plate(frame), patches[frame]), display)
                    video = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(
                        format=stream.pix_fmt, src_colorspace=Colorspace.ITU709, dst_colorspace=Colorspace.ITU709
                    )
                    video.colorspace = video.color_range = 1
                    container.mux(stream.encode(video))
                    advance(done)
                container.mux(stream.encode(None))
        except av.FFmpegError as error:
            raise BadShot(f"{path} cannot be written as video ({error}); choose another place") from error
    return path


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
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem}.partial-{os.getpid()}{path.suffix}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _write_like(path: Path, source: Path, patch: Patch) -> None:
    """The source file with the patch laid into its R, G and B."""
    oiio = reader_library("OpenImageIO")
    wish = oiio.ImageSpec()
    wish.attribute("oiio:UnassociatedAlpha", 1)
    opened = oiio.ImageInput.open(str(source), wish)
    if opened is None:
        raise BadShot(f"{source.name} cannot be read any more; was it moved?")
    spec = opened.spec()
    stored = opened.read_image(0, 0, 0, spec.nchannels, "unknown")
    opened.close()
    if stored is None:
        raise BadShot(f"{source.name} cannot be read any more; was it replaced?")
    x, y, width, height = patch.region
    left, top = spec.full_x + x, spec.full_y + y
    canvas, origin = _holding(stored, (spec.x, spec.y), (left, top, width, height))
    channels = (0, 0, 0) if spec.nchannels < 3 else find_rgb(spec.channelnames)
    rows = slice(top - origin[1], top - origin[1] + height)
    columns = slice(left - origin[0], left - origin[0] + width)
    for channel, colour in zip(channels, range(3), strict=True):
        canvas[rows, columns, channel] = patch.pixels[..., colour]
    written = oiio.ImageSpec(spec)
    written.x, written.y = origin
    written.height, written.width = canvas.shape[:2]
    _write(path, written, canvas)


def _holding(stored: Pixels, place: tuple[int, int], box: tuple[int, int, int, int]) -> tuple[Pixels, tuple[int, int]]:
    """Pixels of a data window at ``place``, made large enough to hold a box, and where they begin then."""
    left, top = min(place[0], box[0]), min(place[1], box[1])
    right = max(place[0] + stored.shape[1], box[0] + box[2])
    bottom = max(place[1] + stored.shape[0], box[1] + box[3])
    canvas = np.zeros((bottom - top, right - left, stored.shape[2]), stored.dtype)
    row, column = place[1] - top, place[0] - left
    canvas[row : row + stored.shape[0], column : column + stored.shape[1]] = stored
    return canvas, (left, top)


def _write_rgb(path: Path, pixels: Pixels) -> None:
    oiio = reader_library("OpenImageIO")
    height, width, _ = pixels.shape
    _write(path, oiio.ImageSpec(width, height, 3, _OIIO_NAMES[pixels.dtype.name]), pixels)


def _write(path: Path, spec: Any, pixels: Pixels) -> None:
    oiio = reader_library("OpenImageIO")
    out = oiio.ImageOutput.create(str(path))
    is_written = out is not None and out.open(str(path), spec) and out.write_image(np.ascontiguousarray(pixels))
    is_written = bool(out is not None and out.close() and is_written)
    if not is_written:
        reason = (out.geterror() if out is not None else oiio.geterror()).strip() or "the disk may be full"
        raise OSError(f"{path.name.split('.partial')[0].lstrip('.')} cannot be written ({reason})")


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
