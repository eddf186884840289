"""Plates, mattes and results as runs of frames: what a path means, what is refused in words, what is never half-written."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from propainter.types import Settings
from propainter_backend.errors import BadInput, OutputError
from propainter_backend.removal.removal import Removal, ShotFiles
from propainter_pictures.color import Pixels
from propainter_pictures.finite import check_finite
from propainter_pictures.frame import Frame
from propainter_pictures.frame_range import FrameRange
from propainter_pictures.images import write_image
from propainter_pictures.mattes import MatteReading, read_matte
from propainter_pictures.plates import FrameSource, open_source
from propainter_pictures.results import open_sink
from propainter_pictures.video_facts import VideoFacts
from propainter_pictures.video_writing import VideoWriter

RGB = ("R", "G", "B")


def picture(value: float = 0, *, dtype: str = "uint8", size: tuple[int, int] = (16, 12)) -> Pixels:
    return np.full((size[1], size[0], 3), value, dtype)


def write_frames(folder: Path, names: list[str], *, dtype: str = "uint8", size: tuple[int, int] = (16, 12)) -> Path:
    """Plain pictures whose value is their place in the list."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, name in enumerate(names):
        write_image(folder / name, Frame(picture(index, dtype=dtype, size=size), RGB), {})
    return folder


def write_video(path: Path, count: int = 5, size: tuple[int, int] = (64, 48)) -> Path:
    writer = VideoWriter(path, size=size, facts=VideoFacts(fps=Fraction(25)))
    for index in range(count):
        writer.write(picture(20 * index, size=size))
    writer.finish()
    return path


def numbers_of(source: FrameSource) -> list[int]:
    return list(range(source.range.first, source.range.last + 1))


def values_of(source: FrameSource) -> list[int]:
    return [int(source.read(number).pixels[0, 0, 0]) for number in numbers_of(source)]


