"""The propagated plate: pixels pulled from the frames of a chunk's reach along completed flow, and what is still unseen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from propainter import stages
from propainter.types import BidirectionalFlow, Propagated
from propainter_backend.render.gathering import array_of, flow_span, gather
from propainter_backend.render.keys import key_of
from propainter_backend.render.stage import Ask, Made, Stage
from propainter_backend.render.stages.completion import completed
from propainter_backend.render.stages.holes import hole
from propainter_backend.render.stages.pictures import known
from propainter_backend.render.steps import Steps
from propainter_plan import stages as the_map
from propainter_plan.stages import Need
from propainter_plan.units import Chunk, parts_of

_FLOW, _COMPLETED = Need("flow", by_key=True), Need("completion")
_KNOWN, _HOLE = Need("known", by_key=True), Need("hole")


class Propagation(Stage[Chunk]):
    """Stored of each frame: ``rgb`` inside its hole, [3, n], and which of these pixels are ``unseen``, [1, n]."""

    row = the_map.PROPAGATION
    uses_engine = True
    gives_back = True

    def compute(self, unit: Chunk, ask: Ask) -> Steps[Made]:
        """See ``Stage.compute``."""
        core = yield from pull(ask, unit, (yield from reach_flow(ask, unit)))
        made: Made = {}
        for offset, index in enumerate(parts_of(unit)):
            inside = hole(ask, index) > 0
            made[index] = {
                "rgb": array_of(core.frames[0, offset].cpu()[:, inside]),
                "unseen": array_of(core.unseen[0, offset].cpu()[:, inside]).astype(np.uint8),
            }
        return made


def reach_flow(ask: Ask, chunk: Chunk) -> Steps[BidirectionalFlow]:
    """Completed flow among the frames of a chunk's reach."""
    return (yield from flow_span(ask, completed, chunk.reach_first, chunk.reach_last))


def pull(ask: Ask, chunk: Chunk, flow: BidirectionalFlow) -> Steps[Propagated]:
    """The core frames of a chunk, pulled along the flow of its reach."""
    frames = range(chunk.reach_first, chunk.reach_last + 1)
    keys = yield from pair_keys(ask, frames)
    pulled = stages.propagate_chunk(
        ask.engine,
        gather(ask, known, frames),
        gather(ask, hole, frames)[:, :, None],
        flow,
        chunk,
        pair_keys=keys,
        may_overwrite=True,
    )
    ask.counts.kernels_in_holes += pulled.kernels_in_holes
    return pulled


def pair_keys(ask: Ask, frames: Sequence[int]) -> Steps[list[str]]:
    """Content keys of the pairs among neighbouring frames: what an engine may keep of a pair between two calls."""
    keys = []
    for pair in frames[:-1]:
        named = []
        for need, parts in (
            (_FLOW, (pair,)),
            (_COMPLETED, (pair,)),
            (_KNOWN, (pair, pair + 1)),
            (_HOLE, (pair, pair + 1)),
        ):
            named.extend((yield from ask.inputs(need, parts)))
        keys.append(key_of("pair", *named))
    return keys


def propagated(ask: Ask, index: int) -> Steps[tuple[Tensor, Tensor]]:
    """A frame after image propagation [3, h, w], and what of it is still unseen [1, h, w]."""
    arrays = yield from ask.part(Propagation.row.name, index)
    inside = hole(ask, index) > 0
    picture = known(ask, index)
    picture[:, inside] = torch.from_numpy(np.array(arrays["rgb"]))
    unseen = torch.zeros(1, *inside.shape)
    unseen[:, inside] = torch.from_numpy(arrays["unseen"].astype(np.float32))
    return picture, unseen
