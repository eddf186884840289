"""The matte desk: mouse, keys and buttons in; the document, and what the backend is asked, out. No backend runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from panel_windows import end_window, remember_in

from propainter_ui.bridge.matte_wishes import CarryWish, MotionWish, SelectWish, TrackWish
from propainter_ui.drawing.touch import Touch
from propainter_ui.matte.standing import keys_of
from propainter_ui.state.events import DaemonLost, DaemonReady, Event, Failed
from propainter_ui.state.history import History
from propainter_ui.state.matte_events import MatteOpened, MatteSelected, MattesTracked, MotionFound, TrackFinished
from propainter_ui.state.panel_state import PanelState, ShotState
from propainter_wire.messages import Welcome
from propainter_wire.shot import Pixels

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from propainter_ui.panel import Panel

PLATE = ShotState("hill", "/nowhere/plate", "", 1001, 1010, 64, 48, "uint8", 24.0)


class Recorder:
    """Stands at the bridge's door and writes down what is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[Any, ...]]] = []

    def named(self, name: str) -> list[Any]:
        return [arguments[0] if arguments else None for each, arguments in self.asked if each == name]

    def stand_in(self, bridge: Any) -> None:
        for name in ("select", "carry", "find_motion", "track", "cast", "publish", "redraw", "take_given", "keep"):
            setattr(bridge, name, lambda *arguments, name=name, **_: self.asked.append((name, arguments)))


@pytest.fixture(scope="module")
def one_panel(application: Any, home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Panel]:
    """A panel in its window, for all of these tests: each begins with a plate that is newly opened."""
    from propainter_ui.__main__ import launch

    remember_in(tmp_path_factory.mktemp("config"))
    window = launch(["--empty"])
    window.panel.on_screen.show_pictures = lambda: None  # type: ignore[method-assign] # there are no pictures of it
    yield window.panel
    end_window(window)


@pytest.fixture
def asked() -> Recorder:
    return Recorder()


@pytest.fixture
def drawing(qtbot: QtBot, one_panel: Panel, asked: Recorder) -> Panel:
    """A panel with a plate and no matte, as far as its widgets know."""
    from propainter_ui.qt import QtCore, QtGui
    from propainter_ui.widgets.viewer_painting import Shown

    panel = one_panel
    asked.stand_in(panel.bridge.matte)
    panel.change(PanelState())
    panel.change(PanelState(shot=PLATE, first=1001, last=1010, frame=1001))
    panel.desk.asking.forget(None)
    panel.desk._stamper.forget()
    panel.editing._history = History()
    image = QtGui.QImage(64, 48, QtGui.QImage.Format.Format_RGB32)
    image.fill(QtCore.Qt.GlobalColor.gray)
    panel.viewer.show_pictures(Shown(image, ""), None, None, "")
    panel.window().activateWindow()
    qtbot.waitUntil(lambda: panel.window().isActiveWindow())
    return panel


def at(panel: Panel, x: float, y: float) -> Any:
    """A place of the picture on the viewer."""
    from propainter_ui.qt import QtCore

    rect, zoom = panel.viewer._placement.rect(), panel.viewer.zoom
    return QtCore.QPoint(round(rect.left() + x * zoom), round(rect.top() + y * zoom))


def drag(qtbot: QtBot, panel: Panel, *places: tuple[float, float], keys: Any = None) -> None:
    from propainter_ui.qt import Qt, QtCore, QtGui, QtWidgets

    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    modifiers = keys or Qt.KeyboardModifier.NoModifier
    points = [QtCore.QPointF(at(panel, *place)) for place in places]
    kind = QtCore.QEvent.Type
    events = [(kind.MouseButtonPress, points[0], left, left)]
    events += [(kind.MouseMove, point, none, left) for point in points[1:]]
    events += [(kind.MouseButtonRelease, points[-1], left, none)]
    for what, point, button, buttons in events:
        event = QtGui.QMouseEvent(what, point, panel.viewer.mapToGlobal(point), button, buttons, modifiers)
        QtWidgets.QApplication.sendEvent(panel.viewer, event)


