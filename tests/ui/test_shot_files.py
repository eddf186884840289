"""What was dropped, and what it holds."""

from __future__ import annotations

import re
from pathlib import Path

import av
import cv2
import numpy as np
import OpenImageIO as oiio
import pytest

from propainter_pictures.frame import Frame, rgb_of, rgba_of
from propainter_pictures.mattes import native_matte
from propainter_ui.shot.shot_files import (
    BadShot,
    ShotFiles,
    check_clean_fit,
    check_fit,
    frame_list_text,
    frames_listed,
    open_dropped,
    open_frames,
    told_to_artists,
)


def write_frames(
    folder: Path, name: str, numbers: range, *, grey: bool = False, size: tuple[int, int] = (8, 6)
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        shape = (size[1], size[0]) if grey else (size[1], size[0], 3)
        cv2.imwrite(str(folder / f"{name}.{number:04d}.png"), np.full(shape, number % 256, np.uint8))
    return folder


def test_a_folder_with_a_plate_and_a_matte_folder_is_a_whole_shot(tmp_path: Path) -> None:
    write_frames(tmp_path / "plate", "hill", range(1001, 1004))
    write_frames(tmp_path / "matte", "hill", range(1001, 1004), grey=True)
    found = open_dropped([tmp_path], has_plate=False, awaits_matte=False)
    assert found.plate is not None and found.matte is not None
    assert (found.plate.path, found.matte.path) == (str(tmp_path / "plate"), str(tmp_path / "matte"))
    assert (found.plate.first, found.plate.last, found.plate.width, found.plate.height) == (1001, 1003, 8, 6)


@pytest.mark.parametrize("turned", [False, True])
def test_the_one_called_matte_is_the_matte_in_whatever_order(tmp_path: Path, turned: bool) -> None:
    paths = [write_frames(tmp_path / "a", "hill", range(3)), write_frames(tmp_path / "b_mask", "hill", range(3))]
    found = open_dropped(paths[::-1] if turned else paths, has_plate=False, awaits_matte=False)
    assert found.plate is not None and found.matte is not None
    assert found.matte.path == str(paths[1])


def test_one_channel_tells_a_matte_whose_name_does_not(tmp_path: Path) -> None:
    grey = write_frames(tmp_path / "x", "hill", range(3), grey=True)
    found = open_dropped([grey, write_frames(tmp_path / "y", "hill", range(3))], has_plate=False, awaits_matte=False)
    assert found.matte is not None and found.matte.path == str(grey)


def test_what_comes_alone_is_the_matte_while_a_plate_waits_for_one(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "x", "hill", range(3))
    assert open_dropped([folder], has_plate=False, awaits_matte=False).plate is not None
    assert open_dropped([folder], has_plate=True, awaits_matte=True).matte is not None


def test_one_frame_stands_for_its_sequence_and_several_for_the_same(tmp_path: Path) -> None:
    folder = write_frames(tmp_path, "hill", range(10, 13))
    write_frames(tmp_path, "lake", range(50, 52))
    assert open_frames(folder / "hill.0011.png").last == 12
    found = open_dropped(sorted(folder.glob("hill.*")), has_plate=False, awaits_matte=False)
    assert found.plate is not None and (found.plate.first, found.plate.last) == (10, 12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: folder.mkdir(exist_ok=True), "there are no pictures in .*; drop a folder"),
        (lambda folder: write_frames(folder, "a", range(3)) / write_frames(folder, "b", range(3)), "several sequences"),
        (
            lambda folder: (write_frames(folder, "a", range(5)) / "a.0002.png").unlink(),
            r"frame 2 of .* is missing \(1 in",
        ),
    ],
)
def test_folders_that_hold_no_sequence_say_why(tmp_path: Path, make: object, message: str) -> None:
    make(tmp_path / "f")  # type: ignore[operator]
    with pytest.raises(BadShot, match=message):
        ShotFiles(open_frames(tmp_path / "f"), None)


def test_files_that_are_no_pictures_are_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "broken.png").write_bytes(b"no png")
    with pytest.raises(BadShot, match=re.escape("notes.txt is neither a picture nor a video")):
        open_frames(tmp_path / "notes.txt")
    with pytest.raises(BadShot, match=re.escape("broken.png cannot be read")):
        open_frames(tmp_path / "broken.png")
    with pytest.raises(BadShot, match="does not exist any more"):
        open_frames(tmp_path / "gone.png")


