"""Plates, mattes and results as runs of numbered frames: what a path means, reading by frame number, writing safely.

Here: ``open_source`` (folder, pattern, still or video -> ``FrameSource``), ``open_sink`` (the same, to write),
``read_matte`` and ``check_finite``. Not here: what is inside one picture file (``images.py``, whose ``Frame`` is handed
on from here) or video (``video.py``); colour (``color.py``).

Frame numbers are the host's: a file's own number (``plate.1001.exr`` is frame 1001). Where names tell none, and in
videos, frames count from 0.
"""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import count, pairwise
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from propainter_pictures.color import to_display
from propainter_pictures.errors import BadInput, OutputError
from propainter_pictures.frame_range import FrameRange
from propainter_pictures.images import (
    HOLDS,
    IMAGE_SUFFIXES,
    Frame,
    formats_for,
    partial_name,
    read_image,
    read_info,
    unwritable,
    write_image,
)
from propainter_pictures.video import DEFAULT_FPS, VIDEO_SUFFIXES, VideoReader, VideoWriter

__all__ = [
    "Frame",
    "FrameSink",
    "FrameSource",
    "NonFinite",
    "check_finite",
    "open_sink",
    "open_source",
    "read_matte",
]


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
    fps: Fraction | None = None
    """Frames a second, if known."""
    is_still: bool = False
    """Whether it is one picture, which as a matte holds for every frame."""

    def has(self, number: int) -> bool:
        """Whether there is such a frame."""
        return self.range.first <= number <= self.range.last

    @abstractmethod
    def read(self, number: int) -> Frame:
        """One frame. Raises ``BadInput`` naming it if it is missing, unreadable or of another size."""

    @abstractmethod
    def require(self, wanted: FrameRange) -> None:
        """Make sure, as far as headers tell, that every frame of a range is there and of one size.

        Raises ``BadInput`` naming the frames and the way out.
        """

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


class FrameSink(ABC):
    """Where results go. In a ``with`` statement; leaving it by an exception leaves no half-written file behind."""

    @abstractmethod
    def write(self, number: int, frame: Frame) -> None:
        """Store one frame. Raises ``OutputError`` naming the file, the reason and the way out."""

    @abstractmethod
    def file(self, number: int) -> Path:
        """The file that holds, or will hold, this frame."""

    @abstractmethod
    def close(self) -> None:
        """Complete the output."""

    @abstractmethod
    def abandon(self) -> None:
        """Remove what is incomplete; whole picture files stay."""

    def __enter__(self) -> FrameSink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()


def open_source(path: str) -> FrameSource:
    """Open what a path names.

    * a folder: its picture files (other files and hidden ones are left aside). If all names are one text with one
      number at the end (``plate.1001.exr``), that number is the frame number. Otherwise, and where the numbers step
      evenly by more than 1, frames count from 0 in plain lexicographic order of names.
    * a pattern in the file name: ``plate.%04d.exr`` or ``plate.####.exr``
    * one picture (a still; its number as in a folder) or one video file.

    Raises ``BadInput`` if there is nothing to read, or if a folder's files are of two formats or two sequences.
    """
    here = Path(path)
    pattern = None if here.exists() else FilePattern.parse(path)
    if pattern:
        return _ImageSequence(path, pattern.matches())
    if here.is_dir():
        return _ImageSequence(path, _frames_in_folder(here))
    if not here.exists():
        raise BadInput(f"{path} does not exist; give a folder of frames, a pattern like plate.%04d.exr, or a video")
    if here.suffix.lower() in VIDEO_SUFFIXES:
        return _VideoSource(path)
    if here.suffix.lower() in IMAGE_SUFFIXES:
        return _ImageSequence(path, _numbered([here]))
    known = " ".join(sorted(IMAGE_SUFFIXES | VIDEO_SUFFIXES))
    raise BadInput(f"{path} is neither a picture nor a video this reads ({known}); convert it to one of these")


