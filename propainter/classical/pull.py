"""Pulling known pixels into the hole: where each hole pixel was, or will be, seen - then one look at the plate there.

Here: correspondence along completed flow, both ways in time, and the colours it brings. Not here: the flow
(``alignment.py``), what nobody ever saw (``paint.py``).

The reference hands colours from frame to frame with nearest sampling (spec, section 5): detail wears off with every
step, and a chain ends at the first frame whose flow fails the check. Here places are handed on instead, to a fraction of
a pixel, and the plate is sampled once; a step that fails the check makes a place doubtful but does not lose it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from propainter.classical.harmonic import Field, Mask

_DOUBT = 1e-3
"""Weight of a doubtful place against a sound one: it counts only where nothing better is known."""
_REMAP_WIDTH = 1024
"""Places are handed to OpenCV in rows of this many; its images may not be wider than 32767."""


@dataclass(frozen=True)
class Places:
    """For n hole pixels, the place where the background behind each is seen."""

    source: npt.NDArray[np.int32]
    """Frame that shows it; -1: none does."""
    x: Field
    y: Field
    """Where in that frame, in pixels."""
    doubtful: Mask
    """A step of the way failed the forward-backward check."""


def pull_plate(frames: Field, holes: Mask, forward: Field, backward: Field) -> tuple[Field, Mask]:
    """Fill holes (t, h, w) of frames (t, h, w, 3) from other frames; returns the filled frames and what is still unseen.

    forward, backward: flows (t-1, h, w, 2), good inside the holes too. Pixels under a hole are never read. What is
    unseen is 0. Of the nearest past and future sight of a pixel each counts by the inverse of its distance in time.
    """
    t, y, x = np.nonzero(holes)
    sights = (_future_places(forward, backward, holes), _past_places(forward, backward, holes))
    total, weights = np.zeros((len(t), 3), np.float32), np.zeros(len(t), np.float32)
    plate = np.where(holes[..., None], np.float32(0), frames)
    for places in sights:
        weight = (
            (places.source >= 0) * np.where(places.doubtful, _DOUBT, 1.0) / np.maximum(np.abs(places.source - t), 1)
        )
        total += sample_plate(plate, holes, places) * weight[:, None].astype(np.float32)
        weights += weight.astype(np.float32)
    unseen = np.zeros_like(holes)
    unseen[t, y, x] = weights == 0
    plate[t, y, x] = total / np.maximum(weights, np.float32(1e-9))[:, None]
    return plate, unseen


def sample_plate(plate: Field, holes: Mask, places: Places) -> Field:
    """Colours (n, 3) of the plate (t, h, w, 3) at places, bicubic; near a hole its rim, extended, stands in."""
    colours = np.zeros((len(places.source), 3), np.float32)
    order = np.argsort(places.source, kind="stable")
    bounds = np.searchsorted(places.source[order], np.arange(len(plate) + 1))
    for source in np.flatnonzero(np.diff(bounds)):
        chosen = order[bounds[source] : bounds[source + 1]]
        colours[chosen] = _look_up(plate[source], holes[source], places.x[chosen], places.y[chosen])
    return colours


def _look_up(image: Field, hole: Mask, x: Field, y: Field) -> Field:
    padding = -len(x) % _REMAP_WIDTH
    at = [np.pad(c, (0, padding)).reshape(-1, _REMAP_WIDTH) for c in (x, y)]
    image = _extended(_extended(image, hole), _eroded(hole))
    found = cv2.remap(image, at[0], at[1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return cast(Field, found.reshape(-1, 3)[: len(x)])


def _extended(image: Field, hole: Mask) -> Field:
    """The image carried one pixel into the hole, each new pixel the mean of its known neighbours; 0 further in."""
    known = (~hole).astype(np.float32)
    around = cv2.boxFilter(image * known[..., None], -1, (3, 3), normalize=False, borderType=cv2.BORDER_CONSTANT)
    count = cv2.boxFilter(known, -1, (3, 3), normalize=False, borderType=cv2.BORDER_CONSTANT)
    return np.where(hole[..., None], around / np.maximum(count, 1)[..., None], image)


def _eroded(hole: Mask) -> Mask:
    return cv2.erode(hole.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0


def _future_places(forward: Field, backward: Field, holes: Mask) -> Places:
    """The first later frame that shows what is behind each hole pixel; hole pixels in order of frame, row, column."""
    return _swept(range(len(holes) - 1, -1, -1), forward, backward, holes)


def _past_places(forward: Field, backward: Field, holes: Mask) -> Places:
    """The last earlier frame that shows what is behind each hole pixel, in the same order."""
    return _swept(range(len(holes)), backward, forward, holes)


def _swept(order: range, flow: Field, back: Field, holes: Mask) -> Places:
    """Places frame by frame, each from those of the frame before it in ``order``, the one its flow leads to."""
    parts: list[Places] = [_nowhere(0)] * len(holes)
    known, hole = _nowhere(0), np.zeros_like(holes[0])
    for i in order:
        near = _near(holes[i])
        if i == order[0]:
            known = _nowhere(int(near.sum()))
        else:
            pair = i if order.step < 0 else i - 1
            known = _step(flow[pair], back[pair], near, hole, known, i - order.step)
        parts[i] = _chosen(known, holes[i][near])
        hole = holes[i]
    return _joined(parts)


def _near(hole: Mask) -> Mask:
    """The hole and the pixels touching it: a way that lands between the two may still go on."""
    return cv2.dilate(hole.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0


def _nowhere(count: int) -> Places:
    nil = np.zeros(count, np.float32)
    return Places(np.full(count, -1, np.int32), nil, nil, np.zeros(count, np.bool_))


def _chosen(places: Places, which: Mask) -> Places:
    return Places(places.source[which], places.x[which], places.y[which], places.doubtful[which])


def _joined(parts: list[Places]) -> Places:
    fields = ("source", "x", "y", "doubtful")
    return Places(*(np.concatenate([getattr(part, name) for part in parts]) for name in fields))


def _step(flow: Field, back: Field, near: Mask, next_hole: Mask, known: Places, following: int) -> Places:
    """Places of the pixels near one frame's hole, from those of the following frame (in either direction of time).

    A pixel that lands among four good pixels of the plate is seen there. Any other goes on where the pixels around its
    landing lead. If they lead nowhere, a good nearest pixel will do.
    """
    ys, xs = np.nonzero(near)
    height, width = near.shape
    moved = flow[ys, xs]
    x, y = xs + moved[:, 0], ys + moved[:, 1]
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    x, y = np.where(inside, x, 0).astype(np.float32), np.where(inside, y, 0).astype(np.float32)
    taps = _Taps.at(x, y, height, width)
    good = ~next_hole.reshape(-1)[taps.index]
    good_nearest = np.take_along_axis(good, taps.weight.argmax(0)[None], 0)[0]
    carried = _carried(taps, _numbered(_near(next_hole)), known)
    here = (good | (taps.weight == 0)).all(0) | (good_nearest & (carried.source < 0))
    on = ~here & (carried.source >= 0)
    doubtful = ~_consistent(moved, np.einsum("kn,knc->nc", taps.weight, back.reshape(-1, 2)[taps.index]))
    return Places(
        np.where(inside & here, following, np.where(inside & on, carried.source, -1)).astype(np.int32),
        np.where(on, x + carried.x, x).astype(np.float32).clip(0, width - 1),
        np.where(on, y + carried.y, y).astype(np.float32).clip(0, height - 1),
        doubtful | (on & carried.doubtful),
    )


@dataclass(frozen=True)
class _Taps:
    """The four pixels around n points: flat index and bilinear weight (4, n), and offset of the pixel from the point."""

    index: npt.NDArray[np.intp]
    weight: Field
    column: npt.NDArray[np.intp]
    row: npt.NDArray[np.intp]

    @classmethod
    def at(cls, x: Field, y: Field, height: int, width: int) -> _Taps:
        left = np.minimum(x.astype(np.intp), max(width - 2, 0))
        top = np.minimum(y.astype(np.intp), max(height - 2, 0))
        column = np.minimum(np.stack([left, left + 1, left, left + 1]), width - 1)
        row = np.minimum(np.stack([top, top, top + 1, top + 1]), height - 1)
        a, b = x - left, y - top
        weight = np.stack([(1 - a) * (1 - b), a * (1 - b), (1 - a) * b, a * b]).astype(np.float32)
        return cls(row * width + column, weight, column, row)


def _numbered(hole: Mask) -> npt.NDArray[np.intp]:
    """Flat image of each hole pixel's number in reading order, -1 outside the hole."""
    number = np.full(hole.size, -1, np.intp)
    inside = np.flatnonzero(hole)
    number[inside] = np.arange(len(inside))
    return number


