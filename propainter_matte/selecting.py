"""One frame's matte from what is drawn on it: box, strokes, polygon, over nothing or over a matte that is there.

Here: ``select``. Not here: what marks are (``marks.py``), what the frame's surroundings say (``standing.py``), other frames
(``tracking.py``), soft edges (``edges.py``).

A box says: nothing outside, and the object reaches its sides. What is inside is told apart in rounds, as GrabCut does
(Rother et al., 2004), at half the size, and once more at the whole: by the colours of what is taken for the object and of
what is not, near and far. Beside them counts
what moves unlike the camera, and what other frames show to be background. An object that does not reach its box's sides has
its shadow added where that does (``spanning.py``); else more is taken.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from propainter_matte.arrays import Field, Mask, depth_in, square
from propainter_matte.barrier import barrier
from propainter_matte.colours import Remembered, far_colour, near_colour, own_colours
from propainter_matte.cues import moving_cues
from propainter_matte.cutting import ODDS_SHARE, cut
from propainter_matte.footage import Footage
from propainter_matte.marks import Marks, inside_boxes, inside_polygons, under_strokes
from propainter_matte.spanning import cast_in_box
from propainter_matte.standing import stirs, uncovered_anywhere

_ROUNDS = 5
_LEANS = 3
"""Times that rounds are gone through, leaning more to the object each time, while it does not span its box."""
_SMALLEST = 64
"""Pixels a side from which on rounds are made at half the size, and one more at the whole."""
_SURE = 20.0
"""Log odds of what is drawn."""
_BAND = 4.0
"""Pixels beside a polygon's outline within which the picture's own edge is sought."""
_BESIDE = 24.0
"""Pixels around strokes that a matte which is there is drawn anew in."""
_COUNTS = {"place": 0.8, "own": 1.0, "shut": 0.4, "others": 0.8, "flow": 2.6, "found": 1.9, "near": 1.0, "far": 1.5}
"""Log odds that each cue adds at 1; cues tell more together than any alone."""
_LEAN = -0.5
_SURELY_MOVES = 3.0
"""Log odds by motion alone from which on other frames should confirm it."""
_LEAST_MOVES = 0.01
"""Share of a box that must surely move before that is asked."""
_RARE = 0.05
"""Share below which nothing is taken to be rarer, and above which from 1 nothing to be commoner."""
_LOOSE = 0.6
"""The same below which the box was not drawn loosely, but around more than the object: its shadow is looked for."""
_BLURS = 6.0
"""Pixels at 432x240 beside an edge within which flow mixes both sides."""
_RING = 24.0
"""Pixels around the object where colours of the background are asked."""
_TOLD = 0.9, 1.0
"""Share of pixels that colours tell right beyond chance: from the first on they are believed more than motion at the edge,
from the second on as far as may be."""
_LEAST_HEARD = 0.2
"""What motion counts at the very edge then."""
_REACHED = 0.75
"""Share of a box's sides that its object spans; with less, more is taken."""


def select(footage: Footage, index: int, marks: Marks, *, start: Field | None = None) -> Field:
    """The matte [h, w] in [0, 1] of a frame, at the working size, where marks are given too.

    start: a matte that is there already, which strokes correct around them. Raises ValueError where nothing says what is
    to be removed.
    """
    if start is None and not marks.names_object:
        raise ValueError("nothing says what to remove; draw a box, a polygon or a stroke that removes")
    if start is not None and not (marks.boxes or marks.polygons):
        removes, keeps = under_strokes(marks, footage.height, footage.width)
        return _corrected(footage, index, start, removes, keeps)
    if (
        len(each := marks.objects_apart()) > 1
    ):  # one may move and another stand: what tells of one says nothing of another
        found: Field = np.maximum.reduce([select(footage, index, alone) for alone in each])
        return found
    if min(footage.height, footage.width) < _SMALLEST:
        return _drawn_in_rounds(footage, index, marks).matte
    held = _held_by(marks, footage)
    around = _around(held, footage)
    others = _uncovered_odds(footage, index, held, around)
    half = footage.halved()
    small = marks.scaled(half.width / footage.width, half.height / footage.height)
    there = cv2.resize(others, (half.width, half.height), interpolation=cv2.INTER_AREA)
    coarse = _drawn_in_rounds(half, index, small, others=there)
    size = footage.width, footage.height
    matte, first = (cv2.resize(each, size, interpolation=cv2.INTER_LINEAR) for each in (coarse.matte, coarse.first))
    scene = _Scene(footage, index, held, around)
    if coarse.cast is not None:
        scene = replace(scene, cast=cv2.resize(coarse.cast, size, interpolation=cv2.INTER_LINEAR))
    return scene.drawn(held.onto(matte), first + others + np.float32(coarse.lean), with_colours=True)


