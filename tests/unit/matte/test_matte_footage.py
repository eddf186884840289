"""Promises of what mattes are made from: footage at half its size, flow straight to a key, the cut of large pictures."""

from __future__ import annotations

import numpy as np
import pytest

from builders import texture
from matte_scenes import moving_disc
from propainter.dis import refined_flow
from propainter_matte.arrays import overlap
from propainter_matte.cues import KeyView
from propainter_matte.cutting import cut


def test_flow_is_found_far_off_where_it_is_nearly_known():
    ground = np.rint(255 * texture(100, 200, seed=5)[..., 0]).astype(np.uint8)
    first, second = ground[:, 40:160], ground[:, 5:125]  # 35 pixels to the right
    start = np.zeros((100, 120, 2), np.float32) + np.float32((32, 1))
    found = refined_flow(first, second, start)[20:80, 10:75]
    assert np.median(abs(found - (35, 0)), axis=(0, 1)).max() < 0.3
    assert np.array_equal(refined_flow(first[:20], second[:20], start[:20]), start[:20])  # too small to look into


def test_half_the_footage_is_half_as_wide_and_moves_half_as_far():
    footage = moving_disc(3, pan=3).footage
    half = footage.halved()
    assert half is footage.halved()
    assert (half.width, half.height, half.count) == (80, 60, 3)
    assert half.unit == pytest.approx(footage.unit / 2)
    assert half.coarseness == 2
    assert half.lab(1).shape == (60, 80, 3)
    there = half.flow(0, 1)
    assert np.median(there[5:20], axis=(0, 1)) == pytest.approx((-1.5, 0), abs=0.15)
    nothing = np.zeros((60, 80), bool)
    assert half.motion(0, 1, nothing)[0, 2] == pytest.approx(-1.5, abs=0.2)
    assert half.cells(0).max() < np.prod(footage.cell_counts)


def test_a_key_is_found_again_many_frames_on():
    """Whose matte that is asked for here is drawn from the key alone: nothing in between can have spoilt it."""
    scene = moving_disc(12, speed=4)
    view = KeyView(scene.footage, 0, scene.truth[0])
    for index in range(1, 12):
        cue = view.seen_from(index)
    assert overlap(cue > 0.3, scene.truth[11]) > 0.75
    assert cue.min() >= -1
    assert cue.max() <= 1


def test_a_large_cut_is_the_one_that_many_rounds_find_and_nothing_far_off_costs_time():
    rng = np.random.default_rng(3)
    lab = np.rint(255 * texture(150, 220, seed=8)).astype(np.uint8)
    y, x = np.mgrid[:150, :220]
    odds = (30 - np.hypot(x - 80, y - 70)).clip(-8, 4).astype(np.float32) + rng.normal(0, 1.5, (150, 220))
    odds = odds.astype(np.float32)
    assert overlap(cut(odds, lab), cut(odds, lab, rounds=1500)) > 0.99
    wide = np.full((400, 600), -9, np.float32)
    wide[100:250, 200:420] = odds
    larger = np.zeros((400, 600, 3), np.uint8)
    larger[100:250, 200:420] = lab
    found = cut(wide, larger)
    assert overlap(found[100:250, 200:420], cut(odds, lab)) > 0.98
    found[100:250, 200:420] = 0
    assert not found.any()
    assert not cut(np.full((60, 70), -9, np.float32), lab[:60, :70]).any()
