"""Blending windows and laying the fill over the plate."""

import pytest
import torch

from propainter.composite import blend_windows, composite


def test_windows_blend_by_their_weights_in_whatever_order():
    a, b, c = torch.tensor([1.0, 0.0]), torch.tensor([4.0, 2.0]), torch.tensor([0.0, 8.0])
    expected = torch.tensor([(1 + 4 * 2) / 4, (2 * 2 + 8) / 4])
    torch.testing.assert_close(blend_windows([a, b, c], [1.0, 2.0, 1.0]), expected)
    torch.testing.assert_close(blend_windows([c, b, a], [1.0, 2.0, 1.0]), expected)


def test_one_window_alone_is_taken_as_it_is():
    painted = torch.tensor([0.1, 0.7])
    assert torch.equal(blend_windows([painted], [3.0]), painted)


def test_a_frame_without_windows_is_refused():
    with pytest.raises(ValueError, match="no window"):
        blend_windows([], [])


def test_outside_the_matte_the_plate_comes_back_bit_for_bit():
    plate = torch.tensor([[12.0], [-0.3], [float("nan")], [float("inf")], [-0.0]])
    out = composite(plate, torch.full_like(plate, 0.5), torch.zeros(5))
    assert torch.equal(out.view(torch.int32), plate.view(torch.int32))


def test_inside_the_fill_replaces_and_the_soft_edge_mixes():
    plate = torch.tensor([[2.0], [2.0], [2.0]])
    fill = torch.tensor([[10.0], [10.0], [-4.0]])
    out = composite(plate, fill, torch.tensor([1.0, 0.25, 0.5]))
    assert out.flatten().tolist() == [10.0, 4.0, -1.0]


def test_a_filled_pixel_is_never_nan_even_where_the_plate_is():
    plate = torch.tensor([[float("nan")], [float("inf")]])
    out = composite(plate, torch.tensor([[0.5], [0.25]]), torch.tensor([0.5, 1.0]))
    assert out.flatten().tolist() == [0.5, 0.25]