@dataclass(frozen=True)
class _Drawn:
    """What rounds ended in."""

    matte: Field
    first: Field
    """Log odds before anything is taken for the object."""
    lean: float
    """Log odds added everywhere for the object to span its box."""
    cast: Field | None = None
    """Log odds of its shadow, where it spans its box with that."""


@dataclass(frozen=True)
class _Scene:
    """One frame with what marks leave open in it."""

    footage: Footage
    index: int
    held: _Held
    around: Field
    """What counts as background."""
    cast: Field | None = None
    """Log odds of the object's shadow, where it belongs to it; elsewhere 0."""

    def drawn(self, matte: Field, odds: Field, *, with_colours: bool) -> Field:
        """The matte anew from one that is there: its motion and, if wanted, its colours tell."""
        motion = _motion_odds(self.footage, self.index, matte)
        if with_colours:
            colours = _colour_odds(self.footage, self.index, matte, self.around)
            odds = odds + colours
            if self.footage.coarseness == 1:  # in rounds the edge is not there yet
                motion = motion * self._heard_at_edge(matte, colours)
        odds = odds + motion
        if self.cast is not None:  # it lies on ground, moves with that and has its colours: they say nothing
            odds = np.where(self.cast > 0, np.maximum(odds, self.cast), odds)
        share = ODDS_SHARE * self.footage.coarseness  # beside an edge a large pixel counts more
        return self.held.onto(cut(self.held.over(odds), self.footage.lab(self.index), share=share))

    def _heard_at_edge(self, matte: Field, colours: Field) -> Field:
        """How much motion counts [h, w]: less beside the matte's edge, as far as colours tell its inside from around.

        Flow reaches over an object's edge by some pixels. Where colours tell, they know the edge better.
        """
        depth = depth_in(matte) / np.float32(self.footage.unit)
        inside = depth > _BLURS
        outside = self.held.may & (depth < -_BLURS) & (depth > -_RING)
        if not inside.any() or not outside.any():
            return np.ones_like(matte)
        told = float((colours[inside] > 0).mean() + (colours[outside] < 0).mean()) - 1
        share = np.clip((told - _TOLD[0]) / (_TOLD[1] - _TOLD[0]), 0, 1)
        heard: Field = 1 - np.float32(share) * (1 - np.clip(np.abs(depth) / _BLURS, _LEAST_HEARD, 1))
        return heard

    def without_ground(self, matte: Field, others: Field) -> Field:
        """The matte without pieces that other frames show to be ground and that do not move as its surest piece does.

        others: what other frames say, as log odds.
        """
        count, labels = cv2.connectedComponents((matte > 0.5).astype(np.uint8))
        if count <= 2 or not (others < 0).any():
            return matte
        said = np.bincount(labels.ravel(), others.ravel(), count)
        surest = 1 + int(np.argmax(said[1:]))
        if said[surest] <= 0:
            return matte
        moves = _motion_odds(self.footage, self.index, (labels == surest).astype(np.float32))
        ground = (said < 0) & (np.bincount(labels.ravel(), moves.ravel(), count) < 0)
        ground[0] = False
        kept: Field = np.where(ground[labels], np.float32(0), matte)
        return self.held.onto(kept)


def _drawn_in_rounds(footage: Footage, index: int, marks: Marks, *, others: Field | None = None) -> _Drawn:
    """others: what other frames say, as log odds, where it is known."""
    held = _held_by(marks, footage)
    scene = _Scene(footage, index, held, _around(held, footage))
    first = _first_odds(footage, index, held, scene.around)
    if others is None:
        others = _uncovered_odds(footage, index, held, scene.around)
    lean, matte = 0.0, held.first
    for _ in range(_LEANS):
        matte = held.first
        for turn in range(_ROUNDS):
            odds = first + others + np.float32(lean)
            matte = scene.drawn(matte, odds, with_colours=turn > 0 or held.sides is None)
            matte = scene.without_ground(matte, others)
        if held.is_reached(matte):
            break
        if lean == 0 and not held.is_reached(_largest(matte), _LOOSE):
            around = scene.around > 0
            cast = cast_in_box(footage, index, matte, held.may, around=around, is_reached=held.is_reached)
            if cast is not None:
                matte = replace(scene, cast=cast).drawn(matte, first + others, with_colours=True)
                return _Drawn(matte, first, lean, cast)
        lean += 1.0
    return _Drawn(matte, first, lean)