def test_a_matte_of_another_size_or_range_is_refused_with_both_named(tmp_path: Path) -> None:
    plate = open_frames(write_frames(tmp_path / "p", "hill", range(1001, 1006)))
    small = open_frames(write_frames(tmp_path / "s", "m", range(1001, 1006), size=(4, 4)))
    short = open_frames(write_frames(tmp_path / "t", "m", range(1, 3)))
    with pytest.raises(BadShot, match="the matte is 4x4 but the plate is 8x6"):
        check_fit(plate, small)
    with pytest.raises(BadShot, match="plate p is 1001-1005 but matte t is 1-2: no common frames; number both alike"):
        check_fit(plate, short)


def test_mattes_go_by_number_by_place_or_stand_still(tmp_path: Path) -> None:
    plate = open_frames(write_frames(tmp_path / "p", "hill", range(1001, 1004)))
    longer = open_frames(write_frames(tmp_path / "l", "m", range(1000, 1010), grey=True))
    other = open_frames(write_frames(tmp_path / "o", "m", range(1, 4), grey=True))
    still = open_frames(write_frames(tmp_path / "s", "m", range(7, 8), grey=True))
    for matte, value in ((longer, 1002 % 256), (other, 2), (still, 7)):
        found = ShotFiles(plate, matte).matte(1002)
        assert found is not None and found.shape == (6, 8, 1) and int(found[0, 0, 0]) == value


def test_the_matte_is_the_alpha_that_says_something_else_luma() -> None:
    rgba = np.full((2, 2, 4), 255, np.uint8)
    rgba[..., 0] = 51
    opaque = native_matte(Frame(rgba, ("R", "G", "B", "A")))
    assert opaque.dtype == np.float32 and opaque[0, 0, 0] == pytest.approx(0.2126 * 0.2 + 0.7152 + 0.0722)
    rgba[0, 0, 3] = 9
    assert native_matte(Frame(rgba, ("R", "G", "B", "A")))[0, 0, 0] == 9


def test_colours_are_found_in_a_layer_and_in_any_order() -> None:
    pixels = np.arange(4, dtype=np.float32).reshape(1, 1, 4)
    assert rgb_of(Frame(pixels, ("beauty.B", "beauty.G", "beauty.R", "depth.Z")))[0, 0].tolist() == [2, 1, 0]
    with pytest.raises(BadShot, match="no red, green and blue"), told_to_artists():
        rgb_of(Frame(pixels, ("a", "b", "c", "d")))


def test_what_lies_outside_an_exrs_data_window_is_zero(tmp_path: Path) -> None:
    spec = oiio.ImageSpec(4, 3, 3, "half")
    spec.x, spec.y, spec.full_width, spec.full_height = 2, 1, 8, 6
    out = oiio.ImageOutput.create("a.exr")
    out.open(str(tmp_path / "a.0001.exr"), spec)
    out.write_image(np.ones((3, 4, 3), np.float16))
    out.close()
    frames = open_frames(tmp_path / "a.0001.exr")
    picture = frames.read(1)
    assert (picture.shape, picture.dtype) == ((6, 8, 3), np.float16)
    assert picture[1:4, 2:6].all() and picture.sum() == 36


