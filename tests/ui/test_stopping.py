"""Stopping a backend that works for others: the panel asks first, and says for whom."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from propainter_ui.state.panel_state import DaemonState, JobState, PanelState
from propainter_ui.state.shown import others_at_work
from propainter_wire.messages import JobLine

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from propainter_ui.panel import Panel

OWN, THEIRS = "a" * 32, "b" * 32


def busy(state: PanelState) -> PanelState:
    jobs = (
        JobLine(OWN, "hill", "final", "flow", 1, 2),
        JobLine(THEIRS, "", "final", "flow", 1, 2),
        JobLine("c" * 32, "roof", "playhead", "flow", 1, 2),
    )
    return replace(state, job=JobState("rendering", job=OWN), daemon=DaemonState("ready", jobs=jobs))


def test_others_work_is_told_and_ones_own_is_not() -> None:
    state = busy(PanelState())
    said = others_at_work(state)
    assert "2 renders" in said and "a final render" in said and "(roof)" in said and "hill" not in said
    alone = replace(state, daemon=replace(state.daemon, jobs=state.daemon.jobs[:1]))
    assert others_at_work(alone) == "" == others_at_work(PanelState())


@pytest.mark.parametrize(
    ("answer", "phase"), [("Keep it running", "ready"), ("Stop anyway", "stopping"), ("", "ready")]
)
def test_stop_asks_first_where_others_are_at_work(
    qtbot: QtBot, panel: Panel, monkeypatch: pytest.MonkeyPatch, answer: str, phase: str
) -> None:
    from propainter_ui.qt import Qt, QtCore, QtWidgets

    stops: list[int] = []
    monkeypatch.setattr(panel.bridge, "stop", lambda: stops.append(1))
    panel.change(busy(panel.state))

    def choose() -> None:
        asked = QtWidgets.QApplication.activeModalWidget()
        assert isinstance(asked, QtWidgets.QMessageBox) and "2 renders" in asked.text()
        named = {button.text(): button for button in asked.buttons()}
        if answer:
            named[answer].click()
        else:
            qtbot.keyClick(asked, Qt.Key.Key_Return)

    QtCore.QTimer.singleShot(100, choose)
    panel.strip._button.click()
    assert panel.state.daemon.phase == phase and len(stops) == (phase == "stopping")