def key(qtbot: QtBot, panel: Panel, name: str) -> None:
    from propainter_ui.qt import QtGui

    panel.viewer.setFocus()
    pressed = QtGui.QKeySequence(name)[0]
    qtbot.keyClick(panel.viewer, pressed.key(), pressed.keyboardModifiers())


def matte_of(*box: int) -> Pixels:
    matte = np.zeros((48, 64, 1), np.uint8)
    x, y, width, height = box
    matte[y : y + height, x : x + width] = 255
    return matte


def answer(panel: Panel, wish: SelectWish, pixels: Pixels) -> str:
    digest = panel.library.solved.put(pixels)
    tell(panel, MatteSelected(wish.frame, wish.marks, wish.start, digest, wish.is_meanwhile))
    return digest


def tell(panel: Panel, event: Event) -> None:
    """An event, and what is shown of it."""
    panel.hear(event)
    panel._show_changes()


def solve_a_box(qtbot: QtBot, panel: Panel, asked: Recorder) -> None:
    """A box on the first frame, and its matte."""
    key(qtbot, panel, "X")
    drag(qtbot, panel, (10, 8), (30, 40))
    answer(panel, asked.named("select")[0], matte_of(12, 9, 16, 30))


def test_a_box_is_drawn_answered_tracked_and_rendered(qtbot: QtBot, drawing: Panel, asked: Recorder) -> None:
    key(qtbot, drawing, "X")
    assert drawing.state.tools.tool == "box" and drawing.matte_page.tool_box.buttons["box"].isChecked()
    assert not drawing.state.can_render
    drag(qtbot, drawing, (10, 8), (20, 20), (30, 40))
    (wish,) = asked.named("select")
    assert isinstance(wish, SelectWish) and wish.frame == 1001
    x, y, width, height = wish.marks["boxes"][0]
    assert (x, y, width, height) == pytest.approx((10, 8, 20, 32), abs=1)
    digest = answer(drawing, wish, matte_of(12, 9, 16, 30))
    assert drawing.state.drawn is not None and drawing.state.drawn.solved[1001].digest == digest
    assert drawing.state.view == "matte" and drawing.state.can_render
    assert drawing.state.notice is not None and drawing.state.notice.action == "track"
    key(qtbot, drawing, "T")
    (track,) = asked.named("track")
    assert isinstance(track, TrackWish) and (track.first, track.last) == (1001, 1010) and list(track.keys) == [1001]
    tracked = {frame: drawing.library.solved.put(matte_of(frame - 990, 9, 16, 30)) for frame in range(1002, 1011)}
    tell(drawing, MattesTracked(tracked, track.keys))
    tell(drawing, TrackFinished({"doubt": {1007: 0.4}, "help": [1007], "empty": []}, track.keys, 1001, 1010))
    assert "1007" in drawing.state.notice.text
    assert drawing.matte_page.doubts.item(0).text().startswith("1007")
    key(qtbot, drawing, "D")
    assert drawing.state.frame == 1007


def test_a_boxs_corner_is_dragged_and_delete_takes_it_away(qtbot: QtBot, drawing: Panel, asked: Recorder) -> None:
    solve_a_box(qtbot, drawing, asked)
    drag(qtbot, drawing, (30, 8), (38, 4))
    assert drawing.state.drawn is not None
    (box,) = drawing.state.drawn.edits_of(1001).boxes
    assert (box.x, box.y, box.width, box.height) == pytest.approx((10, 4, 28, 36), abs=1)
    assert len(asked.named("select")) == 2
    key(qtbot, drawing, "Del")
    assert not drawing.state.drawn.edits_of(1001) and not drawing.state.drawn.solved and not drawing.state.can_render


