"""One bench for all tests of faults: the libraries are loaded once."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from bench import Bench

from propainter_pictures.frame import Frame
from propainter_pictures.images import write_image

SIZE = (90, 120)


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    if sys.platform != "linux":
        pytest.skip("calls of the C library are caught on Linux alone")
    with Bench(tmp_path_factory.mktemp("bench")) as running:
        yield running


@pytest.fixture(scope="session")
def plates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each picture format, with two frames of noise in it: more than a writer's buffers hold."""
    folder = tmp_path_factory.mktemp("plates")
    noise = np.random.default_rng(16).random((2, *SIZE, 3))
    for suffix, dtype in (("png", "uint8"), ("exr", "float16"), ("dpx", "uint16"), ("tif", "uint8")):
        (folder / suffix).mkdir()
        for number, pixels in enumerate(noise, start=1):
            stored = pixels * np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else pixels
            write_image(folder / suffix / f"p.{number:04d}.{suffix}", Frame(stored.astype(dtype), ("R", "G", "B")), {})
    return folder
