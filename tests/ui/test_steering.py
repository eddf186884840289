"""The panel beside a host, a real backend behind it: published settings, shots of other clients, clean plates."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from test_panel import drop, open_shot, render, until

from propainter_wire.client import Client
from propainter_wire.messages import OpenShot, ShotSettings

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from propainter_ui.panel import Panel


@contextmanager
def a_node_that_follows(channel: str = "", *, size: tuple[int, int] = (64, 48)) -> Iterator[Client]:
    """A client with one shot that follows a channel, its own grow at 2; nothing stays published after it."""
    with Client.connect(name="stand-in for a node", start=True) as client:
        client.open_shot(OpenShot(1, 10, *size, 3, "uint8", name=channel, follow=True, settings={"grow": 2}))
        try:
            yield client
        finally:
            client.publish(channel, None)


def settings_in_force(client: Client) -> ShotSettings:
    return next(shot.settings for shot in client.status().shots if shot.follows)


def test_what_is_published_counts_in_the_node_until_it_is_withdrawn(qtbot: QtBot, panel: Panel) -> None:
    from propainter_ui.qt import Qt

    with a_node_that_follows() as node:
        until(qtbot, lambda: panel.publish_card._publish.text() == "Publish to 1 shot")
        assert panel.badge.isHidden()
        panel.settings._rows["grow_flow"]._box.setValue(9)
        assert settings_in_force(node).grow == 2, "an edit is only an edit"
        qtbot.mouseClick(panel.publish_card._publish, Qt.MouseButton.LeftButton)
        until(qtbot, lambda: panel.badge.isVisible() and panel.badge.text() == "Published to 1 shot")
        in_force = settings_in_force(node)
        assert (in_force.grow_flow, in_force.grow) == (9, 4), "the page's default counts, too"
        assert "Grow flow 9 px" in panel.publish_card._text.text()
        panel.tabs.setCurrentIndex(3)
        assert panel.badge.isVisible(), "on every page"
        qtbot.mouseClick(panel.badge, Qt.MouseButton.LeftButton)
        qtbot.mouseClick(panel.publish_card._withdraw, Qt.MouseButton.LeftButton)
        until(qtbot, lambda: panel.badge.isHidden())
        assert settings_in_force(node).grow == 2


def test_what_was_published_in_another_session_is_seen_at_once(qtbot: QtBot, panel: Panel) -> None:
    with a_node_that_follows("hill") as node:
        node.publish("hill", {"feather": 1})
        until(qtbot, lambda: panel.badge.isVisible())
        assert "Channel hill, 1 shot: Feather 1 px" in panel.badge.toolTip()
        node.publish("hill", {"feather": 2})
        until(qtbot, lambda: "Feather 2 px" in panel.badge.toolTip())


def test_published_settings_are_asked_for_when_they_may_have_changed_and_not_over_and_over(
    qtbot: QtBot, panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_node_that_follows("hill") as node:
        until(qtbot, lambda: panel.known_shots._list.count() == 1)
        asked: list[str] = []
        real = Client.ask
        own = panel.bridge.connection.client
        monkeypatch.setattr(
            Client, "ask",
            lambda self, message, *rest, **more: (
                asked.append(message.type) if self is own else None, real(self, message, *rest, **more)
            )[1],
        )  # fmt: skip
        until(qtbot, lambda: asked.count("status") >= 2)  # the new follower's channel has been asked for by now
        asked.clear()
        until(qtbot, lambda: asked.count("status") >= 2)
        assert set(asked) == {"status"}
        node.publish("hill", {"grow": 7})
        until(qtbot, lambda: panel.badge.isVisible())
        assert asked.count("ask_published") == 1


def test_a_shot_of_the_list_that_follows_can_be_steered(qtbot: QtBot, panel: Panel) -> None:
    from propainter_ui.qt import Qt

    with a_node_that_follows("hill", size=(128, 96)) as node:
        panel.tabs.setCurrentIndex(3)
        until(qtbot, lambda: panel.known_shots._list.count() == 1)
        assert "stand-in for a node\n1–10, 128×96\nfollows channel hill" in panel.known_shots._list.item(0).text()
        assert not panel.known_shots._steer.isEnabled()
        panel.known_shots._list.setCurrentRow(0)
        qtbot.mouseClick(panel.known_shots._steer, Qt.MouseButton.LeftButton)
        assert panel.tabs.currentWidget() is panel.settings
        assert (panel.state.channel, panel.state.settings.grow) == ("hill", 2)
        assert panel.settings._rows["grow"]._box.value() == 2
        assert panel.publish_card._channel.currentText() == "hill"
        panel.settings._size.setCurrentText("Half")
        panel.settings._size.activated.emit(panel.settings._size.currentIndex())
        panel.publish()
        until(qtbot, lambda: "hill" in panel.state.published)
        assert settings_in_force(node).working_size == (64, 48), "half of the node's plate"
        assert node.published("").settings is None


def test_a_typed_channel_is_published_to_and_remembered(qtbot: QtBot, panel: Panel) -> None:
    from propainter_ui.qt import Qt
    from propainter_ui.remembered import Remembered

    with a_node_that_follows("lake") as node:
        until(qtbot, lambda: panel.state.daemon.shots)
        panel.publish_card._typed.setFocus()
        panel.publish_card._typed.selectAll()
        qtbot.keyClicks(panel.publish_card._typed, "lake")
        qtbot.keyClick(panel.publish_card._typed, Qt.Key.Key_Return)
        assert panel.state.channel == "lake" and panel.publish_card._publish.text() == "Publish to 1 shot"
        panel.publish()
        until(qtbot, lambda: "lake" in panel.state.published)
        assert settings_in_force(node).grow == 4
        assert Remembered().text("channel") == "lake"


def test_a_clean_plate_is_the_fill_of_its_frame_is_marked_and_can_be_done_without(
    qtbot: QtBot, panel: Panel, tiny_shot: Path, tmp_path: Path
) -> None:
    from propainter_ui.qt import QtCore

    open_shot(qtbot, panel, tiny_shot)
    height = panel.timeline.height()
    folder = tmp_path / "cleanplate"
    folder.mkdir()
    painted = np.full((48, 64, 3), (200, 30, 90), np.uint8)
    cv2.imwrite(str(folder / "paint.1004.png"), painted[..., ::-1])
    drop(panel, folder / "paint.1004.png")
    until(qtbot, lambda: panel.state.shot is not None and panel.state.shot.clean and panel.state.job is None)
    assert panel.state.shot is not None and panel.state.shot.clean_frames == (1004,)
    assert panel.state.notice is not None
    assert panel.state.notice.text.endswith(
        "Clean plate paint.1004.png: the fill of frame 1004 is taken from it where it has pixels."
    )
    assert panel.timeline.height() > height, "it has a row of its own"
    row = QtCore.QPointF(panel.timeline.x_of(1004) + 3, panel.timeline.height() - 14)
    assert panel.timeline._tip_at(row) == "clean plate of frame 1004: at hand"
    render(qtbot, panel)
    patch = panel.library.patch("result", panel.state.revision, 1004)
    assert patch is not None
    x, y, _, _ = patch.region
    inside = patch.pixels[16 - y : 24 - y, 20 - x : 30 - x]
    np.testing.assert_array_equal(inside, painted[16:24, 20:30])
    panel.bridge.drop_clean()
    until(qtbot, lambda: panel.state.shot is not None and not panel.state.shot.clean and panel.state.job is None)
    render(qtbot, panel)
    patch = panel.library.patch("result", panel.state.revision, 1004)
    assert patch is not None and (patch.pixels[16 - y : 24 - y, 20 - x : 30 - x] != painted[16:24, 20:30]).any()
    assert panel.timeline.height() == height


def test_a_clean_plate_is_remembered_with_its_shot(qtbot: QtBot, panel: Panel, tiny_shot: Path, tmp_path: Path) -> None:
    from propainter_ui.remembered import Remembered

    folder = tmp_path / "hill_cleanplate"
    folder.mkdir()
    cv2.imwrite(str(folder / "all.png"), np.full((48, 64, 3), 60, np.uint8))
    drop(panel, tiny_shot / "plate", tiny_shot / "matte", folder)
    until(qtbot, lambda: panel.state.shot is not None and panel.state.job is None)
    assert panel.state.shot is not None and panel.state.shot.clean_frames == tuple(range(1001, 1009))
    (recent,) = Remembered().recent
    assert (recent.plate, recent.clean) == (str(tiny_shot / "plate"), str(folder))
