"""Shapes and strokes as pixels, against OpenCV and against areas worked out by hand."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from propainter_ui.matte.outlines import Outline, Vertex
from propainter_ui.matte.raster import CoverPatch, filled, stroked

W, H = 60, 40


def whole(patch: CoverPatch) -> np.ndarray:
    cover = np.zeros((H, W), np.float32)
    cover[patch.box] = patch.cover
    return cover


def circle(radius: float, x: float = 30.0, y: float = 20.0) -> Outline:
    """Four Bezier curves; they miss the circle by 0.03 % of its radius."""
    k = radius * 0.5522847498
    return Outline(
        (
            Vertex(x + radius, y).smoothed((0, k)), Vertex(x, y + radius).smoothed((-k, 0)),
            Vertex(x - radius, y).smoothed((0, -k)), Vertex(x, y - radius).smoothed((k, 0)),
        )
    )  # fmt: skip


def test_a_rectangle_along_the_pixels_covers_them_to_the_bit() -> None:
    cover = whole(filled([(5, 7), (25, 7), (25, 31), (5, 31)], W, H))
    expected = np.zeros((H, W), np.float32)
    expected[7:31, 5:25] = 1
    np.testing.assert_array_equal(cover, expected)


def test_a_circle_of_beziers_covers_its_area() -> None:
    for radius in (4.0, 11.3, 17.9):
        cover = whole(filled(circle(radius).flattened(), W, H))
        assert cover.sum() == pytest.approx(math.pi * radius**2, rel=0.01)


def test_a_polygon_is_filled_as_opencv_fills_it() -> None:
    star = [(30 + 18 * math.cos(a * 4 * math.pi / 5), 20 + 18 * math.sin(a * 4 * math.pi / 5)) for a in range(5)]
    fine = np.zeros((H * 16, W * 16), np.uint8)  # sixteen times as fine, where half pixels no longer count
    cv2.fillPoly(fine, [np.rint(np.array(star) * 16 - 0.5).astype(np.int32)], 1)
    expected = fine.reshape(H, 16, W, 16).mean((1, 3))
    assert np.abs(whole(filled(star, W, H)) - expected).mean() < 0.006
    assert whole(filled(star, W, H))[20, 30] == 0  # even-odd: a star is hollow


def test_feather_fades_half_inside_and_half_outside() -> None:
    row = whole(filled([(10, -90), (90, -90), (90, 90), (10, 90)], W, H, feather=8))[20]
    np.testing.assert_allclose(row[4:16], np.clip((np.arange(4, 16) + 0.5 - 10) / 8 + 0.5, 0, 1), atol=1e-6)


@pytest.mark.parametrize("points", [[(-90, -90), (-50, -90), (-50, -50)], [(200, 5), (300, 5), (300, 30)]])
def test_a_shape_beyond_the_picture_covers_nothing(points: list[tuple[float, float]]) -> None:
    assert whole(filled(points, W, H)).sum() == 0


def test_a_shape_partly_beyond_the_picture_is_cut_off_there() -> None:
    cover = whole(filled([(-1000, -1000), (20, -1000), (20, 1000), (-1000, 1000)], W, H))
    assert cover[:, :20].all() and not cover[:, 20:].any()


@pytest.mark.parametrize("radius", [0.5, 1.0, 3.0, 7.5])
def test_a_hard_brush_covers_exactly_the_pixels_whose_middle_it_reaches(radius: float) -> None:
    start, end = np.array([12.2, 9.7]), np.array([44.6, 30.1])
    y, x = np.mgrid[:H, :W] + 0.5
    along = end - start
    share = np.clip(((x - start[0]) * along[0] + (y - start[1]) * along[1]) / (along @ along), 0, 1)
    expected = np.hypot(x - start[0] - share * along[0], y - start[1] - share * along[1]) <= radius
    np.testing.assert_array_equal(whole(stroked([(*start, 1.0), (*end, 1.0)], radius, W, H)), expected)


def test_a_lone_dab_of_half_a_pixel_is_one_pixel() -> None:
    cover = whole(stroked([(7.5, 3.5, 1.0)], 0.5, W, H))
    assert cover[3, 7] == 1 and cover.sum() == 1


def test_a_soft_brush_falls_from_its_middle_to_its_rim() -> None:
    row = whole(stroked([(30.5, 20.5, 1.0)], 10, W, H, softness=1.0))[20, 30:42]
    assert row[0] == 1 and row[5] == pytest.approx(0.5) and row[10] == 0 and row[11] == 0
    assert (np.diff(row[:11]) < 0).all()
    half = whole(stroked([(30.5, 20.5, 1.0)], 10, W, H, softness=0.5))[20, 30:41]
    assert (half[:6] == 1).all() and 0 < half[7] < 1 and half[10] == 0


def test_pressure_scales_the_radius_along_the_way() -> None:
    cover = whole(stroked([(5, 20, 0.0), (55, 20, 1.0)], 10, W, H))
    widths = cover.sum(0)
    assert widths[4] <= 1 and widths[50] > widths[30] > widths[15]


def test_a_hand_at_rest_changes_nothing() -> None:
    moved = [(10.0, 10.0, 1.0), (30.0, 22.0, 1.0)]
    resting = [(10.0, 10.0, 1.0), *[(10.0 + 0.001 * i, 10.0, 1.0) for i in range(50)], (30.0, 22.0, 1.0)]
    np.testing.assert_array_equal(whole(stroked(moved, 6, W, H)), whole(stroked(resting, 6, W, H)))
