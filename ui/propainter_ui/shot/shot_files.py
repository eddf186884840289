"""Plates, mattes and clean plates from what was dropped on the panel: which path is which, what it measures, reading by
frame number.

Here: a thin reader of picture sequences (OpenImageIO) and videos (PyAV), both imported when first needed. Not here:
writing (``export.py``); reading with every channel and header kept, which is ``propainter-remove``'s business.

Frame numbers are the files' own (``plate.1001.exr`` is frame 1001); videos, and names without numbers, count from 0.
"""

from __future__ import annotations

import bisect
import importlib
import re
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from propainter_wire.shot import Pixels, runs_of

IMAGE_SUFFIXES = frozenset({".exr", ".dpx", ".tif", ".tiff", ".png", ".jpg", ".jpeg"})
VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".m4v", ".mkv", ".avi", ".webm", ".mxf", ".mpg", ".mpeg", ".ts"})

_MATTE_WORDS = frozenset({"matte", "mattes", "mask", "masks", "roto", "rotos", "alpha", "key", "hole", "holes"})
_CLEAN_WORDS = (frozenset({"cleanplate"}), frozenset({"cleanplates"}), frozenset({"clean", "plate"}))
_NUMBER = re.compile(r"(\d+)(?!.*\d)")
_FRAME_LIST = re.compile(r"-?\d+(\s*-\s*-?\d+)?((\s*,\s*|\s+)-?\d+(\s*-\s*-?\d+)?)*,?")
_HD_ROWS = 720  # untagged video is Rec.709 from here on, Rec.601 below, as players assume
_KEPT_VIDEO_FRAMES = 16


class BadShot(Exception):
    """Files that make no shot. ``str()`` is one sentence with the way out."""


class Frames(Protocol):
    """A run of pictures of one size."""

    path: str
    """As it can be opened again."""
    first: int
    last: int
    width: int
    height: int
    dtype: str
    channel_names: tuple[str, ...]
    fps: float
    is_still: bool
    """One picture alone."""
    is_numbered: bool
    """Frame numbers are the files' own, not counted here."""

    def has(self, frame: int) -> bool:
        """Whether there is this frame."""

    def read(self, frame: int) -> Pixels:
        """[h, w, c] in the file's own type. Raises BadShot naming the frame."""


@dataclass(frozen=True)
class Opened:
    """A plate, a matte and a clean plate, or some of them, as found among what was dropped."""

    plate: Frames | None
    matte: Frames | None
    clean: Frames | None = None


def open_dropped(paths: Sequence[Path], *, has_plate: bool, awaits_matte: bool) -> Opened:
    """Tell plate, matte and clean plate apart among dropped paths, and open them.

    A folder may hold frames, or folders with the plate, the matte and the clean plate. A single file of a numbered
    sequence stands for all of it. What is named matte, mask, roto, alpha or key, or has one channel, is the matte; what is
    named clean plate is one (not what is named clean alone: results are), and so is one colour picture dropped on a shot
    that has its matte. Where nothing tells, the first is the plate and the second the matte, and one alone is the matte if
    a plate is waiting for its own. Raises BadShot if that leaves nothing to open, or more than one of each.
    """
    found = [open_frames(path, may_have_gaps=_is_named_clean(path)) for path in _spread(paths)]
    if not found:
        raise BadShot("there are no pictures in what was dropped; drop a folder of frames, a frame or a video")
    cleans = [frames for frames in found if _is_named_clean(Path(frames.path)) and not _matte_likeness(frames)]
    if len(found) == 1 and has_plate and not awaits_matte and _is_colour_picture(found[0]):
        cleans = found
    if not (has_plate or len(found) > 1 + len(cleans)):  # a plate of that name, whatever it was cleaned of before
        cleans = []
    rest = [frames for frames in found if frames not in cleans]
    if len(rest) > 2 or len(cleans) > 1:
        names = ", ".join(Path(frames.path).name for frames in found)
        raise BadShot(
            f"{len(found)} sequences were dropped ({names}); drop one plate and one matte, and a clean plate named "
            "cleanplate, or choose it by Open"
        )
    clean = cleans[0] if cleans else None
    if not rest:
        return Opened(None, None, clean)
    if len(rest) == 1:
        only = rest[0]
        is_matte = _matte_likeness(only) or (awaits_matte and not cleans)
        return Opened(None, only, clean) if is_matte else Opened(only, None, clean)
    one, other = rest
    if _matte_likeness(one) > _matte_likeness(other):
        one, other = other, one
    return Opened(one, other, clean)


