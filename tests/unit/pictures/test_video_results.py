"""A video result is that video: its clock, pixel aspect, timecode, title and sound; or a sentence says what is left out."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from propainter_backend.errors import BadInput
from propainter_pictures.frame_range import FrameRange
from propainter_pictures.header_text import readable
from propainter_pictures.plates import open_source
from propainter_pictures.results import open_sink
from propainter_pictures.video import VideoReader
from propainter_pictures.video_color import Coding
from propainter_pictures.video_facts import VideoFacts, shifted
from propainter_pictures.video_writing import VideoWriter

SIZE = (64, 48)
COUNT = 12
PHONE = [0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16]  # 30 a second, then 15


def level(index: int) -> int:
    return 20 + 15 * index


def store(
    path: Path, *, times: list[int] | None = None, sound: str | None = None, aspect: Fraction = Fraction(1),
    notes: dict[str, str] | None = None, timecode: str | None = None, rate: Fraction = Fraction(30), gop: str = "12",
) -> Path:  # fmt: skip
    """Twelve frames of different greys."""
    with av.open(str(path), "w", options={"movflags": "use_metadata_tags"}) as container:
        container.metadata.update(notes or {})
        stream = container.add_stream("libx264", rate=rate, options={"qp": "0", "bf": "0", "g": gop})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv444p"
        stream.codec_context.sample_aspect_ratio = aspect
        if timecode:
            stream.metadata["timecode"] = timecode
        if times:
            stream.time_base = stream.codec_context.time_base = 1 / rate
        voice = container.add_stream(sound, rate=48000, layout="mono") if sound else None
        for index, shown in enumerate(times or range(COUNT)):
            frame = av.VideoFrame.from_ndarray(np.full((SIZE[1], SIZE[0], 3), level(index), np.uint8), format="rgb24")
            frame.pts, frame.time_base = shown, 1 / rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if voice is not None:
            for block in range(28):
                samples = (np.sin(np.arange(1024) * 0.05) * 0.3).astype(np.float32)[None]
                heard = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
                heard.sample_rate, heard.pts = 48000, block * 1024
                container.mux(voice.encode(heard))
            container.mux(voice.encode(None))
    return path


def copied(source: Path, path: Path, first: int = 0, last: int = COUNT - 1, **how: Any) -> tuple[str, ...]:
    with (
        open_source(str(source)) as plate,
        open_sink(str(path), like=plate, frames=FrameRange(first, last), **how) as sink,
    ):
        for number in range(first, last + 1):
            sink.write(number, plate.read(number))
    return sink.notes


def times_of(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [round(float(frame.time), 4) for frame in container.decode(video=0)]


def sound_of(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_frames_are_shown_when_the_plate_shows_them(suffix: str, tmp_path: Path) -> None:
    copied(store(tmp_path / "phone.mp4", times=PHONE), tmp_path / f"out{suffix}")
    assert times_of(tmp_path / f"out{suffix}") == pytest.approx([tick / 30 for tick in PHONE], abs=0.001)


def test_a_file_with_varying_times_says_how_long_it_is(tmp_path: Path) -> None:
    copied(store(tmp_path / "phone.mp4", times=PHONE), tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.duration * stream.time_base == Fraction(
            18, 30
        )  # the last frame is shown as long as the one before


def test_chapters_are_said_to_be_left_behind(tmp_path: Path) -> None:
    plain, chaptered = store(tmp_path / "plain.mkv"), tmp_path / "chaptered.mkv"
    with av.open(str(plain)) as source, av.open(str(chaptered), "w") as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        container.set_chapters(
            [{"id": 1, "start": 0, "end": 200, "time_base": Fraction(1, 1000), "metadata": {"title": "a"}}]
        )
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                container.mux(packet)
    assert copied(chaptered, tmp_path / "out.mkv") == ("out.mkv is without its chapters",)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_video_of_very_few_frames_is_decoded_when_it_is_shown(tmp_path: Path, count: int) -> None:
    """x265 leaves decode times of one or two frames as they lay in memory: often refused, or minutes long."""
    for attempt in range(40):  # memory is clean at first
        path = tmp_path / f"{attempt}.mp4"
        writer = VideoWriter(path, size=SIZE, facts=VideoFacts(coding=Coding("yuv420p10le")))
        for _ in range(count):
            writer.write(np.full((SIZE[1], SIZE[0], 3), 20_000, np.uint16))
        writer.finish()
        with av.open(str(path)) as container:
            packets = [packet for packet in container.demux(video=0) if packet.pts is not None]
            assert sorted(packet.pts for packet in packets) == [packets[0].duration * index for index in range(count)]
            assert all(-2 * packet.duration <= packet.dts <= packet.pts for packet in packets)


def test_the_mastering_notes_of_hdr_are_said_to_be_left_behind(tmp_path: Path) -> None:
    master = "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1):max-cll=1000,400"
    path = tmp_path / "hdr.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx265", rate=24, options={"x265-params": f"log-level=none:{master}"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p10le"
        context = stream.codec_context
        context.color_primaries, context.color_trc, context.colorspace, context.color_range = 9, 16, 9, 1
        for index in range(3):  # of fewer x265 does not say when they are to be decoded
            grey = av.VideoFrame.from_ndarray(np.full((SIZE[1], SIZE[0], 3), 90, np.uint8), format="rgb24")
            grey = grey.reformat(format="yuv420p10le")
            grey.pts, grey.time_base = index, Fraction(1, 24)
            container.mux(stream.encode(grey))
        container.mux(stream.encode(None))
    assert copied(path, tmp_path / "out.mp4", last=1) == ("out.mp4 is without the mastering notes of its HDR",)


def test_sound_is_copied_packet_by_packet_in_time(tmp_path: Path) -> None:
    source = store(tmp_path / "phone.mp4", times=PHONE, sound="aac")
    assert copied(source, tmp_path / "out.mp4") == ()
    assert sound_of(tmp_path / "out.mp4") == sound_of(source)
    with av.open(str(source)) as before, av.open(str(tmp_path / "out.mp4")) as after:
        starts = [[float(c.streams.get(k)[0].start_time * c.streams.get(k)[0].time_base) for k in ({"video": 0}, {"audio": 0})] for c in (before, after)]  # noqa: E501 # fmt: skip
    assert starts[0] == pytest.approx(starts[1], abs=0.002)


def test_a_part_of_a_video_has_the_sound_and_timecode_of_that_part(tmp_path: Path) -> None:
    source = store(tmp_path / "a.mov", sound="aac", timecode="01:00:00:28", rate=Fraction(30))
    copied(source, tmp_path / "out.mov", first=3, last=8)
    with av.open(str(tmp_path / "out.mov")) as container:
        assert container.streams.video[0].metadata["timecode"] == "01:00:01:01"
        packets = [packet for packet in container.demux(audio=0) if packet.size]
    seconds = sum(float(packet.duration * packet.time_base) for packet in packets)
    assert seconds == pytest.approx(6 / 30, abs=2 * 1024 / 48000)
    whole = sound_of(source)
    assert whole.index(bytes(packets[0])) == pytest.approx(3 / 30 * 48000 / 1024, abs=1.5)


def test_pixel_aspect_title_and_timecode_are_kept(tmp_path: Path) -> None:
    source = store(tmp_path / "a.mp4", aspect=Fraction(16, 15), notes={"title": "shot 12"}, timecode="01:00:00:00")
    copied(source, tmp_path / "out.mp4", metadata={"propainter:engine": "classical"})
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.metadata["title"] == "shot 12"
        assert container.metadata["propainter:engine"] == "classical"
        assert container.streams.video[0].metadata["timecode"] == "01:00:00:00"
        assert container.streams.video[0].sample_aspect_ratio == Fraction(16, 15)
        assert container.streams.video[0].average_rate == 30


def test_what_a_format_cannot_hold_is_said(tmp_path: Path) -> None:
    source = store(tmp_path / "a.mp4", times=PHONE, sound="aac", timecode="01:00:00:00")
    (note,) = copied(source, tmp_path / "out.webm")
    assert note == ("out.webm is without its timecode 01:00:00:00, its sound (aac, which such a file cannot hold)")
    (note,) = copied(source, tmp_path / "out.avi")
    assert "its varying frame times" in note


def test_another_rate_is_said_to_leave_the_sound_behind(tmp_path: Path) -> None:
    source = store(tmp_path / "a.mp4", sound="aac")
    (note,) = copied(source, tmp_path / "out.mp4", fps=Fraction(25))
    assert "sound" in note
    assert times_of(tmp_path / "out.mp4") == pytest.approx([index / 25 for index in range(COUNT)], abs=1e-3)


@pytest.mark.parametrize(
    ("start", "frames", "rate", "end"),
    [
        ("01:00:00:00", 24, Fraction(24), "01:00:01:00"),
        ("23:59:59:24", 1, Fraction(25), "00:00:00:00"),
        ("00:00:59;29", 1, Fraction(30000, 1001), "00:01:00;02"),  # SMPTE ST 12-1: numbers 0 and 1 are dropped
        ("00:09:59;29", 1, Fraction(30000, 1001), "00:10:00;00"),  # but not in every tenth minute
        ("00:00:00;00", 107892, Fraction(30000, 1001), "01:00:00;00"),
        ("00:00:59;59", 1, Fraction(60000, 1001), "00:01:00;04"),
        ("00:01:00;02", 1798, Fraction(30000, 1001), "00:02:00;02"),
    ],
)
def test_timecodes_are_counted_as_the_standard_says(start: str, frames: int, rate: Fraction, end: str) -> None:
    assert shifted(start, frames, rate) == end


def test_notes_that_are_not_utf_8_become_latin_1() -> None:
    assert readable(b"M\xfcller".decode(errors="surrogateescape")) == "Müller"
    assert readable("Müller 映像") == "Müller 映像"


def with_edit_list(path: Path, begin: int) -> Path:
    """The file, its edit list made to begin so many frames later."""
    content = bytearray(path.read_bytes())
    at = content.index(b"elst") + 8  # ISO/IEC 14496-12, 8.6.6: entries, then duration, media time, rate
    assert struct.unpack_from(">I", content, at)[0] == 1
    duration, media_time = struct.unpack_from(">Ii", content, at + 4)
    mdhd = content.index(b"mdhd") + 4
    scale = struct.unpack_from(">I", content, mdhd + 12)[0]
    struct.pack_into(">Ii", content, at + 4, duration * (COUNT - begin) // COUNT, media_time + begin * scale // 30)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("gop", ["12", "3"])
def test_an_edit_list_shows_the_frames_that_players_show(gop: str, tmp_path: Path) -> None:
    path = with_edit_list(store(tmp_path / "a.mp4", gop=gop), 5)
    with av.open(str(path)) as container:
        shown = [frame.to_ndarray(format="gray").mean() for frame in container.decode(video=0)]
    assert len(shown) == COUNT - 5
    reader = VideoReader(path)
    assert reader.count == COUNT - 5
    for index in (3, 0, 6, 1):
        assert reader.read(index).mean() == pytest.approx(level(index + 5), abs=1.5)


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def test_a_cover_is_not_the_video(tmp_path: Path) -> None:
    store(tmp_path / "a.mp4")
    cover = av.codec.CodecContext.create("mjpeg", "w")
    cover.width, cover.height, cover.pix_fmt, cover.time_base = 90, 90, "yuvj420p", Fraction(1)
    picture = av.VideoFrame.from_ndarray(np.full((90, 90, 3), 200, np.uint8), format="rgb24").reformat(
        format="yuvj420p"
    )
    picture.pts = 0
    jpeg = b"".join(bytes(packet) for packet in [*cover.encode(picture), *cover.encode(None)])
    item = box(b"covr", box(b"data", struct.pack(">II", 13, 0) + jpeg))
    head = box(b"hdlr", struct.pack(">II4s", 0, 0, b"mdir") + b"appl" + bytes(9))
    notes = box(b"udta", box(b"meta", struct.pack(">I", 0) + head + box(b"ilst", item)))
    content = (tmp_path / "a.mp4").read_bytes()
    at = content.index(b"moov") - 4
    size = struct.unpack_from(">I", content, at)[0]
    moov = content[at : at + size]
    track = moov.index(b"trak") - 4
    (tmp_path / "b.mp4").write_bytes(
        content[:at] + box(b"moov", moov[8:track] + notes + moov[track:]) + content[at + size :]
    )
    with av.open(str(tmp_path / "b.mp4")) as container:
        assert container.streams.video[0].codec_context.name == "mjpeg"
    reader = VideoReader(tmp_path / "b.mp4")
    assert (reader.count, reader.size) == (COUNT, SIZE)


def test_a_preview_of_one_picture_is_not_the_video(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mov"), "w") as container:
        preview = container.add_stream("mjpeg", rate=30)
        preview.width, preview.height, preview.pix_fmt = 128, 72, "yuvj420p"
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        container.mux(preview.encode(av.VideoFrame.from_ndarray(np.zeros((72, 128, 3), np.uint8), format="rgb24").reformat(format="yuvj420p")))  # noqa: E501 # fmt: skip
        container.mux(preview.encode(None))
        for _ in range(COUNT):
            container.mux(
                stream.encode(av.VideoFrame.from_ndarray(np.zeros((*SIZE[::-1], 3), np.uint8), format="rgb24"))
            )
        container.mux(stream.encode(None))
    reader = VideoReader(tmp_path / "a.mov")
    assert (reader.count, reader.size) == (COUNT, SIZE)


@pytest.mark.parametrize("share", [0.55, 0.9])
@pytest.mark.parametrize("suffix", [".mkv", ".ts", ".avi", ".webm", ".mxf", ".mov"])
def test_a_file_that_broke_off_is_said(suffix: str, share: float, tmp_path: Path) -> None:
    whole = tmp_path / f"whole{suffix}"
    codec = {".webm": "libvpx-vp9", ".mxf": "mpeg2video"}.get(suffix, "libx264")
    noise = np.random.default_rng(2)
    with av.open(str(whole), "w", options={"movflags": "faststart"} if suffix == ".mov" else {}) as container:
        stream = container.add_stream(codec, rate=25, options={"g": "6"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for _ in range(COUNT):
            picture = noise.integers(0, 255, (*SIZE[::-1], 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    assert VideoReader(whole).count == COUNT
    content = whole.read_bytes()
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(content[: int(len(content) * share) // 188 * 188])
    with pytest.raises(BadInput, match=r"is cut short|cannot be read"):
        VideoReader(cut)
