"""The panel under test: offscreen (or on a display with ``--headed``), with settings, backend and cache of its own.

pytest-qt's plugin is not loaded for the whole suite (``-p no:pytest-qt`` in pyproject.toml): it would end every test run
on a machine without Qt's system libraries. ``qtbot`` is made here instead, and tests that need it are skipped there.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from panel_windows import end_window, remember_in, throw_away

from builders import box_matte, moving_plates

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from propainter_ui.panel import Panel


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--headed", action="store_true", help="show the panel on this display while it is tested")


@pytest.fixture(autouse=True)
def _kept_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a panel keeps of shots, and presets, are each test's own."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture(scope="module", autouse=True)
def _nothing_left() -> Iterator[None]:
    """Delete what a file's tests leave, last of all: each widget that stays makes each later window slower."""
    yield
    if (widgets := sys.modules.get("PySide6.QtWidgets")) is None or widgets.QApplication.instance() is None:
        return
    from shiboken6 import isValid

    for widget in widgets.QApplication.topLevelWidgets():
        if isValid(widget) and widget.parent() is None:
            throw_away(widget)


@pytest.fixture(scope="session")
def application(request: pytest.FixtureRequest) -> Any:
    """One QApplication for all tests."""
    if not request.config.getoption("--headed", default=False):
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    try:
        from pytestqt.qt_compat import qt_api

        qt_api.set_qt_api("pyside6")
        from propainter_ui.__main__ import _application
    except ImportError as error:
        if (error.name or "").startswith("propainter"):
            raise  # a fault of ours is no lack of Qt, and must not pass for one
        pytest.skip(f"Qt cannot be loaded here ({error}); on Debian: apt-get install libegl1 libxkbcommon0 libdbus-1-3")
    from propainter_ui.qt import QtWidgets

    return QtWidgets.QApplication.instance() or _application()


@pytest.fixture
def qtbot(application: Any, request: pytest.FixtureRequest) -> Iterator[QtBot]:
    """pytest-qt's robot."""
    from pytestqt.exceptions import capture_exceptions, format_captured_exceptions
    from pytestqt.qtbot import QtBot

    with capture_exceptions() as caught:
        yield QtBot(request)
        application.processEvents()
    assert not caught, format_captured_exceptions(caught)


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A directory with a path short enough for a socket, and an environment in which the panel lives in it alone."""
    directory = Path(tempfile.mkdtemp(prefix="ppu"))
    (directory / "run").mkdir(mode=0o700)
    command = f"{sys.executable} -m propainter_backend --device cpu --parent-pid {os.getpid()} --cache-size 1"
    wanted = {
        "PROPAINTER_RUNTIME_DIR": str(directory / "run"), "PROPAINTER_BACKEND": command, "OMP_NUM_THREADS": "1",
        "XDG_CACHE_HOME": str(directory / "cache"), "XDG_DATA_HOME": str(directory / "data"),
    }  # fmt: skip
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    yield directory
    _end_backend(directory / "run")
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def panel(qtbot: QtBot, home: Path, tmp_path: Path) -> Iterator[Panel]:
    """The panel as ``propainter-panel`` shows it, nothing opened."""
    from propainter_ui.__main__ import launch

    remember_in(tmp_path)
    window = launch(["--empty"])
    yield window.panel
    end_window(window)


@pytest.fixture(scope="module")
def tiny_shot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight frames of 64x48 sliding left, a box to remove in each; folders ``plate`` and ``matte``."""
    folder = tmp_path_factory.mktemp("shots") / "tiny"
    for name in ("plate", "matte"):
        (folder / name).mkdir(parents=True)
    for number, frame in enumerate(moving_plates(8), start=1001):
        cv2.imwrite(str(folder / f"plate/tiny.{number}.png"), frame.pixels[..., ::-1])
        matte = box_matte((64, 48), left=20, top=16) * 255
        cv2.imwrite(str(folder / f"matte/tiny.{number}.png"), matte.astype(np.uint8))
    return folder


def _end_backend(runtime: Path) -> None:
    from propainter_wire.connection import read_connection
    from propainter_wire.errors import BackendUnreachable

    with contextlib.suppress(BackendUnreachable, ProcessLookupError):
        os.kill(read_connection(runtime / "daemon.json").pid, signal.SIGTERM)