def open_frames(path: Path, *, may_have_gaps: bool = False) -> Frames:
    """The frames a folder, a file of a sequence, a still or a video stands for. Raises BadShot.

    may_have_gaps: not every number has to be there, as of clean plates.
    """
    if path.is_dir():
        return _Sequence(str(path), _numbered(_pictures_in(path), str(path), may_have_gaps=may_have_gaps))
    if not path.exists():
        raise BadShot(f"{path} does not exist any more; drop it again from where it is now")
    suffix = path.suffix.lower()
    if suffix in VIDEO_SUFFIXES:
        return _Video(path)
    if suffix in IMAGE_SUFFIXES:
        return _Sequence(str(path), _numbered(_siblings(path), str(path), may_have_gaps=may_have_gaps))
    known = " ".join(sorted(IMAGE_SUFFIXES | VIDEO_SUFFIXES))
    raise BadShot(f"{path.name} is neither a picture nor a video this reads ({known})")


def matte_number(matte: Frames, plate: Frames, frame: int) -> int:
    """The matte's own number for a frame of the plate. Raises BadShot if the two do not fit each other."""
    if matte.is_still:
        return matte.first
    if matte.first <= plate.first and matte.last >= plate.last:
        return frame
    if matte.last - matte.first == plate.last - plate.first:
        return frame - plate.first + matte.first
    raise BadShot(
        f"the matte has frames {matte.first}–{matte.last} but the plate {plate.first}–{plate.last}; render the matte over "
        "the plate's range, or give one still"
    )


def check_fit(plate: Frames, matte: Frames) -> None:
    """Raise BadShot if a matte's size or range does not fit its plate."""
    if (matte.width, matte.height) != (plate.width, plate.height):
        raise BadShot(
            f"the matte is {matte.width}x{matte.height} but the plate is {plate.width}x{plate.height}; reformat the matte "
            "to the plate"
        )
    matte_number(matte, plate, plate.first)


def check_clean_fit(files: ShotFiles) -> None:
    """Raise BadShot if clean plates are of another size than their plate, grey, or of none of its frames."""
    plate, clean = files.plate_frames, files.clean_frames
    assert clean is not None
    name = Path(clean.path).name
    if (clean.width, clean.height) != (plate.width, plate.height):
        raise BadShot(
            f"the clean plate {name} is {clean.width}x{clean.height} but the plate is {plate.width}x{plate.height}; "
            "render it at the plate's size"
        )
    if len(clean.channel_names) < 3:
        raise BadShot(f"the clean plate {name} has no red, green and blue; write it in colour, as the plate is")
    if not files.clean_numbers():
        raise BadShot(
            f"the clean plate {name} is of none of the frames {plate.first}–{plate.last}; give it the number of the frame "
            "it shows, or none if it is for every frame"
        )


def frame_list_text(frames: Sequence[int]) -> str:
    """Frames as a list of runs: frame 1001, or frames 1001, 1040–1045."""
    runs = [str(first) if first == last else f"{first}–{last}" for first, last in runs_of(frames)]
    return f"frame{'s' * (len(frames) != 1)} {', '.join(runs)}"


