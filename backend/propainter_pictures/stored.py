"""A picture file as it lies on disk: its parts, its data window, its own types, through OpenImageIO.

Here: which part of a file is read, where its pixels lie, reading and writing them as they are, but upright: what EXIF
says of turning is done on reading, and undone on writing where the format keeps the note. Not here: frames, which cover
the display window (``images.py``); the eight ways of turning (``orientation.py``).
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio

from propainter_os import limits
from propainter_pictures.color import Pixels
from propainter_pictures.errors import BadInput, Unreadable
from propainter_pictures.frame import find_rgb
from propainter_pictures.header_text import readable
from propainter_pictures.orientation import Turn, turn_of_exif

OIIO_NAMES = {"uint8": "uint8", "uint16": "uint16", "float16": "half", "float32": "float"}
"""OpenImageIO's words for pixel types."""

STALE_ATTRIBUTES = ("oiio:SHA-1", "oiio:ConstantColor", "oiio:AverageColor", "oiio:subimages", "openexr:chunkCount")
"""What a file says of the pixels that were read: digests and statistics, and counts the writer works out anew."""


@dataclass(frozen=True)
class Box:
    """Pixels left <= x < right, top <= y < bottom, in the file's coordinates."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.bottom - self.top, self.right - self.left

    def moved(self, across: int, down: int) -> Box:
        """The same box elsewhere."""
        return Box(self.left + across, self.top + down, self.right + across, self.bottom + down)

    def intersect(self, other: Box) -> Box:
        """What both cover; empty where they do not meet."""
        left, top = max(self.left, other.left), max(self.top, other.top)
        return Box(left, top, max(left, min(self.right, other.right)), max(top, min(self.bottom, other.bottom)))

    def union(self, other: Box) -> Box:
        """The smallest box around both."""
        return Box(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )

    def within(self, outer: Box) -> tuple[slice, slice]:
        """Rows and columns of this box in an array that covers ``outer``."""
        return (
            slice(self.top - outer.top, self.bottom - outer.top),
            slice(self.left - outer.left, self.right - outer.left),
        )


@dataclass(frozen=True, eq=False)
class Stored:
    """What a file holds, as it holds it."""

    pixels: Pixels
    """[h, w, c] over the data window, upright, rows from the top."""
    spec: Any
    """OpenImageIO's description of the part that was read, its windows upright, too."""
    part: int
    """Which part of a multi-part file that is."""
    parts: int

    @property
    def data(self) -> Box:
        """Where the pixels lie."""
        return data_window(self.spec)

    @property
    def display(self) -> Box:
        """The format: what is looked at."""
        return display_window(self.spec)


def read_stored(path: Path, number: int, *, strange: str = "unknown", part: int | None = None) -> Stored:
    """Decode a part, None: the one that holds R, G, B (the first if none does). Raises ``BadInput`` naming frame and file.

    strange: what pixels become that are neither 8 nor 16 bit, half or float; ``unknown``: they stay as they are.
    """
    opened, usual, spec = open_part(path, number)
    if part is not None and part != usual:
        opened.seek_subimage(part, 0)
        spec = opened.spec()
    part = usual if part is None else part
    kind = "unknown" if str(spec.format) in _DTYPES else strange
    pixels = opened.read_image(part, 0, 0, spec.nchannels, kind)
    damage = _told(opened)
    opened.close()
    if pixels is None or damage:
        raise _unreadable(path, number, damage)
    turn = turn_of(path, number, spec)
    return Stored(turn.upright(pixels), _turned(spec, turn), part, spec.get_int_attribute("oiio:subimages", 1))


def read_spec(path: Path, number: int) -> Any:
    """OpenImageIO's description of the part that would be read. Raises ``BadInput``."""
    opened, _, spec = open_part(path, number)
    opened.close()
    return _turned(spec, turn_of(path, number, spec))


def write_stored(path: Path, spec: Any, pixels: Pixels) -> None:
    """Encode a file of one part; spec and pixels upright. Raises OSError with the reason."""
    spec, pixels = as_stored(path, spec, pixels)
    with writer_of(path) as (out, place):
        succeed(out, out.open(place, spec))
        succeed(out, out.write_image(np.ascontiguousarray(pixels)))


def as_stored(path: Path, spec: Any, pixels: Pixels) -> tuple[Any, Pixels]:
    """Upright pixels and their description as a file holds them: turned back where its format keeps the note."""
    suffix = path.suffix.lower()
    if suffix in _TURNED_BACK:
        turn = turn_of_exif(spec.get_int_attribute("Orientation", 1))
        return _turned(spec, turn, back=True), turn.as_stored(pixels)
    if suffix in _ORIENTED:
        spec = spec.copy()
        spec.attribute("Orientation", 1)
    return spec, pixels


_TURNED_BACK = frozenset({".tif", ".tiff", ".png"})
_ORIENTED = _TURNED_BACK | {".jpg", ".jpeg", ".dpx"}
"""Formats whose note about orientation programs heed; in an EXR it is a word like any other."""


