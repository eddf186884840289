"""Carrying what was found in a key frame to the other frames: both ends, the pixel and its source.

Here: how the background moves (``Motion``), which pixel of the key every unseen pixel is (``carry_origins``), where the
key's sources went (``follow_sources``). Not here: finding them (``search.py``), colours (``painter.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, pairwise

import cv2
import numpy as np
import numpy.typing as npt

from propainter.classical.flow_image import Index
from propainter.classical.harmonic import Field, Mask
from propainter.classical.motion import background_motion, distance_to, flow_of_motion, guard_band, nearest_of
from propainter.classical.places import Taps, numbered
from propainter.classical.texture.registering import bilinear, detail_of
from propainter.classical.texture.surroundings import Error, error_around
from propainter.spread import ONE_BY_ONE, Spread

_WIDENED = 8.0
"""Pixels beyond what a key's pixel reaches by its motion that still go with it: the hole's rim frays from frame to frame."""
_SMOOTHING = 12.0
"""Sigma in pixels over which what the model leaves over is averaged."""
_FOLLOWED = 1.0
"""Pixels a frame beside the model at which a vector is worth half: what moves faster walks through the picture."""
_MODEL_SHARE = 0.1
"""Weight of the model among the vectors around."""
_STILL = 0.08
"""Pixels a frame that half of the plate must stay below for the camera to be taken to stand."""
_WALKS, _WALKED_AROUND = 1.5, 5
"""Pixels a frame beside its surroundings at which something walks; and pixels around it that go with it."""
_MOST_WALKING = 0.5
"""Share of the plate above which that is not a walker but a scene of many depths, and tells nothing."""
_PIXEL_BYTES = 100
"""Bytes a pixel that a field takes while it is made."""
_EVERY = 16
"""Of so many vectors one is looked at for that."""


class Motion:
    """How the background moves from frame to frame: one field for pixels and their sources, so that patches stay whole.

    It is the background model, and what it leaves over outside the holes averaged widely: near things may pass at their own
    speed, but what walks through the picture is not followed. What stands around the hole has the last word
    (``surroundings.py``). Where the camera stands, nothing moves.
    """

    def __init__(
        self, forward: Field, backward: Field, holes: Mask, frames: Field, *, spread: Spread = ONE_BY_ONE
    ) -> None:
        """forward, backward: completed flows (t-1, h, w, 2). holes: (t, h, w). frames: (t, h, w, 3), read outside them."""
        self._spread = spread
        self._flows = {1: forward, -1: backward}
        self._holes = holes
        self._frames = frames
        self._errors: dict[tuple[int, int], Error | None] = {}

    def field(self, frame: int, step: int) -> Field | None:
        """Motion (h, w, 2) from a frame to the next one (step 1) or the one before (step -1); None: none."""
        flow = self._flows[step][min(frame, frame + step)]
        height, width = flow.shape[:2]
        distances = distance_to(self._holes[frame]), distance_to(self._holes[frame + step])
        outside = distances[0] > guard_band(height, width) / 2
        vectors = flow[outside] if outside.any() else flow.reshape(-1, 2)
        if np.median(np.abs(vectors[::_EVERY]).max(1)) < _STILL:
            return None
        model = flow_of_motion(background_motion(flow, *distances), slice(0, height), slice(0, width))
        rest = flow - model
        say = ~self._holes[frame] / (1 + (rest**2).sum(2) / np.float32(_FOLLOWED**2))
        heard = cv2.GaussianBlur(rest * say[..., None], (0, 0), _SMOOTHING)
        field: Field = model + heard / (cv2.GaussianBlur(say, (0, 0), _SMOOTHING) + np.float32(_MODEL_SHARE))[..., None]
        if (frame, step) not in self._errors:
            pair = frame, frame + step
            first, second = (detail_of(self._frames[t], ~self._holes[t]) for t in pair)
            holes = self._holes[frame], self._holes[frame + step]
            self._errors[frame, step] = error_around(holes, (first, second), field)
        error = self._errors[frame, step]
        return field if error is None else error.corrected(field)

    def fields(self, steps: Iterable[tuple[int, int]]) -> Generator[Field | None, None, None]:
        """The fields of some frames and steps, in order, a few of them at work ahead. Close it where not all are wanted."""
        bytes_each = _PIXEL_BYTES * self._holes[:1].size
        yield from self._spread(lambda step: self.field(*step), steps, each_bytes=bytes_each)

    def walking(self, frame: int) -> Mask:
        """What walks through the picture (h, w), and is no background to copy."""
        step = 1 if frame + 1 < len(self._holes) else -1
        walking: Mask = np.zeros(self._holes.shape[1:], np.bool_)
        if not 0 <= frame + step < len(self._holes):
            return walking
        field = self.field(frame, step)
        flow = self._flows[step][min(frame, frame + step)]
        beside = flow if field is None else flow - field
        walking = (np.abs(beside).max(2) > _WALKS) & ~self._holes[frame]
        if walking.sum() > _MOST_WALKING * np.count_nonzero(~self._holes[frame]):
            return np.zeros_like(walking)
        size = 2 * _WALKED_AROUND + 1
        return cv2.dilate(walking.astype(np.uint8), np.ones((size, size), np.uint8)) > 0


@dataclass(frozen=True)
class Origins:
    """For n unseen pixels of one frame, by row and column: which key's pixel each is, and where in the key it lies."""

    key: npt.NDArray[np.int16]
    """Number of the key; -1: none yet."""
    x: Field
    y: Field

    @classmethod
    def none(cls, count: int) -> Origins:
        """Nothing is known of any pixel."""
        return cls(np.full(count, -1, np.int16), *np.zeros((2, count), np.float32))

    @property
    def missing(self) -> Mask:
        """Pixels nothing is known of."""
        return self.key < 0

    def set(self, which: Index, number: int, x: npt.NDArray[np.floating], y: npt.NDArray[np.floating]) -> None:
        """Make pixels those of a key."""
        self.key[which], self.x[which], self.y[which] = number, x, y


