"""Numbered images on disk as a host shows them to a plugin, and its results as files like the plate's.

Here: folders, patterns (``plate.%04d.exr``, ``plate.####.exr``) and single stills; which channels are the picture; windows.
Not here: reading and writing files, which ``propainter_pictures`` does; movies; clips for a plugin (``images.py``). Pixels
keep the file's depth and numbers: alpha is neither multiplied nor divided out. Frame numbers are a host's, not the
command's: always those in the names.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from collections.abc import Sequence as Items
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio

from propainter_host.errors import SequenceError
from propainter_host.images import Array, Frame, NumpyClip, Rect, place, to_components, to_depth
from propainter_pictures.errors import RemoveError, Unreadable
from propainter_pictures.formats import IMAGE_SUFFIXES
from propainter_pictures.frame import find_alpha, find_rgb
from propainter_pictures.stored import (
    OIIO_NAMES,
    STALE_ATTRIBUTES,
    create,
    notes_of,
    read_spec,
    read_stored,
    write_stored,
)
from propainter_pictures.whole_files import make_folder, replacing

_TYPES = {"uint8": "Byte", "uint16": "Short", "half": "Half", "float": "Float"}
_PLACEHOLDER = re.compile(r"%0?(\d*)d|(#+)")
_NUMBERED = re.compile(r"^(.*?)((?:(?<![^._\s])-)?\d+)(\.[A-Za-z]+)$")
_KEPT_BYTES = 1 << 30
"""Of one clip's pictures: plugins with temporal access come back to the same frames for every frame they render."""


@dataclass(frozen=True)
class Sequence:
    """Images by frame number, or one still for every frame (then its number is None)."""

    files: dict[int | None, Path]
    pattern: str
    """The file name with a placeholder such as %04d, for files of the same name elsewhere."""

    @property
    def is_still(self) -> bool:
        """Whether one image stands for all frames."""
        return None in self.files

    @property
    def numbers(self) -> list[int]:
        """The frames there are, in order; 1 for a still."""
        return sorted(number for number in self.files if number is not None) or [1]

    @property
    def any_file(self) -> Path:
        """One of the files, to learn size and depth from."""
        return next(iter(self.files.values()))

    def path(self, number: int) -> Path | None:
        """The file of a frame, or None where there is none."""
        return self.files.get(number, self.files.get(None))


def find_sequence(given: str) -> Sequence:
    """The images a shell argument means: a folder, a pattern or one image.

    Raises: SequenceError, naming what is there instead.
    """
    path = Path(given)
    if path.is_dir():
        return _in_folder(path)
    if _PLACEHOLDER.search(path.name):
        return _by_pattern(path)
    if path.is_file():
        return Sequence({None: path}, path.name)
    raise SequenceError(f"there is no image, folder or pattern {given}; a pattern looks like plate.%04d.exr")


def _in_folder(folder: Path) -> Sequence:
    runs: dict[str, dict[int | None, Path]] = {}
    for path in sorted(folder.iterdir()):
        match = _NUMBERED.match(path.name)
        if match and path.suffix.lower() in IMAGE_SUFFIXES:
            stem, digits, suffix = match.groups()
            runs.setdefault(f"{stem}%0{len(digits)}d{suffix}", {})[int(digits)] = path
    if not runs:
        raise SequenceError(f"the folder {folder} holds no numbered images ({', '.join(sorted(IMAGE_SUFFIXES))})")
    if len(runs) > 1:
        raise SequenceError(f"the folder {folder} holds several sequences; name one: {', '.join(sorted(runs))}")
    pattern, files = runs.popitem()
    return Sequence(files, pattern)


def _by_pattern(path: Path) -> Sequence:
    placeholder = _PLACEHOLDER.search(path.name)
    assert placeholder
    before, after = path.name[: placeholder.start()], path.name[placeholder.end() :]
    wanted = re.compile(re.escape(before) + r"(-?\d+)" + re.escape(after) + "$")
    entries = path.parent.iterdir() if path.parent.is_dir() else ()
    files: dict[int | None, Path] = {
        int(match.group(1)): entry for entry in sorted(entries) if (match := wanted.match(entry.name))
    }
    if not files:
        raise SequenceError(f"no image matches {path}; check the folder and the part around the frame number")
    return Sequence(files, path.name)


