"""Which channel of the matte counts, whether its black is removed, and that both are kept with the shot."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import OpenImageIO as oiio
import pytest
from panel_windows import remember_in
from test_panel import open_shot, until

from propainter_pictures.mattes import MatteReading, channels_to_name
from propainter_ui.kept.shot_sessions import ShotSession, ShotSessions, Zoom
from propainter_ui.shot.shot_files import BadShot, ShotFiles, UnreadMatte, check_fit, open_frames
from propainter_ui.state.panel_state import PanelState, ShotState

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from propainter_ui.panel import Panel

W, H = 64, 48


def write_mattes(folder: Path, names: tuple[str, ...]) -> None:
    """EXR with these channels for frames 1001..1008; channel i is a bar i+1 pixels wide and 12 apart."""
    folder.mkdir()
    for frame in range(1001, 1009):
        pixels = np.zeros((H, W, len(names)), np.float16)
        for index in range(len(names)):
            pixels[:, 12 * index + 5 : 13 * index + 6, index] = 1
        spec = oiio.ImageSpec(W, H, len(names), "half")
        spec.channelnames = names
        out = oiio.ImageOutput.create(str(folder / f"m.{frame}.exr"))
        out.open(str(folder / f"m.{frame}.exr"), spec)
        out.write_image(pixels)
        out.close()


@pytest.mark.parametrize(
    ("names", "offered"),
    [
        (("Y",), ("auto",)),
        (("Y", "A"), ("auto", "alpha", "luma", "Y", "A")),
        (("R", "G", "B"), ("auto", "luma", "R", "G", "B")),
        (("R", "G", "B", "A"), ("auto", "alpha", "luma", "R", "G", "B", "A")),
        (("roto.car", "roto.man", "roto.sky"), ("auto", "roto.car", "roto.man", "roto.sky")),
    ],
)
def test_what_can_be_chosen_is_what_the_file_has(names: tuple[str, ...], offered: tuple[str, ...]) -> None:
    assert channels_to_name(names) == offered


def test_every_channel_that_is_offered_can_be_read(tiny_shot: Path, tmp_path: Path) -> None:
    names = ("R", "G", "B", "A", "roto.car")
    write_mattes(tmp_path / "roto", names)
    plate, matte = open_frames(tiny_shot / "plate"), open_frames(tmp_path / "roto")
    for channel in channels_to_name(names):
        files = ShotFiles(plate, matte, reading=MatteReading(channel))
        pixels = files.matte(1003)
        assert pixels is not None and pixels.any()
        if channel in names:
            index = names.index(channel)
            assert np.flatnonzero(pixels[0, :, 0]).tolist() == list(range(12 * index + 5, 13 * index + 6))


def test_a_matte_nobody_can_tell_the_channel_of_says_what_can_be_chosen(tiny_shot: Path, tmp_path: Path) -> None:
    write_mattes(tmp_path / "roto", ("roto.car", "roto.man", "roto.sky"))
    plate, matte = open_frames(tiny_shot / "plate"), open_frames(tmp_path / "roto")
    with pytest.raises(UnreadMatte, match=r"any of roto\.car, roto\.man, roto\.sky; .+ Matte channel$") as caught:
        check_fit(plate, matte)
    assert caught.value.channels == ("auto", "roto.car", "roto.man", "roto.sky") and "--" not in str(caught.value)
    check_fit(plate, matte, MatteReading("roto.man"))
    with pytest.raises(BadShot, match=r"has no channel 'roto.dog' among roto\.car"):
        ShotFiles(plate, matte, reading=MatteReading("roto.dog")).matte(1001)


def channel_box(panel: Panel):  # type: ignore[no-untyped-def]
    return panel.settings._reading.channel


def choose(panel: Panel, channel: str) -> None:
    """As a hand does."""
    box = channel_box(panel)
    index = box.findData(channel)
    assert index >= 0 and box.isEnabled(), [box.itemData(i) for i in range(box.count())]
    box.setCurrentIndex(index)
    box.activated.emit(index)


def columns(panel: Panel) -> list[int]:
    matte = panel.library.matte(1003)
    return [] if matte is None else np.flatnonzero(matte[0, :, 0]).tolist()


@pytest.fixture
def layered_shot(tiny_shot: Path, tmp_path: Path) -> Path:
    """A plate, and mattes of three objects in one file each frame."""
    shutil.copytree(tiny_shot / "plate", tmp_path / "layered" / "plate")
    write_mattes(tmp_path / "layered" / "matte", ("roto.car", "roto.man", "roto.sky"))
    return tmp_path / "layered"


def test_the_plate_opens_and_the_channel_is_asked_for_then_chosen(
    qtbot: QtBot, panel: Panel, layered_shot: Path
) -> None:
    panel.open_paths([str(layered_shot)])
    until(qtbot, lambda: panel.state.unread is not None)
    shot = panel.state.shot
    assert shot is not None and shot.matte == "" and not panel.state.can_render
    assert panel.state.notice is not None and "Matte channel" in panel.state.notice.text
    assert channel_box(panel).currentText() == "choose the channel" and channel_box(panel).isEnabled()
    choose(panel, "roto.man")
    until(qtbot, lambda: panel.state.shot is not None and bool(panel.state.shot.matte))
    assert panel.state.unread is None and columns(panel) == [17, 18]
    assert panel.state.shot is not None and panel.state.shot.matte_channel == "roto.man"
    choose(panel, "roto.sky")
    until(qtbot, lambda: panel.state.shot is not None and panel.state.shot.matte_channel == "roto.sky")
    assert columns(panel) == [29, 30, 31]
    panel.settings._reading.invert.click()
    until(qtbot, lambda: len(columns(panel)) == W - 3)
    panel.reload()
    serial = panel.library.serial
    until(qtbot, lambda: panel.library.serial != serial)
    assert panel.state.shot.matte_channel == "roto.sky" and len(columns(panel)) == W - 3


def test_an_unread_matte_dropped_on_a_shot_leaves_its_own_until_it_is_read(
    qtbot: QtBot, panel: Panel, tiny_shot: Path, tmp_path: Path
) -> None:
    write_mattes(tmp_path / "roto", ("roto.car", "roto.man", "roto.sky"))
    open_shot(qtbot, panel, tiny_shot)
    assert panel.state.shot is not None
    own = panel.state.shot.matte
    panel.bridge.open_as("matte", tmp_path / "roto")
    until(qtbot, lambda: panel.state.unread is not None)
    assert panel.state.shot.matte == own and panel.state.can_render
    choose(panel, "roto.car")
    until(qtbot, lambda: columns(panel) == [5])


def test_a_matte_of_one_channel_leaves_no_choice(qtbot: QtBot, panel: Panel, tiny_shot: Path) -> None:
    assert not channel_box(panel).isEnabled()
    open_shot(qtbot, panel, tiny_shot)
    assert not channel_box(panel).isEnabled() and channel_box(panel).currentText() == "Auto"


@contextmanager
def panel_here(folder: Path) -> Iterator[Panel]:
    """A panel of its own, which may be the second on a shot."""
    from propainter_ui.__main__ import launch

    remember_in(folder)
    window = launch(["--empty"])
    try:
        yield window.panel
    finally:
        window._quitting._is_decided = True
        window.close()


def test_a_shot_comes_back_with_its_channel_and_its_inverted_matte(
    qtbot: QtBot, home: Path, layered_shot: Path, tmp_path: Path
) -> None:
    with panel_here(tmp_path) as panel:
        panel.open_paths([str(layered_shot)])
        until(qtbot, lambda: panel.state.unread is not None)
        choose(panel, "roto.man")
        until(qtbot, lambda: panel.state.shot is not None and bool(panel.state.shot.matte))
        assert columns(panel) == [17, 18]
        panel.settings._reading.invert.click()
        until(qtbot, lambda: len(columns(panel)) == W - 2)
        until(qtbot, lambda: panel.state.shot is not None and panel.state.shot.is_inverted)
    with panel_here(tmp_path) as panel:
        panel.open_paths([str(layered_shot)])
        until(qtbot, lambda: len(columns(panel)) == W - 2)
        until(qtbot, lambda: panel.state.shot is not None and panel.state.shot.is_inverted)
        assert panel.state.shot is not None and panel.state.shot.matte_channel == "roto.man"
        assert panel.settings._reading.invert.isChecked()


def test_a_session_of_before_this_was_kept_is_still_read(tmp_path: Path) -> None:
    shot = ShotState("hill", "/p/hill", "/p/roto", 1001, 1008, W, H, "uint8", 24.0, is_inverted=True)
    session = ShotSession.of(PanelState(shot=shot), Zoom())
    assert session.reading == MatteReading("auto", is_inverted=True) and session.matte == "/p/roto"
    old = {
        name: value for name, value in session.note().items() if name not in ("matte", "matte_channel", "is_inverted")
    }
    assert ShotSession.from_note(old).reading == MatteReading()
    sessions = ShotSessions(tmp_path)
    sessions.keep(shot, session)
    assert sessions.read(shot) == session
