"""Pixels of the host, against slow loops and raw memory: addressing, guards, sizes, depths, components."""

import ctypes

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from propainter_host import BadValue, Frame, NumpyClip, Rect
from propainter_host.images import HostImage, place, resize, to_components, to_depth

BOUNDS = Rect(-3, 2, 4, 7)  # 7 x 5 pixels


def lent(
    picture: np.ndarray, *, row_order: str, padding: int, components: str = "RGBA", depth: str = "Float"
) -> HostImage:
    image = HostImage("test", BOUNDS, components=components, depth=depth, row_order=row_order, padding=padding)
    image.fill(picture)
    return image


@pytest.mark.parametrize("row_order", ["up", "down"])
@pytest.mark.parametrize("padding", [0, 12])
def test_every_pixel_lies_where_the_interface_says(row_order: str, padding: int) -> None:
    """address(x, y) = data + (y - y1) * rowBytes + (x - x1) * bytesPerPixel, y up (ABI notes, section 7)."""
    picture = np.random.default_rng(1).random((5, 7, 4), dtype=np.float32)
    image = lent(picture, row_order=row_order, padding=padding)
    assert image.data is not None and (image.row_bytes < 0) == (row_order == "down")
    for y in range(2, 7):
        for x in range(-3, 4):
            address = image.data + (y - 2) * image.row_bytes + (x + 3) * 16
            there = list((ctypes.c_float * 4).from_address(address))
            assert there == list(picture[6 - y, x + 3])


@pytest.mark.parametrize("row_order", ["up", "down"])
def test_one_byte_written_anywhere_outside_is_noticed(row_order: str) -> None:
    picture = np.zeros((5, 7, 1), np.uint8)
    for offset in (-1, 7, 4 * 12 + 7, 5 * 12):  # before, behind the first row, behind the last, behind it all
        image = lent(picture, row_order=row_order, padding=5, components="Alpha", depth="Byte")
        lowest = image.data if row_order == "up" else image.data + 4 * image.row_bytes  # type: ignore[operator]
        assert image.guards_hold
        byte = ctypes.c_uint8.from_address(lowest + offset)  # type: ignore[operator]
        byte.value ^= 1
        assert not image.guards_hold


def test_an_output_knows_which_pixels_were_written() -> None:
    image = HostImage("output", BOUNDS, components="RGBA", depth="Byte")
    image.pixels[1:3, 2:6] = 9
    assert image.count_written_outside(Rect(-1, 4, 3, 6)) == 0
    assert image.count_written_outside(Rect(-1, 4, 2, 6)) == 2
    assert image.count_unwritten(Rect(-1, 4, 3, 6)) == 0
    assert image.count_unwritten(Rect(-3, 2, 4, 7)) == 35 - 8


@given(st.integers(1, 9), st.integers(1, 9), st.integers(-5, 5), st.sampled_from([0.25, 0.5, 1 / 3, 0.75, 1.0, 2.0]))
def test_resizing_is_the_area_average_of_what_lies_under_each_pixel(
    height: int, width: int, origin: int, scale: float
) -> None:
    picture = np.random.default_rng(height * 10 + width).random((height, width, 1)).astype(np.float32)
    bounds = Rect(origin, -origin, origin + width, -origin + height)
    wanted = bounds.scaled(scale, scale).outward()
    slow = np.zeros((wanted.height, wanted.width))
    for row in range(wanted.height):
        for column in range(wanted.width):
            x, y = wanted.x1 + column, wanted.y2 - 1 - row
            total = area = 0.0
            for old_row in range(height):
                for old_column in range(width):
                    old_x, old_y = bounds.x1 + old_column, bounds.y2 - 1 - old_row
                    across = min(old_x + 1, (x + 1) / scale) - max(old_x, x / scale)
                    upward = min(old_y + 1, (y + 1) / scale) - max(old_y, y / scale)
                    share = max(across, 0) * max(upward, 0)
                    total += share * float(picture[old_row, old_column, 0])
                    area += share
            slow[row, column] = total / area if area > 1e-9 else 0
    np.testing.assert_allclose(resize(picture, bounds, (scale, scale), wanted)[..., 0], slow, atol=1e-5)


def test_placing_on_other_bounds_cuts_and_pads_with_zero() -> None:
    picture = np.arange(1, 13, dtype=np.float32).reshape(3, 4, 1)  # 4 x 3 at (0, 0)
    placed = place(picture, Rect(0, 0, 4, 3), Rect(2, -1, 6, 2))[..., 0]
    assert placed.tolist() == [[7, 8, 0, 0], [11, 12, 0, 0], [0, 0, 0, 0]]


def test_integer_depths_survive_the_way_through_float_and_back() -> None:
    for dtype, name in ((np.uint8, "Byte"), (np.uint16, "Short")):
        every = np.arange(np.iinfo(dtype).max + 1, dtype=dtype).reshape(-1, 1, 1)
        np.testing.assert_array_equal(to_depth(to_depth(every, "Float"), name), every)


def test_floats_beyond_the_range_are_clipped_when_they_become_bytes() -> None:
    floats = np.array([-1, 0, 0.5, 1, 7, np.nan], np.float32).reshape(-1, 1, 1)
    assert to_depth(floats, "Byte").ravel().tolist() == [0, 0, 128, 255, 255, 0]


def test_components_are_added_and_dropped_as_documented() -> None:
    matte = np.full((1, 1), 0.25, np.float32)
    assert to_components(matte, "RGBA").ravel().tolist() == [0.25] * 4
    colour = np.array([[[10, 20, 30]]], np.uint8)
    assert to_components(colour, "RGBA").ravel().tolist() == [10, 20, 30, 255]
    assert to_components(colour, "Alpha").ravel().tolist() == [255]
    assert to_components(np.array([[[1, 2, 3, 4]]], np.uint8), "RGB").ravel().tolist() == [1, 2, 3]


def test_clips_refuse_what_no_plugin_could_see() -> None:
    with pytest.raises(BadValue, match="float64 cannot be shown"):
        NumpyClip(np.zeros((2, 3, 4)))
    with pytest.raises(BadValue, match=r"shape \(3, 4, 2\) is neither"):
        NumpyClip({1: Frame(np.zeros((3, 4, 2), np.float32))})
    with pytest.raises(BadValue, match="the mapping given is empty"):
        NumpyClip({})
    with pytest.raises(BadValue, match="needs its first and last frame"):
        NumpyClip(lambda number: None)
    with pytest.raises(BadValue, match="choose one"):
        NumpyClip(np.zeros((2, 3, 4), np.float32), premultiplication="half")
