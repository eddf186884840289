"""Plates, mattes and clean plates as runs of numbered frames: what a path means, reading by frame number.

Here: ``open_source`` (folder, pattern, still or video -> ``FrameSource``). Not here: numbers in names (``names.py``), what
is inside one picture file (``images.py``) or video (``video.py``), which frames of a plate, a matte and a clean plate
belong together (``pairing.py``), writing (``results.py``).

Frame numbers are the host's: a file's own number (``plate.1001.exr`` is frame 1001). Where names tell none, and in
videos, frames count from 0.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from propainter_pictures.errors import BadInput
from propainter_pictures.formats import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from propainter_pictures.frame import Frame
from propainter_pictures.frame_range import FrameRange
from propainter_pictures.images import read_all_parts, read_image, read_info
from propainter_pictures.names import FilePattern, FoundFrames, frames_in_folder, numbered
from propainter_pictures.orientation import Turn
from propainter_pictures.stored import Box

if TYPE_CHECKING:
    from propainter_pictures.video_facts import VideoFacts


class FrameSource(ABC):
    """A plate, matte or clean plate, by frame number. Close it, or use it in a ``with`` statement."""

    path: str
    """As it was given."""
    range: FrameRange
    """First and last frame there is; some between may be missing, see ``require``."""
    size: tuple[int, int]
    """Width and height of every frame (display window)."""
    dtype: np.dtype[Any]
    """Pixel type of the first frame."""
    channel_names: tuple[str, ...]
    """Channels of the first frame."""
    fps: Fraction | None = None
    """Frames a second, if known."""
    pixel_aspect: Fraction = Fraction(1)
    """Width of a pixel by its height."""
    turn: Turn = Turn()
    """What made its pictures upright."""
    video: VideoFacts | None = None
    """What a video is besides its pictures; None: these are picture files."""
    is_still: bool = False
    """Whether it is one picture."""
    labels: Sequence[int] | None = None
    """The numbers in the files' names, in the frames' order: not the frame numbers where these step evenly by more than 1.
    None where names tell none, and in videos."""

    @property
    def numbers(self) -> Sequence[int]:
        """Every frame there is, in order."""
        return range(self.range.first, self.range.last + 1)

    def has(self, number: int) -> bool:
        """Whether there is such a frame."""
        return self.range.first <= number <= self.range.last

    def check_sizes(self, numbers: Iterable[int]) -> None:  # noqa: B027 - a video has one size
        """Make sure, as far as headers tell, that these frames are of one size. Raises ``BadInput``."""

    @abstractmethod
    def file(self, number: int) -> Path:
        """The file that holds a frame. Raises ``BadInput`` if it is missing."""

    @abstractmethod
    def read(self, number: int) -> Frame:
        """One frame. Raises ``BadInput`` naming it if it is missing, unreadable or of another size."""

    def read_all_parts(self, number: int) -> Frame:
        """The same with the channels of every part of its file, for mattes."""
        return self.read(number)

    @abstractmethod
    def require(self, wanted: FrameRange) -> None:
        """Make sure, as far as headers tell, that every frame of a range is there and of one size.

        Raises ``BadInput`` naming the frames and the way out.
        """

    @property
    def widest(self) -> np.dtype[Any]:
        """The pixel type that holds every frame looked at so far, or the first frame's where there is none."""
        return self.dtype

    @property
    def grey_among_colours(self) -> tuple[int, int] | None:
        """A grey frame and one in colour among those whose headers were looked at; None: all are of one kind."""
        return None

    def turn_also(self, turn: Turn) -> None:
        """From now on turn its pictures so: a matte that was drawn on a plate as it is stored, not as it is shown."""
        raise BadInput(f"{self.path} is not rotated as the plate is; render it at the plate's size")

    @property
    def data(self) -> Box | None:
        """What all frames looked at so far hold, seen from the display window's corner; None: never more than that."""
        return None

    def over(self, reach: Box) -> None:  # noqa: B027 - most have no overscan
        """From now on read frames over this box, seen from the display window's corner; ``size`` is then its size."""

    @abstractmethod
    def file_name(self, number: int) -> str:
        """A file name for this frame; a lossless format's ending."""

    @property
    @abstractmethod
    def files(self) -> frozenset[Path]:
        """Every file it reads, resolved."""

    def close(self) -> None:  # noqa: B027 - picture files are open only while they are read
        """Let go of open files."""

    def __enter__(self) -> FrameSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _refuse_outside(self, wanted: FrameRange) -> None:
        if wanted.first < self.range.first or wanted.last > self.range.last:
            raise BadInput(
                f"frames {_span(wanted)} are asked for but {self.path} holds {_span(self.range)}; "
                f"choose a range within {_span(self.range)}"
            )


