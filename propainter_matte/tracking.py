"""The matte of every frame from those of key frames: along flow, drawn anew at each frame, both ways between keys.

Here: ``track``, a generator, and ``Track``, what it leaves; ``track_span``, one span of it. Not here: the cues of one frame
(``cues.py``), which frames to look at (``doubt.py``), a key frame's matte (``selecting.py``), soft edges (``edges.py``).

A span lies between two neighbouring keys, or between one and an end of the footage. Nothing outside a span enters it, so a
key that is added or changed has only the spans it ends tracked again; all others are taken from the track before.

A walk adds up small errors from frame to frame. So beside its neighbour each frame looks straight at the key the walk began
at, too (``cues.KeyView``).

Drift is found by going there and back. Between two keys each frame is reached from both sides; beyond the last key, every
few frames the way back is gone again. Where the two mattes of a frame differ, one of them is wrong.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import cv2
import numpy as np

from propainter_matte.arrays import Field, depth_in, overlap
from propainter_matte.colours import Remembered
from propainter_matte.cues import BEFORE, Cues, KeyView, cues_of, remember
from propainter_matte.cutting import cut
from propainter_matte.footage import Footage
from propainter_matte.refinding import Whereabouts
from propainter_matte.weighing import GENERAL, learn

_REACH = 40.0
"""Pixels around the carried matte beyond which nothing joins the object."""
_OUT_OF_REACH = -6.0
_NEAR, _FAR = 4.0, 0.1
"""Each pixel further off the carried edge than the first lowers the odds by the second."""
_SHARE = 0.5
"""How much odds count beside a short edge: more than where a frame is drawn, for they were learnt on the shot."""
_JOINED = 0.05
"""Share of a piece of the matte that must lie where the object was carried."""
_RETURN = 8
"""Frames after which the way back is gone."""
_TRIALS = (2, 5)
"""Frames away from a key from which it is reached again, to learn what cues are worth."""
_LOST = 0.05
"""How far a walk is believed, beside 1, that missed the key it went to."""
_SAMPLES = 1500
"""Pixels around the key's edge learnt from, a trial."""
_SAMPLED = 30.0
"""Pixels off the carried edge they lie within."""


@dataclass(frozen=True)
class Step:
    """A matte was found."""

    index: int
    done: int
    total: int
    """Of steps: some frames are reached twice."""


@dataclass(frozen=True)
class Span:
    """Frames ``first``..``last`` with keys at one or both ends."""

    first: int
    last: int
    begins: bool
    """Whether ``first`` is a key."""
    ends: bool
    """Whether ``last`` is a key."""


@dataclass(frozen=True)
class Track:
    """Mattes of all frames, and how far each is to be believed."""

    keys: Mapping[int, Field]
    mattes: Mapping[int, Field]
    """[h, w] in [0, 1] at the working size; a key's is the key itself."""
    drift: Mapping[int, float] = field(default_factory=dict)
    """How far the two mattes of a frame differ, 0 to 1; a key's, how far it differs from what comes from other keys."""


def spans_of(keys: Mapping[int, Field], count: int) -> list[Span]:
    """The spans of ``count`` frames; a key at an end makes none beyond it. Raises ValueError without a key."""
    if not keys:
        raise ValueError("no key frame; draw on one frame at least")
    places = sorted(keys)
    if places[0] < 0 or places[-1] >= count:
        raise ValueError(f"key frames {places[0]}..{places[-1]} do not lie within 0..{count - 1}")
    spans = [Span(0, places[0], False, True)] if places[0] > 0 else []
    spans += [Span(a, b, True, True) for a, b in pairwise(places) if b > a + 1]
    return [*spans, Span(places[-1], count - 1, True, False)] if places[-1] < count - 1 else spans


def track(footage: Footage, keys: Mapping[int, Field], *, known: Track | None = None) -> Generator[Step, None, Track]:
    """The mattes of all frames. Stop asking, and it stops.

    keys: mattes [h, w] in [0, 1] at the working size by frame; they are kept as they are. known: what was tracked before;
    its spans are taken over where the keys at their ends have not changed.
    """
    spans = spans_of(keys, footage.count)
    fresh = [span for span in spans if not _is_known(span, keys, known, footage.count)]
    total, done = sum(steps_in(span) for span in fresh), 0
    mattes: dict[int, Field] = {}
    drift: dict[int, float] = {}
    for span in spans:
        if span not in fresh:
            assert known is not None
            inside = range(span.first, span.last + 1)
            mattes.update({i: known.mattes[i] for i in inside})
            drift.update({i: max(known.drift[i], drift.get(i, 0.0)) for i in inside})
            continue
        for index in track_span(footage, keys, span, mattes, drift):
            done += 1
            yield Step(index, min(done, total), total)
    mattes.update(keys)
    for key in keys:
        drift.setdefault(key, 0.0)
    return Track(dict(keys), mattes, drift)


