"""What lies behind a hole: the background, or something that moves by itself and reaches behind it.

Here: which of the two each hole pixel belongs to, and the flow inside holes chosen by it. Not here: the two flows
(``alignment.py``), following them to colours (``places.py``).

Beside a hole a thing may move otherwise than the background: a car, a passer-by. Its motion is continued into the hole
as a second guess. A pixel belongs to the thing where that guess, followed from frame to frame until it leaves the hole,
arrives at something that moves just so; the frame that is nearer in time says more. One smooth flow through both, as a
membrane would have it, smears the thing across the hole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from propainter.classical.alignment import Aligned, AlignedPair, AlignedWay, align_flow, aligned_of
from propainter.classical.flow_image import Index
from propainter.classical.harmonic import Field, Mask, box_around, fill_harmonic
from propainter.classical.motion import motion_at
from propainter.dis import Flow
from propainter.kept import Kept
from propainter.spread import ONE_BY_ONE, Spread

_SMOOTHING = 1.5
"""Sigma in pixels over which neighbouring pixels agree on what they are."""
_NEAREST = 0.125
"""Votes a pixel must gather to count in full: those of a frame eight away."""
_LEAST_SEEN = 12
"""Pixels of a mover that must be seen beside the hole, for what it has behind the hole to hang on."""
_SLACK, _SHARE = 0.5, 0.35
"""Pixels, and share of its own motion, by which a thing may move otherwise once it has left the hole: legs swing."""


def layered_flow(
    frames: Field,
    holes: Mask,
    forward: Flow,
    backward: Flow,
    *,
    kept: Kept[AlignedPair],
    pair_keys: Sequence[str] | None = None,
    spread: Spread = ONE_BY_ONE,
) -> Aligned:
    """Flow measured again around the holes (t, h, w) of frames (t, h, w, 3), each hole pixel with what it belongs to.

    forward, backward: completed flows (t-1, h, w, 2). kept: finds what was measured before of pairs whose keys are given.
    """
    motion = align_flow(frames, holes, forward, backward, kept=kept, pair_keys=pair_keys, spread=spread)
    return in_layers(motion, holes, forward, backward, spread=spread)


def in_layers(motion: Aligned, holes: Mask, forward: Flow, backward: Flow, *, spread: Spread = ONE_BY_ONE) -> Aligned:
    """The same motion, with the flow of a mover wherever hole pixels (t, h, w) belong to one.

    forward, backward: the completed flows ``motion`` was measured from.
    """
    pairs = motion.pairs
    if all(way.if_mover is None for pair in pairs for way in (pair.forward, pair.backward)):
        return motion
    votes = list(spread(lambda onward: _votes(motion, holes, onward=onward), (True, False)))
    chosen, frames = list(pairs), np.flatnonzero(holes.any((1, 2))).tolist()

    def belonging(frame: int) -> Mask:
        return _belonging((votes[0][frame], votes[1][frame]), holes[frame], _movers_beside(motion, frame, holes))

    for frame, mover in zip(frames, spread(belonging, frames), strict=True):
        if not mover.any():
            continue
        if frame < len(pairs):
            chosen[frame] = replace(chosen[frame], forward=_with(chosen[frame].forward, mover))
        if frame > 0:
            chosen[frame - 1] = replace(chosen[frame - 1], backward=_with(chosen[frame - 1].backward, mover))
    return aligned_of(chosen, forward, backward)


def _votes(motion: Aligned, holes: Mask, *, onward: bool) -> list[Field]:
    """What each hole pixel's guess arrives at, one way in time: above 0 something that moves so, below something else.

    One array (n,) a frame, hole pixels by row, column. A pixel that stays in the hole has the vote of where it lands, one
    step further off.
    """
    count, (height, width) = len(holes), holes.shape[1:]
    order = range(count - 1, -1, -1) if onward else range(count)
    votes = [np.zeros(0, np.float32)] * count
    sign, steps = np.zeros((height, width), np.int8), np.ones((height, width), np.float32)
    for here in order:
        beyond = here + 1 if onward else here - 1
        fresh_sign, fresh_steps = np.zeros_like(sign), np.ones_like(steps)
        pair = min(here, beyond)
        way = None if not 0 <= beyond < count else _way(motion.pairs[pair], onward)
        if way is not None and way.if_mover is not None:
            ys, xs = np.nonzero(holes[here])
            moved = way.if_mover[ys - way.rows.start, xs - way.columns.start]
            x, y = np.rint(xs + moved[:, 0]).astype(np.intp), np.rint(ys + moved[:, 1]).astype(np.intp)
            within = (x >= 0) & (x < width) & (y >= 0) & (y < height)
            ys, xs, x, y, moved = ys[within], xs[within], x[within], y[within], moved[within]
            stays = holes[beyond][y, x]
            own = moved - motion_at(way.motion, ys, xs)
            fresh_sign[ys, xs] = np.where(
                stays, sign[y, x], _judged(motion, beyond, y, x, own, onward=onward, count=count)
            )
            fresh_steps[ys, xs] = np.where(stays, steps[y, x] + 1, 1)
        sign, steps = fresh_sign, fresh_steps
        votes[here] = (sign / steps)[holes[here]].astype(np.float32)
    return votes


def _judged(
    motion: Aligned, frame: int, rows: Index, columns: Index, own: Field, *, onward: bool, count: int
) -> np.ndarray:
    """1 where pixels of the plate move by themselves as expected, -1 where not, 0 where nothing tells.

    own: (n, 2), the motion expected beside the background's. The plate is asked for the pair that leads on, away from
    the hole the way came from.
    """
    after = frame + 1 if onward else frame - 1
    if not 0 <= after < count:
        return np.zeros(len(rows), np.int8)
    pair = min(frame, after)
    way, moves = _way(motion.pairs[pair], onward), motion.apart(pair, rows, columns, onward=onward)
    size = np.hypot(own[:, 0], own[:, 1])
    alike = np.hypot(*(moves - own).T) < _SLACK + _SHARE * size
    bound = way.bound if np.isfinite(way.bound) else 0.0
    return np.where(alike & (np.hypot(*moves.T) > bound), 1, -1).astype(np.int8)


def _movers_beside(motion: Aligned, frame: int, holes: Mask) -> Mask:
    """Pixels of the plate near one frame's hole that move by themselves (h, w)."""
    rows, columns = box_around(holes[frame], pad=int(4 * _SMOOTHING))
    ys, xs = np.mgrid[rows, columns]
    off, bounds = [], []
    for pair, onward in ((frame, True), (frame - 1, False)):
        if 0 <= pair < len(motion.pairs):
            moves = motion.apart(pair, ys, xs, onward=onward)
            off.append(moves if onward else -moves)
            bounds.append(_way(motion.pairs[pair], onward).bound)
    mean = np.mean(off, 0)
    movers: Mask = np.zeros(holes.shape[1:], np.bool_)
    movers[rows, columns] = np.hypot(mean[..., 0], mean[..., 1]) > min(bounds)
    movers[holes[frame]] = False
    return movers