def names_in(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@contextmanager
def file_size_limit(limit: int) -> Iterator[None]:
    """A disk that is full after so many bytes, as far as one file can tell."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


# What a path means


def test_a_folder_of_numbered_files_keeps_their_numbers(tmp_path: Path) -> None:
    source = open_source(str(write_frames(tmp_path / "plate", ["p.0999.png", "p.1000.png", "p.1001.png"])))
    assert source.range == FrameRange(999, 1001)
    assert values_of(source) == [0, 1, 2]
    assert (source.size, source.dtype, source.is_still, source.fps) == ((16, 12), np.dtype("uint8"), False, None)


def test_numbers_count_as_numbers_not_as_letters(tmp_path: Path) -> None:
    source = open_source(str(write_frames(tmp_path / "plate", ["f9.png", "f10.png", "f8.png"])))
    assert values_of(source) == [2, 0, 1]


@pytest.mark.parametrize(
    "names",
    [["a.png", "b.png", "c.png"], ["take_1.png", "take_2b.png", "take_3.png"], ["00000.png", "00005.png", "00010.png"]],
    ids=["no numbers", "not all numbers", "every fifth frame"],
)
def test_other_folders_count_from_zero_in_lexicographic_order(names: list[str], tmp_path: Path) -> None:
    source = open_source(str(write_frames(tmp_path / "plate", names)))
    assert source.range == FrameRange(0, 2)
    assert values_of(source) == [0, 1, 2]


def test_other_files_in_the_folder_are_left_aside(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "plate", ["p.1.png", "p.2.png"])
    (folder / "notes.txt").write_text("")
    (folder / ".p.3.partial-1.png").write_bytes(b"half")
    (folder / "sub.9.png").mkdir()
    assert open_source(str(folder)).range == FrameRange(1, 2)


@pytest.mark.parametrize("spelling", ["p.%04d.png", "p.####.png"])
def test_a_pattern_picks_one_sequence_of_several(spelling: str, tmp_path: Path) -> None:
    names = ["p.-001.png", "p.0000.png", "p.0001.png", "p.12345.png", "p.7.png", "q.0002.png"]
    source = open_source(str(write_frames(tmp_path, names) / spelling))
    assert source.range == FrameRange(-1, 12345)
    assert len(source.files) == 4
    assert [int(source.read(number).pixels[0, 0, 0]) for number in (-1, 0, 1, 12345)] == [0, 1, 2, 3]


def test_one_picture_is_a_still(tmp_path: Path) -> None:
    write_frames(tmp_path, ["matte.1043.png", "other.png"])
    still = open_source(str(tmp_path / "matte.1043.png"))
    assert still.is_still and still.range == FrameRange(1043, 1043)
    assert open_source(str(tmp_path / "other.png")).range == FrameRange(0, 0)


def test_a_video_counts_from_zero(tmp_path: Path) -> None:
    with open_source(str(write_video(tmp_path / "a.mp4"))) as source:
        assert (source.range, source.size, source.fps) == (FrameRange(0, 4), (64, 48), Fraction(25))
        assert source.read(3).pixels.mean() == pytest.approx(60, abs=2)
        assert source.read(3).channel_names == RGB


@pytest.mark.parametrize(
    ("names", "path", "sentence"),
    [
        ([], "nowhere", "nowhere does not exist; give"),
        ([], "", "holds no pictures"),
        (["a.1.png", "a.2.tif"], "", r"2 formats \(\.png \.tif\)"),
        (["a.1.png", "b.1.png"], "", r"2 sequences \(a\.# and b\.#"),
        (["a.1.png"], "b.%d.png", r"no file matches the pattern .*b\.#\.png"),
        ([], "a.%d.%d.png", "2 places for the frame number"),
    ],
)
def test_a_path_that_names_no_plate_is_refused_in_a_sentence(
    names: list[str], path: str, sentence: str, tmp_path: Path
) -> None:
    write_frames(tmp_path, names)
    with pytest.raises(BadInput, match=sentence):
        open_source(str(tmp_path / path))


def test_a_file_of_an_unknown_kind_is_refused_with_what_is_known(tmp_path: Path) -> None:
    (tmp_path / "a.psd").write_bytes(b"")
    with pytest.raises(BadInput, match=r"a\.psd is neither a picture nor a video.*\.exr"):
        open_source(str(tmp_path / "a.psd"))


# What is missing or does not fit


def test_missing_frames_are_named_before_any_work(tmp_path: Path) -> None:
    source = open_source(str(write_frames(tmp_path, ["p.1001.png", "p.1002.png", "p.1005.png"])))
    with pytest.raises(BadInput, match=r"2 of the frames 1001-1005 .* are missing, the first is 1003"):
        source.require(source.range)
    with pytest.raises(BadInput, match=r"frame 1004 of .* is missing"):
        source.read(1004)
    source.require(FrameRange(1001, 1002))


def test_a_range_beyond_the_plate_is_refused(tmp_path: Path) -> None:
    source = open_source(str(write_frames(tmp_path, ["p.1001.png", "p.1002.png"])))
    with pytest.raises(BadInput, match=r"frames 1001-1010 are asked for but .* holds 1001-1002"):
        source.require(FrameRange(1001, 1010))
    with open_source(str(write_video(tmp_path / "a.mp4"))) as video, pytest.raises(BadInput, match="holds 0-4"):
        video.read(5)


def test_a_frame_of_another_size_is_named_with_both_sizes(tmp_path: Path) -> None:
    write_frames(tmp_path, ["p.1.png", "p.2.png"])
    write_frames(tmp_path, ["p.3.png"], size=(20, 12))
    source = open_source(str(tmp_path))
    sentence = r"frame 3 \(p\.3\.png\) is 20x12 but frame 1 is 16x12; bring"
    with pytest.raises(BadInput, match=sentence):
        source.require(source.range)
    with pytest.raises(BadInput, match=sentence):
        source.read(3)


def test_a_broken_header_is_found_before_any_work(tmp_path: Path) -> None:
    write_frames(tmp_path, ["p.1.png", "p.2.png", "p.3.png"])
    (tmp_path / "p.2.png").write_bytes(b"")
    source = open_source(str(tmp_path))
    with pytest.raises(BadInput, match=r"frame 2 is empty: .*p\.2\.png has 0 bytes"):
        source.require(source.range)


# Where results go


def test_a_folder_takes_the_plates_names_and_format(tmp_path: Path) -> None:
    plate = open_source(str(write_frames(tmp_path / "plate", ["p.0999.tif", "p.1000.tif"], dtype="uint16")))
    with open_sink(str(tmp_path / "deep" / "out"), like=plate, frames=plate.range) as sink:
        for number in numbers_of(plate):
            sink.write(number, plate.read(number))
    out = open_source(str(tmp_path / "deep" / "out"))
    assert names_in(tmp_path / "deep" / "out") == ["p.0999.tif", "p.1000.tif"]
    assert values_of(out) == values_of(plate) and out.dtype == np.dtype("uint16")


@pytest.mark.parametrize("kind", ["jpeg", "video"])
def test_a_lossy_plate_becomes_png_so_that_untouched_pixels_stay(kind: str, tmp_path: Path) -> None:
    video = kind == "video"
    path = write_video(tmp_path / "shot.mp4", 2) if video else write_frames(tmp_path / "p", ["p.0.jpg", "p.1.jpg"])
    with open_source(str(path)) as plate:
        with open_sink(str(tmp_path / "out"), like=plate, frames=plate.range) as sink:
            for number in numbers_of(plate):
                sink.write(number, plate.read(number))
        out = open_source(str(tmp_path / "out"))
        assert names_in(tmp_path / "out") == (["shot.0000.png", "shot.0001.png"] if video else ["p.0.png", "p.1.png"])
        for number in numbers_of(plate):
            np.testing.assert_array_equal(out.read(number).pixels, plate.read(number).pixels)


def test_a_pattern_and_a_single_picture_name_their_files(tmp_path: Path) -> None:
    plate = open_source(str(write_frames(tmp_path / "plate", ["p.1.png", "p.2.png"])))
    with open_sink(str(tmp_path / "out" / "r.####.tif"), like=plate, frames=plate.range) as sink:
        sink.write(2, plate.read(2))
    with open_sink(str(tmp_path / "out" / "one.png"), like=plate, frames=FrameRange(1, 1)) as sink:
        sink.write(1, plate.read(1))
    assert names_in(tmp_path / "out") == ["one.png", "r.0002.tif"]


def test_a_video_result_has_the_plates_rate_and_our_notes(tmp_path: Path) -> None:
    with open_source(str(write_video(tmp_path / "a.mp4"))) as plate:
        with open_sink(str(tmp_path / "out" / "b.mov"), like=plate, frames=FrameRange(1, 3)) as sink:
            for number in (1, 2, 3):
                sink.write(number, plate.read(number))
        with open_source(str(tmp_path / "out" / "b.mov")) as out:
            assert (out.range, out.fps) == (FrameRange(0, 2), Fraction(25))
            assert out.read(2).pixels.mean() == pytest.approx(60, abs=3)
    assert names_in(tmp_path / "out") == ["b.mov"]


def test_scene_linear_frames_are_shown_through_srgb_in_a_video(tmp_path: Path) -> None:
    plate = open_source(str(write_frames(tmp_path / "plate", ["p.1.exr"], dtype="float16", size=(64, 48))))
    with open_sink(str(tmp_path / "b.mp4"), like=plate, frames=plate.range) as sink:
        sink.write(1, Frame(picture(0.18, dtype="float16", size=(64, 48)), RGB, 1))
    with open_source(str(tmp_path / "b.mp4")) as out:
        assert out.read(0).pixels.mean() == pytest.approx(118, abs=2)


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("plate", "plate is the input's own folder"),
        ("plate/p.%d.png", r"p\.1\.png belongs to the input"),
        ("out.png", "one picture but there are 2 frames"),
        ("out.%d.exr", r"\.exr cannot hold the plate's uint8 pixels .*; write \.dpx or \.tif or \.png"),
        ("out.%d.psd", "has no format that can be written"),
        ("matte/m.%d.png", r"m\.1\.png belongs to the input"),
        ("file/out", "file.* cannot be written to"),
    ],
)
def test_an_output_that_cannot_be_is_refused_before_any_work(output: str, sentence: str, tmp_path: Path) -> None:
    plate = open_source(str(write_frames(tmp_path / "plate", ["p.1.png", "p.2.png"])))
    matte = open_source(str(write_frames(tmp_path / "matte", ["m.1.png", "m.2.png"])))
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match=sentence):
        open_sink(str(tmp_path / output), like=plate, frames=plate.range, protect=[matte])


def test_a_video_is_not_written_over_its_own_plate(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4")
    with open_source(str(path)) as plate, pytest.raises(OutputError, match="belongs to the input"):
        open_sink(str(tmp_path / "." / "a.mp4"), like=plate, frames=plate.range)


@pytest.mark.parametrize("output", ["o.####.png", "o.####.tif", "o.####.dpx", "o.####.jpg", "o.####.exr", "o.mp4"])
def test_a_full_disk_is_told_in_a_sentence_and_leaves_nothing_half_written(output: str, tmp_path: Path) -> None:
    dtype = "float32" if output.endswith("exr") else "uint8"
    suffix = ".exr" if output.endswith("exr") else ".png"
    plate = open_source(
        str(write_frames(tmp_path / "p", [f"p.{i}{suffix}" for i in range(8)], dtype=dtype, size=(200, 200)))
    )
    noise = np.random.default_rng(0).integers(0, 255, (8, 200, 200, 3)).astype(dtype)
    with (
        pytest.raises(OutputError, match=r"out/o.* cannot be written \(.*\); make room"),
        file_size_limit(20_000),
        open_sink(str(tmp_path / "out" / output), like=plate, frames=plate.range) as sink,
    ):
        for number in range(8):
            sink.write(number, Frame(noise[number], RGB, number))
    assert names_in(tmp_path / "out") == []


@pytest.mark.parametrize("output", ["o.####.png", "o.mp4"])
def test_stopping_in_the_middle_leaves_whole_files_only(output: str, tmp_path: Path) -> None:
    plate = open_source(str(write_frames(tmp_path / "plate", ["p.1.png", "p.2.png"], size=(64, 48))))
    with (
        pytest.raises(KeyboardInterrupt),
        open_sink(str(tmp_path / "out" / output), like=plate, frames=plate.range) as sink,
    ):
        sink.write(1, plate.read(1))
        raise KeyboardInterrupt
    assert names_in(tmp_path / "out") == (["o.0001.png"] if "#" in output else [])


def test_an_old_result_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    plate = open_source(str(write_frames(tmp_path / "plate", ["p.1.png"], size=(200, 200))))
    old = write_frames(tmp_path / "out", ["p.1.png"]) / "p.1.png"
    content = old.read_bytes()
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3)).astype(np.uint8)
    sink = open_sink(str(tmp_path / "out"), like=plate, frames=plate.range)
    with pytest.raises(OutputError), file_size_limit(20_000):
        sink.write(1, Frame(noise, RGB, 1))
    assert old.read_bytes() == content
    sink.write(1, Frame(noise, RGB, 1))
    np.testing.assert_array_equal(open_source(str(old)).read(1).pixels, noise)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_told_before_any_work(tmp_path: Path) -> None:
    plate = open_source(str(write_frames(tmp_path / "plate", ["p.1.png"])))
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(OutputError, match=r"locked cannot be written to .*ermission"):
        open_sink(str(tmp_path / "locked"), like=plate, frames=plate.range)


def test_video_frames_must_come_in_order(tmp_path: Path) -> None:
    plate = open_source(str(write_frames(tmp_path / "plate", ["p.1.png", "p.2.png"], size=(64, 48))))
    with (
        pytest.raises(ValueError, match="frame 2 cannot follow"),
        open_sink(str(tmp_path / "o.mp4"), like=plate, frames=plate.range) as sink,
    ):
        sink.write(2, plate.read(2))


# Mattes


def matte_frame(pixels: Pixels, *names: str) -> Frame:
    return Frame(pixels, names, 1043, Path("roto.1043.exr"))


def channels(*values: float, dtype: str = "float32") -> Pixels:
    return np.broadcast_to(np.array(values), (4, 6, len(values))).astype(dtype)


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (matte_frame(channels(0.25, 0.5, 0.75, 0.3), "R", "G", "B", "A"), 0.3),
        (matte_frame(channels(0.6, 0.6, 0.6, 1), "R", "G", "B", "A"), 0.6),
        (matte_frame(channels(0.25, 0.5, 0.75), "R", "G", "B"), 0.2126 * 0.25 + 0.7152 * 0.5 + 0.0722 * 0.75),
        (matte_frame(channels(0.7), "A"), 0.7),
        (matte_frame(channels(0.7, 0.2), "Y", "A"), 0.2),
        (matte_frame(channels(255, dtype="uint8"), "Y"), 1.0),
        (matte_frame(channels(13107, dtype="uint16"), "Y"), 0.2),
        (matte_frame(channels(1.7), "A"), 1.0),
        (matte_frame(channels(-0.3), "A"), 0.0),
        (matte_frame(channels(0.5, dtype="float16"), "A"), 0.5),
    ],
    ids=[
        "alpha", "alpha 1 everywhere: luma", "luma", "one channel", "grey and alpha", "8 bit", "16 bit", "above 1",
        "below 0", "half",
    ],
)  # fmt: skip
def test_the_matte_is_read_from_the_channel_that_holds_it(frame: Frame, expected: float) -> None:
    matte = read_matte(frame)
    assert matte.dtype == np.float32 and matte.shape == (4, 6)
    np.testing.assert_allclose(matte, expected, atol=1e-6)


@pytest.mark.parametrize("grey", [0, 1, 77, 128, 254, 255])
def test_a_grey_rgb_matte_keeps_its_exact_value(grey: int) -> None:
    matte = read_matte(matte_frame(channels(grey, grey, grey, dtype="uint8"), *RGB))
    np.testing.assert_array_equal(matte, np.float32(grey) / np.float32(255))


def test_a_channel_can_be_named() -> None:
    frame = matte_frame(channels(0.1, 0.2, 0.3, 0.4, 0.5), "R", "G", "B", "A", "roto.body")
    for name, expected in (("roto.body", 0.5), ("red", None), ("R", 0.1), ("b", 0.3), ("alpha", 0.4), ("luma", 0.1859)):
        if expected is None:
            with pytest.raises(BadInput, match=r"frame 1043 .* no channel 'red' among R, G, B, A, roto\.body"):
                read_matte(frame, MatteReading(name))
        else:
            np.testing.assert_allclose(read_matte(frame, MatteReading(name)), expected, atol=1e-4)


def test_a_named_channel_needs_no_colours_beside_it() -> None:
    frame = matte_frame(channels(0.1, 0.2, 0.3), "roto.body", "roto.arm", "Z")
    np.testing.assert_allclose(read_matte(frame, MatteReading("roto.arm")), 0.2, atol=1e-6)


def test_nan_in_a_matte_is_named_with_frame_and_place() -> None:
    pixels = channels(0.5).copy()
    pixels[2, 3] = np.nan
    with pytest.raises(BadInput, match=r"frame 1043 \(roto\.1043\.exr\) holds NaN at pixel \(3, 2\)"):
        read_matte(matte_frame(pixels, "A"))


# Plates with values that are no numbers


def broken_plate(dtype: str = "float32") -> Frame:
    pixels = np.zeros((6, 8, 4), dtype)
    pixels[1, 5, 2] = np.inf
    pixels[4, 2, 0] = np.nan
    pixels[4, 2, 1] = np.nan
    pixels[5, 7, 3] = np.nan
    return Frame(pixels, ("R", "G", "B", "A"), 1043, Path("plate.1043.exr"))


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_nan_and_infinity_in_a_plate_are_counted_and_the_first_is_placed(dtype: str) -> None:
    found = check_finite(broken_plate(dtype))
    assert found and (found.count, found.first, found.value) == (2, (5, 1), np.inf)
    assert str(found).startswith("frame 1043 (plate.1043.exr): 2 pixels are NaN or infinite, the first inf at (5, 1); ")


def test_only_the_pixels_asked_about_count() -> None:
    within = np.zeros((6, 8), bool)
    assert check_finite(broken_plate(), within) is None
    within[4] = True
    found = check_finite(broken_plate(), within)
    assert found and (found.count, found.first) == (1, (2, 4))


@pytest.mark.parametrize("make", [lambda: picture(3, dtype="float16"), lambda: picture(3)], ids=["half", "8 bit"])
def test_a_sound_plate_passes(make: Callable[[], Pixels]) -> None:
    assert check_finite(Frame(make(), RGB)) is None


def test_a_grey_frame_in_a_coloured_plate_is_named(tmp_path: Path) -> None:
    plate = write_frames(tmp_path / "plate", ["p.1.png", "p.2.png", "p.3.png"])
    write_image(plate / "p.2.png", Frame(picture()[..., :1], ("Y",)), {})
    mattes = write_frames(tmp_path / "matte", ["m.1.png", "m.2.png", "m.3.png"], dtype="uint8")
    files = ShotFiles(Removal(str(plate), str(mattes), str(tmp_path / "out"), Settings()))
    assert any(said.startswith("p.2.png of the plate is grey but p.1.png is in colour") for said in files.notes)
