"""Pixels that are no numbers, beside a hole, where a user has accepted them: nothing of them spreads over the fill."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from builders import MemoryPictures, box_matte, moving_plates
from propainter.classical import ClassicalEngine
from propainter.types import Settings
from propainter_backend.render.shot import Shot
from propainter_backend.render.shot_cache import ShotCache
from propainter_backend.render.shot_renderer import ShotRenderer
from propainter_backend.render.steps import run_to_end
from propainter_pictures.color import WorkingSpace

SIZE, COUNT = (96, 64), 5
HOLE = box_matte(SIZE, left=30, top=20, width=20, height=20)
PLATES = moving_plates(COUNT, size=SIZE, step=3, dtype="float32")


@pytest.mark.parametrize("space", [WorkingSpace.AUTO, WorkingSpace.RAW])
@pytest.mark.parametrize("working_size", [SIZE, (48, 32)])
@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_nothing_infinite_spreads_from_the_plate_into_the_fill(value, working_size, space):
    plates = []
    for frame in PLATES:
        pixels = frame.pixels.copy()
        pixels[25:35, 56:59] = value
        plates.append(replace(frame, pixels=pixels))
    shot = Shot(
        MemoryPictures(plates, [HOLE] * COUNT), space, Settings(), SIZE, working_size=working_size, match_grain=1.0
    )
    renderer = ShotRenderer(shot, ClassicalEngine(), ShotCache(None, memory_budget=1 << 28))
    for index in range(COUNT):
        fill = run_to_end(renderer.frame(index)).pixels[HOLE > 0]
        assert np.isfinite(fill).all()
        most = 1.5 if space is WorkingSpace.RAW or value < 0 else 1000
        assert np.abs(fill).max() < most, "near white, or near what counts as brightest light"