def turn_of(path: Path, number: int, spec: Any) -> Turn:
    """What makes a file's pictures upright. Raises ``BadInput`` for a DPX of columns."""
    suffix = path.suffix.lower()
    turn = turn_of_exif(spec.get_int_attribute("Orientation", 1)) if suffix in _ORIENTED else Turn()
    if suffix == ".dpx" and turn.transposed:  # OpenImageIO takes its columns for rows
        raise BadInput(f"frame {number} ({path}) is stored column by column; write it row by row, from the top")
    return turn


def _turned(spec: Any, turn: Turn, *, back: bool = False) -> Any:
    """A description whose windows are turned as its pixels are; ``back``: from upright to stored."""
    if not turn:
        return spec
    turned = spec.copy()
    across, down = (turn.flipped, turn.mirrored) if back and turn.transposed else (turn.mirrored, turn.flipped)
    x, y, width, height = spec.x - spec.full_x, spec.y - spec.full_y, spec.width, spec.height
    full_width, full_height = turn.size(spec.full_width, spec.full_height)
    if turn.transposed:
        x, y, width, height = y, x, height, width
        turned.full_x, turned.full_y = spec.full_y, spec.full_x
        turned.tile_width, turned.tile_height = spec.tile_height, spec.tile_width
    turned.full_width, turned.full_height, turned.width, turned.height = full_width, full_height, width, height
    turned.x = turned.full_x + (full_width - x - width if across else x)
    turned.y = turned.full_y + (full_height - y - height if down else y)
    return turned


@contextmanager
def writer_of(path: Path) -> Iterator[tuple[Any, str]]:
    """OpenImageIO's writer for a file's ending, and the name to open with it; closed here. Raises OSError.

    The file is made in memory where the system has such files, and goes to the disk from there: OpenImageIO's writers
    (3.2.2) pass over what a disk refuses in the middle, and a damaged EXR, TIFF or DPX is told from a whole one by nothing.
    """
    out = create(path)
    if not (hasattr(os, "memfd_create") and Path("/proc/self/fd").is_dir()):
        yield out, str(path)
        succeed(out, out.close())
        if path.suffix.lower() == ".png" and not _ends_as_png(path):
            raise _not_written("the file ends too early")
        return
    with os.fdopen(os.memfd_create("picture", os.MFD_CLOEXEC), "rb") as made:
        place = f"/proc/self/fd/{made.fileno()}"
        try:
            yield out, place
            succeed(out, out.close())
        except OSError as error:
            raise _not_written(str(error).replace(place, path.name)) from error
        _refuse_cut_short(made.fileno())
        with path.open("wb") as file:
            shutil.copyfileobj(made, file, _PIECE)


def create(path: Path) -> Any:
    """OpenImageIO's writer for a file's ending. Raises OSError."""
    try:
        out = oiio.ImageOutput.create(str(path).encode().decode())
    except UnicodeEncodeError as error:
        raise _not_written("its name is not UTF-8") from error
    if out is None:
        raise _not_written(_told(oiio))
    return out


def succeed(out: Any, succeeded: bool) -> None:
    """Raise OSError with the writer's reason unless it succeeded."""
    if not succeeded:
        raise _not_written(_told(out))


def open_part(path: Path, number: int) -> tuple[Any, int, Any]:
    """The opened file, and number and spec of the part to use. Raises ``BadInput``."""
    if not path.is_file():
        raise BadInput(f"frame {number} is missing: there is no file {path}; render it, or leave it out of the range")
    if path.stat().st_size == 0:
        raise BadInput(f"frame {number} is empty: {path} has 0 bytes; render it again")
    wish = oiio.ImageSpec()
    wish.attribute("oiio:UnassociatedAlpha", 1)  # PNG and TIFF colours as stored: multiplied by alpha they would round
    opened = oiio.ImageInput.open(_name_of(path, number), wish)
    if opened is None:
        raise _unreadable(path, number, _told(oiio))
    specs = [opened.spec()]
    while opened.seek_subimage(len(specs), 0):
        specs.append(opened.spec())
    _told(opened)  # the last seek's failure says where the parts end, and nothing else
    if any(spec.deep for spec in specs):
        raise BadInput(f"frame {number} ({path}) holds deep pixels; flatten it before writing it")
    try:
        part = next((index for index, spec in enumerate(specs) if find_rgb(spec.channelnames)), 0)
    except UnicodeDecodeError as error:
        raise _unreadable(path, number, "its channels' names are not UTF-8") from error
    _refuse_strange_size(path, number, specs[part])
    space = _space_of(specs[part])
    if space is not None:
        raise BadInput(f"frame {number} ({path}) holds {space} colours, which reading would change; write it as RGB")
    return opened, part, specs[part]


def text_of(spec: Any, name: str) -> str:
    """A note of a file; empty if there is none."""
    return readable(str(spec.get_string_attribute(name)))