def test_any_frame_of_a_video_is_exact_in_any_order(tmp_path: Path) -> None:
    path = tmp_path / "hill.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"bf": "2", "g": "6"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(20):
            picture = np.full((48, 64, 3), 12 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    frames = open_frames(path)
    assert (frames.first, frames.last, frames.fps) == (0, 19, 25.0)
    for number in (13, 2, 19, 0, 14, 15):
        assert abs(int(frames.read(number).mean()) - 12 * number) <= 3


# --- clean plates -----------------------------------------------------------------------------------------------------


@pytest.fixture
def hill(tmp_path: Path) -> dict[str, Path]:
    """A plate and a matte of frames 1001 to 1005."""
    numbers = range(1001, 1006)
    return {
        "plate": write_frames(tmp_path / "plate", "hill", numbers),
        "matte": write_frames(tmp_path / "matte", "hill", numbers, grey=True),
    }


def files_with(hill: dict[str, Path], clean: Path, only: frozenset[int] | None = None) -> ShotFiles:
    return ShotFiles(open_frames(hill["plate"]), open_frames(hill["matte"]), open_frames(clean), only)


@pytest.mark.parametrize("name", ["cleanplate", "hill_clean_plate", "cleanPlates_v2"])
def test_what_is_named_clean_plate_is_one_gaps_and_all(tmp_path: Path, hill: dict[str, Path], name: str) -> None:
    folder = write_frames(tmp_path / name, "paint", range(1002, 1003))
    write_frames(folder, "paint", range(1005, 1006))
    found = open_dropped([folder, hill["matte"], hill["plate"]], has_plate=False, awaits_matte=False)
    assert found.plate is not None and found.matte is not None and found.clean is not None
    assert (found.plate.path, found.matte.path) == (str(hill["plate"]), str(hill["matte"]))
    assert found.clean.path == str(folder)
    alone = open_dropped([folder], has_plate=True, awaits_matte=False)
    assert alone.clean is not None and alone.plate is None and alone.matte is None


def test_earlier_results_beside_a_shot_are_not_taken_for_clean_plates(tmp_path: Path, hill: dict[str, Path]) -> None:
    write_frames(tmp_path / "clean", "hill", range(1001, 1006))
    with pytest.raises(BadShot, match="a clean plate named cleanplate, or choose it by Open"):
        open_dropped([tmp_path], has_plate=False, awaits_matte=False)


def test_a_colour_picture_dropped_on_a_finished_shot_is_its_clean_plate(tmp_path: Path, hill: dict[str, Path]) -> None:
    picture = write_frames(tmp_path / "x", "paint", range(1003, 1004))
    assert open_dropped([picture], has_plate=True, awaits_matte=False).clean is not None
    assert open_dropped([picture], has_plate=True, awaits_matte=True).matte is not None
    assert open_dropped([picture], has_plate=False, awaits_matte=False).plate is not None


def test_a_clean_plate_is_of_the_frame_whose_number_it_bears(tmp_path: Path, hill: dict[str, Path]) -> None:
    files = files_with(hill, write_frames(tmp_path / "x", "paint", range(1003, 1004)))
    assert files.clean_numbers() == (1003,)
    found = files.clean(1003)
    assert found is not None and found.shape == (6, 8, 3) and (found == 1003 % 256).all()
    assert files.clean(1002) is None


@pytest.mark.parametrize("name", ["paint.png", "paint.0007.png"])
def test_a_picture_without_a_frames_number_is_of_every_frame(tmp_path: Path, hill: dict[str, Path], name: str) -> None:
    cv2.imwrite(str(tmp_path / name), np.full((6, 8, 3), 50, np.uint8))
    files = files_with(hill, tmp_path / name)
    assert files.clean_numbers() == tuple(range(1001, 1006))
    assert (files.clean(1004) == np.full((6, 8, 3), 50)).all()


def test_only_the_frames_asked_for_have_their_clean_plate(tmp_path: Path, hill: dict[str, Path]) -> None:
    folder = write_frames(tmp_path / "x", "paint", range(1001, 1006))
    assert files_with(hill, folder, frames_listed("1002, 1004-1009")).clean_numbers() == (1002, 1004, 1005)


def test_where_a_clean_plate_holds_comes_with_it() -> None:
    pixels = np.arange(2 * 2 * 4, dtype=np.uint16).reshape(2, 2, 4)
    np.testing.assert_array_equal(rgba_of(Frame(pixels, ("A", "B", "G", "R"))), pixels[..., [3, 2, 1, 0]])
    assert rgba_of(Frame(pixels[..., :3], ("R", "G", "B"))).shape == (2, 2, 3)


@pytest.mark.parametrize(
    ("numbers", "size", "grey", "reason"),
    [
        (range(1, 4), (8, 6), False, "is 1-3: no common frames"),
        (range(1001, 1002), (16, 12), False, "is 16x12 but the plate is 8x6"),
        (range(1001, 1002), (8, 6), True, "has no red, green and blue"),
    ],
)
def test_a_clean_plate_that_cannot_be_used_is_refused(
    tmp_path: Path, hill: dict[str, Path], numbers: range, size: tuple[int, int], grey: bool, reason: str
) -> None:
    folder = write_frames(tmp_path / "x", "paint", numbers, grey=grey, size=size)
    with pytest.raises(BadShot, match=reason):
        check_clean_fit(files_with(hill, folder))


@pytest.mark.parametrize(
    ("text", "frames"),
    [("", None), ("1001", {1001}), ("1, 4-6", {1, 4, 5, 6}), (" -3--1 7 ", {-3, -2, -1, 7}), ("5 - 6,", {5, 6})],
)
def test_frame_lists_are_read_as_the_node_reads_them(text: str, frames: set[int] | None) -> None:
    assert frames_listed(text) == frames


@pytest.mark.parametrize("text", ["a", "1,,2", "1-", "6-4", "1001; 1002", "1.5"])
def test_what_is_no_frame_list_is_refused(text: str) -> None:
    with pytest.raises(BadShot, match="is no list of frames; write 1001, 1040-1045"):
        frames_listed(text)


def test_frames_are_told_as_runs() -> None:
    assert frame_list_text((1040,)) == "frame 1040"
    assert frame_list_text((1001, 1040, 1041)) == "frames 1001, 1040–1041"


# --- what the artist is told ------------------------------------------------------------------------------------------


def disc(value: int, *, size: tuple[int, int] = (8, 6)) -> np.ndarray:
    pixels = np.zeros(size[::-1], np.uint8)
    pixels[2:4, 2:6] = value
    return pixels


def test_what_is_left_out_empty_or_read_as_labels_is_said_without_options(
    tmp_path: Path, hill: dict[str, Path]
) -> None:
    (tmp_path / "m").mkdir()
    for number in (1002, 1004, 1007):
        cv2.imwrite(str(tmp_path / "m" / f"m.{number}.png"), disc(1))
    files = ShotFiles(open_frames(hill["plate"]), open_frames(tmp_path / "m"))
    assert list(files.frames) == list(range(1001, 1006))
    assert files.notes == (
        "3 of 5 frames have no matte (1001, 1003, 1005), so nothing is removed there",
        "matte 1007 belongs to no frame of the plate and is left out",
        "matte m is read as labels: every number but 0 is removed",
    )
    for frame, highest in ((1001, 0), (1002, 255), (1003, 0)):
        matte = files.matte(frame)
        assert matte is not None and matte.shape == (6, 8, 1) and matte.max() == highest


def test_a_picture_given_for_a_matte_is_refused_in_the_artists_words(tmp_path: Path, hill: dict[str, Path]) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (6, 8, 3)).astype(np.uint8)
    (tmp_path / "x").mkdir()
    for number in range(1001, 1006):
        cv2.imwrite(str(tmp_path / "x" / f"x.{number}.png"), noise)
    with pytest.raises(
        BadShot, match=r"is a colour picture, .*; give the roto alone, as one channel or as alpha"
    ) as told:
        check_fit(open_frames(hill["plate"]), open_frames(tmp_path / "x"))
    assert "--" not in str(told.value)


