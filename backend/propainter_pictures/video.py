"""Video files as pictures: exact random access to decode, one pass in order to encode.

Here: ``VideoReader`` (any file FFmpeg reads -> RGB(A) arrays by frame index) and ``VideoWriter`` (RGB arrays -> H.264).
Not here: frames by the host's numbers (``plates.py``), temporary files and replacing old results (``results.py``);
scene-linear colour (``color.py``). Sound is neither read nor written.
"""

from __future__ import annotations

import bisect
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import Colorspace
from numpy.typing import NDArray

from propainter_pictures.errors import BadInput, Unreadable
from propainter_pictures.video_alpha import AlphaDecoder, with_alpha

DEFAULT_FPS = Fraction(24)
"""Frames a second where nothing else is known."""

# libswscale's bicubic, full chroma both ways, accurate rounding; as numbers, for PyAV names them all only since 18
_ACCURATE = 4 | 8192 | 16384 | 262144


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
        self._kept: OrderedDict[int, NDArray[Any]] = OrderedDict()
        try:
            self._container = av.open(str(path))
            if not self._container.streams.video:
                raise _unreadable(path, "it holds no pictures")
            self._stream = self._container.streams.video[0]
            self._stream.codec_context.thread_type = "AUTO"
            self._alpha_decoder = AlphaDecoder.of(self._container, self._stream)
            self._index = _index_frames(self._container, self._stream)
        except av.FFmpegError as error:
            raise _unreadable(path, _reason(error)) from error
        if self._index.is_timed and self._index.count < self._stream.frames:
            raise BadInput(
                f"{path} is cut short: {self._index.count} of its {self._stream.frames} frames are there; copy or export "
                "it again"
            )
        if not self._index.count:
            raise BadInput(f"{path} holds no video frames; export it again")
        self._next = -1
        self._frames: Iterator[Any] = iter(())
        first = self.read(0)
        self.size = (first.shape[1], first.shape[0])
        """Width and height as shown: turned, if the file asks for it."""
        self.dtype = first.dtype
        """uint8, or uint16 where the file stores more than 8 bits."""
        self.channel_names = tuple("RGBA"[: first.shape[2]])

    @property
    def count(self) -> int:
        """Number of frames."""
        return self._index.count

    @property
    def fps(self) -> Fraction:
        """Average frames a second."""
        return self._stream.average_rate or DEFAULT_FPS

    def read(self, index: int) -> NDArray[Any]:
        """The frame as RGB [h, w, 3], or RGBA where the file has an alpha, uint8 or uint16, each spanning its range."""
        if not 0 <= index < self.count:
            raise ValueError(f"frame index {index} is outside 0..{self.count - 1}")
        with self._lock:
            if index not in self._kept:
                self._kept[index] = _to_rgb(self._decode(index))
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
        return frame

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


class VideoWriter:
    """An H.264 file for looking at: visually lossless (crf 14), 4:2:0, or 4:4:4 where a side is odd; Rec.709, tagged.

    Frames go in one by one, in order. What FFmpeg refuses comes out as its own error (``av.FFmpegError``, ``OSError``).
    """

    def __init__(
        self,
        path: Path,
        *,
        size: tuple[int, int],
        fps: Fraction = DEFAULT_FPS,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        self._container = av.open(str(path), "w", options={"movflags": "faststart+use_metadata_tags"})
        self._container.metadata.update(metadata or {})
        self._stream = self._container.add_stream("libx264", rate=fps, options={"crf": "14", "preset": "medium"})
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = "yuv444p" if size[0] % 2 or size[1] % 2 else "yuv420p"
        context = self._stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _LIMITED_RANGE

    def write(self, rgb: NDArray[Any]) -> None:
        """Append one frame [h, w, 3] in uint8 or uint16."""
        layout = "rgb48le" if rgb.dtype == np.uint16 else "rgb24"
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format=layout).reformat(
            format=self._stream.pix_fmt,
            src_colorspace=Colorspace.ITU709,
            dst_colorspace=Colorspace.ITU709,
            interpolation=_ACCURATE,
        )
        picture.colorspace = _BT709
        picture.color_range = _LIMITED_RANGE
        self._container.mux(self._stream.encode(picture))

    def finish(self) -> None:
        """Write what the encoder still holds and close the file."""
        self._container.mux(self._stream.encode(None))
        self._container.close()

    def abandon(self) -> None:
        """Close the file as it is; it is not a whole video."""
        self._container.close()


