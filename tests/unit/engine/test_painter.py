"""Promises of ``propainter.painter`` and of the guards around it in ``propainter.learned``; numbers: test_golden_chain."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

import golden
from propainter.flow_completion import FlowCompletion
from propainter.learned import ProPainterEngine
from propainter.painter import Painter, PainterConfig, quarter_guides
from propainter.raft import Raft, RaftConfig
from propainter.transformer import TransformerConfig
from propainter.types import BidirectionalFlow, Precision

SMALL = PainterConfig(
    encoder_stem=((8, 2), (8, 1), (16, 2), (16, 1)),
    encoder_rest=((16, 1), (16, 2), (16, 4), (16, 8), (16, 1)),
    decoder_channels=(8, 8),
    deform_groups=2,
    transformer=TransformerConfig(feature_channels=16, dim=16, heads=2, blocks=2, mix_channels=2),
)
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), str(Path(__file__).parent)]),
}


def seeded_painter(config: PainterConfig) -> Painter:
    with torch.random.fork_rng():
        torch.manual_seed(11)
        return Painter(config).eval()


def engine_around(painter: Painter) -> ProPainterEngine:
    device = torch.device("cpu")
    return ProPainterEngine(Raft(RaftConfig()), FlowCompletion(), painter, weights_id="test", device=device)


def window(neighbours: int, references: int) -> tuple[Tensor, Tensor, Tensor, BidirectionalFlow]:
    """Frames, holes, unseen, flow of a small random window, as ``Engine.paint_window`` takes them."""
    generator = torch.Generator().manual_seed(5)
    count = neighbours + references
    frames = torch.rand(1, count, 3, 32, 48, generator=generator) * 2 - 1
    holes = torch.zeros(1, count, 1, 32, 48)
    holes[..., 8:20, 10:30] = 1
    forward = torch.randn(1, neighbours - 1, 2, 32, 48, generator=generator) * 3
    return frames, holes, holes.clone(), BidirectionalFlow(forward, -forward)


def test_tensor_names_and_shapes_are_exactly_the_published_checkpoints() -> None:
    ours = {key: tuple(tensor.shape) for key, tensor in Painter().state_dict().items()}
    assert ours == {key: tuple(tensor.shape) for key, tensor in golden.standin_state("propainter").items()}


def test_guides_take_the_mean_of_the_middle_pixels_and_a_quarter_of_the_motion() -> None:
    forward = torch.arange(8 * 12, dtype=torch.float32).view(1, 1, 1, 8, 12).repeat(1, 1, 2, 1, 1)
    masks = torch.zeros(2, 1, 8, 12)
    masks[0, 0, 4, 8] = 1  # the first pixel of a 4x4 block counts
    masks[1, 0, 5, 9] = 1  # the others do not
    guides = quarter_guides(masks, 1 - masks, BidirectionalFlow(forward, -forward))
    middle = forward[0, 0, 0, 4 + 1 : 4 + 3, 8 + 1 : 8 + 3].mean() / 4
    assert guides.flow.forward[0, 0, :, 1, 2].tolist() == [middle.item()] * 2
    assert guides.masks[0, :, 1, 2].tolist() == [1, 0]
    assert guides.masks[1, :, 1, 2].tolist() == [0, 1]


@pytest.mark.parametrize(("neighbours", "references"), [(1, 0), (1, 2), (2, 0), (5, 3)])
def test_any_number_of_neighbours_and_references_paints_the_neighbours(neighbours: int, references: int) -> None:
    painted = engine_around(seeded_painter(SMALL)).paint_window(*window(neighbours, references))
    assert painted.shape == (neighbours, 3, 32, 48)
    assert painted.abs().max() <= 1


def test_features_kept_from_another_window_give_the_same_picture_to_the_bit() -> None:
    frames, holes, unseen, flow = window(3, 2)
    engine, keys = engine_around(seeded_painter(SMALL)), ["a", "b", "c", "d", "e"]
    fresh = engine.paint_window(frames, holes, unseen, flow)
    earlier = [3, 1, 4]
    engine.paint_window(
        frames[:, earlier], holes[:, earlier], unseen[:, earlier], flow, frame_keys=[keys[i] for i in earlier]
    )
    assert torch.equal(engine.paint_window(frames, holes, unseen, flow, frame_keys=keys), fresh)


def test_what_is_painted_in_the_boxes_around_the_holes_is_what_the_whole_picture_has_there() -> None:
    frames, holes, unseen, flow = window(3, 2)
    holes[:, 1] = 0  # a neighbour without a hole
    holes[:, 2] = holes[:, 2].roll((9, 14), (-2, -1))
    engine = engine_around(seeded_painter(SMALL))
    painted = engine.paint_window(frames, holes, unseen, flow)
    engine.paints_whole = True
    whole = engine.paint_window(frames, holes, unseen, flow)
    inside = holes[0, :3].expand(-1, 3, -1, -1) > 0
    assert (whole[inside] - whole.mean()).abs().max() > 1e-3
    torch.testing.assert_close(painted[inside], whole[inside], rtol=0, atol=1e-6)
    assert whole[1].any() and not painted[1].any()
    assert not painted[0][:, :8].any() and not painted[0][..., :10].any()


def test_a_window_without_any_hole_has_nothing_to_paint() -> None:
    frames, holes, unseen, flow = window(3, 1)
    painted = engine_around(seeded_painter(SMALL)).paint_window(frames, 0 * holes, 0 * unseen, flow)
    assert painted.shape == (3, 3, 32, 48)
    assert not painted.any()


class CountingPainter(Painter):
    """Counts the frames it encodes and the references it turns into tokens."""

    encoded = 0
    embedded = 0

    def encode_frame(self, frame: Tensor, hole: Tensor, unseen: Tensor) -> Tensor:
        self.encoded += 1
        return super().encode_frame(frame, hole, unseen)

    def reference_tokens(self, features: Tensor) -> Tensor:
        self.embedded += 1
        return super().reference_tokens(features)


def test_frames_already_seen_are_not_encoded_again() -> None:
    painter = CountingPainter(SMALL)
    engine = engine_around(painter)
    for _ in range(2):
        engine.paint_window(*window(3, 1), frame_keys=["a", "b", "c", "d"])
    assert (painter.encoded, painter.embedded) == (4, 1)


def test_a_cpu_paints_in_fp32_whatever_is_asked_for() -> None:
    engine = ProPainterEngine(
        Raft(RaftConfig()), FlowCompletion(), seeded_painter(SMALL),
        weights_id="test", device=torch.device("cpu"), precision=Precision.FP16,
    )  # fmt: skip
    assert engine.precision is Precision.FP32
    assert engine.code_version.endswith("fp32")


def test_a_compiled_engine_has_keys_of_its_own() -> None:
    def version(compiler: str | None) -> str:
        raft = Raft(RaftConfig((4, 4, 4), 8, 4, 4, 2, 1, (4, 4), (4, 4), 4, 4))
        nets, device = (raft, FlowCompletion(), seeded_painter(SMALL)), torch.device("cpu")
        return ProPainterEngine(*nets, weights_id="test", device=device, compiler=compiler).code_version

    assert version("inductor") != version(None)


COMPILED = """
import copy, torch
from test_painter import SMALL, seeded_painter, window
from propainter.flow_completion import FlowCompletion
from propainter.learned import ProPainterEngine
from propainter.raft import Raft, RaftConfig
nets = Raft(RaftConfig((4, 4, 4), 8, 4, 4, 2, 1, (4, 4), (4, 4), 4, 4)), FlowCompletion(), seeded_painter(SMALL)
plain, compiled = (
    ProPainterEngine(*copy.deepcopy(nets), weights_id="test", device=torch.device("cpu"), compiler=compiler)
    for compiler in (None, "eager")
)
graphs = torch._dynamo.utils.counters["stats"]
assert not graphs["unique_graphs"]
given = window(3, 1)
torch.testing.assert_close(compiled.paint_window(*given), plain.paint_window(*given))
flows = [engine.estimate_flow(given[0], iterations=2).forward for engine in (compiled, plain)]
torch.testing.assert_close(*flows)
assert graphs["unique_graphs"] >= 4, graphs
"""


@pytest.mark.slow
def test_compiled_networks_give_the_same_pictures() -> None:
    """In a process of its own: the compiler cannot look through the type checks of the test run. Its backend here traces
    and then runs what it traced, so no C++ compiler is needed."""
    subprocess.run([sys.executable, "-c", COMPILED], check=True, cwd=Path(__file__).parent, env=ENVIRONMENT)


@pytest.mark.parametrize("precision", [Precision.FP16, Precision.BF16])
def test_reduced_precision_paints_nearly_the_same(precision: Precision) -> None:
    """The same autocast a CUDA device gets, here on the CPU."""
    engine = engine_around(seeded_painter(SMALL))
    exact = engine.paint_window(*window(4, 2))
    engine.precision = precision
    reduced = engine.paint_window(*window(4, 2))
    assert reduced.dtype == torch.float32
    assert 0 < (reduced - exact).abs().max() < 2e-2


def test_a_window_that_overflows_fp16_is_painted_again_in_fp32(caplog: pytest.LogCaptureFixture) -> None:
    """Leaky ReLU lets a factor pass: the first layer a million times larger, the second smaller, is the same network."""
    painter = seeded_painter(SMALL)
    exact = engine_around(painter).paint_window(*window(3, 1))
    with torch.no_grad():
        for name, factor in (("0.weight", 2.0**20), ("0.bias", 2.0**20), ("2.weight", 2.0**-20)):
            painter.get_parameter(f"encoder.layers.{name}").mul_(factor)
    engine = engine_around(painter)
    engine.precision = Precision.FP16
    keys = ["a", "b", "c", "d"]
    torch.testing.assert_close(engine.paint_window(*window(3, 1), frame_keys=keys), exact)
    assert "painting it again in fp32" in caplog.text


def test_a_plate_with_nan_is_refused_in_words() -> None:
    frames, holes, unseen, flow = window(2, 0)
    frames[0, 1, 0, 0, 0] = float("nan")
    with pytest.raises(ArithmeticError, match="look for NaN or infinity in the plate"):
        engine_around(seeded_painter(SMALL)).paint_window(frames, holes, unseen, flow)


def test_a_size_the_networks_cannot_take_is_refused_by_name() -> None:
    frames, holes, unseen, flow = window(2, 0)
    cut = BidirectionalFlow(flow.forward[..., :30, :], flow.backward[..., :30, :])
    with pytest.raises(ValueError, match="frames are 48x30; the painter needs sides that are multiples of 4"):
        engine_around(seeded_painter(SMALL)).paint_window(
            frames[..., :30, :], holes[..., :30, :], unseen[..., :30, :], cut
        )


def test_more_flow_than_frames_is_refused_by_number() -> None:
    frames, holes, unseen, flow = window(4, 0)
    with pytest.raises(ValueError, match="3 pairs of flow belong to 4 neighbours, but the window has 2 frames"):
        engine_around(seeded_painter(SMALL)).paint_window(frames[:, :2], holes[:, :2], unseen[:, :2], flow)
