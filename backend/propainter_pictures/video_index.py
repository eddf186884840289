"""Which frames a video file holds, when each is shown, where decoding can start; and whether the file is all there.

Here: ``choose_stream``, ``index_frames``, ``missing_bytes``. Not here: decoding (``video.py``).
"""

from __future__ import annotations

import bisect
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from av.stream import Disposition

# Codecs that pack exactly one shown frame in a packet: the packets alone then tell how many frames there are.
_FRAME_A_PACKET = frozenset({"h264", "hevc", "av1", "vp9", "prores", "dnxhd", "mjpeg", "ffv1", "mpeg4", "png", "qtrle"})
_TIMELESS_CONTAINERS = frozenset({"avi"})  # stores no presentation times; the ones it reports are guesses
_NOT_THE_PICTURE = Disposition.attached_pic | Disposition.timed_thumbnails


@dataclass(frozen=True)
class FrameIndex:
    """Which frames a file holds, and where decoding can start."""

    count: int
    times: tuple[int, ...] = ()
    """Presentation time of every frame, ascending; none where the file tells no reliable ones."""
    frame_of_time: dict[int, int] = field(default_factory=dict)
    """Presentation time to frame index."""
    decode_times: dict[int, int] = field(default_factory=dict)
    """Index of the first frame shown at or after every keyframe, ascending, to the keyframe's decoding time, by which
    containers seek."""
    keyframes: tuple[int, ...] = (0,)

    @property
    def is_timed(self) -> bool:
        """Whether frames are told apart by their times."""
        return bool(self.times)

    def keyframe_before(self, index: int) -> int:
        """The last keyframe shown at or before this frame: frames stored after a later one but shown before it may
        need the run before to decode."""
        return self.keyframes[max(0, bisect.bisect_right(self.keyframes, index) - 1)]


def choose_stream(container: Any) -> Any | None:
    """The stream that players show: no cover, no preview of one picture; the default one, else the largest, else the
    first. None without any."""
    streams = list(container.streams.video)
    pictures = [stream for stream in streams if not stream.disposition & _NOT_THE_PICTURE]
    moving = [stream for stream in pictures if stream.frames != 1] or pictures

    def worth(stream: Any) -> tuple[bool, int]:
        return bool(stream.disposition & Disposition.default), stream.width * stream.height

    return max(moving, key=worth, default=None)  # the first of equals


def index_frames(container: Any, stream: Any) -> FrameIndex:
    """Every frame that players show: an edit list's hidden ones are decoded through, not counted."""
    packets = _packets_that_tell(container, stream)
    if packets is None:
        container.seek(0)
        return FrameIndex(count=sum(1 for _ in container.decode(stream)))
    times = sorted(packet.pts for packet in packets if not packet.is_discard)
    keys = sorted((p.pts, p.pts if p.dts is None else p.dts) for p in packets if p.is_keyframe)
    decode_times: dict[int, int] = {}
    for shown, decoded in keys:  # of those before one frame, the last
        index = bisect.bisect_left(times, shown)
        if index < len(times):
            decode_times[index] = decoded
    return FrameIndex(
        count=len(times),
        times=tuple(times),
        frame_of_time={shown: index for index, shown in enumerate(times)},
        decode_times=decode_times,
        keyframes=tuple(decode_times) or (0,),
    )


def _packets_that_tell(container: Any, stream: Any) -> list[Any] | None:
    """Every packet of the stream without decoding any; None where packets do not tell frames and times."""
    if stream.codec_context.name not in _FRAME_A_PACKET or container.format.name in _TIMELESS_CONTAINERS:
        return None
    packets = [_Packet(packet) for packet in container.demux(stream) if packet.size]
    if any(packet.pts is None for packet in packets):
        return None
    shown = [packet.pts for packet in packets if not packet.is_discard]
    return packets if len(set(shown)) == len(shown) and shown else None


class _Packet:
    """What is remembered of a packet: not its data."""

    __slots__ = ("dts", "is_discard", "is_keyframe", "pts")

    def __init__(self, packet: Any) -> None:
        self.pts, self.dts = packet.pts, packet.dts
        self.is_keyframe, self.is_discard = packet.is_keyframe, packet.is_discard


def missing_bytes(path: Path) -> int:
    """How many bytes a file lacks, by what its own headers say of its length; 0: none, or they do not tell.

    A copy that broke off half way still opens in most formats, and merely seems shorter.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(12)
        file.seek(0)
        ends = next((ends for looks_so, ends in _CONTAINERS if looks_so(start)), None)
        last = max(ends(file, size), default=0) if ends else 0
    return max(0, last - size)


def _boxes(file: BinaryIO, size: int) -> Iterator[int]:
    """Ends of the top-level boxes of ISO/IEC 14496-12, 4.2, and of QuickTime's atoms."""
    at = 0
    while at + 8 <= size:
        file.seek(at)
        length = int.from_bytes(file.read(4), "big")
        file.seek(at + 8)
        if length == 1:
            length = int.from_bytes(file.read(8), "big")
        if length < 8:  # 0: to the end of the file
            return
        at += length
        yield at


def _ebml(file: BinaryIO, size: int) -> Iterator[int]:
    """Ends of the top-level elements (RFC 8794): a header, then a segment."""
    at = 0
    while at + 2 <= size:
        file.seek(at)
        head = file.read(16)
        id_length = 9 - head[0].bit_length()
        if id_length > 4 or len(head) <= id_length:
            return
        first = head[id_length]
        length_of_size = 9 - first.bit_length()
        if length_of_size > 8:
            return
        raw = int.from_bytes(head[id_length : id_length + length_of_size], "big")
        most = (1 << 7 * length_of_size) - 1
        if raw & most == most:  # unknown: written to a pipe
            return
        at += id_length + length_of_size + (raw & most)
        yield at


def _riff(file: BinaryIO, size: int) -> Iterator[int]:
    """Ends of the RIFF chunks; beyond 2 GB there are several (OpenDML)."""
    at = 0
    while at + 8 <= size:
        file.seek(at)
        kind, length = struct.unpack("<4sI", file.read(8))
        if kind != b"RIFF" or not length:
            return
        at += 8 + length + length % 2
        yield at - length % 2


def _klv(file: BinaryIO, size: int) -> Iterator[int]:
    """Ends of MXF's triplets (SMPTE ST 336)."""
    at = 0
    while at + 17 <= size:
        file.seek(at)
        head = file.read(25)
        if head[:4] != b"\x06\x0e\x2b\x34":
            return
        more = head[16] & 0x7F if head[16] & 0x80 else 0
        length = int.from_bytes(head[17 : 17 + more], "big") if more else head[16]
        if not at:  # the header says where the footer is (SMPTE ST 377-1, 7.1)
            file.seek(17 + more + 24)
            yield int.from_bytes(file.read(8), "big") + 17
        at += 17 + more + length
        yield at


def _transport_packets(_: BinaryIO, size: int) -> Iterator[int]:
    yield -(-size // 188) * 188


_CONTAINERS: tuple[tuple[Callable[[bytes], bool], Callable[[BinaryIO, int], Iterator[int]]], ...] = (
    (lambda start: start[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"), _boxes),
    (lambda start: start[:4] == b"\x1a\x45\xdf\xa3", _ebml),
    (lambda start: start[:4] == b"RIFF", _riff),
    (lambda start: start[:4] == b"\x06\x0e\x2b\x34", _klv),
    (lambda start: start[:1] == b"\x47", _transport_packets),
)
