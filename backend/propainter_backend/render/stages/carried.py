"""Places carried from chunk to chunk, so that a hole sees as far as the shot goes: one stage onward in time, one against it.

A unit goes over the frames between the borders of two neighbouring chunks, beginning with what the unit before it left. What
it leaves is small, a frame and a point for each pixel near one frame's hole; where it equals what it left before, an edit
ends there.

Here: the stages, and what a chunk is told of the frames beyond its reach. Not here: the sweep (``propainter/classical``).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor

from propainter.engine import Carrier
from propainter.types import Beyond, Carried
from propainter_backend.render.gathering import gather
from propainter_backend.render.keys import Scalar
from propainter_backend.render.stage import Ask, Made, Stage
from propainter_backend.render.stages.holes import hole
from propainter_backend.render.stages.pairs import pair_keys, reach_flow
from propainter_backend.render.stages.pictures import known
from propainter_backend.render.steps import Steps
from propainter_plan import stages as the_map
from propainter_plan.stages import Need, StageRow
from propainter_plan.units import Chunk

_KNOWN, _HOLE = Need("known", by_key=True), Need("hole")


class CarriedPast(Stage[Chunk]):
    """Stored of the last frame: the fields of ``Carried``, where the shot shows before it what is near its hole."""

    row = the_map.CARRIED_PAST
    counts_as = "propagation"
    uses_engine = True
    gives_back = True
    onward: ClassVar[bool] = True

    def is_wanted(self, part: int, ask: Ask) -> bool:
        """Without a hole there is nothing to carry on for, and no need to look any further."""
        return bool(hole(ask, part).any())

    def compute(self, unit: Chunk, ask: Ask) -> Steps[Made]:
        """See ``Stage.compute``."""
        frames = range(unit.reach_first, unit.reach_last + 1)
        known_there = yield from carried(ask, self.row, frames[0 if self.onward else -1])
        flow = yield from reach_flow(ask, unit)
        keys = yield from pair_keys(ask, frames)
        assert isinstance(ask.engine, Carrier)
        found = ask.engine.carry_places(
            gather(ask, known, frames),
            gather(ask, hole, frames)[:, :, None],
            flow,
            onward=self.onward,
            known=known_there,
            pair_keys=keys,
        )
        return {unit.core_first: vars(found)}


class CarriedFuture(CarriedPast):
    """The same of the first frame, where the shot shows it after."""

    row = the_map.CARRIED_FUTURE
    onward = False


def carried(ask: Ask, row: StageRow, frame: int) -> Steps[Carried | None]:
    """What is carried to a frame; None: there is no border of a chunk, or no hole."""
    if not ask.plan.units_of(row.name, frame) or not bool(hole(ask, frame).any()):
        return None
    return Carried(**(yield from ask.part(row.name, frame)))


def beyond(ask: Ask, chunk: Chunk) -> Steps[Beyond | None]:
    """What lies beyond the reach of a chunk; None: nothing is carried there."""
    past, future = yield from _both(ask, chunk)
    if past is None and future is None:
        return None

    one_at_a_time = threading.Lock()

    def read(frame: int) -> tuple[Tensor, Tensor]:
        index = chunk.reach_first + frame
        with one_at_a_time:  # engines ask from several threads, while the one that asked them waits
            return known(ask, index), hole(ask, index)

    return Beyond(past, future, read)


def looked_at(ask: Ask, chunk: Chunk) -> Steps[Sequence[Scalar]]:
    """Digests of what decides the pictures and holes beyond a chunk's reach that are named there, and of no others."""
    past, future = yield from _both(ask, chunk)
    named = [] if past is None else [chunk.reach_first - away for away in past.named]
    named += [] if future is None else [chunk.reach_last + away for away in future.named]
    found: list[Scalar] = []
    for need in (_KNOWN, _HOLE):
        found += yield from ask.inputs(need, sorted(named))
    return [*sorted(named), *found]


def _both(ask: Ask, chunk: Chunk) -> Steps[tuple[Carried | None, Carried | None]]:
    past = yield from carried(ask, the_map.CARRIED_PAST, chunk.reach_first)
    future = yield from carried(ask, the_map.CARRIED_FUTURE, chunk.reach_last)
    return past, future
