"""On a real (virtual) display, with real keys: old and rough results, cancel, undo, quitting, a shot as it was left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from display import Hands, virtual_display
from test_mouse_and_keys import SAMPLE, Artist
from test_mouse_and_keys import pytestmark as pytestmark


def begin(display: str, told: Path, config: Path) -> tuple[Artist, subprocess.Popen[bytes]]:
    """The panel, with the sample shot."""
    told.unlink(missing_ok=True)
    environ = {**os.environ, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb", "XDG_CONFIG_HOME": str(config)}
    watched = Path(__file__).with_name("watched_panel.py")
    command = [sys.executable, str(watched), str(told), str(SAMPLE / "plate"), str(SAMPLE / "matte")]
    return Artist(Hands(display), told), subprocess.Popen(command, env=environ)


def quits(process: subprocess.Popen[bytes]) -> None:
    """As the window's close button does; nobody here draws one."""
    process.send_signal(signal.SIGUSR1)


def types_grow(artist: Artist, value: str) -> None:
    artist.clicks("grow", times=3)
    artist.hands.key("ctrl+a")
    artist.hands.type(value)
    artist.hands.key("Return")
    artist.waits_for(lambda s: str(s["grow"]) == value)


@pytest.mark.usefixtures("home")
def test_change_apply_cancel_undo_quit_and_come_back(tmp_path: Path) -> None:
    told, config = tmp_path / "shown.json", tmp_path / "config"
    with virtual_display() as display:
        artist, process = begin(display, told, config)
        try:
            artist.waits_for(lambda s: s["shot"] == "synth-pan")
            artist.clicks("render")
            shares: list[float] = []

            def is_done(s: dict[str, object]) -> bool:
                shares.extend([s["share"]] if isinstance(s["share"], float) else [])
                return s["results"] == 24 and not s["job"]

            artist.waits_for(is_done)
            assert all(before <= after for before, after in pairwise(shares)), "the bar never goes back"
            assert any(0.2 < share < 0.8 for share in shares), "it moves before the first frame is finished"

            types_grow(artist, "9")
            artist.clicks("apply")
            old = artist.waits_for(lambda s: s["results"] == 0 and "old" in s["label"])
            assert "Render for the new one" in old["hint"] and old["view"] == "result"
            artist.clicks("render")
            artist.waits_for(lambda s: s["rough"] and "rough" in s["label"])
            artist.clicks("viewer")
            artist.hands.key("Escape")
            cancelled = artist.waits_for(lambda s: not s["job"])
            assert cancelled["notice"].startswith("Cancelled.")

            artist.hands.key("ctrl+z")
            artist.waits_for(lambda s: s["grow"] == 4)
            artist.hands.key("ctrl+shift+z")
            artist.waits_for(lambda s: s["grow"] == 9)

            types_grow(artist, "11")
            artist.clicks("render")
            artist.waits_for(lambda s: "Rendering" in s["job"])
            quits(process)
            asked = artist.waits_for(lambda s: "Your render of synth-pan" in s["asked"])
            artist.hands.click(asked["buttons"]["Stay"])
            artist.waits_for(lambda s: not s["asked"])
            quits(process)
            asked = artist.waits_for(lambda s: s["asked"])
            artist.hands.click(asked["buttons"]["Stop and quit"])
            assert process.wait(timeout=60) == 0

            artist, process = begin(display, told, config)
            artist.waits_for(lambda s: s["shot"] == "synth-pan" and s["grow"] == 11)
            quits(process)
            assert process.wait(timeout=60) == 0
        finally:
            process.kill()
            process.wait()