def finish(work: Generator[Step, None, Track]) -> Track:
    """Go through with it."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            found: Track = end.value
            return found


def _is_known(span: Span, keys: Mapping[int, Field], known: Track | None, count: int) -> bool:
    if known is None or span not in spans_of(known.keys, count):
        return False
    ends = [span.first] * span.begins + [span.last] * span.ends
    return all(np.array_equal(keys[i], known.keys[i]) for i in ends)


def steps_in(span: Span) -> int:
    """How many steps tracking a span takes."""
    trials = sum(2 * trial - 1 for trial in _TRIALS if trial <= span.last - span.first)
    walks = 2 if span.begins and span.ends else 1
    return walks * trials + 2 * (span.last - span.first)  # one walk there, one back, whichever way it is


def track_span(
    footage: Footage, keys: Mapping[int, Field], span: Span, mattes: dict[int, Field], drift: dict[int, float]
) -> Iterator[int]:
    """Fill in the mattes and the drift of one span, yielding the frame of every step.

    A matte that is filled in is final: with one key they come one by one, the drift follows; between two keys all at last.
    """
    ends = {i: keys[i] for i in [span.first] * span.begins + [span.last] * span.ends}
    if span.begins and span.ends:
        yield from _track_between(footage, ends, span, mattes, drift)
        return
    start, stop = (span.first, span.last) if span.begins else (span.last, span.first)
    walk = _Walk(footage, ends)
    yield from walk.learn_at(start, stop)
    mattes[start] = ends[start]
    yield from walk.go({start: ends[start]}, start, stop, into=mattes)
    drift.setdefault(start, 0.0)
    yield from _returned(walk, mattes, drift, start, stop)


def _returned(walk: _Walk, mattes: dict[int, Field], drift: dict[int, float], start: int, stop: int) -> Iterator[int]:
    """Drift of a span with one key: the ways back, each added to those before it; what was lost stays lost."""
    way = 1 if stop > start else -1
    kept = 1.0
    for begin in range(start, stop, way * _RETURN):
        end = min(begin + _RETURN, stop) if way > 0 else max(begin - _RETURN, stop)
        back = yield from walk.go({end: mattes[end]}, end, begin)
        worst = min(overlap(mattes[begin], back[begin].matte), kept_size(mattes[begin], mattes[end]))
        for i in range(begin + way, end + way, way):
            share = abs(i - begin) / abs(end - begin)
            drift[i] = 1 - kept * worst**share * overlap(mattes[i], back[i].matte if i in back else mattes[i]) ** 0.5
        kept *= worst


def kept_size(first: Field, second: Field) -> float:
    """1 for mattes of much the same size, less where one has burst or collapsed to less than half of the other."""
    sizes = sorted(float((matte > 0.5).sum()) for matte in (first, second))
    return 1.0 if sizes[1] == 0 else min(1.0, 2 * (sizes[0] + 1) / (sizes[1] + 1))


def share_of_back(way: float, found_on: float, found_back: float) -> float:
    """How much the walk from the later key counts, 0 to 1, in a frame some way (0 to 1) from the earlier one.

    found_on, found_back: overlap with the other key where the walks arrive. One that lost the object counts less.
    """
    on, back = (1 - way) * (found_on + _LOST), way * (found_back + _LOST)
    return back / (on + back)


def _track_between(
    footage: Footage, ends: Mapping[int, Field], span: Span, mattes: dict[int, Field], drift: dict[int, float]
) -> Iterator[int]:
    walks = []
    for start, stop in ((span.first, span.last), (span.last, span.first)):
        walk = _Walk(footage, ends)
        yield from walk.learn_at(start, stop)
        walks.append((yield from walk.go({start: ends[start]}, start, stop)))
    onward, back = walks
    found_on = overlap(onward[span.last].matte, ends[span.last])
    found_back = overlap(back[span.first].matte, ends[span.first])
    for i in range(span.first + 1, span.last):
        share = share_of_back((i - span.first) / (span.last - span.first), found_on, found_back)
        if onward[i].lost != back[i].lost:  # what one walk still sees, the other cannot know to be nothing
            share = float(onward[i].lost)
        odds = (1 - share) * onward[i].odds.astype(np.float32) + share * back[i].odds.astype(np.float32)
        mattes[i] = cut(odds, footage.lab(i), share=_SHARE * footage.coarseness)
        drift[i] = 1 - overlap(onward[i].matte, back[i].matte)
    for i, walked in ((span.first, back), (span.last, onward)):
        mattes[i], drift[i] = ends[i], max(drift.get(i, 0.0), 1 - overlap(walked[i].matte, ends[i]))


def _joined(matte: Field, warped: Field) -> Field:
    """The matte without pieces that lie where the object was not: something like it stands beside."""
    count, labels = cv2.connectedComponents((matte > 0.5).astype(np.uint8))
    if count <= 2:
        return matte
    sizes = np.bincount(labels.ravel(), minlength=count)
    shared = np.bincount(labels[warped > 0.5], minlength=count)
    alone = shared < _JOINED * sizes
    alone[0] = False
    kept: Field = np.where(alone[labels], np.float32(0), matte)
    return kept


@dataclass(frozen=True)
class _Found:
    """A frame's matte and the odds it was drawn from."""

    matte: Field
    odds: np.ndarray
    """float16 [h, w]"""
    lost: bool = False
    """Whether the walk has lost the object here: it is hidden, or has not been found again."""


