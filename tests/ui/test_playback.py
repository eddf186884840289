"""Playback and the timeline: the rate that is asked for and reached, backward, the part of the shot in sight, the range."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from propainter_ui.state import changes
from propainter_ui.widgets.timeline_span import LABELS, TimelineSpan

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from propainter_ui.panel import Panel


def span_of(first: int, last: int, width: int = 1000) -> TimelineSpan:
    span = TimelineSpan()
    span.width = width
    span.take(first, last)
    return span


def test_all_of_a_shot_is_in_sight_until_it_is_zoomed() -> None:
    span = span_of(1001, 1100)
    assert not span.is_zoomed and span.seen == (0, 1)
    assert span.x_of(1001) == LABELS and span.x_of(1101) == pytest.approx(span.right)
    assert [span.frame_at(span.x_of(frame) + 0.5) for frame in (1001, 1050, 1100)] == [1001, 1050, 1100]


@pytest.mark.parametrize("x", [100.0, 400.0, 980.0])
def test_the_frame_under_the_pointer_stays_there_while_it_zooms(x: float) -> None:
    span = span_of(1001, 2000)
    frame = span.frame_at(x)
    span.zoom_by(3.0, x)
    assert span.is_zoomed and span.frame_at(x) == frame
    for _ in range(20):
        span.zoom_by(0.5, x)
    assert not span.is_zoomed and span.x_of(1001) == LABELS


def test_zoom_ends_at_a_few_frames_and_never_leaves_the_shot() -> None:
    span = span_of(1, 240)
    for _ in range(50):
        span.zoom_by(2.0, 900.0)
    assert span.seen[1] - span.seen[0] == pytest.approx(5 / 240)
    span.move_by(-1e6)
    assert span.seen[1] == pytest.approx(1)
    span.move_by(1e6)
    assert span.seen[0] == 0
    short = span_of(1, 3)
    short.zoom_by(4.0)
    assert short.seen == (0, 1)


def test_a_range_is_shown_with_a_little_around_it_and_the_playhead_is_followed() -> None:
    span = span_of(1001, 1100)
    span.show_part(1020, 1039)
    assert span.frame_at(LABELS) in (1018, 1019, 1020) and span.frame_at(span.right) in (1040, 1041)
    span.reveal(1090)
    assert LABELS <= span.x_of(1090) <= span.right - span.frame_width
    span.reveal(1001)
    assert span.x_of(1001) == LABELS
    span.take(1001, 1100)
    assert span.is_zoomed, "the same shot, reloaded"


def test_keys_zoom_the_timeline_and_clear_the_range(qtbot: QtBot, panel: Panel, tiny_shot: Path) -> None:
    from test_panel import open_shot, press

    open_shot(qtbot, panel, tiny_shot)
    wide = panel.timeline.span.frame_width
    press(qtbot, panel, "Ctrl+=")
    assert panel.timeline.span.frame_width > wide
    press(qtbot, panel, "Ctrl+0")
    assert panel.timeline.span.frame_width == wide
    panel.set_range(first=1003, last=None)
    panel.set_range(last=1005)
    assert (panel.state.first, panel.state.last) == (1003, 1005)
    press(qtbot, panel, "Alt+X")
    assert (panel.state.first, panel.state.last) == (1001, 1008)


def test_the_rate_is_the_shots_until_another_is_chosen_and_what_is_reached_is_shown(
    qtbot: QtBot, panel: Panel, tiny_shot: Path
) -> None:
    from test_panel import open_shot, press, until

    from propainter_ui.state.shown import play_rate

    open_shot(qtbot, panel, tiny_shot)
    rate = panel.transport._rate
    assert rate.value() == play_rate(panel.state) == 24 and panel.transport._reached.text() == "–"
    rate.setValue(120)
    assert panel.state.play_fps == play_rate(panel.state) == 120
    frames: list[int] = []
    panel.state_shown.connect(lambda state: frames.append(state.frame))
    press(qtbot, panel, "J")
    until(qtbot, lambda: len(set(frames)) == 8 and "shown" in panel.transport._reached.text())
    assert [frame for frame in dict.fromkeys(frames) if frame != 1001] == list(range(1008, 1001, -1)), "backward, round"
    press(qtbot, panel, "K")
    assert not panel.state.is_playing and panel.transport._reached.text() == "–"
    rate.setValue(24)
    assert panel.state.play_fps is None


def test_played_backward_it_goes_round_the_other_way() -> None:
    from test_panel_state import opened

    state = changes.with_range(changes.with_range(opened(), first=1003), last=1005)
    state = changes.at_frame(state, 1004)
    seen = []
    for _ in range(4):
        state = changes.played_on(state, -1)
        seen.append(state.frame)
    assert seen == [1003, 1005, 1004, 1003]
