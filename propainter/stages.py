"""The story of a removal, one function a stage, one unit of work a call.

    plate -> flow -> completed flow -> propagated plate -> painted windows -> fill

Here: what each stage is given and what it must hand on; ``remove`` tells the whole story in memory for a short shot.
Not here: how a stage does it (an ``Engine``), streaming, caching, files (the backend's ``render/evaluator.py``, which calls
the same functions unit by unit).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from propainter.composite import blend_windows
from propainter.engine import Carrier, Engine
from propainter.painters import paint
from propainter.types import Beyond, BidirectionalFlow, Carried, Propagated, Settings
from propainter_knobs.table import default_of
from propainter_plan.plan import ShotPlan
from propainter_plan.units import Chunk, Window


def estimate_flow(engine: Engine, frames: Float[Tensor, "1 t 3 h w"], *, settings: Settings) -> BidirectionalFlow:
    """Flow among a run of frames. The hole is not an input: a roto edit never changes it."""
    return engine.estimate_flow(frames, iterations=settings.flow_iterations, stop=settings.flow_stop)


def complete_chunk(
    engine: Engine, flow: BidirectionalFlow, holes: Float[Tensor, "1 t 1 h w"], chunk: Chunk
) -> BidirectionalFlow:
    """Completed flow of a chunk's core pairs, from the flow of its reach.

    flow: pairs reach_first..reach_last; holes: frames reach_first..reach_last + 1.
    """
    completed = engine.complete_flow(flow, holes)
    core = slice(chunk.core_first - chunk.reach_first, chunk.core_last - chunk.reach_first + 1)
    return BidirectionalFlow(completed.forward[:, core], completed.backward[:, core])


def propagate_chunk(
    engine: Engine,
    frames: Float[Tensor, "1 t 3 h w"],
    holes: Float[Tensor, "1 t 1 h w"],
    flow: BidirectionalFlow,
    chunk: Chunk,
    *,
    pair_keys: Sequence[str] | None = None,
    may_overwrite: bool = False,
    beyond: Beyond | None = None,
    with_sights: bool = False,
) -> Propagated:
    """The propagated core frames of a chunk, from the frames of its reach and the completed flow among them.

    beyond: what the rest of the shot shows, for an engine that carries places. with_sights: see ``Engine.propagate_plate``.
    """
    core = slice(chunk.core_first - chunk.reach_first, chunk.core_last - chunk.reach_first + 1)
    propagated = engine.propagate_plate(
        frames,
        holes,
        flow,
        wanted=range(core.start, core.stop),
        pair_keys=pair_keys,
        may_overwrite=may_overwrite,
        beyond=beyond,
        with_sights=with_sights,
    )
    return replace(propagated, frames=propagated.frames[:, core], unseen=propagated.unseen[:, core])


@dataclass(frozen=True)
class ShotStages:
    """Every stage of one shot, whole in memory."""

    flow: BidirectionalFlow
    completed: BidirectionalFlow
    propagated: Propagated
    windows: tuple[Window, ...]
    painted: tuple[Float[Tensor, "_ 3 h w"], ...]

    def fill(self, frame: int) -> Float[Tensor, "3 h w"]:
        """One frame's fill: its windows blended. Only the hole is of use."""
        seen = [
            (painted[window.neighbours.index(frame)], window.weights[window.neighbours.index(frame)])
            for window, painted in zip(self.windows, self.painted, strict=True)
            if frame in window.neighbours
        ]
        return blend_windows([image for image, _ in seen], [weight for _, weight in seen])


