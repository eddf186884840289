"""Places by the background model alone, where the flow's way ends at something that moves in front.

Here: the search from given pixels, and a sweep over many frames that leaves what a later search goes on with. Not here: the
model (``motion.py``), places along the flow (``places.py``).
"""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np

from propainter.classical.alignment import Aligned
from propainter.classical.flow_image import Index
from propainter.classical.harmonic import Mask
from propainter.classical.kernels import Ground
from propainter.classical.motion import motion_at, moved_by
from propainter.classical.places import (
    RUN_BYTES,
    Places,
    Taps,
    carried,
    consistent,
    near_hole,
    nowhere,
    numbered,
    runs_of,
)
from propainter.spread import ONE_BY_ONE, Spread

_WIDER = 4
"""Pixels around what stands in front whose ways are carried on, too."""
Around = tuple[Mask, Places]
"""Pixels (h, w) of one frame that show no background, or hardly, and where others show what is behind each."""


def places_by_motion(
    order: range,
    motion: Aligned,
    holes: Mask,
    lacking: Mask,
    ground: Ground | None = None,
    beyond: Around | None = None,
    spread: Spread = ONE_BY_ONE,
) -> Places:
    """The nearest frame that shows what is behind each lacking pixel, by the background model alone.

    order: the frames in the direction of search. lacking: which hole pixels to search for, (t, h, w). A landing counts
    where the plate itself moves as the model does: what moves otherwise stands in front of the background. beyond: of the
    last frame in order, where the rest of the shot shows more.
    """
    ground = ground or Ground(holes)
    runs = (run for run, _ in runs_of(lacking, at_once=spread.count))
    found = spread(lambda run: _run_by_motion(order, motion, ground, lacking, run, beyond), runs, each_bytes=RUN_BYTES)
    parts = list(found)
    return Places.joined(parts) if parts else nowhere(0)


def _run_by_motion(
    order: range, motion: Aligned, ground: Ground, lacking: Mask, run: range, beyond: Around | None
) -> Places:
    """Of the lacking pixels of a run of frames."""
    holes = ground.holes
    t, y, x = np.nonzero(lacking[run.start : run.stop])
    found = nowhere(len(t))
    bounds = np.searchsorted(t, np.arange(len(run) + 1))
    active, at_x, at_y = np.zeros(0, np.intp), np.zeros(0), np.zeros(0)
    height, width = holes.shape[1:]
    models = motion.forward_motion if order.step > 0 else motion.backward_motion
    for here, following in pairwise(order[order.index(run[0] if order.step > 0 else run[-1]) :]):
        joining = np.arange(*bounds[here - run.start : here - run.start + 2]) if here in run else active[:0]
        active = np.concatenate([active, joining])
        at_x, at_y = moved_by(
            models[min(here, following)],
            np.concatenate([at_x, x[joining].astype(np.float64)]),
            np.concatenate([at_y, y[joining].astype(np.float64)]),
        )
        usable = (at_x >= 0) & (at_x <= width - 1) & (at_y >= 0) & (at_y <= height - 1)
        kept_x, kept_y = at_x[usable].astype(np.float32), at_y[usable].astype(np.float32)
        row, column = np.rint(kept_y).astype(np.intp), np.rint(kept_x).astype(np.intp)
        usable[usable] = ~holes[following, row, column] & _moves_along(motion, following, row, column)
        found.source[active[usable]] = following
        found.x[active[usable]], found.y[active[usable]] = at_x[usable], at_y[usable]
        active, at_x, at_y = active[~usable], at_x[~usable], at_y[~usable]
    if beyond is not None:
        own = np.arange(*bounds[order[-1] - run.start : order[-1] - run.start + 2]) if order[-1] in run else active[:0]
        active = np.concatenate([active, own])
        at_x, at_y = np.concatenate([at_x, x[own]]), np.concatenate([at_y, y[own]])
        lost = ~found.seen[active] & (at_x >= 0) & (at_x <= width - 1) & (at_y >= 0) & (at_y <= height - 1)
        from_x, from_y = at_x[lost].astype(np.float32), at_y[lost].astype(np.float32)
        further = carried(Taps.at(from_x, from_y, height, width), numbered(beyond[0]), beyond[1])
        found.source[active[lost]] = further.source
        found.x[active[lost]] = (from_x + further.x).clip(0, width - 1)
        found.y[active[lost]] = (from_y + further.y).clip(0, height - 1)
    return found


def sweep_by_model(order: range, motion: Aligned, ground: Ground, begun: Around | None) -> Around:
    """Of the last frame in order: the pixels that show no background, or something in front of it, and their places before.

    begun: the same of the first frame; None: nothing is known there.
    """
    height, width = ground.holes.shape[1:]
    rows, columns = (axis.ravel() for axis in np.mgrid[:height, :width])

    def along(frame: int) -> Mask:
        return _moves_along(motion, frame, rows, columns).reshape(height, width)

    shows = along(order[0])
    around = near_hole(ground.holes[order[0]]) | _widened(~shows)
    known = nowhere(int(around.sum()))
    if begun is not None:
        around, known = begun
    for before, here in pairwise(order):
        shows_here = along(here)
        around_here = near_hole(ground.holes[here]) | _widened(~shows_here)
        ys, xs = np.nonzero(around_here)
        models = motion.backward_motion if order.step > 0 else motion.forward_motion
        at_x, at_y = moved_by(models[min(here, before)], xs.astype(np.float64), ys.astype(np.float64))
        inside = (at_x >= 0) & (at_x <= width - 1) & (at_y >= 0) & (at_y <= height - 1)
        x, y = np.where(inside, at_x, 0).astype(np.float32), np.where(inside, at_y, 0).astype(np.float32)
        onward = carried(Taps.at(x, y, height, width), numbered(around), known)
        there = ground.of(before)
        shown = inside & shows[np.rint(y).astype(np.intp), np.rint(x).astype(np.intp)]
        found = shown & there.is_usable(x, y)
        on = inside & ~found & onward.seen
        places = nowhere(len(xs))
        places.source[found], places.source[on] = before, onward.source[on]
        places.x[found], places.y[found] = x[found], y[found]
        places.x[on] = (x[on] + onward.x[on]).clip(0, width - 1)
        places.y[on] = (y[on] + onward.y[on]).clip(0, height - 1)
        around, known, shows = around_here, places, shows_here
    return around, known


def _widened(front: Mask) -> Mask:
    """At the end of a sweep only one pair tells what moves; the other may see it a little further on."""
    size = 2 * _WIDER + 1
    return cv2.dilate(front.astype(np.uint8), np.ones((size, size), np.uint8)) > 0


def _moves_along(motion: Aligned, frame: int, row: Index, column: Index) -> Mask:
    """Whether pixels of a frame move with the background, both to the frame before and to the one after."""
    along = np.ones(len(row), np.bool_)
    ways = [(motion.forward, motion.forward_motion, frame), (motion.backward, motion.backward_motion, frame - 1)]
    for flow, models, pair in ways:
        if 0 <= pair < len(flow):
            along &= consistent(flow[pair][row, column], -motion_at(models[pair], row, column))
    return along