def share_overscan(plate: FrameSource, *others: FrameSource) -> None:
    """Read all of them over whatever lies beyond the display window and all of them hold; ``require`` came first.

    What only some hold there stays out: nothing is removed where there is no matte.
    """
    held = [source.data for source in (plate, *others)]
    display = shared = Box(0, 0, *plate.size)
    first, *rest = held
    if first is not None:
        shared = first
        for each in rest:
            shared = shared.intersect(display if each is None else each)
    reach = display.union(shared)
    if reach != display and all(shared.shape):
        for source in (plate, *others):
            source.over(reach)


def open_source(path: str) -> FrameSource:
    """Open what a path names.

    * a folder: its picture files (other files and hidden ones are left aside). If all names differ in one number
      (``plate.1001.exr``, ``shot_1001_v02.exr``, ``plate.-012.exr``), that is the frame number. Otherwise frames count
      from 0 in plain lexicographic order of names. Where the numbers step evenly by more than 1 they count from 0, too;
      ``labels`` has what the names say.
    * a pattern in the file name: ``plate.%04d.exr`` or ``plate.####.exr``
    * one picture (a still; its number as in a folder) or one video file.

    Raises ``BadInput`` if there is nothing to read, or if a folder's files are of two formats or two sequences.
    """
    try:
        return _opened(path)
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror or error}); check its name and permissions") from error
    except ValueError as error:
        if "\0" not in path:
            raise
        raise BadInput(f"{path!r} is not a file name; give a folder, a pattern or a video") from error


def _opened(path: str) -> FrameSource:
    here = Path(path)
    pattern = None if here.exists() else FilePattern.parse(path)
    if pattern:
        return _ImageSequence(path, FoundFrames.named(pattern.matches()))
    if here.is_dir():
        return _ImageSequence(path, frames_in_folder(here))
    if not here.exists():
        raise BadInput(f"{path} does not exist; give a folder of frames, a pattern like plate.%04d.exr, or a video")
    if here.suffix.lower() in VIDEO_SUFFIXES:
        return _VideoSource(path)
    if here.suffix.lower() in IMAGE_SUFFIXES:
        return _ImageSequence(path, numbered([here]))
    known = " ".join(sorted(IMAGE_SUFFIXES | VIDEO_SUFFIXES))
    raise BadInput(f"{path} is neither a picture nor a video that can be read ({known}); convert it to one of these")


def open_numbered(path: str, found: FoundFrames) -> FrameSource:
    """Open picture files whose frame numbers somebody knows, called ``path`` as a whole. Raises ``BadInput``."""
    return _ImageSequence(path, found)


