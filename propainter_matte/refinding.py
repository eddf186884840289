"""An object that was lost, found again where it comes back into sight: behind a trunk, a post, a passer-by.

Here: ``Whereabouts``, of one walk from frame to frame. Not here: the walk and what it draws around the place
(``tracking.py``).

While the object is whole, a frame in which it is seen is kept. Once its matte has collapsed, that picture is sought around
where the object's motion leads. It must be as like as the object was to itself before, and like no other place around: an
object that is still hidden must not be found in the background, and one that looks like it says nothing.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np

from propainter_matte.arrays import Field
from propainter_matte.footage import Footage

_COLLAPSED = 0.5
"""Share of its size below which a matte has lost its object."""
_FADES = 0.97
"""Share of its size an object may lose from frame to frame by going away."""
_LEAST = 60.0
"""Pixels at 432x240 an object must have for its picture to tell."""
_EVERY = 4
"""Frames between two pictures kept."""
_SCALES = (1.0, 0.88, 1.14)
"""How much larger it may be than it was."""
_REACH = 0.6
"""Sizes of the object around its place within which it is sought, at once."""
_STRAYS = 3.0
"""Pixels more a frame it is away, at 432x240."""
_FARTHEST = 2.5
"""Sizes of the object beyond which it is sought no more."""
_LIKE = 1.3
"""How much less like itself the object may be than it was before."""
_NOISE = 3.0
"""Levels it may differ by in any case."""
_ALONE = 1.2
"""How much less like it any other place around must be."""
_BESIDE = 0.4
"""Sizes off from which a place is another."""


@dataclass(frozen=True)
class _Sight:
    """The object in a frame where it was whole."""

    index: int
    matte: Field
    box: tuple[int, int, int, int]
    """Left, top, right, bottom."""

    @property
    def middle(self) -> np.ndarray:
        left, top, right, bottom = self.box
        return np.array([(left + right) / 2, (top + bottom) / 2])

    @property
    def size(self) -> float:
        left, top, right, bottom = self.box
        return float(max(right - left, bottom - top))


@dataclass(frozen=True)
class _Match:
    differ: float
    """Levels by which it differs, on average."""
    alone: float
    """How many times more any other place does."""
    scale: float
    middle: np.ndarray


@dataclass(frozen=True)
class FoundAgain:
    """An object in a frame where it was lost before."""

    index: int
    """The frame in which it was whole."""
    matte: Field
    """Its matte there."""
    flow: Field
    """[h, w, 2] from the frame asked about to that one."""
    x: Field
    """Where that frame's pixels lie in the frame asked about [h, w]."""
    y: Field


