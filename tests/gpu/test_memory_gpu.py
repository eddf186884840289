"""What a stage is said to take beside what it takes on a GPU, and how often the host waits for one."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from propainter.footprint import LearnedFootprint
from propainter.learned import ProPainterEngine
from propainter.types import BidirectionalFlow

SIZES = {"cuda": (432, 240), "cpu": (96, 64)}
UNDER, OVER = 0.75, 2.0
"""Predicted over measured: libraries' workspaces are in no prediction, and what a card's kernels need not keep is in it."""


class Given:
    """Made-up input of every stage."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.width, self.height = SIZES[device.type]
        self.footprint = LearnedFootprint(self.width, self.height, on_gpu=device.type == "cuda")

    def noise(self, count: int, channels: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(1)
        made = torch.rand(1, count, channels, self.height, self.width, generator=generator) * 2 - 1
        return made.to(self.device)

    def holes(self, count: int) -> torch.Tensor:
        holes = torch.zeros(1, count, 1, self.height, self.width, device=self.device)
        holes[..., 2:-2, 2:-2] = 1
        return holes

    def flow(self, pairs: int) -> BidirectionalFlow:
        return BidirectionalFlow(self.noise(pairs, 2), self.noise(pairs, 2))


def stages_of(given: Given, engine: ProPainterEngine) -> dict[str, tuple[int, Callable[[], object]]]:
    """Predicted bytes and the work, inputs made inside."""
    footprint = given.footprint
    return {
        "flow": (footprint.flow(6), lambda: engine.estimate_flow(given.noise(7, 3), iterations=2)),
        "completion": (footprint.completion(12), lambda: engine.complete_flow(given.flow(12), given.holes(13))),
        "propagation": (
            footprint.propagation(12),
            lambda: engine.propagate_plate(given.noise(12, 3), given.holes(12), given.flow(11)),
        ),
        "painting": (
            footprint.painting(7, 3),
            lambda: engine.paint_window(given.noise(10, 3), given.holes(10), given.holes(10), given.flow(6)),
        ),
    }


def peak_of(work: Callable[[], object], device: torch.device) -> int:
    """Bytes above what there was before."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        work()
        return torch.cuda.max_memory_allocated(device) - before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        work()
    events = profiler.profiler.kineto_results.events()
    total = most = 0
    for change in (e.nbytes() for e in sorted(events, key=lambda e: e.start_ns()) if e.name() == "[memory]"):
        total += change
        most = max(most, total)
    return most


@pytest.mark.parametrize("stage", ["flow", "completion", "propagation", "painting"])
def test_a_stage_takes_about_what_is_said(stage: str, engine: ProPainterEngine) -> None:
    predicted, work = stages_of(Given(engine.device), engine)[stage]
    work()  # libraries take their workspaces
    measured = peak_of(work, engine.device)
    print(f"{stage}: predicted {predicted / 1e6:.1f} MB, measured {measured / 1e6:.1f} MB, {predicted / measured:.2f}")
    assert UNDER * measured <= predicted <= OVER * measured


@contextmanager
def counted_waits(device: torch.device) -> Iterator[list[int]]:
    """How often CUDA made the host wait, in a list of one; 0 on a processor (``unit/engine/test_host_waits.py`` counts)."""
    found = [0]
    if device.type != "cuda":
        yield found
        return
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            yield found
        finally:
            torch.cuda.set_sync_debug_mode("default")
        found[0] = sum("synchroniz" in str(each.message) for each in said)


def waits_of(work: Callable[[], object], device: torch.device) -> int:
    work()
    with counted_waits(device) as found:
        work()
    return found[0]


def test_no_loop_waits_for_the_device(engine: ProPainterEngine) -> None:
    """Twice as many iterations, pairs, frames: as many waits as before."""
    given, device = Given(engine.device), engine.device
    frames, flow, holes = given.noise(13, 3), given.flow(12), given.holes(13)
    few, many = flow.span(0, 6), flow
    counts = {
        "RAFT's iterations": [
            waits_of(lambda n=n: engine.estimate_flow(frames[:, :2], iterations=n), device) for n in (2, 4)
        ],
        "completed pairs": [
            waits_of(lambda f=f: engine.complete_flow(f, holes[:, : f.pairs + 1]), device) for f in (few, many)
        ],
        "propagated frames": [
            waits_of(lambda f=f: engine.propagate_plate(frames[:, : f.pairs + 1], holes[:, : f.pairs + 1], f), device)
            for f in (few, many)
        ],
    }
    holes = given.holes(8)
    counts["painted frames"] = [
        waits_of(
            lambda n=n: engine.paint_window(
                frames[:, : n + 2], holes[:, : n + 2], holes[:, : n + 2], flow.span(0, n - 1)
            ),
            device,
        )
        for n in (3, 6)
    ]
    print(counts)
    assert all(one == other for one, other in counts.values())
    assert counts["propagated frames"] == [0, 0]
    assert counts["painted frames"][0] <= 2 + 1 + 4 * 8 + 1  # boxes, result; the plan's masks; its places, a block
