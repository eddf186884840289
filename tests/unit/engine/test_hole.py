"""From matte to hole and alpha: geometry against brute force."""

import itertools

import pytest
import torch

from propainter.hole import grow, hole_of, shrink_to_working, snap_outward, soft_alpha


def diamond_maximum(image: torch.Tensor, radius: int, ramp=lambda distance: 1.0) -> torch.Tensor:
    """Every pixel: the largest value within an L1 distance, scaled by ``ramp`` of that distance. A plain loop."""
    height, width = image.shape
    out = torch.zeros_like(image)
    for y, x in itertools.product(range(height), range(width)):
        for v, u in itertools.product(range(height), range(width)):
            distance = abs(y - v) + abs(x - u)
            if distance <= radius:
                out[y, x] = max(out[y, x], image[v, u] * ramp(distance))
    return out


@pytest.fixture
def soft_matte() -> torch.Tensor:
    matte = torch.zeros(13, 17)
    matte[4:8, 6:10] = 1.0
    matte[4, 6:10] = 0.25
    matte[11, 0] = 0.6
    return matte


def test_growing_is_an_l1_ball_and_nothing_enters_from_outside(soft_matte):
    assert torch.equal(grow(soft_matte, pixels=4), diamond_maximum(soft_matte, 4))


def test_every_matte_value_above_the_threshold_counts():
    matte = torch.tensor([[0.0, 1e-6, 0.5, 1.0]])
    assert hole_of(matte, threshold=0.0, grow_pixels=0).tolist() == [[0, 1, 1, 1]]
    assert hole_of(matte, threshold=0.5, grow_pixels=0).tolist() == [[0, 0, 0, 1]]


@pytest.mark.parametrize(("grow_pixels", "feather"), [(4, 3), (4, 0), (2, 5), (0, 3)])
def test_alpha_is_the_matte_dilated_by_a_cone(soft_matte, grow_pixels, feather):
    fade = min(feather, grow_pixels)
    expected = diamond_maximum(
        soft_matte, grow_pixels, lambda d: 1.0 if d == 0 else min(1.0, (grow_pixels + 1 - d) / (fade + 1))
    )
    alpha = soft_alpha(soft_matte, threshold=0.0, grow_pixels=grow_pixels, feather=feather)
    torch.testing.assert_close(alpha, expected)


def test_alpha_reaches_exactly_as_far_as_the_hole(soft_matte):
    alpha = soft_alpha(soft_matte, threshold=0.3, grow_pixels=3, feather=3)
    assert torch.equal(alpha > 0, hole_of(soft_matte, threshold=0.3, grow_pixels=3) > 0)


def test_a_hard_matte_without_feather_is_replaced_whole():
    matte = torch.zeros(9, 9)
    matte[4, 4] = 1
    alpha = soft_alpha(matte, threshold=0.0, grow_pixels=2, feather=0)
    assert set(alpha.unique().tolist()) == {0.0, 1.0}
    assert alpha.sum() == 13  # the diamond of radius 2


def test_a_snapped_hole_covers_whole_blocks_and_forgets_small_edits():
    hole = torch.zeros(40, 50)
    hole[17:20, 33] = 1
    snapped = snap_outward(hole, block=16)
    assert snapped[16:32, 32:48].all() and snapped.sum() == 256
    hole[18, 34] = 1
    assert torch.equal(snap_outward(hole, block=16), snapped)
    assert torch.equal(snap_outward(hole, block=0), hole)


def test_a_one_pixel_matte_survives_a_smaller_working_size():
    hole = torch.zeros(100, 150)
    hole[41, 77] = 1
    small = shrink_to_working(hole, width=64, height=48)
    assert small.shape == (48, 64) and small.sum() >= 1
    y, x = small.nonzero()[0].tolist()
    assert y * 100 / 48 <= 41 + 1 and (y + 1) * 100 / 48 >= 41 and x * 150 / 64 <= 78 and (x + 1) * 150 / 64 >= 77
