"""Where exports go: never over plate, matte or clean plate, and over earlier exports only when that is asked for."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from propainter_pictures.frame import Frame
from propainter_pictures.frame_range import FrameRange
from propainter_pictures.plates import open_source
from propainter_pictures.results import open_sink
from propainter_ui.shot.export import (
    check_place,
    folder_beside,
    places_there,
    suggested_place,
    write_sequence,
    write_video,
)
from propainter_ui.shot.frame_store import ShotLibrary
from propainter_ui.shot.picture import Patch
from propainter_ui.shot.shot_files import BadShot, ShotFiles, open_frames
from propainter_ui.state.panel_state import ShotState

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from propainter_ui.panel import Panel

FRAMES = (1001, 1002, 1003)


def pictures(folder: Path, name: str = "hill", *, channels: int = 3) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(3)
    for frame in FRAMES:
        pixels = noise.integers(0, 256, (32, 48, channels), np.uint8)
        if channels == 1:
            pixels = np.where(pixels > 250, 255, 0).astype(np.uint8)
        cv2.imwrite(str(folder / f"{name}.{frame}.png"), pixels)
    return folder


def video_of(folder: Path, path: Path) -> Path:
    with open_source(str(folder)) as source, open_sink(str(path), like=source, frames=FrameRange(1001, 1003)) as sink:
        for frame in FRAMES:
            sink.write(frame, Frame(np.repeat(source.read(frame).pixels, 4 - source.read(frame).pixels.shape[2], 2)[..., :3],
                                    ("R", "G", "B"), frame))  # fmt: skip
    return path


def shot_of(plate: Path, matte: Path, clean: Path | None = None) -> tuple[ShotLibrary, ShotState]:
    files = ShotFiles(open_frames(plate), open_frames(matte), None if clean is None else open_frames(clean))
    library = ShotLibrary(1 << 24)
    library.open(files)
    p = files.plate_frames
    return library, ShotState("hill", p.path, str(matte), p.first, p.last, p.width, p.height, p.dtype, 24.0)  # type: ignore[arg-type]


def fill(frames: tuple[int, ...] = FRAMES) -> dict[int, Patch]:
    return {frame: Patch((2, 1, 3, 2), np.full((2, 3, 3), 9, np.uint8)) for frame in frames}


def kept(*folders: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for folder in folders for file in folder.rglob("*") if file.is_file()}


def test_matte_and_clean_plate_frames_of_the_results_names_are_kept(tmp_path: Path) -> None:
    plate, matte = pictures(tmp_path / "plate"), pictures(tmp_path / "matte", channels=1)
    clean = pictures(tmp_path / "cleanplate")
    library, shot = shot_of(plate, matte / "hill.1001.png", clean)
    before = kept(tmp_path)
    for folder in (matte, clean, plate):
        with pytest.raises(BadShot, match="choose another folder"):
            write_sequence(folder, library, shot, FRAMES, fill(), lambda _: None)
    assert kept(tmp_path) == before


def test_a_plate_or_matte_video_is_kept(tmp_path: Path) -> None:
    plate, matte = pictures(tmp_path / "plate"), pictures(tmp_path / "matte", channels=1)
    video = video_of(plate, tmp_path / "take.mp4")
    roto = video_of(matte, tmp_path / "take_matte.mp4")
    library, _ = shot_of(video, matte)
    (tmp_path / "link.mp4").symlink_to(video)
    os.link(video, tmp_path / "hard.mp4")
    before = kept(tmp_path)
    for name in ("take.mp4", "link.mp4", "hard.mp4"):
        with pytest.raises(BadShot, match=f"{name} belongs to the input"):
            write_video(tmp_path / name, library, (0, 1, 2), fill((0, 1, 2)), lambda _: None)
    library, _ = shot_of(plate, roto)
    with pytest.raises(BadShot, match=r"take_matte.mp4 belongs to the input"):
        write_video(roto, library, FRAMES, fill(), lambda _: None)
    assert kept(tmp_path) == before


@pytest.mark.parametrize(
    ("kind", "name", "says"),
    [
        ("sheet", "matte/hill.1002.png", "belongs to the input"),
        ("report", "plate/hill.1001.png", "belongs to the input"),
        ("sequence", "matte", "own folder"),
        ("video", "plate", "end it in .mp4"),
        ("video", "out.png", "end it in .mp4"),
        ("report", "plate", "is a folder"),
        ("sequence", "plate/hill.1001.png/x", "is a file; choose a folder"),
        ("video", "n" * 300 + ".mp4", "cannot be written"),
    ],
)
def test_what_no_export_may_be_written_to(kind: Any, name: str, says: str, tmp_path: Path) -> None:
    library, _ = shot_of(pictures(tmp_path / "plate"), pictures(tmp_path / "matte", channels=1))
    assert library.files is not None
    with pytest.raises(BadShot, match=says):
        check_place(kind, tmp_path / name, library.files, FRAMES)


def test_the_place_suggested_is_free_and_beside_the_plate(tmp_path: Path) -> None:
    plate, matte = pictures(tmp_path / "plate"), pictures(tmp_path / "matte", channels=1)
    for given in (plate, plate / "hill.1002.png"):
        files = ShotFiles(open_frames(given), open_frames(matte))
        assert folder_beside(files) == tmp_path
    pictures(tmp_path / "hill-clean")
    assert suggested_place("sequence", "hill", files, FRAMES, [tmp_path]) == tmp_path / "hill-clean-2"
    assert suggested_place("video", "hill", files, FRAMES, [tmp_path]) == tmp_path / "hill-clean.mp4"
    (tmp_path / "closed").mkdir(mode=0o500)
    if not os.access(tmp_path / "closed", os.W_OK):  # root may write anywhere
        assert suggested_place("video", "hill", files, FRAMES, [tmp_path / "closed", plate]).parent == plate
    assert len(places_there("sequence", tmp_path / "hill-clean", files, (1002, 1003))) == 2


@pytest.fixture
def asked(qtbot: QtBot, tmp_path: Path) -> Callable[[str], Any]:
    """The window that asks for a place."""
    library, _ = shot_of(pictures(tmp_path / "plate"), pictures(tmp_path / "matte", channels=1))

    def show(kind: str) -> Any:
        from propainter_ui.widgets.export_place import ExportPlace

        files = library.files
        assert files is not None
        window = ExportPlace(None, kind, "hill", files, FRAMES, [tmp_path])  # type: ignore[arg-type]
        qtbot.addWidget(window)
        window.show()
        return window

    return show


def enter(qtbot: QtBot, window: Any, path: str) -> None:
    """Type a path over the one that is there, and press Return."""
    from propainter_ui.qt import Qt

    window.path.clear()
    qtbot.keyClicks(window.path, path)
    qtbot.keyClick(window.path, Qt.Key.Key_Return)


def test_the_window_refuses_the_matte_and_stays_then_takes_a_new_folder(
    qtbot: QtBot, asked: Callable[[str], Any], tmp_path: Path
) -> None:
    window = asked("sequence")
    assert window.path.text() == str(tmp_path / "hill-clean")
    enter(qtbot, window, str(tmp_path / "matte"))
    assert window.isVisible() and "own folder" in window.says.text() and window.says.objectName() == "error"
    enter(qtbot, window, "")
    assert window.isVisible() and "Type where" in window.says.text()
    enter(qtbot, window, str(tmp_path / "new" / "deep"))
    assert window.result() == 1 and window.place == tmp_path / "new" / "deep"


def test_return_never_replaces_earlier_frames_their_own_button_does(
    qtbot: QtBot, asked: Callable[[str], Any], tmp_path: Path
) -> None:
    pictures(tmp_path / "old")
    (tmp_path / "old/hill.1003.png").unlink()
    window = asked("sequence")
    for _ in range(2):
        enter(qtbot, window, str(tmp_path / "old"))
        assert window.isVisible() and window.replace.isVisible()
        assert window.replace.text() == "Replace 2 frames" and "already holds 2 frames" in window.says.text()
    qtbot.keyClicks(window.path, "er")
    assert not window.replace.isVisible()
    enter(qtbot, window, str(tmp_path / "old"))
    window.replace.click()
    assert window.result() == 1 and window.place == tmp_path / "old"


def test_a_name_without_an_ending_is_asked_about_with_it(
    qtbot: QtBot, asked: Callable[[str], Any], tmp_path: Path
) -> None:
    (tmp_path / "look.mp4").write_bytes(b"earlier")
    window = asked("video")
    enter(qtbot, window, str(tmp_path / "look"))
    assert window.isVisible() and window.replace.text() == "Replace look.mp4"
    enter(qtbot, window, "other")
    assert window.result() == 1 and window.place == tmp_path / "other.mp4"


def test_the_panel_refuses_at_once_to_write_over_the_matte(
    qtbot: QtBot, panel: Panel, tiny_shot: Path, tmp_path: Path
) -> None:
    from test_panel import open_shot, until

    open_shot(qtbot, panel, tiny_shot)
    before = kept(tiny_shot)
    panel.export("sequence", tiny_shot / "matte")
    until(qtbot, lambda: panel.state.notice is not None and panel.state.notice.level == "error")
    assert panel.state.notice is not None and "is the input's own folder" in panel.state.notice.text
    assert panel.state.daemon.phase == "absent", "nothing was rendered for it"
    assert kept(tiny_shot) == before
