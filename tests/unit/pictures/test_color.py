"""The working transform: the networks see what they learnt from, and every value finds its way back."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import DTypeLike

from propainter_pictures.color import WorkingSpace, from_working, to_display, to_finite_working, to_working

# Round trips of float32 through 2 e - 1 lose a few units in the last place of e, which the curve's flat parts magnify.
FLOAT32_LOSS = 2e-5


def scalar_curve(v: float) -> float:
    """The table in the module's docstring, as a person would type it."""
    if v > 1:
        b = 6.108418431900427
        a = 0.7 * 1.055 / 2.4 * math.log(2) / b
        return 0.7 + a * math.log2(1 + b * (v - 1))
    if v > 0.003039934639778431:
        return 0.7 * (1.055 * v ** (1 / 2.4) - 0.055)
    return 0.7 * 12.923210180787859 * v


def test_eight_bit_frames_reach_the_networks_as_they_did_in_training() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    expected = levels.astype(np.float32) / np.float32(255) * np.float32(2) - np.float32(1)
    np.testing.assert_array_equal(to_working(levels), expected)


@pytest.mark.parametrize("space", list(WorkingSpace))
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_whole_number_comes_back_exactly(dtype: DTypeLike, space: WorkingSpace) -> None:
    levels = np.arange(np.iinfo(np.dtype(dtype)).max + 1).astype(dtype)
    np.testing.assert_array_equal(from_working(to_working(levels, space), dtype, space), levels)


def test_every_finite_half_float_comes_back_exactly() -> None:
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    halves = halves[np.isfinite(halves)]
    np.testing.assert_array_equal(from_working(to_working(halves), np.float16), halves)


@given(st.floats(width=32, min_value=float(np.float32(-1e30)), max_value=float(np.finfo(np.float32).max)))
def test_every_float_comes_back_to_rounding_negatives_and_highlights_included(value: float) -> None:
    there = to_working(np.array([value], np.float32))
    back = float(from_working(there, np.float32)[0])
    assert abs(back - value) <= FLOAT32_LOSS * max(abs(value), 1e-3)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
@example(-float(np.finfo(np.float32).max))
@example(float(np.finfo(np.float32).max))
def test_no_finite_value_becomes_infinite(value: float) -> None:
    seen = to_working(np.array([value], np.float32))
    assert np.isfinite(seen).all()
    assert np.isfinite(from_working(seen, np.float32)).all()


@given(st.floats(width=32, min_value=-100, max_value=100))
def test_raw_floats_come_back_to_rounding(value: float) -> None:
    there = to_working(np.array([value], np.float32), WorkingSpace.RAW)
    assert there[0] == pytest.approx(2 * value - 1, rel=1e-6, abs=1e-6)
    assert from_working(there, np.float32, WorkingSpace.RAW)[0] == pytest.approx(value, rel=1e-6, abs=1e-6)


def test_the_curve_is_the_documented_one() -> None:
    values = [
        -3.0,
        -0.01,
        0.0,
        0.001,
        0.003,
        0.0031,
        0.01,
        0.18,
        0.5,
        0.999,
        1.0,
        1.001,
        2.0,
        8.0,
        64.0,
        1024.0,
        65504.0,
    ]
    seen = (to_working(np.array(values, np.float32)) + 1) / 2
    np.testing.assert_allclose(seen, [scalar_curve(v) for v in values], rtol=3e-6, atol=1e-7)


def test_white_lands_at_seven_tenths_and_six_stops_above_it_at_one() -> None:
    white, brightest = (to_working(np.array([1, 64], np.float32)) + 1) / 2
    assert white == pytest.approx(0.7, abs=1e-6)
    assert brightest == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("seam", [0.003039934639778431, 1.0])
def test_value_and_slope_agree_at_both_seams(seam: float) -> None:
    step = seam * 1e-2
    below, at, above = (float(v) for v in to_working(np.array([seam - step, seam, seam + step], np.float32)))
    left, right = (at - below) / step, (above - at) / step
    assert right == pytest.approx(left, rel=0.05)  # a kink as of 0.05 a stop would make it 4 times smaller


def test_the_curve_rises_everywhere() -> None:
    values = np.concatenate([-np.geomspace(1e3, 1e-5, 500), np.geomspace(1e-5, 1e5, 5000)]).astype(np.float32)
    assert (np.diff(to_working(values)) > 0).all()


def test_auto_takes_floats_for_light_and_whole_numbers_for_pictures() -> None:
    assert WorkingSpace.AUTO.is_linear(np.float16)
    assert WorkingSpace.AUTO.is_linear(np.float32)
    assert not WorkingSpace.AUTO.is_linear(np.uint16)
    assert WorkingSpace.LINEAR.is_linear(np.uint16)
    assert not WorkingSpace.SRGB.is_linear(np.float32)


def test_fills_are_rounded_to_the_nearest_level_never_truncated() -> None:
    just_below = np.array([(99.9 / 255) * 2 - 1, (100.4 / 255) * 2 - 1], np.float32)
    np.testing.assert_array_equal(from_working(just_below, np.uint8), [100, 100])


def test_fills_are_clipped_only_to_what_the_type_holds() -> None:
    beyond = np.array([-1.5, 1.5], np.float32)
    np.testing.assert_array_equal(from_working(beyond, np.uint8), [0, 255])
    darker, brighter = from_working(beyond, np.float32)
    assert darker < 0 and brighter > 64
    assert np.isfinite(from_working(np.array([5.0], np.float32), np.float16)).all()


def test_the_input_is_left_as_it_was() -> None:
    plate = np.array([0.5, 2.0], np.float32)
    working = to_working(plate)
    kept = working.copy()
    from_working(working, np.float32)
    np.testing.assert_array_equal(plate, np.array([0.5, 2.0], np.float32))
    np.testing.assert_array_equal(working, kept)


def test_linear_light_is_shown_as_srgb() -> None:
    shown = to_display(np.array([-1, 0, 0.18, 1, 7, np.nan], np.float32))
    middle = round(255 * (1.055 * 0.18 ** (1 / 2.4) - 0.055))
    np.testing.assert_array_equal(shown, [0, 0, middle, 255, 255, 0])


def test_encoded_pictures_are_shown_as_they_are() -> None:
    np.testing.assert_array_equal(to_display(np.array([0, 7, 255], np.uint8)), [0, 7, 255])
    np.testing.assert_array_equal(to_display(np.array([0, 257, 65535], np.uint16)), [0, 1, 255])


def test_a_value_that_is_none_counts_as_white_or_black_or_grey() -> None:
    wrong = np.array([np.inf, -np.inf, np.nan, 0.5], np.float32)
    black, half = to_working(np.array([0, 0.5], np.float32))
    np.testing.assert_array_equal(to_finite_working(wrong), [1, black, 0, half])
    np.testing.assert_array_equal(to_finite_working(wrong, WorkingSpace.RAW), [1, -1, 0, 0])
    np.testing.assert_array_equal(to_finite_working(np.array([0, 255], np.uint8)), [-1, 1])
    assert np.isposinf(wrong[0]), "the plate itself stays as it is"
