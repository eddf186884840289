"""The first window: what it offers, and what comes of it. The node's installation is a real one, of a few bytes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from propainter_install.places import BINARY, BUNDLE, Machine
from propainter_ui.first_run.findings import Finding, lines_of, offer_of, read_findings, summary, weights_sentence
from small_release import install_small, write_release

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from propainter_ui.window import Window

WELL = [
    {"mark": "ok", "what": "torch 2", "advice": "", "is_needed": True, "about": "library"},
    {"mark": "ok", "what": "cv2 5", "advice": "", "is_needed": True, "about": "library"},
    {
        "mark": "note",
        "what": "the weights are not installed",
        "advice": "fetch them",
        "is_needed": False,
        "about": "weights",
    },
    {"mark": "FIX", "what": "no node in /usr", "advice": "install it", "is_needed": False, "about": ""},
]


# What is known, as data.


def test_findings_are_told_with_what_needs_somebody_first_and_libraries_on_one_line() -> None:
    lines = lines_of(read_findings(json.dumps(WELL)))
    assert [(one.mark, one.what, one.advice) for one in lines] == [
        ("FIX", "No node in /usr", "Install it."), ("ok", "torch 2, cv2 5", ""),
    ]  # fmt: skip


def test_one_sentence_says_whether_renders_work() -> None:
    well, wish, broken = Finding("ok", "a"), Finding("FIX", "b", is_needed=False), Finding("FIX", "c")
    assert summary([well]) == "Everything that rendering needs works on this machine."
    assert summary([well, wish]).startswith("Rendering works. One thing needs")
    assert summary([wish, wish]).startswith("Rendering works. 2 things need")
    assert "every render needs" in summary([well, wish, broken])


def test_the_weights_have_a_sentence_of_their_own() -> None:
    assert weights_sentence(read_findings(json.dumps(WELL))) == "The weights are not installed. Fetch them."
    assert weights_sentence([]) == "Not known yet."


@pytest.mark.parametrize("text", ["", "{}", "[1]", '[{"mark": "?"}]', "null", '[{"mark": "ok"}]', "[" * 100_000])
def test_an_answer_that_makes_no_sense_is_told(text: str) -> None:
    if text != "{}":
        with pytest.raises(ValueError, match="cannot be read"):
            read_findings(text)


def test_what_is_offered_follows_from_how_the_node_stands() -> None:
    assert [offer_of(word, is_ours=True).put for word in ("absent", "damaged", "whole")] == [
        "Install node",
        "Repair node",
        "",
    ]
    assert [offer_of(word, is_ours=True).can_remove for word in ("absent", "damaged", "whole")] == [False, True, True]
    assert offer_of("absent", is_ours=False).put == ""


# The window.


@pytest.fixture
def doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path) -> Path:
    """A stand-in for the backend's command; what it says is in the file that is returned."""
    said = tmp_path / "said"
    said.write_text(json.dumps(WELL))
    program = tmp_path / "propainter-backend"
    program.write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/asked\ncat {said}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PROPAINTER_BACKEND", str(program))
    return said


