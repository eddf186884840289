"""What was dropped, and what it holds."""

from __future__ import annotations

import re
from pathlib import Path

import av
import cv2
import numpy as np
import OpenImageIO as oiio
import pytest

from propainter_ui.shot_files import (
    BadShot,
    ShotFiles,
    check_fit,
    matte_of,
    open_dropped,
    open_frames,
    rgb_of,
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
    found = open_dropped([tmp_path], awaits_matte=False)
    assert found.plate is not None and found.matte is not None
    assert (found.plate.path, found.matte.path) == (str(tmp_path / "plate"), str(tmp_path / "matte"))
    assert (found.plate.first, found.plate.last, found.plate.width, found.plate.height) == (1001, 1003, 8, 6)


@pytest.mark.parametrize("turned", [False, True])
def test_the_one_called_matte_is_the_matte_in_whatever_order(tmp_path: Path, turned: bool) -> None:
    paths = [write_frames(tmp_path / "a", "hill", range(3)), write_frames(tmp_path / "b_mask", "hill", range(3))]
    found = open_dropped(paths[::-1] if turned else paths, awaits_matte=False)
    assert found.plate is not None and found.matte is not None
    assert found.matte.path == str(paths[1])


def test_one_channel_tells_a_matte_whose_name_does_not(tmp_path: Path) -> None:
    grey = write_frames(tmp_path / "x", "hill", range(3), grey=True)
    found = open_dropped([grey, write_frames(tmp_path / "y", "hill", range(3))], awaits_matte=False)
    assert found.matte is not None and found.matte.path == str(grey)


def test_what_comes_alone_is_the_matte_while_a_plate_waits_for_one(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "x", "hill", range(3))
    assert open_dropped([folder], awaits_matte=False).plate is not None
    assert open_dropped([folder], awaits_matte=True).matte is not None


def test_one_frame_stands_for_its_sequence_and_several_for_the_same(tmp_path: Path) -> None:
    folder = write_frames(tmp_path, "hill", range(10, 13))
    write_frames(tmp_path, "lake", range(50, 52))
    assert open_frames(folder / "hill.0011.png").last == 12
    found = open_dropped(sorted(folder.glob("hill.*")), awaits_matte=False)
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
        open_frames(tmp_path / "f")


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
    with pytest.raises(BadShot, match="the matte has frames 1–2 but the plate 1001–1005"):
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
    opaque = matte_of(rgba, ("R", "G", "B", "A"))
    assert opaque.dtype == np.float32 and opaque[0, 0, 0] == pytest.approx(0.2126 * 0.2 + 0.7152 + 0.0722)
    rgba[0, 0, 3] = 9
    assert matte_of(rgba, ("R", "G", "B", "A"))[0, 0, 0] == 9


def test_colours_are_found_in_a_layer_and_in_any_order() -> None:
    pixels = np.arange(4, dtype=np.float32).reshape(1, 1, 4)
    assert rgb_of(pixels, ("beauty.B", "beauty.G", "beauty.R", "depth.Z"))[0, 0].tolist() == [2, 1, 0]
    with pytest.raises(BadShot, match="no red, green and blue"):
        rgb_of(pixels, ("a", "b", "c", "d"))


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
