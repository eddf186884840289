"""Sights for native resolution: where the classical parts see what is behind a hole, kept for sampling the plate itself.

Here: the places of the frames that are wanted, of both directions the better one each, with weights and exposures; of use to
every engine, for completed flow is all they need of one. Not here: following the flow (``places.py``), which places count
how much (``pull.py``), looking there in the plate (``propainter/native.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from torch import Tensor

from propainter.classical.alignment import AlignedPair
from propainter.classical.arrays import arrays_of, images_to_write, masks_of
from propainter.classical.elsewhere import elsewhere_of
from propainter.classical.flow_image import Index
from propainter.classical.harmonic import Field, Mask
from propainter.classical.layers import layered_flow
from propainter.classical.places import Places, parts_of
from propainter.classical.pull import places_of, plate_of, weight_of
from propainter.classical.sampling import Plate
from propainter.kept import Kept
from propainter.spread import ONE_BY_ONE, Spread
from propainter.types import NOWHERE, Beyond, BidirectionalFlow, Sights

_LEAST_SHARE = 0.05
"""A sight that counts less in a pixel is left out: it would cost a look into one more plate."""


def find_sights(
    frames: Tensor,
    holes: Tensor,
    flow: BidirectionalFlow,
    *,
    wanted: range,
    aligned: Kept[AlignedPair],
    pair_keys: Sequence[str] | None = None,
    may_overwrite: bool = False,
    beyond: Beyond | None = None,
    spread: Spread = ONE_BY_ONE,
) -> list[Sights]:
    """Where the background behind the holes of the wanted frames is seen; the arguments of ``Engine.find_sights``.

    aligned: keeps the flow measured again of pairs whose keys are given. may_overwrite: see ``Engine.propagate_plate``.
    """
    images, hole = images_to_write(frames, may_overwrite=may_overwrite), masks_of(holes)
    motion = layered_flow(images, hole, *arrays_of(flow), kept=aligned, pair_keys=pair_keys, spread=spread)
    members = hole.copy()
    members[: wanted.start] = members[wanted.stop :] = False
    elsewhere = elsewhere_of(beyond, len(images))
    plate = plate_of(images, hole, motion, elsewhere, spread=spread)
    return sights_of(plate, members, *places_of(plate, hole, motion, members, elsewhere, spread=spread), wanted)


def sights_of(
    plate: Plate, members: Mask, places: list[Places], trust: list[float], wanted: Iterable[int]
) -> list[Sights]:
    """The same of frames whose places are known. members, places, trust: as ``places_of`` has them."""
    parts = parts_of(members)
    return [_of_frame(i, [each.take(parts[i]) for each in places], trust, plate) for i in wanted]


def _of_frame(frame: int, sights: list[Places], trust: list[float], plate: Plate) -> Sights:
    here = np.full(len(sights[0].source), frame)
    weights = [_weights(places, here, share) for places, share in zip(sights, trust, strict=True)]
    ways = [_better(sights[way::2], weights[way::2]) for way in (0, 1)]
    weight = np.stack([weight for _, weight in ways])
    weight /= np.maximum(weight.sum(0), np.float32(1e-12))
    weight = np.where(weight < _LEAST_SHARE, 0, weight)
    weight /= np.maximum(weight.sum(0), np.float32(1e-12))
    source, x, y = (np.stack([getattr(places, name) for places, _ in ways]) for name in ("source", "x", "y"))
    source = np.where(weight > 0, source, NOWHERE).astype(np.int32)
    named = np.unique(source[source != NOWHERE]).astype(np.int32)
    gains = np.stack([plate.gain(int(each)) for each in named]) if len(named) else np.zeros((0, 3), np.float32)
    return Sights(source, x, y, weight, named, plate.gain(frame) - gains)


def _weights(places: Places, frame: Index, share: float) -> Field:
    weights, seen = np.zeros(len(frame), np.float32), np.flatnonzero(places.seen)
    weights[seen] = weight_of(places.take(seen), frame[seen], share)
    return weights


def _better(sights: list[Places], weights: list[Field]) -> tuple[Places, Field]:
    """Of the sights one way in time, that which counts more: the flow's, or the model's."""
    if len(sights) == 1:
        return sights[0], weights[0]
    (flow, model), other = sights, weights[1] > weights[0]
    fields = ("source", "x", "y", "doubtful")
    chosen = Places(*(np.where(other, getattr(model, name), getattr(flow, name)) for name in fields))
    return chosen, np.where(other, weights[1], weights[0])