def test_undo_takes_back_the_stroke_and_not_what_was_tracked_before_it(
    qtbot: QtBot, drawing: Panel, asked: Recorder
) -> None:
    solve_a_box(qtbot, drawing, asked)
    drawing.desk.track("both")
    keys = asked.named("track")[0].keys
    tell(drawing, MattesTracked({1002: drawing.library.solved.put(matte_of(13, 9, 16, 30))}, keys))
    key(qtbot, drawing, "P")
    drag(qtbot, drawing, (40, 20), (50, 20))
    assert drawing.state.drawn is not None and drawing.state.drawn.edits_of(1001).brush
    drawing.editing.undo()
    assert not drawing.state.drawn.edits_of(1001).brush and 1002 in drawing.state.drawn.solved
    drawing.editing.undo()
    assert drawing.state.drawn is None
    drawing.editing.redo()
    drawing.editing.redo()
    assert drawing.state.drawn is not None and drawing.state.drawn.edits_of(1001).brush
    assert 1002 in drawing.state.drawn.solved


def test_undoing_a_setting_keeps_what_was_tracked_since(qtbot: QtBot, drawing: Panel, asked: Recorder) -> None:
    from propainter_ui.state import changes

    solve_a_box(qtbot, drawing, asked)
    drawing.change(changes.with_setting(drawing.state, "grow", 9))
    drawing.desk.track("both")
    keys = asked.named("track")[0].keys
    tell(drawing, MattesTracked({1002: drawing.library.solved.put(matte_of(13, 9, 16, 30))}, keys))
    drawing.editing.undo()
    assert drawing.state.settings.grow == 4 and drawing.state.drawn is not None
    assert 1002 in drawing.state.drawn.solved


def test_an_answer_to_marks_that_are_gone_is_none(qtbot: QtBot, drawing: Panel, asked: Recorder) -> None:
    key(qtbot, drawing, "X")
    drag(qtbot, drawing, (10, 8), (30, 40))
    wish = asked.named("select")[0]
    drawing.editing.undo()
    answer(drawing, wish, matte_of(12, 9, 16, 30))
    assert drawing.state.drawn is None
    drawing.editing.redo()
    assert drawing.state.drawn is not None and 1001 in drawing.state.drawn.solved, "it was answered meanwhile"
    assert len(asked.named("select")) == 1, "and need not be asked again"


def test_mattes_of_keys_that_have_changed_since_are_stale(qtbot: QtBot, drawing: Panel, asked: Recorder) -> None:
    solve_a_box(qtbot, drawing, asked)
    drawing.desk.track("both")
    keys = asked.named("track")[0].keys
    key(qtbot, drawing, "P")
    drag(qtbot, drawing, (40, 20), (50, 20))
    tell(drawing, MattesTracked({1002: drawing.library.solved.put(matte_of(13, 9, 16, 30))}, keys))
    assert drawing.state.drawn is not None and drawing.state.drawn.stale == {1002}


def test_a_track_that_undo_has_overtaken_replaces_no_good_matte_and_does_not_call_itself_done(
    qtbot: QtBot, drawing: Panel, asked: Recorder
) -> None:
    solve_a_box(qtbot, drawing, asked)
    drawing.desk.track("both")
    good = {frame: drawing.library.solved.put(matte_of(frame - 990, 9, 16, 30)) for frame in range(1002, 1011)}
    tell(drawing, MattesTracked(good, asked.named("track")[0].keys))
    key(qtbot, drawing, "P")
    drag(qtbot, drawing, (40, 20), (50, 20))
    drawing.desk.track("both")
    late = asked.named("track")[1].keys
    drawing.editing.undo()
    other = {frame: drawing.library.solved.put(matte_of(frame - 991, 5, 20, 34)) for frame in range(1002, 1011)}
    tell(drawing, MattesTracked(other, late))
    tell(drawing, TrackFinished({"doubt": {1007: 0.4}, "help": [1007], "empty": []}, late, 1001, 1010))
    drawn, notice = drawing.state.drawn, drawing.state.notice
    assert drawn is not None and notice is not None
    assert not drawn.stale and {frame: drawn.solved[frame].digest for frame in good} == good
    assert not drawn.doubt and "Render" not in notice.text and "changed while" in notice.text


