"""A video written in one pass, as like the one it comes from as its format allows.

Here: ``VideoWriter`` (RGB arrays -> a video file), ``choose_encoder``, ``foretell``, ``SoundCopy``. Not here: what a source
says (``video_facts.py``), RGB and samples (``video_color.py``), temporary files and replacing old results (``results.py``).
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from propainter_pictures.color import Pixels
from propainter_pictures.errors import OutputError
from propainter_pictures.frame import VideoSamples
from propainter_pictures.video_color import BT709, FULL, LIMITED, Coding, frame_of, plane_of, tagged, to_frame
from propainter_pictures.video_facts import VideoFacts

_FORMATS = {".m4v": "mp4", ".mpg": "mpeg", ".mpeg": "mpeg"}
"""FFmpeg's format where it would choose another by the ending."""
_DEEP = frozenset({".mp4", ".mov", ".m4v", ".mkv", ".ts"})
"""Endings written with more than 8 bits."""
_HOLDS_TIMECODE = frozenset({".mp4", ".mov", ".m4v", ".mkv", ".mxf"})
_OF_QUICKTIME = frozenset({".mp4", ".mov", ".m4v"})
_FLAGS = {"movflags": "faststart+use_metadata_tags"}
_CONTAINERS = {".mkv": "matroska", ".ts": "mpegts"}
"""FFmpeg's format where it is not called as the ending, and the ending alone does not tell."""
_CODEC_WORDS = {"libx264": "H.264", "libx265": "HEVC", "libvpx-vp9": "VP9"}
_ONE_RATE = frozenset({".avi", ".mxf"})
"""Endings that hold no frame times of their own."""


@dataclass(frozen=True)
class Encoder:
    """How a video is encoded."""

    codec: str
    """FFmpeg's name."""
    options: Mapping[str, str]
    coding: Coding


def choose_encoder(path: Path, size: tuple[int, int], like: Coding | None) -> Encoder:
    """H.264 that looks lossless, VP9 in .webm; HEVC where the source has more than 8 bits or is HDR.

    The source's chroma, range, matrix, primaries and transfer are kept. Raises ``OutputError`` where the format cannot.
    """
    suffix = path.suffix.lower()
    coding = _coding_like(like, size)
    if coding.bits <= 8:
        if suffix == ".webm":
            return Encoder("libvpx-vp9", {"crf": "12", "b": "0", "cpu-used": "4", "row-mt": "1"}, coding)
        return Encoder("libx264", {"crf": "14", "preset": "medium"}, coding)
    if suffix not in _DEEP:
        raise OutputError(
            f"{path} would hold 8 bits where the plate has {coding.bits}; end it in {', '.join(sorted(_DEEP))}, or write "
            "a folder of pictures"
        )
    return Encoder("libx265", {"crf": "10", "preset": "medium", "x265-params": "log-level=error"}, coding)


@dataclass(frozen=True)
class Foretold:
    """What a video will be, before any of it is written."""

    codec: str
    """In words: H.264, 4:2:0, 8 bit."""
    sound: tuple[str, ...]
    """Codecs of the sound that goes along."""
    dropped: tuple[str, ...]
    """What of the source it will be without, in words."""


def foretell(path: Path, size: tuple[int, int], facts: VideoFacts) -> Foretold:
    """What ``VideoWriter`` will make of a path and a source. Raises ``OutputError`` where the format cannot hold it."""
    suffix = path.suffix.lower()
    encoder = choose_encoder(path, size, facts.coding)
    dropped = _dropped(suffix, facts)
    kind = _FORMATS.get(suffix) or _CONTAINERS.get(suffix) or suffix[1:]
    with av.open(io.BytesIO(), "w", format=kind) as container:
        sound = SoundCopy(container, facts, 0, dropped)
        kept = tuple(stream.codec_context.name for stream in sound.streams)
        sound.close()
    shape = av.VideoFormat(encoder.coding.pixel_format, 64, 64)
    chroma = {(32, 32): "4:2:0", (32, 64): "4:2:2"}.get((shape.chroma_width(64), shape.chroma_height(64)), "4:4:4")
    return Foretold(f"{_CODEC_WORDS[encoder.codec]}, {chroma}, {encoder.coding.bits} bit", kept, tuple(dropped))