def frames_listed(text: str) -> frozenset[int] | None:
    """The frames of a list such as ``1001, 1040-1045``; None for an empty one: no choice was made. Raises BadShot."""
    if not text.strip():
        return None
    runs = re.findall(r"(-?\d+)(?:\s*-\s*(-?\d+))?", text)
    if _FRAME_LIST.fullmatch(text.strip()) is None or any(last and int(last) < int(first) for first, last in runs):
        raise BadShot(f"the frames of the clean plate are '{text}', which is no list of frames; write 1001, 1040-1045")
    return frozenset(frame for first, last in runs for frame in range(int(first), int(last or first) + 1))


def reader_library(name: str) -> Any:
    """OpenImageIO or PyAV. Raises BadShot where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise BadShot(
            f"{name} cannot be loaded ({error}); install propainter-remove[ui] where the panel runs"
        ) from error


def rgb_of(pixels: Pixels, names: Sequence[str]) -> Pixels:
    """Red, green, blue of a picture, [h, w, 3]; a grey one three times."""
    if pixels.shape[2] < 3:
        return np.repeat(pixels[..., :1], 3, axis=2)
    channels = find_rgb(names)
    return np.ascontiguousarray(pixels[..., :3] if channels == (0, 1, 2) else pixels[..., channels])


def find_rgb(names: Sequence[str]) -> tuple[int, int, int]:
    """Where red, green and blue are: plain ones, else the first layer's. Raises BadShot if there are none."""
    lower = [name.lower() for name in names]
    layers = ["", *dict.fromkeys(name.rpartition(".")[0] + "." for name in lower if "." in name)]
    for layer in layers:
        for words in (("r", "g", "b"), ("red", "green", "blue")):
            if all(layer + word in lower for word in words):
                red, green, blue = (lower.index(layer + word) for word in words)
                return red, green, blue
    raise BadShot(
        f"there is no red, green and blue among the channels {', '.join(names)}; write the plate with R, G, B"
    )


def matte_of(pixels: Pixels, names: Sequence[str]) -> Pixels:
    """One channel of matte, [h, w, 1]: the only channel, an alpha that is not 1 everywhere, else luma (Rec.709)."""
    if pixels.shape[2] == 1:
        return pixels
    lower = [name.lower().rpartition(".")[2] for name in names]
    alpha = next((lower.index(word) for word in ("a", "alpha") if word in lower), None)
    if alpha is not None:
        found = pixels[..., alpha : alpha + 1]
        white = np.iinfo(found.dtype).max if np.issubdtype(found.dtype, np.integer) else 1
        if not bool((found == white).all()):
            return np.ascontiguousarray(found)
    rgb = rgb_of(pixels, names)
    if np.array_equal(rgb[..., 0], rgb[..., 1]) and np.array_equal(rgb[..., 1], rgb[..., 2]):
        return np.ascontiguousarray(rgb[..., :1])
    luma = rgb.astype(np.float32) @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    if np.issubdtype(pixels.dtype, np.integer):
        luma /= np.float32(np.iinfo(pixels.dtype).max)
    return luma[..., None]


def clean_of(pixels: Pixels, names: Sequence[str]) -> Pixels:
    """Red, green, blue and, where there is one, alpha of a clean plate, [h, w, 3 or 4]."""
    rgb = rgb_of(pixels, names)
    lower = [name.lower().rpartition(".")[2] for name in names]
    alpha = next((lower.index(word) for word in ("a", "alpha") if word in lower), None)
    return rgb if alpha is None else np.concatenate([rgb, pixels[..., alpha : alpha + 1]], axis=2)


# --- what was dropped -------------------------------------------------------------------------------------------------


def _spread(paths: Sequence[Path]) -> list[Path]:
    """Folders that hold folders of pictures, as these; several files of one sequence, as one of them."""
    spread: list[Path] = []
    for path in paths:
        inner = [] if not path.is_dir() or _pictures_in(path) else [p for p in sorted(path.iterdir()) if _has_frames(p)]
        spread.extend(inner or [path])
    sequences: dict[object, Path] = {}
    for path in spread:
        is_picture = path.is_file() and path.suffix.lower() in IMAGE_SUFFIXES
        sequences.setdefault((path.parent, *_split(path)[::2]) if is_picture else path, path)
    return list(sequences.values())


