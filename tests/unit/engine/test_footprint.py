"""What a stage is said to take beside what it takes: every byte that passes an allocator, added up as it comes and goes."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
import pytest
import torch
from torch.profiler import ProfilerActivity, profile

import golden
from propainter.classical import ClassicalEngine
from propainter.footprint import ClassicalFootprint, LearnedFootprint
from propainter.learned import ProPainterEngine
from propainter.types import BidirectionalFlow

TOLERANCE = 0.15
SIZES = [(96, 160), (128, 192)]
LARGE = pytest.param((240, 432), marks=pytest.mark.slow)


@pytest.fixture(scope="module")
def learned() -> ProPainterEngine:
    nets = golden.standin_nets()
    return ProPainterEngine(*nets, weights_id="stand-in", device=torch.device("cpu"))


def noise(count: int, channels: int, size: tuple[int, int]) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(1, count, channels, *size, generator=generator) * 2 - 1


def noisy_flow(pairs: int, size: tuple[int, int]) -> BidirectionalFlow:
    return BidirectionalFlow(noise(pairs, 2, size), noise(pairs, 2, size))


def wide_holes(count: int, size: tuple[int, int], *, share: float = 0.98) -> torch.Tensor:
    """share: of each side."""
    holes = torch.zeros(1, count, 1, *size)
    top, left = (int(side * (1 - share) / 2) for side in size)
    holes[..., top : size[0] - top, left : size[1] - left] = 1
    return holes


def torch_peak(compute: Callable[[], object]) -> int:
    """Bytes above what there was before."""
    gc.collect()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        compute()
    results = profiler.profiler.kineto_results.events()
    changes = sorted((event.start_ns(), event.nbytes()) for event in results if event.name() == "[memory]")
    return int(np.cumsum([change for _, change in changes]).max())


def numpy_peak(compute: Callable[[], object]) -> int:
    """The same of arrays, OpenCV's results included."""
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    compute()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak - before


def assert_near(predicted: int, measured: int) -> None:
    print(f"predicted {predicted / 1e6:.2f} MB, measured {measured / 1e6:.2f} MB, {predicted / measured - 1:+.1%}")
    assert measured * (1 - TOLERANCE) <= predicted <= measured * (1 + TOLERANCE)


@pytest.mark.parametrize("pairs", [1, 6])
@pytest.mark.parametrize("size", [*SIZES, LARGE])
def test_a_run_of_flow_takes_what_is_said(learned: ProPainterEngine, size: tuple[int, int], pairs: int) -> None:
    measured = torch_peak(lambda: learned.estimate_flow(noise(pairs + 1, 3, size), iterations=2))
    assert_near(LearnedFootprint(size[1], size[0]).flow(pairs), measured)


@pytest.mark.parametrize("pairs", [4, 20])
@pytest.mark.parametrize("size", [*SIZES, LARGE])
def test_a_completion_chunk_takes_what_is_said(learned: ProPainterEngine, size: tuple[int, int], pairs: int) -> None:
    def complete() -> object:
        return learned.complete_flow(noisy_flow(pairs, size), wide_holes(pairs + 1, size))

    assert_near(LearnedFootprint(size[1], size[0]).completion(pairs), torch_peak(complete))


@pytest.mark.parametrize("frames", [4, 16])
@pytest.mark.parametrize("size", [*SIZES, LARGE])
def test_a_propagation_chunk_takes_what_is_said(learned: ProPainterEngine, size: tuple[int, int], frames: int) -> None:
    def propagate() -> object:
        pictures, holes, flow = noise(frames, 3, size), wide_holes(frames, size), noisy_flow(frames - 1, size)
        return learned.propagate_plate(pictures, holes, flow)

    assert_near(LearnedFootprint(size[1], size[0]).propagation(frames), torch_peak(propagate))


@pytest.mark.parametrize(("neighbours", "references"), [(3, 1), (7, 3)])
@pytest.mark.parametrize("size", [*SIZES, LARGE])
def test_a_window_takes_what_is_said(
    learned: ProPainterEngine, size: tuple[int, int], neighbours: int, references: int
) -> None:
    count = neighbours + references

    def paint() -> object:
        pictures, holes, unseen = noise(count, 3, size), wide_holes(count, size), wide_holes(count, size)
        return learned.paint_window(pictures, holes, unseen, noisy_flow(neighbours - 1, size))

    assert_near(LearnedFootprint(size[1], size[0]).painting(neighbours, references), torch_peak(paint))


@pytest.mark.parametrize("share", [0.25, pytest.param(0.7, marks=pytest.mark.slow)])
@pytest.mark.parametrize("frames", [6, 12])
@pytest.mark.parametrize("size", [(96, 160), LARGE])
def test_the_classical_engine_takes_what_is_said(size: tuple[int, int], frames: int, share: float) -> None:
    engine = ClassicalEngine(aligned_bytes=0)
    coarse = np.random.default_rng(1).random((size[0] // 8, size[1] // 8 + frames, 3), np.float32)
    soft = cv2.resize(coarse, None, fx=8, fy=8)
    pictures = np.stack([soft[:, 2 * i : 2 * i + size[1]] for i in range(frames)]) * 2 - 1
    mask = wide_holes(frames, size, share=share**0.5)[0].permute(0, 2, 3, 1).numpy()

    def given() -> torch.Tensor:
        return in_arrays(pictures)

    def holes() -> torch.Tensor:
        return in_arrays(mask)

    flow = engine.estimate_flow(given(), iterations=1)
    ways = [way[0].permute(0, 2, 3, 1).numpy() for way in (flow.forward, flow.backward)]

    def again() -> BidirectionalFlow:
        return BidirectionalFlow(*map(in_arrays, ways))

    footprint = ClassicalFootprint(size[1], size[0], hole_share=float(mask.mean()))
    assert_near(footprint.flow(frames - 1), numpy_peak(lambda: engine.estimate_flow(given(), iterations=1)))
    propagate = partial(engine.propagate_plate, may_overwrite=True)
    paint = partial(engine.paint_window, may_overwrite=True)
    assert_near(footprint.propagation(frames), numpy_peak(lambda: propagate(given(), holes(), again())))
    assert_near(footprint.painting(frames, 0), numpy_peak(lambda: paint(given(), holes(), holes(), again())))


def in_arrays(values: np.ndarray) -> torch.Tensor:
    """[t, h, w, c] as the engine likes it, copied, so that what it takes is counted."""
    return torch.from_numpy(values.copy()).permute(0, 3, 1, 2)[None]
