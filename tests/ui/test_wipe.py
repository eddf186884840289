"""The wipe: a line at any angle, between any two pictures."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from propainter_ui.state import changes
from propainter_ui.state.panel_state import AGAINST_NAMES, VIEWS, PanelState
from propainter_ui.state.wipe import Wipe

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from propainter_ui.panel import Panel
    from propainter_ui.widgets.wipe_line import WipeLine


def line_of(wipe: Wipe, size: tuple[int, int] = (400, 300)) -> WipeLine:
    """Over a picture that fills the widget."""
    from propainter_ui.qt import QtCore
    from propainter_ui.widgets.wipe_line import WipeLine

    return WipeLine(wipe, QtCore.QRectF(0, 0, *size), QtCore.QSizeF(*size))


def test_a_wipe_stays_in_the_picture_and_its_angle_within_a_turn() -> None:
    assert Wipe().moved(0.7, -0.7) == Wipe(1.0, 0.0)
    assert [Wipe().turned_to(angle).angle for angle in (0, 90, 180, 181, 270, -180, 725)] == [
        0,
        90,
        180,
        -179,
        -90,
        180,
        5,
    ]


@pytest.mark.parametrize("angle", range(-180, 181, 15))
def test_each_side_is_where_the_line_says(application: object, angle: int) -> None:
    """Against the rule by hand: a place is right of the line if it lies ahead of the line's right-hand normal."""
    from propainter_ui.qt import QtCore

    line = line_of(Wipe(0.4, 0.6).turned_to(angle))
    turn = math.radians(angle)
    for x in range(5, 400, 33):
        for y in range(5, 300, 29):
            ahead = (x - 160) * math.cos(turn) + (y - 180) * math.sin(turn)
            if abs(ahead) < 1:
                continue
            place = QtCore.QPointF(x, y)
            assert line.is_right(place) == (ahead > 0)
            assert line.side(is_right=True).contains(place) == (ahead > 0)
            assert line.side(is_right=False).contains(place) == (ahead < 0)


def test_its_grips_move_and_turn_it(application: object) -> None:
    from propainter_ui.qt import QtCore

    line = line_of(Wipe())
    assert line.grip_at(line.middle) == "middle" and line.grip_at(line.turning_end) == "turn"
    assert line.grip_at(QtCore.QPointF(203, 290)) == "line" and line.grip_at(QtCore.QPointF(230, 290)) == ""
    assert line.dragged("line", QtCore.QPointF(300, 10)) == Wipe(0.75, 0.5)
    assert line.dragged("middle", QtCore.QPointF(300, 75)) == Wipe(0.75, 0.25)
    assert line.dragged("turn", QtCore.QPointF(300, 150)) == Wipe(angle=90)
    assert line.dragged("turn", QtCore.QPointF(222, 50), snaps=True) == Wipe(angle=15)
    assert line.dragged("turn", QtCore.QPointF(200, 250)).angle == 180


def test_the_handle_stays_in_sight_when_the_picture_is_scrolled_away(application: object) -> None:
    from propainter_ui.qt import QtCore
    from propainter_ui.widgets.wipe_line import WipeLine

    line = WipeLine(Wipe(0.5, 0.95), QtCore.QRectF(-500, -500, 1400, 1300), QtCore.QSizeF(400, 300))
    assert QtCore.QRectF(0, 0, 400, 300).contains(line.middle) and line.middle.x() == 200


def test_any_picture_may_stand_on_the_left() -> None:
    state = replace(PanelState(), previous_results=frozenset({1}))
    assert set(AGAINST_NAMES) >= {"plate", "result", "previous", "unseen"}
    for against in AGAINST_NAMES:
        for view in VIEWS:
            shown = changes.compared_with(changes.with_view(state, view), against)
            assert (shown.view, shown.against, shown.wipe) == (view, against, Wipe())


def test_the_screen_shows_both_pictures_and_names_them(qtbot: QtBot, panel: Panel, tiny_shot: Path) -> None:
    """Matte in black and white right, plate's red channel left, a level line between them."""
    from test_panel import open_shot, press, until

    open_shot(qtbot, panel, tiny_shot)
    panel.show_view("alpha")
    panel.change(changes.with_wipe(changes.compared_with(panel.state, "plate"), Wipe(angle=90)))
    until(qtbot, lambda: not panel.on_screen.pending and panel.viewer._before is not None)
    before, after = panel.viewer._before, panel.viewer._after
    assert before is not None and after is not None
    assert (before.label, after.label) == ("Plate", "Matte B/W  ·  1001")
    image = after.image
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
    assert set(np.unique(rows[..., :3])) == {0, 255}
    seen, rect = panel.viewer.grab().toImage(), panel.viewer._placement.rect()
    x = int(rect.left() + 0.1 * rect.width())  # left of the matte's box
    upper, lower = (seen.pixelColor(x, int(rect.top() + share * rect.height())) for share in (0.3, 0.7))
    assert (lower.red(), lower.green(), lower.blue()) == (0, 0, 0) and upper.green() not in (0, 255)
    press(qtbot, panel, "Shift+W")
    assert panel.state.wipe == Wipe(angle=105)
    press(qtbot, panel, "Alt+Right")
    assert panel.state.wipe == Wipe(0.52, angle=105)


def test_a_picture_that_is_missing_on_the_left_is_said_and_the_plate_stands_in(
    qtbot: QtBot, panel: Panel, tiny_shot: Path
) -> None:
    from test_panel import open_shot, until

    open_shot(qtbot, panel, tiny_shot)
    panel.change(changes.compared_with(panel.state, "unseen"))
    until(qtbot, lambda: panel.viewer._before is not None)
    assert panel.viewer._before is not None
    assert panel.viewer._before.label == "Plate (Never seen is not there yet)"