_BT709 = 1  # the same number names matrix, primaries and transfer (ITU-T H.273)
_LIMITED_RANGE = 1
_MATRICES = {1: Colorspace.ITU709, 4: Colorspace.FCC, 5: Colorspace.ITU601, 6: Colorspace.ITU601, 7: 7, 9: 9, 10: 9}
"""libswscale's matrix for each H.273 number; 7 and 9 are SMPTE 240M and BT.2020, which older PyAV cannot name."""
_HD_ROWS = 720  # untagged video is Rec.709 from here on, Rec.601 below, as players assume

# Codecs that pack exactly one shown frame in a packet: the packets alone then tell how many frames there are.
_FRAME_A_PACKET = frozenset({"h264", "hevc", "av1", "vp9", "prores", "dnxhd", "mjpeg", "ffv1", "mpeg4", "png", "qtrle"})
_TIMELESS_CONTAINERS = frozenset({"avi"})  # stores no presentation times; the ones it reports are guesses


@dataclass(frozen=True)
class _Index:
    """Which frames a file holds, and where decoding can start."""

    count: int
    is_timed: bool = False
    frame_of_time: dict[int, int] = field(default_factory=dict)
    """Presentation time to frame index."""
    decode_times: dict[int, int] = field(default_factory=dict)
    """Frame index of every keyframe, ascending, to its decoding time, by which containers seek."""
    keyframes: tuple[int, ...] = (0,)

    def keyframe_before(self, index: int) -> int:
        """The last keyframe shown at or before this frame: frames stored after a later one but shown before it may
        need the run before to decode."""
        return self.keyframes[max(0, bisect.bisect_right(self.keyframes, index) - 1)]


def _index_frames(container: Any, stream: Any) -> _Index:
    times = _times_of_packets(container, stream)
    if times is None:
        container.seek(0)
        return _Index(count=sum(1 for _ in container.decode(stream)))
    times.sort()
    decode_times = {index: decoded for index, (_, decoded, is_keyframe) in enumerate(times) if is_keyframe}
    return _Index(
        count=len(times),
        is_timed=True,
        frame_of_time={shown: index for index, (shown, _, _) in enumerate(times)},
        decode_times=decode_times,
        keyframes=tuple(decode_times) or (0,),
    )


def _times_of_packets(container: Any, stream: Any) -> list[tuple[int, int, bool]] | None:
    """(shown at, decoded at, is keyframe) of every frame without decoding any; None where packets do not tell."""
    if stream.codec_context.name not in _FRAME_A_PACKET or container.format.name in _TIMELESS_CONTAINERS:
        return None
    packets = [packet for packet in container.demux(stream) if packet.size and not packet.is_discard]
    if any(packet.pts is None for packet in packets):
        return None
    times = [(p.pts, p.pts if p.dts is None else p.dts, p.is_keyframe) for p in packets]
    return times if len({shown for shown, _, _ in times}) == len(times) else None


def _to_rgb(frame: Any) -> NDArray[Any]:
    is_deep = max(component.bits for component in frame.format.components) > 8
    untagged = Colorspace.ITU709 if frame.height >= _HD_ROWS else Colorspace.ITU601
    matrix = _MATRICES.get(frame.colorspace, untagged)
    rgb = frame.reformat(
        format="rgb48le" if is_deep else "rgb24", src_colorspace=matrix, dst_colorspace=matrix, interpolation=_ACCURATE
    )
    return np.ascontiguousarray(np.rot90(with_alpha(rgb.to_ndarray(), frame), round(frame.rotation / 90)))


def _unreadable(path: Path, reason: str) -> Unreadable:
    return Unreadable(f"{path} cannot be read as a video ({reason}); export it again", path, reason)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