def test_a_track_whose_keys_changed_asks_to_track_again(qtbot: QtBot, drawing: Panel, asked: Recorder) -> None:
    solve_a_box(qtbot, drawing, asked)
    drawing.desk.track("both")
    keys = asked.named("track")[0].keys
    key(qtbot, drawing, "P")
    drag(qtbot, drawing, (40, 20), (50, 20))
    tell(drawing, TrackFinished({"doubt": {}, "help": [], "empty": []}, keys, 1001, 1010))
    assert drawing.state.notice is not None and drawing.state.notice.action == "track"


def test_undo_takes_away_what_was_said_of_the_drawing(qtbot: QtBot, drawing: Panel, asked: Recorder) -> None:
    solve_a_box(qtbot, drawing, asked)
    assert drawing.state.notice is not None
    drawing.editing.undo()
    assert drawing.state.drawn is None and drawing.state.notice is None


def test_a_scribble_corrects_what_was_tracked_and_its_matte_is_looked_for_while_it_is_drawn(
    qtbot: QtBot, drawing: Panel, asked: Recorder
) -> None:
    solve_a_box(qtbot, drawing, asked)
    tracked = drawing.library.solved.put(matte_of(13, 9, 16, 30))
    tell(drawing, MattesTracked({1002: tracked}, {}))
    drawing.go_to(1002)
    key(qtbot, drawing, "S")
    hand = drawing.desk.hand
    hand.press(Touch(35, 20, is_other=True))
    hand.move(Touch(40, 22))
    first, *_ = asked.named("select")[1:]
    assert first.is_meanwhile and first.start == tracked and "keep" in first.marks and "remove" not in first.marks
    answer(drawing, first, matte_of(14, 9, 16, 30))
    hand.move(Touch(44, 24))
    hand.release(Touch(44, 24))
    assert drawing.state.meanwhile is not None, "seen until the whole stroke's matte comes"
    wish = asked.named("select")[-1]
    assert not wish.is_meanwhile and wish.start == tracked and len(wish.marks["keep"]) == 1
    answer(drawing, wish, matte_of(14, 9, 16, 30))
    assert drawing.state.drawn is not None and keys_of(drawing.state.drawn) == (1001, 1002)
    assert drawing.state.meanwhile is None


def test_brackets_and_shift_drag_size_the_brush_and_ctrl_erases(qtbot: QtBot, drawing: Panel) -> None:
    from propainter_ui.qt import Qt

    key(qtbot, drawing, "P")
    radius = drawing.state.tools.radius
    key(qtbot, drawing, "]")
    assert drawing.state.tools.radius > radius
    key(qtbot, drawing, "[")
    assert drawing.state.tools.radius == pytest.approx(radius, abs=0.5)
    drag(qtbot, drawing, (20, 20), (30, 20), keys=Qt.KeyboardModifier.ShiftModifier)
    assert drawing.state.tools.radius == pytest.approx(radius + 10, abs=1) and drawing.state.drawn is None
    drag(qtbot, drawing, (20, 20), (30, 20), keys=Qt.KeyboardModifier.ControlModifier)
    assert drawing.state.drawn is not None
    (stroke,) = drawing.state.drawn.edits_of(1001).brush
    assert not stroke.paints and stroke.softness == drawing.state.tools.softness


def test_a_pens_pressure_and_its_eraser_count(qtbot: QtBot, drawing: Panel) -> None:
    """A pen's events as Qt makes them of a tablet."""
    from propainter_ui.qt import Qt, QtCore, QtGui, QtWidgets

    key(qtbot, drawing, "P")
    pen = QtGui.QPointingDevice(
        "pen", 7, QtGui.QInputDevice.DeviceType.Stylus,
        QtGui.QPointingDevice.PointerType.Eraser, QtGui.QInputDevice.Capability.Pressure, 1, 1,
    )  # fmt: skip
    kind, left, none = QtCore.QEvent.Type, Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    for what, place, pressure, button, buttons in (
        (kind.TabletPress, (20, 20), 0.5, left, left), (kind.TabletMove, (30, 20), 1.0, none, left),
        (kind.TabletRelease, (30, 20), 0.0, left, none),
    ):  # fmt: skip
        point = QtCore.QPointF(at(drawing, *place))
        QtWidgets.QApplication.sendEvent(
            drawing.viewer,
            QtGui.QTabletEvent(
                what, pen, point, QtCore.QPointF(drawing.viewer.mapToGlobal(point)), pressure, 0, 0, 0, 0, 0,
                Qt.KeyboardModifier.NoModifier, button, buttons,
            ),
        )  # fmt: skip
    assert drawing.state.drawn is not None
    (stroke,) = drawing.state.drawn.edits_of(1001).brush
    assert not stroke.paints and [pressure for _, _, pressure in stroke.dabs] == pytest.approx([0.5, 1.0])


