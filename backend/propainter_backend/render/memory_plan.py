"""Choosing, before anything is computed, how much of a shot is treated at once, so that its peak fits into memory.

Here: ``plan_memory`` (pure), ``fitted``, a shot as planned; ``footprint_of`` an engine, ``free_memory`` of a device,
``smaller_chunk``. Not here: what a unit takes (``propainter/footprint.py``), stepping down when memory runs out all the same
(``worker/fitting.py``), what is kept between units (``shot_cache.py``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import gcd

import torch

from propainter.engine import Engine
from propainter.footprint import ClassicalFootprint, Footprint, LearnedFootprint
from propainter.learned import ProPainterEngine
from propainter.types import Settings
from propainter_backend.render.memory_limits import available_bytes
from propainter_backend.render.shot import Shot, longest_run
from propainter_plan.cuts import PROPAGATION_LIMIT
from propainter_plan.layouts import Layout
from propainter_plan.plan import ShotPlan

_SMALLEST_CHUNK = 8
_SPARE = 0.1
"""Of free memory, what is never planned with: fragments, libraries, a prediction's error."""


@dataclass(frozen=True)
class MemoryPlan:
    """How a shot is to be treated."""

    settings: Settings
    """As asked for, but for a shorter chunk or, where no chunk is short enough, fewer references."""
    flow_pairs: int
    """Most pairs whose flow is estimated in one call; moves no pixel."""
    change: str | None = None
    """One sentence for the user where settings had to be changed, which changes the picture."""
    warning: str | None = None
    """One sentence where even that does not fit; the shot is tried as planned all the same."""


def plan_memory(
    footprint: Footprint,
    layout: Layout,
    frame_count: int,
    settings: Settings,
    size: tuple[int, int],
    *,
    budget: int,
    at_once: int = 1,
) -> MemoryPlan:
    """The settings nearest to those asked for whose peak fits ``budget`` bytes; the same ones wherever these fit.

    size: width, height of the working grid. at_once: pairs that keep every core at work.

    A shorter chunk lies within the chunks asked for and fewer references are some
    of those asked for, so that no frame is needed that was not before.
    """
    available = budget - footprint.kept(frame_count)
    flow_pairs = max(longest_run(*size), at_once)
    while flow_pairs > 1 and footprint.flow(flow_pairs) > available:
        flow_pairs //= 2
    asked = _Peak.of(footprint, layout, frame_count, settings)
    best = asked
    if best.bytes > available:
        best = _with_shorter_chunks(best, footprint, layout, frame_count, available)
    if best.bytes > available:
        best = _with_fewer_references(best, footprint, layout, frame_count, available)
    least = max(best, _Peak(settings, "flow", "a pair", footprint.flow(1)), key=lambda peak: peak.bytes)
    change = warning = None
    if best.settings != settings:
        change = (
            f"memory would run out ({asked.stage} of {asked.unit} takes {_gb(asked.bytes)}, {_gb(available)} are free): "
            f"working with {_said(best.settings, settings)}"
        )
    if least.bytes > available:
        fitting = _fitting_size(size, available / least.bytes)
        warning = (
            f"memory may run out: {least.stage} of {least.unit} at {size[0]}x{size[1]} takes {_gb(least.bytes)}, "
            f"{_gb(available)} are free; choose a working size of about {fitting[0]}x{fitting[1]}"
        )
    return MemoryPlan(best.settings, flow_pairs, change, warning)


@dataclass(frozen=True)
class _Peak:
    """What takes most under some settings."""

    settings: Settings
    stage: str
    unit: str
    bytes: int

    @classmethod
    def of(cls, footprint: Footprint, layout: Layout, frame_count: int, settings: Settings) -> _Peak:
        plan = ShotPlan(layout, frame_count, settings)
        pairs = max((c.reach_last - c.reach_first + 1 for c in plan.completion), default=0)
        frames = max((c.reach_last - c.reach_first + 1 for c in plan.propagation), default=0)
        window = max(plan.windows, key=lambda w: footprint.painting(len(w.neighbours), len(w.references)))
        seen = len(window.neighbours), len(window.references)
        return max(
            cls(settings, "completion", f"{pairs} pairs", footprint.completion(pairs) if pairs else 0),
            cls(settings, "propagation", f"{frames} frames", footprint.propagation(frames)),
            cls(settings, "painting", f"{sum(seen)} frames", footprint.painting(*seen)),
            key=lambda peak: peak.bytes,
        )