class _ImageSequence(FrameSource):
    def __init__(self, path: str, found: FoundFrames) -> None:
        self.path = path
        self._files = files = found.files
        self.labels = found.labels
        numbers = sorted(files)
        self.range = FrameRange(numbers[0], numbers[-1])
        self.is_still = len(files) == 1
        info = read_info(files[numbers[0]], numbers[0])
        self.size, self.dtype, self.channel_names = info.size, info.dtype, info.channel_names
        self.fps, self.pixel_aspect = info.fps, info.pixel_aspect
        self._display, self._data = info.size, info.data
        self._reach: Box | None = None
        self.turn, self._extra, self._widest = info.turn, Turn(), info.dtype
        self._first_of: dict[str, int] = {}

    @property
    def numbers(self) -> Sequence[int]:
        return tuple(self._files)

    def has(self, number: int) -> bool:
        return number in self._files

    def read(self, number: int) -> Frame:
        return self._checked(read_image(self.file(number), number, reach=self._reach))

    def read_all_parts(self, number: int) -> Frame:
        return self._checked(read_all_parts(self.file(number), number, reach=self._reach))

    def _checked(self, frame: Frame) -> Frame:
        self._refuse_size(frame.number, frame.displayed().size)
        return replace(frame, pixels=self._extra.upright(frame.pixels)) if self._extra else frame

    def require(self, wanted: FrameRange) -> None:
        self._refuse_outside(wanted)
        there = [number for number in sorted(self._files) if wanted.first <= number <= wanted.last]
        if len(there) < len(wanted):
            gap = next(number for number in count(wanted.first) if number not in self._files)
            raise BadInput(
                f"{len(wanted) - len(there)} of the frames {_span(wanted)} of {self.path} are missing, the first is "
                f"{gap}; render them or choose a range without them"
            )
        self.check_sizes(there)

    def check_sizes(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            info = read_info(self._files[number], number)
            self._refuse_size(number, info.size)
            self._first_of.setdefault("grey" if len(info.channel_names) <= 2 else "colour", number)
            if {info.dtype.kind, self._widest.kind} in ({"u"}, {"f"}):
                self._widest = max(self._widest, info.dtype, key=lambda dtype: dtype.itemsize)
            assert info.data is not None and self._data is not None
            self._data = self._data.union(info.data)

    @property
    def data(self) -> Box | None:
        return None if self._extra else self._data

    @property
    def widest(self) -> np.dtype[Any]:
        return self._widest

    @property
    def grey_among_colours(self) -> tuple[int, int] | None:
        return (self._first_of["grey"], self._first_of["colour"]) if len(self._first_of) == 2 else None

    def turn_also(self, turn: Turn) -> None:
        self._extra = turn
        self.size = turn.size(*self.size)

    def over(self, reach: Box) -> None:
        self._reach = reach
        self.size = reach.shape[1], reach.shape[0]

    def file_name(self, number: int) -> str:
        file = self.file(number)
        return file.name if file.suffix.lower() not in (".jpg", ".jpeg") else f"{file.stem}.png"

    @property
    def files(self) -> frozenset[Path]:
        return frozenset(file.resolve() for file in self._files.values())

    def file(self, number: int) -> Path:
        if number not in self._files:
            raise BadInput(f"frame {number} of {self.path} is missing; render it or choose a range without it")
        return self._files[number]

    def _refuse_size(self, number: int, size: tuple[int, int]) -> None:
        if size != self._display:
            raise BadInput(
                f"frame {number} ({self._files[number].name}) is {size[0]}x{size[1]} but frame {self.range.first} is "
                f"{self._display[0]}x{self._display[1]}; bring all frames of {self.path} to one size"
            )


class _VideoSource(FrameSource):
    def __init__(self, path: str) -> None:
        from propainter_pictures.video import VideoReader  # PyAV only for a video: not all who read pictures have it

        self.path = path
        self._reader = VideoReader(Path(path))
        self.range = FrameRange(0, self._reader.count - 1)
        self.size, self.dtype, self.video = self._reader.size, self._reader.dtype, self._reader.facts
        self.turn = self._reader.turn
        self.fps, self.pixel_aspect = self.video.fps, self.video.pixel_aspect
        self.is_still = self._reader.count == 1
        self.channel_names = self._reader.channel_names

    def file(self, number: int) -> Path:
        return Path(self.path)

    def read(self, number: int) -> Frame:
        self._refuse_outside(FrameRange(number, number))
        samples = self._reader.read_samples(number)
        pixels = samples.rgb if samples.alpha is None else np.dstack([samples.rgb, samples.alpha])
        if (pixels.shape[1], pixels.shape[0]) != self.size:
            raise BadInput(
                f"frame {number} of {self.path} is {pixels.shape[1]}x{pixels.shape[0]} but frame 0 is "
                f"{self.size[0]}x{self.size[1]}; export the video at one size"
            )
        return Frame(pixels, self.channel_names, number, Path(self.path), video=samples)

    def require(self, wanted: FrameRange) -> None:
        self._refuse_outside(wanted)

    def file_name(self, number: int) -> str:
        return f"{Path(self.path).stem}.{number:04d}.png"

    @property
    def files(self) -> frozenset[Path]:
        return frozenset({Path(self.path).resolve()})

    def close(self) -> None:
        self._reader.close()


def _span(frames: FrameRange) -> str:
    return f"{frames.first}-{frames.last}" if len(frames) > 1 else str(frames.first)
