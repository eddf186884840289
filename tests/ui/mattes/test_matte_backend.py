"""The desk with a real backend: what is drawn is solved, tracked, cast, stamped, published, saved and opened again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from test_panel import until

from propainter_pictures.plates import open_source
from propainter_ui.matte import edits
from propainter_ui.matte.outlines import Outline, Shape
from propainter_ui.matte.recipes import recipe_of
from propainter_ui.matte.strokes import Box, Scribble
from propainter_ui.state import changes

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from propainter_ui.panel import Panel

SIZE = (96, 64)
"""Width, height."""
FRAMES = range(1001, 1009)


@pytest.fixture(scope="module")
def ball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight frames: a textured ground slides left, a spotted red ball goes to the right on it, its shadow below."""
    folder = tmp_path_factory.mktemp("shots") / "ball"
    folder.mkdir()
    width, height = SIZE
    random = np.random.default_rng(7)
    ground = cv2.GaussianBlur(random.uniform(60, 200, (height, 2 * width, 3)).astype(np.float32), (0, 0), 1.5)
    ground = np.clip((ground - ground.mean()) * 3 + 130, 20, 235)
    skin = cv2.GaussianBlur(random.uniform(0, 255, (height, width, 3)).astype(np.float32), (0, 0), 1.2)
    skin = np.clip((skin - skin.mean()) * 2 + (60, 60, 190), 0, 255)
    for step, frame in enumerate(FRAMES):
        picture = ground[:, 2 * step : 2 * step + width].copy()
        picture[46:52, middle(step) - 12 : middle(step) + 12] *= 0.55
        x = middle(step)
        inside = true_matte(step)
        picture[inside] = np.roll(skin, x - middle(0), 1)[inside]
        cv2.imwrite(str(folder / f"ball.{frame}.png"), picture.astype(np.uint8))
    return folder


def middle(step: int) -> int:
    """Of the ball."""
    return 30 + 4 * step


def true_matte(step: int) -> np.ndarray:
    matte = np.zeros(SIZE[::-1], np.uint8)
    cv2.circle(matte, (middle(step), 32), 11, 255, -1)
    return matte > 127


def overlap(panel: Panel, frame: int) -> float:
    """How far the final matte agrees with the ball."""
    assert panel.state.drawn is not None
    found = panel.library.kitchen.matte(recipe_of(panel.state.drawn, frame))[..., 0] > 127
    truth = true_matte(frame - FRAMES[0])
    return float((found & truth).sum() / (found | truth).sum())


