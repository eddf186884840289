"""Completed flow: the flow of a chunk of pairs, filled inside the flow holes from its surroundings."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from propainter import stages
from propainter.engine import Engine
from propainter.types import BidirectionalFlow
from propainter_backend.render.cache_entry import Arrays
from propainter_backend.render.gathering import array_of, flow_span
from propainter_backend.render.stage import Ask, Made, Stage
from propainter_backend.render.stages.flow import Flow, flow, flow_from, flow_until
from propainter_backend.render.stages.holes import flow_hole
from propainter_backend.render.steps import Steps, run_to_end
from propainter_plan import stages as the_map
from propainter_plan.units import Chunk, parts_of

_PIXEL_BYTES = 220
"""Bytes a pixel that completing a pair apart takes: its flow in and out, holes, distances and weights."""


class Completion(Stage[Chunk]):
    """Stored of each pair: ``forward`` and ``backward`` inside their flow holes, [2, n], pixel by pixel."""

    row = the_map.COMPLETION
    uses_engine = True
    gives_back = True

    def compute(self, unit: Chunk, ask: Ask) -> Steps[Made]:
        """See ``Stage.compute``."""
        reach = yield from flow_span(
            ask, lambda ask, pair: flow_until(ask, pair, unit.reach_last), unit.reach_first, unit.reach_last + 1
        )
        holes = [flow_hole(ask, index) for index in range(unit.reach_first, unit.reach_last + 2)]
        return _made(ask.engine, reach, holes, unit)

    def is_separate(self, ask: Ask) -> bool:
        """See ``Stage.is_separate``; only of an engine that completes pairs one by one."""
        return ask.engine.pairs_apart

    def begun(self, unit: Chunk, ask: Ask) -> Callable[[], Arrays]:
        """See ``Stage.begun``."""
        (pair,), engine = parts_of(unit), ask.engine
        estimated = run_to_end(ask.part(Flow.row.name, pair))
        holes = [flow_hole(ask, index) for index in (pair, pair + 1)]
        return lambda: _made(engine, flow_from(estimated), holes, unit)[pair]

    def bytes_each(self, ask: Ask) -> int:
        """See ``Stage.bytes_each``."""
        width, height = ask.shot.grid
        return _PIXEL_BYTES * width * height


def _made(engine: Engine, reach: BidirectionalFlow, holes: Sequence[Tensor], unit: Chunk) -> Made:
    """holes: in the flow, of each frame of the reach, [h, w]."""
    together = torch.stack([*holes])[None, :, None].to(engine.device)
    core = stages.complete_chunk(engine, reach, together, unit)
    made: Made = {}
    for offset, pair in enumerate(parts_of(unit)):
        here, there = (holes[pair - unit.reach_first + end] > 0 for end in (0, 1))
        made[pair] = {
            "forward": array_of(core.forward[0, offset].cpu()[:, here]),
            "backward": array_of(core.backward[0, offset].cpu()[:, there]),
        }
    return made


def completed(ask: Ask, pair: int, *, until: int | None = None) -> Steps[BidirectionalFlow]:
    """Completed flow between a frame and the next; the caller's own. until: the last of a run that will be asked for."""
    whole = yield from flow(ask, pair)
    arrays = yield from ask.part(Completion.row.name, pair, until=until)
    whole.forward[0, 0][:, flow_hole(ask, pair) > 0] = torch.from_numpy(np.array(arrays["forward"]))
    whole.backward[0, 0][:, flow_hole(ask, pair + 1) > 0] = torch.from_numpy(np.array(arrays["backward"]))
    return whole
