"""How often the host waits for the device: at no frame, iteration or block of its own, so that a GPU is never drained there.

Counted on the CPU, where every call that would have to wait is seen going by: reading a value, branching on a tensor,
indexing by a mask. ``plan_blocks`` reads once and then works on the host; it counts as one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from propainter import painter as painter_module
from propainter.flow_completion import FlowCompletion, FlowCompletionConfig, complete_flow
from propainter.learned import ProPainterEngine
from propainter.painter import Painter, PainterConfig
from propainter.propagation import propagate_plate
from propainter.raft import Raft, RaftConfig, estimate_flow, estimation
from propainter.transformer import TransformerConfig
from propainter.types import BidirectionalFlow

READS = {"item", "tolist", "cpu", "numpy", "nonzero", "equal", "__bool__", "__int__", "__float__", "__index__"}
UPLOADS = {"tensor", "as_tensor"}
TINY_RAFT = RaftConfig((4, 4, 4), 8, 4, 4, 2, 1, (4, 4), (4, 4), 4, 4)


class Waits(TorchFunctionMode):
    """Counts reads from the device, and small uploads to it."""

    reads = 0
    uploads = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        self.reads += name in READS or (name in {"__getitem__", "__setitem__"} and has_mask(args[1]))
        self.uploads += name in UPLOADS
        return func(*args, **(kwargs or {}))


def has_mask(index: Any) -> bool:
    indices = index if isinstance(index, tuple) else (index,)
    return any(isinstance(i, Tensor) and i.dtype == torch.bool for i in indices)


def waits_of(work: Callable[[], object]) -> tuple[int, int]:
    with Waits() as waits:
        work()
    return waits.reads, waits.uploads


def test_the_counter_sees_what_makes_a_host_wait() -> None:
    x = torch.arange(4.0)
    assert waits_of(lambda: x.sum().item()) == (1, 0)
    assert waits_of(lambda: bool((x > 9).any())) == (1, 0)
    assert waits_of(lambda: x[x > 1]) == (1, 0)
    assert waits_of(lambda: x * 2 + torch.tensor(1.0)) == (0, 1)


def test_raft_never_waits_while_it_iterates() -> None:
    net, frames = Raft(TINY_RAFT), torch.rand(1, 3, 3, 32, 40)
    few, many = (waits_of(lambda n=n: estimate_flow(net, frames, iterations=n)) for n in (2, 7))
    assert few == many
    assert many[0] == 0


def test_raft_that_may_stop_looks_after_every_second_iteration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimation, "_has_converged", lambda correction, stop: correction[:, :1, :1, :1] > torch.inf)
    net, frames = Raft(TINY_RAFT), torch.rand(1, 2, 3, 32, 40)
    reads, _ = waits_of(lambda: estimate_flow(net, frames, iterations=10, stop=0.1))
    assert reads == 2 * 4  # both directions; not after the last iteration


def test_flow_completion_waits_once_a_direction() -> None:
    net = FlowCompletion(FlowCompletionConfig(channels=4, deform_groups=2, edge_channels=2))
    for pairs in (3, 6):
        flow, holes = torch.randn(1, pairs, 2, 16, 24), torch.ones(1, pairs + 1, 1, 16, 24)
        given = BidirectionalFlow(flow, -flow)
        assert waits_of(lambda: complete_flow(net, given, holes)) == (2, 0)  # noqa: B023


def test_propagating_a_plate_never_waits() -> None:
    flow, holes = torch.randn(1, 5, 2, 16, 24), torch.ones(1, 6, 1, 16, 24)
    frames = torch.rand(1, 6, 3, 16, 24)
    assert waits_of(lambda: propagate_plate(frames, holes, BidirectionalFlow(flow, -flow))) == (0, 0)


@pytest.mark.parametrize(("neighbours", "references", "blocks"), [(3, 1, 2), (6, 4, 4)])
def test_a_window_waits_for_its_shape_and_for_its_result_whatever_its_size(
    neighbours: int, references: int, blocks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans = []

    def plan_apart(*given: Any, **how: Any) -> Any:
        with torch._C.DisableTorchFunction():
            plans.append(painter_plan(*given, **how))
        return plans[-1]

    painter_plan = painter_module.plan_blocks
    monkeypatch.setattr(painter_module, "plan_blocks", plan_apart)
    count = neighbours + references
    frames, holes = torch.rand(1, count, 3, 32, 48), torch.zeros(1, count, 1, 32, 48)
    holes[..., 8:20, 10:30] = 1
    flow = torch.randn(1, neighbours - 1, 2, 32, 48)
    engine = engine_of(blocks)
    work = lambda: engine.paint_window(frames, holes, holes, BidirectionalFlow(flow, -flow))  # noqa: E731
    assert waits_of(work) == (2, 0)  # the boxes around the holes; whether the result is finite
    assert len(plans) == 1


def engine_of(blocks: int) -> ProPainterEngine:
    tokens = TransformerConfig(feature_channels=16, dim=16, heads=2, blocks=blocks, mix_channels=2)
    painter = Painter(
        PainterConfig(
            encoder_stem=((8, 2), (8, 1), (16, 2), (16, 1)),
            encoder_rest=((16, 1), (16, 2), (16, 4), (16, 8), (16, 1)),
            decoder_channels=(8, 8),
            deform_groups=2,
            transformer=tokens,
        )
    )
    nets = (Raft(TINY_RAFT), FlowCompletion(FlowCompletionConfig(channels=4, deform_groups=2)), painter)
    return ProPainterEngine(*nets, weights_id="test", device=torch.device("cpu"))
