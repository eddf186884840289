"""What the rest of the shot shows behind a chunk's holes: places carried over its borders, and the frames they name.

Here: ``Elsewhere``, as the classical parts read it; ``carry_places``, which carries them over one stretch of frames. Not
here: the sweep (``places.py``), which stretches there are (``propainter_plan/cuts.py``).

A place is a frame and a point, so what a sweep knows at one frame is all that its frames so far can tell: it goes on from
there as if it had never stopped, however long the shot. Pictures are read when they are looked at, one at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from torch import Tensor

from propainter.classical.alignment import Aligned
from propainter.classical.by_model import Around, sweep_by_model
from propainter.classical.harmonic import Field, Mask
from propainter.classical.kernels import Ground, ReadElsewhere
from propainter.classical.landings import landing_check
from propainter.classical.places import Places, sweep
from propainter.types import NOWHERE, Beyond, Carried

_PICTURES = 4
"""Pictures from elsewhere that are kept at once."""


@dataclass(frozen=True)
class Elsewhere:
    """Places carried to the first and the last of t frames, and how to look there; frames counted from the first."""

    before: Places | None
    after: Places | None
    before_by_model: Around | None
    after_by_model: Around | None
    read: ReadElsewhere


def elsewhere_of(beyond: Beyond | None, frames: int = 0) -> Elsewhere | None:
    """What an engine is told, as places among so many frames."""
    if beyond is None:
        return None
    before, before_by_model = _places(beyond.past, at=0, way=-1)
    after, after_by_model = _places(beyond.future, at=frames - 1, way=1)
    return Elsewhere(before, after, before_by_model, after_by_model, _reader(beyond.read))


def carry_places(holes: Mask, motion: Aligned, *, onward: bool, known: Carried | None) -> Carried:
    """See ``Carrier.carry_places``; motion: among the frames whose holes (t, h, w) these are."""
    last = len(holes) - 1
    order, way, (begin, end) = (range(last + 1), -1, (0, last)) if onward else (range(last, -1, -1), 1, (last, 0))
    flow, back = (motion.backward, motion.forward) if onward else (motion.forward, motion.backward)
    begun, begun_by_model = _places(known, at=begin, way=way)
    ground, places = Ground(holes), begun
    for i, _, found in sweep(order, flow, back, ground, begun, landing_check(motion, onward=not onward)):
        if i == end:
            places = found
    assert places is not None
    around, by_model = sweep_by_model(order, motion, ground, begun_by_model)
    away, away_by_model = (
        np.where(each.seen, (each.source - end) * way, 0).astype(np.int32) for each in (places, by_model)
    )
    bits, width = np.packbits(around, axis=1), np.array([holes.shape[2]])
    return Carried(away, places.x, places.y, places.doubtful, bits, width, away_by_model, by_model.x, by_model.y)


def _places(carried: Carried | None, *, at: int, way: int) -> tuple[Places | None, Around | None]:
    """What is carried to frame ``at``, as places along the flow and by the model."""
    if carried is None:
        return None, None
    sources = (
        np.where(away > 0, at + way * away, NOWHERE).astype(np.int32) for away in (carried.away, carried.away_by_model)
    )
    along_flow = Places(next(sources), carried.x, carried.y, carried.doubtful)
    certain = np.zeros(len(carried.x_by_model), np.bool_)
    by_model = Places(next(sources), carried.x_by_model, carried.y_by_model, certain)
    around = np.unpackbits(carried.around, axis=1, count=int(carried.width[0])) > 0
    return along_flow, (around, by_model)


def _reader(read: Callable[[int], tuple[Tensor, Tensor]]) -> ReadElsewhere:
    @lru_cache(_PICTURES)
    def one(frame: int) -> tuple[Field, Mask]:
        picture, hole = read(frame)
        image = np.ascontiguousarray(picture.permute(1, 2, 0).cpu().numpy(), dtype=np.float32)
        return image, hole.cpu().numpy() > 0

    return one