class Whereabouts:
    """Where an object was seen, and whether it still is."""

    def __init__(self, footage: Footage, index: int, matte: Field) -> None:
        self._footage = footage
        self._size = 0.0
        self._whole: deque[_Sight] = deque(maxlen=2 * _EVERY)
        self._usual: deque[float] = deque(maxlen=5)
        self.note(index, matte)

    def note(self, index: int, matte: Field) -> bool:
        """Remember a frame; whether the object is lost in it."""
        size = float((matte > 0.5).sum())
        self._size = max(size, self._remains(index) * self._size) if self._whole else size
        if size < _LEAST * self._footage.unit**2 or size < _COLLAPSED * self._size:
            return bool(self._size >= _LEAST * self._footage.unit**2)
        rows, columns = (np.flatnonzero((matte > 0.5).any(axis)) for axis in (1, 0))
        sight = _Sight(index, matte, (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1))
        if len(self._whole) >= _EVERY and index % _EVERY == 0:
            match = self._match(self._whole[-_EVERY], index, sight.middle, _REACH * sight.size)
            if match is not None:
                self._usual.append(match.differ)
        self._whole.append(sight)
        return False

    def _remains(self, index: int) -> float:
        """The share of its size that an object keeps up to a frame: what goes away or leaves the picture is not hidden.

        How it shrinks is seen where its flow runs together, what leaves where flow ends outside. Both need the frame before.
        """
        before = self._whole[-1]
        if abs(index - before.index) != 1:
            return _FADES
        flow, inside = self._footage.flow(before.index, index), before.matte > 0.5
        height, width = inside.shape
        rows, columns = np.nonzero(inside)
        x, y = columns + flow[inside][:, 0], rows + flow[inside][:, 1]
        stays = float(((x > -0.5) & (x < width - 0.5) & (y > -0.5) & (y < height - 0.5)).mean())
        across, down = np.gradient(flow[..., 0], axis=1), np.gradient(flow[..., 1], axis=0)
        nearer = float(np.median(((1 + across) * (1 + down))[inside]))
        return min(_FADES, stays * nearer)

    def sought(self, index: int) -> FoundAgain | None:
        """Where the object is in a frame in which it was lost; None: nowhere to be seen."""
        if len(self._whole) < 2 or not self._usual:
            return None
        last, first = self._whole[-1], self._whole[0]
        sight = self._whole[max(0, len(self._whole) - _EVERY)]  # the very last ones may be half hidden already
        steps = abs(index - last.index)
        drift = (sight.middle - first.middle) / max(1, abs(sight.index - first.index))
        place = sight.middle + drift * abs(index - sight.index)
        reach = min(_REACH * sight.size + _STRAYS * self._footage.unit * steps, _FARTHEST * sight.size)
        match = self._match(sight, index, place, reach)
        if match is None or match.differ > _LIKE * float(np.median(self._usual)) + _NOISE or match.alone < _ALONE:
            return None
        y, x = np.mgrid[: self._footage.height, : self._footage.width].astype(np.float32)
        towards = [
            (each - m) / match.scale + s - each for each, m, s in zip((x, y), match.middle, sight.middle, strict=True)
        ]
        flow = self._footage.straight_flow(index, sight.index, np.stack(towards, -1).astype(np.float32))
        there = [
            ((each - s) * match.scale + m).astype(np.float32)
            for each, m, s in zip((x, y), match.middle, sight.middle, strict=True)
        ]
        return FoundAgain(sight.index, sight.matte, flow, there[0], there[1])

    def _match(self, sight: _Sight, index: int, place: np.ndarray, reach: float) -> _Match | None:
        """Where a picture of the object is found best around a place; None beyond the frame."""
        footage = self._footage
        less = max(1, round(2 * footage.unit))  # at half the size flow's last pixels do not count
        left, top, right, bottom = sight.box
        best: _Match | None = None
        for scale in _SCALES:
            wide, high = max(4, round((right - left) * scale / less)), max(4, round((bottom - top) * scale / less))
            picture, mask = (
                cv2.resize(each[top:bottom, left:right], (wide, high), interpolation=cv2.INTER_AREA).astype(np.float32)
                for each in (footage.lab(sight.index), (sight.matte > 0.5).astype(np.float32))
            )
            x0, y0 = (int(v) for v in np.maximum(place - reach - np.array([wide, high]) * less / 2, 0))
            x1, y1 = (int(v) for v in place + reach + np.array([wide, high]) * less / 2)
            window = footage.lab(index)[y0 : max(y1, 0), x0 : max(x1, 0)]
            area = (window.shape[1] // less, window.shape[0] // less)
            if area[0] < wide or area[1] < high:
                continue
            where = cv2.resize(window, area, interpolation=cv2.INTER_AREA).astype(np.float32)
            lost = cv2.matchTemplate(where, picture, cv2.TM_SQDIFF, mask=np.dstack([mask] * 3))
            lost = np.sqrt(np.maximum(lost, 0) / max(float((mask**2).sum()), 1e-3))
            least, _, (column, row), _ = cv2.minMaxLoc(lost)
            if best is not None and least >= best.differ:
                continue
            others = lost.copy()
            off = round(_BESIDE * sight.size / less)
            others[max(0, row - off) : row + off + 1, max(0, column - off) : column + off + 1] = np.inf
            alone = float(others.min()) / max(least, 1e-3)
            shares = np.array([window.shape[1] / area[0], window.shape[0] / area[1]])
            middle = np.array([column + wide / 2, row + high / 2]) * shares + (x0, y0)
            best = _Match(float(least), alone, scale, middle)
        return best