def _largest(matte: Field) -> Field:
    """The largest piece of a matte alone."""
    _, labels = cv2.connectedComponents((matte > 0.5).astype(np.uint8))
    sizes = np.bincount(labels.ravel())[1:]
    piece: Field = (labels == 1 + int(np.argmax(sizes))).astype(np.float32) if len(sizes) else matte
    return piece


@dataclass(frozen=True)
class _Held:
    """What marks leave open."""

    may: Mask
    """Where the object may be."""
    sure: Mask
    """Where it is."""
    first: Field
    """What to begin with."""
    sides: tuple[int, int] | None = None
    """Height and width of the boxes together."""

    def over(self, odds: Field) -> Field:
        """Odds, sure where marks are."""
        held: Field = np.where(self.sure, np.float32(_SURE), np.where(self.may, odds, np.float32(-_SURE)))
        return held

    def onto(self, matte: Field) -> Field:
        """A matte held to what is sure."""
        held: Field = np.where(self.sure, np.float32(1), np.where(self.may, matte, np.float32(0)))
        return held

    def is_reached(self, matte: Field, share: float = _REACHED) -> bool:
        """Whether the object spans that share of its box's sides, as far as one was drawn."""
        if self.sides is None:
            return True
        rows, columns = (np.flatnonzero((matte > 0.5).any(axis)) for axis in (1, 0))
        spans = [(np.ptp(found) + 1 if len(found) else 0) for found in (rows, columns)]
        return all(span >= share * side for span, side in zip(spans, self.sides, strict=True))


def _held_by(marks: Marks, footage: Footage) -> _Held:
    height, width, unit = footage.height, footage.width, footage.unit
    removes, keeps = under_strokes(marks, height, width)
    boxes, polygons = inside_boxes(marks, height, width), inside_polygons(marks, height, width)
    sure, may = removes.copy(), boxes.copy()
    if polygons.any():
        depth = depth_in(polygons.astype(np.float32))
        sure |= depth > _BAND * unit
        may |= depth > -_BAND * unit
    if not boxes.any() and not polygons.any():
        may[:] = True
    may = (may | removes) & ~keeps
    sure &= ~keeps
    first = polygons.astype(np.float32)
    for box in marks.boxes:
        first = np.maximum(first, _dome(box.x, box.y, box.width, box.height, height, width))
    if not first.any():
        reach = cv2.dilate(removes.astype(np.uint8), square(12 * unit))
        first = reach.astype(np.float32)
    first = np.where(sure, 1, np.where(may, first, 0)).astype(np.float32)
    sides = None
    if boxes.any():
        rows, columns = (np.flatnonzero(boxes.any(axis)) for axis in (1, 0))
        sides = int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1
    return _Held(may, sure, first, sides)


def _dome(x: float, y: float, across: float, down: float, height: int, width: int) -> Field:
    """What a box says at first: sure at its middle, less towards its corners."""
    columns = (np.arange(width, dtype=np.float32) + 0.5 - x) / across * 2 - 1
    rows = ((np.arange(height, dtype=np.float32) + 0.5 - y) / down * 2 - 1)[:, None]
    off = np.sqrt(columns**2 + rows**2)
    dome: Field = np.where(np.maximum(np.abs(columns), np.abs(rows)) <= 1, np.clip(1.25 - 0.75 * off, 0.1, 1), 0)
    return dome.astype(np.float32)


