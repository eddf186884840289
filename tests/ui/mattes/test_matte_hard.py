"""A drawn matte in the queue, and over a plate that is replaced, with a real backend."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import pytest
from test_matte_backend import ball
from test_panel import until

from propainter_ui.matte import edits
from propainter_ui.matte.strokes import Box, BrushStroke
from propainter_ui.shot.matte_files import open_project
from propainter_ui.state import changes

__all__ = ["ball"]

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from propainter_ui.panel import Panel

SPOT = BrushStroke(((80.0, 10.0, 1.0),), 6.0)
"""Away from the ball."""
BALL = Box(18, 20, 24, 24)


def box_drawn(qtbot: QtBot, panel: Panel, ball: Path) -> None:
    panel.open_paths([str(ball)])
    until(qtbot, lambda: panel.state.shot is not None)
    document = panel.desk.document()
    assert document is not None
    panel.desk.draw(edits.with_box(document, 1001, BALL))
    until(qtbot, lambda: panel.state.drawn is not None and panel.state.drawn.solved)


@pytest.mark.slow
def test_the_queue_draws_with_the_matte_of_its_shot_and_what_was_drawn_since_stays_kept(
    qtbot: QtBot, panel: Panel, ball: Path, tmp_path: Path, tiny_shot: Path
) -> None:
    plate = tmp_path / "ball"
    shutil.copytree(ball, plate)
    box_drawn(qtbot, panel, plate)
    panel.change(changes.with_range(panel.state, last=1002))
    panel.batch.add_open_shot()
    assert panel.state.drawn is not None
    panel.desk.draw(edits.with_brush(panel.state.drawn, 1001, SPOT))
    panel.open_paths([str(tiny_shot / "plate"), str(tiny_shot / "matte")])
    until(qtbot, lambda: panel.state.shot is not None and panel.state.shot.width == 64 and panel.state.job is None)
    panel.batch.run()
    until(qtbot, lambda: not panel.batch.is_running)
    assert [shot.progress for shot in panel.batch.queue.shots] == ["done"]
    assert panel.state.drawn is not None and not panel.state.drawn.edits_of(1001).brush
    assert not panel.library._drawn[1001].brush, "it was rendered with the matte it had in the queue"
    panel.editing.undo()
    assert panel.state.drawn is not None and panel.state.drawn.edits_of(1001).brush == (SPOT,)
    kept = next((tmp_path / "data").rglob("*.matte.json"))
    assert open_project(kept, panel.library.solved).edits_of(1001).brush == (SPOT,)


def test_a_queue_whose_drawing_changes_while_it_is_tracked_says_so_and_ends(
    qtbot: QtBot, panel: Panel, ball: Path
) -> None:
    box_drawn(qtbot, panel, ball)
    panel.batch.add_open_shot()
    panel.batch.run()
    until(qtbot, lambda: panel.state.job is not None and panel.state.job.kind == "tracking")
    assert panel.state.drawn is not None
    panel.desk.draw(edits.with_brush(panel.state.drawn, 1006, SPOT))
    until(qtbot, lambda: not panel.batch.is_running)
    (shot,) = panel.batch.queue.shots
    assert shot.progress == "failed" and "changed" in shot.said


def test_a_drawing_goes_on_with_other_frames_of_its_plate_and_is_kept_when_the_size_is_another(
    qtbot: QtBot, panel: Panel, ball: Path, tmp_path: Path
) -> None:
    plate = tmp_path / "ball"
    shutil.copytree(ball, plate)
    box_drawn(qtbot, panel, plate)
    drawn = panel.state.drawn
    assert drawn is not None
    shutil.copy(plate / "ball.1008.png", plate / "ball.1009.png")
    panel.reload()
    until(qtbot, lambda: panel.state.shot is not None and panel.state.shot.last == 1009)
    until(qtbot, lambda: panel.state.drawn is not None)
    assert panel.state.drawn is not None and panel.state.drawn.last == 1009
    assert panel.state.drawn.edits == drawn.edits and panel.state.drawn.solved == drawn.solved
    for file in plate.iterdir():
        cv2.imwrite(str(file), cv2.resize(cv2.imread(str(file)), (192, 128)))
    panel.reload()
    until(qtbot, lambda: panel.state.shot is not None and panel.state.shot.width == 192)
    until(qtbot, lambda: panel.state.notice is not None and "192×128" in panel.state.notice.text)
    assert panel.state.drawn is None and panel.state.notice is not None
    panel.editing.undo()
    assert panel.state.drawn is None, "nothing of another size comes back"
    until(qtbot, lambda: list((tmp_path / "data").rglob("discarded-*")))
    (kept,) = (tmp_path / "data").rglob("discarded-*")
    assert str(kept) in panel.state.notice.text
    assert open_project(kept, panel.library.solved).edits == drawn.edits
