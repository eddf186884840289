"""Plates whose sides are no multiples of eight: the working grid is padded, and what is removed must not live on there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from builders import RGB, MemoryPictures, texture
from propainter.classical import ClassicalEngine
from propainter.types import Settings
from propainter_backend.render.shot import Shot
from propainter_backend.render.shot_cache import ShotCache
from propainter_backend.render.shot_renderer import ShotRenderer
from propainter_backend.render.steps import run_to_end
from propainter_pictures.color import WorkingSpace
from propainter_pictures.frame import Frame

WIDTH, HEIGHT = 83, 61
BLUE = 0, 0, 255


def shot_of(never_seen: str) -> Shot:
    """A tripod, and something blue that stands in the lower right corner."""
    matte = np.zeros((HEIGHT, WIDTH), np.float32)
    matte[30:, 55:] = 1
    plate = (texture(HEIGHT, WIDTH) * 100 + 40).astype(np.uint8)
    plate[matte > 0] = BLUE
    return Shot(
        MemoryPictures([Frame(plate, RGB, number=i) for i in range(3)], [matte] * 3),
        WorkingSpace.AUTO,
        Settings(grow=2, feather=0, never_seen=never_seen),
        (WIDTH, HEIGHT),
    )


@pytest.mark.parametrize("working_size", [None, (42, 31)])
@pytest.mark.parametrize("never_seen", ["texture", "smooth"])
def test_nothing_of_what_is_removed_at_the_border_comes_back_from_the_padding(never_seen, working_size):
    shot = replace(shot_of(never_seen), working_size=working_size)
    renderer = ShotRenderer(shot, ClassicalEngine(), ShotCache(None, memory_budget=1 << 28))
    fill = run_to_end(renderer.frame(1)).pixels[shot.pictures.matte(1) > 0].astype(int)
    assert fill[:, 2].max() < 160 and fill[:, :2].min() > 20, "the plate around it has 40..140 in every channel"


def test_pixels_of_the_padding_are_not_counted():
    shot = shot_of("texture")
    renderer = ShotRenderer(shot, ClassicalEngine(), ShotCache(None, memory_budget=1 << 28))
    run_to_end(renderer.frame(1))
    hole, unseen = renderer.unseen_pixels(1)
    assert hole == unseen == 31 * 28 + 2 * (31 + 28) + 1, "the matte, two pixels along two sides, one in the corner"
    assert 0 <= renderer.unsure_pixels(1) <= hole
