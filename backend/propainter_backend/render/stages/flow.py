"""Flow of a pair, both ways, as estimated on the plate. The matte is not in its key: a roto edit keeps all flow."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from propainter import stages
from propainter.types import BidirectionalFlow
from propainter_backend.render.cache_entry import Arrays
from propainter_backend.render.gathering import array_of, gather
from propainter_backend.render.shot import pairs_at_once
from propainter_backend.render.stage import Ask, Made, Stage
from propainter_backend.render.stages.pictures import Working, working
from propainter_backend.render.steps import Steps
from propainter_plan import stages as the_map

_PIXEL_BYTES = 200
"""Bytes a pixel that a pair's flow takes while it is estimated apart: pictures and greys, one way at a time, and the result
as it is stored."""


class Flow(Stage[int]):
    """Stored: ``forward`` and ``backward``, [2, h, w] each."""

    row = the_map.FLOW
    uses_engine = True

    def run_length(self, ask: Ask) -> int:
        """As many pairs as memory allows: the estimator looks at each frame once."""
        return ask.shot.flow_pairs or pairs_at_once(ask.engine, *ask.shot.grid)

    def compute_run(self, units: Sequence[int], ask: Ask) -> Steps[Made]:
        """See ``Stage.compute_run``."""
        pictures = range(units[0], units[-1] + 2)
        yield from ask.make_ready(Working.row.name, pictures)
        estimated = stages.estimate_flow(ask.engine, gather(ask, working, pictures), settings=ask.shot.settings)
        return {pair: _stored(estimated, i) for i, pair in enumerate(units)}

    def is_separate(self, ask: Ask) -> bool:
        """See ``Stage.is_separate``."""
        return ask.engine.pairs_apart

    def begun(self, unit: int, ask: Ask) -> Callable[[], Arrays]:
        """See ``Stage.begun``."""
        both = [ask.now(Working.row.name, index)["rgb"] for index in (unit, unit + 1)]
        engine, settings = ask.engine, ask.shot.settings
        return lambda: _stored(
            stages.estimate_flow(engine, torch.from_numpy(np.stack(both))[None], settings=settings), 0
        )

    def bytes_each(self, ask: Ask) -> int:
        """See ``Stage.bytes_each``."""
        width, height = ask.shot.grid
        return _PIXEL_BYTES * width * height


def _stored(flow: BidirectionalFlow, pair: int) -> Arrays:
    return {"forward": array_of(flow.forward[0, pair]), "backward": array_of(flow.backward[0, pair])}


def flow_until(ask: Ask, pair: int, last: int) -> Steps[BidirectionalFlow]:
    """Flow between a frame and the next, the caller's own; what is missing up to ``last`` may be estimated with it."""
    return flow_from((yield from ask.part(Flow.row.name, pair, until=last)))


def flow(ask: Ask, pair: int) -> Steps[BidirectionalFlow]:
    """Flow between a frame and the next, the caller's own."""
    return (yield from flow_until(ask, pair, pair))


def flow_from(arrays: Arrays) -> BidirectionalFlow:
    """Arrays [2, h, w] as one pair's flow."""
    return BidirectionalFlow(
        torch.from_numpy(np.array(arrays["forward"]))[None, None],
        torch.from_numpy(np.array(arrays["backward"]))[None, None],
    )
