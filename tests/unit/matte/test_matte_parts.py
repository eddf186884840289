"""The parts of matte making against closed forms, brute force and drawn truth."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest

from matte_scenes import moving_disc
from propainter_matte.arrays import blurred, overlap
from propainter_matte.barrier import barrier
from propainter_matte.colours import Remembered, far_colour, near_colour, own_colours
from propainter_matte.cues import NAMES
from propainter_matte.cutting import _edge_costs, cut
from propainter_matte.edges import soft_edges
from propainter_matte.footage import Footage, working_size
from propainter_matte.marks import Box, Marks, Polygon, Stroke, inside_boxes, inside_polygons, under_strokes
from propainter_matte.selecting import select
from propainter_matte.shadows import shadow_of
from propainter_matte.weighing import GENERAL, learn


def test_the_cut_is_a_least_one_among_all_there_are():
    rng = np.random.default_rng(5)
    lab = rng.integers(0, 255, (3, 4, 3)).astype(np.uint8)
    odds = rng.normal(0, 2, (3, 4)).astype(np.float32)
    across, down = _edge_costs(lab)

    def cost(matte):
        edges = (across[:, :-1] * abs(matte[:, 1:] - matte[:, :-1])).sum() + (
            down[:-1] * abs(matte[1:] - matte[:-1])
        ).sum()
        return edges - 0.3 * (odds * matte).sum()

    least = min(cost(np.array(each, np.float32).reshape(3, 4)) for each in itertools.product((0, 1), repeat=12))
    found = (cut(odds, lab, rounds=2000) > 0.5).astype(np.float32)
    assert cost(found) == pytest.approx(least, abs=1e-3)


def test_the_cut_follows_an_edge_of_the_picture_rather_than_the_odds():
    lab = np.full((20, 40, 3), 60, np.uint8)
    lab[:, 22:] = 180
    odds = np.full((20, 40), -1.0, np.float32)
    odds[:, 19:] = 1.0
    assert (cut(odds, lab, rounds=600) > 0.5).sum(1) == pytest.approx(18)


def test_the_barrier_is_the_least_range_on_any_way():
    picture = np.full((9, 9, 1), 10, np.uint8)
    picture[2:7, 2:7] = 90
    picture[4, 4] = 40
    outside = np.ones((9, 9), bool)
    outside[1:8, 1:8] = False
    found = barrier(picture, outside)
    assert found[1, 1] == 0
    assert found[3, 3] == 80
    assert found[4, 4] == 80  # through the wall
    picture[4, 2:4] = 10  # a gate
    assert barrier(picture, outside)[4, 4] == 30


def test_colours_near_and_far_tell_the_object():
    frame = np.full((60, 80, 3), (40, 90, 40), np.uint8)
    frame[20:40, 30:50] = (200, 40, 40)
    footage = Footage(lambda _: frame, 1)
    truth = np.zeros((60, 80), np.float32)
    truth[20:40, 30:50] = 1
    y, x = np.mgrid[:60, :80].astype(np.float32)
    for odds in (near_colour(footage, 0, [Remembered(0, truth, x, y)]), far_colour(footage, 0, [(0, truth)])):
        assert (odds[truth > 0] > 1).all()
        assert (odds[truth == 0] < -1).all()
    inside = np.zeros((60, 80), np.float32)
    inside[15:45, 25:55] = 1
    own = own_colours(footage, 0, inside, 1 - inside)
    assert own[30, 40] > 0.9
    assert own[16, 26] < 0.1


def test_weights_are_learnt_from_samples_and_stay_general_without_any():
    assert learn([]) == GENERAL
    values = np.zeros((200, len(NAMES)), np.float32)
    assert learn([(values, np.ones(200, bool))]) == GENERAL
    rng = np.random.default_rng(1)
    truth = rng.random(2000) < 0.5
    values = rng.normal(0, 0.5, (2000, len(NAMES))).astype(np.float32)
    values[:, 3] += np.where(truth, 1, -1)
    values[:, 7] = np.where(truth, -1, 1) + rng.normal(0, 0.5, 2000)
    found = learn([(values, truth)])
    assert found.cues[3] > GENERAL.cues[3]
    assert found.cues[7] < 0
    assert ((found.odds(values) > 0) == truth).mean() > 0.97


def test_learning_never_ends_worse_than_it_began_however_wrong_the_general_weights_are():
    """Whole steps of Newton's method lead far astray here, for the first guesses are sure and wrong."""
    rng = np.random.default_rng(0)
    truth = rng.random(1500) < 0.3
    values = np.where(truth[:, None], -1.0, 1.0) * rng.uniform(0.2, 1.5, (1500, len(NAMES)))
    values[:, :4] = rng.uniform(-1.5, 1.5, (1500, 4))
    found = learn([(values.astype(np.float32), truth)])
    assert ((found.odds(values.astype(np.float32)) > 0) == truth).mean() > 0.95
    assert np.abs([*found.cues, found.bias]).max() < 10


def test_a_polygon_is_the_object_but_for_its_rim():
    scene = moving_disc(2)
    around = [(40 + 19 * np.cos(a), 60 + 19 * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 20, endpoint=False)]
    found = select(scene.footage, 0, Marks(polygons=(Polygon(tuple(around)),)))
    assert overlap(found, scene.truth[0]) > 0.9