def _carried(taps: _Taps, number: npt.NDArray[np.intp], known: Places) -> Places:
    """Where the pixels around n points lead, as a displacement from the point.

    The nearest pixel decides whether they lead anywhere, and to which frame; the others only add to the fraction of a
    pixel. (Were any of the four enough, places would creep one pixel a step into what is never seen.)
    """
    if not len(known.source):
        return _nowhere(taps.index.shape[1])
    member = number[taps.index]
    source = np.where(member >= 0, known.source[member], -1)
    nearest = taps.weight.argmax(0)[None]
    leading = np.take_along_axis(source, nearest, 0)[0]
    share = np.where(source == leading, taps.weight, np.float32(0))
    share = share / share.sum(0)
    along = np.take_along_axis(member, nearest, 0)[0]
    return Places(
        leading,
        (share * (known.x[member] - taps.column)).sum(0),
        (share * (known.y[member] - taps.row)).sum(0),
        known.doubtful[along] & (along >= 0),
    )


def _consistent(flow: Field, back: Field) -> Mask:
    """The forward-backward check (spec, section 4): |F + B|^2 < 0.01 (|F|^2 + |B|^2) + 0.5."""
    miss = ((flow + back) ** 2).sum(-1)
    consistent: Mask = miss < 0.01 * ((flow**2).sum(-1) + (back**2).sum(-1)) + 0.5
    return consistent