def _around(held: _Held, footage: Footage) -> Field:
    """What counts as background: what surrounds where the object may be, as far again as that is wide."""
    if held.may.all() or not held.may.any():
        return np.ones(held.may.shape, np.float32)
    off = cv2.distanceTransform((~held.may).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    reach = max(16 * footage.unit, 0.5 * float(held.may.sum()) ** 0.5)
    ring: Field = (off <= reach).astype(np.float32)
    return ring


def _first_odds(footage: Footage, index: int, held: _Held, around: Field) -> Field:
    """What is known before anything is taken for the object: where it lies, what shuts it off, whose colours are its own."""
    odds = _COUNTS["place"] * (2 * held.first - 1)
    if held.sides is None:
        return odds.astype(np.float32)
    inside = held.may.astype(np.float32)
    own = 2 * own_colours(footage, index, inside, around) - 1
    return (odds + _COUNTS["own"] * own + _COUNTS["shut"] * _shut_off(footage, index, held.may) + _LEAN).astype(
        np.float32
    )


def _shut_off(footage: Footage, index: int, may: Mask) -> Field:
    """How surely a pixel cannot be walked to from outside, [-1, 1]."""
    rows, columns = (np.flatnonzero(may.any(axis)) for axis in (1, 0))
    window = slice(max(0, rows[0] - 2), rows[-1] + 3), slice(max(0, columns[0] - 2), columns[-1] + 3)
    smooth = cv2.GaussianBlur(footage.lab(index), (0, 0), max(0.5, 1.5 * footage.unit))
    found = np.zeros(may.shape, np.float32)
    if may[window].all():  # the object may be anywhere: there is no outside
        return found
    high = barrier(smooth[window], ~may[window])
    inside = high[may[window]]
    top = max(float(inside.max()), 1.0)
    middle, _ = cv2.threshold(
        (inside / top * 255).astype(np.uint8)[:, None], 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU
    )
    limit = max(middle / 255 * top, 1.0)
    found[window] = np.tanh(2 * (high - limit) / limit)
    return found


def _uncovered_odds(footage: Footage, index: int, held: _Held, around: Field) -> Field:
    """What other frames say: what differs from all of them is the object, what is found again in one is background.

    How far they are to be believed is measured: how much of what surely moves they find, and how much around the box,
    where there is nothing to find. An object that stays where it was is hardly found, and then its absence says nothing.
    """
    cue = uncovered_anywhere(footage, index, held.may)
    plain: Field = _COUNTS["others"] * cue
    outside = (around > 0) & ~held.may
    if held.sides is None or not outside.any():
        return plain
    moves = held.may & (_motion_odds(footage, index, held.first) > _SURELY_MOVES)
    moves = cv2.erode(moves.astype(np.uint8), square(6 * footage.unit)) > 0  # flow reaches over edges
    if moves.sum() < _LEAST_MOVES * held.may.sum():  # what lies at the box's middle may be ground
        moves = held.may.copy()
        for other in _neighbours(footage, index):
            moves &= stirs(footage, index, other, held.may)
        moves = cv2.erode(moves.astype(np.uint8), square(6 * footage.unit)) > 0
    if moves.sum() < _LEAST_MOVES * held.may.sum():
        return plain
    found, false = (float((cue[where] > 0.5).mean().clip(_RARE, 1 - _RARE)) for where in (moves, outside))
    if found <= false:
        return plain
    heard: Field = cue * np.float32(np.log(found / false)) + (1 - cue) * np.float32(np.log((1 - found) / (1 - false)))
    return heard


def _colour_odds(footage: Footage, index: int, matte: Field, around: Field) -> Field:
    y, x = np.mgrid[: footage.height, : footage.width].astype(np.float32)
    near = np.clip(near_colour(footage, index, [Remembered(index, matte, x, y)]) / 4, -1.5, 1.5)
    far = np.clip(far_colour(footage, index, [(index, matte)], around=around) / 4, -1.5, 1.5)
    odds: Field = _COUNTS["near"] * near + _COUNTS["far"] * far
    return odds


def _motion_odds(footage: Footage, index: int, matte: Field) -> Field:
    beside = _neighbours(footage, index)
    odds = np.zeros(matte.shape, np.float32)
    for other in beside:
        moving = moving_cues(footage, index, other, matte)
        odds += (_COUNTS["flow"] * moving.flow + _COUNTS["found"] * moving.found) * moving.apart / len(beside)
    return odds


def _neighbours(footage: Footage, index: int) -> list[int]:
    return [other for other in (index - 1, index + 1) if 0 <= other < footage.count]


def _corrected(footage: Footage, index: int, start: Field, removes: Mask, keeps: Mask) -> Field:
    """A matte drawn anew around strokes; elsewhere as it was."""
    drawn = removes | keeps
    if not drawn.any():
        return start
    off = cv2.distanceTransform((~drawn).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    may_change = off < _BESIDE * footage.unit
    asked = start.copy()
    asked[removes], asked[keeps] = 1, 0
    # What strokes cover weighs as much as all they may change: a short stroke on a new colour must tell.
    y, x = np.mgrid[: footage.height, : footage.width].astype(np.float32)
    weight = np.where(drawn, max(1.0, may_change.sum() / max(int(drawn.sum()), 1)), 1.0).astype(np.float32)
    near = near_colour(footage, index, [Remembered(index, asked, x, y, weight)])
    stays = np.clip(off / (_BESIDE * footage.unit), 0, 1)
    odds = near * (1 - stays) + (2 * asked - 1) * 6 * stays
    odds = np.where(removes, _SURE, np.where(keeps, -_SURE, np.where(may_change, odds, _SURE * (2 * start - 1))))
    matte = np.where(may_change, cut(odds.astype(np.float32), footage.lab(index)), start)
    matte[removes], matte[keeps] = 1, 0
    found: Field = matte.astype(np.float32)
    return found