def test_strokes_alone_find_the_object():
    scene = moving_disc(2)
    marks = Marks(strokes=(Stroke(((32, 60), (48, 60)), True, 4), Stroke(((10, 100), (150, 100)), False, 4)))
    found = select(scene.footage, 0, marks)
    assert overlap(found, scene.truth[0]) > 0.75


def test_a_stroke_corrects_around_itself_and_nowhere_else():
    scene = moving_disc(2)
    start = scene.truth[0].copy()
    start[20:30, 120:150] = 1  # a piece too much
    start[:, :36] = 0  # a piece too little
    marks = Marks(strokes=(Stroke(((122, 25), (148, 25)), False, 5), Stroke(((30, 52), (30, 68)), True, 3)))
    found = select(scene.footage, 0, marks, start=start)
    assert overlap(found, scene.truth[0]) > max(0.87, overlap(start, scene.truth[0]) + 0.1)
    assert np.array_equal(found[:, 60:95], start[:, 60:95])


def test_a_keep_stroke_is_kept_to_the_pixel_and_nothing_to_remove_is_refused():
    scene = moving_disc(2)
    marks = Marks(boxes=(Box(*scene.box(0)),), strokes=(Stroke(((40, 60),), False, 5),))
    keeps = under_strokes(marks, 120, 160)[1]
    assert keeps.sum() > 60
    assert (select(scene.footage, 0, marks)[keeps] == 0).all()
    with pytest.raises(ValueError, match="nothing says what to remove"):
        select(scene.footage, 0, Marks(strokes=(Stroke(((40, 60),), False, 5),)))


def test_a_single_frame_is_selected_without_neighbours():
    scene = moving_disc(1)
    assert overlap(select(scene.footage, 0, Marks(boxes=(Box(*scene.box(0)),))), scene.truth[0]) > 0.75


def test_soft_edges_take_blur_from_the_plate():
    """Twice as near to the true cover as the hard matte it starts from."""
    scene = moving_disc(1, soft=4.0, contrast=0.5)
    hard = (scene.truth[0] > 0.5).astype(np.float32)
    smooth = cv2.GaussianBlur(scene.frames[0], (0, 0), 2)
    found = soft_edges(hard, smooth, speed=8)
    rim = (scene.truth[0] > 0.02) & (scene.truth[0] < 0.98)
    assert abs(found - scene.truth[0])[rim].mean() < 0.7 * abs(hard - scene.truth[0])[rim].mean()
    far = cv2.dilate(rim.astype(np.uint8), np.ones((25, 25))) == 0
    assert np.array_equal(found[far], hard[far])


def test_soft_edges_are_found_at_the_plate_s_size():
    scene = moving_disc(1)
    large = cv2.resize(scene.frames[0], (480, 360), interpolation=cv2.INTER_CUBIC)
    found = soft_edges(scene.truth[0], large)
    assert found.shape == (360, 480)
    assert overlap(found, cv2.resize(scene.truth[0], (480, 360))) > 0.95
    assert (soft_edges(np.zeros((120, 160), np.float32), large) == 0).all()


@pytest.mark.parametrize("light", [0.35, 0.0])
def test_a_shadow_is_offered_where_there_is_one(light):
    scene = moving_disc(20, shadow=light, speed=5, pan=0.5, radius=14)
    mattes = dict(enumerate(scene.truth))
    found = shadow_of(scene.footage, 10, mattes, threshold=0.12, soften=1)
    assert found.shape == (120, 160)
    assert (found * (scene.truth[10] > 0.99)).max() == 0
    if light:
        assert overlap(found, scene.shadows[10]) > 0.6
    else:
        assert (found > 0.5).sum() < 40


def test_marks_know_their_pixels():
    marks = Marks(
        (Box(2, 3, 4, 5),),
        (Stroke(((10, 10), (20, 10)), True, 2), Stroke(((15, 10),), False, 3)),
        (Polygon(((30, 5), (39, 5), (39, 14), (30, 14))),),
    )
    assert inside_boxes(marks, 40, 40).sum() == 20
    assert inside_polygons(marks, 40, 40)[6:13, 31:38].all()
    removes, keeps = under_strokes(marks, 40, 40)
    assert removes[10, 11]
    assert keeps[10, 15]
    assert not removes[10, 15]
    half = marks.scaled(0.5, 0.5)
    assert half.boxes[0] == Box(1, 1.5, 2, 2.5)
    for wrong in (lambda: Box(0, 0, 0, 5), lambda: Stroke(()), lambda: Polygon(((0, 0), (1, 1)))):
        with pytest.raises(ValueError, match=r"above 0|three"):
            wrong()


def test_the_working_size_is_never_above_the_plate_s():
    assert working_size(432, 240) == (432, 240)
    assert working_size(100, 50) == (100, 50)
    width, height = working_size(3840, 2160)
    assert width * height <= 432 * 240 * 1.01
    assert width / height == pytest.approx(16 / 9, rel=0.01)


@pytest.mark.parametrize("sigma", [2.0, 7.0, 20.0])
def test_a_wide_blur_is_near_the_full_one(sigma):
    image = np.random.default_rng(2).random((120, 160)).astype(np.float32)
    image[40:80, 60:100] += 2
    assert abs(blurred(image, sigma) - cv2.GaussianBlur(image, (0, 0), sigma)).max() < 0.04
