"""Flow around and inside holes, measured again with the object taken out of both frames.

Here: the correction of the completed flow from the plate itself, so that colours pulled along it land to a fraction of a
pixel. Not here: the background model it starts from (``motion.py``), pulling (``pull.py``).

The plate's flow is estimated without knowing the matte, so near the hole it follows the object. Here the second frame
is laid over the first by the background model, whatever either hole covers is made alike in both, and the small motion
left over is measured, in rounds. Where the pictures are alike there is nothing to follow: the object is gone from the
estimate, and what remains in its place is the model and what is left over around.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import cv2
import numpy as np

from propainter.classical.flow_image import Flows, Index
from propainter.classical.harmonic import Field, Mask, box_around, fill_harmonic
from propainter.classical.motion import (
    Matrix,
    background_motion,
    distance_to,
    flow_of_motion,
    guard_band,
    motion_at,
    warp,
)
from propainter.dis import Flow, Grey, flow_between, grey_of
from propainter.kept import Kept
from propainter.spread import ONE_BY_ONE, Spread

_SMOOTHING = 4.0
"""Sigma in pixels over which left-over motion is averaged, textured pixels first."""
_TEXTURE = 4.0
"""Gradient in grey levels per pixel at which a pixel's left-over motion is worth half."""
_MODEL_SHARE = 0.05
"""Weight of 'no left-over motion' against the textured pixels around: a bare wall keeps the model."""
_ROUNDS = 4
"""Times at most that left-over motion is measured."""
_STRIDE = 1.5
"""What a round finds counts so many times: beside the hole it finds about half, further off all."""
_ENOUGH = 0.05
"""Pixels of left-over motion that are not worth another round."""
_STANDS = 0.08
"""Pixels a frame that the background moves by mere errors while the camera stands; at twice as many it surely moves."""
_PAIR_BYTES = 200
"""Bytes a pixel that measuring a pair again takes while it lasts, if the hole's surroundings are all of the picture."""
KEPT_PAIRS = 120
"""Aligned pairs worth keeping: those of one chunk and its overlap."""
_LEAST_OFF = 0.6
"""Pixels off the background's motion that measuring flow may be wrong by."""
_MANY_TIMES = 4.0
"""Times the median of what pixels are off the background's motion; a plane's parallax stays below."""
_LEAST_MOVER = 30
"""Pixels near a hole that must move otherwise before something is taken to reach behind it."""
_GRID = 6
"""Every so many pixels are looked at for the median."""
_RIM = 1
"""Pixels around the hole that may still carry the object's colour by filtering."""


@dataclass(frozen=True)
class Aligned:
    """What is known of the motion among t frames once the object is taken out."""

    forward: Flows
    backward: Flows
    """t-1 each, of (h, w, 2): the plate's flow, measured again in and around the holes."""
    forward_motion: list[Matrix]
    backward_motion: list[Matrix]
    """The background model of each pair; identity where no hole asked for one."""
    pairs: list[AlignedPair] = field(default_factory=list)
    """What was measured again, pair by pair."""

    def apart(self, pair: int, rows: Index, columns: Index, *, onward: bool) -> Field:
        """How pixels of a pair move beside the background, onward in time or back: (..., 2)."""
        flow, models = (self.forward, self.forward_motion) if onward else (self.backward, self.backward_motion)
        apart: Field = flow[pair][rows, columns] - motion_at(models[pair], rows, columns)
        return apart


@dataclass(frozen=True)
class AlignedWay:
    """One pair's flow one way, measured again: values (h, w, 2) of a box of the image; without a hole, of none."""

    motion: Matrix
    rows: slice
    columns: slice
    values: Flow
    """Inside the hole: as if nothing but background lay behind it."""
    if_mover: Flow | None = None
    """The same box, as if something lay behind the hole that moves otherwise, as it does beside it; None: nothing does."""
    bound: float = np.inf
    """Pixels off the background's motion beyond which a pixel is taken to be of such a thing."""

    @property
    def nbytes(self) -> int:
        """Memory it takes."""
        return self.values.nbytes + (0 if self.if_mover is None else self.if_mover.nbytes)


@dataclass(frozen=True)
class AlignedPair:
    """One pair's flow measured again, there and back."""

    forward: AlignedWay
    backward: AlignedWay

    @property
    def nbytes(self) -> int:
        """Memory it takes."""
        return self.forward.nbytes + self.backward.nbytes


