"""Promises of ``propainter.propagation``, against the reference's output and pixels that can be told by hand."""

import numpy as np
import pytest
import torch
from torch import Tensor

import golden
from propainter.propagation import propagate_plate
from propainter.types import BidirectionalFlow


def panning(dx: float, frames: int, height: int, width: int) -> BidirectionalFlow:
    """Everything moves by dx pixels to the right, every frame."""
    forward = torch.zeros(1, frames - 1, 2, height, width)
    forward[:, :, 0] = dx
    return BidirectionalFlow(forward, -forward)


def moving_strip(frames: int, height: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """A wide random picture seen through a window that moves 2 px left a frame; holes; and the truth."""
    picture = torch.rand(1, 3, height, width + 2 * frames, generator=torch.Generator().manual_seed(3)) * 2 - 1
    truth = torch.stack([picture[..., 2 * (frames - t) : 2 * (frames - t) + width] for t in range(frames)], dim=1)
    holes = torch.zeros(1, frames, 1, height, width)
    holes[..., 2:5, 8:12] = 1
    return truth, holes, truth * (1 - holes)


@pytest.mark.parametrize("case", ["pan12", "pan_synthflow"])
def test_propagation_agrees_with_the_reference_to_the_bit(case: str) -> None:
    plate = propagate_plate(golden.frames_tensor(case), golden.hole_tensor(case), golden.flow(case, "completed"))
    assert np.array_equal(plate.frames[0].numpy(), golden.load(case)["propagated"])
    assert np.array_equal(plate.unseen[0].numpy(), golden.load(case)["unseen"])


def test_a_hole_that_stands_while_the_picture_moves_is_filled_with_the_truth() -> None:
    truth, holes, plate = moving_strip(frames=8, height=8, width=20)
    propagated = propagate_plate(plate, holes, panning(2, 8, 8, 20))
    assert propagated.unseen.sum() == 0
    assert torch.equal(propagated.frames, truth)


def test_what_the_plate_shows_inside_the_hole_is_never_looked_at() -> None:
    truth, holes, _ = moving_strip(frames=5, height=8, width=20)
    flow = panning(2, 5, 8, 20)
    clean = propagate_plate(truth, holes, flow)
    spoilt = propagate_plate(truth.masked_fill(holes > 0, float("nan")), holes, flow)
    assert torch.equal(clean.frames, spoilt.frames)


def test_outside_the_hole_the_plate_is_bit_identical_and_the_input_untouched() -> None:
    frames, holes = golden.frames_tensor("pan12"), golden.hole_tensor("pan12")
    before = frames.clone()
    propagated = propagate_plate(frames, holes, golden.flow("pan12", "completed"))
    outside = (holes == 0).expand_as(frames)
    assert torch.equal(propagated.frames[outside], before[outside])
    assert torch.equal(frames, before)


def test_a_single_frame_stays_wholly_unseen() -> None:
    holes = torch.zeros(1, 1, 1, 8, 8)
    holes[..., 2:4, 2:4] = 1
    propagated = propagate_plate(torch.ones(1, 1, 3, 8, 8), holes, panning(0, 1, 8, 8))
    assert torch.equal(propagated.unseen, holes)
    assert torch.equal(propagated.frames, (1 - holes).expand(1, 1, 3, 8, 8))


def test_a_small_flow_out_of_the_picture_counts_as_seen_and_brings_grey() -> None:
    """The reference's quirk: 0.6 px past the edge is rounded outside, yet trusted (spec, section 5)."""
    holes = torch.zeros(1, 2, 1, 4, 6)
    holes[:, 0, :, :, 5] = 1
    propagated = propagate_plate(torch.ones(1, 2, 3, 4, 6), holes, panning(0.6, 2, 4, 6))
    assert propagated.unseen.sum() == 0
    assert (propagated.frames[:, 0, :, :, 5] == 0).all()


def test_flow_of_another_shot_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="3 frames need 2 pairs of flow, got 4"):
        propagate_plate(torch.zeros(1, 3, 3, 4, 4), torch.zeros(1, 3, 1, 4, 4), panning(0, 5, 4, 4))
