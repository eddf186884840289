"""What is kept of a shot and of presets, and undo: whole files, damaged ones set aside and told of. No Qt."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from propainter_ui.kept.kept_file import DamagedFile, data_folder
from propainter_ui.kept.presets import Preset, Presets
from propainter_ui.kept.shot_sessions import ShotSession, ShotSessions, Zoom
from propainter_ui.state import changes
from propainter_ui.state.history import Edits, History
from propainter_ui.state.panel_state import JobState, PanelState, ShotState
from propainter_ui.state.queue import Queue, QueuedShot
from propainter_ui.state.shown import quitting_sentence
from propainter_wire.messages import ShotSettings

SHOT = ShotState("hill", "/shots/hill", "/shots/hill_matte", 1001, 1040, 432, 240, "uint8", 24.0)
EDITED = ShotSettings(grow=9, flow_stop=0.02, working_size=(216, 120), cuts="none", engine="classical")


def state(**more: object) -> PanelState:
    start = changes.with_shot(PanelState(), SHOT, 1)
    return replace(start, **more)  # type: ignore[arg-type]


# --- sessions


def test_a_shot_comes_back_as_it_was_left(tmp_path: Path) -> None:
    left = state(
        settings=EDITED, quality="best", first=1005, last=1020, frame=1011, view="result", exposure=1.5, gamma=2.0
    )
    session = ShotSession.of(left, Zoom(2.5, 0.25, 0.75))
    ShotSessions(tmp_path).keep(SHOT, session)
    found = ShotSessions(tmp_path).read(SHOT)
    assert found == session
    back = changes.with_session(state(), found)
    for name in ("settings", "quality", "first", "last", "frame", "view", "exposure", "gamma"):
        assert getattr(back, name) == getattr(left, name)


def test_every_plate_has_its_own_and_another_matte_the_same(tmp_path: Path) -> None:
    sessions = ShotSessions(tmp_path)
    sessions.keep(SHOT, ShotSession.of(state(settings=EDITED), Zoom()))
    assert sessions.read(replace(SHOT, plate="/shots/other")) is None
    found = sessions.read(replace(SHOT, matte="/shots/hill_matte_v2"))
    assert found is not None and found.settings == EDITED


def test_a_range_the_shot_no_longer_has_is_left_out_and_the_playhead_held(tmp_path: Path) -> None:
    session = ShotSession.of(state(first=1005, last=1040, frame=1040, settings=EDITED), Zoom())
    shorter = changes.with_shot(PanelState(), replace(SHOT, last=1020), 1)
    back = changes.with_session(shorter, session)
    assert (back.first, back.last, back.frame, back.settings) == (1001, 1020, 1020, EDITED)


DAMAGES = {
    "cut short": lambda text: text[: len(text) // 2],
    "no JSON": lambda _: "\x00\x01",
    "a list": lambda _: "[]",
    "another version": lambda text: text.replace('"version": 1', '"version": 2'),
    "a value out of range": lambda text: text.replace('"grow": 9', '"grow": 99999'),
    "a word nobody knows": lambda text: text.replace('"best"', '"perfect"'),
    "a missing field": lambda text: text.replace('"first"', '"primo"'),
    "a nested abyss": lambda _: "[" * 100_000,
    "no UTF-8": lambda text: text.replace("best", "b\udce9st"),
}


@pytest.mark.parametrize("damage", list(DAMAGES))
def test_a_damaged_session_is_told_in_a_sentence_and_set_aside(tmp_path: Path, damage: str) -> None:
    sessions = ShotSessions(tmp_path)
    sessions.keep(SHOT, ShotSession.of(state(settings=EDITED, quality="best"), Zoom()))
    (file,) = (tmp_path / "shots").iterdir()
    damaged = DAMAGES[damage](file.read_text()).encode("utf-8", "surrogateescape")
    file.write_bytes(damaged)
    with pytest.raises(DamagedFile, match=r"^The settings kept for hill cannot be used") as told:
        sessions.read(SHOT)
    aside = file.with_suffix(".damaged")
    assert str(aside) in str(told.value) and aside.read_bytes() == damaged and "\n" not in str(told.value)
    assert sessions.read(SHOT) is None, "the next time it is as new"


def test_a_write_that_fails_leaves_what_was_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = ShotSessions(tmp_path)
    sessions.keep(SHOT, ShotSession.of(state(settings=EDITED), Zoom()))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        sessions.keep(SHOT, ShotSession.of(state(), Zoom()))
    monkeypatch.undo()
    found = sessions.read(SHOT)
    assert found is not None and found.settings == EDITED
    assert len(list((tmp_path / "shots").iterdir())) == 1, "nothing half-written stays"


def test_files_are_the_users_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert data_folder() == tmp_path / "propainter-remove" / "panel"


# --- presets


def test_presets_are_saved_replaced_listed_and_deleted(tmp_path: Path) -> None:
    presets = Presets(tmp_path)
    assert presets.all() == {}
    presets.save("wire", Preset(EDITED, "normal"))
    presets.save("  Big   hole ", Preset(ShotSettings(), "best"))
    presets.save("wire", Preset(replace(EDITED, grow=2), "draft"))
    assert Presets(tmp_path).all() == {
        "Big hole": Preset(ShotSettings(), "best"), "wire": Preset(replace(EDITED, grow=2), "draft")
    }  # fmt: skip
    presets.delete("wire")
    presets.delete("never was")
    assert list(presets.all()) == ["Big hole"]


@pytest.mark.parametrize(("name", "why"), [("  ", "needs a name"), ("x" * 61, "at most 60 letters; this one has 61")])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Presets(tmp_path).save(name, Preset(ShotSettings(), "normal"))


def test_damaged_presets_are_told_and_set_aside(tmp_path: Path) -> None:
    Presets(tmp_path).save("wire", Preset(EDITED, "normal"))
    file = tmp_path / "presets.json"
    content = json.loads(file.read_text())
    content["presets"]["wire"]["settings"]["grow"] = "much"
    file.write_text(json.dumps(content))
    with pytest.raises(DamagedFile, match=r"^The file of presets cannot be used"):
        Presets(tmp_path).all()
    assert (tmp_path / "presets.damaged").exists() and Presets(tmp_path).all() == {}


# --- undo


def edits(**more: object) -> Edits:
    settings = {name: value for name, value in more.items() if name not in ("quality", "first", "last")}
    others = {name: value for name, value in more.items() if name not in settings}
    return Edits(ShotSettings(**settings), **{"quality": "normal", "first": 1, "last": 9, **others})  # type: ignore[arg-type]


def test_undo_and_redo_go_through_every_change_and_back() -> None:
    steps = [edits(), edits(grow=9), edits(grow=9, first=3), edits(grow=9, first=3, quality="best")]
    history = History()
    for number, (before, after) in enumerate(pairwise(steps)):
        history = history.recorded(before, after, now_s=10.0 * number)
    now = steps[-1]
    for expected in reversed(steps[:-1]):
        step = history.undone(now)
        assert step is not None
        history, now = step
        assert now == expected
    assert history.undone(now) is None
    for expected in steps[1:]:
        step = history.redone(now)
        assert step is not None
        history, now = step
        assert now == expected
    assert history.redone(now) is None


def test_a_dragged_slider_is_one_step_and_a_rest_begins_another() -> None:
    history = History()
    for grow, at_s in ((4, 0.0), (5, 0.1), (6, 0.9), (7, 5.0)):
        history = history.recorded(edits(grow=grow), edits(grow=grow + 1), now_s=at_s)
    assert [each.settings.grow for each in history.past] == [4, 7]


def test_a_change_after_an_undo_forgets_what_was_undone() -> None:
    history = History().recorded(edits(), edits(grow=9), 0.0)
    step = history.undone(edits(grow=9))
    assert step is not None
    history = step[0].recorded(edits(), edits(feather=1), 5.0)
    assert history.redone(edits(feather=1)) is None
    assert history.recorded(edits(), edits(), 9.0) is history, "nothing changed, nothing to undo"


# --- quitting


def test_quitting_says_whose_render_it_is_and_what_goes_on() -> None:
    assert quitting_sentence(state()) == ""
    assert quitting_sentence(state(job=JobState("reading"))) == ""
    own = state(job=JobState("rendering", job="a", first=1001, last=1040, whole=0.45))
    assert "Your render of hill, frames 1001–1040, is under way and 45% done." in quitting_sentence(own)
    export = state(job=JobState("exporting", first=1001, last=1040, stage="writing"))
    assert quitting_sentence(export).startswith("Your export of hill")


def test_quitting_counts_the_shots_of_a_queue_and_waits_for_all_of_them() -> None:
    between = quitting_sentence(state(job=None), queued=2)
    assert between.startswith("Your queue is under way: 2 shots are still to be written.")
    queue = Queue().with_added(QueuedShot("a", "/a", "/am")).with_added(QueuedShot("b", "/b", "/bm"))
    assert queue.with_progress(0, "running").unwritten == 2
    assert queue.with_progress(0, "done").with_progress(1, "failed").unwritten == 0