def _belonging(votes: tuple[Field, Field], hole: Mask, beside: Mask) -> Mask:
    """Which hole pixels belong to a mover: their votes, evened out with their neighbours' and with what is seen beside.

    Pixels without a vote are of what surrounds them: a hole that rides on a car shows the car.
    """
    rows, columns = box_around(hole, pad=int(4 * _SMOOTHING))
    inside = hole[rows, columns]
    share = np.where(beside[rows, columns], np.float32(1), np.float32(-1))
    share[inside] = np.clip((votes[0] + votes[1]) / np.float32(_NEAREST), -1, 1)
    silent = inside.copy()
    silent[inside] = (votes[0] == 0) & (votes[1] == 0)
    share = fill_harmonic(share[..., None], silent)[..., 0]
    even = cv2.GaussianBlur(share, (0, 0), _SMOOTHING)
    mover: Mask = np.zeros(hole.shape, np.bool_)
    mover[rows, columns] = _reaching_in((even > 0) & inside, beside[rows, columns])
    return mover


def _reaching_in(mover: Mask, beside: Mask) -> Mask:
    """Those pixels of a hole that hang together with what is seen to move beside it."""
    count, label = cv2.connectedComponents((mover | beside).astype(np.uint8), connectivity=4)
    seen = np.bincount(label[beside], minlength=count) >= _LEAST_SEEN
    seen[0] = False
    reaching: Mask = np.asarray(np.isin(label, np.flatnonzero(seen)) & mover, np.bool_)
    return reaching


def _with(way: AlignedWay, mover: Mask) -> AlignedWay:
    """The same way, with the mover's flow where pixels (h, w) belong to it."""
    if way.if_mover is None:
        return way
    chosen = mover[way.rows, way.columns]
    return replace(way, values=np.where(chosen[..., None], way.if_mover, way.values))


def _way(pair: AlignedPair, onward: bool) -> AlignedWay:
    return pair.forward if onward else pair.backward
