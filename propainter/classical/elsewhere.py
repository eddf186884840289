"""What the rest of the shot shows behind a chunk's holes: places carried over its borders, and the frames they name.

Here: ``Elsewhere``, as the classical parts read it; ``carry_places``, which carries them over one stretch of frames. Not
here: the sweep (``places.py``), which stretches there are (``propainter_plan/cuts.py``).

A place is a frame and a point, so what a sweep knows at one frame is all that its frames so far can tell: it goes on from
there as if it had never stopped, however long the shot. Pictures are read when they are looked at, one at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from propainter.classical.alignment import Aligned
from propainter.classical.harmonic import Field, Mask
from propainter.classical.kernels import Ground, ReadElsewhere
from propainter.classical.places import Places, sweep
from propainter.types import NOWHERE, Beyond, Carried

_PICTURES = 2
"""Pictures from elsewhere that are kept at once."""


@dataclass(frozen=True)
class Elsewhere:
    """Places carried to the first and the last of t frames, and how to look there; frames counted from the first."""

    before: Places | None
    after: Places | None
    read: ReadElsewhere


def elsewhere_of(beyond: Beyond | None, frames: int = 0) -> Elsewhere | None:
    """What an engine is told, as places among so many frames."""
    if beyond is None:
        return None
    before = None if beyond.past is None else _places(beyond.past, at=0, way=-1)
    after = None if beyond.future is None else _places(beyond.future, at=frames - 1, way=1)
    return Elsewhere(before, after, _reader(beyond.read))


def carry_places(holes: Mask, motion: Aligned, *, onward: bool, known: Carried | None) -> Carried:
    """See ``Carrier.carry_places``; motion: among the frames whose holes (t, h, w) these are."""
    last = len(holes) - 1
    order, way, (begin, end) = (range(last + 1), -1, (0, last)) if onward else (range(last, -1, -1), 1, (last, 0))
    flow, back = (motion.backward, motion.forward) if onward else (motion.forward, motion.backward)
    begun = None if known is None else _places(known, at=begin, way=way)
    places = begun
    for i, _, found in sweep(order, flow, back, Ground(holes), begun):
        if i == end:
            places = found
    assert places is not None
    away = np.where(places.seen, (places.source - end) * way, 0).astype(np.int32)
    return Carried(away, places.x, places.y, places.doubtful)


def _places(carried: Carried, *, at: int, way: int) -> Places:
    source = np.where(carried.away > 0, at + way * carried.away, NOWHERE).astype(np.int32)
    return Places(source, carried.x, carried.y, carried.doubtful)


def _reader(read: Callable[[int], tuple[Tensor, Tensor]]) -> ReadElsewhere:
    kept: dict[int, tuple[Field, Mask]] = {}

    def one(frame: int) -> tuple[Field, Mask]:
        if frame not in kept:
            while len(kept) >= _PICTURES:
                del kept[next(iter(kept))]
            picture, hole = read(frame)
            image = np.ascontiguousarray(picture.permute(1, 2, 0).cpu().numpy(), dtype=np.float32)
            kept[frame] = image, hole.cpu().numpy() > 0
        return kept[frame]

    return one
