"""Typing into number fields while the panel hears from its backend: no digit is lost, and what was typed counts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from propainter_ui.state.panel_state import ShotState

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from propainter_ui.panel import Panel

SHOT = ShotState("hill", "/plate", "/matte", 1001, 1010, 640, 480, "uint8", 24.0)


def news(panel: Panel) -> None:
    """A status report of the backend, as one comes every second, and whatever else a moment may bring."""
    memory = {"seen": panel.state.daemon.memory.get("seen", 0) + 1}
    state = panel.state
    panel.change(replace(state, daemon=replace(state.daemon, memory=memory), settings=replace(state.settings)))
    panel.change(replace(panel.state, quality=panel.state.quality, frame=panel.state.frame))


def fields(panel: Panel) -> dict[str, Any]:
    settings = panel.settings
    rows = {name: row._box for name, row in settings._rows.items() if hasattr(row, "_box")}
    crop = {"crop_padding": settings._crop._box}
    return {**rows, **crop, "width": settings._width, "height": settings._height}


@pytest.fixture
def open_panel(qtbot: QtBot, panel: Panel) -> Panel:
    """With a shot, a custom working size and the crop on: every field can be typed in."""
    state = replace(panel.state, shot=SHOT, first=1001, last=1010, frame=1001)
    panel.change(replace(state, settings=replace(state.settings, working_size=(304, 208), crop_to_matte=True)))
    panel.show_page(panel.settings)
    return panel


def value_of(panel: Panel, name: str) -> float:
    settings = panel.state.settings
    if name in ("width", "height"):
        assert settings.working_size is not None
        return settings.working_size[("width", "height").index(name)]
    return getattr(settings, name)  # type: ignore[no-any-return]


def test_no_digit_is_lost_when_the_backend_tells_of_itself_between_two(qtbot: QtBot, open_panel: Panel) -> None:
    from propainter_ui.qt import Qt

    for name, box in fields(open_panel).items():
        is_share = hasattr(box, "decimals")
        is_large = box.minimum() > 1 or box.maximum() < 37
        typed = ("0.", "2", "3") if is_share else ("8", "8") if name in ("width", "height") else ("3", "7")
        if is_large and not is_share and name not in ("width", "height"):
            typed = tuple(str(int(box.maximum())))
        box.setFocus()
        box.selectAll()
        for digit in typed:
            qtbot.keyClicks(box, digit)
            news(open_panel)
        assert box.lineEdit().text().startswith("".join(typed)), name
        qtbot.keyClick(box, Qt.Key.Key_Return)
        assert value_of(open_panel, name) == pytest.approx(float("".join(typed))), name
        news(open_panel)
        assert box.value() == pytest.approx(float("".join(typed))), name


def test_a_reset_and_a_slider_replace_what_is_being_typed(qtbot: QtBot, open_panel: Panel) -> None:
    row = open_panel.settings._rows["grow"]
    for act, value in ((row._reset.click, row.row.default), (lambda: row._slider.setValue(9), 9)):
        row._box.setFocus()
        row._box.selectAll()
        qtbot.keyClicks(row._box, "3")
        news(open_panel)
        act()
        assert row._box.value() == value == open_panel.state.settings.grow
        assert row._box.cleanText() == str(value)


def test_a_field_that_is_not_typed_in_follows_its_setting(open_panel: Panel) -> None:
    row = open_panel.settings._rows["grow"]
    row._box.setFocus()
    state = open_panel.state
    open_panel.change(replace(state, settings=replace(state.settings, grow=11)))
    assert row._box.value() == 11 and row._box.cleanText() == "11"
