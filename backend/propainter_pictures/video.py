"""Video files as pictures: exact random access to decoded frames.

Here: ``VideoReader`` (any file FFmpeg reads -> RGB(A) arrays by frame index). Not here: which frames there are
(``video_index.py``), what their samples mean (``video_color.py``, ``video_alpha.py``), what else the file says
(``video_facts.py``), writing (``video_writing.py``), frames by the host's numbers (``plates.py``).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
from numpy.typing import NDArray

from propainter_pictures.errors import BadInput, Unreadable
from propainter_pictures.frame import VideoSamples
from propainter_pictures.orientation import Turn
from propainter_pictures.video_alpha import AlphaDecoder, alpha_of, has_alpha
from propainter_pictures.video_color import coding_of, refusal, to_rgb, turn_of
from propainter_pictures.video_facts import facts_of
from propainter_pictures.video_index import choose_stream, index_frames, missing_bytes

_LENGTHLESS = frozenset({"mpegts", "mpeg"})  # containers that do not say how long they are


class VideoReader:
    """The frames of one video file, by 0-based index in the order they are shown.

    Random access is exact: frames are told apart by their presentation times, decoding starts at the last keyframe
    shown at or before the wanted frame and runs forward to it. Where a file does not tell reliable times, frames are
    counted from its start instead: slower, and just as exact. Only a few decoded frames are kept. Any thread may read.

    Raises ``BadInput`` if the file cannot be opened, holds no picture, or a frame cannot be decoded.
    """

    def __init__(self, path: Path, *, kept_frames: int = 8) -> None:
        self.path = path
        self._kept_frames = kept_frames
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, VideoSamples] = OrderedDict()
        try:
            self._container = open_container(path)
            stream = choose_stream(self._container)
            if stream is None:
                raise _unreadable(path, "it holds no pictures")
            self._stream = stream
            self._stream.codec_context.thread_type = "AUTO"
            self._alpha_decoder = AlphaDecoder.of(self._container, self._stream)
            self._index = index_frames(self._container, self._stream)
            missing = missing_bytes(path)
        except (av.FFmpegError, OSError) as error:
            raise _unreadable(path, _reason(error)) from error
        if missing:
            there, told = self._index.count, stream.frames
            share = (
                f"{there} of its {told} frames are there" if told > there else f"at least {missing} bytes are missing"
            )
            raise BadInput(f"{path} is cut short: {share}; copy or export it again")
        if not self._index.count:
            raise BadInput(f"{path} holds no video frames; export it again")
        self._next = -1
        self._frames: Iterator[Any] = iter(())
        first = self.read_samples(0)
        if self._container.format.name in _LENGTHLESS:
            self._refuse_torn_end()
        self.size = (first.rgb.shape[1], first.rgb.shape[0])
        """Width and height as shown: turned, if the file asks for it."""
        self.dtype = first.rgb.dtype
        """uint8, or uint16 where the file stores more than 8 bits."""
        self.channel_names = ("R", "G", "B") if first.alpha is None else ("R", "G", "B", "A")
        self.turn = turn = turn_of(first.samples) or Turn()
        """What made its pictures upright."""
        self.facts = facts_of(
            path, self._container, self._stream, self._index.times, first.samples,
            turned=turn.transposed,
        )  # fmt: skip
        """Clock, pixel aspect, timecode, title."""

    @property
    def count(self) -> int:
        """Number of frames."""
        return self._index.count

    def read(self, index: int) -> NDArray[Any]:
        """The frame as RGB [h, w, 3], uint8 or uint16, each spanning its whole range."""
        return self.read_samples(index).rgb

    def read_samples(self, index: int) -> VideoSamples:
        """The same, with the samples that the file holds."""
        if not 0 <= index < self.count:
            raise ValueError(f"frame index {index} is outside 0..{self.count - 1}")
        with self._lock:
            if index not in self._kept:
                self._kept[index] = _shown(self._decode(index))
            self._kept.move_to_end(index)
            while len(self._kept) > self._kept_frames:
                self._kept.popitem(last=False)
            return self._kept[index]

    def close(self) -> None:
        """Let go of the file."""
        self._container.close()

    def _decode(self, index: int) -> Any:
        keyframe = self._index.keyframe_before(index)
        try:
            if not keyframe <= self._next <= index:
                self._seek(keyframe)
            frame = self._forward_to(index)
            if frame is None and keyframe:  # the container's own index led past it: from the start, then
                self._seek(0)
                frame = self._forward_to(index)
        except av.FFmpegError as error:
            self._next = -1
            raise self._undecodable(index, _reason(error)) from error
        if frame is None or frame.is_corrupt:
            raise self._undecodable(index, "its data are damaged or missing")
        strange = refusal(frame)
        if strange is not None:
            raise BadInput(f"{self.path}: {strange}")
        return frame

    def _refuse_torn_end(self) -> None:
        """Only its last frame tells whether a file is whole that does not say how long it is."""
        keyframe = self._index.keyframe_before(self.count - 1)
        with open_container(self.path) as strict:
            stream = strict.streams[self._stream.index]
            stream.codec_context.options = {"err_detect": "explode"}
            stream.codec_context.thread_count = 1
            try:
                if keyframe:
                    strict.seek(self._index.decode_times[keyframe], stream=stream, backward=True)
                for _ in strict.decode(stream):
                    pass
            except av.FFmpegError as error:
                raise BadInput(
                    f"{self.path} is cut short: its end cannot be decoded ({_reason(error)}); copy or export it again"
                ) from error

    def _seek(self, keyframe: int) -> None:
        self._container.seek(self._index.decode_times.get(keyframe, 0), stream=self._stream, backward=True)
        decoder = self._alpha_decoder
        self._frames = decoder.frames() if decoder is not None else self._container.decode(self._stream)
        self._next = keyframe

    def _forward_to(self, index: int) -> Any | None:
        for frame in self._frames:
            shown = self._index.frame_of_time.get(frame.pts, -1) if self._index.is_timed else self._next
            self._next = max(self._next, shown + 1)
            if shown >= index:
                return frame if shown == index else None
        self._next = -1
        return None

    def _undecodable(self, index: int, reason: str) -> BadInput:
        return BadInput(
            f"frame {index} of {self.path} cannot be decoded ({reason}); export the video again or as an image sequence"
        )


def _shown(frame: Any) -> VideoSamples:
    coding, turn, rgb = coding_of(frame), turn_of(frame), to_rgb(frame)
    assert turn is not None, "refusal() said so before"
    alpha = turn.upright(alpha_of(frame, rgb.dtype)) if has_alpha(frame) else None
    return VideoSamples(frame, rgb, coding.primaries, coding.transfer, bool(turn), alpha)


def open_container(path: Path) -> Any:
    """A file opened by FFmpeg, whatever bytes its notes are made of. Raises ``av.FFmpegError``."""
    return av.open(str(path), metadata_errors="surrogateescape")


def _unreadable(path: Path, reason: str) -> Unreadable:
    return Unreadable(f"{path} cannot be read as a video ({reason}); export it again", path, reason)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
