"""One picture file: every channel in its own type, and everything needed to write it back as it was.

Here: reading and writing a ``Frame`` with data windows, parts and metadata kept. Not here: what a frame is
(``frame.py``), the file as it lies on disk (``stored.py``), runs of frames (``plates.py``, ``results.py``).

A frame's pixels always cover the *display window* (the format): what an EXR leaves out of its data window is 0, and
what it holds beyond the display window (overscan) is kept aside untouched and written back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio

from propainter_pictures.color import Pixels
from propainter_pictures.errors import OutputError
from propainter_pictures.formats import HOLDS, formats_for
from propainter_pictures.frame import FileHeader, Frame, as_rate
from propainter_pictures.jpeg import jpeg_bytes
from propainter_pictures.orientation import Turn
from propainter_pictures.stored import (
    OIIO_NAMES,
    STALE_ATTRIBUTES,
    Box,
    as_stored,
    cut,
    data_window,
    display_window,
    dtype_of,
    notes_of,
    open_part,
    read_spec,
    read_stored,
    succeed,
    text_of,
    turn_of,
    write_stored,
    writer_of,
)
from propainter_pictures.whole_files import replacing


@dataclass(frozen=True)
class ImageInfo:
    """What a file's header tells without decoding it."""

    size: tuple[int, int]
    dtype: np.dtype[Any]
    channel_names: tuple[str, ...]
    fps: Fraction | None = None
    """Frames a second, if the file says."""
    pixel_aspect: Fraction = Fraction(1)
    """Width of a pixel by its height."""
    data: Box | None = None
    """Where its pixels lie, seen from the display window's corner."""
    turn: Turn = field(default_factory=Turn)
    """What made it upright."""


def read_info(path: Path, number: int) -> ImageInfo:
    """Size, type and channels of a picture. Raises ``BadInput`` as ``read_image`` does."""
    spec = read_spec(path, number)
    return ImageInfo(
        (spec.full_width, spec.full_height),
        dtype_of(path, number, spec),
        tuple(spec.channelnames),
        _fps_of(spec),
        _aspect_of(spec),
        data_window(spec).moved(-spec.full_x, -spec.full_y),
        turn_of(path, number, spec),
    )


def _fps_of(spec: Any) -> Fraction | None:
    """Frames a second: an EXR's rational, a DPX's float."""
    told = spec.getattribute("FramesPerSecond")
    if isinstance(told, tuple) and len(told) == 2 and told[0] > 0 and told[1] > 0:
        return Fraction(*told)
    for name in ("FramesPerSecond", "dpx:FrameRate", "dpx:TemporalFrameRate"):
        rate = spec.get_float_attribute(name, 0.0)
        if 0 < rate < 1000:  # NaN and what undefined fields hold are outside
            return as_rate(rate)
    return None


def _aspect_of(spec: Any) -> Fraction:
    aspect = spec.get_float_attribute("PixelAspectRatio", 1.0)
    return Fraction(aspect).limit_denominator(1000) if 0.01 < aspect < 100 else Fraction(1)


def read_image(path: Path, number: int, *, reach: Box | None = None) -> Frame:
    """Decode a picture, all channels of the part that holds R, G, B (the first part if none does).

    reach: what the frame covers, seen from the display window's corner; None: the display window.
    Alpha stays as the file holds it, multiplied or not. Raises ``BadInput`` naming frame and file if it is missing,
    empty, damaged, deep, or of a type outside uint8, uint16, half and float.
    """
    stored = read_stored(path, number)
    dtype_of(path, number, stored.spec)
    data, display = stored.data, stored.display
    seen = display if reach is None else reach.moved(display.left, display.top)
    pixels = stored.pixels if data == seen else cut(stored.pixels, data, seen)
    overscan = None if data.intersect(seen) == data else stored.pixels
    header = FileHeader(path.suffix.lower(), stored.spec, stored.part, stored.parts, overscan)
    rows, columns = display.shape
    inset = None if seen == display else (display.left - seen.left, display.top - seen.top, columns, rows)
    return Frame(pixels, tuple(stored.spec.channelnames), number, path, header, inset)