def _coding_like(like: Coding | None, size: tuple[int, int]) -> Coding:
    is_odd = bool(size[0] % 2 or size[1] % 2)
    if like is None:
        return Coding("yuv444p" if is_odd else "yuv420p")
    shape = av.VideoFormat(like.pixel_format, 64, 64)
    thinned = (shape.chroma_width(64), shape.chroma_height(64))
    chroma = {(32, 32): "yuv420p", (32, 64): "yuv422p"}.get(thinned, "yuv444p")
    if like.is_grey:
        chroma = "yuv420p"
    elif like.is_rgb or is_odd:
        chroma = "yuv444p"
    if is_odd:
        chroma = "yuv444p"
    depth = "" if like.bits <= 8 and not like.is_hdr else "10le" if like.bits <= 10 else "12le"
    kept = replace(like, pixel_format=chroma + depth)
    return replace(kept, matrix=BT709, is_full_range=False) if like.is_rgb else kept


_LEAST_REORDERED = 3
"""Frames from which x265 says when each is to be decoded. Fewer come in order, with whatever lay in memory."""


class VideoWriter:
    """One video. Frames go in one by one, in order; untouched samples of a source with the same layout go out as they
    came in, not by way of RGB.

    What FFmpeg refuses comes out as its own error (``av.FFmpegError``, ``OSError``).
    """

    def __init__(
        self,
        path: Path,
        *,
        size: tuple[int, int],
        facts: VideoFacts | None = None,
        first: int = 0,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        """facts: the video it is to be like. first: the index in it of the first frame to come."""
        facts = VideoFacts() if facts is None else facts
        suffix = path.suffix.lower()
        encoder = choose_encoder(path, size, facts.coding)
        self._keeps_times = bool(facts.times) and suffix not in _ONE_RATE
        if self._keeps_times:
            encoder = _in_order(encoder)
        self.coding = encoder.coding
        self._is_hevc = encoder.codec == "libx265"
        self._facts, self._first, self._count, self._muxed = facts, first, 0, 0
        self._container: Any = _opened(path, _FORMATS.get(suffix), _FLAGS if suffix in _OF_QUICKTIME else {})
        self._container.metadata.update({**facts.tags, **(metadata or {})})
        self._stream: Any = self._container.add_stream(encoder.codec, rate=facts.fps, options=dict(encoder.options))
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = self.coding.pixel_format
        context = self._stream.codec_context
        context.sample_aspect_ratio = facts.pixel_aspect
        context.colorspace, context.color_primaries, context.color_trc = (
            self.coding.matrix, self.coding.primaries, self.coding.transfer,
        )  # fmt: skip
        context.color_range = FULL if self.coding.is_full_range else LIMITED
        if self._is_hevc and suffix in _OF_QUICKTIME:
            context.codec_tag = "hvc1"  # the tag that Apple's players ask for
        if self._keeps_times:
            self._stream.time_base = context.time_base = facts.time_base
        self.dropped = _dropped(suffix, facts)
        timecode = facts.timecode_at(first)
        if timecode is not None and suffix in _HOLDS_TIMECODE:
            self._stream.metadata["timecode"] = timecode
        self._sound = SoundCopy(self._container, facts, first, self.dropped)

    def write(self, rgb: Pixels, source: VideoSamples | None = None) -> None:
        """Append one frame [h, w, 3] in uint8 or uint16. source: the decoded frame it was made of, if it was."""
        frame = self._with_untouched(to_frame(rgb, self.coding), rgb, source)
        index = self._first + self._count
        since = self._facts.shown_at(index) - self._facts.shown_at(self._first)
        if self._keeps_times:
            frame.pts, frame.time_base = round(since / self._facts.time_base), self._facts.time_base
        else:
            frame.pts, frame.time_base = self._count, 1 / self._facts.fps
        self._count += 1
        self._sound.copy_until(since)
        self._mux(self._stream.encode(frame))

    def finish(self) -> None:
        """Write what the encoder still holds, the rest of the sound, and close the file."""
        self._mux(self._stream.encode(None))
        end = self._facts.shown_at(self._first + self._count) - self._facts.shown_at(self._first)
        is_whole = self._facts.times and self._first + self._count >= len(self._facts.times)
        self._sound.copy_until(end + 1 if is_whole else end)
        self._sound.close()
        self._container.close()

    def _mux(self, packets: Any) -> None:
        for packet in packets:
            if self._keeps_times:  # encoders guess how long a frame is shown, and muxers how long the last one is
                packet.duration = round(self._facts.shown_for(self._first + self._muxed) / packet.time_base)
            if self._is_hevc and self._count < _LEAST_REORDERED:
                packet.dts = packet.pts
            self._muxed += 1
            self._container.mux(packet)

    def abandon(self) -> None:
        """Close the file as it is; it is not a whole video."""
        self._sound.close()
        self._container.close()

    def _with_untouched(self, frame: Any, rgb: Pixels, source: VideoSamples | None) -> Any:
        if source is None or source.is_turned or source.rgb.shape != rgb.shape or source.rgb.dtype != rgb.dtype:
            return frame
        name = source.samples.format.name.replace("yuvj", "yuv").replace("yuva", "yuv")
        if name != self.coding.pixel_format:
            return frame
        dtype = np.uint8 if self.coding.bits <= 8 else np.uint16
        touched = (source.rgb != rgb).any(axis=-1)
        planes = []
        for index in range(3):
            new, old = plane_of(frame, index, dtype), plane_of(source.samples, index, dtype)
            planes.append(np.where(_thinned(touched, new.shape), new, old))
        return tagged(frame_of(planes, self.coding.pixel_format), self.coding)


def _opened(path: Path, kind: str | None, options: dict[str, str]) -> Any:
    return av.open(str(path), "w", format=kind, options=options)


def _thinned(touched: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which samples of a plane of this shape stand for a touched pixel."""
    blocks: NDArray[np.bool_]
    down, across = touched.shape[0] // shape[0], touched.shape[1] // shape[1]
    if (down, across) == (1, 1):
        return touched
    blocks = np.asarray(touched.reshape(shape[0], down, shape[1], across).any(axis=(1, 3)))
    return blocks


def _in_order(encoder: Encoder) -> Encoder:
    """Frames are stored in the order they are shown: only then does the file's length hold where times vary."""
    if encoder.codec == "libx265":
        params = encoder.options["x265-params"] + ":bframes=0"
        return replace(encoder, options={**encoder.options, "x265-params": params})
    return replace(encoder, options={**encoder.options, "bf": "0"} if encoder.codec == "libx264" else encoder.options)


def _dropped(suffix: str, facts: VideoFacts) -> list[str]:
    """What of a source a result cannot hold, in words."""
    dropped = list(facts.left_behind)
    if facts.times and suffix in _ONE_RATE:
        dropped.append("its varying frame times")
    if facts.timecode is not None and suffix not in _HOLDS_TIMECODE:
        dropped.append(f"its timecode {facts.timecode}")
    return dropped


class SoundCopy:
    """The sound of a source, packet by packet as it is, kept in time with the frames that are written.

    dropped: gets a word for each stream that stays behind.
    """

    def __init__(self, container: Any, facts: VideoFacts, first: int, dropped: list[str]) -> None:
        self._container = container
        self._begin = facts.start + facts.shown_at(first)
        self._is_whole = first == 0
        self._streams: dict[int, Any] = {}
        self._source = None if facts.path is None else av.open(str(facts.path), metadata_errors="surrogateescape")
        self._packets: Any = iter(())
        self._waiting: Any = None
        if self._source is None:
            return
        for stream in self._source.streams:
            if stream.type == "audio" and facts.is_retimed:
                dropped.append("its sound, which runs at the plate's own rate")
            elif stream.type == "audio":
                if stream.codec_context.name in _names_of(container):
                    self._streams[stream.index] = container.add_stream_from_template(stream)
                else:
                    dropped.append(f"its sound ({stream.codec_context.name}, which such a file cannot hold)")
            elif stream.type == "subtitle":
                dropped.append("its subtitles")
        if self._streams:
            self._packets = self._source.demux([self._source.streams[index] for index in self._streams])

    @property
    def streams(self) -> list[Any]:
        """The streams that are copied, as the container calls them."""
        return list(self._streams.values())

    def copy_until(self, end: Fraction) -> None:
        """Copy what begins before this many seconds after the first frame."""
        while True:
            packet = self._waiting if self._waiting is not None else next(self._packets, None)
            self._waiting = None
            if packet is None:
                return
            if packet.pts is None or packet.dts is None or not packet.size:
                continue
            ticks = packet.time_base
            since = packet.pts * ticks - self._begin
            if since >= end:
                self._waiting = packet
                return
            if since + (packet.duration or 0) * ticks <= 0 and not self._is_whole:
                continue
            shift = round(self._begin / ticks)
            packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
            packet.stream = self._streams[packet.stream.index]
            self._container.mux(packet)

    def close(self) -> None:
        """Let go of the source."""
        if self._source is not None:
            self._source.close()


def _names_of(container: Any) -> frozenset[str]:
    """Decoders' names of what a container can hold."""
    return frozenset(container.supported_codecs) | frozenset(
        {"mp3float"} if "mp3" in container.supported_codecs else ()
    )
