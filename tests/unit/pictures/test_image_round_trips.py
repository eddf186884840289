"""Whatever picture is written is read again bit for bit: any size, type, channels, windows and values, many at random.

Beside it: ``test_strange_files.py`` and ``tests/integration/faults`` read what is damaged.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from propainter_pictures.formats import HOLDS
from propainter_pictures.frame import Frame
from propainter_pictures.images import read_all_parts, read_image, write_image
from propainter_pictures.mattes import read_matte

CHANNELS = {
    ".exr": [("R", "G", "B"), ("R", "G", "B", "A"), ("Y",), ("Y", "A"), ("R", "G", "B", "A", "matte.R", "depth.Z")],
    ".dpx": [("R", "G", "B"), ("R", "G", "B", "A")],
    ".tif": [("R", "G", "B"), ("R", "G", "B", "A"), ("Y",)],
    ".png": [("R", "G", "B"), ("R", "G", "B", "A"), ("Y",), ("Y", "A")],
}
SPECIAL = np.array([0, -0.0, 1, -1, np.inf, -np.inf, 6e-8, 65504, 1e-4], np.float32)


@dataclass(frozen=True)
class Case:
    """A picture made up from a seed."""

    suffix: str
    pixels: np.ndarray
    names: tuple[str, ...]

    @staticmethod
    def of(seed: int) -> Case:
        random = np.random.default_rng(seed)
        suffix = (*CHANNELS,)[random.integers(len(CHANNELS))]
        dtype = np.dtype(str(random.choice(HOLDS[suffix])))
        names = CHANNELS[suffix][random.integers(len(CHANNELS[suffix]))]
        height, width = random.integers(1, 40, 2) if random.random() < 0.9 else (random.integers(1, 4), 301)
        shape = (height, width, len(names))
        if dtype.kind == "u":
            return Case(suffix, random.integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype), names)
        pixels = random.normal(0, 3, shape).astype(np.float32)
        special = random.random(shape) < 0.1
        pixels[special] = random.choice(SPECIAL, special.sum())
        return Case(suffix, pixels.astype(dtype), names)

    def frame(self) -> Frame:
        return Frame(self.pixels, self.names)


def require_same(frame: Frame, case: Case) -> None:
    assert set(frame.channel_names) == set(case.names)
    order = [frame.channel_names.index(name) for name in case.names]
    found = frame.pixels[..., order]
    if case.suffix == ".tif" and case.pixels.dtype == np.float16:  # halves are stored as floats
        found = found.astype(np.float16)
    assert found.dtype == case.pixels.dtype and found.shape == case.pixels.shape
    assert found.tobytes() == case.pixels.tobytes()


def goes_round(seed: int, folder: Path) -> None:
    """Written, read, written again as what it was read as, and read again."""
    case = Case.of(seed)
    first, again = folder / f"first{case.suffix}", folder / f"again{case.suffix}"
    write_image(first, case.frame(), {"note": "é" * (seed % 3)})
    found = read_image(first, 1)
    require_same(found, case)
    write_image(again, found, {})
    require_same(read_image(again, 1), case)


def goes_round_with_windows(seed: int, folder: Path) -> None:
    """An EXR whose data lie anywhere, within the format and beyond it: shown as they lie, and written back as they were."""
    random = np.random.default_rng(seed)
    dtype = str(random.choice(HOLDS[".exr"]))
    height, width, full_height, full_width = (int(side) for side in random.integers(1, 30, 4))
    x, y, full_x, full_y = (int(place) for place in random.integers(-20, 20, 4))
    data = random.normal(0, 1, (height, width, 3)).astype(dtype)
    spec = oiio.ImageSpec(width, height, 3, "half" if dtype == "float16" else "float")
    spec.x, spec.y, spec.full_x, spec.full_y, spec.full_width, spec.full_height = (
        x,
        y,
        full_x,
        full_y,
        full_width,
        full_height,
    )
    spec.attribute("compression", str(random.choice(["none", "rle", "zip", "zips", "piz"])))
    out = oiio.ImageOutput.create("window.exr")
    first, again = folder / "window.exr", folder / "again.exr"
    assert out.open(str(first), spec) and out.write_image(data) and out.close()

    shown = np.zeros((full_height, full_width, 3), dtype)
    for row in range(full_height):
        for column in range(full_width):
            at = row + full_y - y, column + full_x - x
            if 0 <= at[0] < height and 0 <= at[1] < width:
                shown[row, column] = data[at]
    found = read_image(first, 1)
    assert found.pixels.tobytes() == shown.tobytes()
    write_image(again, found, {})
    kept = oiio.ImageInput.open(str(again))
    described = kept.spec()
    assert (described.full_x, described.full_y, described.full_width, described.full_height) == (
        full_x, full_y, full_width, full_height,
    )  # fmt: skip
    assert (described.x, described.y, described.width, described.height) == (x, y, width, height)
    assert np.asarray(kept.read_image(0, 0, 0, 3, "unknown")).tobytes() == data.tobytes()


def matte_goes_round(seed: int, folder: Path) -> None:
    """A matte written into any format is read as the shares it was."""
    random = np.random.default_rng(seed)
    suffix = str(random.choice([".png", ".tif", ".exr"]))
    dtype = np.dtype(str(random.choice(HOLDS[suffix])))
    height, width = random.integers(2, 30, 2)
    shares = random.random((height, width))
    shares[random.random(shares.shape) < 0.4] = 0
    shares[random.random(shares.shape) < 0.4] = 1
    top = np.iinfo(dtype).max if dtype.kind == "u" else 1
    stored = np.round(shares * top).astype(dtype) if dtype.kind == "u" else shares.astype(dtype)
    path = folder / f"matte{suffix}"
    write_image(path, Frame(stored[..., None], ("Y",)), {})
    np.testing.assert_allclose(read_matte(read_all_parts(path, 1)), stored.astype(np.float64) / top, atol=1e-6)


WAYS = [goes_round, goes_round_with_windows, matte_goes_round]


@pytest.mark.parametrize("way", WAYS)
def test_sixty_pictures_come_back(way: object, tmp_path: Path) -> None:
    for seed in range(60):
        way(seed, tmp_path)  # type: ignore[operator]


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_three_thousand_pictures_come_back(way: object, tmp_path: Path) -> None:
    for seed in range(1000, 4000):
        way(seed, tmp_path)  # type: ignore[operator]