def open_sink(
    path: str,
    *,
    like: FrameSource,
    frames: FrameRange,
    metadata: Mapping[str, str] | None = None,
    fps: Fraction | None = None,
    protect: Sequence[FrameSource] = (),
) -> FrameSink:
    """Open a place for results of the plate ``like``.

    * a video name (``.mp4``, ``.mov``, ...): H.264 for looking at, in order, at ``fps``, else the plate's, else 24
    * a pattern, or one picture name where ``frames`` is one frame
    * any other name: a folder, made if need be, holding files named like the plate's in the plate's format; frames of
      a lossy plate (JPEG, video) become PNG, so that what was not touched stays bit-identical.

    Every file appears under its name only when whole; one of the same name is replaced. metadata: stored with every
    picture, or in the video's header. protect: sources besides ``like`` whose files must not be overwritten.
    Raises ``OutputError`` before anything is written if the place, the format or an overwritten input rules it out.
    """
    here = Path(path)
    suffix = here.suffix.lower()
    pattern = FilePattern.parse(path)
    notes = dict(metadata or {})
    sources = (like, *protect)
    if suffix in VIDEO_SUFFIXES:
        _refuse_overwriting([here], sources)
        _prepare_folder(here.parent)
        return _VideoSink(here, fps=fps or like.fps or DEFAULT_FPS, first=frames.first, metadata=notes)
    place: Callable[[int], Path]
    if pattern:
        place = pattern.file
    elif suffix in IMAGE_SUFFIXES:
        if len(frames) > 1:
            raise OutputError(
                f"{path} is one picture but there are {len(frames)} frames; name a folder or a pattern like "
                f"{here.with_suffix('').name}.%04d{here.suffix}"
            )
        place = lambda _: here  # noqa: E731
    else:
        _refuse_folder(here, sources)
        place = lambda number: here / like.file_name(number)  # noqa: E731
    files = [place(number) for number in range(frames.first, frames.last + 1)]
    _refuse_format(files[0], like.dtype)
    _refuse_overwriting(files, sources)
    _prepare_folder(files[0].parent)
    return _ImageSink(place, notes)


def read_matte(frame: Frame, *, channel: str = "auto") -> NDArray[np.float32]:
    """The roto matte a frame holds: float32 [h, w] in [0, 1], 1 = remove.

    channel: ``alpha``, ``luma`` (Rec.709 weights), or a channel's name; ``auto`` takes alpha if the frame has one that
    is not 1 everywhere, else luma. Whole numbers span their range, floats are clipped to [0, 1].
    Raises ``BadInput`` naming the frame if the channel is not there or holds NaN.
    """
    alpha = frame.alpha_channel
    if channel == "auto" and alpha is not None:
        matte = _normalised(frame.pixels[..., alpha])
        if (matte == 1).all():
            matte = _luma(frame)
    elif channel in ("auto", "luma"):
        matte = _luma(frame)
    else:
        index = alpha if channel == "alpha" else _channel_called(frame, channel)
        if index is None:
            raise BadInput(
                f"roto matte of {frame.label} has no channel {channel!r} among {', '.join(frame.channel_names)}; "
                "name one of these"
            )
        matte = _normalised(frame.pixels[..., index])
    if np.isnan(matte).any():
        row, column = np.argwhere(np.isnan(matte))[0]
        raise BadInput(
            f"roto matte of {frame.label} holds NaN at pixel ({column}, {row}); render the matte again without NaN"
        )
    return np.clip(matte, 0, 1)


@dataclass(frozen=True)
class NonFinite:
    """Pixels that are not numbers. As text: one sentence naming the frame, how many, and the first."""

    label: str
    """How messages call the frame."""
    count: int
    """Pixels with NaN or infinity in red, green or blue."""
    first: tuple[int, int]
    """x, y of the first, rows from the top."""
    value: float
    """What it holds: nan, inf or -inf."""

    def __str__(self) -> str:
        many = "1 pixel is" if self.count == 1 else f"{self.count} pixels are"
        return (
            f"{self.label}: {many} NaN or infinite, the first {self.value} at ({self.first[0]}, {self.first[1]}); "
            "repair the plate upstream or cover them with the matte"
        )