def _with_shorter_chunks(best: _Peak, footprint: Footprint, layout: Layout, frame_count: int, available: int) -> _Peak:
    """The longest chunk that fits; where none does, the longest of those that take least."""
    length: int | None = best.settings.chunk_length
    while length is not None and best.bytes > available:
        length = smaller_chunk(length, frame_count)
        if length is not None:
            shorter = _Peak.of(footprint, layout, frame_count, replace(best.settings, chunk_length=length))
            best = min(best, shorter, key=lambda peak: peak.bytes)
    return best


def _with_fewer_references(
    best: _Peak, footprint: Footprint, layout: Layout, frame_count: int, available: int
) -> _Peak:
    """The same with every other reference left out, and again, as long as it helps."""
    while best.bytes > available:
        settings = replace(best.settings, ref_stride=2 * best.settings.ref_stride)
        fewer = _Peak.of(footprint, layout, frame_count, settings)
        if fewer.bytes >= best.bytes or not _sees_less(layout, frame_count, settings, best.settings):
            break
        best = fewer
    return best


def _sees_less(layout: Layout, frame_count: int, settings: Settings, than: Settings) -> bool:
    """Whether every window's references are some of those it has otherwise: near a long shot's ends they may not be."""
    both = (layout.windows(frame_count, each) for each in (settings, than))
    return all(set(a.references) <= set(b.references) for a, b in zip(*both, strict=True))


def _said(settings: Settings, asked: Settings) -> str:
    said = []
    if settings.chunk_length != asked.chunk_length:
        said.append(f"chunks of {settings.chunk_length} frames")
    if settings.ref_stride != asked.ref_stride:
        said.append(f"a reference every {settings.ref_stride} frames")
    return " and ".join(said)


def _fitting_size(size: tuple[int, int], share: float) -> tuple[int, int]:
    """Memory grows at least with the pixels; a correlation volume, with their square."""
    scale = max(share, 0.0) ** 0.5
    width, height = (max(16, int(side * scale) // 8 * 8) for side in size)
    return width, height


def _gb(count: int) -> str:
    return f"{max(count, 0) / 1e9:.1f} GB"


def footprint_of(engine: Engine, size: tuple[int, int]) -> Footprint | None:
    """What an engine takes at a working grid of width x height; None for one that nothing is known of."""
    if isinstance(engine, ProPainterEngine):
        return LearnedFootprint(*size, on_gpu=engine.device.type == "cuda", precision=engine.precision)
    return ClassicalFootprint(*size) if engine.name == "classical" else None


def fitted(shot: Shot, engine: Engine, *, artifacts: int) -> tuple[Shot, tuple[str, ...]]:
    """A shot treated so that it fits into memory, and what is to be said about it. artifacts: see ``free_memory``."""
    footprint = footprint_of(engine, shot.grid)
    if footprint is None:
        return shot, ()
    budget = free_memory(engine.device, artifacts=artifacts)
    count, at_once = shot.pictures.frame_count, engine.spread.count
    plan = plan_memory(footprint, engine, count, shot.settings, shot.grid, budget=budget, at_once=at_once)
    said = tuple(sentence for sentence in (plan.change, plan.warning) if sentence is not None)
    return replace(shot, settings=plan.settings, flow_pairs=plan.flow_pairs), said


def free_memory(device: torch.device, *, artifacts: int) -> int:
    """Bytes that may be planned with, a reserve left out; on the host ``artifacts`` will be taken by what is kept there.

    Ask once and plan with the answer from then on: what is free changes as a shot is worked on, its plan must not.
    """
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free * (1 - _SPARE))
    return int(available_bytes() * (1 - _SPARE)) - artifacts


def device_use(device: torch.device) -> tuple[int, int]:
    """Bytes of a GPU in use, by whomever, and all it has; 0 and 0 of the host.

    Asked of the device by name: to ask "the current one" means GPU 0, whichever is worked on, and takes room there.
    """
    if device.type != "cuda":
        return 0, 0
    free, total = torch.cuda.mem_get_info(device)
    return total - free, total


def smaller_chunk(chunk: int, frame_count: int) -> int | None:
    """The next smaller chunk length whose chunks lie within the chunks of this one, so that no frame is seen which was
    not before (the client sent only what is); None where there is none worth trying."""
    if frame_count <= min(chunk, PROPAGATION_LIMIT):  # one chunk, which sees everything: any length lies within it
        half = frame_count // 2
        return half if half >= _SMALLEST_CHUNK else None
    common = gcd(chunk, min(chunk, PROPAGATION_LIMIT))
    lengths = range(chunk // 2, _SMALLEST_CHUNK - 1, -1)
    return next((length for length in lengths if common % length == 0), None)