def read_all_parts(path: Path, number: int, *, reach: Box | None = None) -> Frame:
    """The same, with the channels of all other parts of the file's format behind: a matte may lie in any. Not for writing.

    Channels of other parts have the part's name in front. Raises ``BadInput`` as ``read_image`` does.
    """
    frame = read_image(path, number, reach=reach)
    if frame.header is None or frame.header.parts == 1:
        return frame
    names, layers = [*frame.channel_names], [frame.pixels]
    for part in range(frame.header.parts):
        stored = None if part == frame.header.part else read_stored(path, number, part=part, strange="float")
        if stored is None or (stored.display.shape[1], stored.display.shape[0]) != frame.displayed().size:
            continue
        called = stored.spec.get_string_attribute("oiio:subimagename")
        own = [name if "." in name or not called else f"{called}.{name}" for name in stored.spec.channelnames]
        if not set(own) & set(names):
            names += own
            layers.append(cut(stored.pixels, stored.data, _covered_by(frame, stored.display)))
    kind = np.result_type(*(layer.dtype for layer in layers))
    pixels = np.concatenate([_as_kind(layer, kind) for layer in layers], axis=-1)
    return Frame(pixels, tuple(names), number, path, inset=frame.inset)


def _as_kind(pixels: Pixels, kind: np.dtype[Any]) -> Pixels:
    """Pixels in the type of all parts: EXR has floats alone, and these widen without loss."""
    return pixels.astype(kind, copy=False)


def write_image(path: Path, frame: Frame, metadata: Mapping[str, str]) -> None:
    """Encode a frame as the ending of ``path`` says; the file appears under its name only when it is whole.

    In the format the frame came from, everything else its file held is kept: windows, overscan, other parts, metadata,
    and the compression unless that would change pixels (then ``zip``).

    metadata: written as attributes of their own (EXR, PNG), else behind the description (DPX, TIFF, JPEG).
    Raises ``OutputError`` naming the file, the reason and the way out.
    """
    suffix = path.suffix.lower()
    _refuse_loss(path, frame)
    with replacing(path) as partial:
        if suffix in (".jpg", ".jpeg"):
            partial.write_bytes(jpeg_bytes(frame.displayed().rgb(), _as_lines(metadata)))
        else:
            _write_with_oiio(partial, frame, metadata)


def _refuse_loss(path: Path, frame: Frame) -> None:
    suffix, header = path.suffix.lower(), frame.header
    if frame.pixels.dtype.name not in HOLDS[suffix]:
        formats = " or ".join(formats_for(frame.pixels.dtype))
        raise OutputError(f"{path} cannot hold {frame.pixels.dtype.name} pixels; write {formats}")
    if header and header.parts > 1 and suffix != header.suffix:
        raise OutputError(f"{path} cannot hold the {header.parts} parts of {frame.path}; write {header.suffix}")
    if suffix in (".jpg", ".jpeg") and frame.alpha_channel is not None:
        raise OutputError(f"{path} cannot hold the alpha channel of {frame.label}; write .png")


def _write_with_oiio(path: Path, frame: Frame, metadata: Mapping[str, str]) -> None:
    spec, pixels = _described(frame, path.suffix.lower())
    _add_metadata(spec, path.suffix.lower(), metadata)
    if frame.header is None or frame.header.parts == 1:
        write_stored(path, spec, pixels)
    else:
        _write_parts(path, spec, pixels, frame)


def _write_parts(path: Path, spec: Any, pixels: Pixels, frame: Frame) -> None:
    """Write every part of a multi-part file: ours new, the others copied from where the frame came from."""
    header = frame.header
    assert header is not None and frame.path is not None
    source, _, _ = open_part(frame.path, frame.number)
    spec, pixels = as_stored(path, spec, pixels)
    specs = []
    for part in range(header.parts):
        source.seek_subimage(part, 0)
        specs.append(spec if part == header.part else source.spec())
    with writer_of(path) as (out, place):
        for part, each in enumerate(specs):
            succeed(out, out.open(place, each, "AppendSubimage") if part else out.open(place, specs))
            own = pixels if part == header.part else source.read_image(part, 0, 0, each.nchannels, "unknown")
            succeed(out, own is not None and out.write_image(np.ascontiguousarray(own)))
    source.close()


