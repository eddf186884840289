"""A plate that is dropped alone brings the matte that is named after it, and says so."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from propainter_ui.shot.companions import matte_beside

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from propainter_ui.panel import Panel


@pytest.mark.parametrize(
    ("plate", "others", "matte"),
    [
        ("hill", ["hill_matte/"], "hill_matte"),
        ("plate", ["matte/"], "matte"),
        ("hill_plate", ["hill_matte/", "hill_clean/"], "hill_matte"),
        ("sh010", ["sh010-roto/", "sh020_matte/"], "sh010-roto"),
        ("hill.mov", ["hill_matte.mov", "hill_matte.txt"], "hill_matte.mov"),
        ("hill.mov", ["Hill_Mask.mp4"], "Hill_Mask.mp4"),
        ("hill.1001.png", ["hill.1002.png", "hill_matte.1001.png", "hill_matte.1002.png"], "hill_matte.1001.png"),
        ("shot/hill.1001.exr", ["shot_matte/"], "shot_matte"),
        ("plate/hill.1001.exr", ["plate/hill.1002.exr", "matte/"], "matte"),
        ("hill", ["hills_matte/", "matte_hillside/", ".hill_matte/"], None),
        ("hill", ["hill_matte/", "hill_roto/"], None),  # either may be meant
        ("hill_matte", ["hill/"], None),
        ("hill.mov", [], None),
    ],
)
def test_the_matte_beside_a_plate_is_found_by_its_name(
    tmp_path: Path, plate: str, others: list[str], matte: str | None
) -> None:
    for name in (plate, *others):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(exist_ok=True) if name.endswith("/") or "." not in name else path.write_bytes(b"")
    found = matte_beside(tmp_path / plate)
    assert found == (tmp_path / matte if matte else None)


def test_a_plate_dropped_alone_opens_with_its_matte_and_the_panel_says_so(
    qtbot: QtBot, panel: Panel, tiny_shot: Path
) -> None:
    from test_panel import drop, until

    drop(panel, tiny_shot / "plate")
    until(qtbot, lambda: panel.state.shot is not None and panel.state.job is None)
    assert panel.state.shot is not None and panel.state.shot.matte == str(tiny_shot / "matte")
    assert panel.state.notice is not None
    assert panel.state.notice.text == "Matte: matte, found beside the plate by its name."
    assert panel.window().windowTitle() == "tiny – ProPainter Remove"
    assert panel.welcome.isHidden()


def test_one_that_does_not_fit_is_left_out_and_the_panel_says_why(
    qtbot: QtBot, panel: Panel, tiny_shot: Path, tmp_path: Path
) -> None:
    from test_panel import drop, until

    shutil.copytree(tiny_shot / "plate", tmp_path / "hill")
    (tmp_path / "hill_matte").mkdir()
    cv2.imwrite(str(tmp_path / "hill_matte/m.1001.png"), np.zeros((10, 10), np.uint8))
    drop(panel, tmp_path / "hill")
    until(qtbot, lambda: panel.state.shot is not None)
    assert panel.state.shot is not None and panel.state.shot.matte == ""
    assert panel.state.notice is not None
    assert panel.state.notice.text.startswith("hill_matte beside the plate is not its matte: the matte is 10x10")
    assert "drop its roto matte" in panel.state.notice.text


def test_the_welcome_opens_the_sample_shot_and_what_was_open_before(
    qtbot: QtBot, panel: Panel, tiny_shot: Path
) -> None:
    from test_panel import drop, until

    from propainter_ui.qt import Qt, QtWidgets

    assert panel.welcome.isVisible() and panel.window().windowTitle() == "ProPainter Remove"
    qtbot.mouseClick(panel.welcome.sample, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: panel.state.shot is not None)
    assert panel.state.shot is not None and panel.state.shot.name == "synth-pan" and panel.state.shot.matte
    drop(panel, tiny_shot / "plate", tiny_shot / "matte")
    until(qtbot, lambda: panel.state.shot is not None and panel.state.shot.name == "tiny")
    names = [b.accessibleName() for b in panel.welcome.findChildren(QtWidgets.QPushButton)]
    assert names[-2:] == ["Open tiny", "Open synth-pan"]
    menu = panel.window().menuBar().actions()[0].menu().actions()[1].menu()
    menu.aboutToShow.emit()
    assert [action.text().split()[0] for action in menu.actions()] == ["tiny", "synth-pan"]
    menu.actions()[1].trigger()
    until(qtbot, lambda: panel.state.shot is not None and panel.state.shot.name == "synth-pan")


def test_no_export_is_suggested_beside_the_sample_of_the_installation(panel: Panel) -> None:
    from propainter_pictures.sample import sample_folder
    from propainter_ui.shot.shot_files import ShotFiles, open_frames

    sample = sample_folder()
    assert sample is not None
    folders = panel.dialogs.folders_for(ShotFiles(open_frames(sample / "plate"), open_frames(sample / "matte")))
    assert folders == [Path.home()]


def test_files_dropped_beside_the_picture_open_as_well(qtbot: QtBot, panel: Panel, tiny_shot: Path) -> None:
    from test_panel import until

    from propainter_ui.qt import Qt, QtCore, QtGui, QtWidgets

    data = QtCore.QMimeData()
    data.setUrls([QtCore.QUrl.fromLocalFile(str(tiny_shot))])
    for kind, place in ((QtGui.QDragEnterEvent, QtCore.QPoint(5, 5)), (QtGui.QDropEvent, QtCore.QPointF(5, 5))):
        event = kind(
            place, Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        )  # fmt: skip
        QtWidgets.QApplication.sendEvent(panel, event)
        assert event.isAccepted()
    until(qtbot, lambda: panel.state.shot is not None)
