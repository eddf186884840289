"""One picture file: every channel in its own type, and everything needed to write it back as it was.

Here: ``Frame`` and reading and writing it through OpenImageIO, with data windows, parts and metadata kept. Not here:
runs of frames, output folders and replacing old results (``plates.py``); video (``video.py``); colour (``color.py``).

A frame's pixels always cover the *display window* (the format): what an EXR leaves out of its data window is 0, and
what it holds beyond the display window (overscan) is kept aside untouched and written back.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import OpenImageIO as oiio

from propainter_pictures.color import Pixels
from propainter_pictures.errors import BadInput, OutputError

IMAGE_SUFFIXES = frozenset({".exr", ".dpx", ".tif", ".tiff", ".png", ".jpg", ".jpeg"})
"""File name endings read and written as pictures, in lower case."""

HOLDS: dict[str, tuple[str, ...]] = {
    ".exr": ("float16", "float32"),
    ".dpx": ("uint8", "uint16"),
    ".tif": ("uint8", "uint16", "float16", "float32"),
    ".tiff": ("uint8", "uint16", "float16", "float32"),
    ".png": ("uint8", "uint16"),
    ".jpg": ("uint8",),
    ".jpeg": ("uint8",),
}
"""Pixel types a format can hold without changing a value (half floats go into TIFF as floats)."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame of a plate or matte, as its file holds it."""

    pixels: Pixels
    """[h, w, c] over the display window, rows from the top; uint8, uint16, float16 or float32."""
    channel_names: tuple[str, ...]
    """One a channel, in file order; layers carry their name in front: ``beauty.R``."""
    number: int = 0
    """Frame number, the host's counting."""
    path: Path | None = None
    """The file it came from."""
    header: FileHeader | None = field(default=None, repr=False)
    """What else the file said; opaque, for writing it back."""

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.shape[2] != len(self.channel_names):
            raise ValueError(f"pixels are {self.pixels.shape} but there are {len(self.channel_names)} channel names")

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the display window."""
        return self.pixels.shape[1], self.pixels.shape[0]

    @property
    def label(self) -> str:
        """How messages call it: its number and file name."""
        return f"frame {self.number} ({self.path.name})" if self.path else f"frame {self.number}"

    @property
    def rgb_channels(self) -> tuple[int, int, int]:
        """Where red, green and blue are; three times the same for a grey picture (one channel, or grey and alpha).

        Plain R, G, B come before those of a layer, the first whole layer before later ones. Raises ``BadInput`` if
        there are other channels only.
        """
        if len(self.channel_names) <= 2:
            return (0, 0, 0)
        found = find_rgb(self.channel_names)
        if found is None:
            raise BadInput(
                f"{self.label} has no red, green and blue among its channels ({', '.join(self.channel_names)}); "
                "write it with R, G and B"
            )
        return found

    @property
    def alpha_channel(self) -> int | None:
        """Where alpha is: beside R, G, B in the same layer, or the second of two channels; None without one."""
        if len(self.channel_names) <= 2:
            return 1 if len(self.channel_names) == 2 else None
        found = find_rgb(self.channel_names)
        layer = _layer_of(self.channel_names[found[0]]) if found else ""
        return _find_channel(self.channel_names, layer, ("a", "alpha"))

    def rgb(self) -> Pixels:
        """[h, w, 3] in the file's own type; a copy."""
        return self.pixels[..., self.rgb_channels]

    def with_rgb(self, rgb: Pixels) -> Frame:
        """The same frame with other colours; every other channel as it was. A grey picture takes their mean."""
        pixels = self.pixels.copy()
        if len(self.channel_names) > 2:
            pixels[..., self.rgb_channels] = rgb
        else:
            grey = rgb.mean(axis=-1, dtype=np.float64)  # exact where the three agree
            is_whole = np.issubdtype(pixels.dtype, np.integer)
            pixels[..., 0] = np.rint(grey) if is_whole else grey
        return replace(self, pixels=pixels)


@dataclass(frozen=True, eq=False)
class FileHeader:
    """Everything of a file but the pixels of its display window. Opaque outside this module."""

    suffix: str
    """File name ending in lower case: the format it came from."""
    spec: Any
    """OpenImageIO's description of the part that was read."""
    part: int
    """Which part of a multi-part file that is."""
    parts: int
    overscan: Pixels | None
    """All pixels of the data window, if it reaches beyond the display window."""


@dataclass(frozen=True)
class ImageInfo:
    """What a file's header tells without decoding it."""

    size: tuple[int, int]
    dtype: np.dtype[Any]
    channel_names: tuple[str, ...]