def test_a_box_around_the_whole_picture_is_warned_of(qtbot: QtBot, drawing: Panel, asked: Recorder) -> None:
    key(qtbot, drawing, "X")
    drag(qtbot, drawing, (0, 0), (20, 20), (64, 48))
    (wish,) = asked.named("select")
    answer(drawing, wish, matte_of(0, 0, 64, 48))
    assert drawing.state.notice is not None and drawing.state.notice.level == "warning"
    assert "whole picture" in drawing.state.notice.text


def test_a_polygon_is_closed_by_return_dragged_and_asked_for(qtbot: QtBot, drawing: Panel, asked: Recorder) -> None:
    rendered: list[object] = []
    drawing.bridge.render = rendered.append  # type: ignore[method-assign]
    key(qtbot, drawing, "N")
    for place in ((10, 8), (30, 8), (30, 40), (10, 40)):
        drag(qtbot, drawing, place)
    key(qtbot, drawing, "Return")
    assert not rendered, "Return closes the outline; it renders nothing"
    assert drawing.state.drawn is not None and len(drawing.state.drawn.shapes) == 1
    wish = asked.named("select")[0]
    assert len(wish.marks["polygons"][0]) == 4
    carries = asked.named("carry")
    assert all(isinstance(each, CarryWish) for each in carries)
    assert sorted(frame for each in carries for frame in each.frames) == list(range(1002, 1011))
    drag(qtbot, drawing, (30, 40), (36, 44))
    outline = drawing.state.drawn.shapes[0].at(1001)
    assert outline is not None and outline.vertices[2].point == pytest.approx((36, 44), abs=1)
    key(qtbot, drawing, "Del")
    assert len(drawing.state.drawn.shapes[0].keys[1001].vertices) == 3
    key(qtbot, drawing, "Del")
    assert not drawing.state.drawn.shapes


def test_a_garbage_matte_counts_on_the_frames_that_were_chosen(qtbot: QtBot, drawing: Panel) -> None:
    box = drawing.matte_page.tool_box
    key(qtbot, drawing, "Shift+M")
    assert box._reach.isVisible()
    box._reach.setCurrentIndex(box._reach.findData("all"))
    box._reach.activated.emit(box._reach.currentIndex())
    for place in ((10, 8), (30, 8), (30, 40)):
        drag(qtbot, drawing, place)
    drag(qtbot, drawing, (10, 8))
    assert drawing.state.drawn is not None
    (shape,) = drawing.state.drawn.shapes
    assert (shape.role, shape.reach) == ("always_in", "all") and shape.at(1010) is not None
    assert drawing.state.can_render, "what is always in is removed"


def test_escape_gives_up_an_outline_and_cancels_nothing(qtbot: QtBot, drawing: Panel) -> None:
    key(qtbot, drawing, "N")
    drag(qtbot, drawing, (10, 8))
    drag(qtbot, drawing, (30, 8))
    assert drawing.desk.hand.outline.is_drawing
    key(qtbot, drawing, "Esc")
    assert not drawing.desk.hand.outline.is_drawing and drawing.state.drawn is None