def carry_origins(origins: list[Origins], unseen: Mask, motion: Motion, *, key: int, number: int) -> None:
    """Follow a key frame's missing pixels into all frames, both ways; origins are written.

    unseen: (t, h, w). number: of the key, as the origins tell it. A pixel that has an origin keeps it.
    """
    row, column = np.nonzero(unseen[key])
    lacking = np.flatnonzero(origins[key].missing)
    origins[key].set(lacking, number, column[lacking].astype(np.float32), row[lacking].astype(np.float32))
    for way in (range(key, len(unseen)), range(key, -1, -1)):
        lacking_at = [(frame, before - frame) for before, frame in pairwise(way) if origins[frame].missing.any()]
        with closing(motion.fields(lacking_at)) as fields:
            for before, frame in pairwise(way):
                if origins[frame].missing.any():
                    _step(origins[before], unseen[before], origins[frame], unseen[frame], next(fields), number)
                    _widen(origins[frame], unseen[frame], number)
                if not (origins[frame].key == number).any():
                    break


def _step(before: Origins, theirs: Mask, here: Origins, mine: Mask, field: Field | None, number: int) -> None:
    """Origins of one frame's missing pixels from those of the frame its motion leads to."""
    height, width = mine.shape
    which = np.flatnonzero(here.missing)
    row, column = (at[which] for at in np.nonzero(mine))
    moved = np.zeros((len(row), 2), np.float32) if field is None else field[row, column]
    x, y = (column + moved[:, 0]).astype(np.float32), (row + moved[:, 1]).astype(np.float32)
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    taps = Taps.at(x.clip(0, width - 1), y.clip(0, height - 1), height, width)
    member = numbered(theirs)[taps.index]
    known = (member >= 0) & (before.key[member] == number)
    weight = np.where(known, taps.weight, np.float32(0))
    weight /= np.maximum(weight.sum(0), np.float32(1e-12))
    from_x = x + (weight * (before.x[member] - taps.column)).sum(0)
    from_y = y + (weight * (before.y[member] - taps.row)).sum(0)
    good = inside & np.take_along_axis(known, taps.weight.argmax(0)[None], 0)[0]
    here.set(which[good], number, from_x[good], from_y[good])


def _widen(here: Origins, mine: Mask, number: int) -> None:
    """Give missing pixels close to known ones the origin beside theirs."""
    rows, columns = np.nonzero(mine)
    theirs = np.flatnonzero(here.key == number)
    if not len(theirs) or not here.missing.any():
        return
    known = np.zeros_like(mine)
    known[rows[theirs], columns[theirs]] = True
    distance, nearest = nearest_of(known)
    lacking = np.flatnonzero(here.missing)
    lacking = lacking[distance[rows[lacking], columns[lacking]] <= _WIDENED]
    beside = theirs[nearest[rows[lacking], columns[lacking]]]
    x = here.x[beside] + (columns[lacking] - columns[beside])
    here.set(lacking, number, x, here.y[beside] + (rows[lacking] - rows[beside]))


Settle = Callable[[int, Field, Field], tuple[Field, Field]]
"""Given a frame and where the motion leads points in it: where they are in fact."""


def follow_sources(
    motion: Motion, x: Field, y: Field, *, frame: int, wanted: range, settle: Settle
) -> Iterator[tuple[int, Field, Field]]:
    """Where points (n,) of a frame are in it and all wanted frames: frame, x, y. Points may leave the picture.

    settle: asked wherever the camera moves.
    """
    yield frame, x, y
    ways = (
        [(here, 1) for here in range(frame, wanted.stop - 1)],
        [(here, -1) for here in range(frame, wanted.start, -1)],
    )
    with closing(motion.fields(chain(*ways))) as fields:
        for steps in ways:
            at_x, at_y = x, y
            for here, step in steps:
                field = next(fields)
                if field is not None:
                    height, width = field.shape[:2]
                    look = at_x.clip(0, width - 1), at_y.clip(0, height - 1)
                    moved = bilinear(field, *look)
                    at_x, at_y = settle(here + step, at_x + moved[:, 0], at_y + moved[:, 1])
                yield here + step, at_x, at_y
