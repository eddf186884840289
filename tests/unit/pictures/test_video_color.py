"""A video's numbers mean what its tags say, at its own depth; and what was not touched goes out as it came in."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from propainter_backend.errors import BadInput, OutputError
from propainter_pictures.frame_range import FrameRange
from propainter_pictures.plates import open_source
from propainter_pictures.results import open_sink
from propainter_pictures.video import VideoReader
from propainter_pictures.video_color import Coding, frame_of, plane_of, to_frame, to_rgb

WIDTH, HEIGHT = 64, 32


def ramp(first: int, last: int, dtype: type = np.uint16, width: int = WIDTH) -> NDArray[np.generic]:
    return np.tile(np.linspace(first, last, width).round().astype(dtype), (HEIGHT, 1))


def store(
    path: Path, planes: list[NDArray[np.generic]], pixel_format: str, *, frames: int = 3, full: bool = False,
    matrix: int = 1, primaries: int = 1, transfer: int = 1, codec: str = "ffv1",
) -> Path:  # fmt: skip
    """These very samples, losslessly."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(24))
        stream.width, stream.height, stream.pix_fmt = planes[0].shape[1], planes[0].shape[0], pixel_format
        context = stream.codec_context
        context.colorspace, context.color_primaries, context.color_trc = matrix, primaries, transfer
        context.color_range = 2 if full else 1
        for _ in range(frames):
            frame = frame_of(planes, pixel_format)
            frame.colorspace, frame.color_range = matrix, 2 if full else 1
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("bits", [10, 12])
def test_every_deep_code_is_its_share_of_white(bits: int, full: bool, tmp_path: Path) -> None:
    """Against BT.709, item 3.5 and H.273, 8.3: white is white, not 0.996 of it."""
    black, white = (0, 2**bits - 1) if full else (16 << (bits - 8), 235 << (bits - 8))
    codes = ramp(black, white)
    grey = np.full_like(codes, 1 << (bits - 1))
    rgb = VideoReader(store(tmp_path / "a.mkv", [codes, grey, grey], f"yuv444p{bits}le", full=full)).read(0)
    shares = (codes.astype(float) - black) / (white - black)
    np.testing.assert_allclose(rgb[..., 1] / 65535, shares, atol=1e-5)
    assert rgb.max() == 65535


@pytest.mark.parametrize("tagged", [1, 2], ids=["limited", "full"])
@pytest.mark.parametrize("pixel_format", ["gray", "gray10le"])
def test_grey_video_reaches_white(pixel_format: str, tagged: int) -> None:
    bits = 10 if "10" in pixel_format else 8
    white = 2**bits - 1 if tagged == 2 else 235 << (bits - 8)
    frame = frame_of([np.full((HEIGHT, WIDTH), white, np.uint16 if bits > 8 else np.uint8)], pixel_format)
    frame.color_range = tagged
    rgb = to_rgb(frame)
    assert rgb.shape == (HEIGHT, WIDTH, 3) and (rgb == np.iinfo(rgb.dtype).max).all()


@pytest.mark.parametrize(("matrix", "red", "blue"), [(1, 0.2126, 0.0722), (9, 0.2627, 0.0593), (6, 0.299, 0.114)])
@pytest.mark.parametrize("full", [False, True])
def test_colours_go_out_and_back_by_the_matrix_of_the_standard(
    matrix: int, red: float, blue: float, full: bool
) -> None:
    rgb = np.random.default_rng(1).integers(0, 65536, (HEIGHT, WIDTH, 3), np.uint16)
    frame = to_frame(rgb, Coding("yuv444p12le", matrix=matrix, is_full_range=full))
    shares = rgb / 65535
    luma = red * shares[..., 0] + (1 - red - blue) * shares[..., 1] + blue * shares[..., 2]
    want = luma * 4095 if full else luma * 219 * 16 + 256
    np.testing.assert_allclose(plane_of(frame, 0, np.uint16), want, atol=0.51)
    np.testing.assert_allclose(to_rgb(frame) / 65535, shares, atol=6e-4)


@pytest.mark.parametrize("matrix", [8, 10, 14], ids=["YCgCo", "constant luminance", "ICtCp"])
def test_colours_that_no_matrix_here_decodes_are_refused(matrix: int, tmp_path: Path) -> None:
    grey = np.full((HEIGHT, WIDTH), 512, np.uint16)
    path = store(tmp_path / "a.mov", [grey] * 3, "yuv444p10le", matrix=matrix, codec="libx265")
    with pytest.raises(BadInput, match=r"a\.mov.*does not read; export it as"):
        VideoReader(path)