def test_the_stamp_waits_for_the_backgrounds_motion(qtbot: QtBot, drawing: Panel, asked: Recorder) -> None:
    from propainter_ui.qt import Qt

    key(qtbot, drawing, "U")
    drag(qtbot, drawing, (20, 20), (24, 20))
    assert drawing.state.notice is not None and "nothing to copy" in drawing.state.notice.text
    drawing.matte_page.tool_box._step.setValue(3)
    drag(qtbot, drawing, (20, 20), (24, 20))
    (wish,) = asked.named("find_motion")
    assert wish == MotionWish(1001, 1004) and drawing.state.drawn is None
    tell(drawing, MotionFound(1001, 1004, (1, 0, 5, 0, 1, 0, 0, 0, 1)))
    assert drawing.state.drawn is not None
    (stroke,) = drawing.state.drawn.clean[1001]
    assert stroke.source == 1004 and stroke.matrix[2] == 5
    drag(qtbot, drawing, (50, 30), keys=Qt.KeyboardModifier.ControlModifier)
    drag(qtbot, drawing, (20, 20), (24, 20))
    assert len(asked.named("find_motion")) == 1, "known by now"
    assert drawing.state.drawn.clean[1001][-1].matrix[2] == pytest.approx(35, abs=1)
    assert not drawing.state.can_render, "a painted clean plate removes nothing by itself"


def test_drawing_on_a_given_matte_reads_it_first(qtbot: QtBot, drawing: Panel, asked: Recorder) -> None:
    drawing.change(replace(drawing.state, shot=replace(PLATE, matte="/nowhere/matte")))
    key(qtbot, drawing, "P")
    drag(qtbot, drawing, (20, 20), (30, 20))
    assert drawing.state.drawn is None and asked.named("take_given") == [None]


def test_a_failed_question_is_not_asked_over_and_over(qtbot: QtBot, drawing: Panel, asked: Recorder) -> None:
    key(qtbot, drawing, "X")
    drag(qtbot, drawing, (10, 8), (30, 40))
    tell(drawing, Failed("nothing was found there"))
    drawing.go_to(1002)
    assert len(asked.named("select")) == 1
    drawing.go_to(1001)
    drag(qtbot, drawing, (12, 8), (30, 40))
    assert len(asked.named("select")) == 2


def test_a_question_that_died_with_its_backend_is_asked_again(qtbot: QtBot, drawing: Panel, asked: Recorder) -> None:
    key(qtbot, drawing, "X")
    drag(qtbot, drawing, (10, 8), (30, 40))
    tell(drawing, DaemonLost("gone"))
    tell(drawing, DaemonReady(Welcome("0" * 32, "1", "0.1.0", "classical", "cpu")))
    first, again = asked.named("select")
    assert first == again


def test_a_kept_drawing_gives_way_to_another_matte_that_was_opened_and_undo_brings_it_back(
    qtbot: QtBot, drawing: Panel, asked: Recorder
) -> None:
    """Never a picture made with another matte than the one that was opened, and nothing lost."""
    key(qtbot, drawing, "P")
    drag(qtbot, drawing, (20, 20), (30, 20))
    document = drawing.state.drawn
    assert document is not None
    for saved_as, counts in (("/nowhere/other", False), ("/nowhere/roto", True)):
        drawing.change(PanelState(shot=replace(PLATE, matte="/nowhere/roto"), first=1001, last=1010, frame=1001))
        drawing.desk.keeping.leave()
        asked.asked.clear()
        tell(drawing, MatteOpened(document, is_from_before=True, saved_as=saved_as))
        assert (drawing.state.drawn is document) == counts
        drawing.desk.keeping.keep()
        assert all(arguments[1] is not None for name, arguments in asked.asked if name == "keep"), "what is kept stays"
        if not counts:
            drawing.editing.undo()
            assert drawing.state.drawn is document


def test_what_is_drawn_is_kept_and_a_kept_one_is_no_step_of_undo(
    qtbot: QtBot, drawing: Panel, asked: Recorder, tmp_path: Path
) -> None:
    key(qtbot, drawing, "X")
    drag(qtbot, drawing, (10, 8), (30, 40))
    drawing.desk.keeping.keep()
    kept = asked.asked[-1]
    assert kept[0] == "keep" and kept[1][1] is drawing.state.drawn
    document = drawing.state.drawn
    assert document is not None
    drawing.editing._history = History()
    tell(drawing, MatteOpened(document, is_from_before=True))
    assert not drawing.editing._history.past
