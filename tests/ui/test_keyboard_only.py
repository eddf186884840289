"""A real window, real keys, no mouse: from the welcome to a written export; and a screen of twice the density.

What the everyday tests of ``test_keys.py`` promise of single keys is walked through here as an artist would.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from test_mouse_and_keys import SAMPLE, Artist, artist, pytestmark, running_panel  # noqa: F401 - a fixture, and marks

from propainter_pictures.plates import open_source


def test_from_the_welcome_to_an_export_without_a_mouse(artist: Artist, tmp_path: Path) -> None:  # noqa: F811
    hands = artist.hands
    artist.waits_for(lambda s: s["phase"] == "absent")
    artist.gets_the_focus()
    artist.waits_for(lambda s: s["focus"] == "Open plate and matte")
    hands.key("space")  # presses Open, and plays nothing
    artist.waits_for(lambda s: s["dialog"].startswith("Open plate and matte"))
    time.sleep(0.5)
    hands.type(f"{SAMPLE}/plate/synth-pan.1001.png")  # its matte is found beside it
    hands.key("Return")
    artist.waits_for(lambda s: s["dialog"] == "" and s["shot"])
    artist.gets_the_focus()
    shown = artist.waits_for(lambda s: s["shot"] == "synth-pan" and s["focus"] == "Viewer")
    assert shown["title"] == "synth-pan – ProPainter Remove"

    hands.key("Right", "Right", "i", "Right", "Right", "o")
    artist.waits_for(lambda s: (s["first"], s["last"]) == (1003, 1005))
    hands.key("space")
    artist.waits_for(lambda s: s["is_playing"])
    hands.key("space")
    artist.waits_for(lambda s: not s["is_playing"])

    hands.key("r")
    artist.waits_for(lambda s: s["isolated"] == "R")
    hands.key("r")
    artist.waits_for(lambda s: s["isolated"] == "")
    while "Grow, px" not in artist.sees()["focus"]:
        hands.key("Tab")
        time.sleep(0.15)
    hands.key("ctrl+a")
    hands.type("7")
    hands.key("Return")
    artist.waits_for(lambda s: s["grow"] == 7 and s["focus"] == "Viewer" and not s["job"].startswith("Rendering"))
    while artist.sees()["focus"] != "Performance, folded":
        hands.key("Tab")
        time.sleep(0.15)
    hands.key("space")
    artist.waits_for(lambda s: s["focus"] == "Performance, open")
    while "Native fill" not in artist.sees()["focus"]:
        hands.key("Tab")
        time.sleep(0.15)
    hands.key("space")
    artist.waits_for(lambda s: s["native_fill"] is False and not s["is_playing"])

    hands.key("ctrl+Return")
    artist.waits_for(lambda s: s["results"] >= 3 and s["is_reported"] and not s["job"])
    hands.key("F1")
    artist.waits_for(lambda s: s["dialog"] == "Hotkeys")
    hands.key("Escape")
    artist.waits_for(lambda s: s["dialog"] == "")
    artist.gets_the_focus()
    hands.key("ctrl+e")
    artist.waits_for(lambda s: s["dialog"].startswith("Export synth-pan, frames 1003"))
    time.sleep(0.5)
    hands.key("ctrl+a")
    hands.type(str(tmp_path / "clean"))
    hands.key("Return")
    artist.waits_for(lambda s: str(tmp_path / "clean") in s["notice"])
    artist.gets_the_focus()
    with open_source(str(tmp_path / "clean")) as written:
        assert (written.range.first, written.range.last) == (1003, 1005)
    hands.key("ctrl+q")
    artist.waits_to_end()


def test_a_click_on_render_then_space_plays_and_never_cancels(artist: Artist) -> None:  # noqa: F811
    artist.waits_for(lambda s: s["phase"] in ("absent", "ready"))
    artist.clicks("sample")
    artist.waits_for(lambda s: s["shot"] == "synth-pan" and not s["job"])
    artist.clicks("grow", times=3)
    artist.hands.key("ctrl+a")
    artist.hands.type("11")  # so that there is something to render
    artist.hands.key("Return")
    artist.waits_for(lambda s: s["grow"] == 11 and s["focus"] == "Viewer" and not s["job"])
    artist.clicks("render")
    artist.waits_for(lambda s: "Rendering" in s["job"])
    artist.hands.key("space")
    artist.waits_for(lambda s: s["is_playing"])
    assert "Rendering" in artist.sees()["job"]
    artist.waits_for(lambda s: s["results"] == 24)


def test_the_right_button_offers_a_menu_on_picture_and_timeline(artist: Artist) -> None:  # noqa: F811
    artist.waits_for(lambda s: s["phase"] in ("absent", "ready"))
    artist.clicks("sample")
    artist.waits_for(lambda s: s["shot"] == "synth-pan" and not s["job"])
    hands = artist.hands
    artist.clicks("viewer", button=3)
    artist.waits_for(lambda s: s["has_menu"])
    hands.key("Down", "Return")
    artist.waits_for(lambda s: s["view"] == "plate" and not s["has_menu"])
    hands.key("Right", "Right")
    artist.clicks("timeline", button=3)
    artist.waits_for(lambda s: s["has_menu"])
    hands.key("Down", "Return")
    artist.waits_for(lambda s: s["first"] == 1003)
    hands.key("alt+x")
    artist.waits_for(lambda s: s["first"] == 1001)


def test_the_wipes_round_end_turns_it_under_a_real_mouse(artist: Artist) -> None:  # noqa: F811
    artist.waits_for(lambda s: s["phase"] in ("absent", "ready"))
    artist.clicks("sample")
    artist.waits_for(lambda s: s["shot"] == "synth-pan" and not s["job"])
    artist.clicks("viewer")
    artist.hands.key("w")
    artist.waits_for(lambda s: s["wipe"] == [0.5, 0.5, 0.0])
    x, y = artist.sees()["places"]["viewer"]
    artist.hands.drag((x, y - 78), (x + 78, y))
    artist.waits_for(lambda s: abs(s["wipe"][2] - 90) < 6)
    artist.hands.drag((x + 200, y), (x + 200, y + 60))
    artist.waits_for(lambda s: s["wipe"][1] > 0.55)


@pytest.mark.parametrize(("screen", "scale"), [((1920, 1200), 2), ((900, 600), 1)])
def test_the_whole_panel_fits_a_small_or_a_dense_screen(
    home: Path, tmp_path: Path, screen: tuple[int, int], scale: int
) -> None:
    with running_panel(home, tmp_path, screen=screen, scale=scale, arguments=["--empty"]) as somebody:
        somebody.waits_for(lambda s: s["phase"] in ("absent", "ready"))
        somebody.clicks("sample", scale=scale)
        shown = somebody.waits_for(lambda s: s["shot"] == "synth-pan" and not s["job"])
        assert shown["size"][0] * scale <= screen[0] and shown["size"][1] * scale <= screen[1]
        for what in ("viewer", "timeline", "render", "export"):
            x, y = shown["places"][what]
            assert 0 <= x * scale < screen[0] and 0 <= y * scale < screen[1], what
        somebody.clicks("render", scale=scale)
        somebody.waits_for(lambda s: "Rendering" in s["job"] or s["is_reported"])