@pytest.fixture
def shown(qtbot: QtBot, doctor: Path, tmp_path: Path) -> Iterator[Callable[..., Window]]:
    """Starts the panel with these words, as often as one likes."""
    from panel_windows import end_window, remember_in

    from propainter_ui.__main__ import launch

    remember_in(tmp_path)
    windows: list[Any] = []

    def start(*arguments: str) -> Window:
        window = launch(list(arguments))
        windows.append(window)
        return window

    yield start
    for window in windows:
        end_window(window)


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This Python is taken for that of an installation of a few bytes."""
    if sys.platform != "linux":
        pytest.skip("puts the Linux node into a home")
    own = tmp_path / "home"
    own.mkdir()
    monkeypatch.setenv("HOME", str(own))
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    release = write_release(tmp_path / "release", Machine("linux", "x86_64", {"HOME": str(own)}))
    path = install_small(release, own, tmp_path / "environment")
    monkeypatch.setattr("propainter_install.node.own_record", lambda: path)
    return path


def test_the_first_start_shows_the_first_window_and_leaving_it_once_is_enough(shown: Callable[..., Window]) -> None:
    window = shown()
    page = window.setup
    assert page is not None and page.isVisible() and not window.menuBar().isVisible()
    page.panel.click()
    assert window.setup is None and window.panel.isVisible() and window.menuBar().isVisible()
    assert shown().setup is None
    again = shown("--setup")
    assert again.setup is not None


def test_somebody_who_names_a_shot_gets_the_panel_at_once(
    shown: Callable[..., Window], tiny_shot: Path, qtbot: QtBot
) -> None:
    window = shown(str(tiny_shot / "plate"), str(tiny_shot / "matte"))
    assert window.setup is None
    qtbot.waitUntil(lambda: window.panel.state.shot is not None, timeout=60_000)
    assert shown("--empty").setup is None


def test_the_sample_is_one_click_away(shown: Callable[..., Window], qtbot: QtBot) -> None:
    window = shown()
    assert window.setup is not None
    window.setup.sample.click()
    assert window.setup is None
    qtbot.waitUntil(lambda: window.panel.state.shot is not None, timeout=60_000)
    assert window.panel.state.shot is not None and window.panel.state.shot.matte


def test_a_shot_may_be_dropped_on_it(shown: Callable[..., Window], tiny_shot: Path, qtbot: QtBot) -> None:
    from propainter_ui.qt import Qt, QtCore, QtGui, QtWidgets

    window = shown()
    assert window.setup is not None
    files = QtCore.QMimeData()
    files.setUrls([QtCore.QUrl.fromLocalFile(str(tiny_shot / name)) for name in ("plate", "matte")])
    copy, button, key = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    place = window.setup.rect().center()
    QtWidgets.QApplication.sendEvent(window.setup, QtGui.QDragEnterEvent(place, copy, files, button, key))
    QtWidgets.QApplication.sendEvent(window.setup, QtGui.QDropEvent(QtCore.QPointF(place), copy, files, button, key))
    assert window.setup is None
    qtbot.waitUntil(lambda: window.panel.state.shot is not None, timeout=60_000)


def test_help_brings_it_back_and_it_looks_again(shown: Callable[..., Window], qtbot: QtBot, tmp_path: Path) -> None:
    window = shown("--empty")
    (wish,) = [one for one in window.menuBar().actions()[-1].menu().actions() if one.text() == "Set up …"]  # type: ignore[attr-defined]
    for times in (1, 2):
        wish.trigger()
        page = window.setup
        assert page is not None
        qtbot.waitUntil(lambda page=page: page.machine.look.isEnabled(), timeout=20_000)
        assert (tmp_path / "asked").read_text() == "doctor --json\n" * times
        assert page.machine.text.text().startswith("Rendering works. One thing")
        assert page.weights.text.text() == "The weights are not installed. Fetch them."
        page.panel.click()


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("#!/bin/sh\necho 'torch is broken' >&2; exit 1\n", "could not be looked at: torch is broken."),
        ("#!/bin/sh\nexit 3\n", "(exit code 3)"),
        ("#!/no/such/shell\n", "does not start. Install it again."),
    ],
)
def test_a_doctor_that_fails_is_a_sentence_and_may_be_asked_again(
    shown: Callable[..., Window], qtbot: QtBot, tmp_path: Path, doctor: Path, program: str, words: str
) -> None:
    command = tmp_path / "propainter-backend"
    whole = command.read_text()
    command.write_text(program)
    page = shown().setup
    assert page is not None
    qtbot.waitUntil(lambda: page.machine.look.isEnabled(), timeout=20_000)
    assert words in page.machine.text.text()
    command.write_text(whole)
    page.machine.look.click()
    qtbot.waitUntil(lambda: page.machine.text.text().startswith("Rendering works"), timeout=20_000)


def test_the_node_is_removed_installed_and_repaired_from_there(
    shown: Callable[..., Window], qtbot: QtBot, record: Path
) -> None:
    binary = record.parent / "OFX" / "Plugins" / BUNDLE / "Contents" / "Linux-x86-64" / BINARY
    page = shown().setup
    assert page is not None
    node = page.node
    qtbot.waitUntil(lambda: node.remove.isEnabled(), timeout=20_000)
    assert "Version 0.1.0" in node.text.text() and not node.put.isVisible()
    node.remove.click()
    qtbot.waitUntil(lambda: node.put.isEnabled(), timeout=20_000)
    assert not binary.exists() and node.put.text() == "Install node" and not node.remove.isVisible()
    node.put.click()
    qtbot.waitUntil(lambda: node.remove.isEnabled(), timeout=20_000)
    assert binary.exists()
    binary.write_bytes(b"mine")
    page.look()
    qtbot.waitUntil(lambda: node.put.isVisible() and node.put.text() == "Repair node", timeout=20_000)
    node.put.click()
    qtbot.waitUntil(lambda: bool(node.more.text()), timeout=20_000)
    assert "set-aside" in node.more.text() and binary.read_bytes() != b"mine" and node.remove.isEnabled()


def test_a_python_without_an_installation_offers_no_button(shown: Callable[..., Window], qtbot: QtBot) -> None:
    page = shown().setup
    assert page is not None
    qtbot.waitUntil(lambda: "was not set up by the installer" in page.node.text.text(), timeout=20_000)
    assert not page.node.put.isVisible() and not page.node.remove.isVisible()


def test_keys_go_through_its_buttons_and_none_of_the_panels_hotkeys_answers(
    shown: Callable[..., Window], qtbot: QtBot, tiny_shot: Path
) -> None:
    from propainter_ui.qt import Qt

    window = shown()
    page = window.setup
    assert page is not None
    view = window.panel.state.view
    for key in (Qt.Key.Key_2, Qt.Key.Key_W, Qt.Key.Key_Space):
        qtbot.keyClick(page.machine, key)
    assert window.panel.state.view == view and window.setup is page
