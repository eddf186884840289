"""Small windows and large pictures: the render button stays on the screen, messages move nothing, outlines are seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from test_panel import drop, until

from propainter_ui.shot.matte_views import HoleSettings
from propainter_ui.shot.picture import Display, show
from propainter_ui.state.panel_state import Notice

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from propainter_ui.panel import Panel


def test_at_900_by_600_the_render_button_is_in_the_window_on_every_page(qtbot: QtBot, panel: Panel) -> None:
    from propainter_ui.qt import QtCore

    window = panel.window()
    window.resize(900, 600)
    smallest = window.minimumSizeHint()
    assert smallest.width() <= 900 and smallest.height() <= 600
    for page in range(panel.tabs.count()):
        panel.tabs.setCurrentIndex(page)
        qtbot.wait(1)
        assert (window.width(), window.height()) == (900, 600)
        cost = panel.settings.cost_card
        for button in (cost._render, cost._apply, panel.file_bar.export, panel.view_bar.zoom):
            corners = QtCore.QRect(button.mapTo(window, QtCore.QPoint(0, 0)), button.size())
            assert button.isVisible() and window.rect().contains(corners)
    assert panel.viewer.height() >= 150


def test_long_names_do_not_widen_the_window(qtbot: QtBot, panel: Panel) -> None:
    """A long device, published settings and a path without a place to break, all at once."""
    from propainter_ui.state.panel_state import ShotState

    long = ShotState("hill" * 30, "/shots/" + "x" * 300, "/shots/" + "y" * 300, 1001, 1010, 64, 48, "uint8", 24.0)
    daemon = replace(panel.state.daemon, phase="ready", server="0.1.0", engine="propainter", device="NVIDIA RTX " * 9)
    panel.on_screen.show_pictures = lambda: None  # type: ignore[method-assign] # there are no pictures of it
    state = replace(panel.state, shot=long, daemon=daemon, published={"": {"grow": 3}})
    panel.change(replace(state, frame=1001, first=1001, last=1010))
    for page in range(panel.tabs.count()):
        panel.tabs.setCurrentIndex(page)
        qtbot.wait(1)
        smallest = panel.window().minimumSizeHint()
        assert smallest.width() <= 900 and smallest.height() <= 600
        assert panel.tabs.currentWidget().width() >= panel.settings.width()


def test_a_message_moves_nothing(qtbot: QtBot, panel: Panel, tiny_shot: Path) -> None:
    drop(panel, tiny_shot / "plate")
    until(qtbot, lambda: panel.viewer.has_picture)
    places = []
    for text in ("", "Short.", "A message that goes on and on. " * 12):
        panel.change(replace(panel.state, notice=Notice("error", text, "restart") if text else None))
        qtbot.wait(1)
        places.append([w.geometry() for w in (panel.viewer, panel.view_bar, panel.timeline, panel.tabs)])
        places[-1].append(panel.viewer._placement.rect().toRect())
        assert panel.notice.isVisible() == bool(text)
        if text:
            assert panel.notice.height() >= panel.notice._text.heightForWidth(panel.notice._text.width())
            assert panel.notice.act.isVisible() and panel.notice.width() <= panel.viewer.width()
    assert places[0] == places[1] == places[2]


def test_turning_the_wipe_on_moves_nothing(qtbot: QtBot, panel: Panel, tiny_shot: Path) -> None:
    drop(panel, tiny_shot / "plate", tiny_shot / "matte")
    until(qtbot, lambda: panel.viewer.has_picture)
    before = panel.viewer.geometry()
    panel.toggle_wipe()
    qtbot.wait(1)
    assert panel.viewer.geometry() == before


def test_the_outline_is_unbroken_where_a_4k_plate_is_fitted(qtbot: QtBot, panel: Panel) -> None:
    """Every column along the hole's upper edge shows the line on the screen, as it would at 100 %."""
    from propainter_ui.qt import QtCore
    from propainter_ui.shot.frame_maker import image_of
    from propainter_ui.widgets.viewer import Viewer
    from propainter_ui.widgets.viewer_painting import Shown

    plate = np.full((2160, 3840, 3), 90, np.uint8)
    matte = np.zeros((2160, 3840, 1), np.uint8)
    matte[803:1611, 1507:2509] = 255
    viewer = Viewer()
    qtbot.addWidget(viewer)
    viewer.resize(500, 300)
    viewer.show_pictures(Shown(image_of(plate), ""), None, None, "")
    panel.on_screen._viewer = viewer
    width = panel.on_screen._line_width()
    assert width * viewer.zoom >= 1.5
    picture = show(
        "matte",
        plate=plate,
        matte=matte,
        result=None,
        apart=None,
        display=Display(),
        hole=HoleSettings(grow=4),
        line=width,
    )
    assert picture is not None
    viewer.show_pictures(Shown(image_of(picture), ""), None, None, "")
    grabbed = viewer.grab().toImage()
    rect, zoom = viewer._placement.rect(), viewer.zoom
    for column in range(1520, 2500, 13):
        x, top = round(rect.left() + column * zoom), round(rect.top() + 799 * zoom)
        seen = [QtCore.QPoint(x, y) for y in range(top - 2, top + 5)]
        colours = [grabbed.pixelColor(place) for place in seen]
        assert any(c.red() > 180 and c.green() > 140 and c.blue() < 130 for c in colours), column


def test_the_outlines_width_follows_the_zoom(qtbot: QtBot, panel: Panel, tiny_shot: Path) -> None:
    drop(panel, tiny_shot / "plate", tiny_shot / "matte")
    until(qtbot, lambda: panel.on_screen.showing is not None and panel.on_screen.showing.view == "matte")
    assert panel.on_screen.showing is not None and panel.on_screen.showing.line == 1
    panel.viewer.zoom_by(0.5 / panel.viewer.zoom)
    until(qtbot, lambda: panel.on_screen.showing is not None and panel.on_screen.showing.line == 4)


@pytest.mark.parametrize("width", [600, 1700])
def test_the_view_bar_shows_all_of_its_controls_at_any_width(qtbot: QtBot, panel: Panel, width: int) -> None:
    from propainter_ui.qt import QtCore

    panel.splitter.setSizes([width, 340])
    panel.window().resize(width + 340, 800)
    qtbot.wait(1)
    bar = panel.view_bar
    views = [bar._folded] if bar._folded.isVisible() else list(bar._view_buttons.values())
    for control in (*views, *bar._channel_buttons.values(), bar.wipe, bar._against, bar.zoom):
        place = QtCore.QRect(control.mapTo(bar, QtCore.QPoint(0, 0)), control.size())
        assert bar.rect().contains(place), control.accessibleName()


def test_a_narrow_bar_lists_its_views_and_leaves_the_picture_its_height(qtbot: QtBot, panel: Panel) -> None:
    bar = panel.view_bar
    panel.window().resize(1500, 900)
    qtbot.waitUntil(lambda: bar._view_buttons["hole"].isVisible())
    assert not bar._folded.isVisible()
    wide = bar.height()
    panel.window().resize(900, 600)
    qtbot.waitUntil(lambda: bar._folded.isVisible())
    assert not bar._view_buttons["hole"].isVisible()
    qtbot.waitUntil(lambda: bar.height() <= wide + 40)
    bar._folded.setCurrentIndex(bar._folded.findData("plate"))
    asked: list[str] = []
    bar.view_asked.connect(asked.append)
    bar._folded.activated.emit(bar._folded.currentIndex())
    assert asked == ["plate"]
