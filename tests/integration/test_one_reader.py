"""One reader of pictures: the panel shows what the command reads, pixel by pixel and frame by frame."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import OpenImageIO as oiio
import pytest
from av.video.stream import VideoStream

from propainter_host.sequences import read_image as read_as_host
from propainter_pictures.images import read_image
from propainter_pictures.mattes import MatteReading, native_matte, read_matte
from propainter_pictures.plates import open_source
from propainter_ui.shot.shot_files import BadShot, ShotFiles, check_fit, open_frames

can_turn = pytest.mark.skipif(
    not hasattr(VideoStream, "set_display_rotation"), reason="this PyAV cannot write turned videos"
)
SIZE = (64, 48)
NOISE = np.random.default_rng(8)


def noise(channels: int, dtype: str = "uint8") -> np.ndarray:
    shares = NOISE.random((SIZE[1], SIZE[0], channels))
    return (shares * np.iinfo(dtype).max if np.issubdtype(np.dtype(dtype), np.integer) else shares).astype(dtype)


def write(path: Path, pixels: np.ndarray, names: tuple[str, ...] = ()) -> Path:
    height, width, channels = pixels.shape
    spec = oiio.ImageSpec(width, height, channels, {"float16": "half"}.get(pixels.dtype.name, pixels.dtype.name))
    if names:
        spec.channelnames = names
    path.parent.mkdir(parents=True, exist_ok=True)
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), spec) and out.write_image(pixels) and out.close()
    return path


def write_sequence(folder: Path, numbers: range, *, channels: int = 3) -> Path:
    for number in numbers:
        write(folder / f"f.{number:04d}.png", noise(channels))
    return folder


def several_parts(folder: Path) -> Path:
    """Depth first, as renderers write it; the colours are in the second part."""
    path = folder / "parts.0007.exr"
    specs = [oiio.ImageSpec(*SIZE, channels, "half") for channels in (1, 4)]
    specs[0].channelnames, specs[1].channelnames = ("Z",), ("R", "G", "B", "A")
    for spec, name in zip(specs, ("depth", "beauty"), strict=True):
        spec.attribute("oiio:subimagename", name)
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), specs)
    assert out.write_image(noise(1, "float16"))
    assert out.open(str(path), specs[1], "AppendSubimage") and out.write_image(noise(4, "float16"))
    assert out.close()
    return path


def small_data_window(folder: Path) -> Path:
    spec = oiio.ImageSpec(20, 10, 3, "half")
    spec.x, spec.y, spec.full_width, spec.full_height = 30, -4, *SIZE
    out = oiio.ImageOutput.create("a.exr")
    assert out.open(str(folder / "window.0001.exr"), spec)
    assert out.write_image(noise(3, "float16")[:10, :20]) and out.close()
    return folder / "window.0001.exr"


def palette(folder: Path) -> Path:
    """A PNG of 8-bit numbers into a palette with a colour that is see-through."""
    path = folder / "palette.png"
    colours = NOISE.integers(0, 256, (256, 4)).astype(np.uint8)
    colours[:200, 0] = 255  # FFmpeg's order: alpha, red, green, blue
    numbers = NOISE.integers(0, 256, SIZE[::-1]).astype(np.uint8)
    with av.open(str(path), "w", format="image2", options={"update": "1"}) as container:
        stream = container.add_stream("png", rate=24)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "pal8"
        container.mux(stream.encode(av.VideoFrame.from_ndarray((numbers, colours), format="pal8")))
        container.mux(stream.encode(None))
    assert oiio.ImageInput.open(str(path)).spec().get_int_attribute("png:ColorType", 3) == 3
    assert path.read_bytes()[25] == 3, "colour type: palette (PNG, 11.2.2)"
    return path


def video(
    path: Path, *, codec: str = "libx264", layout: str = "yuv420p", matrix: Any = None, turned: int = 0, count: int = 3,
    grey: bool = False,
) -> Path:  # fmt: skip
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=24, options={"x265-params": "log-level=none"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, layout
        if matrix is not None:
            stream.codec_context.colorspace = stream.codec_context.color_primaries = matrix
        if turned:
            stream.set_display_rotation(turned)
        for _ in range(count):
            blocks = NOISE.integers(0, 256, (SIZE[1] // 8, SIZE[0] // 8, 1 if grey else 3)).astype(np.uint8)
            blocks = np.broadcast_to(blocks, (*blocks.shape[:2], 3))
            picture = av.VideoFrame.from_ndarray(np.kron(blocks, np.ones((8, 8, 1), np.uint8)), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


CASES: dict[str, Callable[[Path], Path]] = {
    "EXR in several parts": several_parts,
    "EXR with a small data window": small_data_window,
    "EXR with a layer": lambda folder: write(
        folder / "a.exr", noise(4, "float32"), ("beauty.B", "beauty.G", "beauty.R", "Z")
    ),
    "palette PNG": palette,
    "see-through PNG": lambda folder: write(folder / "a.png", noise(4)),
    "16-bit grey TIFF": lambda folder: write(folder / "a.tif", noise(1, "uint16")),
    "JPEG": lambda folder: write(folder / "a.jpg", noise(3)),
    "DPX": lambda folder: write(folder / "a.dpx", noise(3, "uint16")),
    "untagged video": lambda folder: video(folder / "a.mp4"),
    "BT.2020 video": lambda folder: video(folder / "a.mp4", codec="libx265", layout="yuv420p10le", matrix=9),
    "SMPTE 240M video": lambda folder: video(folder / "a.mp4", matrix=7),
    "AVI, which tells no times": lambda folder: video(folder / "a.avi"),
}


def check_same(path: Path) -> None:
    frames = open_frames(path)
    panel, source = ShotFiles(frames, None), open_source(str(path))
    assert frames.range == source.range
    assert ((frames.width, frames.height), frames.dtype) == (source.size, source.dtype.name)
    for number in range(source.range.first, source.range.last + 1):
        frame = source.read(number)
        shown, matte = panel.plate(number), native_matte(frames.frame(number))
        np.testing.assert_array_equal(shown, frame.rgb())
        assert shown.dtype == frame.pixels.dtype
        full = np.iinfo(matte.dtype).max if np.issubdtype(matte.dtype, np.integer) else 1
        np.testing.assert_array_equal(matte[..., 0].astype(np.float32) / np.float32(full), read_matte(frame))


@pytest.mark.parametrize("case", CASES)
def test_the_panel_shows_the_pixels_that_the_command_reads(case: str, tmp_path: Path) -> None:
    check_same(CASES[case](tmp_path))


@pytest.mark.parametrize("case", [case for case in CASES if "video" not in case and "AVI" not in case])
def test_the_headless_host_has_the_same_numbers_over_the_data_window(case: str, tmp_path: Path) -> None:
    path = CASES[case](tmp_path)
    whole = read_image(path, 0)
    found = read_as_host(path, lambda pixels: pixels)
    x, y, width, height = *found.origin, *found.pixels.shape[1::-1]
    canvas = np.zeros((whole.size[1], whole.size[0], found.pixels.shape[2]), found.pixels.dtype)
    top = whole.size[1] - y - height
    canvas[max(0, top) : top + height, x : x + width] = found.pixels[max(0, -top) :]
    colours = whole.rgb_channels if found.pixels.shape[2] > 1 else whole.rgb_channels[:1]
    assert found.pixels.dtype == whole.pixels.dtype
    np.testing.assert_array_equal(canvas[..., : len(colours)], whole.pixels[..., colours])


@can_turn
def test_a_turned_video_stands_upright_in_both(tmp_path: Path) -> None:
    path = video(tmp_path / "a.mp4", turned=90)
    assert open_source(str(path)).size == SIZE[::-1]
    check_same(path)


@pytest.mark.parametrize(
    "names",
    [["a.png", "b.png", "c.png"], ["00000.png", "00005.png", "00010.png"], ["f9.png", "f10.png", "f11.png"],
     ["take_1.png", "take_2b.png"]],
    ids=["no numbers", "every fifth frame", "numbers of two lengths", "not all numbers"],
)  # fmt: skip
def test_a_folders_frames_have_the_commands_numbers(names: list[str], tmp_path: Path) -> None:
    for name in names:
        write(tmp_path / name, noise(3))
    check_same(tmp_path)


def paired(plate: Path, matte: Path) -> dict[int, np.ndarray]:
    """The matte the command takes for each frame it renders, read as it reads them."""
    from propainter.types import Settings
    from propainter_backend.removal.removal import Removal
    from propainter_backend.removal.removal import ShotFiles as CommandFiles

    files = CommandFiles(Removal(str(plate), str(matte), "out", Settings()))
    return {number: files.pictures.matte(index) for index, number in enumerate(files.numbers)}


@pytest.mark.parametrize(
    ("plate", "matte"),
    [(range(5, 9), range(5, 9)), (range(6), range(3, 9)), (range(1001, 1006), range(1000, 1009)),
     (range(10, 16), range(12, 14)), (range(10, 13), range(40, 41))],
    ids=["the same", "shifted", "longer", "shorter", "still"],
)  # fmt: skip
def test_panel_and_command_pair_a_matte_by_the_same_numbers(plate: range, matte: range, tmp_path: Path) -> None:
    paths = write_sequence(tmp_path / "p", plate), write_sequence(tmp_path / "m", matte, channels=1)
    panel, expected = ShotFiles(*map(open_frames, paths)), paired(*paths)
    assert list(panel.frames) == list(expected)
    for number, wanted in expected.items():
        found = panel.matte(number)
        assert found is not None
        np.testing.assert_array_equal(found[..., 0].astype(np.float32) / np.float32(255), wanted)


def test_a_video_matte_of_a_video_goes_frame_by_frame(tmp_path: Path) -> None:
    paths = video(tmp_path / "p.mp4", count=4), video(tmp_path / "m.mp4", count=3, grey=True)
    panel, expected = ShotFiles(*map(open_frames, paths)), paired(*paths)
    assert list(panel.frames) == list(expected) == [0, 1, 2, 3]


def test_a_matte_in_another_part_of_the_file_is_named_and_read(tmp_path: Path) -> None:
    """As Nuke writes layers into parts: the picture first, the roto in a part of its own."""
    from propainter_pictures.matte_survey import PictureForMatte, survey

    path, mask = tmp_path / "parts.0007.exr", (noise(1, "float32") > 0.5).astype(np.float32)
    specs = [oiio.ImageSpec(*SIZE, channels, kind) for channels, kind in ((3, "half"), (1, "float"))]
    specs[0].channelnames, specs[1].channelnames = ("R", "G", "B"), ("mask",)
    for spec, name in zip(specs, ("rgb", "roto"), strict=True):
        spec.attribute("oiio:subimagename", name)
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), specs) and out.write_image(noise(3, "float16"))
    assert out.open(str(path), specs[1], "AppendSubimage") and out.write_image(mask) and out.close()
    source = open_source(str(path))
    with pytest.raises(PictureForMatte, match=r"other channels beside it \(roto\.mask\)"):
        survey(source.read_all_parts, [7], name="roto")
    np.testing.assert_array_equal(read_matte(source.read_all_parts(7), MatteReading("roto")), mask[..., 0])
    assert source.read(7).channel_names == ("R", "G", "B")


def test_a_matte_that_shares_no_frame_is_refused_by_both(tmp_path: Path) -> None:
    paths = write_sequence(tmp_path / "p", range(1001, 1006)), write_sequence(tmp_path / "m", range(1, 4), channels=1)
    with pytest.raises(BadShot, match="plate p is 1001-1005 but matte m is 1-3: no common frames"):
        check_fit(*map(open_frames, paths))
    with pytest.raises(Exception, match="no common frames"):
        paired(*paths)


def test_the_panel_loads_no_decoder_before_a_file_is_opened() -> None:
    program = (
        "import sys, propainter_ui.panel, propainter_ui.shot.export, propainter_ui.nuke.dock\n"
        "print(sorted({'OpenImageIO', 'av', 'cv2', 'torch'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_reading_and_writing_pictures_needs_no_opencv_and_reading_stills_no_pyav(tmp_path: Path) -> None:
    write(tmp_path / "a.png", noise(3))
    program = (
        "import sys\nfrom propainter_ui.shot.shot_files import open_frames\nfrom pathlib import Path\n"
        f"open_frames(Path({str(tmp_path / 'a.png')!r})).read(0)\n"
        "print(sorted({'OpenImageIO', 'av', 'cv2', 'torch'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['OpenImageIO']"
