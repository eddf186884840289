"""Keys, doubt and staleness on the timeline, the onion skin, and the keys that go through them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from test_panel import open_shot, press, until

from propainter_ui.matte import edits, news
from propainter_ui.matte.document import MatteDocument
from propainter_ui.matte.strokes import Box, CloneStroke
from propainter_ui.state.matte_bands import matte_bands
from propainter_ui.state.panel_state import JobState, PanelState, ShotState
from propainter_ui.state.shown import clean_frames

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from propainter_ui.panel import Panel

BOX = Box(20, 20, 30, 20)


def drawn_on(first: int, last: int, width: int, height: int, digest: str = "m") -> MatteDocument:
    """A box on the second frame, the rest tracked, three of them doubtful."""
    document = MatteDocument(width, height, first, last)
    document = news.selected(edits.with_box(document, first + 1, BOX), first + 1, digest)
    document = news.tracked(document, dict.fromkeys(range(first, last + 1), digest))
    doubt = {first + 3: 0.1, first + 5: 0.5, first + 6: 0.3}
    return news.reported(document, doubt=doubt, help=[first + 5, first + 6], empty=[])


SHOT = ShotState("hill", "/p", "", 1001, 1008, 96, 64, "uint8", 24.0)
DRAWN = drawn_on(1001, 1008, 96, 64)


def test_the_timeline_tells_key_tracked_stale_and_missing_frames_apart() -> None:
    document = news.selected(edits.with_box(MatteDocument(96, 64, 1001, 1008), 1003, BOX), 1003, "m")
    document = news.tracked(document, dict.fromkeys(range(1001, 1006), "m"))
    document = news.selected(document, 1003, "other")
    bands = matte_bands(PanelState(shot=SHOT, drawn=document))
    assert bands.runs == (
        (1001, 1002, "stale"), (1003, 1003, "cached"), (1004, 1005, "stale"), (1006, 1008, "missing"),
    )  # fmt: skip
    assert bands.keys == (1003,)
    assert [bands.said_of(f) for f in (1001, 1003, 1008)] == ["follows an older key", "key frame", "none"]
    at_work = replace(PanelState(shot=SHOT, drawn=document), job=JobState("tracking", first=1003, last=1007))
    assert matte_bands(at_work).runs[-2:] == ((1004, 1007, "running"), (1008, 1008, "missing"))
    assert matte_bands(PanelState(shot=SHOT)).runs == ()


def test_doubt_is_shown_of_frames_that_still_follow_their_keys() -> None:
    bands = matte_bands(PanelState(shot=SHOT, drawn=DRAWN))
    assert bands.doubt == {1004: 0.1, 1006: 0.5, 1007: 0.3} and bands.wanted == {1006, 1007}
    assert bands.doubt_said_of(1006) == "50%, look at it" and bands.doubt_said_of(1004) == "10%"
    settled = matte_bands(PanelState(shot=SHOT, drawn=edits.kept_as_right(DRAWN, 1006)))
    assert settled.doubt == {}, "what follows the new key is told anew"


def test_painted_clean_plates_are_on_the_timeline_too() -> None:
    document = edits.with_clone(DRAWN, 1004, CloneStroke(((5.0, 5.0, 1.0),), 3, 1001))
    shot = replace(SHOT, clean="/c", clean_frames=(1002,))
    assert clean_frames(PanelState(shot=shot, drawn=document)) == (1002, 1004)
    assert clean_frames(PanelState(shot=SHOT)) == ()


def pixels_of(panel: Panel) -> np.ndarray:
    image = panel.timeline.grab().toImage()
    data = np.frombuffer(bytes(image.constBits()), np.uint8)
    return data.reshape(image.height(), image.bytesPerLine() // 4, 4)[:, : image.width(), 2::-1]


def test_rows_of_the_drawn_matte_appear_with_it_and_are_seen(qtbot: QtBot, panel: Panel, tiny_shot: Path) -> None:
    from propainter_ui.look import colours_of
    from propainter_ui.qt import QtGui
    from propainter_ui.widgets.timeline_painting import BAND, row_top

    open_shot(qtbot, panel, tiny_shot)
    shot = panel.state.shot
    assert shot is not None
    before = panel.timeline.height()
    digest = panel.library.solved.put(np.full((shot.height, shot.width, 1), 255, np.uint8))
    document = drawn_on(shot.first, shot.last, shot.width, shot.height, digest)
    panel.change(replace(panel.state, drawn=document))
    assert panel.timeline.height() == before + 2 * (row_top(1) - row_top(0))
    seen, rows = pixels_of(panel), panel.timeline._rows
    colours = colours_of(panel.timeline)
    scale = panel.timeline.devicePixelRatioF()

    def at(frame: int, row: str, down: float) -> tuple[int, ...]:
        x = (panel.timeline.x_of(frame) + panel.timeline.span.frame_width / 2) * scale
        return tuple(seen[int((row_top(rows.index(row)) + down) * scale), int(x)].tolist())

    def rgb(name: str) -> tuple[int, ...]:
        return QtGui.QColor(getattr(colours, name)).getRgb()[:3]

    assert at(shot.first + 1, "drawn", BAND / 2) == rgb("text"), "a diamond on the key"
    assert at(shot.first + 3, "drawn", BAND / 2) == rgb("cached")
    assert at(shot.first + 5, "doubt", BAND - 2) == rgb("error"), "a frame to look at"
    assert at(shot.first + 3, "doubt", BAND - 1) == rgb("stale") and at(shot.first + 3, "doubt", 1) == rgb("missing")
    panel.change(replace(panel.state, drawn=None))
    assert panel.timeline.height() == before


def test_keys_go_through_doubtful_frames_and_key_frames(qtbot: QtBot, panel: Panel, tiny_shot: Path) -> None:
    open_shot(qtbot, panel, tiny_shot)
    shot = panel.state.shot
    assert shot is not None
    digest = panel.library.solved.put(np.full((shot.height, shot.width, 1), 255, np.uint8))
    panel.change(replace(panel.state, drawn=drawn_on(shot.first, shot.last, shot.width, shot.height, digest)))
    went = []
    for key in ("D", "D", "D", "Alt+D", ",", "Home", "."):
        press(qtbot, panel, key)
        went.append(panel.state.frame - shot.first)
    assert went == [5, 6, 5, 6, 1, 0, 1]


@pytest.mark.parametrize("view", ["edge"])
def test_onion_skin_is_turned_on_by_a_key_and_seen(qtbot: QtBot, panel: Panel, tiny_shot: Path, view: str) -> None:
    from propainter_ui.shot.matte_views import ONION_AFTER, ONION_BEFORE

    open_shot(qtbot, panel, tiny_shot)
    shot = panel.state.shot
    assert shot is not None
    document = MatteDocument(shot.width, shot.height, shot.first, shot.last)
    for frame, left in ((shot.first, 10), (shot.first + 4, 50)):
        matte = np.zeros((shot.height, shot.width, 1), np.uint8)
        matte[20:40, left : left + 20] = 255
        document = news.selected(edits.with_box(document, frame, BOX), frame, panel.library.solved.put(matte))
    panel.change(replace(panel.state, drawn=document, frame=shot.first + 2, view=view))  # type: ignore[arg-type]
    press(qtbot, panel, "Shift+O")
    assert panel.state.onion and panel.view_bar.onion.isChecked()

    def colours() -> set[tuple[int, ...]]:
        shown = panel.viewer._after
        if shown is None:
            return set()
        return {shown.image.pixelColor(x, 20).getRgb()[:3] for x in range(shot.width)}

    wanted = {tuple(ONION_BEFORE.tolist()), tuple(ONION_AFTER.tolist())}
    until(qtbot, lambda: wanted <= colours())
    press(qtbot, panel, "Shift+O")
    until(qtbot, lambda: not wanted & colours())


def test_a_drawn_matte_is_seen_as_its_recipe_says_and_anew_after_an_edit(
    qtbot: QtBot, panel: Panel, tiny_shot: Path
) -> None:
    from propainter_ui.matte.strokes import BrushStroke

    open_shot(qtbot, panel, tiny_shot)
    shot = panel.state.shot
    assert shot is not None
    digest = panel.library.solved.put(np.zeros((shot.height, shot.width, 1), np.uint8))
    document = drawn_on(shot.first, shot.last, shot.width, shot.height, digest)
    panel.change(replace(panel.state, drawn=document, view="alpha"))

    def value() -> int:
        shown = panel.viewer._after
        return -1 if shown is None else shown.image.pixelColor(40, 30).red()

    until(qtbot, lambda: value() == 0)
    painted = edits.with_brush(document, panel.state.frame, BrushStroke(((40.5, 30.5, 1.0),), 4))
    panel.change(replace(panel.state, drawn=painted))
    until(qtbot, lambda: value() == 255)
    panel.change(replace(panel.state, drawn=document))
    until(qtbot, lambda: value() == 0)
