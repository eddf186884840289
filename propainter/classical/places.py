"""Places: where the background behind each hole pixel is seen, in which other frame and where there.

Here: places found by following completed flow, both ways in time. Not here: the flow (``alignment.py``), places found by
the background model alone (``by_model.py``), the colours found there (``pull.py``).

A pixel that lands inside the next frame's hole goes on from there, so one sweep over the frames settles every pixel of
every frame: the place of a pixel is the place of where it lands. A landing whose nearest pixel is plate ends a way. Where
the kernel that will look would touch the hole it shrinks (``kernels.py``): a nearer frame, seen a little softer, is truer
than a sharp one further off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from propainter.classical.flow_image import FlowImage, Flows, Index
from propainter.classical.harmonic import Field, Mask
from propainter.classical.kernels import REACH, FrameGround, Ground, by_source
from propainter.types import NOWHERE

_MOST_STEPS_ON = 4
"""Times a place that is still under a hole goes on."""
_STEEPEST = 0.5
"""Change of displacement from pixel to pixel beyond which two neighbours are not of one surface."""
RUN = 1 << 17
"""Pixels that are worked on at once: following and sampling take one to two hundred bytes for each."""
RUN_BYTES = 200 * RUN
_RUNS_EACH = 4
"""Runs for each of those that work on them at once, at least, as far as there are frames."""


def parts_of(members: Mask) -> list[slice]:
    """Which of all members (t, h, w), by frame, row, column, are each frame's."""
    return [slice(*bounds) for bounds in pairwise([0, *np.cumsum(members.sum((1, 2))).tolist()])]


