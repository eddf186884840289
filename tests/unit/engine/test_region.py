"""Promises of ``propainter.region``: a box computed alone equals that box of the whole and reads no more than it says."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from propainter.region import Box, DoublingConv, Part, box_read, boxes_of_holes, join, run_inside

SIZE = (9, 13)
BOXES = [Box(0, 35, 0, 51), Box(0, 0, 51, 51), Box(7, 19, 4, 11), Box(35, 35, 0, 51), Box(12, 30, 20, 20)]


def layers() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return nn.Sequential(
            DoublingConv(4, 5), nn.LeakyReLU(0.2), nn.Conv2d(5, 3, 3, padding=1),
            DoublingConv(3, 3), nn.Conv2d(3, 2, 3, padding=1),
        )  # fmt: skip


def whole(x: Tensor, stack: nn.Sequential) -> Tensor:
    """The layers on all of a map, by torch's own upsampling."""
    for layer in stack:
        if isinstance(layer, DoublingConv):
            x = layer.conv(F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True))
        else:
            x = layer(x)
    return x


def noise() -> Tensor:
    return torch.randn(2, 4, *SIZE, generator=torch.Generator().manual_seed(4))


@pytest.mark.parametrize("box", BOXES)
def test_a_box_has_the_values_it_has_in_the_whole_picture(box: Box) -> None:
    x, stack = noise(), layers()
    with torch.no_grad():
        part = run_inside(stack, Part.whole(x), box)
        expected = whole(x, stack)[..., box.first_row : box.last_row + 1, box.first_col : box.last_col + 1]
    assert (part.box, part.size) == (box, (36, 52))
    torch.testing.assert_close(part.values, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("box", BOXES)
def test_nothing_outside_the_box_read_is_looked_at_and_all_of_its_border_is(box: Box) -> None:
    x, stack = noise(), layers()
    read = box_read(stack, box, SIZE)
    rows, cols = read.inside(Box.whole(SIZE))
    outside = torch.full_like(x, torch.nan)
    outside[..., rows, cols] = x[..., rows, cols]
    with torch.no_grad():
        part = run_inside(stack, Part.whole(outside).cut(read), box)
        assert part.values.isfinite().all()
        expected = whole(x, stack)
        for corner in ((read.first_row, read.first_col), (read.last_row, read.last_col)):
            changed = x.clone()
            changed[:, :, corner[0], corner[1]] += 100
            difference = (whole(changed, stack) - expected)[
                ..., box.first_row : box.last_row + 1, box.first_col : box.last_col + 1
            ]
            assert difference.abs().max() > 0


def test_a_box_around_each_hole_and_none_around_nothing() -> None:
    holes = torch.zeros(4, 1, 6, 8)
    holes[0, 0, 2, 3] = 1
    holes[1, 0, 0, 7] = holes[1, 0, 5, 1] = 1
    holes[3] = 1
    assert boxes_of_holes(holes) == [Box(2, 2, 3, 3), Box(0, 5, 1, 7), None, Box(0, 5, 0, 7)]


def test_joining_boxes_leaves_out_what_is_not_there() -> None:
    assert join([None, Box(2, 3, 4, 5), None, Box(1, 2, 5, 9)]) == Box(1, 3, 4, 9)
    assert join([None, None]) is None


def test_growing_stops_at_the_border() -> None:
    assert Box(1, 2, 3, 4).grown(2, (4, 10)) == Box(0, 3, 1, 6)


def test_a_box_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ValueError, match="no rectangle"):
        Box(3, 2, 0, 0)