class _Walk:
    """Going from frame to frame of one span under one set of weights."""

    def __init__(self, footage: Footage, ends: Mapping[int, Field]) -> None:
        self._footage = footage
        self._keys = sorted(ends.items())
        self._weights = GENERAL
        self._samples: list[tuple[Field, np.ndarray]] = []

    def go(
        self,
        found: Mapping[int, Field],
        start: int,
        stop: int,
        *,
        sample: int | None = None,
        into: dict[int, Field] | None = None,
    ) -> Generator[int, None, dict[int, _Found]]:
        """From a frame whose matte is given to another; the given frame is among what comes back.

        sample: a key that is reached: its pixels are kept to learn from. into: takes each matte as soon as it is there; the
        odds, which nobody asks for then, are not kept.
        """
        footage, way = self._footage, 1 if stop > start else -1
        mattes = dict(found)
        results = {i: _Found(m, (20 * (2 * m - 1)).astype(np.float16)) for i, m in found.items()}
        remembered: list[Remembered] = []
        view = KeyView(footage, start, found[start])
        whereabouts = Whereabouts(footage, start, found[start])
        for here in range(start, stop, way):
            index = here + way
            remembered = remember(footage, remembered, here, index, mattes[here])
            cues = cues_of(
                footage,
                index,
                here,
                mattes=mattes,
                keys=self._keys,
                remembered=remembered,
                from_key=view.seen_from(index),
            )
            if index == sample:
                self._keep_samples(index, cues.values, depth_in(cues.warped))
                break
            odds, mattes[index] = self._drawn(index, cues)
            lost = whereabouts.note(index, mattes[index])
            if lost and (again := whereabouts.sought(index)) is not None:
                seen = [Remembered(again.index, again.matte, again.x, again.y, lasts=True)]
                cues = cues_of(footage, index, here, mattes=mattes, keys=self._keys, remembered=seen, again=again)
                redrawn = self._drawn(index, cues)
                lost = whereabouts.note(index, redrawn[1])
                if not lost:
                    odds, mattes[index] = redrawn
                    remembered = seen
            if into is None:
                results[index] = _Found(mattes[index], odds.astype(np.float16), lost)
            else:
                into[index] = mattes[index]
            mattes.pop(index - way * (BEFORE[-1] + 1), None)
            yield index
        return results

    def _drawn(self, index: int, cues: Cues) -> tuple[Field, Field]:
        """The odds of a frame and the matte drawn from them, within reach of what was carried there."""
        footage, depth = self._footage, depth_in(cues.warped)
        odds = self._weights.odds(cues.values)
        odds -= _FAR * np.maximum(-depth / footage.unit - _NEAR, 0)
        odds[depth < -_REACH * footage.unit] = _OUT_OF_REACH
        return odds, _joined(cut(odds, footage.lab(index), share=_SHARE * footage.coarseness), cues.warped * cues.seen)

    def learn_at(self, key: int, stop: int) -> Iterator[int]:
        """Learn what cues are worth: some frames from a key towards ``stop``, and back to it."""
        truth = dict(self._keys)[key]
        way = 1 if stop > key else -1
        for trial in _TRIALS:
            if abs(stop - key) >= trial:
                turn = key + way * trial
                there = yield from self.go({key: truth}, key, turn)
                yield from self.go({turn: there[turn].matte}, turn, key, sample=key)
        self._weights = learn(self._samples)
        self._footage.forget_motion()

    def _keep_samples(self, key: int, cues: Field, depth: Field) -> None:
        near = np.flatnonzero(np.abs(depth) < _SAMPLED * self._footage.unit)
        if len(near):
            chosen = np.random.default_rng(key).choice(near, _SAMPLES)
            owned = dict(self._keys)[key].ravel()[chosen] > 0.5
            self._samples.append((cues.reshape(-1, cues.shape[-1])[chosen], owned))