@pytest.mark.slow
def test_a_matte_from_a_box_to_what_is_published_and_saved(
    qtbot: QtBot, panel: Panel, ball: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from propainter_ui.dialogs import MatteChosen
    from propainter_ui.drawing.strokes import StrokeGesture
    from propainter_ui.drawing.touch import Touch
    from propainter_ui.qt import QtWidgets

    panel.open_paths([str(ball)])
    until(qtbot, lambda: panel.state.shot is not None)
    desk = panel.desk
    document = desk.document()
    assert document is not None
    desk.draw(edits.with_box(document, 1001, Box(18, 20, 24, 24)))
    until(qtbot, lambda: panel.state.drawn is not None and panel.state.drawn.solved)
    assert overlap(panel, 1001) > 0.85

    panel.render_range()  # tracks first
    until(qtbot, lambda: panel.state.report and panel.state.job is None)
    assert panel.state.drawn is not None and len(panel.state.drawn.solved) == 8 and not panel.state.drawn.stale
    assert min(overlap(panel, frame) for frame in FRAMES) > 0.75
    patch = panel.library.patch("result", panel.state.revision, 1005)
    assert patch is not None and patch.pixels[..., 0].max() > 0

    desk.draw(edits.with_scribble(panel.state.drawn, 1005, Scribble(((48.0, 32.0),), False, 2.0)))
    until(qtbot, lambda: panel.state.drawn is not None and panel.state.drawn.solved[1005].source == "selected")
    assert panel.state.drawn.solved[1005].start and panel.state.drawn.stale
    panel.editing.undo()
    assert panel.state.drawn.solved[1005].source == "tracked" and not panel.state.drawn.stale

    square = Outline.of_points([(25, 27), (35, 27), (35, 37), (25, 37)])
    desk.draw(edits.with_shape(panel.state.drawn, Shape("keep_out", "tracked", {1001: square})))
    until(qtbot, lambda: panel.state.drawn is not None and (1001, 1008) in panel.state.drawn.shapes[0].carried)
    there = panel.state.drawn.shapes[0].at(1008)
    assert there is not None
    assert np.mean([vertex.x for vertex in there.vertices]) > 40, "it goes with the ball, and not with the ground"
    panel.editing.undo()

    desk.wishes.cast()
    until(qtbot, lambda: panel.state.job is not None)
    until(qtbot, lambda: panel.state.job is None and panel.state.drawn.shadow.mattes)  # type: ignore[union-attr]
    before = overlap(panel, 1004)
    desk.wishes.act("add_shadow")
    assert panel.state.drawn.shadow.is_added and overlap(panel, 1004) <= before
    panel.editing.undo()
    assert not panel.state.drawn.shadow.is_added

    panel.go_to(1002)
    desk.set_tools(replace(panel.state.tools, tool="stamp", stamp=panel.state.tools.stamp.stepped(4)))
    stroke = StrokeGesture(5.0)
    stroke.move(Touch(34, 32))
    desk.stamp(stroke)
    until(qtbot, lambda: panel.state.drawn is not None and panel.state.drawn.clean)
    (clone,) = panel.state.drawn.clean[1002]
    assert clone.source == 1006 and clone.matrix[2] == pytest.approx(-8, abs=1.5), (
        "the ground has slid 8 px to the left"
    )

    desk.wishes.act("publish")
    until(qtbot, lambda: panel.state.matte_channels)
    assert panel.state.notice is not None and "8 frames" in panel.state.notice.text
    desk.wishes.act("withdraw")
    until(qtbot, lambda: not panel.state.matte_channels)

    chosen = MatteChosen(str(tmp_path / "ball_matte"), as_alpha=False)
    monkeypatch.setattr(panel.dialogs, "matte_place_wanted", lambda *_: chosen)
    desk.wishes.act("save")
    until(qtbot, lambda: panel.state.notice is not None and "ball_matte" in panel.state.notice.text)
    with open_source(chosen.place) as written:
        assert written.range.first == 1001 and written.read(1004).pixels[..., 0].max() == 255
    drawn = panel.state.drawn
    panel.change(replace(panel.state, drawn=None))
    monkeypatch.setattr(panel.dialogs, "matte_project_wanted", lambda *_: tmp_path / "ball_matte.matte.json")
    desk.wishes.act("open")
    until(qtbot, lambda: panel.state.drawn is not None)
    assert panel.state.drawn.solved == drawn.solved and panel.state.drawn.edits == drawn.edits

    # A painted clean plate is known by its name when it is dropped on a shot that has no matte of files.
    monkeypatch.setattr(QtWidgets.QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    desk.wishes.act("save_clean")
    until(qtbot, lambda: panel.state.notice is not None and "ball_cleanplate" in panel.state.notice.text)
    panel.open_paths([str(tmp_path / "ball_cleanplate")])
    until(qtbot, lambda: panel.state.shot is not None and panel.state.shot.clean)
    assert panel.state.shot is not None and not panel.state.shot.matte and panel.state.shot.clean_frames == (1002,)


def test_another_key_makes_what_was_rendered_stale(qtbot: QtBot, panel: Panel, ball: Path) -> None:
    panel.open_paths([str(ball)])
    until(qtbot, lambda: panel.state.shot is not None)
    document = panel.desk.document()
    assert document is not None
    panel.desk.draw(edits.with_box(document, 1001, Box(18, 20, 24, 24)))
    until(qtbot, lambda: panel.state.drawn is not None and panel.state.drawn.solved)
    panel.change(changes.with_range(panel.state, last=1002))
    panel.render_range()
    until(qtbot, lambda: panel.state.report and panel.state.job is None)
    assert {1001, 1002} <= panel.state.results
    from propainter_ui.matte.strokes import BrushStroke

    assert panel.state.drawn is not None
    revision = panel.state.revision
    panel.desk.draw(edits.with_brush(panel.state.drawn, 1001, BrushStroke(((70.0, 32.0, 1.0),), 6.0)))
    until(qtbot, lambda: panel.state.revision != revision)
    until(qtbot, lambda: panel.state.job is None)
    assert 1001 not in panel.state.results and 1001 in panel.state.previous_results
