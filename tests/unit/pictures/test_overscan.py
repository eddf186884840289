"""What a matte covers beyond the display window is removed there, too, and only there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest
from numpy.typing import NDArray

from propainter_backend.commands.remove import main
from propainter_pictures.frame_range import FrameRange
from propainter_pictures.images import read_image, write_image
from propainter_pictures.plates import FrameSource, open_source, share_overscan
from propainter_pictures.stored import Box

WIDTH, HEIGHT, OVER = 64, 48, 8


def store(
    path: Path, pixels: NDArray[np.generic], names: str, at: tuple[int, int], origin: tuple[int, int] = (0, 0)
) -> None:
    path.parent.mkdir(exist_ok=True)
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], len(names), "half")
    spec.channelnames = tuple(names)
    spec.x, spec.y = at[0] + origin[0], at[1] + origin[1]
    spec.full_x, spec.full_y, spec.full_width, spec.full_height = *origin, WIDTH, HEIGHT
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), spec) and out.write_image(pixels.astype(np.float16)) and out.close()


def background() -> NDArray[np.float32]:
    """A still wall, larger than the display window on every side."""
    wall = np.random.default_rng(1).random((HEIGHT + 2 * OVER, WIDTH + 2 * OVER, 3), dtype=np.float32)
    return (wall * 0.5 + 0.2).astype(np.float16).astype(np.float32)


def object_at(frame: int) -> tuple[slice, slice]:
    """In the overscan and beyond its edge into the picture, moving down."""
    return slice(10 + 8 * frame, 20 + 8 * frame), slice(0, 14)


def opened(folder: Path) -> FrameSource:
    source = open_source(str(folder))
    source.require(FrameRange(source.range.first, source.range.last))
    return source


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    for frame in range(4):
        plate, matte = background(), np.zeros((HEIGHT + 2 * OVER, WIDTH + 2 * OVER, 1), np.float32)
        plate[object_at(frame)] = 30
        matte[object_at(frame)] = 1
        store(tmp_path / "plate" / f"p.{frame}.exr", plate, "RGB", (-OVER, -OVER))
        store(tmp_path / "matte" / f"m.{frame}.exr", matte, "A", (-OVER, -OVER), (100, 50))
        store(tmp_path / "small" / f"m.{frame}.exr", matte[OVER:-OVER, OVER:-OVER], "A", (0, 0))
    return tmp_path


def remove(shot: Path, matte: str, out: str) -> list[NDArray[np.float32]]:
    arguments = ["--plate", str(shot / "plate"), "--matte", str(shot / matte), "--output", str(shot / out)]
    assert main([*arguments, "--engine", "classical", "--device", "cpu", "--quiet"]) == 0
    result = []
    for frame in range(4):
        opened = oiio.ImageInput.open(str(shot / out / f"p.{frame}.exr"))
        spec = opened.spec()
        assert (spec.x, spec.y, spec.width, spec.height) == (-OVER, -OVER, WIDTH + 2 * OVER, HEIGHT + 2 * OVER)
        assert (spec.full_width, spec.full_height) == (WIDTH, HEIGHT)
        result.append(opened.read_image("float"))
    return result


def test_the_mattes_overscan_is_removed(shot: Path) -> None:
    for frame, pixels in enumerate(remove(shot, "matte", "out")):
        np.testing.assert_allclose(pixels[object_at(frame)], background()[object_at(frame)], atol=0.2)
        far = np.ones(pixels.shape[:2], bool)
        far[:, : OVER + 16] = False
        np.testing.assert_array_equal(pixels[far], background()[far])


def test_overscan_stays_where_the_matte_has_none(shot: Path) -> None:
    for frame, pixels in enumerate(remove(shot, "small", "out")):
        assert (pixels[object_at(frame)][:, :OVER] == 30).all()
        assert pixels[object_at(frame)][:, OVER : OVER + 6].max() < 5


def test_only_what_all_hold_is_read_beyond_the_window(shot: Path) -> None:
    plate, small = opened(shot / "plate"), opened(shot / "small")
    share_overscan(plate, small)
    assert plate.size == (WIDTH, HEIGHT)
    matte = opened(shot / "matte")
    share_overscan(plate, matte)
    assert plate.size == matte.size == (WIDTH + 2 * OVER, HEIGHT + 2 * OVER)
    assert plate.read(0).inset == (OVER, OVER, WIDTH, HEIGHT)


def test_windows_that_do_not_meet_change_nothing(tmp_path: Path) -> None:
    store(tmp_path / "plate" / "p.0.exr", background(), "RGB", (-1000, -1000))
    store(tmp_path / "matte" / "m.0.exr", background()[:HEIGHT, :WIDTH, :1], "A", (0, 0))
    plate, matte = opened(tmp_path / "plate"), opened(tmp_path / "matte")
    share_overscan(plate, matte)
    assert plate.size == (WIDTH, HEIGHT)


def test_other_formats_get_the_display_window(shot: Path) -> None:
    reach = Box(-OVER, -OVER, WIDTH + OVER, HEIGHT + OVER)
    frame = read_image(shot / "plate" / "p.0.exr", 0, reach=reach)
    write_image(shot / "a.tif", frame, {})
    np.testing.assert_array_equal(read_image(shot / "a.tif", 0).pixels, frame.displayed().pixels)
    write_image(shot / "b.exr", frame, {})
    np.testing.assert_array_equal(read_image(shot / "b.exr", 0, reach=reach).pixels, frame.pixels)
