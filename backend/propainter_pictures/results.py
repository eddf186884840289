"""Results as runs of numbered frames: where they go, and writing them safely.

Here: ``open_sink``, ``open_folder``, ``open_matte_sink``, ``foretell_video``. Not here: reading (``plates.py``), which
inputs are guarded (``overwriting.py``), encoding one picture (``images.py``) or a video (``video.py``).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np

from propainter_pictures.color import to_display
from propainter_pictures.errors import OutputError
from propainter_pictures.formats import FOREIGN_SUFFIXES, HOLDS, IMAGE_SUFFIXES, VIDEO_SUFFIXES, formats_for
from propainter_pictures.frame import Frame
from propainter_pictures.frame_range import FrameRange
from propainter_pictures.images import write_image
from propainter_pictures.names import FilePattern, sequence_name
from propainter_pictures.one_writer import OneWriter
from propainter_pictures.overwriting import refuse_folder, refuse_overwriting
from propainter_pictures.plates import FrameSource
from propainter_pictures.video_facts import DEFAULT_FPS, VideoFacts
from propainter_pictures.video_writing import Foretold, VideoWriter, choose_encoder, foretell
from propainter_pictures.whole_files import Partial, make_folder, sweep, unwritable


class FrameSink(ABC):
    """Where results go. In a ``with`` statement; leaving it by an exception leaves no half-written file behind."""

    in_any_order = False
    """Whether frames may be written in any order, and several at once from threads of their own."""
    notes: tuple[str, ...] = ()
    """What the user is to be told of the output, once all is written: a sentence each."""

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


def open_sink(
    path: str,
    *,
    like: FrameSource,
    frames: FrameRange,
    metadata: Mapping[str, str] | None = None,
    fps: Fraction | None = None,
    protect: Sequence[FrameSource] = (),
    alone: bool = True,
) -> FrameSink:
    """Open a place for results of the plate ``like``.

    * a video name (``.mp4``, ``.mov``, ...): one video, in order, as like the plate's as its format allows (range, matrix,
      frame times, pixel aspect, timecode, title, sound), at ``fps`` if given, else the plate's, else 24
    * a pattern, or one picture name where ``frames`` is one frame
    * any other name: a folder, made if need be, holding files named like the plate's in the plate's format; frames of
      a lossy plate (JPEG, video) become PNG, so that what was not touched stays bit-identical.

    Every file appears under its name only when whole; one of the same name is replaced. metadata: stored with every
    picture, or in the video's header. protect: sources besides ``like`` whose files must not be overwritten. alone: nobody
    else may write these frames meanwhile; farm tasks may.
    Raises ``OutputError`` before anything is written if the place, the format, an overwritten input or another render that
    writes the same frames rules it out.
    """
    here = Path(path)
    suffix = here.suffix.lower()
    pattern = FilePattern.parse(path) if suffix and not here.is_dir() else None  # a folder may be called take#3
    notes = dict(metadata or {})
    sources = (like, *protect)
    if suffix in VIDEO_SUFFIXES:
        refuse_overwriting([here], sources)
        _prepare_folder(here.parent)
        facts = _facts_like(like, fps)
        choose_encoder(here, like.size, facts.coding)
        return _VideoSink(
            here, _held(here, None, alone), facts=facts, begin=like.range.first, first=frames.first, metadata=notes
        )
    if suffix in FOREIGN_SUFFIXES and not here.is_dir():
        known = " ".join([*formats_for(like.dtype), ".mp4", ".mov"])
        raise OutputError(f"{path} has no format that can be written; end it in one of {known}, or name a folder")
    place: Callable[[int], Path]
    if pattern:
        place = pattern.file
    elif suffix in IMAGE_SUFFIXES:
        place = _single_picture(path, frames)
    else:
        return open_folder(here, like=like, frames=frames, metadata=notes, protect=protect, alone=alone)
    return _open_pictures(place, sources, frames, notes, alone=alone)


def open_folder(
    folder: Path,
    *,
    like: FrameSource,
    frames: FrameRange,
    metadata: Mapping[str, str] | None = None,
    protect: Sequence[FrameSource] = (),
    alone: bool = True,
    ending: str | None = None,
) -> FrameSink:
    """The same for who means a folder, whatever its name ends in. ending: of the files; None: the plate's format."""
    refuse_folder(folder, (like, *protect))
    return _open_pictures(
        lambda number: folder / file_name_like(like, number, ending), (like, *protect), frames, dict(metadata or {}),
        alone=alone,
    )  # fmt: skip


