"""As a new user would: the panel on a real (virtual) display, with a real mouse, real keys and a real drag of files."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import pytest
from display import PACKAGES, SIZE, Hands, virtual_display

SAMPLE = Path(__file__).parents[2] / "samples/synth-pan"
CORNER = (1500, 40)
PATIENCE_S = 120

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (shutil.which("Xvfb") and shutil.which("xdotool")),
        reason=f"needs Xvfb and xdotool (apt-get install {PACKAGES})",
    ),
]


class Artist:
    """Somebody in front of the panel."""

    def __init__(self, hands: Hands, told: Path, process: subprocess.Popen[bytes] | None = None) -> None:
        self.hands = hands
        self._told = told
        self._process = process

    def sees(self) -> dict[str, Any]:
        shown: dict[str, Any] = json.loads(self._told.read_text())
        return shown

    def waits_for(self, is_so: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            if self._told.exists() and is_so(self.sees()):
                return self.sees()
            time.sleep(0.1)
        raise AssertionError(f"waited in vain; the panel shows {self.sees() if self._told.exists() else 'nothing'}")

    def gets_the_focus(self) -> None:
        """The panel's window gets the keys: a desktop does this when a window appears or a dialog closes."""
        self.hands.do("search", "--sync", "--onlyvisible", "--name", "ProPainter Remove$", "windowfocus")

    def waits_to_end(self) -> None:
        """Until the panel has ended by itself."""
        assert self._process is not None
        assert self._process.wait(timeout=PATIENCE_S) == 0

    def clicks(self, what: str, times: int = 1, *, button: int = 1, scale: int = 1) -> None:
        x, y = self.sees()["places"][what]
        self.hands.click((x * scale, y * scale), times, button)


@contextmanager
def running_panel(
    home: Path, tmp_path: Path, *, screen: tuple[int, int] = SIZE, scale: int = 1, arguments: Sequence[str] = ("--empty",)
) -> Iterator[Artist]:  # fmt: skip
    """Somebody in front of a panel of their own, on a screen of this size and density."""
    with virtual_display(screen) as display:
        environ = {
            **os.environ, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb", "XDG_CONFIG_HOME": str(tmp_path / "config"),
            "QT_SCALE_FACTOR": str(scale),
        }  # fmt: skip
        told = tmp_path / "shown.json"
        command = [sys.executable, str(Path(__file__).parent / "watched_panel.py"), str(told), *arguments]
        process = subprocess.Popen(command, env=environ)
        try:
            yield Artist(Hands(display), told, process)
        finally:
            process.terminate()
            process.wait(timeout=20)


@pytest.fixture
def artist(home: Path, tmp_path: Path) -> Iterator[Artist]:
    with running_panel(home, tmp_path) as somebody:
        x, y = CORNER
        source = [str(Path(__file__).parent / "drag_source.py"), str(x), str(y)]
        environ = {**os.environ, **somebody.hands.environ, "QT_QPA_PLATFORM": "xcb"}
        dragged = subprocess.Popen([sys.executable, *source, str(SAMPLE / "plate"), str(SAMPLE / "matte")], env=environ)
        try:
            yield somebody
        finally:
            dragged.terminate()
            dragged.wait(timeout=20)


def test_drag_render_wipe_change_render_export_and_survive_a_kill(artist: Artist, tmp_path: Path) -> None:
    hands = artist.hands
    shown = artist.waits_for(lambda s: s["phase"] == "absent")
    x, y = shown["places"]["viewer"]
    hands.drag((CORNER[0] + 60, CORNER[1] + 30), (x, y))
    artist.waits_for(lambda s: s["shot"] == "synth-pan")

    artist.clicks("render")
    artist.waits_for(lambda s: "Rendering 1001–1024" in s["job"])
    artist.waits_for(lambda s: s["results"] == 24 and s["is_reported"] and not s["job"])
    assert "Rendered 24 frames" in artist.sees()["notice"]

    artist.clicks("viewer")
    hands.key("w")
    artist.waits_for(lambda s: s["wipe"] == [0.5, 0.5, 0.0])
    x, y = artist.sees()["places"]["viewer"]
    hands.drag((x, y + 60), (x + 200, y + 20))
    artist.waits_for(lambda s: s["wipe"][0] > 0.55 and s["wipe"][1:] == [0.5, 0.0])
    hands.key("End", "Left", "Left", "3")
    artist.waits_for(lambda s: s["frame"] == 1022 and s["view"] == "result")
    hands.key("space")
    artist.waits_for(lambda s: s["is_playing"] and s["frame"] != 1022)
    hands.key("space")

    artist.clicks("grow", times=3)
    hands.key("ctrl+a")
    hands.type("8")
    hands.key("Return")
    changed = artist.waits_for(
        lambda s: (s["grow"], s["work"]) == (8, "the window, flow kept, 1 chunk")
    )  # what will be redone is said before it is
    assert changed["window"] == "", "the embedded engine has no such windows"
    artist.clicks("render")
    artist.waits_for(lambda s: s["previous"] == 24)
    artist.waits_for(lambda s: s["results"] == 24 and not s["job"])

    artist.clicks("export")
    artist.waits_for(lambda s: s["dialog"].startswith("Export"))
    time.sleep(0.5)  # the dialog takes the keys once it is up
    path = tmp_path / "clean.mp4"
    hands.key("shift+Tab", "shift+Tab", "Down", "Tab", "Tab")  # the second kind is a video
    hands.key("ctrl+a")
    hands.type(str(path))
    hands.key("Return")
    artist.waits_for(lambda s: str(path) in s["notice"])
    with av.open(str(path)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 24

    artist.clicks("grow", times=3)
    hands.key("ctrl+a")
    hands.type("14")
    hands.key("Return")
    artist.waits_for(lambda s: s["grow"] == 14)
    artist.clicks("render")
    artist.waits_for(lambda s: "Rendering" in s["job"])
    os.kill(artist.sees()["pid"], signal.SIGKILL)
    lost = artist.waits_for(lambda s: s["phase"] == "lost")
    assert lost["notice"].startswith("The backend is gone during a render")
    assert lost["results"] + lost["previous"] >= 24, "nothing it showed is lost"
    time.sleep(0.3)
    artist.clicks("notice")
    artist.waits_for(lambda s: s["phase"] == "ready")
