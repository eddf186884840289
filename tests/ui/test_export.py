"""Exports: what the removal did not touch is untouched, and nothing half-written is left behind."""

from __future__ import annotations

import json
from pathlib import Path

import av
import cv2
import numpy as np
import OpenImageIO as oiio
import pytest

from propainter_ui.shot.export import _whole, write_report, write_sequence, write_video
from propainter_ui.shot.frame_store import ShotLibrary
from propainter_ui.shot.picture import Patch
from propainter_ui.shot.shot_files import BadShot, ShotFiles, open_frames
from propainter_ui.state.panel_state import ShotState

FRAMES = (1001, 1002, 1003)


def shot_of(folder: Path) -> tuple[ShotLibrary, ShotState]:
    plate = open_frames(folder)
    library = ShotLibrary(1 << 24)
    library.open(ShotFiles(plate, None))
    state = ShotState(
        "hill", plate.path, "", plate.first, plate.last, plate.width, plate.height, plate.dtype, 24.0  # type: ignore[arg-type]
    )  # fmt: skip
    return library, state


def patches(dtype: str, value: float) -> dict[int, Patch]:
    return {frame: Patch((2, 1, 3, 2), np.full((2, 3, 3), value, dtype)) for frame in FRAMES}


@pytest.fixture
def png_plate(tmp_path: Path) -> Path:
    folder = tmp_path / "plate"
    folder.mkdir()
    noise = np.random.default_rng(1)
    for frame in FRAMES:
        cv2.imwrite(str(folder / f"hill.{frame}.png"), noise.integers(0, 65536, (6, 8, 4), dtype=np.uint16))
    return folder


def test_a_sequence_keeps_every_other_pixel_and_channel(png_plate: Path, tmp_path: Path) -> None:
    library, shot = shot_of(png_plate)
    done: list[int] = []
    out = write_sequence(tmp_path / "clean", library, shot, FRAMES, patches("uint16", 700), done.append)
    assert done == [1, 2, 3]
    assert sorted(path.name for path in out.iterdir()) == [f"hill.{frame}.png" for frame in FRAMES]
    for frame in FRAMES:
        before = cv2.imread(str(png_plate / f"hill.{frame}.png"), cv2.IMREAD_UNCHANGED)
        after = cv2.imread(str(out / f"hill.{frame}.png"), cv2.IMREAD_UNCHANGED)
        assert (after[1:3, 2:5, :3] == 700).all()
        before[1:3, 2:5, :3] = 700
        np.testing.assert_array_equal(after, before)


def test_an_exr_keeps_its_windows_its_layers_and_its_header(tmp_path: Path) -> None:
    folder = tmp_path / "plate"
    folder.mkdir()
    for frame in FRAMES:
        spec = oiio.ImageSpec(3, 3, 4, "half")
        spec.x, spec.y, spec.full_width, spec.full_height = 4, 2, 8, 6
        spec.channelnames = ("R", "G", "B", "depth.Z")
        spec.attribute("camera", "left")
        out = oiio.ImageOutput.create("a.exr")
        out.open(str(folder / f"hill.{frame}.exr"), spec)
        out.write_image(np.full((3, 3, 4), 3.5, np.float16))
        out.close()
    library, shot = shot_of(folder)
    write_sequence(tmp_path / "clean", library, shot, FRAMES, patches("float16", 9.25), lambda _: None)
    opened = oiio.ImageInput.open(str(tmp_path / "clean/hill.1002.exr"))
    spec, pixels = opened.spec(), opened.read_image("half")
    assert (spec.x, spec.y, spec.width, spec.height) == (2, 1, 5, 4), "grown to hold the fill"
    assert (spec.full_width, spec.full_height) == (8, 6)
    assert spec.get_string_attribute("camera") == "left" and tuple(spec.channelnames)[3] == "depth.Z"
    assert (pixels[:2, :3, :3] == 9.25).all() and (pixels[2:, 3:] == 3.5).all()
    assert pixels[1, 2, 3] == 3.5 and pixels[0, 0, 3] == 0


def test_an_exrs_data_window_grows_to_the_right_and_down_as_well(tmp_path: Path) -> None:
    (tmp_path / "plate").mkdir()
    spec = oiio.ImageSpec(3, 2, 3, "half")
    spec.full_width, spec.full_height = 8, 6
    out = oiio.ImageOutput.create("a.exr")
    out.open(str(tmp_path / "plate/hill.1001.exr"), spec)
    out.write_image(np.ones((2, 3, 3), np.float16))
    out.close()
    library, shot = shot_of(tmp_path / "plate")
    fill = {1001: Patch((6, 4, 2, 2), np.full((2, 2, 3), 5, np.float16))}
    write_sequence(tmp_path / "clean", library, shot, (1001,), fill, lambda _: None)
    opened = oiio.ImageInput.open(str(tmp_path / "clean/hill.1001.exr"))
    assert (opened.spec().width, opened.spec().height) == (8, 6)
    pixels = opened.read_image("half")
    assert (pixels[4:, 6:] == 5).all() and (pixels[:2, :3] == 1).all() and pixels.sum() == 3 * (4 * 5 + 6)


def test_the_plates_own_folder_is_refused(png_plate: Path) -> None:
    library, shot = shot_of(png_plate)
    with pytest.raises(BadShot, match="is the input's own folder"):
        write_sequence(png_plate, library, shot, FRAMES, patches("uint16", 0), lambda _: None)


def test_an_mp4_holds_every_frame_with_the_fill(png_plate: Path, tmp_path: Path) -> None:
    library, _ = shot_of(png_plate)
    path, notes = write_video(tmp_path / "out.mp4", library, FRAMES, patches("uint16", 65535), lambda _: None)
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == 3 and frames[0].shape == (6, 8, 3)
    assert notes == ()


def test_a_failed_write_leaves_neither_half_a_file_nor_touches_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "out.png").write_text("old")
    with pytest.raises(OSError, match="disk full"), _whole(tmp_path / "out.png") as partial:
        partial.write_text("half")
        raise OSError("disk full")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("out.png", "old")]


def test_a_stopped_export_says_so_to_its_caller(png_plate: Path, tmp_path: Path) -> None:
    library, _ = shot_of(png_plate)

    class Stopped(Exception):
        pass

    def stop(_: int) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        write_video(tmp_path / "to" / "out.mp4", library, FRAMES, patches("uint16", 0), stop)
    assert list((tmp_path / "to").iterdir()) == []


def test_the_report_is_json_as_it_was_given(tmp_path: Path) -> None:
    path = write_report(tmp_path / "report.json", {"shot": {"name": "hügel"}, "seconds": 1.5})
    assert json.loads(path.read_text()) == {"shot": {"name": "hügel"}, "seconds": 1.5}
