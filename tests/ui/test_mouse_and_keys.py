"""As a new user would: the panel on a real (virtual) display, with a real mouse, real keys and a real drag of files."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import pytest
from display import PACKAGES, Hands, virtual_display

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

    def __init__(self, hands: Hands, told: Path) -> None:
        self.hands = hands
        self._told = told

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

    def clicks(self, what: str, times: int = 1) -> None:
        x, y = self.sees()["places"][what]
        self.hands.click((x, y), times)


@pytest.fixture
def artist(home: Path, tmp_path: Path) -> Iterator[Artist]:
    with virtual_display() as display:
        environ = {
            **os.environ, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb", "XDG_CONFIG_HOME": str(tmp_path / "config"),
        }  # fmt: skip
        told = tmp_path / "shown.json"
        here = Path(__file__).parent
        x, y = CORNER
        commands = [
            [str(here / "watched_panel.py"), str(told), "--empty"],
            [str(here / "drag_source.py"), str(x), str(y), str(SAMPLE / "plate"), str(SAMPLE / "matte")],
        ]
        running = [subprocess.Popen([sys.executable, *command], env=environ) for command in commands]
        try:
            yield Artist(Hands(display), told)
        finally:
            for process in running:
                process.terminate()
                process.wait(timeout=20)


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
    artist.waits_for(lambda s: s["wipe"] == 0.5)
    x, y = artist.sees()["places"]["viewer"]
    hands.drag((x, y), (x + 200, y - 40))
    assert artist.waits_for(lambda s: s["wipe"] != 0.5)["wipe"] > 0.55
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
    hands.key("Down", "Down", "Return")
    time.sleep(1.0)  # the dialog takes the keys once it is up
    path = tmp_path / "clean.mp4"
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
