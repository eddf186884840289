"""Video files: any frame, exactly, in any order; and what is written looks like what was given."""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.reformatter import Colorspace
from av.video.stream import VideoStream
from numpy.typing import NDArray

from propainter_backend.errors import BadInput
from propainter_pictures.video import VideoReader
from propainter_pictures.video_facts import VideoFacts
from propainter_pictures.video_writing import VideoWriter

FRAMES = 40
SIZE = (64, 48)
GOP = {"g": "12", "bf": "3", "b_strategy": "0", "sc_threshold": "0"}  # a keyframe in 12, stored out of order


def level(index: int) -> int:
    """The grey of a frame: tells frames apart after lossy coding."""
    return 10 + 6 * index


def encode(
    path: Path, codec: str, options: dict[str, str], pixel_format: str, *, turned: int = 0, movflags: str = ""
) -> Path:
    with av.open(str(path), "w", options={"movflags": movflags} if movflags else {}) as container:
        stream = container.add_stream(codec, rate=Fraction(24000, 1001), options=options)
        stream.width, stream.height = SIZE
        stream.pix_fmt = pixel_format
        stream.codec_context.bit_rate = 4_000_000
        if turned:
            stream.set_display_rotation(turned)
        for index in range(FRAMES):
            picture = np.full((SIZE[1], SIZE[0], 3), level(index), np.uint8)
            picture[:24] = 0  # the upper half is black, so that turning shows
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


CASES = {
    "h264.mp4": ("libx264", GOP, "yuv420p"),
    "open_gop.mp4": ("libx264", {**GOP, "x264-params": "open-gop=1"}, "yuv420p"),
    "short_gop.mp4": ("libx264", {**GOP, "g": "2"}, "yuv420p"),
    "open_gop.mkv": ("libx265", {"x265-params": "keyint=12:bframes=3:b-adapt=0:open-gop=1:log-level=none"}, "yuv420p"),
    "transport.ts": ("libx264", GOP, "yuv420p"),
    "timeless.avi": ("libx264", GOP, "yuv420p"),
    "counted.webm": ("libvpx", {"g": "12", "auto-alt-ref": "1", "lag-in-frames": "16"}, "yuv420p"),
    "deep.mov": ("prores_ks", {}, "yuv422p10le"),
}


def seen_level(frame: NDArray[Any]) -> float:
    lower = frame[frame.shape[0] * 3 // 4 :]
    return float(lower.mean()) / (257 if frame.dtype == np.uint16 else 1)


@pytest.mark.parametrize("name", CASES)
def test_any_frame_is_found_exactly_in_any_order(name: str, tmp_path: Path) -> None:
    reader = VideoReader(encode(tmp_path / name, *CASES[name]), kept_frames=1)
    assert reader.count == FRAMES
    assert reader.size == SIZE
    order = list(range(FRAMES)) * 2
    random.Random(name).shuffle(order)
    for index in order:
        assert seen_level(reader.read(index)) == pytest.approx(level(index), abs=2.5), index


def test_the_cases_do_store_frames_out_of_order(tmp_path: Path) -> None:
    path = encode(tmp_path / "h264.mp4", *CASES["h264.mp4"])
    with av.open(str(path)) as container:
        shown = [packet.pts for packet in container.demux(video=0) if packet.pts is not None]
    assert shown != sorted(shown)


def test_frame_rate_is_kept_as_a_fraction(tmp_path: Path) -> None:
    assert VideoReader(encode(tmp_path / "a.mp4", *CASES["h264.mp4"])).facts.fps == Fraction(24000, 1001)


def test_ten_bit_video_is_read_as_sixteen_bit(tmp_path: Path) -> None:
    reader = VideoReader(encode(tmp_path / "a.mov", *CASES["deep.mov"]))
    assert reader.dtype == np.uint16


@pytest.mark.skipif(not hasattr(VideoStream, "set_display_rotation"), reason="this PyAV cannot write turned videos")
def test_a_turned_video_is_read_as_shown(tmp_path: Path) -> None:
    reader = VideoReader(encode(tmp_path / "a.mp4", "libx264", GOP, "yuv420p", turned=90))
    assert reader.size == (SIZE[1], SIZE[0])
    frame = reader.read(FRAMES - 1)
    left, right = frame[:, :12].mean(), frame[:, -12:].mean()  # counterclockwise: what was above is on the left
    assert left < 20 and right > 200


@pytest.mark.parametrize(
    ("tag", "matrix", "rows"),
    [(1, Colorspace.ITU709, 48), (6, Colorspace.ITU601, 720), (2, Colorspace.ITU601, 48), (2, Colorspace.ITU709, 720)],
    ids=["tagged Rec.709", "tagged Rec.601", "untagged SD", "untagged HD"],
)
def test_colours_are_decoded_by_the_matrix_they_were_encoded_with(
    tag: int, matrix: Colorspace, rows: int, tmp_path: Path
) -> None:
    picture = av.VideoFrame.from_ndarray(np.full((rows, 64, 3), (200, 30, 30), np.uint8), format="rgb24")
    picture = picture.reformat(format="yuv444p", src_colorspace=matrix, dst_colorspace=matrix)
    picture.colorspace = tag
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"qp": "1"})
        stream.width, stream.height, stream.pix_fmt = 64, rows, "yuv444p"
        stream.codec_context.colorspace = tag
        container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    np.testing.assert_allclose(VideoReader(tmp_path / "a.mp4").read(0)[20, 20].astype(int), (200, 30, 30), atol=3)


