"""Flow completion against the reference, against whole-clip 3-D convolutions, and its promises about holes and time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

import golden
from propainter.flow_completion import (
    FlowCompletion,
    FlowCompletionConfig,
    FrameMix,
    SpaceTimeEncoder,
    complete_flow,
)
from propainter.types import BidirectionalFlow


def test_completed_flow_agrees_with_the_reference() -> None:
    net = FlowCompletion()
    net.load_state_dict(golden.standin_state("rfc"), strict=True)
    completed = complete_flow(net, golden.flow("pan12", "flow"), golden.hole_tensor("pan12"))
    expected = golden.flow("pan12", "completed")
    torch.testing.assert_close(completed.forward, expected.forward, rtol=0, atol=1e-5)
    torch.testing.assert_close(completed.backward, expected.backward, rtol=0, atol=1e-5)


def test_the_state_dict_has_exactly_the_keys_and_shapes_of_the_checkpoint() -> None:
    ours = {key: tuple(tensor.shape) for key, tensor in FlowCompletion().state_dict().items()}
    assert ours == {key: tuple(tensor.shape) for key, tensor in golden.standin_state("rfc").items()}


def test_flow_outside_the_hole_comes_back_bit_for_bit_and_inside_it_changes() -> None:
    flow, holes = random_flow(), block_holes()
    completed = complete_flow(narrow_net(), flow, holes)
    for got, given, hole in (
        (completed.forward, flow.forward, holes[:, :-1]),
        (completed.backward, flow.backward, holes[:, 1:]),
    ):
        hole = hole.expand_as(given).bool()
        assert torch.equal(got[~hole], given[~hole])
        assert (got[hole] - given[hole]).abs().min() > 0


def test_what_the_flow_says_inside_its_own_hole_does_not_matter() -> None:
    flow, holes = random_flow(), block_holes()
    other = BidirectionalFlow(flow.forward + 9 * holes[:, :-1], flow.backward - 7 * holes[:, 1:])
    completed, again = (complete_flow(narrow_net(), given, holes) for given in (flow, other))
    assert torch.equal(completed.forward, again.forward)
    assert torch.equal(completed.backward, again.backward)


def test_backward_flow_is_completed_as_the_forward_flow_of_reversed_time() -> None:
    flow, holes = random_flow(), block_holes()
    completed = complete_flow(narrow_net(), flow, holes)
    reversed_flow = BidirectionalFlow(flow.backward.flip(1), flow.forward.flip(1))
    mirrored = complete_flow(narrow_net(), reversed_flow, holes.flip(1))
    assert torch.equal(completed.backward, mirrored.forward.flip(1))
    assert torch.equal(completed.forward, mirrored.backward.flip(1))


def test_every_frame_of_a_chunk_speaks_to_every_other() -> None:
    """The recurrence runs both ways: the first and the last flow of a chunk depend on each other."""
    flow, holes = random_flow(), block_holes()
    for changed, asked in ((0, -1), (-1, 0)):
        other = BidirectionalFlow(flow.forward.clone(), flow.backward)
        other.forward[:, changed] += 1
        difference = (
            complete_flow(narrow_net(), other, holes).forward - complete_flow(narrow_net(), flow, holes).forward
        )
        assert difference[:, asked].abs().max() > 0


def test_no_pairs_are_completed_to_no_pairs() -> None:
    nothing = torch.zeros(1, 0, 2, 16, 24)
    completed = complete_flow(narrow_net(), BidirectionalFlow(nothing, nothing), torch.ones(1, 1, 1, 16, 24))
    assert completed.forward.shape == completed.backward.shape == (1, 0, 2, 16, 24)


@pytest.mark.parametrize("frames", [1, 2, 3, 6])
def test_mixing_streamed_frames_is_the_dilated_convolution_over_the_whole_clip(frames: int) -> None:
    mix = FrameMix(3).double()
    clip = normal(1, 3, frames, 4, 5)
    with torch.no_grad():
        streamed = torch.stack(list(mix.stream(iter(clip.unbind(2)))), dim=2)
        whole = F.conv3d(clip, mix.weight, mix.bias, padding=(2, 0, 0), dilation=(2, 1, 1))
    torch.testing.assert_close(streamed, whole)


def test_an_encoder_of_streamed_frames_is_its_3d_convolutions_over_the_whole_clip() -> None:
    encoder = SpaceTimeEncoder(2, 4).double()
    clip = normal(1, 2, 7, 8, 6)
    state = encoder.state_dict()
    with torch.no_grad():
        streamed = torch.stack(list(encoder.stream(iter(clip.unbind(2)))), dim=2)
        whole = clip
        for number, stride in (("0", 1), ("2", 2)):
            space, time = (f"{number}.conv1.0", f"{number}.conv2.0")
            whole = F.conv3d(
                whole, state[f"{space}.weight"], state[f"{space}.bias"], stride=(1, stride, stride), padding=(0, 1, 1)
            )
            whole = F.leaky_relu(whole, 0.2)
            whole = F.conv3d(
                whole, state[f"{time}.weight"], state[f"{time}.bias"], padding=(2, 0, 0), dilation=(2, 1, 1)
            )
            whole = F.leaky_relu(whole, 0.2)
    torch.testing.assert_close(streamed, whole)


def test_the_encoder_never_reads_further_ahead_than_its_temporal_taps() -> None:
    """Two blocks, two frames each: the memory a long chunk needs at high resolution does not grow with the chunk."""
    read = 0

    def frames() -> Iterator[Tensor]:
        nonlocal read
        for _ in range(40):
            read += 1
            yield torch.zeros(1, 2, 8, 8)

    encoded = SpaceTimeEncoder(2, 4).stream(frames())
    next(encoded)
    assert read == 5
    next(encoded)
    assert read == 6


def test_half_precision_features_still_give_full_precision_flow_close_by() -> None:
    flow, holes = random_flow(), block_holes()
    exact = complete_flow(narrow_net(), flow, holes)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = complete_flow(narrow_net(), flow, holes)
    assert rough.forward.dtype == torch.float32
    difference = (rough.forward - exact.forward).abs().max()
    assert 0 < difference < 0.05 * exact.forward.abs().max()


def test_holes_for_the_wrong_number_of_frames_are_refused_in_words() -> None:
    with pytest.raises(ValueError, match="5 flow pairs come with the holes of 5 frames; give 6 holes"):
        complete_flow(narrow_net(), random_flow(), block_holes()[:, 1:])


def test_holes_of_another_size_are_refused_in_words() -> None:
    with pytest.raises(ValueError, match="flow is 24x16 but the holes are 24x8; bring both to one size"):
        complete_flow(narrow_net(), random_flow(), block_holes()[..., 8:, :])


def test_sides_that_are_no_multiple_of_eight_are_refused_in_words() -> None:
    flow = random_flow()
    cut = BidirectionalFlow(flow.forward[..., 4:], flow.backward[..., 4:])
    with pytest.raises(ValueError, match="flow is 20x16; flow completion needs sides that are multiples of 8"):
        complete_flow(narrow_net(), cut, block_holes()[..., 4:])


def narrow_net() -> FlowCompletion:
    torch.manual_seed(11)
    return FlowCompletion(FlowCompletionConfig(channels=4, deform_groups=2, edge_channels=2))


def random_flow() -> BidirectionalFlow:
    return BidirectionalFlow(2 * normal(1, 5, 2, 16, 24).float(), 2 * normal(1, 5, 2, 16, 24).float().flip(0, 3))


def block_holes() -> Tensor:
    """A block that moves right through six frames."""
    holes = torch.zeros(1, 6, 1, 16, 24)
    for frame in range(6):
        holes[0, frame, 0, 5:11, 2 + 3 * frame : 8 + 3 * frame] = 1
    return holes


def normal(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(len(shape)), dtype=torch.float64)


def test_both_directions_in_one_batch_are_those_of_each_by_itself() -> None:
    flow, holes = random_flow(), block_holes()
    holes[:, 2] = 0  # a frame without a hole: the other direction has one there
    apart, together = (complete_flow(narrow_net(), flow, holes, both_at_once=way) for way in (False, True))
    torch.testing.assert_close(together.forward, apart.forward, rtol=0, atol=1e-5)
    torch.testing.assert_close(together.backward, apart.backward, rtol=0, atol=1e-5)
    outside = holes[:, :-1].expand_as(flow.forward) == 0
    assert torch.equal(together.forward[outside], flow.forward[outside])


@pytest.mark.slow
def test_both_directions_in_one_batch_are_the_reference_s() -> None:
    net = FlowCompletion()
    net.load_state_dict(golden.standin_state("rfc"), strict=True)
    together = complete_flow(net, golden.flow("pan12", "flow"), golden.hole_tensor("pan12"), both_at_once=True)
    expected = golden.flow("pan12", "completed")
    torch.testing.assert_close(together.forward, expected.forward, rtol=0, atol=1e-4)
    torch.testing.assert_close(together.backward, expected.backward, rtol=0, atol=1e-4)