def _described(frame: Frame, suffix: str) -> tuple[Any, Pixels]:
    """OpenImageIO's description of what to write, and the pixels it covers."""
    header = frame.header
    if header is None or _FORMATS[header.suffix] != _FORMATS[suffix]:
        return _plain_spec(frame), frame.displayed().pixels
    spec = header.spec.copy()
    for stale in STALE_ATTRIBUTES:
        spec.erase_attribute(stale)
    compression = text_of(spec, "compression").partition(":")[0]
    if compression and compression not in _LOSSLESS:
        spec.attribute("compression", "zip")
    data, seen = data_window(spec), _covered_by(frame, display_window(spec))
    if data == seen:
        return spec, frame.pixels
    covered = data.union(_painted_outside(frame.pixels, data, seen))
    blank = np.zeros((*data.shape, len(frame.channel_names)), frame.pixels.dtype)
    pixels = cut(blank if header.overscan is None else header.overscan, data, covered)
    shared = covered.intersect(seen)
    pixels[shared.within(covered)] = frame.pixels[shared.within(seen)]
    spec.x, spec.y, spec.width, spec.height = covered.left, covered.top, covered.shape[1], covered.shape[0]
    return spec, pixels


def _covered_by(frame: Frame, display: Box) -> Box:
    """Where a frame's pixels lie, in the file's coordinates."""
    if frame.inset is None:
        return display
    x, y, _, _ = frame.inset
    left, top, (width, height) = display.left - x, display.top - y, frame.size
    return Box(left, top, left + width, top + height)


def _plain_spec(frame: Frame) -> Any:
    """Describe a frame in a format it does not come from: pixels, channels and what any format understands."""
    height, width, channels = frame.displayed().pixels.shape
    spec = oiio.ImageSpec(width, height, channels, OIIO_NAMES[frame.pixels.dtype.name])
    spec.channelnames = frame.channel_names
    spec.alpha_channel = -1 if frame.alpha_channel is None else frame.alpha_channel
    spec.attribute("oiio:UnassociatedAlpha", 1)  # colours go out as they are, not divided by alpha
    if frame.video is not None and {frame.video.primaries, frame.video.transfer} & _NOT_SRGB:
        # Said to be of no colour space that OpenImageIO knows, the PNG is not marked sRGB.
        spec.attribute("oiio:ColorSpace", "unknown")
        spec.attribute("CICP", oiio.TypeDesc("int[4]"), (frame.video.primaries, frame.video.transfer, 0, 1))
    for name, kind, value in notes_of(frame.header.spec) if frame.header else ():
        if ":" not in name and name not in ("compression", "planarconfig", "Orientation"):
            spec.attribute(name, kind, value)
    return spec


def _painted_outside(pixels: Pixels, data: Box, seen: Box) -> Box:
    """The bounds of what is not 0 outside the data window: a fill there must not be cut off again."""
    touched = (pixels != 0).any(axis=-1)
    touched[data.intersect(seen).within(seen)] = False
    rows, columns = np.flatnonzero(touched.any(axis=1)), np.flatnonzero(touched.any(axis=0))
    if not rows.size:
        return data
    left, top = seen.left, seen.top
    return Box(left + int(columns[0]), top + int(rows[0]), left + int(columns[-1]) + 1, top + int(rows[-1]) + 1)


def _add_metadata(spec: Any, suffix: str, metadata: Mapping[str, str]) -> None:
    if suffix in (".exr", ".png"):
        for name, value in metadata.items():
            spec.attribute(name, value)
    else:  # these formats drop attributes they do not know
        lines = [text_of(spec, "ImageDescription"), *_as_lines(metadata)]
        spec.attribute("ImageDescription", "\n".join(line for line in lines if line))


def _as_lines(metadata: Mapping[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in metadata.items()]


_NOT_SRGB = frozenset({9, 16, 18})
"""BT.2020, PQ and HLG (ITU-T H.273): what a PNG must not call sRGB."""

_FORMATS = {
    ".exr": "exr", ".dpx": "dpx", ".tif": "tiff", ".tiff": "tiff", ".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg",
}  # fmt: skip
_LOSSLESS = frozenset({
    "none", "rle", "zip", "zips", "piz", "htj2k", "htj2k32", "htj2k256",  # EXR; pxr24, b44 and dwa lose
    "lzw", "deflate", "packbits", "zstd",  # TIFF; jpeg, webp and lerc may lose
})  # fmt: skip