def written(path: Path, source: Path, *, touch: bool = False) -> list[list[NDArray[np.generic]]]:
    """A source written to a video frame by frame; the planes of what can be read back."""
    with open_source(str(source)) as plate, open_sink(str(path), like=plate, frames=FrameRange(0, 2)) as sink:
        for number in range(3):
            frame = plate.read(number)
            if touch:
                frame = frame.with_patch((8, 8, 4, 4), np.zeros((4, 4, 3), frame.pixels.dtype))
            sink.write(number, frame)
    return decoded(path)


def decoded(path: Path) -> list[list[NDArray[np.generic]]]:
    with av.open(str(path)) as container:
        return [
            [plane_of(each, index, np.uint16 if "le" in each.format.name else np.uint8) for index in range(3)]
            for each in container.decode(video=0)
        ]


@pytest.mark.parametrize("touch", [False, True])
@pytest.mark.parametrize("layout", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le"])
def test_untouched_samples_reach_the_encoder_as_they_came(
    layout: str, touch: bool, tmp_path: Path, monkeypatch
) -> None:  # type: ignore[no-untyped-def]
    """Codes below black and above white, too, which no RGB holds."""
    from propainter_pictures import video_writing

    deep = "10" in layout
    shape = av.VideoFormat(layout, WIDTH, HEIGHT)
    rng = np.random.default_rng(5)
    sizes = [(HEIGHT, WIDTH), *[(shape.chroma_height(HEIGHT), shape.chroma_width(WIDTH))] * 2]
    planes = [rng.integers(4, 1020 if deep else 255, size, np.uint16 if deep else np.uint8) for size in sizes]
    source = store(tmp_path / "a.mkv", planes, layout)
    choose = video_writing.choose_encoder

    def lossless(*args: object) -> video_writing.Encoder:
        return video_writing.Encoder("ffv1", {}, choose(*args).coding)  # type: ignore[arg-type]

    monkeypatch.setattr(video_writing, "choose_encoder", lossless)
    for frame in written(tmp_path / "out.mkv", source, touch=touch):
        for plane, before in zip(frame, planes, strict=True):
            same = plane == before
            if touch:
                down, across = HEIGHT // same.shape[0], WIDTH // same.shape[1]
                same[8 // down : 12 // down, 8 // across : 12 // across] = True
            assert same.all()


def test_hdr_goes_out_with_its_primaries_transfer_and_depth(tmp_path: Path) -> None:
    codes = ramp(64, 940)
    chroma = np.full((HEIGHT // 2, WIDTH // 2), 512, np.uint16)
    hdr = {"matrix": 9, "primaries": 9, "transfer": 16}
    source = store(tmp_path / "a.mkv", [codes, chroma, chroma], "yuv420p10le", **hdr)  # type: ignore[arg-type]
    written(tmp_path / "out.mp4", source)
    with av.open(str(tmp_path / "out.mp4")) as container:
        context = container.streams.video[0].codec_context
        frame = next(container.decode(video=0))
        assert frame.format.name == "yuv420p10le"
        assert (int(frame.colorspace), context.color_primaries, context.color_trc) == (9, 9, 16)
        assert np.abs(plane_of(frame, 0, np.uint16).astype(int) - codes).mean() < 2


@pytest.mark.parametrize("suffix", [".avi", ".webm", ".mpg"])
def test_a_format_that_would_lose_depth_is_refused(suffix: str, tmp_path: Path) -> None:
    chroma = np.full((HEIGHT, WIDTH), 512, np.uint16)
    source = store(tmp_path / "a.mkv", [chroma] * 3, "yuv444p10le")
    with open_source(str(source)) as plate, pytest.raises(OutputError, match=r"8 bits where the plate has 10"):
        open_sink(str(tmp_path / f"out{suffix}"), like=plate, frames=FrameRange(0, 2))


@pytest.mark.parametrize(("transfer", "primaries", "is_srgb"), [(16, 9, False), (18, 9, False), (1, 1, True)])
def test_png_of_hdr_is_not_called_srgb(transfer: int, primaries: int, is_srgb: bool, tmp_path: Path) -> None:
    chroma = np.full((HEIGHT, WIDTH), 512, np.uint16)
    source = store(
        tmp_path / "a.mkv", [chroma] * 3, "yuv444p10le", matrix=9 if primaries == 9 else 1, primaries=primaries,
        transfer=transfer,
    )  # fmt: skip
    with open_source(str(source)) as plate, open_sink(str(tmp_path / "o"), like=plate, frames=FrameRange(0, 0)) as sink:
        sink.write(0, plate.read(0))
    content = (tmp_path / "o" / "a.0000.png").read_bytes()
    assert (b"sRGB" in content) == is_srgb
    assert (b"gAMA" in content) == is_srgb
    at = content.find(b"cICP")  # PNG, third edition, 11.3.2.6
    assert (content[at + 4 : at + 8] == bytes([primaries, transfer, 0, 1])) != is_srgb
