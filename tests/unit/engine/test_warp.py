"""Promises of ``propainter.warp``, against loops over single pixels and closed forms."""

import math
from typing import Literal

import numpy as np
import pytest
import torch
from torch import Tensor

import golden
from propainter.warp import is_consistent, warp


def uniform_flow(dx: float, dy: float, height: int, width: int) -> Tensor:
    return torch.tensor([float(dx), float(dy)]).view(1, 2, 1, 1).expand(1, 2, height, width).contiguous()


def bilinear_read(image: np.ndarray, x: float, y: float) -> float:
    """One read at (x, y), each of the four corners outside the picture counting as zero."""
    left, top = math.floor(x), math.floor(y)
    total = 0.0
    for row in (top, top + 1):
        for col in (left, left + 1):
            if 0 <= row < image.shape[0] and 0 <= col < image.shape[1]:
                total += (1 - abs(x - col)) * (1 - abs(y - row)) * float(image[row, col])
    return total


def test_bilinear_warp_reads_where_the_flow_points_and_zero_outside() -> None:
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(1, 1, 6, 9, generator=generator)
    flow = 6 * torch.rand(1, 2, 6, 9, generator=generator) - 3
    expected = [
        [bilinear_read(image[0, 0].numpy(), col + float(flow[0, 0, row, col]), row + float(flow[0, 1, row, col]))
         for col in range(9)]
        for row in range(6)
    ]  # fmt: skip
    torch.testing.assert_close(warp(image, flow)[0, 0], torch.tensor(expected), atol=2e-5, rtol=0)


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_a_whole_pixel_flow_shifts_x_right_and_y_down(mode: Literal["nearest", "bilinear"]) -> None:
    image = torch.arange(20.0).view(1, 1, 4, 5)
    shifted = warp(image, uniform_flow(2, 1, 4, 5), mode=mode)
    expected = torch.zeros(4, 5)
    expected[:3, :3] = image[0, 0, 1:, 2:]
    torch.testing.assert_close(shifted[0, 0], expected, atol=1e-4, rtol=0)


def test_nearest_rounds_half_to_even() -> None:
    image = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0]).view(1, 1, 1, 5)
    read = warp(image, uniform_flow(0.5, 0, 1, 5), mode="nearest")
    assert read.flatten().tolist() == [1, 3, 3, 5, 5]  # 0.5 -> 0, 1.5 -> 2, 2.5 -> 2, 3.5 -> 4, 4.5 -> 4


def test_half_precision_pictures_are_read_at_full_precision_positions() -> None:
    """An fp16 grid would be off by half a pixel and more at this width (spec, section 10.4)."""
    image = (torch.arange(4096) % 2).to(torch.float16).view(1, 1, 1, 4096)
    read = warp(image, torch.zeros(1, 2, 1, 4096, dtype=torch.float16))
    assert read.dtype == torch.float16
    torch.testing.assert_close(read, image, atol=2e-3, rtol=0)


def test_a_picture_one_pixel_high_stays_finite() -> None:
    assert warp(torch.ones(1, 1, 1, 1), torch.zeros(1, 2, 1, 1)).item() == 1.0


def test_opposite_uniform_flows_agree_wherever_they_stay_in_the_picture() -> None:
    consistent = is_consistent(uniform_flow(3, 0, 8, 8), uniform_flow(-3, 0, 8, 8))[0, 0]
    assert consistent[:, :5].all()
    assert not consistent[:, 5:].any()


def test_long_flows_may_disagree_by_a_tenth_of_their_length() -> None:
    """|F + B|^2 < 0.01 (|F|^2 + |B|^2) + 0.5 at F = 40, B = -(40 - gap): the border lies at a gap of 5.34."""
    for gap, expected in ((5.32, True), (5.36, False)):
        middle = is_consistent(uniform_flow(40, 0, 1, 99), uniform_flow(gap - 40, 0, 1, 99))[0, 0, 0, 20]
        assert bool(middle) is expected


def test_leaving_the_picture_counts_as_consistent_only_below_0_711_pixels() -> None:
    for length, expected in ((0.708, True), (0.713, False)):
        zero = torch.zeros(1, 2, 1, 5)
        assert bool(is_consistent(uniform_flow(0, length, 1, 5), zero).all()) is expected


def test_the_consistency_check_agrees_with_the_reference_pixel_for_pixel() -> None:
    flow = golden.flow("pan_synthflow", "completed")
    consistent = is_consistent(flow.forward[0], flow.backward[0])[:, 0]
    assert np.array_equal(consistent.numpy(), golden.load("pan_synthflow")["consistent_forward"].astype(bool))