def check_finite(frame: Frame, within: NDArray[np.bool_] | None = None) -> NonFinite | None:
    """What of red, green and blue is NaN or infinite, or None. Whole-number frames have neither.

    within: [h, w]; look only where it is true, for example outside the hole (inside, the plate does not matter).
    """
    if not np.issubdtype(frame.pixels.dtype, np.floating):
        return None
    rgb = frame.rgb()
    wrong = ~np.isfinite(rgb)
    if within is not None:
        wrong &= within[..., None]
    if not wrong.any():
        return None
    row, column, channel = np.argwhere(wrong)[0]
    pixel_count = int(wrong.any(axis=-1).sum())
    return NonFinite(frame.label, pixel_count, (int(column), int(row)), float(rgb[row, column, channel]))


@dataclass(frozen=True)
class FilePattern:
    """File names with one frame number in them: ``plate.%04d.exr`` or ``plate.####.exr``."""

    folder: Path
    before: str
    after: str
    digits: int
    """At least so many, filled with zeros."""

    @staticmethod
    def parse(path: str) -> FilePattern | None:
        """The pattern a path spells, or None. Raises ``BadInput`` if it has more than one place for a number."""
        here = Path(path)
        places = list(re.finditer(r"%(0\d+)?d|#+", here.name))
        if not places:
            return None
        if len(places) > 1:
            raise BadInput(f"{path} has {len(places)} places for the frame number; leave one")
        hit = places[0]
        digits = len(hit[0]) if hit[0].startswith("#") else int(hit[1] or 1)
        return FilePattern(here.parent, here.name[: hit.start()], here.name[hit.end() :], digits)

    def file(self, number: int) -> Path:
        """The file of a frame."""
        return self.folder / f"{self.before}{number:0{self.digits}d}{self.after}"

    def matches(self) -> dict[int, Path]:
        """Every file there is, by frame number. Raises ``BadInput`` without any."""
        shape = re.compile(re.escape(self.before) + r"(-?\d+)" + re.escape(self.after))
        names = [entry.name for entry in self.folder.iterdir()] if self.folder.is_dir() else []
        numbers = [
            int(hit[1]) for name in names if (hit := shape.fullmatch(name)) and self.file(int(hit[1])).name == name
        ]
        if not numbers:
            raise BadInput(
                f"no file fits the pattern {self.file(0).with_name(self._spelling)}; check its folder and name"
            )
        return {number: self.file(number) for number in sorted(numbers)}

    @property
    def _spelling(self) -> str:
        return f"{self.before}{'#' * self.digits}{self.after}"


class _ImageSequence(FrameSource):
    def __init__(self, path: str, files: dict[int, Path]) -> None:
        self.path = path
        self._files = files
        numbers = sorted(files)
        self.range = FrameRange(numbers[0], numbers[-1])
        self.is_still = len(files) == 1
        info = read_info(files[numbers[0]], numbers[0])
        self.size, self.dtype = info.size, info.dtype

    def has(self, number: int) -> bool:
        return number in self._files

    def read(self, number: int) -> Frame:
        frame = read_image(self._file(number), number)
        self._refuse_size(number, frame.size)
        return frame

    def require(self, wanted: FrameRange) -> None:
        self._refuse_outside(wanted)
        there = [number for number in sorted(self._files) if wanted.first <= number <= wanted.last]
        if len(there) < len(wanted):
            gap = next(number for number in count(wanted.first) if number not in self._files)
            raise BadInput(
                f"{len(wanted) - len(there)} of the frames {_span(wanted)} of {self.path} are missing, the first is "
                f"{gap}; render them or choose a range without them"
            )
        for number in there:
            self._refuse_size(number, read_info(self._files[number], number).size)

    def file_name(self, number: int) -> str:
        file = self._file(number)
        return file.name if file.suffix.lower() not in (".jpg", ".jpeg") else f"{file.stem}.png"

    @property
    def files(self) -> frozenset[Path]:
        return frozenset(file.resolve() for file in self._files.values())

    def _file(self, number: int) -> Path:
        if number not in self._files:
            raise BadInput(f"frame {number} of {self.path} is missing; render it or choose a range without it")
        return self._files[number]

    def _refuse_size(self, number: int, size: tuple[int, int]) -> None:
        if size != self.size:
            raise BadInput(
                f"frame {number} ({self._files[number].name}) is {size[0]}x{size[1]} but frame {self.range.first} is "
                f"{self.size[0]}x{self.size[1]}; bring all frames of {self.path} to one size"
            )


