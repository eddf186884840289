"""The panel as ``propainter-panel`` shows it, with a real backend behind it: mouse and keys in, pictures and words out."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
import pytest
from panel_windows import PATIENCE_MS

from propainter_ui.state import changes
from propainter_ui.state.events import ResultArrived
from propainter_ui.state.wipe import Wipe
from propainter_wire.client import Client

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from propainter_ui.panel import Panel


def drop(panel: Panel, *paths: Path) -> None:
    """Drop files on the viewer, as a file manager does."""
    from propainter_ui.qt import Qt, QtCore, QtGui, QtWidgets

    data = QtCore.QMimeData()
    data.setUrls([QtCore.QUrl.fromLocalFile(str(path)) for path in paths])
    place, copy = QtCore.QPointF(50, 50), Qt.DropAction.CopyAction
    for kind in (QtGui.QDragEnterEvent, QtGui.QDropEvent):
        point = place.toPoint() if kind is QtGui.QDragEnterEvent else place
        QtWidgets.QApplication.sendEvent(
            panel.viewer, kind(point, copy, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
        )


def press(qtbot: QtBot, panel: Panel, key: str) -> None:
    """A key, with the viewer in focus."""
    from propainter_ui.qt import QtGui, QtWidgets

    panel.viewer.setFocus()
    sequence = QtGui.QKeySequence(key)
    combination = sequence[0]
    qtbot.keyClick(
        QtWidgets.QApplication.activeWindow() or panel.window(), combination.key(), combination.keyboardModifiers()
    )


def until(qtbot: QtBot, is_so: Callable[[], object]) -> None:
    qtbot.waitUntil(lambda: bool(is_so()), timeout=PATIENCE_MS)


def open_shot(qtbot: QtBot, panel: Panel, shot: Path) -> None:
    drop(panel, shot / "plate", shot / "matte")
    until(qtbot, lambda: panel.state.shot is not None and panel.state.shot.matte and panel.state.job is None)


def render(qtbot: QtBot, panel: Panel) -> None:
    """Press the render button, and wait until every frame of the range is there."""
    from propainter_ui.qt import Qt

    panel.change(replace(panel.state, report={}))
    qtbot.mouseClick(panel.settings.cost_card._render, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: panel.state.report and panel.state.job is None)


def shown(panel: Panel) -> np.ndarray:
    """The picture on the screen, [h, w, 3]."""
    image = panel.viewer._after.image  # type: ignore[union-attr]
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
    return rows[:, : image.width(), 2::-1]


def test_from_nothing_to_a_finished_video(qtbot: QtBot, panel: Panel, tiny_shot: Path, tmp_path: Path) -> None:
    """A new user's way: nothing runs; drop, render, compare, export."""
    from propainter_ui.qt import Qt, QtCore

    until(qtbot, lambda: panel.state.daemon.phase == "absent")
    drop(panel, tiny_shot)
    until(qtbot, lambda: panel.state.shot is not None)
    assert panel.settings.cost_card._render.text() == "Start backend, render 8 frames"
    seen: list[str] = []
    panel.bridge.told.connect(lambda _: panel.state.job and seen.append(panel.state.job.sentence))
    render(qtbot, panel)
    assert panel.state.results == set(range(1001, 1009))
    assert any("reading frames" in sentence for sentence in seen)
    assert panel.state.daemon.phase == "ready"
    until(qtbot, lambda: "classical  ·  cpu" in panel.strip._text.text())

    until(qtbot, lambda: panel.on_screen.showing is not None and panel.on_screen.showing.view == "result")
    plate = cv2.imread(str(tiny_shot / "plate/tiny.1001.png"))[..., ::-1]
    after = shown(panel)
    assert (after[:10] == plate[:10]).all(), "outside the hole the result is the plate"
    assert (after[17:23, 21:29] != plate[17:23, 21:29]).any(), "inside it something else is shown"

    press(qtbot, panel, "W")
    assert panel.state.wipe == Wipe()
    until(qtbot, lambda: panel.viewer._before is not None)
    line = panel.viewer.wipe_line()
    assert line is not None
    at = line.middle.toPoint() + QtCore.QPoint(0, 40)
    qtbot.mousePress(panel.viewer, Qt.MouseButton.LeftButton, pos=at)
    qtbot.mouseMove(panel.viewer, at + QtCore.QPoint(60, 0))
    qtbot.mouseRelease(panel.viewer, Qt.MouseButton.LeftButton, pos=at + QtCore.QPoint(60, 0))
    moved = panel.viewer.wipe_line()
    assert moved is not None and abs(moved.middle.x() - (line.middle.x() + 60)) < 2
    assert moved.middle.y() == line.middle.y(), "its middle stays as far along it as it was"

    panel.export("video", tmp_path / "clean.mp4")
    until(qtbot, lambda: (tmp_path / "clean.mp4").exists() and panel.state.job is None)
    with av.open(str(tmp_path / "clean.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 8
    assert panel.state.notice is not None and "clean.mp4" in panel.state.notice.text


def test_moving_a_slider_draws_the_window_and_asks_the_backend_for_nothing(
    qtbot: QtBot, panel: Panel, tiny_shot: Path
) -> None:
    until(qtbot, lambda: panel.state.daemon.phase == "ready")
    open_shot(qtbot, panel, tiny_shot)
    until(qtbot, lambda: "painting" in panel.state.bands)
    heard: list[object] = []
    panel.bridge.told.connect(heard.append)
    asked: list[object] = []
    real = Client.ask
    Client.ask = lambda self, message, *rest, **more: (  # type: ignore[method-assign]
        asked.append(message.type), real(self, message, *rest, **more)
    )[1]  # fmt: skip
    try:
        panel.change(
            changes.with_setting(panel.state, "engine", "propainter")
        )  # the embedded engine has no such window
        before = panel.timeline.grab().toImage()
        panel.settings._rows["neighbor_length"]._slider.setValue(4)
        panel.settings._rows["ref_stride"]._slider.setValue(2)
        assert panel.timeline.grab().toImage() != before
        qtbot.wait(200)
    finally:
        Client.ask = real  # type: ignore[method-assign]
    assert set(asked) <= {"status"}, "the backend is looked after, and asked for nothing"
    assert panel.state.settings.neighbor_length == 4 and panel.state.applied.neighbor_length == 10
    assert "paints 1001–1003 and looks at 2 references" in panel.settings._window.text()


def test_changed_settings_say_what_is_redone_and_keep_the_old_result_to_compare(
    qtbot: QtBot, panel: Panel, tiny_shot: Path
) -> None:
    open_shot(qtbot, panel, tiny_shot)
    render(qtbot, panel)
    until(qtbot, lambda: panel.settings.cost_card._work.text() == "nothing: all of it is cached")
    old = shown(panel)
    panel.settings._rows["grow"]._box.setValue(9)
    until(qtbot, lambda: panel.settings.cost_card._work.text() == "the window, flow kept, 1 chunk")
    assert panel.settings.cost_card._render.text() == "Render 8 frames with new settings"
    render(qtbot, panel)
    stages = panel.state.report["stages"]
    assert stages["flow"]["computed"] == 0 and stages["completion"]["computed"] == 7
    assert panel.state.previous_results == set(range(1001, 1009))
    until(
        qtbot, lambda: panel.on_screen.showing is not None and panel.on_screen.showing.revision == panel.state.revision
    )
    assert (shown(panel) != old).any()
    press(qtbot, panel, "C")
    until(qtbot, lambda: panel.state.shows_previous and not panel.on_screen.pending)
    np.testing.assert_array_equal(shown(panel), old)


def test_applying_settings_keeps_the_old_result_on_screen_until_the_new_one_comes(
    qtbot: QtBot, panel: Panel, tiny_shot: Path
) -> None:
    open_shot(qtbot, panel, tiny_shot)
    render(qtbot, panel)
    until(qtbot, lambda: panel.on_screen.showing is not None and panel.on_screen.showing.view == "result")
    old = panel.on_screen.showing
    assert old is not None
    panel.change(changes.with_setting(panel.state, "grow", 7))
    panel.apply()
    until(qtbot, lambda: not panel.state.is_edited and not panel.state.results)
    qtbot.wait(100)
    now = panel.on_screen.showing
    assert now is not None and (now.view, now.revision) == ("result", old.revision)
    assert panel.viewer._after is not None and "old" in panel.viewer._after.label
    assert "Render for the new one" in panel.viewer._hint
    rough: list[bool] = []
    panel.bridge.told.connect(lambda event: rough.append(event.is_rough) if isinstance(event, ResultArrived) else None)
    render(qtbot, panel)
    until(
        qtbot, lambda: panel.on_screen.showing is not None and panel.on_screen.showing.revision == panel.state.revision
    )
    assert rough[0] and rough.count(True) == 1 and rough.count(False) >= 8
    assert "old" not in panel.viewer._after.label and panel.viewer._hint == ""


def test_what_the_engine_ignores_hides_no_result_and_an_export_renders_nothing_for_it(
    qtbot: QtBot, panel: Panel, tiny_shot: Path, tmp_path: Path
) -> None:
    open_shot(qtbot, panel, tiny_shot)
    render(qtbot, panel)
    revision = panel.state.revision
    panel.change(changes.with_setting(panel.state, "flow_iterations", 3))
    until(qtbot, lambda: panel.settings.cost_card._work.text() == "nothing: all of it is cached")
    panel.apply()
    until(qtbot, lambda: not panel.state.is_edited)
    assert panel.state.revision == revision and panel.state.results == set(range(1001, 1009))
    kinds: list[str] = []
    panel.bridge.told.connect(lambda _: kinds.append(panel.state.job.stage) if panel.state.job else None)
    panel.export("video", tmp_path / "clean.mp4")
    until(qtbot, lambda: (tmp_path / "clean.mp4").exists() and panel.state.job is None)
    assert set(kinds) == {"writing"}


def test_switches_show_and_ask_for_their_values(panel: Panel) -> None:
    from propainter_ui.state.settings_offered import CROP_ROW

    native, early = (panel.settings._rows[name] for name in ("native_fill", "flow_stop"))
    assert (native._switch.isChecked(), early._switch.isChecked()) == (True, False)
    assert panel.settings._crop._box.text() == CROP_ROW.text(0) == "Auto"
    native._switch.click()
    early._switch.click()
    assert (panel.state.settings.native_fill, panel.state.settings.flow_stop) == (False, 0.02)
    assert (native._switch.isChecked(), early._switch.isChecked()) == (False, True)
    native._reset.click()
    early._switch.click()
    assert (panel.state.settings.native_fill, panel.state.settings.flow_stop) == (True, 0.0)


def test_an_inverted_matte_stays_inverted_when_its_files_are_read_again(
    qtbot: QtBot, panel: Panel, tiny_shot: Path
) -> None:
    open_shot(qtbot, panel, tiny_shot)
    until(qtbot, lambda: panel.settings._reading.invert.isEnabled())
    files = panel.library.files
    assert files is not None
    drawn = files.matte(1003)
    panel.settings._reading.invert.click()
    until(qtbot, lambda: panel.state.shot is not None and panel.state.shot.is_inverted)
    panel.reload()
    until(qtbot, lambda: panel.library.files not in (None, files) and panel.state.job is None)
    assert panel.library.files is not None and drawn is not None
    inverted = panel.library.files.matte(1003)
    assert inverted is not None and panel.settings._reading.invert.isChecked()
    np.testing.assert_array_equal(np.asarray(inverted, float) + drawn, 255.0)
    panel.settings._reading.invert.click()
    until(qtbot, lambda: panel.state.shot is not None and not panel.state.shot.is_inverted)


def test_apply_shows_what_became_stale_without_rendering(qtbot: QtBot, panel: Panel, tiny_shot: Path) -> None:
    from propainter_ui.qt import Qt

    open_shot(qtbot, panel, tiny_shot)
    render(qtbot, panel)
    until(qtbot, lambda: panel.state.bands.get("propagation") == ((1001, 1008, "cached"),))
    panel.settings._rows["grow"]._box.setValue(2)
    qtbot.mouseClick(panel.settings.cost_card._apply, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: panel.state.bands.get("propagation") == ((1001, 1008, "stale"),))
    assert panel.state.bands["flow"] == ((1001, 1007, "cached"),)
    assert panel.state.results == frozenset() and not panel.state.is_edited


def test_results_of_the_last_session_come_from_the_backend_without_a_render(
    qtbot: QtBot, panel: Panel, tiny_shot: Path
) -> None:
    """The backend still has what the first test rendered: opening the shot is enough."""
    open_shot(qtbot, panel, tiny_shot)
    until(qtbot, lambda: panel.state.results == set(range(1001, 1009)))
    assert not panel.state.report


def test_keys_do_what_compositors_expect(qtbot: QtBot, panel: Panel, tiny_shot: Path) -> None:
    open_shot(qtbot, panel, tiny_shot)
    frames = []
    for key in ("Right", "Right", "Left", "End", "Home", "Shift+Right"):
        press(qtbot, panel, key)
        frames.append(panel.state.frame)
    assert frames == [1002, 1003, 1002, 1008, 1001, 1008]
    views = []
    for key in "123456789":
        press(qtbot, panel, key)
        views.append(panel.state.view)
    assert views == ["plate", "matte", "result", "unseen", "difference", "grain_free", "alpha", "edge", "hole"]
    until(qtbot, lambda: panel.viewer.has_picture)  # pictures are made beside the keys, and may come after them
    fitted = panel.viewer.zoom
    press(qtbot, panel, "+")
    assert panel.viewer.zoom == pytest.approx(fitted * 1.25)
    press(qtbot, panel, "F")
    assert panel.viewer.zoom == fitted
    press(qtbot, panel, "Home")
    for key in ("Right", "Right", "I", "Right", "Right", "O"):
        press(qtbot, panel, key)
    assert (panel.state.first, panel.state.last) == (1003, 1005)
    press(qtbot, panel, "Space")
    until(qtbot, lambda: panel.state.frame == 1003)
    press(qtbot, panel, "Space")
    assert not panel.state.is_playing


def test_the_timeline_marks_the_cuts_of_the_last_report(qtbot: QtBot, panel: Panel, tiny_shot: Path) -> None:
    open_shot(qtbot, panel, tiny_shot)
    line = panel.timeline
    before = line.grab().toImage()
    line.show_state(replace(panel.state, report={"cuts": [1001, 1004]}))  # the first frame begins no other scene
    assert line.cut_marks() == [line.x_of(1004)]
    assert line.grab().toImage() != before


def test_dragging_along_the_timeline_scrubs_and_its_handles_set_the_range(
    qtbot: QtBot, panel: Panel, tiny_shot: Path
) -> None:
    from propainter_ui.qt import Qt, QtCore

    open_shot(qtbot, panel, tiny_shot)
    line = panel.timeline

    def place(x: float, y: int) -> QtCore.QPoint:
        return QtCore.QPoint(round(x), y)

    qtbot.mousePress(line, Qt.MouseButton.LeftButton, pos=place(line.x_of(1002) + 4, 60))
    assert panel.state.frame == 1002
    qtbot.mouseMove(line, place(line.x_of(1006) + 4, 60))
    assert panel.state.frame == 1006
    qtbot.mouseRelease(line, Qt.MouseButton.LeftButton)
    for start, end in ((1001, 1003), (1009, 1007)):
        qtbot.mousePress(line, Qt.MouseButton.LeftButton, pos=place(line.x_of(start), 6))
        qtbot.mouseMove(line, place(line.x_of(end), 6))
        qtbot.mouseRelease(line, Qt.MouseButton.LeftButton)
    assert (panel.state.first, panel.state.last, panel.state.frame) == (1003, 1006, 1006)


def test_never_seen_and_difference_are_shown_for_the_playhead(qtbot: QtBot, panel: Panel, tiny_shot: Path) -> None:
    open_shot(qtbot, panel, tiny_shot)
    render(qtbot, panel)
    for key, view in (("4", "unseen"), ("5", "difference")):
        press(qtbot, panel, key)
        until(qtbot, lambda view=view: panel.on_screen.showing is not None and panel.on_screen.showing.view == view)
    assert shown(panel)[:10].max() == 0, "outside the hole nothing differs"


def test_a_file_that_is_no_shot_is_refused_in_words_and_changes_nothing(
    qtbot: QtBot, panel: Panel, tiny_shot: Path, tmp_path: Path
) -> None:
    open_shot(qtbot, panel, tiny_shot)
    (tmp_path / "notes.txt").write_text("hello")
    drop(panel, tmp_path / "notes.txt")
    until(qtbot, lambda: panel.state.notice is not None and panel.state.notice.level == "error")
    assert panel.state.notice is not None and "neither a picture nor a video" in panel.state.notice.text
    assert panel.state.shot is not None and panel.state.shot.name == "tiny" and panel.notice.isVisible()


def test_an_engine_that_is_not_there_is_refused_in_the_backends_words(
    qtbot: QtBot, panel: Panel, tiny_shot: Path
) -> None:
    open_shot(qtbot, panel, tiny_shot)
    panel.settings.setting_asked.emit("engine", "propainter")
    panel.render_range()
    until(qtbot, lambda: panel.state.notice is not None and panel.state.job is None)
    assert panel.state.notice is not None
    assert panel.state.notice.text.startswith(
        "The ProPainter weights are not installed. Run 'propainter-weights fetch'"
    )


def test_losing_the_backend_in_a_render_is_said_and_mended(qtbot: QtBot, panel: Panel, tiny_shot: Path) -> None:
    from propainter_ui.qt import Qt

    open_shot(qtbot, panel, tiny_shot)
    render(qtbot, panel)
    until(qtbot, lambda: panel.on_screen.showing is not None and panel.on_screen.showing.view == "result")
    kept, picture = panel.state.results, shown(panel)
    until(qtbot, lambda: panel.state.daemon.pid)
    panel.settings._rows["grow"]._box.setValue(12)
    panel.render_range()
    until(qtbot, lambda: panel.state.job is not None and panel.state.job.job)
    os.kill(panel.state.daemon.pid, signal.SIGKILL)
    until(qtbot, lambda: panel.state.daemon.phase == "lost")
    assert panel.state.notice is not None and panel.state.notice.text.startswith("The backend is gone")
    assert panel.strip._text.text() == "The backend is gone" and panel.state.job is None
    assert kept in (panel.state.results, panel.state.previous_results), "what was rendered is still there"
    np.testing.assert_array_equal(shown(panel)[:10], picture[:10])
    assert panel.notice.act.text() == "Restart backend"
    qtbot.mouseClick(panel.notice.act, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: panel.state.daemon.phase == "ready")
    render(qtbot, panel)
    assert panel.state.results == set(range(1001, 1009))


def test_cancelling_leaves_a_panel_that_can_render_again(qtbot: QtBot, panel: Panel, tiny_shot: Path) -> None:
    from propainter_ui.qt import Qt

    open_shot(qtbot, panel, tiny_shot)
    panel.settings._rows["grow"]._box.setValue(15)
    panel.render_range()
    until(qtbot, lambda: panel.state.job is not None and panel.state.job.kind == "rendering")
    assert panel.settings.cost_card._render.text() == "Cancel"
    qtbot.mouseClick(panel.settings.cost_card._render, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: panel.state.job is None)
    assert panel.state.notice is None or panel.state.notice.level != "error"
    render(qtbot, panel)


def test_every_control_has_an_accessible_name(qtbot: QtBot, panel: Panel) -> None:
    from propainter_ui.qt import QtWidgets

    kinds = (
        QtWidgets.QAbstractButton, QtWidgets.QAbstractSpinBox, QtWidgets.QComboBox, QtWidgets.QSlider,
        QtWidgets.QAbstractItemView, QtWidgets.QProgressBar,
    )  # fmt: skip
    own = [w for kind in kinds for w in panel.findChildren(kind) if not w.objectName().startswith("qt_")]
    nameless = [
        w for w in own
        if not w.accessibleName() and not isinstance(w.parent(), (QtWidgets.QTabBar, QtWidgets.QFrame))
        and not (isinstance(w, QtWidgets.QAbstractButton) and w.text())
    ]  # fmt: skip
    assert len(own) > 40 and not nameless, [(type(w).__name__, type(w.parent()).__name__) for w in nameless]
    assert panel.viewer.accessibleName() and panel.timeline.accessibleName()


def test_layout_colours_and_the_last_shot_are_remembered(
    qtbot: QtBot, panel: Panel, home: Path, tiny_shot: Path
) -> None:
    from propainter_ui.__main__ import launch

    open_shot(qtbot, panel, tiny_shot)
    panel.splitter.setSizes([1000, 0])
    panel.window()._choose_theme("light")  # type: ignore[attr-defined]
    panel.window().close()
    again = launch([])
    try:
        assert again.panel.splitter.sizes()[1] == 0, "the pages were folded away"
        until(qtbot, lambda: again.panel.state.shot is not None)
        assert again.panel.state.shot is not None and again.panel.state.shot.name == "tiny"
        assert again.panel.palette().window().color().lightness() > 128
    finally:
        again.close()


def test_dropped_pictures_are_all_read_off_the_interfaces_thread(
    qtbot: QtBot, panel: Panel, tiny_shot: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    from propainter_pictures import stored

    threads: set[str] = set()
    real = stored.open_part
    monkeypatch.setattr(
        stored, "open_part", lambda *which: (threads.add(threading.current_thread().name), real(*which))[1]
    )
    open_shot(qtbot, panel, tiny_shot)
    assert threads and "MainThread" not in threads


def test_of_many_events_at_once_the_outcome_is_shown_and_not_each(
    qtbot: QtBot, panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last frames of a render come all at once: shown one by one, they would hold up the interface."""
    from propainter_ui.state.events import JobChanged
    from propainter_ui.state.panel_state import JobState, PanelState

    panel.bridge.told.disconnect(panel.hear)  # what the backend says meanwhile would rightly be shown, too
    shown: list[PanelState] = []
    monkeypatch.setattr(panel.jobs, "show_state", shown.append)
    for done in range(50):
        panel.hear(JobChanged(JobState("rendering", done=done, total=50)))
    assert panel.state.job is not None and panel.state.job.done == 49
    until(qtbot, lambda: shown)
    assert [state.job and state.job.done for state in shown] == [49]