def runs_of(members: Mask, *, at_once: int = 1) -> Iterator[tuple[range, slice]]:
    """Runs of frames with at most ``RUN`` members together, or of a single frame, and which of all members are theirs.

    at_once: runs that may be worked on at once; there are then several for each, so that none ends long after the others.
    """
    parts = parts_of(members)
    most = RUN if at_once == 1 else min(RUN, parts[-1].stop // (_RUNS_EACH * at_once))
    first = begin = end = 0
    for i, part in enumerate(parts):
        if end > begin and part.stop - begin > most:
            yield range(first, i), slice(begin, end)
            begin = end
        if end == begin:
            first = i
        end = part.stop
    if end > begin:
        yield range(first, len(members)), slice(begin, end)


@dataclass(frozen=True)
class Places:
    """For n pixels, the place where the background behind each is seen."""

    source: npt.NDArray[np.int32]
    """Frame that shows it, counted from the first of those at hand: below 0, or beyond the last, where it was carried here
    from elsewhere in the shot. ``NOWHERE``: none does."""
    x: Field
    y: Field
    """Where in that frame, in pixels."""
    doubtful: Mask
    """A step of the way failed the forward-backward check."""

    @property
    def seen(self) -> Mask:
        """Some frame shows it."""
        seen: Mask = self.source != NOWHERE
        return seen

    @property
    def sound(self) -> Mask:
        """Seen, and every step of the way passed the check."""
        return self.seen & ~self.doubtful

    def take(self, which: Index | Mask | slice) -> Places:
        """The places of some of the pixels, by number, mask or span."""
        return Places(self.source[which], self.x[which], self.y[which], self.doubtful[which])

    def with_room_to_move(self) -> Places:
        """The same places; x and y may be written."""
        return replace(self, x=self.x.copy(), y=self.y.copy())

    @staticmethod
    def joined(parts: list[Places]) -> Places:
        """The places of several runs of pixels, one after the other."""
        fields = ("source", "x", "y", "doubtful")
        return Places(*(np.concatenate([getattr(part, name) for part in parts]) for name in fields))

    def spread(self, members: Mask) -> Places:
        """The same places among more pixels, of which they are the ``members``; the others are seen nowhere."""
        wide = nowhere(len(members))
        wide.source[members], wide.x[members], wide.y[members] = self.source, self.x, self.y
        wide.doubtful[members] = self.doubtful
        return wide


Check = Callable[[Places, Mask, int, int], Places]
"""Given the places of the pixels near (h, w) one frame's hole, the pair they follow and the frame it leads to: the same
places, those doubtful that arrive there at something else (``landings.py``)."""


def past_places(
    forward: Flows,
    backward: Flows,
    holes: Mask,
    ground: Ground | None = None,
    before: Places | None = None,
    check: Check | None = None,
) -> Places:
    """The last earlier frame that shows what is behind each hole pixel; hole pixels by frame, row, column.

    forward, backward: t-1 flows (h, w, 2), good inside the holes (t, h, w) too. ground: of the holes, if it is at hand.
    before: the places of the pixels near the first frame's hole, carried here; None: nothing is known of what was before.
    check: of what ways arrive at (``landings.py``).
    """
    return _swept(range(len(holes)), backward, forward, ground or Ground(holes), before, check)


def future_places(
    forward: Flows,
    backward: Flows,
    holes: Mask,
    ground: Ground | None = None,
    after: Places | None = None,
    check: Check | None = None,
) -> Places:
    """The first later frame that shows what is behind each hole pixel, in the same order. after: as ``before``, of the
    pixels near the last frame's hole."""
    return _swept(range(len(holes) - 1, -1, -1), forward, backward, ground or Ground(holes), after, check)


def _swept(order: range, flow: Flows, back: Flows, ground: Ground, known: Places | None, check: Check | None) -> Places:
    """Of the hole pixels, by frame, row, column."""
    parts: list[Places] = [nowhere(0)] * len(ground.holes)
    for i, near, places in sweep(order, flow, back, ground, known, check):
        parts[i] = places.take(ground.holes[i][near])
    return Places.joined(parts)


def sweep(
    order: range, flow: Flows, back: Flows, ground: Ground, begun: Places | None, check: Check | None = None
) -> Iterator[tuple[int, Mask, Places]]:
    """Frame by frame, the pixels near its hole and their places, each from those of the frame before it in ``order``, the
    one its flow leads to. begun: of the first frame in that order; None: they are seen nowhere.
    """
    holes = ground.holes
    known = nowhere(0)
    swept: dict[int, tuple[Mask, Places]] = {}
    for i in order:
        near = near_hole(holes[i])
        if i == order[0]:
            known = nowhere(int(near.sum())) if begun is None else begun
        else:
            pair, before = (i if order.step < 0 else i - 1), i - order.step
            landed = _step(flow[pair], back[pair], near, ground.of(before), known, before)
            known = _out_of_holes(landed if check is None else check(landed, near, pair, before), ground, swept)
        swept[i] = near, known
        yield i, near, known


def settled(places: Places, ground: Ground) -> Places:
    """The same places; those in frames elsewhere in the shot are seen nowhere if not even a shrunk kernel finds plate there.

    Where to go on from such a frame is not known here: its chunk is another. Places next to each other were good when they
    were carried, so few are lost.
    """
    elsewhere = np.flatnonzero(places.seen & ((places.source < 0) | (places.source >= len(ground.holes))))
    lost = elsewhere[~ground.is_usable(places.source[elsewhere], places.x[elsewhere], places.y[elsewhere])]
    source = places.source.copy()
    source[lost] = NOWHERE
    return replace(places, source=source)


def _out_of_holes(places: Places, ground: Ground, swept: dict[int, tuple[Mask, Places]]) -> Places:
    """The same places, but those whose nearest pixel lies under the hole of the frame they name go on from there.

    Which frame a pixel leads to is decided by the nearest pixel at every step, so a place may slip past the edge of what
    that frame shows. Where the way leads nowhere else a pixel is seen nowhere. Frames elsewhere in the shot are left to
    ``settled``. swept: the pixels near each earlier frame's hole, and their places.
    """
    source, doubtful, (height, width) = places.source.copy(), places.doubtful.copy(), ground.holes.shape[1:]
    x, y = places.x.copy(), places.y.copy()
    under = _under(ground, np.arange(len(source)), source, x, y)
    for _ in range(_MOST_STEPS_ON):
        if not len(under):
            break
        for frame, chosen in by_source(source[under]):
            some = under[chosen]
            near, known = swept[frame]
            onward = carried(Taps.at(x[some], y[some], height, width), numbered(near), known)
            source[some] = onward.source
            x[some] = (x[some] + onward.x).clip(0, width - 1)
            y[some] = (y[some] + onward.y).clip(0, height - 1)
            doubtful[some] |= onward.doubtful
        under = _under(ground, under, source, x, y)
    source[under] = NOWHERE
    return Places(source, x, y, doubtful)


def _under(ground: Ground, which: Index, source: npt.NDArray[np.int32], x: Field, y: Field) -> Index:
    """Those of some places that lie under the hole of the frame they name, if it is one of those at hand."""
    at_hand = which[(source[which] >= 0) & (source[which] < len(ground.holes))]
    return at_hand[~ground.is_usable(source[at_hand], x[at_hand], y[at_hand])]


def near_hole(hole: Mask) -> Mask:
    """The hole and the pixels whose kernels may touch it: a way that lands among them may still go on."""
    size = 2 * REACH + 1
    return cv2.dilate(hole.astype(np.uint8), np.ones((size, size), np.uint8)) > 0


def nowhere(count: int) -> Places:
    """Places of pixels that no frame shows."""
    x, y = np.zeros((2, count), np.float32)
    return Places(np.full(count, NOWHERE, np.int32), x, y, np.zeros(count, np.bool_))


def _step(flow: FlowImage, back: FlowImage, near: Mask, ground: FrameGround, known: Places, following: int) -> Places:
    """Places of the pixels near one frame's hole, from those of the following frame (in either direction of time).

    ground: of the following frame. A pixel that lands where the nearest pixel is plate is seen there. Any other goes on
    where the pixels around its landing lead.
    """
    ys, xs = np.nonzero(near)
    height, width = near.shape
    moved = flow[ys, xs]
    x, y = xs + moved[:, 0], ys + moved[:, 1]
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    x, y = np.where(inside, x, 0).astype(np.float32), np.where(inside, y, 0).astype(np.float32)
    taps = Taps.at(x, y, height, width)
    onward = carried(taps, numbered(near_hole(ground.hole)), known)
    here = ground.is_usable(x, y)
    on = ~here & onward.seen
    doubtful = ~consistent(moved, np.einsum("kn,knc->nc", taps.weight, back[taps.row, taps.column]))
    return Places(
        np.where(inside & here, following, np.where(inside & on, onward.source, NOWHERE)).astype(np.int32),
        np.where(on, x + onward.x, x).astype(np.float32).clip(0, width - 1),
        np.where(on, y + onward.y, y).astype(np.float32).clip(0, height - 1),
        doubtful | (on & onward.doubtful),
    )


@dataclass(frozen=True)
class Taps:
    """The four pixels around n points: flat index and bilinear weight (4, n), and offset of the pixel from the point."""

    index: Index
    weight: Field
    column: Index
    row: Index
    width: int
    """Of the image."""

    @classmethod
    def at(cls, x: Field, y: Field, height: int, width: int) -> Taps:
        """Of points within an image."""
        left = np.minimum(x.astype(np.intp), max(width - 2, 0))
        top = np.minimum(y.astype(np.intp), max(height - 2, 0))
        column = np.minimum(np.stack([left, left + 1, left, left + 1]), width - 1)
        row = np.minimum(np.stack([top, top, top + 1, top + 1]), height - 1)
        a, b = x - left, y - top
        weight = np.stack([(1 - a) * (1 - b), a * (1 - b), (1 - a) * b, a * b]).astype(np.float32)
        return cls(row * width + column, weight, column, row, width)


def numbered(hole: Mask) -> Index:
    """Flat image of each hole pixel's number in reading order, -1 outside the hole."""
    number = np.full(hole.size, -1, np.intp)
    inside = np.flatnonzero(hole)
    number[inside] = np.arange(len(inside))
    return number


def carried(taps: Taps, number: Index, known: Places) -> Places:
    """Where the pixels around n points lead, as a displacement from the point.

    The nearest pixel decides whether they lead anywhere, and to which frame; the others only add to the fraction of a
    pixel. (Were any of the four enough, places would creep one pixel a step into what is never seen.)
    """
    if not len(known.source):
        return nowhere(taps.index.shape[1])
    member = number[taps.index]
    source = np.where(member >= 0, known.source[member], NOWHERE)
    nearest = taps.weight.argmax(0)
    point = np.arange(len(nearest))
    leading, along = source[nearest, point], member[nearest, point]
    alike = (source == leading).all(0)
    x = (taps.weight * (known.x[member] - taps.column)).sum(0)
    y = (taps.weight * (known.y[member] - taps.row)).sum(0)
    torn = np.flatnonzero(~alike & (leading != NOWHERE))
    if len(torn):
        x[torn], y[torn] = _continued(taps, number, known, torn, nearest[torn])
    doubtful = known.doubtful[along] & (along >= 0)
    return Places(leading, x.astype(np.float32), y.astype(np.float32), doubtful)


def _continued(taps: Taps, number: Index, known: Places, torn: Index, nearest: Index) -> tuple[Field, Field]:
    """Displacement at points whose four pixels lead to several frames: the nearest pixel's, continued along its slopes.

    The slopes are taken to those neighbours that lead to the same frame, on the near side or else on the far one. Without
    them a zoom is off by a little at every step, and a chain gathers it.
    """
    index, weight = taps.index[nearest, torn], taps.weight[:, torn]
    column, row = taps.column[nearest, torn], taps.row[nearest, torn]
    aside = weight[1] + weight[3], weight[2] + weight[3]  # from the left and upper pixel of the four
    offsets = aside[0] - (nearest & 1), aside[1] - (nearest >> 1)
    here = number[index]
    x, y = known.x[here] - column, known.y[here] - row
    to_x, to_y = x.copy(), y.copy()
    height = len(number) // taps.width
    for axis, offset in enumerate(offsets):
        found = np.zeros(len(torn), np.bool_)
        for side in (1, -1):
            step = np.where(offset >= 0, side, -side)
            at = (column if axis == 0 else row) + step
            within = (at >= 0) & (at < (taps.width if axis == 0 else height))
            other = number[np.where(within, index + step * (1 if axis == 0 else taps.width), index)]
            usable = ~found & within & (other >= 0)
            usable &= known.source[other] == known.source[here]
            slope_x = (known.x[other] - known.x[here]) * step - (axis == 0)
            slope_y = (known.y[other] - known.y[here]) * step - (axis == 1)
            usable &= np.maximum(np.abs(slope_x), np.abs(slope_y)) < _STEEPEST
            to_x += np.where(usable, slope_x * offset, np.float32(0))
            to_y += np.where(usable, slope_y * offset, np.float32(0))
            found |= usable
    return to_x.astype(np.float32), to_y.astype(np.float32)


def consistent(flow: Field, back: Field) -> Mask:
    """The forward-backward check (spec, section 4): |F + B|^2 < 0.01 (|F|^2 + |B|^2) + 0.5."""
    miss = ((flow + back) ** 2).sum(-1)
    consistent: Mask = miss < 0.01 * ((flow**2).sum(-1) + (back**2).sum(-1)) + 0.5
    return consistent