class _VideoSource(FrameSource):
    def __init__(self, path: str) -> None:
        self.path = path
        self._reader = VideoReader(Path(path))
        self.range = FrameRange(0, self._reader.count - 1)
        self.size, self.dtype, self.fps = self._reader.size, self._reader.dtype, self._reader.fps

    def read(self, number: int) -> Frame:
        self._refuse_outside(FrameRange(number, number))
        pixels = self._reader.read(number)
        if (pixels.shape[1], pixels.shape[0]) != self.size:
            raise BadInput(
                f"frame {number} of {self.path} is {pixels.shape[1]}x{pixels.shape[0]} but frame 0 is "
                f"{self.size[0]}x{self.size[1]}; export the video at one size"
            )
        return Frame(pixels, ("R", "G", "B"), number, Path(self.path))

    def require(self, wanted: FrameRange) -> None:
        self._refuse_outside(wanted)

    def file_name(self, number: int) -> str:
        return f"{Path(self.path).stem}.{number:04d}.png"

    @property
    def files(self) -> frozenset[Path]:
        return frozenset({Path(self.path).resolve()})

    def close(self) -> None:
        self._reader.close()


class _ImageSink(FrameSink):
    def __init__(self, place: Callable[[int], Path], metadata: Mapping[str, str]) -> None:
        self._place = place
        self._metadata = metadata

    def write(self, number: int, frame: Frame) -> None:
        write_image(self._place(number), frame, self._metadata)

    def file(self, number: int) -> Path:
        return self._place(number)

    def close(self) -> None:
        pass

    def abandon(self) -> None:
        pass


class _VideoSink(FrameSink):
    """The writer opens with the first frame, which tells the size."""

    def __init__(self, path: Path, *, fps: Fraction, first: int, metadata: Mapping[str, str]) -> None:
        self._path = path
        self._partial = partial_name(path)
        self._fps = fps
        self._next = first
        self._metadata = metadata
        self._writer: VideoWriter | None = None

    def write(self, number: int, frame: Frame) -> None:
        if number != self._next:
            raise ValueError(f"frame {number} cannot follow in a video; frame {self._next} is next")
        self._next += 1
        rgb = frame.rgb()
        if rgb.dtype not in (np.uint8, np.uint16):
            rgb = to_display(rgb)  # a video is for looking at: scene-linear light is shown as sRGB
        with self._translated():
            if self._writer is None:
                self._writer = VideoWriter(self._partial, size=frame.size, fps=self._fps, metadata=self._metadata)
            self._writer.write(rgb)

    def file(self, number: int) -> Path:
        return self._path

    def close(self) -> None:
        if self._writer:
            with self._translated():
                self._writer.finish()
                self._partial.replace(self._path)
            self._writer = None

    def abandon(self) -> None:
        if self._writer:
            with suppress(av.FFmpegError, OSError):  # a full disk refuses the trailer, too
                self._writer.abandon()
            self._writer = None
        self._partial.unlink(missing_ok=True)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (av.FFmpegError, OSError) as error:
            self.abandon()
            raise unwritable(self._path, error) from error
        except BaseException:
            self.abandon()
            raise


