"""Promises of the clone stamp: the plate's own numbers, moved as the background moved, and nothing else touched."""

from __future__ import annotations

import numpy as np
import pytest

from builders import texture
from matte_scenes import moving_disc
from propainter_matte.stamping import background_way, stamp

DOT = ((40.0, 30.0),)


def _move(dx, dy):
    return np.array([[1, 0, dx], [0, 1, dy], [0, 0, 1]], np.float64)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float16, np.float32])
@pytest.mark.parametrize("as_field", [False, True])
def test_a_whole_move_copies_the_source_s_own_numbers_and_nothing_outside_the_brush_changes(dtype, as_field):
    rng = np.random.default_rng(1)
    span = 60000 if dtype == np.uint16 else 255 if dtype == np.uint8 else 9
    picture, source = ((rng.random((60, 80, 3)) * span - (span == 9)).astype(dtype) for _ in range(2))
    before = picture.copy()
    motion = np.zeros((60, 80, 2), np.float32) + np.float32((5, -3)) if as_field else _move(5, -3)
    found = stamp(picture, source, motion, DOT, radius=8, softness=0.5)
    assert found.dtype == dtype
    assert np.array_equal(picture, before)
    rows, columns = np.mgrid[:60, :80]
    off = np.hypot(columns - 39.5, rows - 29.5)
    assert np.array_equal(found[off >= 8.5], picture[off >= 8.5])
    inner = off <= 3.5
    moved = np.roll(source, (3, -5), (0, 1))
    assert np.array_equal(found[inner], moved[inner])
    rim = (off > 4.5) & (off < 7.5)
    assert (abs(found[rim].astype(float) - picture[rim]) > 0).mean() > 0.9


def test_a_move_between_pixels_is_sharp_and_never_beyond_what_is_there():
    x = np.arange(80, dtype=np.float64) + np.zeros((60, 1))
    ramp = (0.1 * x).astype(np.float32)
    found = stamp(np.zeros_like(ramp), ramp, _move(0.37, 0.0), DOT, radius=10, softness=0)
    assert found[25:35, 35:45] == pytest.approx(0.1 * (x[25:35, 35:45] + 0.37), abs=1e-5)
    spike = np.zeros((60, 80), np.float32)
    spike[30, 40] = 1000.0
    found = stamp(np.zeros_like(spike), spike, _move(0.5, 0.5), DOT, radius=10)
    assert found.min() >= 0
    assert 200 < found.max() <= 1000


def test_a_homography_moves_as_it_says():
    ground = texture(60, 80, seed=4)[..., 0].astype(np.float32)
    turn = np.array([[0.98, -0.05, 4.0], [0.05, 0.98, -2.0], [1e-4, 0, 1.0]])
    found = stamp(np.zeros_like(ground), ground, turn * 3.0, DOT, radius=3, softness=0)
    place = turn @ (39.0, 29.0, 1.0)
    x, y = place[:2] / place[2]
    around = ground[int(y) - 1 : int(y) + 3, int(x) - 1 : int(x) + 3]
    assert around.min() <= found[29, 39] <= around.max()
    left, top = x - int(x), y - int(y)
    four = ground[int(y) : int(y) + 2, int(x) : int(x) + 2]
    linear = np.array([1 - top, top]) @ four @ np.array([1 - left, left])
    assert found[29, 39] == pytest.approx(linear, abs=0.25 * float(np.ptp(around)))


def test_nothing_is_stamped_from_outside_the_source_or_where_it_is_not_finite():
    picture = np.full((20, 30), 0.25, np.float32)
    source = np.full((20, 30), 0.75, np.float32)
    source[10, 12] = np.nan
    found = stamp(picture, source, _move(10.0, 0.0), ((20.0, 10.0),), radius=30, softness=0)
    assert (found[:, :20] != 0.25).sum() == 20 * 20 - 1
    assert found[10, 2] == 0.25
    assert (found[:, 20:] == 0.25).all()
    assert np.isfinite(found).all()
    broken = picture.copy()
    broken[10, 15] = np.nan
    assert stamp(broken, source, _move(0, 0), ((15.5, 10.5),), radius=3, softness=0)[10, 15] == 0.75
    assert np.array_equal(stamp(picture, source, _move(0, 0), ((500.0, 10.0),), radius=3), picture)


def test_a_line_covers_once_however_its_points_lie():
    picture, source = np.zeros((40, 60), np.float32), np.ones((40, 60), np.float32)
    straight = stamp(picture, source, _move(0, 0), ((10, 20), (50, 20)), radius=5, softness=1)
    many = stamp(picture, source, _move(0, 0), tuple((x, 20) for x in range(10, 51, 2)), radius=5, softness=1)
    assert many == pytest.approx(straight)
    assert straight.max() <= 1
    assert straight[19:21, 12:48].min() > 0.9


def test_an_offset_reads_beside_the_place():
    source = texture(40, 60, seed=7)[..., 0].astype(np.float32)
    found = stamp(np.zeros_like(source), source, _move(2, 0), ((30, 20),), radius=3, softness=0, offset=(4.0, -1.0))
    assert found[20, 30] == source[19, 36]


def test_what_does_not_fit_is_refused_in_words():
    picture = np.zeros((20, 30, 3), np.uint8)
    for wrong, words in (
        (lambda: stamp(picture, picture.astype(np.float32), np.eye(3), DOT, radius=2), "20x30x3 of uint8.*one plate"),
        (lambda: stamp(picture, picture, np.zeros((4, 4, 2)), DOT, radius=2), "motion is 4x4x2"),
        (lambda: stamp(picture, picture, np.eye(3), (), radius=2), "needs a point"),
        (lambda: stamp(picture, picture, np.eye(3), DOT, radius=0), "radius 0"),
        (lambda: stamp(picture, picture, np.eye(3), DOT, radius=2, softness=2), "softness 2"),
        (lambda: background_way(moving_disc(2).footage, 0, 5, size=(160, 120)), "frame 5"),
    ):
        with pytest.raises(ValueError, match=words):
            wrong()


def test_the_background_s_way_brings_the_ground_from_another_frame_under_the_object():
    scene = moving_disc(12, pan=1.0, speed=5)
    way = background_way(scene.footage, 2, 11, size=(320, 240), mattes=dict(enumerate(scene.truth)))
    x, y = 160.0, 120.0
    found = way @ (x, y, 1.0)
    assert found[:2] / found[2] == pytest.approx((x - 2 * 9, y), abs=0.5)  # nine frames at a pixel, twice enlarged
    way = background_way(scene.footage, 2, 11, size=(160, 120), mattes=dict(enumerate(scene.truth)))
    clean = moving_disc(12, pan=1.0, speed=5, radius=0.01)
    stamped = stamp(scene.frames[2], scene.frames[11], way, ((50.0, 60.0),), radius=14, softness=0.2)
    there = abs(scene.frames[2].astype(int) - clean.frames[2])[50:70, 42:58].mean()
    assert abs(stamped.astype(int) - clean.frames[2])[50:70, 42:58].mean() < 0.1 * there


def test_the_way_there_and_back_is_none():
    footage = moving_disc(6).footage
    there = background_way(footage, 0, 5, size=(160, 120))
    assert background_way(footage, 3, 3, size=(160, 120)) == pytest.approx(np.eye(3))
    back = background_way(footage, 5, 0, size=(160, 120))
    assert back @ there == pytest.approx(np.eye(3), abs=0.6)
