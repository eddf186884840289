"""The measures of an evaluation agree with closed forms and with their definitions written out."""

from __future__ import annotations

import numpy as np
import pytest

from propainter_backend.evaluation.measures import (
    PERFECT_DB,
    frechet_distance,
    psnr,
    ssim,
    unreliable,
    warping_error,
)


def flat(value: float, size: tuple[int, int] = (80, 70)) -> np.ndarray:
    return np.full((*size, 3), value, np.float32)


def noise(seed: int, size: tuple[int, int] = (30, 40)) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 255, (*size, 3)).astype(np.float32)


def constant_flow(x: float, y: float, size: tuple[int, int]) -> np.ndarray:
    return np.broadcast_to(np.float32([x, y]), (*size, 2)).copy()


def test_psnr_of_a_constant_error_is_its_closed_form():
    assert psnr(flat(100), flat(110)) == pytest.approx(20 * np.log10(255 / 10))
    assert psnr(flat(0), flat(255)) == 0
    assert psnr(flat(7), flat(7)) == PERFECT_DB


def test_whole_numbers_and_floats_have_the_same_psnr():
    a, b = (np.rint(noise(seed)) for seed in (1, 2))
    assert psnr(a.astype(np.uint8), b.astype(np.uint8)) == pytest.approx(psnr(a, b))


def test_ssim_of_flat_pictures_is_its_luminance_term():
    c1 = (0.01 * 255) ** 2
    assert ssim(flat(50), flat(200)) == pytest.approx((2 * 50 * 200 + c1) / (50**2 + 200**2 + c1), rel=1e-6)
    assert ssim(noise(1), noise(1)) == pytest.approx(1)


@pytest.mark.parametrize("window", [7, 11])
def test_ssim_is_the_mean_of_every_whole_window_s_definition(window):
    a, b = noise(3), noise(3) * 0.7 + noise(4) * 0.3
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    found = []
    for row in range(a.shape[0] - window + 1):
        for column in range(a.shape[1] - window + 1):
            for channel in range(3):
                x, y = (p[row : row + window, column : column + window, channel].ravel() for p in (a, b))
                ((vx, both), (_, vy)), mx, my = np.cov(x, y), x.mean(), y.mean()
                found.append((2 * mx * my + c1) * (2 * both + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2)))
    assert ssim(a, b, window=window) == pytest.approx(np.mean(found), rel=1e-4)


def test_a_picture_smaller_than_the_window_is_one_window():
    a, b = noise(5, (20, 31)), noise(6, (20, 31))
    assert ssim(a, b) == pytest.approx(ssim(a, b, window=19))


def test_what_slides_along_its_flow_has_no_warping_error_and_a_lighter_next_frame_its_square():
    wide = noise(7, (32, 48))
    here, there = wide[:, :40], wide[:, 3:43]  # moves 3 pixels to the left
    forward, backward = constant_flow(-3, 0, (32, 40)), constant_flow(3, 0, (32, 40))
    assert warping_error(here, there, forward, backward) == pytest.approx(0, abs=1e-10)
    assert warping_error(here, there + 10, forward, backward) == pytest.approx((10 / 255) ** 2, rel=1e-4)


def test_where_flow_is_not_undone_leaves_the_picture_or_tears_nothing_is_counted():
    size = (20, 30)
    still = constant_flow(0, 0, size)
    assert not unreliable(still, still).any()
    assert unreliable(constant_flow(4, 0, size), still)[:, :26].all()
    leaving = unreliable(constant_flow(4, 0, size), constant_flow(-4, 0, size))
    assert leaving[:, 26:].all()
    assert not leaving[:, :26].any()
    torn = still.copy()
    torn[:, 15:, 0] = 0.6  # too short for the way back to tell
    assert unreliable(torn, -torn)[:, 14:16].all()
    assert warping_error(noise(1, size), noise(2, size), constant_flow(99, 0, size), still) == 0


def test_the_distance_of_two_lines_of_points_is_that_of_their_means_and_spreads():
    a, b = np.random.default_rng(1).normal(size=(2, 40, 1))
    b = 3 * b + 5
    expected = (a.mean() - b.mean()) ** 2 + (a.std(ddof=1) - b.std(ddof=1)) ** 2
    assert frechet_distance(a, b) == pytest.approx(expected)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-12)
    assert frechet_distance(a, a + 2) == pytest.approx(4)


def test_the_distance_is_its_definition_with_fewer_and_with_more_points_than_dimensions():
    random = np.random.default_rng(2)
    for points in (4, 50):
        a, b = random.normal(size=(points, 6)), random.normal(size=(points + 3, 6)) @ random.normal(size=(6, 6))
        ca, cb = np.cov(a.T), np.cov(b.T)
        root = np.sqrt(np.clip(np.linalg.eigvals(ca @ cb).real, 0, None)).sum()
        expected = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(ca) + np.trace(cb) - 2 * root
        assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-5)
