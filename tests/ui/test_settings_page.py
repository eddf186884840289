"""The settings page: a few controls, the rest folded away, and remembered so."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from propainter_ui.state.panel_state import PanelState
    from propainter_ui.widgets.settings import Settings


class Memory(dict[str, str]):
    """What outlives a page."""

    def text(self, name: str, default: str = "") -> str:
        return self.get(name, default)

    def keep(self, name: str, value: str) -> None:
        self[name] = value


@pytest.fixture
def memory() -> Memory:
    return Memory()


def test_an_open_section_never_makes_the_page_wider_than_its_place(qtbot: QtBot, memory: Memory) -> None:
    """What stands at the right edge would be cut off: arrows that reset, Withdraw."""
    from propainter_ui.layout import PAGES_WIDTH
    from propainter_ui.qt import QtWidgets

    settings = page(qtbot, memory)
    for fold in settings._folds.values():
        fold.heading.click()
    (area,) = settings.findChildren(QtWidgets.QScrollArea)
    content = area.widget()
    assert content is not None
    assert content.minimumSizeHint().width() <= PAGES_WIDTH - area.verticalScrollBar().sizeHint().width()


def page(qtbot: QtBot, memory: Memory) -> Settings:
    from propainter_ui.widgets.settings import Settings

    settings = Settings(memory=memory)
    qtbot.addWidget(settings)
    settings.show()
    return settings


def with_engine(engine: str) -> PanelState:
    from propainter_ui.state.panel_state import PanelState

    state = PanelState()
    return replace(state, daemon=replace(state.daemon, phase="ready", engine=engine))


def test_a_new_page_shows_six_controls_and_headings(qtbot: QtBot, memory: Memory) -> None:
    settings = page(qtbot, memory)
    assert [fold.is_open for fold in settings._folds.values()] == [False] * 5
    for name in ("grow", "feather"):
        assert settings._rows[name]._box.isVisible()
    assert settings._output.isVisible() and settings._quality.isVisible() and settings._clean_frames.isVisible()
    assert settings._reading.invert.isVisible()
    assert not settings._rows["chunk_length"]._box.isVisible() and not settings._size.isVisible()


def test_what_was_opened_is_open_the_next_time(qtbot: QtBot, memory: Memory) -> None:
    settings = page(qtbot, memory)
    settings._folds["performance"].heading.click()
    assert settings._size.isVisible()
    again = page(qtbot, memory)
    assert again._folds["performance"].is_open and not again._folds["shot_range"].is_open


def test_a_section_the_running_engine_ignores_is_folded_away_and_comes_back(qtbot: QtBot, memory: Memory) -> None:
    settings = page(qtbot, memory)
    fold = settings._folds["propainter"]
    settings.show_state(with_engine("propainter"))
    fold.heading.click()
    assert settings._rows["flow_iterations"]._box.isVisible()
    settings.show_state(with_engine("classical"))
    assert not settings._rows["flow_iterations"]._box.isVisible() and not settings._window.isVisible()
    assert "not used by Classical" in fold.heading.text()
    fold.heading.click()
    assert settings._rows["flow_iterations"]._box.isVisible(), "it can be looked at all the same"
    settings.show_state(with_engine("propainter"))
    assert fold.is_open and "not used" not in fold.heading.text()


def test_a_single_row_the_engine_ignores_says_so(qtbot: QtBot, memory: Memory) -> None:
    settings = page(qtbot, memory)
    settings.show_state(with_engine("propainter"))
    row = settings._rows["never_seen"]
    assert row._label.text().endswith("*") and "Classical engine only." in row._combo.toolTip()
    settings.show_state(with_engine("classical"))
    assert not row._label.text().endswith("*")


def test_it_asks_for_a_view_a_range_and_clean_plate_frames(qtbot: QtBot, memory: Memory) -> None:
    from propainter_ui.state.panel_state import ShotState

    settings = page(qtbot, memory)
    asked: list[tuple[object, ...]] = []
    settings.view_asked.connect(lambda view: asked.append(("view", view)))
    settings.range_asked.connect(lambda first, last: asked.append(("range", first, last)))
    settings.clean_frames_asked.connect(lambda text: asked.append(("clean", text)))
    shot = ShotState(
        name="s", plate="p", matte="m", first=1001, last=1010, width=64, height=48, dtype="uint8", fps=24.0,
        clean="c", clean_frames=(1001, 1004),
    )  # fmt: skip
    settings.show_state(replace(with_engine("classical"), shot=shot, frame=1001, first=1001, last=1010))
    assert asked == [] and settings._clean_frames.text() == "1001, 1004"
    settings._output.setCurrentIndex(settings._output.findData("unseen"))
    settings._output.activated.emit(settings._output.currentIndex())
    settings._first.setValue(1003)
    settings._clean_frames.setFocus()
    settings._clean_frames.selectAll()
    qtbot.keyClicks(settings._clean_frames, "1002-1003")
    settings._clean_frames.editingFinished.emit()
    assert asked == [("view", "unseen"), ("range", 1003, None), ("clean", "1002-1003")]