@dataclass(frozen=True)
class Patched:
    """An image of flow with what was measured again in place of a box of it; nothing of the image is copied."""

    image: Flow
    patch: AlignedWay

    def __getitem__(self, at: tuple[Index, Index]) -> Flow:
        (rows, columns), (top, left) = at, (self.patch.rows.start, self.patch.columns.start)
        values: Flow = self.image[rows, columns]
        inside = (rows >= top) & (rows < self.patch.rows.stop) & (columns >= left) & (columns < self.patch.columns.stop)
        values[inside] = self.patch.values[rows[inside] - top, columns[inside] - left]
        return values


def align_flow(
    frames: Field,
    holes: Mask,
    forward: Flow,
    backward: Flow,
    *,
    kept: Kept[AlignedPair] | None = None,
    pair_keys: Sequence[str | None] | None = None,
    spread: Spread = ONE_BY_ONE,
) -> Aligned:
    """Measure the flow again in and around the holes (t, h, w).

    frames: (t, h, w, 3); pixels inside a hole are not used. forward, backward: completed flows (t-1, h, w, 2), which the
    result looks into. A pair's result depends on its own two frames, holes and flows alone. kept: finds what was measured
    before of pairs whose keys are given.
    """
    near_by = 2 * spread.count + 2  # pairs at work at once share frames
    grey = lru_cache(near_by)(lambda i: grey_of(frames[i]))
    distance = lru_cache(near_by)(lambda i: distance_to(holes[i]))

    def align(i: int) -> AlignedPair:
        def way(flow: Flow, a: int, b: int) -> AlignedWay:
            distances = distance(a), distance(b)
            motion = background_motion(flow, *distances)
            if not holes[a].any():
                return AlignedWay(motion, slice(0, 0), slice(0, 0), flow[:0, :0])
            return _align_way((grey(a), grey(b)), distances, flow, motion)

        return AlignedPair(way(forward[i], i, i + 1), way(backward[i], i + 1, i))

    keys: Sequence[str | None] = pair_keys or [None] * len(forward)
    pairs = [None if kept is None or key is None else kept.get(key) for key in keys]
    missing = [i for i, pair in enumerate(pairs) if pair is None]
    for i, found in zip(missing, spread(align, missing, each_bytes=_PAIR_BYTES * holes[:1].size), strict=True):
        pairs[i] = found
        if kept is not None and (key := keys[i]) is not None:
            kept.put(key, found)
    return aligned_of([pair for pair in pairs if pair is not None], forward, backward)


def aligned_of(pairs: list[AlignedPair], forward: Flow, backward: Flow) -> Aligned:
    """What is known of the motion, pair by pair, looked up in the completed flows where no pair was measured again."""
    return Aligned(
        [Patched(flow, pair.forward) for flow, pair in zip(forward, pairs, strict=True)],
        [Patched(flow, pair.backward) for flow, pair in zip(backward, pairs, strict=True)],
        [pair.forward.motion for pair in pairs],
        [pair.backward.motion for pair in pairs],
        pairs,
    )