def notes_of(spec: Any) -> list[tuple[str, Any, Any]]:
    """Name, type and value of every note that can be handed on."""
    notes = []
    for entry in spec.extra_attribs:
        value = readable(entry.value) if isinstance(entry.value, str) else entry.value
        if value is not None:  # of a type that OpenImageIO has no word for in Python
            notes.append((entry.name, entry.type, value))
    return notes


def _name_of(path: Path, number: int) -> str:
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise BadInput(f"frame {number} ({path}) has a name that is not UTF-8; rename file and folders") from error
    return str(path)


def _told(source: Any) -> str:
    """What OpenImageIO has to say, whatever bytes it quotes."""
    try:
        return str(source.geterror())
    except UnicodeDecodeError:
        return "its header holds text that is not UTF-8"


_MOST_PIXELS = 1 << 29


def _refuse_strange_size(path: Path, number: int, spec: Any) -> None:
    """A damaged header may ask for more memory than there is."""
    for what, box in (("format", display_window(spec)), ("data window", data_window(spec))):
        rows, columns = box.shape
        if min(rows, columns) < 1 or rows * columns > _MOST_PIXELS:
            raise BadInput(
                f"frame {number} ({path}) says its {what} is {columns}x{rows}; its header is damaged, or nothing here is "
                "made for it: render it again"
            )


def dtype_of(path: Path, number: int, spec: Any) -> np.dtype[Any]:
    """The pixel type. Raises ``BadInput`` for any but uint8, uint16, half and float."""
    kinds = [str(kind) for kind in spec.channelformats] or [str(spec.format)] * spec.nchannels
    strange = {name: kind for name, kind in zip(spec.channelnames, kinds, strict=True) if kind not in _DTYPES}
    if len(strange) == spec.nchannels:
        raise BadInput(f"frame {number} ({path}) stores pixels as {kinds[0]}; write it as 8 or 16 bit, half or float")
    if strange:
        named = ", ".join(f"{name} ({kind})" for name, kind in strange.items())
        raise BadInput(
            f"frame {number} ({path}) has channels that no picture here can hold: {named}; write them into a file of their "
            "own, or as half or float"
        )
    return np.dtype(_DTYPES[str(spec.format)])


def _space_of(spec: Any) -> str | None:
    """What colours a file holds if not red, green and blue, or grey, as they are; by TIFF 6.0 and JPEG's own notes."""
    if text_of(spec, "jpeg:ColorSpace") in ("CMYK", "YCbCrK"):
        return "CMYK"
    photometric = spec.get_int_attribute("tiff:PhotometricInterpretation", -1)
    if photometric == 6 and text_of(spec, "compression").startswith("jpeg"):
        return None  # as in any JPEG
    return {5: "CMYK", 6: "YCbCr", 8: "Lab", 9: "Lab", 10: "Lab"}.get(photometric)


_DTYPES = {"uint8": np.uint8, "uint16": np.uint16, "half": np.float16, "float": np.float32}


def _unreadable(path: Path, number: int, reason: str) -> Unreadable:
    detail = reason.strip().splitlines()[0] if reason.strip() else "its pixels end too early"
    text = f"frame {number} cannot be read: {path} is damaged or not a picture ({detail}); render it again"
    if "memory" in detail.lower() or "alloc" in detail.lower():
        text = f"frame {number} cannot be read: there is not enough memory for {path} ({detail}); close other programs"
    return Unreadable(text, path, detail)


def data_window(spec: Any) -> Box:
    """Where a file's pixels lie."""
    return Box(spec.x, spec.y, spec.x + spec.width, spec.y + spec.height)


def display_window(spec: Any) -> Box:
    """The format: what is looked at."""
    return Box(spec.full_x, spec.full_y, spec.full_x + spec.full_width, spec.full_y + spec.full_height)


def cut(pixels: Pixels, covered: Box, wanted: Box) -> Pixels:
    """Pixels of ``wanted`` from an array that covers ``covered``; 0 where it has none."""
    canvas = np.zeros((*wanted.shape, pixels.shape[2]), pixels.dtype)
    shared = covered.intersect(wanted)
    canvas[shared.within(wanted)] = pixels[shared.within(covered)]
    return canvas


def _refuse_cut_short(made: int) -> None:
    """Raise OSError for a file in memory that is as long as this process may make one (``ulimit -f``)."""
    limit = limits.file_bytes()
    if limit is not None and os.fstat(made).st_size >= limit:
        raise _not_written(os.strerror(errno.EFBIG))


_PIECE = 1 << 20


def _not_written(reason: str) -> OSError:
    return OSError(reason.strip().splitlines()[0] if reason.strip() else "the disk may be full")


def _ends_as_png(path: Path) -> bool:
    # OpenImageIO's PNG writer (3.2.2) reports success when the disk is full; only the missing end tells.
    with path.open("rb") as file:
        file.seek(-min(12, path.stat().st_size), 2)
        return file.read() == b"\0\0\0\0IEND\xaeB`\x82"