def file_name_like(like: FrameSource, number: int, ending: str | None = None) -> str:
    """How a result's file is called: as the plate's, with another ending if one is given."""
    name = like.file_name(number)
    return name if ending is None else f"{Path(name).stem}{ending}"


def foretell_video(path: Path, like: FrameSource) -> Foretold:
    """What a video of this name, like this plate, will be. Raises ``OutputError`` where its format cannot hold it."""
    return foretell(path, like.size, _facts_like(like, None))


def open_matte_sink(
    path: str, *, like: FrameSource, frames: FrameRange, protect: Sequence[FrameSource] = ()
) -> tuple[FrameSink, np.dtype[Any]]:
    """Open a place for mattes of a plate, and the pixel type they are to be written in: 8 bits, in EXR half floats.

    path: a pattern or picture name (``.png``, ``.tif``, ``.exr``), or a folder, which takes PNG files named like the
    plate's.
    Raises ``OutputError`` as ``open_sink`` does; a video, or a format that loses edges, is refused.
    """
    here = Path(path)
    suffix = here.suffix.lower()
    sources = (like, *protect)
    if suffix in VIDEO_SUFFIXES | FOREIGN_SUFFIXES | {".jpg", ".jpeg", ".dpx"} and not here.is_dir():
        raise OutputError(f"{path} cannot hold mattes; name a folder, or a pattern ending in .png, .tif or .exr")
    pattern = FilePattern.parse(path) if suffix and not here.is_dir() else None
    place: Callable[[int], Path]
    if pattern:
        place = pattern.file
    elif suffix in IMAGE_SUFFIXES and not here.is_dir():
        place = _single_picture(path, frames)
    else:
        refuse_folder(here, sources)
        place = lambda number: (here / like.file_name(number)).with_suffix(".png")  # noqa: E731
    dtype = np.dtype(np.float16 if place(frames.first).suffix.lower() == ".exr" else np.uint8)
    return _open_pictures(place, sources, frames, {}, alone=True, dtype=dtype), dtype


def _single_picture(path: str, frames: FrameRange) -> Callable[[int], Path]:
    """The place of a result that is one file. Raises ``OutputError`` where there are more frames."""
    here = Path(path)
    if len(frames) > 1:
        raise OutputError(
            f"{path} is one picture but there are {len(frames)} frames; name a folder or a pattern like "
            f"{here.with_suffix('').name}.%04d{here.suffix}"
        )
    return lambda _: here


def _open_pictures(
    place: Callable[[int], Path],
    sources: Sequence[FrameSource],
    frames: FrameRange,
    metadata: Mapping[str, str],
    *,
    alone: bool,
    dtype: np.dtype[Any] | None = None,
) -> FrameSink:
    files = [place(number) for number in range(frames.first, frames.last + 1)]
    _refuse_format(files[0], dtype or sources[0].dtype)
    refuse_overwriting(files, sources)
    _prepare_folder(files[0].parent)
    return _ImageSink(place, _held(files[0].with_name(sequence_name(files[0])), frames, alone), metadata)


def _held(place: Path, frames: FrameRange | None, alone: bool) -> OneWriter | None:
    if not alone:
        return None
    try:
        return OneWriter(place, frames)
    except OSError as error:
        raise unwritable(place, error) from error


