"""One picture file: every channel, window, part and note survives reading and writing, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest
from numpy.typing import NDArray

from propainter_backend.errors import BadInput, OutputError
from propainter_pictures.frame import Frame, find_rgb
from propainter_pictures.images import read_image, read_info, write_image

NOISE = np.random.default_rng(7)
Window = tuple[int, int, int, int]  # left, top, width, height


def store(
    path: Path,
    pixels: NDArray[Any],
    *,
    names: tuple[str, ...] | None = None,
    at: tuple[int, int] = (0, 0),
    display: Window | None = None,
    kinds: tuple[str, ...] = (),
    tile: int = 0,
    **attributes: Any,
) -> Path:
    """Write a file straight through OpenImageIO, as some other program would."""
    kind = {"uint8": "uint8", "uint16": "uint16", "float16": "half", "float32": "float"}[pixels.dtype.name]
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], pixels.shape[2], kind)
    if names:
        spec.channelnames = names
    if kinds:
        spec.channelformats = kinds
    spec.x, spec.y = at
    if display:
        spec.full_x, spec.full_y, spec.full_width, spec.full_height = display
    spec.tile_width = spec.tile_height = tile
    spec.attribute("oiio:UnassociatedAlpha", 1)
    for name, value in attributes.items():
        spec.attribute(name.replace("__", ":"), value)
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), spec), out.geterror()
    assert out.write_image(np.ascontiguousarray(pixels)), out.geterror()
    assert out.close(), out.geterror()
    return path


def noise(dtype: str, channels: int, height: int = 12, width: int = 16) -> NDArray[Any]:
    shape = (height, width, channels)
    if dtype.startswith("uint"):
        return NOISE.integers(0, np.iinfo(dtype).max, shape, np.dtype(dtype), endpoint=True)
    return NOISE.normal(0, 3, shape).astype(dtype)


def round_trip(path: Path, **metadata: str) -> tuple[Frame, Frame]:
    before = read_image(path, 7)
    copy = path.with_name(f"copy{path.suffix}")
    write_image(copy, before, metadata)
    return before, read_image(copy, 7)


@pytest.mark.parametrize(
    ("suffix", "dtype", "channels"),
    [
        (".exr", "float16", 1), (".exr", "float16", 3), (".exr", "float32", 4), (".exr", "float32", 7),
        (".dpx", "uint8", 3), (".dpx", "uint16", 1), (".dpx", "uint16", 4),
        (".tif", "uint8", 4), (".tif", "uint16", 3), (".tiff", "float32", 4), (".tif", "uint16", 2),
        (".png", "uint8", 1), (".png", "uint8", 2), (".png", "uint16", 3), (".png", "uint16", 4),
    ],
)  # fmt: skip
def test_every_pixel_comes_back_bit_for_bit(suffix: str, dtype: str, channels: int, tmp_path: Path) -> None:
    pixels = noise(dtype, channels)
    before, after = round_trip(store(tmp_path / f"a{suffix}", pixels))
    assert before.pixels.dtype == after.pixels.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(before.pixels, pixels)
    np.testing.assert_array_equal(after.pixels, pixels)
    assert after.channel_names == before.channel_names


@pytest.mark.parametrize("bits", [10, 12])
def test_dpx_keeps_its_bit_depth_and_every_level(bits: int, tmp_path: Path) -> None:
    levels = np.arange(1 << bits, dtype=np.uint32).reshape(-1, 32, 1).repeat(3, axis=2)
    widened = ((levels << (16 - bits)) | (levels >> (2 * bits - 16))).astype(np.uint16)
    before, after = round_trip(store(tmp_path / "a.dpx", widened, oiio__BitsPerSample=bits))
    np.testing.assert_array_equal(before.pixels, widened)
    np.testing.assert_array_equal(after.pixels, widened)
    assert (tmp_path / "copy.dpx").stat().st_size == (tmp_path / "a.dpx").stat().st_size
    assert after.header and after.header.spec.get_int_attribute("oiio:BitsPerSample") == bits


NAMES = ("R", "G", "B", "A", "depth.Z")


@pytest.mark.parametrize(
    ("at", "display"),
    [
        ((3, 5), (0, 0, 40, 30)), ((-3, -4), (0, 0, 10, 6)), ((1003, -2), (1000, 0, 12, 30)), ((60, 60), (0, 0, 20, 10)),
    ],
    ids=["smaller than the format", "overscan", "both, format off the origin", "beside the format"],
)  # fmt: skip
def test_data_window_display_window_and_overscan_survive(at: tuple[int, int], display: Window, tmp_path: Path) -> None:
    pixels = noise("float16", 5)
    path = store(tmp_path / "a.exr", pixels, names=NAMES, at=at, display=display)
    before, _ = round_trip(path)
    assert before.size == display[2:]
    copy = oiio.ImageInput.open(str(tmp_path / "copy.exr"))
    spec = copy.spec()
    assert (spec.x, spec.y, spec.width, spec.height) == (*at, 16, 12)
    assert (spec.full_x, spec.full_y, spec.full_width, spec.full_height) == display
    np.testing.assert_array_equal(copy.read_image(0, 0, 0, 5, "unknown"), pixels)


def test_pixels_lie_where_the_windows_say(tmp_path: Path) -> None:
    pixels = noise("float32", 3)
    frame = read_image(store(tmp_path / "a.exr", pixels, at=(1002, -1), display=(1000, 0, 20, 15)), 1)
    expected = np.zeros((15, 20, 3), np.float32)
    for y in range(15):
        for x in range(20):
            if 0 <= y + 1 < 12 and 0 <= x - 2 < 16:
                expected[y, x] = pixels[y + 1, x - 2]
    np.testing.assert_array_equal(frame.pixels, expected)


def test_what_is_painted_outside_a_tight_data_window_is_not_cut_off(tmp_path: Path) -> None:
    path = store(tmp_path / "a.exr", noise("float16", 3), at=(3, 5), display=(0, 0, 40, 30))
    frame = read_image(path, 1)
    rgb = frame.rgb()
    rgb[2, 35] = 0.5
    write_image(tmp_path / "b.exr", frame.with_rgb(rgb), {})
    again = read_image(tmp_path / "b.exr", 1)
    np.testing.assert_array_equal(again.pixels, frame.with_rgb(rgb).pixels)
    assert again.header
    spec = again.header.spec
    assert (spec.x, spec.y, spec.width, spec.height) == (3, 2, 33, 15)


def test_channels_of_mixed_depth_keep_their_depths(tmp_path: Path) -> None:
    path = store(tmp_path / "a.exr", noise("float32", 5), names=NAMES, kinds=("half",) * 4 + ("float",))
    before, after = round_trip(path)
    np.testing.assert_array_equal(before.pixels, after.pixels)
    assert after.header
    assert [str(kind) for kind in after.header.spec.channelformats] == ["half"] * 4 + ["float"]


def test_metadata_compression_and_tiles_are_kept_and_ours_is_added(tmp_path: Path) -> None:
    path = store(tmp_path / "a.exr", noise("float16", 3), compression="piz", tile=16, nuke__node_hash="abc")
    _, after = round_trip(path, **{"propainter:engine": "classical"})
    assert after.header
    spec = after.header.spec
    assert spec.getattribute("compression") == "piz"
    assert spec.getattribute("nuke:node_hash") == "abc"
    assert spec.getattribute("propainter:engine") == "classical"
    assert spec.tile_width == 16


@pytest.mark.parametrize("compression", ["dwaa:45", "b44", "pxr24"])
def test_a_compression_that_would_change_pixels_again_becomes_zip(compression: str, tmp_path: Path) -> None:
    smooth = np.linspace(0, 1, 64 * 64 * 3, dtype=np.float32).reshape(64, 64, 3) ** 2
    path = store(tmp_path / "a.exr", smooth, compression=compression)
    before, after = round_trip(path)
    np.testing.assert_array_equal(before.pixels, after.pixels)
    assert after.header and after.header.spec.getattribute("compression") == "zip"


@pytest.mark.parametrize(("suffix", "dtype"), [(".tif", "uint16"), (".dpx", "uint16"), (".png", "uint8")])
def test_every_format_carries_our_notes(suffix: str, dtype: str, tmp_path: Path) -> None:
    _, after = round_trip(store(tmp_path / f"a{suffix}", noise(dtype, 3)), **{"propainter:engine": "classical"})
    assert after.header
    spec = after.header.spec
    noted = spec.getattribute("propainter:engine") == "classical"
    assert noted or "propainter:engine=classical" in spec.get_string_attribute("ImageDescription")


def test_every_part_of_a_multi_part_file_is_kept(tmp_path: Path) -> None:
    path, colour, depth = tmp_path / "a.exr", noise("float16", 3), noise("float32", 1)
    specs = [oiio.ImageSpec(16, 12, 1, "float"), oiio.ImageSpec(16, 12, 3, "half")]
    specs[0].channelnames = ("Z",)
    for spec, name in zip(specs, ("depth", "beauty"), strict=True):
        spec.attribute("name", name)
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), specs) and out.write_image(depth)
    assert out.open(str(path), specs[1], "AppendSubimage") and out.write_image(colour) and out.close()

    frame = read_image(path, 1)
    assert frame.channel_names == ("R", "G", "B")
    painted = frame.rgb()
    painted[3, 4] = 9
    write_image(tmp_path / "b.exr", frame.with_rgb(painted), {})
    again = oiio.ImageInput.open(str(tmp_path / "b.exr"))
    np.testing.assert_array_equal(again.read_image(0, 0, 0, 1, "unknown"), depth)
    np.testing.assert_array_equal(again.read_image(1, 0, 0, 3, "unknown"), painted)
    assert again.spec(1).getattribute("name") == "beauty"
    with pytest.raises(OutputError, match="2 parts"):
        write_image(tmp_path / "b.tif", frame, {})


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("R", "G", "B"), (0, 1, 2)),
        (("A", "B", "G", "R"), (3, 2, 1)),
        (("red", "green", "blue"), (0, 1, 2)),
        (("depth.Z", "beauty.R", "beauty.G", "beauty.B", "spec.R", "spec.G", "spec.B"), (1, 2, 3)),
        (("beauty.R", "beauty.G", "beauty.B", "R", "G", "B"), (3, 4, 5)),
        (("u.R", "v.G", "w.B"), None),
    ],
)
def test_red_green_and_blue_are_found_by_name(names: tuple[str, ...], expected: tuple[int, int, int] | None) -> None:
    assert find_rgb(names) == expected


def frame_of(*names: str) -> Frame:
    return Frame(noise("float32", len(names)), names, 1043, Path("plate.1043.exr"))


def test_alpha_is_the_one_beside_the_colours() -> None:
    assert frame_of("R", "G", "B", "A").alpha_channel == 3
    assert frame_of("fg.R", "fg.G", "fg.B", "bg.A", "fg.A").alpha_channel == 4
    assert frame_of("R", "G", "B", "fg.A").alpha_channel is None
    assert frame_of("Y", "A").alpha_channel == 1
    assert frame_of("Y").alpha_channel is None


def test_a_frame_without_colours_lists_what_it_has() -> None:
    with pytest.raises(BadInput, match=r"frame 1043 \(plate\.1043\.exr\) has no red.*forward\.u, forward\.v, Z"):
        frame_of("forward.u", "forward.v", "Z").rgb()


def test_new_colours_leave_every_other_channel_alone() -> None:
    frame = frame_of("A", "B", "G", "R", "Z")
    painted = frame.with_rgb(np.full((12, 16, 3), (1, 2, 3), np.float32))
    np.testing.assert_array_equal(painted.pixels[..., [3, 2, 1]], np.broadcast_to((1, 2, 3), (12, 16, 3)))
    np.testing.assert_array_equal(painted.pixels[..., [0, 4]], frame.pixels[..., [0, 4]])


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "float32"])
def test_a_grey_plate_is_painted_in_grey_and_kept_exactly_where_it_was_not(dtype: str) -> None:
    frame = Frame(noise(dtype, 2), ("Y", "A"))
    rgb = frame.rgb()
    assert rgb.shape == (12, 16, 3)
    np.testing.assert_array_equal(frame.with_rgb(rgb).pixels, frame.pixels)
    rgb[0, 0] = (1, 2, 5)
    assert frame.with_rgb(rgb).pixels[0, 0, 0] == pytest.approx(8 / 3, abs=0.5)


def test_jpeg_is_written_only_nearly_the_same_and_carries_our_notes(tmp_path: Path) -> None:
    ramp = np.linspace(0, 255, 64 * 64 * 3).astype(np.uint8).reshape(64, 64, 3)
    write_image(tmp_path / "a.jpg", Frame(ramp, ("R", "G", "B")), {"propainter:engine": "classical"})
    again = read_image(tmp_path / "a.jpg", 0)
    assert np.abs(again.pixels.astype(int) - ramp).max() <= 8
    assert b"propainter:engine=classical" in (tmp_path / "a.jpg").read_bytes()
    with pytest.raises(OutputError, match="alpha"):
        write_image(tmp_path / "b.jpg", Frame(noise("uint8", 4), ("R", "G", "B", "A")), {})


def test_a_jpeg_plate_goes_into_png_unchanged_with_its_notes(tmp_path: Path) -> None:
    path = store(tmp_path / "a.jpg", noise("uint8", 3), Artist="somebody")
    frame = read_image(path, 0)
    write_image(tmp_path / "a.png", frame, {})
    again = read_image(tmp_path / "a.png", 0)
    np.testing.assert_array_equal(again.pixels, frame.pixels)
    assert again.header and again.header.spec.get_string_attribute("Artist") == "somebody"


def test_a_header_tells_size_and_type_without_decoding(tmp_path: Path) -> None:
    path = store(tmp_path / "a.exr", noise("float16", 4), at=(3, 5), display=(0, 0, 40, 30))
    info = read_info(path, 1)
    assert (info.size, info.dtype, info.channel_names) == ((40, 30), np.dtype("float16"), ("R", "G", "B", "A"))


@pytest.mark.parametrize("suffix", [".exr", ".dpx", ".tif", ".png", ".jpg"])
@pytest.mark.parametrize("kept", [0.0, 0.02, 0.5, 0.95])
def test_a_damaged_file_is_named_with_its_frame(suffix: str, kept: float, tmp_path: Path) -> None:
    path = store(tmp_path / f"plate{suffix}", noise("float16" if suffix == ".exr" else "uint8", 3, 60, 60))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(BadInput, match=rf"frame 1043 .*plate\{suffix}"):
        read_image(path, 1043)


def test_a_file_of_something_else_is_named(tmp_path: Path) -> None:
    (tmp_path / "plate.exr").write_bytes(b"not a picture at all" * 30)
    with pytest.raises(BadInput, match=r"frame 5 .*plate\.exr"):
        read_image(tmp_path / "plate.exr", 5)
    with pytest.raises(BadInput, match=r"frame 6 is missing.*plate\.0006\.exr"):
        read_image(tmp_path / "plate.0006.exr", 6)


def test_whole_number_channels_in_an_exr_are_refused_rather_than_rounded(tmp_path: Path) -> None:
    names = ("R", "G", "B", "id")
    path = store(tmp_path / "a.exr", np.abs(noise("float32", 4)), names=names, kinds=("half", "half", "half", "uint"))
    with pytest.raises(BadInput, match=r"frame 3 .*channels that no picture here can hold: id \(uint"):
        read_image(path, 3)