def file_of_frame(pattern: str, number: int) -> str:
    """The pattern with the frame's number in place of its %04d or ####; unchanged when there is none."""

    def digits(match: re.Match[str]) -> str:
        return f"{number:0{int(match.group(1) or 1) if match.group(2) is None else len(match.group(2))}d}"

    return _PLACEHOLDER.sub(digits, pattern, count=1)


def has_placeholder(name: str) -> bool:
    """Whether a name can stand for many frames."""
    return bool(_PLACEHOLDER.search(name))


# Reading.


def picture_clip(sequence: Sequence, *, span: tuple[int, int]) -> NumpyClip:
    """A plate: RGB or RGBA; one channel is shown as grey. span: the frames a still stands for."""
    spec = _spec(sequence.any_file)
    has_alpha = len(_channel_order(spec.channelnames)) in (2, 4)
    return _clip(sequence, span, functools.partial(_as_picture, has_alpha=has_alpha))


def matte_clip(sequence: Sequence, *, span: tuple[int, int]) -> NumpyClip:
    """A matte of one channel: a lone channel, the alpha when it is not 1 everywhere, or else the luma (Rec. 709)."""
    return _clip(sequence, span, _as_matte)


def _clip(sequence: Sequence, span: tuple[int, int], shape: Callable[[Array], Array]) -> NumpyClip:
    first, last = span if sequence.is_still else (sequence.numbers[0], sequence.numbers[-1])
    spec = _spec(sequence.any_file)

    kept = max(2, _KEPT_BYTES // max(1, int(spec.image_bytes())))

    @functools.lru_cache(maxsize=kept)
    def read(path: Path) -> Frame:
        return read_image(path, shape)

    def fetch(number: int) -> Frame | None:
        path = sequence.path(number)
        return read(path) if path else None

    is_unpremultiplied = bool(spec.get_int_attribute("oiio:UnassociatedAlpha", 0))
    has_alpha = len(_channel_order(spec.channelnames)) in (2, 4)
    return NumpyClip(
        fetch,
        first=first,
        last=last,
        premultiplication="unpremultiplied" if has_alpha and is_unpremultiplied else None,
        pixel_aspect=spec.get_float_attribute("PixelAspectRatio", 1.0) or 1.0,
    )


def read_image(path: Path, shape: Callable[[Array], Array]) -> Frame:
    """One file: its channels put in order and through `shape`, and where its data window lies in the display window.

    Raises: SequenceError.
    """
    with _in_words(path):
        stored = read_stored(path, 0, strange="float")  # a plugin can see no other type
    spec = stored.spec
    ordered = np.ascontiguousarray(stored.pixels[..., _channel_order(spec.channelnames)])
    return Frame(shape(ordered), (stored.data.left - stored.display.left, stored.display.bottom - stored.data.bottom))


def _spec(path: Path) -> Any:
    with _in_words(path):
        return read_spec(path, 0)


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    """What reading and writing pictures refuses, as SequenceError."""
    try:
        yield
    except Unreadable as error:
        raise SequenceError(f"{path} is no image that can be opened: {error.reason}") from error
    except RemoveError as error:
        raise SequenceError(str(error)) from error


def _channel_order(names: Items[str]) -> list[int]:
    """Indices of R G B A, R G B, Y A or the first channel, by name where there are names, else by place."""
    rgb, alpha = find_rgb(names), find_alpha(names)
    if rgb is not None:
        return [*rgb] if alpha is None else [*rgb, alpha]
    grey = [name.upper().rpartition(".")[2] for name in names]
    if "Y" in grey and "A" in grey:
        return [grey.index("Y"), grey.index("A")]
    return list(range(len(names))) if len(names) in (3, 4) else [0]


def _as_picture(pixels: Array, *, has_alpha: bool) -> Array:
    colour = pixels[..., :3] if pixels.shape[2] > 2 else np.repeat(pixels[..., :1], 3, axis=2)
    if not has_alpha:
        return colour
    if pixels.shape[2] in (2, 4):
        return np.concatenate([colour, pixels[..., -1:]], axis=2)
    return to_components(colour, "RGBA")


def _as_matte(pixels: Array) -> Array:
    if pixels.shape[2] == 1:
        return pixels
    one = 1 if pixels.dtype.kind == "f" else np.iinfo(pixels.dtype).max
    if pixels.shape[2] in (2, 4) and not (pixels[..., -1] == one).all():
        return pixels[..., -1:]
    if pixels.shape[2] == 2:
        return pixels[..., :1]
    luma = pixels[..., :3].astype(np.float64) @ (0.2126, 0.7152, 0.0722)
    rounded: Array = np.floor(luma + 0.5) if pixels.dtype.kind == "u" else luma
    return rounded.astype(pixels.dtype)[..., None]


# Writing.


@dataclass(frozen=True)
class Writer:
    """Writes frames the way the plate was stored."""

    output: str
    """A pattern, or one file name for a single frame."""
    plate: Sequence
    scale: float = 1.0

    @staticmethod
    def for_output(given: str, plate: Sequence, frames: list[int], *, scale: float = 1.0) -> Writer:
        """A writer into a pattern, a file, or a folder (then files are called as the plate's).

        Raises: SequenceError when frames would overwrite each other or the plate, or the format is unknown.
        """
        output = given
        if not Path(given).suffix or Path(given).is_dir():
            output = str(Path(given) / plate.pattern)
        if Path(output).suffix.lower() not in IMAGE_SUFFIXES:
            raise SequenceError(
                f"{output} is no image format known here; end it in {', '.join(sorted(IMAGE_SUFFIXES))}"
            )
        if len(frames) > 1 and not has_placeholder(Path(output).name):
            raise SequenceError(f"{len(frames)} frames cannot all be {output}; put %04d where the frame number goes")
        sources = {path.resolve() for path in plate.files.values()}
        if any(Path(file_of_frame(output, number)).resolve() in sources for number in frames):
            raise SequenceError(f"{output} would overwrite the source; choose another folder or name")
        return Writer(output, plate, scale)

    def write(self, number: int, pixels: Array, window: Rect) -> Path:
        """One frame: (h, w, c), top-down, covering `window` (y up, from the display window's corner). Returns the file.

        Raises: SequenceError.
        """
        path = Path(file_of_frame(self.output, number))
        make_folder(path.parent)
        like = _spec(self.plate.path(number) or self.plate.any_file)
        display = Rect(0, 0, round(like.full_width * self.scale), round(like.full_height * self.scale))
        with _in_words(path), replacing(path) as partial:
            if not create(partial).supports("displaywindow"):
                pixels, window = place(pixels, window, display), display
            pixels = to_components(pixels, "RGBA" if len(_channel_order(like.channelnames)) in (2, 4) else "RGB")
            pixels = np.ascontiguousarray(to_depth(pixels, _file_depth(path.suffix.lower(), self.plate, like)))
            write_stored(partial, self._spec_like(like, path, pixels, window, display), pixels)
        return path

    def _spec_like(self, like: Any, path: Path, pixels: Array, window: Rect, display: Rect) -> Any:
        """What the file says of itself: as the plate's file, as far as both formats know the same words."""
        height, width, channels = pixels.shape
        spec = oiio.ImageSpec(width, height, channels, OIIO_NAMES[pixels.dtype.name])
        spec.full_width, spec.full_height = display.width, display.height
        spec.x, spec.y = int(window.x1), int(display.y2 - window.y2)
        is_same_format = path.suffix.lower() == self.plate.any_file.suffix.lower()
        for name, kind, value in notes_of(like):
            if name in STALE_ATTRIBUTES:
                continue
            if is_same_format or name in ("PixelAspectRatio", "oiio:UnassociatedAlpha", "smpte:TimeCode"):
                spec.attribute(name, kind, value)
        return spec


def _file_depth(suffix: str, plate: Sequence, like: Any) -> str:
    """As deep as the plate's files, as far as the format goes."""
    have = _TYPES.get(str(like.format), "Float")
    if suffix == plate.any_file.suffix.lower():
        return have
    if suffix == ".exr":
        return have if have in ("Half", "Float") else "Half"
    if suffix in (".jpg", ".jpeg"):
        return "Byte"
    return "Byte" if have == "Byte" else "Short"
