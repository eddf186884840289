"""Settings by hand: undone and redone by keys, kept from one panel to the next, presets in a menu; and quitting asks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from panel_windows import remember_in
from test_panel import drop, press, until

from propainter_ui.state import changes
from propainter_ui.state.events import JobChanged
from propainter_ui.state.panel_state import JobState
from propainter_wire.messages import ShotSettings

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from propainter_ui.panel import Panel
    from propainter_ui.window import Window


@pytest.fixture
def window(qtbot: QtBot, home: Path, tmp_path: Path) -> Iterator[Window]:
    from propainter_ui.__main__ import launch

    remember_in(tmp_path)
    shown = launch(["--empty"])
    yield shown
    shown._quitting._is_decided = True
    shown.close()


def open_here(qtbot: QtBot, panel: Panel, shot: Path) -> None:
    drop(panel, shot / "plate", shot / "matte")
    until(qtbot, lambda: panel.state.shot is not None and panel.state.shot.matte)


def test_a_shot_opened_again_is_as_it_was_left(qtbot: QtBot, home: Path, tmp_path: Path, tiny_shot: Path) -> None:
    from propainter_ui.__main__ import launch

    remember_in(tmp_path)
    before = launch(["--empty"])
    open_here(qtbot, before.panel, tiny_shot)
    panel = before.panel
    panel.change(changes.with_setting(panel.state, "grow", 9))
    panel.change(changes.with_range(panel.state, first=1003))
    panel.change(changes.at_frame(panel.state, 1005))
    panel.viewer.zoom_by(3.0)
    placed = panel.viewer.placed
    before.close()
    after = launch(["--empty"])
    try:
        open_here(qtbot, after.panel, tiny_shot)
        state = after.panel.state
        assert (state.settings.grow, state.first, state.last, state.frame) == (9, 1003, 1008, 1005)
        assert after.panel.viewer.placed == pytest.approx(placed)
        press(qtbot, after.panel, "Ctrl+Z")
        assert after.panel.state.settings.grow == 9, "what was left is where undo begins"
    finally:
        after.close()


def test_a_damaged_session_is_said_and_the_shot_opens_with_defaults(
    qtbot: QtBot, panel: Panel, tmp_path: Path, tiny_shot: Path
) -> None:
    open_here(qtbot, panel, tiny_shot)
    panel.change(changes.with_setting(panel.state, "grow", 9))
    panel.editing.keep()
    (file,) = (tmp_path / "data/propainter-remove/panel/shots").glob("*.json")
    file.write_text("{")
    panel.editing._written = None
    panel.editing._later.stop()
    panel.change(replace(panel.state, settings=ShotSettings()))
    panel.editing._later.stop()
    panel.editing.opened(None)
    assert panel.state.notice is not None and "set aside" not in panel.state.notice.text
    assert str(file.with_suffix(".damaged")) in panel.state.notice.text and panel.state.settings == ShotSettings()


def test_settings_that_cannot_be_kept_are_said_once(
    qtbot: QtBot, panel: Panel, tmp_path: Path, tiny_shot: Path
) -> None:
    open_here(qtbot, panel, tiny_shot)
    panel.editing.keep()
    (folder,) = (tmp_path / "data/propainter-remove").glob("panel")
    folder.rename(tmp_path / "away")
    folder.write_text("a file in the folder's place")
    for grow in (7, 8):
        panel.change(replace(changes.with_setting(panel.state, "grow", grow), notice=None))
        panel.editing.keep()
        assert (panel.state.notice is not None) == (grow == 7)
        if panel.state.notice is not None:
            assert panel.state.notice.text.startswith("The settings of tiny cannot be kept (")


def test_undo_and_redo_by_keys_and_reset(qtbot: QtBot, panel: Panel, tiny_shot: Path) -> None:
    open_here(qtbot, panel, tiny_shot)
    assert not panel.editing.undo_action.isEnabled()
    panel.change(changes.with_setting(panel.state, "grow", 9))
    panel.change(changes.with_setting(panel.state, "feather", 0))
    panel.change(changes.with_range(panel.state, last=1004))
    press(qtbot, panel, "Ctrl+Z")
    assert (panel.state.last, panel.state.settings.feather) == (1008, 0)
    press(qtbot, panel, "Ctrl+Z")
    press(qtbot, panel, "Ctrl+Z")
    assert panel.state.settings == ShotSettings() and not panel.editing.undo_action.isEnabled()
    press(qtbot, panel, "Ctrl+Shift+Z")
    assert panel.state.settings.grow == 9
    press(qtbot, panel, "Ctrl+Shift+Z")
    panel.editing.reset_action.trigger()
    assert panel.state.settings == ShotSettings() and panel.state.last == 1008
    press(qtbot, panel, "Ctrl+Z")
    assert (panel.state.settings.grow, panel.state.settings.feather) == (9, 0)


def test_presets_in_the_menu(qtbot: QtBot, window: Window) -> None:
    from propainter_ui.qt import QtWidgets

    panel = window.panel
    panel.change(changes.with_setting(panel.state, "grow", 9))
    assert panel.editing.save_preset("Wire & rig")
    panel.change(changes.with_setting(panel.state, "grow", 1))
    edit = next(menu for menu in window.menuBar().findChildren(QtWidgets.QMenu) if menu.title() == "&Edit")
    presets = next(menu for menu in edit.findChildren(QtWidgets.QMenu) if menu.title() == "&Presets")

    def choose(menu: Any, text: str) -> None:
        presets.aboutToShow.emit()
        next(action for action in menu().actions() if action.text() == text).trigger()

    choose(lambda: presets, "Wire && rig")
    assert panel.state.settings.grow == 9
    panel.editing.undo()
    assert panel.state.settings.grow == 1
    choose(lambda: presets.findChildren(QtWidgets.QMenu)[-1], "Wire && rig")
    assert panel.editing.preset_names() == []
    assert not panel.editing.save_preset(" ")
    assert panel.state.notice is not None and panel.state.notice.text == "A preset needs a name."


@pytest.mark.parametrize(("answer", "closes", "hides"), [("Stop and quit", True, True), ("Finish, then quit", False, True),
                                                         ("Stay", False, False), ("", False, False)])  # fmt: skip
def test_quitting_during_a_render_asks(
    qtbot: QtBot, window: Window, answer: str, closes: bool, hides: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from propainter_ui.qt import Qt, QtCore, QtWidgets

    left: list[int] = []
    monkeypatch.setattr(QtWidgets.QApplication, "quit", lambda: left.append(1))
    panel = window.panel
    panel.state = replace(panel.state, job=JobState("rendering", job="a" * 32, first=1, last=9, stage="flow"))

    def choose() -> None:
        asked = QtWidgets.QApplication.activeModalWidget()
        assert isinstance(asked, QtWidgets.QMessageBox) and "Your render" in asked.text()
        named = {button.text(): button for button in asked.buttons()}
        if answer:
            named[answer].click()
        else:
            qtbot.keyClick(asked, Qt.Key.Key_Escape)

    QtCore.QTimer.singleShot(100, choose)
    assert window.close() == closes
    assert window.isHidden() == hides
    if hides and not closes:
        panel.hear(JobChanged(None))
        until(qtbot, lambda: left)


def test_quitting_with_nothing_under_way_asks_nothing(qtbot: QtBot, window: Window) -> None:
    assert window.close()
