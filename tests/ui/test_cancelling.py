"""Cancel answers at once, whatever the panel's threads are at; and it cancels what has not begun, too."""

from __future__ import annotations

import threading
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from propainter_ui.bridge.under_way import Interrupted, UnderWay
from propainter_ui.shot.frame_store import ShotLibrary
from propainter_ui.state import changes
from propainter_ui.state.events import JobChanged
from propainter_ui.state.panel_state import DaemonState, JobState, PanelState, ShotState

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from propainter_ui.panel import Panel

JOB = JobState("rendering", job="a" * 32, first=1001, last=2000, stage="flow")


def test_work_that_was_cancelled_before_its_turn_is_never_begun() -> None:
    under_way = UnderWay()
    ticket = under_way.give_up()
    under_way.give_up()  # the artist thought better of it while another work went on
    with pytest.raises(Interrupted):
        under_way.begin(ticket)
    under_way.begin(under_way.give_up())
    under_way.check()
    assert not under_way.is_given_up


class Client:
    """A backend's client that takes for ever to answer, but hears what needs no answer."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def notify(self, message: object) -> None:
        self.heard.append(message)


@pytest.fixture
def stuck(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> object:
    """All lanes wait for something that does not come."""
    may_go_on = threading.Event()
    for lane in (panel.bridge._talk, panel.bridge._work, panel.bridge._look, panel.bridge._ask):
        lane.do(lambda: may_go_on.wait(60))
    yield panel
    may_go_on.set()


def test_cancel_waits_for_no_lane_and_the_job_is_over_at_once(qtbot: QtBot, stuck: Panel) -> None:
    panel, client = stuck, Client()
    panel.bridge.connection.client = client  # type: ignore[assignment]
    panel.bridge._under_way.begin(panel.bridge._under_way.give_up())
    panel.bridge._under_way.job = JOB.job
    panel.hear(JobChanged(JOB))
    panel.cancel()
    assert panel.state.job is None
    assert panel.state.notice is not None and panel.state.notice.text.startswith("Cancelled.")
    (said,) = client.heard
    assert said.job == JOB.job  # type: ignore[attr-defined]
    panel.bridge._tell(JobChanged(JOB))  # what was under way goes on telling until it notices
    qtbot.wait(50)
    assert panel.state.job is None
    panel.bridge.connection.client = None


def test_cancel_with_nothing_under_way_says_nothing(panel: Panel) -> None:
    before = panel.state.notice
    panel.cancel()
    assert panel.state.notice is before


# --- what is fetched meanwhile


@pytest.mark.parametrize(("frame", "is_asked"), [(1005, False), (1020, True)])
@pytest.mark.usefixtures("qtbot")
def test_the_frame_a_render_begins_with_is_not_asked_for_again(frame: int, is_asked: bool) -> None:
    """Asked for by itself, its final picture came before its rough one, which then never came."""
    from propainter_ui.fetching import Fetcher

    asked: list[object] = []
    bridge = SimpleNamespace(look=asked.append)
    shot = ShotState("hill", "/p", "/m", 1001, 1040, 432, 240, "uint8", 24.0)
    state = replace(
        changes.with_shot(PanelState(daemon=DaemonState("ready")), shot, 1),
        frame=frame,
        job=JobState("rendering", stage="painting", first=1001, last=1040, begins_at=1005),
    )
    Fetcher(bridge, ShotLibrary(1 << 20)).fetch_missing(state)  # type: ignore[arg-type]
    assert bool(asked) == is_asked
