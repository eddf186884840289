"""Sights: where the background behind each pixel of a hole is seen, for the fill at native resolution.

They come from what propagation comes from; the places, not the colours, are kept. Where an engine gives them as it
propagates they are stored then (``propagation.py``), and found here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from propainter import native
from propainter.types import NOWHERE, Sights
from propainter_backend.render.cache_entry import Arrays
from propainter_backend.render.gathering import gather
from propainter_backend.render.keys import Scalar
from propainter_backend.render.stage import Ask, Made, Stage
from propainter_backend.render.stages.carried import beyond, looked_at
from propainter_backend.render.stages.holes import hole
from propainter_backend.render.stages.pairs import pair_keys, reach_flow
from propainter_backend.render.stages.pictures import known
from propainter_backend.render.steps import Steps
from propainter_plan import stages as the_map
from propainter_plan.units import Chunk


class SightsStage(Stage[Chunk]):
    """Stored of each frame: the fields of ``Sights``, frames counted in the shot."""

    row = the_map.SIGHTS
    version = native.CODE_VERSION
    counts_as = "composite"
    uses_engine = True
    gives_back = True

    def facts(self, unit: Chunk, ask: Ask) -> Steps[Sequence[Scalar]]:
        """As of the propagated plate."""
        return (yield from looked_at(ask, unit))

    def compute(self, unit: Chunk, ask: Ask) -> Steps[Made]:
        """See ``Stage.compute``."""
        frames = range(unit.reach_first, unit.reach_last + 1)
        rest = yield from beyond(ask, unit)
        flow = yield from reach_flow(ask, unit)
        keys = yield from pair_keys(ask, frames)
        first, last = unit.core_in_reach
        found = ask.engine.find_sights(
            gather(ask, known, frames),
            gather(ask, hole, frames)[:, :, None],
            flow,
            wanted=range(first, last + 1),
            pair_keys=keys,
            may_overwrite=True,
            beyond=rest,
        )
        return stored_sights(found, unit)


def stored_sights(found: Sequence[Sights], chunk: Chunk) -> Made:
    """Sights of a chunk's core frames, as they are stored."""
    return {here: _stored(_in_shot(sights, chunk.reach_first)) for here, sights in enumerate(found, chunk.core_first)}


def sights(ask: Ask, index: int) -> Steps[Sights]:
    """Where the background behind one frame's hole is seen."""
    return Sights(**(yield from ask.part(SightsStage.row.name, index)))


def _in_shot(found: Sights, start: int) -> Sights:
    """Frames counted in the shot instead of from the first that was looked at."""
    source = np.where(found.source == NOWHERE, NOWHERE, found.source + start).astype(np.int32)
    return replace(found, source=source, frames=found.frames + start)


def _stored(found: Sights) -> Arrays:
    """Its fields; those that are None are left out."""
    return {name: value for name, value in vars(found).items() if value is not None}