def test_few_frames_are_kept_in_memory(tmp_path: Path) -> None:
    reader = VideoReader(encode(tmp_path / "a.mp4", *CASES["h264.mp4"]), kept_frames=3)
    for index in range(10):
        reader.read(index)
    assert len(reader._kept) == 3


@pytest.mark.parametrize("size", [(64, 48), (63, 47)], ids=["even", "odd"])
def test_written_colours_read_back_nearly_the_same(size: tuple[int, int], tmp_path: Path) -> None:
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (12, 200, 99)]
    writer = VideoWriter(tmp_path / "a.mp4", size=size)
    for colour in colours:
        writer.write(np.full((size[1], size[0], 3), colour, np.uint8))
    writer.finish()
    reader = VideoReader(tmp_path / "a.mp4")
    assert (reader.count, reader.size) == (len(colours), size)
    for index, colour in enumerate(colours):
        np.testing.assert_allclose(reader.read(index)[20, 20].astype(int), colour, atol=3)


def test_metadata_and_rate_are_stored_with_the_video(tmp_path: Path) -> None:
    writer = VideoWriter(
        tmp_path / "a.mp4",
        size=SIZE,
        facts=VideoFacts(fps=Fraction(30000, 1001)),
        metadata={"propainter:engine": "classical"},
    )
    writer.write(np.zeros((SIZE[1], SIZE[0], 3), np.uint16))
    writer.finish()
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.metadata["propainter:engine"] == "classical"
        assert container.streams.video[0].average_rate == Fraction(30000, 1001)


@pytest.mark.parametrize("content", [b"", b"this is no video" * 50], ids=["empty", "text"])
def test_a_file_that_is_no_video_is_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "plate.mp4"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"plate\.mp4 cannot be read as a video"):
        VideoReader(path)


def test_a_video_cut_short_says_how_much_is_there(tmp_path: Path) -> None:
    whole = encode(tmp_path / "whole.mp4", "libx264", GOP, "yuv420p", movflags="faststart").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: int(len(whole) * 0.8)])
    with pytest.raises(BadInput, match=r"cut\.mp4 is cut short: \d+ of its 40 frames"):
        VideoReader(tmp_path / "cut.mp4")


def test_a_damaged_frame_is_named(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mov", *CASES["deep.mov"])
    with av.open(str(path)) as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][17]
        start, size = packet.pos, packet.size
    content = bytearray(path.read_bytes())
    content[start : start + size] = bytes(size)
    path.write_bytes(content)
    reader = VideoReader(path)
    reader.read(16)
    with pytest.raises(BadInput, match=r"frame 17 of .*a\.mov cannot be decoded"):
        reader.read(17)
    assert seen_level(reader.read(18)) == pytest.approx(level(18), abs=2.5)