def _align_way(grey: tuple[Grey, Grey], distances: tuple[Field, Field], flow: Flow, motion: Matrix) -> AlignedWay:
    """Measure one pair's flow again. ``distances``: of each frame's pixels to its own hole."""
    guard = guard_band(*flow.shape[:2])
    rows, columns = box_around(distances[0] <= guard, pad=guard // 2)
    model = flow_of_motion(motion, rows, columns)
    near = distances[0][rows, columns]
    moved, covered = _followed(
        (grey[0][rows, columns], grey[1]), near, distances[1], model, (columns.start, rows.start)
    )
    rest = moved - model
    depth = _depth_shows(model)
    values = np.where((near <= guard)[..., None], model + fill_harmonic(rest, covered), flow[rows, columns])
    bound = mover_bound(flow, distances[0], motion)
    mover = (np.hypot(rest[..., 0], rest[..., 1]) > bound) & ~covered
    hole = near <= 0
    if np.count_nonzero(mover) < _LEAST_MOVER:
        values[hole] = (model + depth * (values - model))[hole]
        return AlignedWay(motion, rows, columns, values.astype(np.float32), bound=bound)
    beside = cv2.dilate(mover.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    values[hole] = (model + depth * fill_harmonic(rest, covered | beside))[hole]
    if_mover = values.astype(np.float32)
    if_mover[hole] = (model + fill_harmonic(rest, ~mover))[hole]
    return AlignedWay(motion, rows, columns, values.astype(np.float32), if_mover, bound)


def _depth_shows(model: Flow) -> float:
    """How much of what is left over beside the hole may be background, 0..1: where the camera stands nothing is.

    What moves there is the object's own: its shadow, its reflection, the blur of its edge.
    """
    moves = float(np.hypot(model[..., 0], model[..., 1]).mean())
    return min(max(moves / _STANDS - 1, 0.0), 1.0)


def _followed(
    grey: tuple[Grey, Grey], near: Field, landing_distance: Field, model: Flow, corner: tuple[int, int]
) -> tuple[Flow, Mask]:
    """The flow of a box of the first picture, measured in rounds from the model on; and what either hole covers.

    grey: the box (h, w) and the whole second picture. near, landing_distance: of their pixels to their own holes. corner:
    x, y of the box. Beside the hole a round finds about half of what is left over, for it is averaged with what was made
    alike: one alone would leave the plate's own motion half way to the model.
    """
    x, y = corner
    second, moved = grey[1].astype(np.float32), model
    for _ in range(_ROUNDS):
        covered_first = near <= _RIM
        covered_second = warp(landing_distance, moved, x=x, y=y) <= _RIM
        covered = covered_first | covered_second
        laid_over = np.rint(warp(second, moved, x=x, y=y)).astype(np.uint8)
        pair = _made_alike(grey[0], laid_over, covered_first, covered_second)
        more = regular(flow_between(*pair, finest_scale=1), pair[0], ~covered)
        more = fill_harmonic(more + warp(moved, more) - moved, covered)
        moved = moved + np.float32(_STRIDE) * more
        if np.abs(more).max() < _ENOUGH:
            break
    return moved, covered


def mover_bound(flow: Flow, distance: Field, motion: Matrix) -> float:
    """Pixels off the background's motion beyond which something moves by itself: several times what most pixels are off.

    flow: (h, w, 2) of one pair; distance: of its pixels to the hole.
    """
    every = np.s_[_GRID // 2 :: _GRID, _GRID // 2 :: _GRID]
    rows, columns = np.mgrid[: flow.shape[0], : flow.shape[1]]
    rows, columns = rows[every], columns[every]
    seen = distance[rows, columns] > _RIM
    if not seen.any():
        return np.inf
    rows, columns = rows[seen], columns[seen]
    off = np.hypot(*(flow[rows, columns] - motion_at(motion, rows, columns)).T)
    return max(_LEAST_OFF, _MANY_TIMES * float(np.median(off)))


def _made_alike(first: Grey, second: Grey, covered_first: Mask, covered_second: Mask) -> tuple[Grey, Grey]:
    """Both images with the same content wherever either is covered: the other's, or a smooth fill where neither shows it."""
    shared = np.where(covered_first, second, first).astype(np.float32)[..., None]
    shared = fill_harmonic(shared, covered_first & covered_second)[..., 0]
    content = np.rint(shared).clip(0, 255).astype(np.uint8)
    covered = covered_first | covered_second
    return np.where(covered, content, first), np.where(covered, content, second)


def regular(rest: Flow, image: Grey, usable: Mask) -> Flow:
    """Left-over motion averaged by how well each pixel can tell motion: normalised convolution, with the model's share.

    A pixel's say is the smaller eigenvalue of its structure tensor: a bare wall says nothing, an edge half the truth.
    """
    x, y = (cv2.Sobel(image, cv2.CV_32F, *order) / 8 for order in ((1, 0), (0, 1)))
    xx, yy, xy = (cv2.GaussianBlur(product, (0, 0), 2.0) for product in (x * x, y * y, x * y))
    smaller = np.maximum(xx + yy - np.sqrt((xx - yy) ** 2 + 4 * xy * xy), 0)
    say = (smaller / (smaller + _TEXTURE**2) * usable).astype(np.float32)
    heard = cv2.GaussianBlur(rest * say[..., None], (0, 0), _SMOOTHING)
    mean: Flow = heard / (cv2.GaussianBlur(say, (0, 0), _SMOOTHING)[..., None] + _MODEL_SHARE)
    return mean
