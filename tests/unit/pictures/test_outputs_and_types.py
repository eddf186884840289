"""Where results go, at what rate, in what type; mattes drawn on a plate as it is stored."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from propainter_backend.commands.remove import main
from propainter_backend.errors import OutputError
from propainter_pictures.frame import Frame, as_rate, narrowed, widened
from propainter_pictures.frame_range import FrameRange
from propainter_pictures.images import write_image
from propainter_pictures.plates import open_source
from propainter_pictures.results import open_sink
from propainter_pictures.video import VideoReader


def plate_in(
    folder: Path, *, orientation: int = 1, name: str = "p.{}.tif", fps: float = 0, dtype: str = "uint8"
) -> Path:
    folder.mkdir()
    for number in range(3):
        spec = oiio.ImageSpec(48, 32, 3, dtype)
        spec.attribute("Orientation", orientation)
        spec.attribute("dpx:FrameRate", fps) if fps else None
        out = oiio.ImageOutput.create(str(folder / name.format(number)))
        assert out.open(str(folder / name.format(number)), spec)
        assert out.write_image(np.random.default_rng(8).integers(0, 256, (32, 48, 3), np.uint8).astype(dtype))
        assert out.close()
    return folder


@pytest.mark.parametrize("name", ["clean.gif", "clean.tga", "clean.webp", "clean.jp2", "clean.wmv"])
def test_an_ending_that_is_not_written_is_refused_not_made_a_folder(name: str, tmp_path: Path) -> None:
    with open_source(str(plate_in(tmp_path / "plate"))) as plate, pytest.raises(OutputError, match="end it in one of"):
        open_sink(str(tmp_path / name), like=plate, frames=FrameRange(0, 2))
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("name", ["take#3", "v%d_out", "shot.v2", "take_1.0"])
def test_folders_may_have_such_names(name: str, tmp_path: Path) -> None:
    with open_source(str(plate_in(tmp_path / "plate"))) as plate:
        sink = open_sink(str(tmp_path / name), like=plate, frames=FrameRange(0, 2))
        assert sink.file(1) == tmp_path / name / "p.1.tif"


@pytest.mark.parametrize(
    ("rate", "meant"),
    [(23.976, Fraction(24000, 1001)), (29.97, Fraction(30000, 1001)), (24.0, Fraction(24)), (12.5, Fraction(25, 2))],
)
def test_rounded_rates_are_the_fractions_they_mean(rate: float, meant: Fraction) -> None:
    assert as_rate(rate) == meant


def test_a_sequences_own_rate_is_the_videos(tmp_path: Path) -> None:
    plate_in(tmp_path / "plate", name="p.{}.dpx", fps=25.0)
    with open_source(str(tmp_path / "plate")) as plate:
        assert plate.fps == 25
        with open_sink(str(tmp_path / "a.mp4"), like=plate, frames=FrameRange(0, 2)) as sink:
            for number in range(3):
                sink.write(number, plate.read(number))
    assert VideoReader(tmp_path / "a.mp4").facts.fps == 25


def test_the_rate_asked_for_is_the_videos(tmp_path: Path) -> None:
    plate_in(tmp_path / "plate")
    (tmp_path / "matte").mkdir()
    for number in range(3):
        write_image(tmp_path / "matte" / f"m.{number}.png", Frame(np.zeros((32, 48, 1), np.uint8), ("Y",)), {})
    given = ["--plate", str(tmp_path / "plate"), "--matte", str(tmp_path / "matte"), "--quiet", "--engine", "classical"]
    assert main([*given, "--output", str(tmp_path / "a.mp4"), "--fps", "23.976", "--device", "cpu"]) == 0
    assert VideoReader(tmp_path / "a.mp4").facts.fps == Fraction(24000, 1001)
    with pytest.raises(SystemExit) as ended:
        main([*given, "--output", str(tmp_path / "b.mp4"), "--fps", "fast"])
    assert ended.value.code == 2


def test_a_matte_drawn_on_the_plate_as_it_is_stored_is_turned_with_it(tmp_path: Path) -> None:
    plate_in(tmp_path / "plate", orientation=6)
    (tmp_path / "matte").mkdir()
    matte = np.zeros((32, 48, 1), np.uint8)
    matte[4:10, 30:40] = 255
    for number in range(3):
        write_image(tmp_path / "matte" / f"m.{number}.png", Frame(matte, ("Y",)), {})
    given = ["--plate", str(tmp_path / "plate"), "--matte", str(tmp_path / "matte"), "--quiet", "--engine", "classical"]
    assert main([*given, "--output", str(tmp_path / "out"), "--device", "cpu"]) == 0
    before, after = (
        oiio.ImageInput.open(str(tmp_path / folder / "p.1.tif")).read_image("uint8") for folder in ("plate", "out")
    )
    changed = (before != after).any(-1)
    assert changed[5:9, 31:39].mean() > 0.8
    changed[:18, 20:] = False
    assert not changed.any()


@pytest.mark.parametrize(("narrow", "wide"), [("uint8", "uint16"), ("float16", "float32")])
def test_types_of_one_kind_go_over_the_wire_and_back_bit_by_bit(narrow: str, wide: str, tmp_path: Path) -> None:
    every = (
        np.arange(256, dtype=np.uint8)
        if narrow == "uint8"
        else np.arange(-60000, 60000, 7, dtype=np.float32).astype(np.float16)
    )
    there = widened(every, np.dtype(wide))
    assert there.dtype == wide
    np.testing.assert_array_equal(narrowed(there, np.dtype(narrow)), every)
    assert widened(np.array([255], np.uint8), np.dtype("uint16"))[0] == 65535


def test_the_widest_type_of_a_shot_is_known_once_it_was_looked_through(tmp_path: Path) -> None:
    plate_in(tmp_path / "plate")
    write_image(tmp_path / "plate" / "p.2.tif", Frame(np.zeros((32, 48, 3), np.uint16), ("R", "G", "B")), {})
    plate = open_source(str(tmp_path / "plate"))
    plate.require(FrameRange(0, 2))
    assert (plate.dtype, plate.widest) == (np.uint8, np.uint16)
