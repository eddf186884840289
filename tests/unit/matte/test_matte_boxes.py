"""Promises of a box: what it spans belongs to the object, its shadow too; what stands behind does not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from builders import texture
from matte_scenes import SIZE, Scene, moving_disc
from propainter_matte.arrays import depth_in, overlap
from propainter_matte.marks import Box, Marks
from propainter_matte.selecting import select
from propainter_matte.spanning import cast_in_box

WIDTH, HEIGHT = SIZE


@pytest.fixture(scope="module")
def cast() -> Scene:
    return moving_disc(16, shadow=0.35, speed=4, pan=0.5, radius=14)


def test_a_box_around_an_object_and_its_shadow_takes_both(cast):
    both = np.maximum(cast.truth[6], cast.shadows[6])
    found = select(cast.footage, 6, _box(both))
    assert (found > 0.5)[cast.shadows[6] > 0.9].mean() > 0.7
    assert overlap(found, both) > 0.8


def test_a_box_around_an_object_alone_leaves_its_shadow(cast):
    found = select(cast.footage, 6, _box(cast.truth[6]))
    assert overlap(found, cast.truth[6]) > 0.85


def test_what_stands_in_the_middle_of_a_box_is_not_taken_for_its_object():
    """A long shadow makes the box three times as wide as its object: its middle is a wall."""
    scene = _with_a_long_shadow_before_a_wall(moving_disc(30, speed=2, pan=3, radius=14, start=24))
    both = np.maximum(scene.truth[15], scene.shadows[15])
    found = select(scene.footage, 15, _box(both))
    assert (found > 0.5)[scene.truth[15] > 0.9].mean() > 0.9
    assert (found > 0.5)[scene.shadows[15] > 0.9].mean() > 0.7
    assert overlap(found, both) > 0.7


def test_two_boxes_are_two_objects_though_one_moves_and_one_stands():
    """Other frames show that the standing one is ground. It was dropped without a word, for the other moves."""
    scene = moving_disc(12, speed=3, pan=2, radius=14)
    standing = np.zeros((HEIGHT, WIDTH), np.float32)
    for i, picture in enumerate(scene.frames):
        rock = np.zeros((HEIGHT, WIDTH), np.float32)
        cv2.circle(rock, (WIDTH - 24 - 2 * i, HEIGHT - 22), 12, 1, -1)
        picture[rock > 0] = 0.3 * picture[rock > 0] + (20, 130, 150)
        standing = rock if i == 4 else standing
    moving, still = _box(scene.truth[4]), _box(standing)
    found = select(scene.footage, 4, moving + still)
    assert overlap(found * (standing == 0), scene.truth[4]) > 0.85
    assert (found > 0.5)[standing > 0].mean() > 0.9
    np.testing.assert_array_equal(found, np.maximum(select(scene.footage, 4, moving), select(scene.footage, 4, still)))


def test_restless_ground_is_no_shadow():
    """Leaves that turn in the wind lose light here, too, beside other frames."""
    scene = moving_disc(16, shadow=0.35, speed=4, pan=0.5, radius=14)
    assert _cast(scene) is not None
    assert _cast(_among_leaves(scene)) is None


def test_what_moves_along_beside_an_object_is_left_where_colours_tell_its_edge():
    """A wake of the water's own colour: motion takes it for the object, and would for all frames that follow."""
    scene = _in_a_wake(moving_disc(7, contrast=0.6, speed=4, radius=20))
    found = select(scene.footage, 3, _box(scene.truth[3], pad=5))
    beyond = (found > 0.5) & (depth_in(scene.truth[3]) < -1)
    assert beyond.sum() < 0.03 * (scene.truth[3] > 0.5).sum()
    assert overlap(found, scene.truth[3]) > 0.9


def _cast(scene: Scene) -> np.ndarray | None:
    truth = scene.truth[6]
    may = cv2.dilate(truth, np.ones((41, 41))) > 0.5
    return cast_in_box(
        scene.footage, 6, truth, may, around=~may, is_reached=lambda matte: matte.sum() > 1.2 * truth.sum()
    )


def _box(cover: np.ndarray, *, pad: int = 1) -> Marks:
    rows, columns = (np.flatnonzero((cover > 0.5).any(axis)) for axis in (1, 0))
    return Marks(
        boxes=(Box(columns[0] - pad, rows[0] - pad, np.ptp(columns) + 1 + 2 * pad, np.ptp(rows) + 1 + 2 * pad),)
    )


def _with_a_long_shadow_before_a_wall(scene: Scene) -> Scene:
    frames, shadows = [], []
    for i, (frame, cover) in enumerate(zip(scene.frames, scene.truth, strict=True)):
        wall = np.zeros((HEIGHT, WIDTH), np.float32)
        wall[52:66, max(0, round(112 - 3 * i)) : round(155 - 3 * i)] = 1
        x = 24 + 2 * i
        cast = np.zeros_like(wall)
        cast[68:75, x + 4 : x + 50] = 1
        wall, cast = (cv2.GaussianBlur(each, (0, 0), 0.7) * (1 - cover) for each in (wall, cast))
        share = (0.6 * wall)[..., None]
        behind = frame * (1 - share) + share * np.array([70, 80, 75])
        frames.append(np.rint(behind * (1 - 0.4 * cast[..., None])).astype(np.uint8))
        shadows.append(cast)
    return Scene(frames, scene.truth, shadows)


def _in_a_wake(scene: Scene) -> Scene:
    frames = []
    water = np.array([0.2, 0.4, 0.3]) * (0.8 + 0.4 * texture(HEIGHT, 2 * WIDTH, seed=7)[..., :1])
    for i, (frame, cover) in enumerate(zip(scene.frames, scene.truth, strict=True)):
        wake = np.clip(depth_in(cover) + 5, 0, 1)[..., None]
        behind = (1 - wake) * np.roll(water, -i, 1)[:, :WIDTH] + wake * np.roll(water, 4 * i, 1)[:, :WIDTH]
        share = cover[..., None]
        frames.append(np.rint(frame * share + 255 * behind * (1 - share)).clip(0, 255).astype(np.uint8))
    return Scene(frames, scene.truth, scene.shadows)


def _among_leaves(scene: Scene) -> Scene:
    frames = []
    for i, (frame, cover) in enumerate(zip(scene.frames, scene.truth, strict=True)):
        light = 1 - 0.6 * (texture(HEIGHT, WIDTH, seed=50 + i)[..., :1] > 0.6)
        frames.append(np.rint(frame * (light + (1 - light) * cover[..., None])).astype(np.uint8))
    return Scene(frames, scene.truth, scene.shadows)
