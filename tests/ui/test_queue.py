"""The queue: several shots, added, moved and removed, rendered and written one after the other."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from propainter_pictures.mattes import MatteReading
from propainter_ui.state import changes
from propainter_ui.state.queue import Queue, QueuedShot

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from propainter_ui.bridge.wishes import RenderWish
    from propainter_ui.panel import Panel


def queue_of(*names: str) -> Queue:
    queue = Queue()
    for name in names:
        queue = queue.with_added(QueuedShot(name, f"/{name}", f"/{name}_matte"))
    return queue


def names_of(queue: Queue) -> list[str]:
    return [shot.name for shot in queue.shots]


def test_shots_are_added_moved_and_removed_but_never_the_one_that_is_rendered() -> None:
    queue = queue_of("a", "b", "c")
    assert names_of(queue.with_moved(2, -1)) == ["a", "c", "b"]
    assert names_of(queue.with_moved(0, -1)) == names_of(queue.with_moved(2, 1)) == ["a", "b", "c"]
    assert names_of(queue.without(1)) == ["a", "c"] and queue.without(7) == queue
    running = queue.with_progress(1, "running")
    assert running.running == 1 and running.without(1) == running and running.following == 0


def test_failed_shots_wait_again_and_done_ones_stay_done() -> None:
    queue = (
        queue_of("a", "b", "c")
        .with_progress(0, "done", "x")
        .with_progress(1, "failed", "y")
        .with_progress(2, "running")
    )
    assert [shot.progress for shot in queue.with_all_waiting().shots] == ["done", "waiting", "waiting"]
    assert queue.following is None


@pytest.mark.slow
def test_the_queue_renders_and_writes_each_shot_with_its_own_settings_and_goes_on_after_one_that_fails(
    qtbot: QtBot, panel: Panel, tiny_shot: Path, tmp_path: Path
) -> None:
    from test_panel import open_shot, until

    from propainter_ui.qt import Qt

    for name in ("hill", "lake"):
        shutil.copytree(tiny_shot / "plate", tmp_path / name)
        shutil.copytree(tiny_shot / "matte", tmp_path / f"{name}_matte")
    open_shot(qtbot, panel, tiny_shot)
    panel.set_range(last=1003)
    panel.change(changes.with_setting(panel.state, "grow", 9))
    page = panel.queue_page
    qtbot.mouseClick(page.add, Qt.MouseButton.LeftButton)
    panel.change(changes.with_setting(panel.state, "grow", 3))
    panel.batch.add_plates([str(tmp_path / "lake"), str(tmp_path / "hill"), str(tmp_path)])
    assert panel.state.notice is not None and panel.state.notice.text.startswith("No matte lies beside")
    assert [page.list.item(row).text().split("\n")[0] for row in range(3)] == [
        "·  tiny   1001–1003",
        "·  lake",
        "·  hill",
    ]
    page.list.setCurrentRow(2)
    qtbot.mouseClick(page.up, Qt.MouseButton.LeftButton)
    assert names_of(panel.batch.queue) == ["tiny", "hill", "lake"]
    shutil.rmtree(tmp_path / "hill_matte")

    qtbot.mouseClick(page.run, Qt.MouseButton.LeftButton)
    assert page.run.text() == "Stop queue"
    until(qtbot, lambda: not panel.batch.is_running)
    assert [shot.progress for shot in panel.batch.queue.shots] == ["done", "failed", "done"]
    assert "hill_matte does not exist any more" in panel.batch.queue.shots[1].said
    assert panel.state.notice is not None
    assert panel.state.notice.text == "The queue is done: 2 of 3 shots are written. 1 failed; the list says why."
    first, last = (Path(panel.batch.queue.shots[place].said.removeprefix("Written to ")) for place in (0, 2))
    assert sorted(path.name for path in first.iterdir()) == [f"tiny.{frame}.png" for frame in (1001, 1002, 1003)]
    assert len(list(last.iterdir())) == 8 and last == tmp_path / "lake-clean"
    shutil.rmtree(first)
    plate = cv2.imread(str(tiny_shot / "plate/tiny.1003.png"))
    assert (cv2.imread(str(last / "tiny.1003.png"))[:9] == plate[:9]).all()
    assert np.any(cv2.imread(str(last / "tiny.1003.png")) != plate)
    assert panel.state.settings.grow == 3, "each with the settings it was added with"


def test_cancel_stops_the_queue_and_the_shot_waits_again(qtbot: QtBot, panel: Panel, tiny_shot: Path) -> None:
    from test_panel import open_shot, until

    open_shot(qtbot, panel, tiny_shot)
    panel.change(changes.with_setting(panel.state, "grow", 17))
    panel.batch.add_open_shot()
    panel.batch.run()
    until(qtbot, lambda: panel.state.job is not None and panel.state.job.kind == "exporting")
    panel.cancel()
    assert not panel.batch.is_running and panel.batch.queue.shots[0].progress == "waiting"
    until(qtbot, lambda: panel.state.job is None)


def test_a_queued_shot_is_rendered_as_it_was_added_whatever_is_kept_of_it(
    qtbot: QtBot, panel: Panel, tiny_shot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its range, its inverted matte; and nothing takes the place of its export."""
    from test_panel import open_shot, until

    for name in ("lake/plate", "lake/matte"):
        shutil.copytree(tiny_shot / name.split("/")[1], tmp_path / name)
    open_shot(qtbot, panel, tiny_shot)
    assert panel.state.shot is not None
    panel.bridge.read_matte(panel.state.shot.matte, MatteReading(is_inverted=True))
    until(qtbot, lambda: panel.state.shot is not None and panel.state.shot.is_inverted)
    panel.batch.add_open_shot()
    panel.set_range(first=1002, last=1003)
    panel.change(changes.with_setting(panel.state, "grow", 17))
    open_shot(qtbot, panel, tmp_path / "lake")
    until(qtbot, lambda: panel.state.shot is not None and "lake" in panel.state.shot.plate)
    asked: list[tuple[str, int, int, int]] = []

    def note(what: str, wish: RenderWish) -> None:
        asked.append((what, wish.first, wish.last, wish.settings.grow))

    monkeypatch.setattr(panel.bridge, "export", lambda wish: note("export", wish.render))
    monkeypatch.setattr(panel.bridge, "apply", lambda wish: note("apply", wish))
    panel.batch.run()
    until(qtbot, lambda: any(what == "export" for what, *_ in asked))
    assert panel.state.shot is not None and panel.state.shot.is_inverted
    assert asked[-1] == ("export", 1001, 1008, 4)
    assert (panel.state.first, panel.state.last, panel.state.settings.grow) == (1001, 1008, 4), "as it is rendered"
    panel.batch.is_running = False
