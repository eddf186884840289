"""Promises of the shadow helper: what has lost light is offered, what only looks darker from elsewhere is not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from builders import texture
from matte_scenes import SIZE, Scene, moving_disc
from propainter_matte.arrays import overlap
from propainter_matte.shadows import shadow_of, with_shadow

WIDTH, HEIGHT = SIZE


@pytest.mark.parametrize("light", [0.5, 0.25])
def test_a_shadow_is_found_under_a_vignette_that_stays_while_the_camera_goes(light):
    scene = _under_a_vignette(moving_disc(20, shadow=light, speed=5, pan=1.5, radius=14))
    found = shadow_of(scene.footage, 10, dict(enumerate(scene.truth)), threshold=0.12, soften=1)
    assert overlap(found, scene.shadows[10]) > 0.55


def test_a_vignette_alone_is_no_shadow():
    scene = _under_a_vignette(moving_disc(24, speed=3, pan=3, radius=14))
    for index in (4, 12, 20):
        found = shadow_of(scene.footage, index, dict(enumerate(scene.truth)))
        assert (found > 0.5).sum() < 40


def test_ground_at_another_depth_is_no_shadow():
    """A dark and a bright wall go past behind the disc faster than the rest: what lies beside it changes."""
    scene = _before_walls(moving_disc(24, speed=3, pan=0.5, radius=14))
    for index in (8, 12, 16):
        found = shadow_of(scene.footage, index, dict(enumerate(scene.truth)))
        assert (found > 0.5).sum() < 60


def test_no_seam_is_left_between_object_and_shadow():
    y, x = np.mgrid[:240, :432].astype(np.float32)
    matte = np.clip((60 - np.hypot(x - 200, y - 100)) / 4 + 0.5, 0, 1)
    both = np.maximum(matte, np.clip((40 - np.hypot(x - 200, y - 160)) / 10 + 0.5, 0, 1))
    cast = (both - np.clip((61 - np.hypot(x - 200, y - 100)) / 2 + 0.5, 0, 1)).clip(0, 1)  # by a rougher matte
    inside = cv2.erode((both > 0.99).astype(np.uint8), np.ones((3, 3))) > 0
    assert np.maximum(matte, cast)[inside].min() < 0.65
    found = with_shadow(matte, cast)
    assert found[inside].min() > 0.8
    apart = cv2.dilate(cast, np.ones((9, 9))) == 0
    assert np.array_equal(found[apart], matte[apart])


def _under_a_vignette(scene: Scene) -> Scene:
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    left = (1 - 0.3 * (x**2 + y**2) / 2)[..., None]
    return Scene([np.rint(each * left).astype(np.uint8) for each in scene.frames], scene.truth, scene.shadows)


def _before_walls(scene: Scene) -> Scene:
    walls = 0.2 + 0.5 * texture(HEIGHT, 3 * WIDTH, seed=11)
    walls[:, ::2] *= 0.9
    walls *= np.where((np.arange(3 * WIDTH) // 30 % 2)[:, None] > 0, 0.5, 1.0)
    frames = []
    for i, (frame, cover) in enumerate(zip(scene.frames, scene.truth, strict=True)):
        moved = cv2.warpAffine(walls, np.array([[1, 0, -4.0 * i], [0, 1, 0]]), (WIDTH, HEIGHT))
        share = cover[..., None]
        upper = np.arange(HEIGHT)[:, None, None] < HEIGHT / 2
        frames.append(np.where(upper, frame * share + 255 * moved * (1 - share), frame).clip(0, 255).astype(np.uint8))
    return Scene(frames, scene.truth, scene.shadows)
