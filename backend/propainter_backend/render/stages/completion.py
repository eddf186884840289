"""Completed flow: the flow of a chunk of pairs, filled inside the flow holes from its surroundings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from propainter import stages
from propainter.types import BidirectionalFlow
from propainter_backend.render.gathering import array_of, flow_span, gather
from propainter_backend.render.stage import Ask, Made, Stage
from propainter_backend.render.stages.flow import flow, flow_until
from propainter_backend.render.stages.holes import flow_hole
from propainter_backend.render.steps import Steps
from propainter_plan import stages as the_map
from propainter_plan.units import Chunk, parts_of


class Completion(Stage[Chunk]):
    """Stored of each pair: ``forward`` and ``backward`` inside their flow holes, [2, n], pixel by pixel."""

    row = the_map.COMPLETION
    uses_engine = True
    gives_back = True

    def run_length(self, ask: Ask) -> int:
        """Where pairs are completed one by one: as many as there are cores."""
        return min(ask.shot.flow_pairs or ask.engine.spread.count, ask.engine.spread.count)

    def compute_run(self, units: Sequence[Chunk], ask: Ask) -> Steps[Made]:
        """Single pairs: what each is made of is its own, so they are completed in one call."""
        first, last = units[0], units[-1]
        whole = Chunk(first.core_first, last.core_last, first.reach_first, last.reach_last)
        return (yield from self.compute(whole, ask))

    def compute(self, unit: Chunk, ask: Ask) -> Steps[Made]:
        """See ``Stage.compute``."""
        reach = yield from flow_span(
            ask, lambda ask, pair: flow_until(ask, pair, unit.reach_last), unit.reach_first, unit.reach_last + 1
        )
        holes = gather(ask, flow_hole, range(unit.reach_first, unit.reach_last + 2))
        core = stages.complete_chunk(ask.engine, reach, holes[:, :, None], unit)
        made: Made = {}
        for offset, pair in enumerate(parts_of(unit)):
            here, there = flow_hole(ask, pair) > 0, flow_hole(ask, pair + 1) > 0
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