def test_a_file_of_a_versioned_sequence_stands_for_all_of_it(tmp_path: Path) -> None:
    for version in (1, 2):
        for number in range(1001, 1004):
            cv2.imwrite(str(tmp_path / f"shot_{number}_v{version:02d}.png"), disc(255))
    frames = open_frames(tmp_path / "shot_1002_v02.png")
    assert (frames.first, frames.last) == (1001, 1003)
    dropped = [path for path in sorted(tmp_path.iterdir()) if "v02" in path.name]
    found = open_dropped(dropped, has_plate=True, awaits_matte=True)
    assert found.matte is not None and found.matte.last == 1003


def test_a_frame_replaced_since_it_was_opened_asks_for_a_reload(tmp_path: Path, hill: dict[str, Path]) -> None:
    files = ShotFiles(open_frames(hill["plate"]), open_frames(hill["matte"]))
    assert files.plate(1003).shape == (6, 8, 3)
    write_frames(hill["plate"], "hill", range(1003, 1004))
    with pytest.raises(
        BadShot, match=r"frame 1003 of the plate \(hill\.1003\.png\) was replaced since .*; press Reload"
    ):
        files.plate(1003)
    assert files.plate(1004) is not None
    assert ShotFiles(open_frames(hill["plate"]), None).plate(1003) is not None
