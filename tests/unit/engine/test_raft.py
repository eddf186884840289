"""RAFT against the reference's flow, against scalar loops, and its promises about runs, sizes and precision."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

import golden
from propainter.raft import Raft, RaftConfig, estimate_flow, estimation
from propainter.raft.correlation import CorrelationPyramid, correlate
from propainter.raft.network import SeparableGru, upsample_flow

NARROW = RaftConfig(
    stage_channels=(4, 6, 8),
    feature_channels=8,
    hidden_channels=6,
    context_channels=4,
    levels=2,
    radius=2,
    correlation_channels=(8, 6),
    flow_channels=(6, 4),
    motion_channels=8,
    head_channels=6,
)


def test_flow_agrees_with_the_reference_after_twenty_iterations() -> None:
    net = Raft()
    net.load_state_dict(golden.standin_state("raft"), strict=True)
    flow = estimate_flow(net, golden.frames_tensor("pan12")[:, :4], iterations=20)
    expected = golden.flow("pan12", "flow").span(0, 3)
    torch.testing.assert_close(flow.forward, expected.forward, rtol=0, atol=1e-4)
    torch.testing.assert_close(flow.backward, expected.backward, rtol=0, atol=1e-4)


def test_the_state_dict_has_exactly_the_keys_and_shapes_of_the_checkpoint() -> None:
    ours = {key: tuple(tensor.shape) for key, tensor in Raft().state_dict().items()}
    assert ours == {key: tuple(tensor.shape) for key, tensor in golden.standin_state("raft").items()}


def test_backward_flow_is_the_forward_flow_of_the_reversed_frames() -> None:
    frames = noise_frames(t=4)
    flow = estimate_flow(narrow_raft(), frames, iterations=3)
    mirrored = estimate_flow(narrow_raft(), frames.flip(1), iterations=3)
    torch.testing.assert_close(flow.backward, mirrored.forward.flip(1), rtol=0, atol=1e-5)
    assert (flow.forward - flow.backward).abs().max() > 0.01


def test_a_pair_has_the_same_flow_whichever_run_it_is_estimated_in() -> None:
    frames = noise_frames(t=6)
    together = estimate_flow(narrow_raft(), frames, iterations=3)
    alone = estimate_flow(narrow_raft(), frames[:, 4:6], iterations=3)
    assert torch.equal(alone.forward[:, 0], together.forward[:, 4]), "on a processor to the bit: farms cut runs anyhow"
    assert torch.equal(alone.backward[:, 0], together.backward[:, 4])


@pytest.mark.parametrize("at_once", [1, 2, 4])
def test_in_batches_a_pair_has_the_same_flow_to_the_bit_whichever_run_it_is_in(at_once: int) -> None:
    """As on a GPU: batches are full whatever is left, so that an edit, a preview and a farm task find the same bits."""
    net, frames = narrow_raft(), noise_frames(t=6)
    whole = estimate_flow(net, frames, iterations=3, at_once=at_once)
    for first, last in ((4, 5), (1, 3), (2, 5)):
        part = estimate_flow(net, frames[:, first : last + 1], iterations=3, at_once=at_once)
        assert torch.equal(part.forward, whole.forward[:, first:last])
        assert torch.equal(part.backward, whole.backward[:, first:last])
    single = estimate_flow(net, frames, iterations=3)
    torch.testing.assert_close(whole.forward, single.forward, rtol=0, atol=1e-5)
    torch.testing.assert_close(whole.backward, single.backward, rtol=0, atol=1e-5)


def test_a_gpu_s_batch_is_chosen_by_the_size_of_the_pictures_alone() -> None:
    assert [estimation.pairs_at_once(*size) for size in ((432, 240), (864, 480), (1280, 720), (1920, 1080))] == [
        4,
        1,
        0,
        0,
    ]


@pytest.mark.parametrize("at_once", [0, 2])
def test_every_frame_is_encoded_once_for_both_directions_and_all_its_pairs(at_once: int) -> None:
    net, encoded = narrow_raft(), {"fnet": 0, "cnet": 0}

    def count(name: str) -> None:
        def hook(module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
            encoded[name] += inputs[0].shape[0]

        net.get_submodule(name).register_forward_hook(hook)

    count("fnet")
    count("cnet")
    estimate_flow(net, noise_frames(t=6), iterations=1, at_once=at_once)
    assert encoded == {"fnet": 6, "cnet": 6}


def test_one_frame_has_no_flow() -> None:
    flow = estimate_flow(narrow_raft(), noise_frames(t=1), iterations=3)
    assert flow.forward.shape == flow.backward.shape == (1, 0, 2, 32, 40)


@pytest.mark.parametrize(("height", "width"), [(64, 128), (32, 40), (16, 16)])
def test_frames_too_small_for_the_coarsest_level_still_get_finite_flow(height: int, width: int) -> None:
    flow = estimate_flow(narrow_raft(levels=4, radius=4), noise_frames(height=height, width=width), iterations=2)
    assert flow.forward.shape == (1, 1, 2, height, width)
    assert flow.forward.isfinite().all()
    assert flow.backward.isfinite().all()


def test_autocast_around_it_does_not_touch_its_precision() -> None:
    frames = noise_frames()
    plain = estimate_flow(narrow_raft(), frames, iterations=2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        wrapped = estimate_flow(narrow_raft(), frames, iterations=2)
    assert torch.equal(wrapped.forward, plain.forward)


def test_sides_that_are_no_multiple_of_eight_are_refused_in_words() -> None:
    with pytest.raises(ValueError, match="frames are 36x32; RAFT needs sides that are multiples of 8"):
        estimate_flow(narrow_raft(), noise_frames(width=36), iterations=1)


def test_frames_of_a_single_cell_are_refused_in_words() -> None:
    with pytest.raises(ValueError, match="frames are 40x8; RAFT needs at least 16 pixels a side"):
        estimate_flow(narrow_raft(), noise_frames(height=8), iterations=1)


def test_no_iteration_at_all_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="asked for 0 iterations; give at least 1"):
        estimate_flow(narrow_raft(), noise_frames(), iterations=0)


def test_a_flow_stops_where_nearly_all_of_it_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """20 cells: the updates below move 4, 4, 4, 1 and 1 of them by more than the threshold of 0.5."""
    moved = [4, 4, 4, 1, 1, 1, 1, 1]
    monkeypatch.setattr(estimation, "STRAGGLERS", 0.05)
    assert scripted_updates_run(moved, stop=0.5) == 4  # a look after every second one
    assert scripted_updates_run(moved, stop=0.7) == 2
    assert scripted_updates_run(moved, stop=0.0) == 8
    monkeypatch.setattr(estimation, "STRAGGLERS", 0.04)
    assert scripted_updates_run(moved, stop=0.5) == 8


def test_each_flow_of_a_run_stops_where_it_would_stop_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    net, frames = narrow_raft(), noise_frames(t=5)
    frames[:, 3] = frames[:, 2]  # something that settles sooner
    counts: list[int] = []
    has_converged = estimation._has_converged

    def watched(correction: Tensor, stop: float) -> Tensor:
        converged = has_converged(correction, stop)
        counts.append(int(converged.sum()))
        return converged

    monkeypatch.setattr(estimation, "_has_converged", watched)
    together = estimate_flow(net, frames, iterations=12, stop=0.385, at_once=4)
    assert any(0 < converged < 8 for converged in counts)  # they do not all stop at once
    for pair in range(4):
        alone = estimate_flow(net, frames[:, pair : pair + 2], iterations=12, stop=0.385)
        torch.testing.assert_close(alone.forward[:, 0], together.forward[:, pair], rtol=0, atol=1e-5)
        torch.testing.assert_close(alone.backward[:, 0], together.backward[:, pair], rtol=0, atol=1e-5)


def test_a_negative_stop_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match=r"stop below updates of -0.1 cells; give 0 \(never\) or more"):
        estimate_flow(narrow_raft(), noise_frames(), iterations=1, stop=-0.1)


def test_correlation_is_the_dot_product_of_features_over_the_root_of_their_length() -> None:
    source, target = normal(1, 9, 2, 3), normal(1, 9, 2, 3)
    volume = correlate(source, target)
    expected = sum(source[0, c, 1, 0].item() * target[0, c, 0, 2].item() for c in range(9)) / 3
    assert volume[0, 3, 2].item() == pytest.approx(expected)
    torch.testing.assert_close(correlate(target, source), volume.transpose(1, 2))


def test_lookup_equals_a_scalar_loop_with_the_x_offset_as_the_slow_axis() -> None:
    """5x7 cells: the coarser levels drop an odd row or column, and the third is a single cell high."""
    height, width, radius = 5, 7, 2
    volume = normal(1, height * width, height * width)
    positions = 3 * normal(1, 2, height, width) + 2
    positions[0, :, 0, 0] = 100.0
    pyramid = CorrelationPyramid(volume, height, width, levels=4, radius=radius)
    seen = pyramid.look_up(positions)
    assert seen.shape == (1, 4 * 25, height, width)
    for cell in range(height * width):
        x, y = positions[0, :, cell // width, cell % width].tolist()
        picture = volume[0, cell].view(height, width).tolist()
        expected = []
        for level in range(4):
            for ox in range(-radius, radius + 1):
                for oy in range(-radius, radius + 1):
                    expected.append(bilinear(picture, y / 2**level + oy, x / 2**level + ox))
            picture = halved(picture)
        got = seen[0, :, cell // width, cell % width]
        torch.testing.assert_close(got, torch.tensor(expected, dtype=got.dtype), rtol=0, atol=1e-9)


def test_taking_the_context_out_of_the_gates_does_not_change_the_gru() -> None:
    gru = SeparableGru(3, 2, 4).double()
    hidden, context, motion = normal(2, 3, 5, 6), normal(2, 2, 5, 6), normal(2, 4, 5, 6)
    with torch.no_grad():
        got = gru(hidden, gru.prepare(context), motion)
        expected = hidden
        for number in "12":
            z, r, q = (gru.get_submodule(f"conv{gate}{number}") for gate in "zrq")
            joined = torch.cat((expected, context, motion), dim=1)
            keep, reset = torch.sigmoid(z(joined)), torch.sigmoid(r(joined))
            candidate = torch.tanh(q(torch.cat((reset * expected, context, motion), dim=1)))
            expected = (1 - keep) * expected + keep * candidate
    torch.testing.assert_close(got, expected)


def test_upsampling_mixes_the_nine_cells_around_a_pixels_cell() -> None:
    """Every sub-pixel has its own weights: logits are ordered neighbour, then sub-row, then sub-column."""
    flow, logits = normal(1, 2, 3, 4), 3 * normal(1, 576, 3, 4)
    full = upsample_flow(flow, logits)
    assert full.shape == (1, 2, 24, 32)
    for row, column in [(0, 0), (13, 21), (23, 31), (8, 17)]:
        cell_row, cell_column, sub = row // 8, column // 8, 8 * (row % 8) + column % 8
        weights = [math.exp(logits[0, 64 * k + sub, cell_row, cell_column].item()) for k in range(9)]
        for axis in range(2):
            total = 0.0
            for k, weight in enumerate(weights):
                y, x = cell_row + k // 3 - 1, cell_column + k % 3 - 1
                total += weight * flow[0, axis, y, x].item() if 0 <= y < 3 and 0 <= x < 4 else 0.0
            assert full[0, axis, row, column].item() == pytest.approx(8 * total / sum(weights))


def scripted_updates_run(moved: list[int], *, stop: float) -> int:
    """How many iterations are run when the i-th moves moved[i] of 20 cells by 0.6 cells."""
    net, run = narrow_raft(), 0

    def update(hidden: Tensor, gates: object, seen: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
        nonlocal run
        correction = torch.zeros_like(flow)
        correction[:, 1].flatten()[: moved[run]] = -0.6
        run += 1
        return hidden, correction

    net.update_block.forward = update  # type: ignore[method-assign]
    here, there = (estimation._encode(net, frame) for frame in noise_frames()[0].split(1))
    estimation._iterate(net, here, there, iterations=len(moved), stop=stop)
    return run


def narrow_raft(*, levels: int = NARROW.levels, radius: int = NARROW.radius) -> Raft:
    """A small network with seeded weights large enough to answer with a pixel or two."""
    torch.manual_seed(3)
    fields = {name: getattr(NARROW, name) for name in NARROW.__dataclass_fields__}
    net = Raft(RaftConfig(**{**fields, "levels": levels, "radius": radius}))
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(1.5)
    return net


def noise_frames(*, t: int = 2, height: int = 32, width: int = 40) -> Tensor:
    return torch.rand(1, t, 3, height, width, generator=torch.Generator().manual_seed(5)) * 2 - 1


def normal(*shape: int) -> Tensor:
    seed = sum((place + 1) * side for place, side in enumerate(shape))
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def halved(picture: list[list[float]]) -> list[list[float]]:
    """Means of 2x2, odd ends dropped."""
    return [
        [
            sum(picture[2 * y + i][2 * x + j] for i in range(2) for j in range(2)) / 4
            for x in range(len(picture[0]) // 2)
        ]
        for y in range(len(picture) // 2)
    ]


def bilinear(picture: list[list[float]], y: float, x: float) -> float:
    total = 0.0
    for row in (math.floor(y), math.floor(y) + 1):
        for column in (math.floor(x), math.floor(x) + 1):
            if 0 <= row < len(picture) and 0 <= column < len(picture[0]):
                total += (1 - abs(y - row)) * (1 - abs(x - column)) * picture[row][column]
    return total
