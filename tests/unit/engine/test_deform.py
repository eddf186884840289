"""Deformable convolution against a scalar loop in float64 and against the plain convolution it must contain."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from propainter import deform
from propainter.deform import modulated_deform_conv2d

GROUPS = 2


def test_every_output_equals_a_scalar_loop_wherever_the_taps_look() -> None:
    x, offset, modulation, weight, bias = operands(height=4, width=5)
    offset[0, :, 0, 0] = 1e6  # far outside, each way
    offset[0, :, 0, 1] = -1e6
    offset[0, :, 1] = offset[0, :, 1].round()  # exactly on pixels, on the border and one beyond it
    offset[0, :, 2, 0] = -0.5
    got = modulated_deform_conv2d(x, offset, modulation, weight, bias, deform_groups=GROUPS)
    torch.testing.assert_close(got, scalar_loop(x, offset, modulation, weight, bias), rtol=0, atol=1e-12)


def test_a_tap_half_a_pixel_outside_keeps_the_half_that_is_inside() -> None:
    """Corners are dropped one by one, not the tap as a whole and not clamped to the border."""
    x = torch.ones(1, 1, 3, 3)
    offset, modulation = torch.zeros(1, 18, 3, 3), torch.ones(1, 9, 3, 3)
    offset[0, 2 * 4, 0, 0] = -0.5  # the centre tap of the first pixel, half a pixel up
    weight = torch.zeros(1, 1, 3, 3)
    weight[0, 0, 1, 1] = 1
    got = modulated_deform_conv2d(x, offset, modulation, weight, torch.zeros(1), deform_groups=1)
    assert got[0, 0, 0, 0].item() == pytest.approx(0.5)
    assert got[0, 0, 1, 1].item() == pytest.approx(1.0)


def test_without_displacement_it_is_the_ordinary_convolution() -> None:
    x, offset, modulation, weight, bias = operands(height=6, width=1)
    got = modulated_deform_conv2d(
        x, torch.zeros_like(offset), torch.ones_like(modulation), weight, bias, deform_groups=GROUPS
    )
    torch.testing.assert_close(got, F.conv2d(x, weight, bias, padding=1), rtol=0, atol=1e-12)


def test_working_in_bands_of_rows_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    tensors = operands(height=7, width=5)
    whole = modulated_deform_conv2d(*tensors, deform_groups=GROUPS)
    monkeypatch.setattr(deform, "_rows_per_band", lambda row_bytes, device: 3)
    torch.testing.assert_close(modulated_deform_conv2d(*tensors, deform_groups=GROUPS), whole, rtol=0, atol=1e-12)


def test_half_precision_inputs_are_still_read_at_exact_places() -> None:
    """Near column 1000 a half-precision position would be a whole half pixel off (spec, section 10.4)."""
    ramp = torch.linspace(0, 1, 1024).expand(1, 1, 3, 1024)
    offset, modulation = torch.zeros(1, 18, 3, 1024), torch.ones(1, 9, 3, 1024)
    offset[0, 2 * 4 + 1] = 0.25
    weight = torch.zeros(1, 1, 3, 3)
    weight[0, 0, 1, 1] = 1
    half = (tensor.bfloat16() for tensor in (ramp, offset, modulation, weight, torch.zeros(1)))
    got = modulated_deform_conv2d(*half, deform_groups=1)
    assert got.dtype == torch.bfloat16
    stepped = ramp.bfloat16().float()[0, 0, 1]
    expected = stepped[:-1] + 0.25 * (stepped[1:] - stepped[:-1])
    torch.testing.assert_close(got[0, 0, 1, :-1].float(), expected, rtol=2**-8, atol=1e-6)


@pytest.mark.parametrize("part", ["channels", "offset", "modulation", "padding"])
def test_what_does_not_fit_the_weight_is_refused_in_words(part: str) -> None:
    x, offset, modulation, weight, bias = operands(height=3, width=3)
    x = x[:, :2] if part == "channels" else x
    offset = offset[:, 1:] if part == "offset" else offset
    modulation = modulation[:, 1:] if part == "modulation" else modulation
    with pytest.raises(ValueError, match=part if part != "channels" else "2 channels in 2 groups"):
        modulated_deform_conv2d(
            x, offset, modulation, weight, bias, padding=2 if part == "padding" else 1, deform_groups=GROUPS
        )


def operands(*, height: int, width: int) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    draw = torch.Generator().manual_seed(7)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=draw, dtype=torch.float64)

    x = normal(2, 4, height, width)
    offset = 2 * normal(2, 2 * GROUPS * 9, height, width)
    modulation = normal(2, GROUPS * 9, height, width)
    return x, offset, modulation, normal(3, 4, 3, 3), normal(3)


def scalar_loop(x: Tensor, offset: Tensor, modulation: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The definition, one number at a time (spec, section 3)."""
    batch, channels, height, width = x.shape
    out = torch.zeros(batch, weight.shape[0], height, width, dtype=x.dtype)
    for b, o, row, column in torch.cartesian_prod(*map(torch.arange, out.shape)).tolist():
        total = bias[o].item()
        for c in range(channels):
            group = c // (channels // GROUPS)
            for tap in range(9):
                dy, dx = offset[b, 18 * group + 2 * tap : 18 * group + 2 * tap + 2, row, column].tolist()
                value = bilinear(x[b, c].tolist(), row + tap // 3 - 1 + dy, column + tap % 3 - 1 + dx)
                total += (
                    weight[o, c, tap // 3, tap % 3].item() * modulation[b, 9 * group + tap, row, column].item() * value
                )
        out[b, o, row, column] = total
    return out


def bilinear(image: list[list[float]], y: float, x: float) -> float:
    total = 0.0
    for row in (math.floor(y), math.floor(y) + 1):
        for column in (math.floor(x), math.floor(x) + 1):
            if 0 <= row < len(image) and 0 <= column < len(image[0]):
                total += (1 - abs(y - row)) * (1 - abs(x - column)) * image[row][column]
    return total
