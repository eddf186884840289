"""What is carried between frames, on a pan whose motion is known: outlines by the object, stamps by the camera."""

from __future__ import annotations

import numpy as np
import pytest

from matte_scenes import moving_disc
from propainter_matte import shadows, standing
from propainter_matte.carrying import camera_between, carried
from propainter_wire.messages import CAST_REACH, SELECT_REACH


@pytest.fixture(scope="module")
def scene():
    return moving_disc(4, pan=1, speed=3)


def test_an_outline_on_the_object_s_edge_goes_with_the_object(scene):
    turns = np.arange(0, 2 * np.pi, np.pi / 6)
    outline = [(40.5 + 18 * np.cos(turn), 60.5 + 18 * np.sin(turn)) for turn in turns]
    moved = np.array(carried(scene.footage, 0, 3, outline))
    assert np.abs(moved - (np.array(outline) + np.array([9, 0]))).max() < 0.9
    assert np.abs(np.array(carried(scene.footage, 3, 0, [tuple(p) for p in moved])) - np.array(outline)).max() < 0.9


def test_a_point_alone_goes_as_the_picture_at_its_place(scene):
    ((x, y),) = carried(scene.footage, 0, 3, [(120, 20)])
    assert (x, y) == pytest.approx((117, 20), abs=0.3)
    assert carried(scene.footage, 2, 2, [(7, 8)]) == [(7, 8)]


def test_points_far_outside_the_picture_stay_finite(scene):
    moved = carried(scene.footage, 0, 3, [(-1e6, 4), (1e6, 4), (5, 1e6)])
    assert np.isfinite(moved).all()


@pytest.mark.parametrize(("index", "other", "off"), [(0, 3, 3), (3, 0, -3), (2, 2, 0)])
def test_the_camera_s_motion_carries_points_of_the_other_frame_onto_this_one(scene, index, other, off):
    x, y, w = camera_between(scene.footage, index, other) @ (90, 100, 1)
    assert (x / w, y / w) == pytest.approx((90 + off, 100), abs=0.3)


def test_the_object_is_left_out_of_the_camera_s_motion():
    scene = moving_disc(3, pan=1, speed=6, start=60, radius=55)  # it fills most of the picture
    mattes = dict(enumerate(scene.truth))
    x, _, w = camera_between(scene.footage, 0, 2, mattes) @ (10, 10, 1)
    assert x / w == pytest.approx(12, abs=1.0)


def test_the_protocol_asks_for_the_plates_that_are_looked_at():
    assert standing.VIEWS[-1] == SELECT_REACH
    assert shadows._OFF[-1] == CAST_REACH
