"""Keys: each goes to the control that has the focus, else to the panel; everything is reached and done without a mouse."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from propainter_ui.state.panel_state import ShotState

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from propainter_ui.panel import Panel

SHOT = ShotState("hill", "/nowhere/plate", "/nowhere/matte", 1001, 1010, 64, 48, "uint8", 24.0)


@pytest.fixture
def opened(qtbot: QtBot, panel: Panel) -> Panel:
    """With a shot, as far as the widgets know; nothing is read of it."""
    panel.change(replace(panel.state, shot=SHOT, first=1001, last=1010, frame=1001))
    panel.on_screen.show_pictures = lambda: None  # type: ignore[method-assign] # there are no pictures of it
    for fold in panel.settings._folds.values():
        if not fold.is_open:
            fold.heading.click()
    panel.window().activateWindow()
    qtbot.waitUntil(lambda: panel.window().isActiveWindow())
    return panel


@pytest.fixture
def rendered(opened: Panel) -> list[object]:
    """What the bridge is asked to render."""
    wishes: list[object] = []
    opened.bridge.render = wishes.append  # type: ignore[method-assign]
    return wishes


def press(qtbot: QtBot, widget: Any, key: Any, modifier: Any = None) -> None:
    """A key on a control that has the focus."""
    from propainter_ui.qt import Qt

    widget.setFocus(Qt.FocusReason.TabFocusReason)
    assert widget.hasFocus()
    qtbot.keyClick(widget, key, modifier or Qt.KeyboardModifier.NoModifier)


def test_space_plays_on_the_picture_and_presses_whatever_control_has_the_focus(
    qtbot: QtBot, opened: Panel, rendered: list[object]
) -> None:
    from propainter_ui.qt import Qt

    for widget in (opened.viewer, opened.timeline):
        press(qtbot, widget, Qt.Key.Key_Space)
        assert opened.state.is_playing
        press(qtbot, widget, Qt.Key.Key_Space)
        assert not opened.state.is_playing
    switch = opened.settings._rows["native_fill"]._switch
    before = switch.isChecked()
    press(qtbot, switch, Qt.Key.Key_Space)
    assert switch.isChecked() != before
    press(qtbot, opened.view_bar.wipe, Qt.Key.Key_Space)
    assert opened.state.wipe is not None
    press(qtbot, opened.settings._quality, Qt.Key.Key_Space)
    assert opened.settings._quality.view().isVisible()
    opened.settings._quality.hidePopup()
    press(qtbot, opened.settings.cost_card._render, Qt.Key.Key_Space)
    assert len(rendered) == 1 and not opened.state.is_playing


def test_return_presses_the_focused_button_and_renders_on_the_picture_alone(
    qtbot: QtBot, opened: Panel, rendered: list[object]
) -> None:
    from propainter_ui.qt import Qt

    press(qtbot, opened.view_bar.wipe, Qt.Key.Key_Return)
    assert opened.state.wipe is not None and not rendered
    press(qtbot, opened.view_bar.wipe, Qt.Key.Key_Enter)
    assert opened.state.wipe is None and not rendered
    press(qtbot, opened.settings._rows["engine"]._combo, Qt.Key.Key_Return)
    assert opened.settings._rows["engine"]._combo.view().isVisible() and not rendered
    opened.settings._rows["engine"]._combo.hidePopup()
    box = opened.settings._rows["grow"]._box
    press(qtbot, box, Qt.Key.Key_7)
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert not rendered, "Return took the number, and no more"
    for widget in (opened.viewer, opened.timeline, opened.settings.cost_card._render):
        press(qtbot, widget, Qt.Key.Key_Return)
    assert len(rendered) == 3


def test_arrows_and_letters_are_the_focused_controls_before_they_are_hotkeys(qtbot: QtBot, opened: Panel) -> None:
    from propainter_ui.qt import Qt

    slider = opened.settings._rows["grow"]._slider
    before = slider.value()
    press(qtbot, slider, Qt.Key.Key_Right)
    assert slider.value() == before + 1 and opened.state.frame == 1001
    press(qtbot, opened.settings._quality, Qt.Key.Key_B)
    assert opened.state.quality == "best" or opened.settings._quality.currentText() == "Best"
    assert opened.state.isolated == "", "B chose Best, and no channel"
    press(qtbot, opened.view_bar.wipe, Qt.Key.Key_Right)
    assert opened.state.frame == 1002, "a button has no use for an arrow"


def test_a_click_leaves_the_focus_where_it_was(qtbot: QtBot, opened: Panel, rendered: list[object]) -> None:
    """Or Space would press Cancel, just after a click on Render."""
    from propainter_ui.qt import Qt

    opened.viewer.setFocus()
    for widget in (
        opened.settings.cost_card._render,
        opened.view_bar.wipe,
        opened.settings._rows["native_fill"]._switch,
    ):
        qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)
        assert opened.viewer.hasFocus()
    assert len(rendered) == 1


def test_r_g_b_and_a_show_one_channel_and_all_of_them_again(qtbot: QtBot, opened: Panel) -> None:
    from propainter_ui.qt import Qt

    reloaded: list[object] = []
    opened.bridge.reopen = lambda *paths: reloaded.append(paths)  # type: ignore[method-assign]
    for key, channel in ((Qt.Key.Key_R, "R"), (Qt.Key.Key_G, "G"), (Qt.Key.Key_B, "B"), (Qt.Key.Key_A, "A")):
        press(qtbot, opened.viewer, key)
        assert opened.state.isolated == channel
    press(qtbot, opened.viewer, Qt.Key.Key_A)
    assert opened.state.isolated == "" and not reloaded
    press(qtbot, opened.viewer, Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
    press(qtbot, opened.viewer, Qt.Key.Key_F5)
    assert len(reloaded) == 2


def test_tab_reaches_every_control_in_reading_order_and_back(qtbot: QtBot, opened: Panel) -> None:
    from propainter_ui.keys import controls_in_order
    from propainter_ui.qt import Qt, QtWidgets

    opened.viewer.setFocus()
    seen: list[QtWidgets.QWidget] = []
    for _ in range(200):
        qtbot.keyClick(QtWidgets.QApplication.focusWidget(), Qt.Key.Key_Tab)
        focused = QtWidgets.QApplication.focusWidget()
        if focused in seen:
            break
        seen.append(focused)
    wanted = [w for w in controls_in_order(opened) if w.isVisible() and w.isEnabled()]
    start = wanted.index(opened.viewer)
    assert [w for w in seen if w is not opened.viewer] == [*wanted[start + 1 :], *wanted[:start]]
    qtbot.keyClick(seen[3], Qt.Key.Key_Backtab)
    assert QtWidgets.QApplication.focusWidget() in seen


def test_every_control_shows_when_it_has_the_focus(qtbot: QtBot, opened: Panel) -> None:
    """The stand-alone colours: a ring of its own colour, seen in the picture of the control."""
    from propainter_ui.keys import controls_in_order
    from propainter_ui.look import colours_of
    from propainter_ui.qt import Qt, QtGui, QtWidgets

    ring = QtGui.QColor(colours_of(opened).focus).rgb()
    for widget in controls_in_order(opened):
        if widget.isVisible() and widget.isEnabled() and not isinstance(widget, QtWidgets.QTabBar):
            widget.setFocus(Qt.FocusReason.TabFocusReason)
            image = widget.grab().toImage()
            line = [image.pixel(x, image.height() // 2) for x in range(image.width())]
            assert ring in line, widget.accessibleName()


def _named_badly(root: Any) -> Iterator[str]:
    """Controls, pictures and lists a screen reader has no name for."""
    from propainter_ui.qt import QtGui, QtWidgets

    kinds = (
        QtWidgets.QAbstractButton, QtWidgets.QAbstractSpinBox, QtWidgets.QComboBox, QtWidgets.QAbstractSlider,
        QtWidgets.QAbstractItemView, QtWidgets.QProgressBar, QtWidgets.QLineEdit, QtWidgets.QTextEdit, QtWidgets.QTabBar,
    )  # fmt: skip
    for widget in root.findChildren(QtWidgets.QWidget):
        takes_focus = widget.focusPolicy().value and not isinstance(widget, QtWidgets.QScrollBar)
        is_inner = widget.objectName().startswith("qt_") or isinstance(
            widget.parent(), (QtWidgets.QComboBox, QtWidgets.QTabBar)
        )  # fmt: skip
        is_inner = is_inner or "QComboBoxPrivateContainer" in type(widget.parent()).__name__
        is_inner = is_inner or any(
            "Container" in type(w).__name__ or w.inherits("QComboBoxPrivateContainer") for w in _above(widget)
        )
        if is_inner or isinstance(widget, QtWidgets.QScrollBar) or not (isinstance(widget, kinds) or takes_focus):
            continue
        found = QtGui.QAccessible.queryAccessibleInterface(widget)
        name = found.text(QtGui.QAccessible.Text.Name) if found is not None else widget.accessibleName()
        if not name.strip():
            yield f"{type(widget).__name__} in {type(widget.parent()).__name__}"


def _above(widget: Any) -> Iterator[Any]:
    while widget is not None:
        yield widget
        widget = widget.parent()


def test_a_screen_reader_has_a_name_for_everything(opened: Panel, qtbot: QtBot, tmp_path: Any) -> None:
    from propainter_ui.commands import hotkey_sheet
    from propainter_ui.widgets.hotkeys import Hotkeys

    assert not list(_named_badly(opened.window()))
    sheet = Hotkeys(None, hotkey_sheet())
    qtbot.addWidget(sheet)
    assert not list(_named_badly(sheet))
    for action in opened.window().menuBar().actions():
        assert action.text() and all(each.text() or each.isSeparator() for each in action.menu().actions())


def test_no_key_means_two_things_and_all_stand_in_the_sheet(opened: Panel, qtbot: QtBot) -> None:
    from propainter_ui.commands import TABLE, hotkey_sheet
    from propainter_ui.qt import Qt, QtGui, QtWidgets
    from propainter_ui.widgets.hotkeys import Hotkeys

    keys = [QtGui.QKeySequence(key).toString() for command in TABLE for key in command.keys]
    assert all(keys) and len(keys) == len(set(keys))
    listed = " ".join(key for _, lines in hotkey_sheet() for key, _ in lines)
    assert all(key in listed for command in TABLE for key in command.keys)
    for key in (Qt.Key.Key_F1, Qt.Key.Key_Question):
        press(qtbot, opened.viewer, key)
        (shown,) = opened.findChildren(Hotkeys)
        assert shown.isVisible() and "Play or stop" in shown.sheet.toPlainText()
        shown.close()
        qtbot.waitUntil(lambda: not opened.findChildren(Hotkeys))
        opened.window().activateWindow()
        qtbot.waitUntil(lambda: opened.window().isActiveWindow())
    assert QtWidgets.QApplication.activeModalWidget() is None


def test_menus_hold_every_command_that_asks_for_files_or_leaves(opened: Panel) -> None:
    menus = {action.text().replace("&", ""): action.menu() for action in opened.window().menuBar().actions()}
    assert list(menus) == ["File", "Edit", "View", "Playback", "Matte", "Render", "Help"]
    shown = {
        name: [each.shortcut().toString() for each in menu.actions() if not each.isSeparator()]
        for name, menu in menus.items()
    }  # fmt: skip
    assert {"Ctrl+O", "Ctrl+E", "Ctrl+Q", "Ctrl+R"} <= set(shown["File"])
    assert [each.text() for each in menus["File"].actions()][:3] == ["Open …", "Open recent", "Open sample shot"]


def test_menu_and_picture_agree_on_what_is_on(opened: Panel) -> None:
    wipe, red = opened.commands["wipe"], opened.commands["channel_R"]
    assert not wipe.isChecked()
    wipe.trigger()
    red.trigger()
    assert wipe.isChecked() and red.isChecked() and opened.view_bar.wipe.isChecked()
    opened.commands["view_alpha"].trigger()
    opened.commands["view_alpha"].trigger()
    assert opened.commands["view_alpha"].isChecked(), "a view is left by choosing another"
    assert not opened.commands["previous"].isEnabled() and not opened.commands["cancel"].isEnabled()


def test_in_a_host_ctrl_q_and_ctrl_o_are_the_hosts(qtbot: QtBot, home: Any, tmp_path: Any) -> None:
    from test_nuke_dock import Nuke

    from propainter_ui.nuke.dock import DockedPanel

    docked = DockedPanel(nuke=Nuke())
    try:
        assert not docked.commands["quit"].shortcuts() and not docked.commands["open"].shortcuts()
        assert docked.commands["play"].shortcuts()
    finally:
        docked.close()


def test_the_picture_is_moved_by_keys(qtbot: QtBot, opened: Panel) -> None:
    from propainter_ui.qt import Qt

    before = opened.viewer._placement.rect()
    press(qtbot, opened.viewer, Qt.Key.Key_Right, Qt.KeyboardModifier.ControlModifier)
    press(qtbot, opened.viewer, Qt.Key.Key_Up, Qt.KeyboardModifier.ControlModifier)
    after = opened.viewer._placement.rect()
    assert (after.x() - before.x(), after.y() - before.y()) == (pytest.approx(-60), pytest.approx(60))


def test_the_wheel_scrolls_past_a_knob_that_has_no_focus(qtbot: QtBot, opened: Panel) -> None:
    from propainter_ui.qt import Qt, QtCore, QtGui, QtWidgets

    box = opened.settings._rows["grow"]._box
    middle = QtCore.QPointF(box.rect().center())

    def turn() -> None:
        event = QtGui.QWheelEvent(
            middle, box.mapToGlobal(middle), QtCore.QPoint(), QtCore.QPoint(0, 120), Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QtWidgets.QApplication.sendEvent(box, event)

    opened.viewer.setFocus()
    before = box.value()
    turn()
    assert box.value() == before
    box.setFocus()
    turn()
    assert box.value() == before + 1