def _frames_in_folder(folder: Path) -> dict[int, Path]:
    files = sorted(
        entry
        for entry in folder.iterdir()
        if entry.suffix.lower() in IMAGE_SUFFIXES and not entry.name.startswith(".") and entry.is_file()
    )
    if not files:
        raise BadInput(
            f"{folder} holds no pictures ({' '.join(sorted(IMAGE_SUFFIXES))}); render the frames there first"
        )
    endings = sorted({file.suffix.lower() for file in files})
    if len(endings) > 1:
        raise BadInput(
            f"{folder} holds pictures of {len(endings)} formats ({' '.join(endings)}); "
            f"name the ones to use by a pattern like {folder / f'plate.%04d{endings[0]}'}"
        )
    return _numbered(files)


def _numbered(files: list[Path]) -> dict[int, Path]:
    """Files by frame number; ``files`` in lexicographic order."""
    hits = [re.fullmatch(r"(.*?)(\d+)", file.stem) for file in files]
    by_prefix: dict[str, dict[int, Path]] = defaultdict(dict)
    for file, hit in zip(files, hits, strict=True):
        if hit is None or int(hit[2]) in by_prefix[hit[1]]:  # no number, or 1 and 01: names do not tell
            return dict(enumerate(files))
        by_prefix[hit[1]][int(hit[2])] = file
    numbers = sorted(number for frames in by_prefix.values() for number in frames)
    steps = {after - before for before, after in pairwise(numbers)}
    if len(by_prefix) == 1:  # 0, 5, 10, ...: every fifth frame was kept on purpose, none is missing
        is_sampled = len(steps) == 1 and len(files) > 2 and steps != {1}
        return dict(enumerate(files)) if is_sampled else next(iter(by_prefix.values()))
    if 0 in steps:
        first, second, *_ = by_prefix
        raise BadInput(
            f"{files[0].parent} holds {len(by_prefix)} sequences ({first}# and {second}#, for two); "
            f"name the one to use by a pattern like {files[0].parent / first}####{files[0].suffix}"
        )
    return dict(enumerate(files))


def _prepare_folder(folder: Path) -> None:
    probe = folder / f".writable-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OutputError(
            f"{folder} cannot be written to ({error.strerror or error}); choose another place for the output"
        ) from error


def _refuse_format(file: Path, dtype: np.dtype[Any]) -> None:
    suffix = file.suffix.lower()
    if suffix not in HOLDS:
        raise OutputError(f"{file} names no format this writes; end it in {' or '.join(formats_for(dtype))}")
    if dtype.name not in HOLDS[suffix]:
        raise OutputError(
            f"{suffix} cannot hold the plate's {dtype.name} pixels ({file}); write {' or '.join(formats_for(dtype))}"
        )


def _refuse_folder(folder: Path, sources: Sequence[FrameSource]) -> None:
    for source in sources:
        if Path(source.path).resolve() == folder.resolve():
            raise OutputError(f"{folder} is the input's own folder; choose another folder for the output")


def _refuse_overwriting(files: list[Path], sources: Sequence[FrameSource]) -> None:
    for source in sources:
        taken = source.files
        for file in files:
            if file.resolve() in taken:
                raise OutputError(
                    f"{file} belongs to the input {source.path}; choose another folder or name for the output"
                )


def _luma(frame: Frame) -> NDArray[np.float32]:
    """Rec.709 luma, written so that greys keep their exact value (ITU-R BT.709, item 3.2)."""
    red, green, blue = (_normalised(frame.pixels[..., channel]) for channel in frame.rgb_channels)
    luma: NDArray[np.float32] = green + np.float32(0.2126) * (red - green) + np.float32(0.0722) * (blue - green)
    return luma


def _normalised(channel: NDArray[Any]) -> NDArray[np.float32]:
    value: NDArray[np.float32] = channel.astype(np.float32)
    if np.issubdtype(channel.dtype, np.integer):
        value /= np.float32(np.iinfo(channel.dtype).max)
    return value


def _channel_called(frame: Frame, name: str) -> int | None:
    return next((index for index, each in enumerate(frame.channel_names) if each.lower() == name.lower()), None)


def _span(frames: FrameRange) -> str:
    return f"{frames.first}-{frames.last}" if len(frames) > 1 else str(frames.first)