def remove(
    engine: Engine,
    frames: Float[Tensor, "1 t 3 h w"],
    holes: Float[Tensor, "1 t 1 h w"],
    *,
    settings: Settings,
    cuts: Collection[int] = (),
) -> ShotStages:
    """Run every stage over a shot that fits in memory. The backend streams longer ones through the same calls.

    frames: RGB, [-1, 1]; holes: 1 = fill; sides multiples of 8. With one frame there is no motion: propagation leaves the
    whole hole unseen and the painter invents it. cuts: frames that begin another scene; nothing is borrowed across.
    """
    count = frames.shape[1]
    plan = ShotPlan(engine, count, settings, is_cut=(lambda pair, _: pair + 1 in cuts) if cuts else None)
    flow = estimate_flow(engine, frames, settings=settings)
    completed = _concatenate(list(_complete(engine, flow, holes, plan)), like=flow)
    carried = _carry(engine, frames, holes, completed, plan)
    parts = [
        propagate_chunk(engine, *_reach(frames, holes, completed, c), c, beyond=_beyond(frames, holes, carried, c))
        for c in _chunks(plan, "propagation")
    ]
    propagated = Propagated(torch.cat([p.frames for p in parts], 1), torch.cat([p.unseen for p in parts], 1))
    windows = tuple(unit for unit in plan.units("painting") if isinstance(unit, Window))
    painted = tuple(
        paint_window(engine, propagated, holes, completed, window, never_seen=settings.never_seen) for window in windows
    )
    return ShotStages(flow, completed, propagated, windows, painted)


def _chunks(plan: ShotPlan, stage: str) -> list[Chunk]:
    return [unit for unit in plan.units(stage) if isinstance(unit, Chunk)]


def _reach(
    frames: Tensor, holes: Tensor, completed: BidirectionalFlow, c: Chunk
) -> tuple[Tensor, Tensor, BidirectionalFlow]:
    span = slice(c.reach_first, c.reach_last + 1)
    return frames[:, span], holes[:, span], completed.span(c.reach_first, c.reach_last)


def _carry(
    engine: Engine, frames: Tensor, holes: Tensor, completed: BidirectionalFlow, plan: ShotPlan
) -> dict[tuple[str, int], Carried]:
    """What is carried to the borders of chunks, by way in time and frame; nothing where a frame has no hole."""
    found: dict[tuple[str, int], Carried] = {}
    for way in ("past", "future"):
        units = _chunks(plan, f"carried {way}")
        for unit in units if way == "past" else units[::-1]:
            if not bool(holes[:, unit.core_first].any()):
                continue
            assert isinstance(engine, Carrier)
            known = found.get((way, unit.reach_first if way == "past" else unit.reach_last))
            given = _reach(frames, holes, completed, unit)
            found[way, unit.core_first] = engine.carry_places(*given, onward=way == "past", known=known)
    return found


def _beyond(frames: Tensor, holes: Tensor, carried: dict[tuple[str, int], Carried], c: Chunk) -> Beyond | None:
    past, future = carried.get(("past", c.reach_first)), carried.get(("future", c.reach_last))
    if past is None and future is None:
        return None
    return Beyond(past, future, lambda i: (frames[0, c.reach_first + i], holes[0, c.reach_first + i, 0]))


def paint_window(
    engine: Engine,
    propagated: Propagated,
    holes: Float[Tensor, "1 t 1 h w"],
    completed: BidirectionalFlow,
    window: Window,
    *,
    never_seen: str = default_of("never_seen"),
) -> Float[Tensor, "l 3 h w"]:
    """Paint one window of a shot held in memory."""
    seen = list(window.neighbours + window.references)
    painted = paint(
        engine,
        never_seen,
        propagated.frames[:, seen],
        holes[:, seen],
        propagated.unseen[:, seen],
        completed.span(window.neighbours[0], window.neighbours[-1]),
    )
    return painted.frames


def _complete(engine: Engine, flow: BidirectionalFlow, holes: Tensor, plan: ShotPlan) -> Iterator[BidirectionalFlow]:
    for c in _chunks(plan, "completion"):
        reach = flow.span(c.reach_first, c.reach_last + 1)
        yield complete_chunk(engine, reach, holes[:, c.reach_first : c.reach_last + 2], c)


def _concatenate(parts: list[BidirectionalFlow], *, like: BidirectionalFlow) -> BidirectionalFlow:
    if not parts:
        return like
    return BidirectionalFlow(torch.cat([p.forward for p in parts], 1), torch.cat([p.backward for p in parts], 1))