def _has_frames(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_SUFFIXES if path.is_file() else path.is_dir() and bool(_pictures_in(path))


def _pictures_in(folder: Path) -> list[Path]:
    return sorted(
        path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")
    )


def _siblings(path: Path) -> list[Path]:
    """The numbered sequence a file belongs to; itself alone if its name has no number."""
    head, number, tail = _split(path)
    if not number:
        return [path]
    return [p for p in _pictures_in(path.parent) if _split(p)[0] == head and _split(p)[2] == tail and _split(p)[1]]


def _split(path: Path) -> tuple[str, str, str]:
    """What stands before the last number of a name, the number, what stands behind."""
    match = _NUMBER.search(path.stem)
    if match is None:
        return path.stem, "", path.suffix.lower()
    return path.stem[: match.start()], match.group(), path.stem[match.end() :] + path.suffix.lower()


def _numbered(files: list[Path], path: str, *, may_have_gaps: bool) -> dict[int, Path]:
    """Files by frame number. Raises BadShot if there are none, several sequences, or gaps where there may be none."""
    if not files:
        raise BadShot(f"there are no pictures in {path}; drop a folder of frames, a frame or a video")
    kinds = {_split(file)[::2] for file in files}
    if len(kinds) > 1:
        some = ", ".join(sorted(head + "#" + tail for head, tail in kinds)[:3])
        raise BadShot(f"{path} holds several sequences ({some}); drop one frame of the one that is meant")
    if any(not _split(file)[1] for file in files):
        return dict(enumerate(files))
    numbers = {int(_split(file)[1]): file for file in files}
    missing = sorted(set(range(min(numbers), max(numbers) + 1)) - numbers.keys())
    if missing and not may_have_gaps:
        raise BadShot(f"frame {missing[0]} of {path} is missing ({len(missing)} in all); render it, then drop again")
    return numbers


def _is_named_clean(path: Path) -> bool:
    """Whether a sequence, or the folder a file lies in, is named as a clean plate's is."""
    names = [path.stem, path.parent.name] if path.suffix else [path.name]
    return any(words <= set(re.split("[^a-z]+", name.lower())) for name in names for words in _CLEAN_WORDS)


def _is_colour_picture(frames: Frames) -> bool:
    return frames.is_still and len(frames.channel_names) >= 3 and not _matte_likeness(frames)


def _matte_likeness(frames: Frames) -> int:
    """How much speaks for a matte: one channel, its own name, the name of a file's folder."""
    path = Path(frames.path)
    names = [path.stem, path.parent.name] if path.suffix else [path.name]
    weights = (2, 1)
    named = sum(
        w for w, name in zip(weights, names, strict=False) if _MATTE_WORDS & set(re.split("[^a-z]+", name.lower()))
    )
    return named + 3 * (len(frames.channel_names) == 1)


# --- sequences --------------------------------------------------------------------------------------------------------


class _Sequence:
    """Numbered picture files."""

    fps = 24.0

    def __init__(self, path: str, files: dict[int, Path]) -> None:
        self.path = path
        self.files = files
        self.first, self.last = min(files), max(files)
        self.is_still = len(files) == 1
        self.is_numbered = bool(_split(files[self.first])[1])
        self.width, self.height, self.dtype, self.channel_names = _header(files[self.first])

    def has(self, frame: int) -> bool:
        return frame in self.files

    def read(self, frame: int) -> Pixels:
        path = self.files.get(frame)
        if path is None:
            raise BadShot(f"frame {frame} is outside {self.first}–{self.last} of {self.path}; choose one within")
        pixels = _read_picture(path)
        if pixels.shape[:2] != (self.height, self.width):
            raise BadShot(
                f"{path.name} is {pixels.shape[1]}x{pixels.shape[0]} but frame {self.first} is "
                f"{self.width}x{self.height}; render all frames at one size"
            )
        return pixels if pixels.dtype.name == self.dtype else pixels.astype(self.dtype)


_DTYPES = {"uint8": "uint8", "uint16": "uint16", "half": "float16", "float": "float32"}


def _header(path: Path) -> tuple[int, int, str, tuple[str, ...]]:
    opened = _open_picture(path)
    spec = opened.spec()
    opened.close()
    dtype = _DTYPES.get(str(spec.format))
    if dtype is None:
        raise BadShot(f"{path.name} stores pixels as {spec.format}; write it as 8 or 16 bit, half or float")
    return spec.full_width, spec.full_height, dtype, tuple(spec.channelnames)


def _read_picture(path: Path) -> Pixels:
    """[h, w, c] over the display window; what lies outside the data window is 0."""
    opened = _open_picture(path)
    spec = opened.spec()
    stored = opened.read_image(0, 0, 0, spec.nchannels, "unknown")
    problem = opened.geterror()
    opened.close()
    if stored is None or problem:
        raise BadShot(f"{path.name} cannot be read ({_first_line(problem)}); render it again")
    left, top = spec.x - spec.full_x, spec.y - spec.full_y
    if (left, top, spec.width, spec.height) == (0, 0, spec.full_width, spec.full_height):
        pixels: Pixels = stored
        return pixels
    canvas = np.zeros((spec.full_height, spec.full_width, spec.nchannels), stored.dtype)
    rows = slice(max(0, top), min(spec.full_height, top + spec.height))
    columns = slice(max(0, left), min(spec.full_width, left + spec.width))
    canvas[rows, columns] = stored[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    return canvas


def _open_picture(path: Path) -> Any:
    oiio = reader_library("OpenImageIO")
    wish = oiio.ImageSpec()
    wish.attribute("oiio:UnassociatedAlpha", 1)  # colours as stored
    opened = oiio.ImageInput.open(str(path), wish)
    if opened is None:
        raise BadShot(f"{path.name} cannot be read ({_first_line(oiio.geterror())}); render it again")
    return opened


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else "its pixels end too early"


# --- videos -----------------------------------------------------------------------------------------------------------


class _Video:
    """A video's frames by index from 0, exactly: told apart by presentation time, decoded on from the last keyframe."""

    is_still, is_numbered = False, True
    first = 0
    channel_names: tuple[str, ...] = ("R", "G", "B")

    def __init__(self, path: Path) -> None:
        av = reader_library("av")
        self.path = str(path)
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, Pixels] = OrderedDict()
        self._next = -1
        self._decoded: Iterator[Any] = iter(())
        try:
            self._container = av.open(self.path)
            self._stream = self._container.streams.video[0]
            self._stream.codec_context.thread_type = "AUTO"
            self._times, self._keys = self._index()
            first = self.read(0)
        except (av.FFmpegError, IndexError) as error:
            raise BadShot(f"{path.name} cannot be read as a video ({error}); export it again") from error
        self.last = len(self._times) - 1
        self.height, self.width = first.shape[:2]
        self.dtype = first.dtype.name
        self.fps = float(self._stream.average_rate or 24)

    def has(self, frame: int) -> bool:
        return self.first <= frame <= self.last

    def read(self, frame: int) -> Pixels:
        with self._lock:
            if frame not in self._kept:
                self._kept[frame] = self._to_rgb(self._decode(frame))
            self._kept.move_to_end(frame)
            while len(self._kept) > _KEPT_VIDEO_FRAMES:
                self._kept.popitem(last=False)
            return self._kept[frame]

    def _index(self) -> tuple[list[int], list[int]]:
        """Presentation times in order, and the indices of keyframes. Raises BadShot where the file tells none."""
        packets = [p for p in self._container.demux(self._stream) if p.size and not p.is_discard]
        times = [p.pts for p in packets if p.pts is not None]
        if not times or len(set(times)) < len(packets):
            raise BadShot(f"{Path(self.path).name} does not tell when its frames are shown; export it as frames")
        order = sorted(times)
        keys = sorted(bisect.bisect_left(order, p.pts) for p in packets if p.is_keyframe and p.pts is not None)
        return order, keys or [0]

    def _decode(self, frame: int) -> Any:
        key = self._keys[max(0, bisect.bisect_right(self._keys, frame) - 1)]
        if not key <= self._next <= frame:
            self._container.seek(self._times[key], stream=self._stream, backward=True)
            self._decoded = self._container.decode(self._stream)
        wanted = self._times[frame]
        for picture in self._decoded:
            if picture.pts is not None and picture.pts >= wanted:
                self._next = frame + 1
                if picture.pts == wanted:
                    return picture
                break
        self._next = -1
        raise BadShot(f"frame {frame} of {Path(self.path).name} cannot be decoded; export the video again or as frames")

    @staticmethod
    def _to_rgb(picture: Any) -> Pixels:
        Colorspace = reader_library("av.video.reformatter").Colorspace
        is_deep = max(component.bits for component in picture.format.components) > 8
        untagged = Colorspace.ITU709 if picture.height >= _HD_ROWS else Colorspace.ITU601
        matrix = {1: Colorspace.ITU709, 5: Colorspace.ITU601, 6: Colorspace.ITU601}.get(picture.colorspace, untagged)
        layout = "rgb48le" if is_deep else "rgb24"
        return np.ascontiguousarray(
            picture.reformat(format=layout, src_colorspace=matrix, dst_colorspace=matrix).to_ndarray()
        )


# --- a shot's pictures ------------------------------------------------------------------------------------------------


class ShotFiles:
    """A plate, its matte and its clean plates by the plate's frame numbers.

    clean_only: frames whose clean plate counts; None: all that there are.
    """

    def __init__(
        self,
        plate: Frames,
        matte: Frames | None,
        clean: Frames | None = None,
        clean_only: frozenset[int] | None = None,
    ) -> None:
        self.plate_frames = plate
        self.matte_frames = matte
        self.clean_frames = clean
        self.clean_only = clean_only
        self._still: Pixels | None = None

    def plate(self, frame: int) -> Pixels:
        """RGB in the plate's own type. Raises BadShot."""
        return rgb_of(self.plate_frames.read(frame), self.plate_frames.channel_names)

    def matte(self, frame: int) -> Pixels | None:
        """[h, w, 1], 1 (or full scale) = remove; None without a matte. Raises BadShot."""
        matte = self.matte_frames
        if matte is None:
            return None
        if self._still is not None:
            return self._still
        found = matte_of(matte.read(matte_number(matte, self.plate_frames, frame)), matte.channel_names)
        if matte.is_still:
            self._still = found
        return found

    def clean_number(self, frame: int) -> int | None:
        """The clean plate's own number for a frame; None: the frame has none.

        One picture alone is of every frame, unless it bears the number of one of the plate's; several are of the frames
        whose numbers they bear.
        """
        clean, plate = self.clean_frames, self.plate_frames
        if clean is None or (self.clean_only is not None and frame not in self.clean_only):
            return None
        is_everywhere = clean.is_still and not (clean.is_numbered and plate.first <= clean.first <= plate.last)
        if is_everywhere:
            return clean.first
        return frame if clean.has(frame) else None

    def clean_numbers(self) -> tuple[int, ...]:
        """The plate's frames that have a clean plate."""
        frames = range(self.plate_frames.first, self.plate_frames.last + 1)
        return tuple(frame for frame in frames if self.clean_number(frame) is not None)

    def clean(self, frame: int) -> Pixels | None:
        """[h, w, 3 or 4], the fourth channel above half of full scale where it holds; None for a frame without one.
        Raises BadShot.
        """
        number = self.clean_number(frame)
        if self.clean_frames is None or number is None:
            return None
        return clean_of(self.clean_frames.read(number), self.clean_frames.channel_names)
