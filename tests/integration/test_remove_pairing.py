"""``propainter-remove`` on frames, mattes and outputs that are not as they seem: paired right, said, or refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from builders import box_matte, moving_plates
from propainter.types import Settings
from propainter_backend.commands.remove import main
from propainter_backend.errors import BadInput
from propainter_backend.farm.run_chunk import main as run_chunk
from propainter_backend.removal.outside import OutsideCount
from propainter_backend.removal.removal import Removal, ShotFiles
from propainter_pictures.frame import Frame
from propainter_pictures.images import read_image, write_image
from propainter_pictures.mattes import MatteReading

SIZE = (96, 72)
COUNT = 5
GREY = ("Y",)
RGB = ("R", "G", "B")


def write(path: Path, pixels: np.ndarray, names: tuple[str, ...] = GREY) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, Frame(pixels, names), {})


def matte(index: int) -> np.ndarray:
    return (box_matte(SIZE, left=30 + index, top=25) * 255).astype(np.uint8)[..., None]


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    """plate.0-4.png, and mattes of all frames."""
    for index, plate in enumerate(moving_plates(COUNT, size=SIZE)):
        pixels = np.where(matte(index) > 0, np.uint8([230, 10, 200]), plate.pixels)
        write(tmp_path / "plate" / f"p.{index:04d}.png", pixels, RGB)
        write(tmp_path / "matte" / f"m.{index:04d}.png", matte(index))
    return tmp_path


def run(shot: Path, *more: str, matte: str = "matte", output: str = "out") -> int:
    given = ["--plate", str(shot / "plate"), "--matte", str(shot / matte), "--output", str(shot / output)]
    return main([*given, "--quiet", "--engine", "classical", "--report", str(shot / "report.json"), *more])


def report(shot: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((shot / "report.json").read_text())
    return found


def changed(shot: Path, output: str = "out") -> list[bool]:
    """Whether anything was removed, frame by frame; every frame must be there."""
    return [
        not np.array_equal(*[read_image(shot / where / f"p.{n:04d}.png", n).pixels for where in ("plate", output)])
        for n in range(COUNT)
    ]


def files_of(shot: Path, **wish: object) -> ShotFiles:
    return ShotFiles(Removal(str(shot / "plate"), str(shot / "matte"), str(shot / "out"), Settings(), **wish))  # type: ignore[arg-type]


def test_frames_without_a_matte_are_used_and_written_and_counted(shot, capsys):
    for number in (1, 3):
        (shot / "matte" / f"m.{number:04d}.png").unlink()
    assert run(shot) == 0
    assert changed(shot) == [True, False, True, False, True]  # 0, 2, 4 stay 0, 2, 4
    assert "warning: 2 of 5 frames have no matte (1, 3), so nothing is removed there" in capsys.readouterr().err
    assert any("2 of 5 frames have no matte" in note for note in report(shot)["notes"])


def test_the_report_counts_what_changed_outside_on_the_files_themselves(shot, monkeypatch):
    assert run(shot) == 0
    assert report(shot)["pixels_changed_outside"] == 0
    counted = OutsideCount.add

    def spoil_then_count(self: OutsideCount, index: int) -> None:
        path = shot / "out" / f"p.{index:04d}.png"
        frame = read_image(path, index)
        frame.pixels[3:5, 7:10] ^= 1  # 6 pixels that the matte does not reach
        write_image(path, frame, {})
        counted(self, index)

    monkeypatch.setattr(OutsideCount, "add", spoil_then_count)
    assert run(shot) == 0
    assert report(shot)["pixels_changed_outside"] == 6 * COUNT
    monkeypatch.undo()
    assert run(shot, output="out.mp4") == 0
    assert report(shot)["pixels_changed_outside"] is None  # a video is encoded anew


def test_a_named_channel_is_the_matte_and_can_be_inverted(shot, capsys):
    names = (*RGB, "roto.mask")
    for index in range(COUNT):
        keep = 255 - matte(index)
        picture = np.dstack([moving_plates(COUNT, size=SIZE)[index].pixels, keep]).astype(np.float32) / 255
        write(shot / "layers" / f"m.{index:04d}.exr", picture, names)
    assert run(shot, matte="layers") == 2
    assert "other channels beside it (roto.mask)" in capsys.readouterr().err
    assert run(shot, "--matte-channel", "roto.mask", "--invert-matte", matte="layers") == 0
    assert run(shot, output="plain") == 0
    for number in range(COUNT):
        np.testing.assert_array_equal(
            *(read_image(shot / out / f"p.{number:04d}.png", 0).pixels for out in ("out", "plain"))
        )
    assert run(shot, "--matte-channel", "roto.hand", matte="layers") == 2
    assert "no channel 'roto.hand' among R, G, B, roto.mask" in capsys.readouterr().err


def test_a_plate_replaced_while_it_is_rendered_ends_the_render(shot, monkeypatch, capsys):
    counted = OutsideCount.add

    def replace_then_count(self: OutsideCount, index: int) -> None:
        counted(self, index)
        if index == 1:
            write(shot / "plate" / "p.0004.png", np.full((SIZE[1], SIZE[0], 3), 9, np.uint8), RGB)

    monkeypatch.setattr(OutsideCount, "add", replace_then_count)
    assert run(shot, "--cores", "1") == 2
    assert "frame 4 of the plate (p.0004.png) was replaced while it was being rendered" in capsys.readouterr().err


@pytest.mark.parametrize("folder", ["plate", "matte"])
def test_a_file_written_again_is_another_one_even_if_it_holds_the_same(shot, folder):
    files = files_of(shot)
    files.pictures.plate(0)
    path = next(path for path in sorted((shot / folder).iterdir()) if "0003" in path.name)
    path.write_bytes(path.read_bytes())
    with pytest.raises(BadInput, match=rf"frame 3 of the {folder} .* was replaced while it was being rendered"):
        files.pictures.plate(3)
        files.pictures.matte(3)
    assert files.changed_since() == [
        f"{path.name} changed during the render; the result shows the older version, so render again"
    ]


def test_a_clean_plate_video_of_one_picture_and_mattes_in_a_folder_pair_by_one_rule(shot):
    files = files_of(shot, matte_offset=1)
    assert [files.pairing.matte_number(number) for number in range(COUNT)] == [None, 0, 1, 2, 3]
    assert files.pictures.matte(0).max() == 0 and files.pictures.matte(1).max() == 1
    inverted = files_of(shot, matte_reading=MatteReading(is_inverted=True))
    np.testing.assert_array_equal(inverted.pictures.matte(2), 1 - files_of(shot).pictures.matte(2))


@pytest.mark.parametrize("spelling", [["--frames", "-5--4"], ["--frames=-5--4"], ["--frames", "-5"]])
def test_farm_tasks_take_negative_frames(tmp_path, spelling):
    for index, plate in enumerate(moving_plates(COUNT, size=SIZE)):
        write(tmp_path / "plate" / f"p.{index - 5:04d}.png", plate.pixels, RGB)
        write(tmp_path / "matte" / f"m.{index - 5:04d}.png", matte(index))
    given = [f"--{what}={tmp_path / what}" for what in ("plate", "matte", "output", "cache-dir")]
    assert run_chunk(["--stage", "flow", "--engine", "classical", *given, *spelling]) == 0


@pytest.fixture(autouse=True)
def _no_files_left_behind(tmp_path: Path) -> Iterator[None]:
    yield
    assert not [path for path in tmp_path.rglob(".*") if path.name.endswith(".rendering")]