def as_float(pixels: Pixels) -> np.ndarray:
    """Whole numbers as shares of their range, floats as they are."""
    shares: np.ndarray = pixels.astype(np.float32)
    if np.issubdtype(pixels.dtype, np.integer):
        shares /= np.float32(np.iinfo(pixels.dtype).max)
    return shares


def as_type(values: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """The inverse: rounded to the nearest and clipped to what the type can hold, nothing narrower."""
    if np.issubdtype(dtype, np.integer):
        limit = np.iinfo(dtype).max
        held: np.ndarray = np.clip(np.rint(values * np.float32(limit)), 0, limit)
    else:
        limits = np.finfo(dtype)
        held = np.clip(values, limits.min, limits.max)
    return held.astype(dtype)


def find_rgb(names: Sequence[str]) -> tuple[int, int, int] | None:
    """Positions of red, green and blue among channel names; plain ones first, then the first whole layer."""
    for layer in dict.fromkeys(["", *map(_layer_of, names)]):
        found = [_find_channel(names, layer, wanted) for wanted in (("r", "red"), ("g", "green"), ("b", "blue"))]
        red, green, blue = found
        if red is not None and green is not None and blue is not None:
            return red, green, blue
    return None


def read_info(path: Path, number: int) -> ImageInfo:
    """Size, type and channels of a picture. Raises ``BadInput`` as ``read_image`` does."""
    opened, _, spec = _open(path, number)
    opened.close()
    return ImageInfo((spec.full_width, spec.full_height), _dtype_of(path, number, spec), tuple(spec.channelnames))


def read_image(path: Path, number: int) -> Frame:
    """Decode a picture, all channels of the part that holds R, G, B (the first part if none does).

    Alpha stays as the file holds it, multiplied or not. Raises ``BadInput`` naming frame and file if it is missing,
    empty, damaged, deep, or of a type outside uint8, uint16, half and float.
    """
    opened, part, spec = _open(path, number)
    _dtype_of(path, number, spec)
    parts = spec.get_int_attribute("oiio:subimages", 1)
    stored = opened.read_image(part, 0, 0, spec.nchannels, "unknown")
    damage = opened.geterror()
    opened.close()
    if stored is None or damage:
        raise _unreadable(path, number, damage)
    data, display = _data_window(spec), _display_window(spec)
    pixels = stored if data == display else _cut(stored, data, display)
    overscan = None if data.intersect(display) == data else stored
    header = FileHeader(path.suffix.lower(), spec, part, parts, overscan)
    return Frame(pixels, tuple(spec.channelnames), number, path, header)


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
            _write_jpeg(partial, frame, metadata)
        else:
            _write_with_oiio(partial, frame, metadata)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name beside ``path`` to write to; becomes ``path`` on success and vanishes on any failure.

    Raises ``OutputError`` where the operating system refuses.
    """
    partial = partial_name(path)
    try:
        yield partial
        partial.replace(path)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        partial.unlink(missing_ok=True)


def partial_name(path: Path) -> Path:
    """A hidden name in the same folder, with the same ending, that no other process uses, on no other machine either."""
    return path.with_name(f".{path.stem}.partial-{platform.node()}-{os.getpid()}{path.suffix}")


def unwritable(path: Path, error: Exception) -> OutputError:
    """What to tell when writing fails."""
    reason = getattr(error, "strerror", None) or str(error)
    return OutputError(f"{path} cannot be written ({reason}); make room there or choose another place for the output")


def formats_for(dtype: np.dtype[Any]) -> list[str]:
    """File name endings that hold this pixel type exactly."""
    return [suffix for suffix in (".exr", ".dpx", ".tif", ".png") if dtype.name in HOLDS[suffix]]


@dataclass(frozen=True)
class _Box:
    """Pixels left <= x < right, top <= y < bottom, in the file's coordinates."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.bottom - self.top, self.right - self.left

    def intersect(self, other: _Box) -> _Box:
        left, top = max(self.left, other.left), max(self.top, other.top)
        return _Box(left, top, max(left, min(self.right, other.right)), max(top, min(self.bottom, other.bottom)))

    def union(self, other: _Box) -> _Box:
        return _Box(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )

    def within(self, outer: _Box) -> tuple[slice, slice]:
        """Rows and columns of this box in an array that covers ``outer``."""
        return (
            slice(self.top - outer.top, self.bottom - outer.top),
            slice(self.left - outer.left, self.right - outer.left),
        )


def _data_window(spec: Any) -> _Box:
    return _Box(spec.x, spec.y, spec.x + spec.width, spec.y + spec.height)


def _display_window(spec: Any) -> _Box:
    return _Box(spec.full_x, spec.full_y, spec.full_x + spec.full_width, spec.full_y + spec.full_height)


def _cut(pixels: Pixels, covered: _Box, wanted: _Box) -> Pixels:
    """Pixels of ``wanted`` from an array that covers ``covered``; 0 where it has none."""
    canvas = np.zeros((*wanted.shape, pixels.shape[2]), pixels.dtype)
    shared = covered.intersect(wanted)
    canvas[shared.within(wanted)] = pixels[shared.within(covered)]
    return canvas


def _open(path: Path, number: int) -> tuple[Any, int, Any]:
    """The opened file, and number and spec of the part to use."""
    if not path.is_file():
        raise BadInput(f"frame {number} is missing: there is no file {path}; render it, or leave it out of the range")
    if path.stat().st_size == 0:
        raise BadInput(f"frame {number} is empty: {path} has 0 bytes; render it again")
    wish = oiio.ImageSpec()
    wish.attribute("oiio:UnassociatedAlpha", 1)  # PNG and TIFF colours as stored: multiplied by alpha they would round
    opened = oiio.ImageInput.open(str(path), wish)
    if opened is None:
        raise _unreadable(path, number, oiio.geterror())
    specs = [opened.spec()]
    while opened.seek_subimage(len(specs), 0):
        specs.append(opened.spec())
    opened.geterror()  # the last seek's failure says where the parts end, and nothing else
    if any(spec.deep for spec in specs):
        raise BadInput(f"frame {number} ({path}) holds deep pixels; flatten it before writing it")
    part = next((index for index, spec in enumerate(specs) if find_rgb(spec.channelnames)), 0)
    return opened, part, specs[part]


def _dtype_of(path: Path, number: int, spec: Any) -> np.dtype[Any]:
    formats = {str(kind) for kind in spec.channelformats} or {str(spec.format)}
    if not formats <= _DTYPES.keys():
        strange = ", ".join(sorted(formats - _DTYPES.keys()))
        raise BadInput(f"frame {number} ({path}) stores pixels as {strange}; write it as 8 or 16 bit, half or float")
    return np.dtype(_DTYPES[str(spec.format)])


_DTYPES = {"uint8": np.uint8, "uint16": np.uint16, "half": np.float16, "float": np.float32}


def _unreadable(path: Path, number: int, reason: str) -> BadInput:
    detail = reason.strip().splitlines()[0] if reason.strip() else "its pixels end too early"
    return BadInput(f"frame {number} cannot be read: {path} is damaged or no picture ({detail}); render it again")


def _layer_of(channel_name: str) -> str:
    return channel_name.rpartition(".")[0]


def _find_channel(names: Sequence[str], layer: str, wanted: tuple[str, ...]) -> int | None:
    for index, name in enumerate(names):
        if _layer_of(name) == layer and name.rpartition(".")[2].lower() in wanted:
            return index
    return None


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
    out = oiio.ImageOutput.create(str(path))
    if out is None:
        raise _not_written(oiio.geterror())
    header = frame.header
    if header is None or header.parts == 1:
        _succeed(out, out.open(str(path), spec))
        _succeed(out, out.write_image(np.ascontiguousarray(pixels)))
    else:
        _write_parts(path, out, spec, pixels, frame)
    _succeed(out, out.close())
    if path.suffix.lower() == ".png" and not _ends_as_png(path):
        raise _not_written("the file ends too early")


def _write_parts(path: Path, out: Any, spec: Any, pixels: Pixels, frame: Frame) -> None:
    """Write every part of a multi-part file: ours new, the others copied from where the frame came from."""
    header = frame.header
    assert header is not None and frame.path is not None
    source, _, _ = _open(frame.path, frame.number)
    specs = []
    for part in range(header.parts):
        source.seek_subimage(part, 0)
        specs.append(spec if part == header.part else source.spec())
    for part, each in enumerate(specs):
        opened = out.open(str(path), each, "AppendSubimage") if part else out.open(str(path), specs)
        _succeed(out, opened)
        own = pixels if part == header.part else source.read_image(part, 0, 0, each.nchannels, "unknown")
        _succeed(out, own is not None and out.write_image(np.ascontiguousarray(own)))
    source.close()


def _described(frame: Frame, suffix: str) -> tuple[Any, Pixels]:
    """OpenImageIO's description of what to write, and the pixels it covers."""
    header = frame.header
    if header is None or _FORMATS[header.suffix] != _FORMATS[suffix]:
        return _plain_spec(frame), frame.pixels
    spec = header.spec.copy()
    for stale in _STALE_ATTRIBUTES:
        spec.erase_attribute(stale)
    compression = spec.get_string_attribute("compression").partition(":")[0]
    if compression and compression not in _LOSSLESS:
        spec.attribute("compression", "zip")
    data, display = _data_window(spec), _display_window(spec)
    if data == display:
        return spec, frame.pixels
    covered = data.union(_painted_outside(frame.pixels, data, display))
    blank = np.zeros((*data.shape, len(frame.channel_names)), frame.pixels.dtype)
    pixels = _cut(blank if header.overscan is None else header.overscan, data, covered)
    shared = covered.intersect(display)
    pixels[shared.within(covered)] = frame.pixels[shared.within(display)]
    spec.x, spec.y, spec.width, spec.height = covered.left, covered.top, covered.shape[1], covered.shape[0]
    return spec, pixels


def _plain_spec(frame: Frame) -> Any:
    """Describe a frame in a format it does not come from: pixels, channels and what any format understands."""
    height, width, channels = frame.pixels.shape
    spec = oiio.ImageSpec(width, height, channels, _OIIO_NAMES[frame.pixels.dtype.name])
    spec.channelnames = frame.channel_names
    spec.alpha_channel = -1 if frame.alpha_channel is None else frame.alpha_channel
    spec.attribute("oiio:UnassociatedAlpha", 1)  # colours go out as they are, not divided by alpha
    for entry in frame.header.spec.extra_attribs if frame.header else ():
        if ":" not in entry.name and entry.name not in ("compression", "planarconfig"):
            spec.attribute(entry.name, entry.type, entry.value)
    return spec


def _painted_outside(pixels: Pixels, data: _Box, display: _Box) -> _Box:
    """The bounds of what is not 0 outside the data window: a fill there must not be cut off again."""
    touched = (pixels != 0).any(axis=-1)
    touched[data.intersect(display).within(display)] = False
    rows, columns = np.flatnonzero(touched.any(axis=1)), np.flatnonzero(touched.any(axis=0))
    if not rows.size:
        return data
    left, top = display.left, display.top
    return _Box(left + int(columns[0]), top + int(rows[0]), left + int(columns[-1]) + 1, top + int(rows[-1]) + 1)


def _add_metadata(spec: Any, suffix: str, metadata: Mapping[str, str]) -> None:
    if suffix in (".exr", ".png"):
        for name, value in metadata.items():
            spec.attribute(name, value)
    else:  # these formats drop attributes they do not know
        lines = [spec.get_string_attribute("ImageDescription"), *_as_lines(metadata)]
        spec.attribute("ImageDescription", "\n".join(line for line in lines if line))


def _write_jpeg(path: Path, frame: Frame, metadata: Mapping[str, str]) -> None:
    # Not through OpenImageIO: its JPEG writer ends the whole process when the disk is full (3.2.2; seen with a file
    # size limit). Quality 100 and full colour resolution, yet never exact: JPEG is written only where it is named.
    rgb = np.ascontiguousarray(frame.rgb()[..., ::-1])
    quality = [cv2.IMWRITE_JPEG_QUALITY, 100, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    is_encoded, data = cv2.imencode(".jpg", rgb, quality)
    assert is_encoded, "OpenCV encodes any 8-bit RGB"
    comment = "\n".join(_as_lines(metadata)).encode()
    segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment  # ITU-T T.81, B.2.4.5
    path.write_bytes(data[:2].tobytes() + segment + data[2:].tobytes())


def _as_lines(metadata: Mapping[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in metadata.items()]


def _succeed(out: Any, succeeded: bool) -> None:
    if not succeeded:
        raise _not_written(out.geterror())


def _not_written(reason: str) -> OSError:
    return OSError(reason.strip().splitlines()[0] if reason.strip() else "the disk may be full")


def _ends_as_png(path: Path) -> bool:
    # OpenImageIO's PNG writer (3.2.2) reports success when the disk is full; only the missing end tells.
    with path.open("rb") as file:
        file.seek(-min(12, path.stat().st_size), 2)
        return file.read() == b"\0\0\0\0IEND\xaeB`\x82"


_FORMATS = {
    ".exr": "exr", ".dpx": "dpx", ".tif": "tiff", ".tiff": "tiff", ".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg",
}  # fmt: skip
_OIIO_NAMES = {"uint8": "uint8", "uint16": "uint16", "float16": "half", "float32": "float"}
_LOSSLESS = frozenset({
    "none", "rle", "zip", "zips", "piz", "htj2k", "htj2k32", "htj2k256",  # EXR; pxr24, b44 and dwa lose
    "lzw", "deflate", "packbits", "zstd",  # TIFF; jpeg, webp and lerc may lose
})  # fmt: skip
# Digests and statistics of the pixels that were read, and counts the writer works out anew.
_STALE_ATTRIBUTES = ("oiio:SHA-1", "oiio:ConstantColor", "oiio:AverageColor", "oiio:subimages", "openexr:chunkCount")