class _ImageSink(FrameSink):
    in_any_order = True

    def __init__(self, place: Callable[[int], Path], held: OneWriter | None, metadata: Mapping[str, str]) -> None:
        self._place = place
        self._held = held
        self._metadata = metadata

    def write(self, number: int, frame: Frame) -> None:
        write_image(self._place(number), frame, self._metadata)

    def file(self, number: int) -> Path:
        return self._place(number)

    def close(self) -> None:
        if self._held:
            self._held.let_go()

    def abandon(self) -> None:
        self.close()


class _VideoSink(FrameSink):
    """The writer opens with the first frame, which tells the size."""

    def __init__(
        self,
        path: Path,
        held: OneWriter | None,
        *,
        facts: VideoFacts,
        begin: int,
        first: int,
        metadata: Mapping[str, str],
    ) -> None:
        self._path = path
        self._held = held
        self._partial: Partial | None = None
        self._facts = facts
        self._index = first - begin
        self._next = first
        self._metadata = metadata
        self._writer: VideoWriter | None = None

    def write(self, number: int, frame: Frame) -> None:
        if number != self._next:
            raise ValueError(f"frame {number} cannot follow in a video; frame {self._next} is next")
        self._next += 1
        frame = frame.displayed()
        rgb = frame.rgb()
        if rgb.dtype not in (np.uint8, np.uint16):
            rgb = to_display(rgb)  # a video is for looking at: scene-linear light is shown as sRGB
        with self._translated():
            if self._writer is None:
                self._partial = Partial(self._path)
                self._partial.make()
                self._writer = VideoWriter(
                    self._partial.path, size=frame.size, facts=self._facts, first=self._index, metadata=self._metadata
                )
                self._say_dropped(self._writer.dropped)
            self._writer.write(rgb, frame.video)

    def _say_dropped(self, dropped: Sequence[str]) -> None:
        if dropped:
            self.notes += (f"{self._path.name} is without {', '.join(dropped)}",)

    def file(self, number: int) -> Path:
        return self._path

    def close(self) -> None:
        if self._writer:
            with self._translated():
                self._writer.finish()
                assert self._partial is not None
                self._partial.settle()
            self._writer = None
        self._let_go()

    def abandon(self) -> None:
        if self._writer:
            with suppress(av.FFmpegError, OSError):  # a full disk refuses the trailer, too
                self._writer.abandon()
            self._writer = None
        if self._partial is not None:
            self._partial.discard()
        self._let_go()

    def _let_go(self) -> None:
        if self._held:
            self._held.let_go()

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


def _facts_like(like: FrameSource, fps: Fraction | None) -> VideoFacts:
    facts = like.video or VideoFacts(fps=like.fps or DEFAULT_FPS, pixel_aspect=like.pixel_aspect)
    if fps is None or abs(fps - facts.fps) < Fraction(1, 1000):
        return facts
    return replace(facts, fps=fps, times=(), is_retimed=True)


def _prepare_folder(folder: Path) -> None:
    try:
        make_folder(folder)
        sweep(folder)
        _try_out(folder)
    except OSError as error:
        raise OutputError(
            f"{folder} cannot be written to ({error.strerror or error}); choose another place for the output"
        ) from error


def _try_out(folder: Path) -> None:
    probe = Partial(folder / "writable")
    try:
        probe.make()
    finally:
        probe.discard()


def _refuse_format(file: Path, dtype: np.dtype[Any]) -> None:
    suffix = file.suffix.lower()
    if suffix not in HOLDS:
        raise OutputError(f"{file} names no format this writes; end it in {' or '.join(formats_for(dtype))}")
    if dtype.name not in HOLDS[suffix]:
        raise OutputError(
            f"{suffix} cannot hold the plate's {dtype.name} pixels ({file}); write {' or '.join(formats_for(dtype))}"
        )
