"""The propagated plate: pixels pulled from the frames of a chunk's reach along completed flow, and what is still unseen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from propainter import stages
from propainter.types import Beyond, BidirectionalFlow, Propagated
from propainter_backend.render.gathering import array_of, gather
from propainter_backend.render.keys import Scalar
from propainter_backend.render.stage import Ask, Made, Stage
from propainter_backend.render.stages.carried import beyond, looked_at
from propainter_backend.render.stages.holes import hole
from propainter_backend.render.stages.pairs import pair_keys, reach_flow
from propainter_backend.render.stages.pictures import known
from propainter_backend.render.stages.sights import SightsStage, stored_sights
from propainter_backend.render.steps import Steps
from propainter_plan import stages as the_map
from propainter_plan.units import Chunk, parts_of


class Propagation(Stage[Chunk]):
    """Stored of each frame: ``rgb`` inside its hole, [3, n], and which of these pixels are ``unseen``, [1, n]."""

    row = the_map.PROPAGATION
    uses_engine = True
    gives_back = True

    def facts(self, unit: Chunk, ask: Ask) -> Steps[Sequence[Scalar]]:
        """The pictures and holes beyond the reach that are looked at: what is carried here names them."""
        return (yield from looked_at(ask, unit))

    def compute(self, unit: Chunk, ask: Ask) -> Steps[Made]:
        """See ``Stage.compute``."""
        rest = yield from beyond(ask, unit)
        wants_sights = ask.shot.fills_natively or ask.shot.match_grain > 0
        core = yield from pull(ask, unit, (yield from reach_flow(ask, unit)), rest, with_sights=wants_sights)
        if core.sights is not None:
            yield from ask.keep(SightsStage.row.name, unit, stored_sights(core.sights, unit))
        made: Made = {}
        for offset, index in enumerate(parts_of(unit)):
            inside = hole(ask, index) > 0
            made[index] = {
                "rgb": array_of(core.frames[0, offset].cpu()[:, inside]),
                "unseen": array_of(core.unseen[0, offset].cpu()[:, inside]).astype(np.uint8),
            }
        return made


def pull(
    ask: Ask, chunk: Chunk, flow: BidirectionalFlow, rest: Beyond | None = None, *, with_sights: bool = False
) -> Steps[Propagated]:
    """The core frames of a chunk, pulled along the flow of its reach; rest: what lies beyond it. with_sights: see
    ``Engine.propagate_plate``."""
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
        beyond=rest,
        with_sights=with_sights,
    )
    ask.counts.kernels_in_holes += pulled.kernels_in_holes
    return pulled


def propagated(ask: Ask, index: int) -> Steps[tuple[Tensor, Tensor]]:
    """A frame after image propagation [3, h, w], and what of it is still unseen [1, h, w]."""
    arrays = yield from ask.part(Propagation.row.name, index)
    inside = hole(ask, index) > 0
    picture = known(ask, index)
    picture[:, inside] = torch.from_numpy(np.array(arrays["rgb"]))
    unseen = torch.zeros(1, *inside.shape)
    unseen[:, inside] = torch.from_numpy(arrays["unseen"].astype(np.float32))
    return picture, unseen
