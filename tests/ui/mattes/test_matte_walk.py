"""From a video file to an exported clean video, in a real window with a real mouse and a real backend: no matte is given,
and no other program is touched. The steps of the hand are counted.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from display import Hands
from test_mouse_and_keys import CORNER, SAMPLE, Artist, pytestmark, running_panel  # noqa: F401 - marks

FRAMES = 12
BOX = (109, 61, 196, 240)
"""Left, top, right, bottom of the walker on the first frame, in plate pixels."""
PICTURES = os.environ.get("PROPAINTER_WALK_PICTURES", "")
"""A folder to leave pictures of the screen in, to be looked at."""


def write_video(path: Path) -> None:
    """The sample's plate as a video, as a phone would write it."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 432, 240, "yuv420p"
        stream.options = {"crf": "10"}
        for number in range(1001, 1001 + FRAMES):
            picture = cv2.imread(str(SAMPLE / f"plate/synth-pan.{number}.png"))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode(None))


def frames_of(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


class Walker:
    """Somebody who counts what they do."""

    def __init__(self, artist: Artist) -> None:
        self.artist, self.hands = artist, artist.hands
        self.steps: list[str] = []

    def step(self, what: str) -> None:
        self.steps.append(what)

    def looks(self, name: str) -> None:
        if PICTURES:
            time.sleep(0.5)
            wanted = self.artist._told.with_suffix(".wanted")
            wanted.write_text(f"{PICTURES}/walk-{name}.png")
            while wanted.exists():
                time.sleep(0.05)

    def place(self, x: float, y: float) -> tuple[int, int]:
        """A point of the plate on the screen."""
        left, top, zoom = self.artist.sees()["picture"]
        return round(left + x * zoom), round(top + y * zoom)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "walker.mp4"
    write_video(path)
    return path


@pytest.fixture
def walker(home: Path, tmp_path: Path, video: Path) -> Iterator[Walker]:
    with running_panel(home, tmp_path) as artist:
        x, y = CORNER
        environ = {**os.environ, **artist.hands.environ, "QT_QPA_PLATFORM": "xcb"}
        source = [sys.executable, str(Path(__file__).parents[1] / "drag_source.py"), str(x), str(y), str(video)]
        dragged = subprocess.Popen(source, env=environ)
        try:
            yield Walker(artist)
        finally:
            dragged.terminate()
            dragged.wait(timeout=20)


def lies_off(clean: np.ndarray, plate: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Mean differences to the plate inside and well outside the true matte."""
    inside = truth > 127
    far = cv2.dilate(truth, np.ones((41, 41), np.uint8)) == 0
    apart = np.abs(clean.astype(np.int16) - plate.astype(np.int16)).mean(-1)
    return float(apart[inside].mean()), float(apart[far].mean())


def test_from_a_video_without_a_matte_to_a_clean_video(walker: Walker, video: Path, tmp_path: Path) -> None:
    artist, hands = walker.artist, walker.hands
    shown = artist.waits_for(lambda s: s["phase"] == "absent")
    walker.looks("0-welcome")

    walker.step("drag the video onto the panel")
    x, y = shown["places"]["viewer"]
    hands.drag((CORNER[0] + 60, CORNER[1] + 30), (x, y))
    artist.waits_for(lambda s: s["shot"] == "walker" and "Draw a box" in s["notice"])
    walker.looks("1-opened")

    walker.step("press Draw a box")
    time.sleep(0.3)
    artist.clicks("notice")
    artist.waits_for(lambda s: s["tool"] == "box")

    walker.step("drag the box")
    hands.drag(walker.place(*BOX[:2]), walker.place(*BOX[2:]))
    artist.waits_for(lambda s: s["solved"] == 1 and s["view"] == "matte")
    walker.looks("2-selected")

    walker.step("press Track both ways")
    time.sleep(0.3)
    artist.clicks("notice")
    artist.waits_for(lambda s: "Tracking" in s["job"])
    artist.waits_for(lambda s: s["solved"] == FRAMES and not s["job"] and not s["stale"])
    tracked = artist.waits_for(lambda s: s["notice"].startswith("Tracked 0–11"))
    assert tracked["keys"] == [0]
    walker.looks("3-tracked")

    walker.step("press Render")
    time.sleep(0.3)
    artist.clicks("render")
    artist.waits_for(lambda s: s["results"] == FRAMES and s["is_reported"] and not s["job"] and s["view"] == "result")
    walker.looks("4-rendered")

    walker.step("press Export")
    artist.clicks("export")
    artist.waits_for(lambda s: s["dialog"].startswith("Export"))
    time.sleep(0.5)
    walker.step("choose a video and its name")
    path = tmp_path / "clean.mp4"
    hands.key("shift+Tab", "shift+Tab", "Down", "Tab", "Tab")
    hands.key("ctrl+a")
    hands.type(str(path))
    hands.key("Return")
    artist.waits_for(lambda s: str(path) in s["notice"])
    walker.looks("5-exported")

    assert len(walker.steps) == 7, walker.steps
    plates, cleans = frames_of(video), frames_of(path)
    assert len(cleans) == FRAMES
    for index in (0, FRAMES // 2, FRAMES - 1):
        truth: Any = cv2.imread(str(SAMPLE / f"matte/matte.{1001 + index}.png"), cv2.IMREAD_GRAYSCALE)
        inside, far = lies_off(cleans[index], plates[index], truth)
        assert inside > 30, f"frame {index}: the walker in black is gone"
        assert far < 3, f"frame {index}: and nothing else"


def test_a_shot_that_is_opened_again_has_its_drawing(home: Path, tmp_path: Path, video: Path) -> None:
    """Draw, quit, come back: box and mattes are there, and the next stroke goes on with them."""
    for turn in ("first", "again"):
        with running_panel(home, tmp_path, arguments=(str(video),)) as artist:
            walker = Walker(artist)
            artist.waits_for(lambda s: s["shot"] == "walker" and s["phase"] in ("absent", "ready"))
            if turn == "again":
                artist.waits_for(lambda s: s["solved"] == 1 and s["keys"] == [0] and s["view"] == "matte")
                continue
            artist.gets_the_focus()
            artist.clicks("viewer")
            Hands.key(artist.hands, "x")
            artist.waits_for(lambda s: s["tool"] == "box")
            artist.hands.drag(walker.place(*BOX[:2]), walker.place(*BOX[2:]))
            artist.waits_for(lambda s: s["solved"] == 1)
            artist.hands.key("ctrl+q")
            artist.waits_to_end()
