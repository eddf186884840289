"""What sampling reads at a point between pixels, and that it is plate alone.

Here: ``Ground``, which tells of any point of any frame whether a kernel there would touch the frame's hole; the weights of
the widest kernel that does not. Not here: the sampling itself (``sampling.py``), where points come from (``places.py``).

A place is good where the nearest pixel is plate. Where its bicubic kernel of sixteen pixels would touch the hole, the kernel
shrinks, across and down each as far as it must: to the two pixels around, to a line continued from the plate's side, to
the nearest pixel. Nothing under a hole is ever read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product

import cv2
import numpy as np
import numpy.typing as npt

from propainter.classical.harmonic import Field, Mask

ReadElsewhere = Callable[[int], tuple[Field, Mask]]
_BITS = npt.NDArray[np.uint8]
_POINT, _ROW, _COLUMN, _CUBIC = (1 << i for i in range(4))
_SHAPES = {_ROW: (1, 4), _COLUMN: (4, 1), _CUBIC: (4, 4)}
"""Rows and columns that a kernel reads: on a whole coordinate, one alone."""
REACH = 2
"""Pixels around a hole in which a kernel may touch it."""


_WIDEST_FIRST = sorted(product(range(4), repeat=2), key=lambda way: (max(way), sum(way), way))
"""Of the ways to read across and down (``_ways``), the better ones first."""


@dataclass
class Tally:
    """What a count of kernels has found. Several may add to it at once."""

    found: list[int] = field(default_factory=list)

    def add(self, count: int) -> None:
        """So many more."""
        if count:
            self.found.append(count)

    @property
    def touched(self) -> int:
        """Kernels sampled so far that read a pixel under a hole; it stays 0."""
        return sum(self.found)


class FrameGround:
    """One frame's hole (h, w), as kernels meet it."""

    def __init__(self, hole: Mask, tally: Tally | None = None) -> None:
        self.hole = hole
        self._tally = tally or Tally()
        self._bits = _bits_of(hole) if hole.any() else None

    def is_clear(self, x: Field, y: Field) -> Mask:
        """Whether a bicubic kernel at points (n,) within the frame reads nothing but plate."""
        if self._bits is None:
            return np.ones(len(x), np.bool_)
        left, top = np.floor(x), np.floor(y)
        on_column, on_row = x == left, y == top
        kernel = np.where(on_column, np.where(on_row, _POINT, _COLUMN), np.where(on_row, _ROW, _CUBIC)).astype(np.uint8)
        plate: Mask = self._bits[top.astype(np.intp), left.astype(np.intp)] & kernel == 0
        return plate

    def is_usable(self, x: Field, y: Field) -> Mask:
        """Whether a shrunk kernel does: the nearest pixel is plate."""
        if self._bits is None:
            return np.ones(len(x), np.bool_)
        usable: Mask = ~self.hole[np.rint(y).astype(np.intp), np.rint(x).astype(np.intp)]
        return usable

    def weights(self, x: Field, y: Field) -> tuple[Field, Field]:
        """Weights of the columns, and of the rows, at -1, 0, 1, 2 from the points' floors: (4, n) each."""
        across, down = keys_weights(x - np.floor(x)), keys_weights(y - np.floor(y))
        touching = np.flatnonzero(~self.is_clear(x, y))
        if len(touching):
            across[:, touching], down[:, touching] = self._shrunk(x[touching], y[touching])
        return across, down

    def _shrunk(self, x: Field, y: Field) -> tuple[Field, Field]:
        """The widest kernel that reads nothing but plate, at points (n,) whose nearest pixel is plate."""
        height, width = self.hole.shape
        reach = np.arange(-1, 3)[:, None]
        rows = (np.floor(y).astype(np.intp) + reach).clip(0, height - 1)
        columns = (np.floor(x).astype(np.intp) + reach).clip(0, width - 1)
        covered = self.hole[rows[:, None], columns[None]]
        ways_across, ways_down = _ways(x), _ways(y)
        across, down = ways_across[-1].copy(), ways_down[-1].copy()
        left = np.ones(len(x), np.bool_)
        for i, j in _WIDEST_FIRST:
            reads = (ways_down[j] != 0)[:, None] & (ways_across[i] != 0)[None]
            good = left & ~(reads & covered).any((0, 1))
            across[:, good], down[:, good] = ways_across[i][:, good], ways_down[j][:, good]
            left &= ~good
        return across, down

    def count(self, x: Field, y: Field, across: Field, down: Field) -> None:
        """Add to the tally the points whose kernel, as it is weighed, reads the hole: pixel by pixel, not by the table."""
        if self._bits is None:
            return
        height, width = self.hole.shape
        left, top = np.floor(x).astype(np.intp), np.floor(y).astype(np.intp)
        near = np.flatnonzero(self._bits[top, left] & _CUBIC)
        found = np.zeros(len(near), np.bool_)
        for j in range(4):
            row = (top[near] + j - 1).clip(0, height - 1)
            for i in range(4):
                reads = (down[j, near] != 0) & (across[i, near] != 0)
                found |= reads & self.hole[row, (left[near] + i - 1).clip(0, width - 1)]
        self._tally.add(int(np.count_nonzero(found)))


class Ground:
    """The holes (t, h, w) of some frames, as kernels meet them.

    read: gives picture and hole of a frame elsewhere in the shot, counted from the first of these.
    """

    def __init__(self, holes: Mask, read: ReadElsewhere | None = None) -> None:
        self.holes = holes
        self._read = read
        self.tally = Tally()
        self._frames: dict[int, FrameGround] = {}
        self._elsewhere: tuple[int, FrameGround] | None = None

    def of(self, frame: int) -> FrameGround:
        """One frame's; of those elsewhere only the last one asked for is kept."""
        if not 0 <= frame < len(self.holes):
            assert self._read is not None
            last = self._elsewhere  # others may ask at the same time
            if last is None or last[0] != frame:
                self._elsewhere = last = frame, FrameGround(self._read(frame)[1], self.tally)
            return last[1]
        if frame not in self._frames:
            self._frames[frame] = FrameGround(self.holes[frame], self.tally)
        return self._frames[frame]

    def is_clear(self, source: npt.NDArray[np.int32], x: Field, y: Field) -> Mask:
        """Whether a bicubic kernel at points (n,) of frames (n,) reads nothing but plate."""
        return self._asked(source, x, y, FrameGround.is_clear)

    def is_usable(self, source: npt.NDArray[np.int32], x: Field, y: Field) -> Mask:
        """Whether a shrunk kernel does."""
        return self._asked(source, x, y, FrameGround.is_usable)

    def _asked(self, source: npt.NDArray[np.int32], x: Field, y: Field, ask: object) -> Mask:
        answers = np.zeros(len(source), np.bool_)
        for frame, chosen in by_source(source):
            answers[chosen] = ask(self.of(frame), x[chosen], y[chosen])  # type: ignore[operator]
        return answers


def by_source(source: npt.NDArray[np.int32]) -> list[tuple[int, npt.NDArray[np.intp]]]:
    """Each frame that is named, and which of the points name it."""
    order = np.argsort(source, kind="stable")
    named, first = np.unique(source[order], return_index=True)
    parts = np.split(order, first[1:]) if len(named) else []
    return [(int(frame), part) for frame, part in zip(named, parts, strict=True)]


def keys_weights(t: Field) -> Field:
    """Weights (4, n) of the pixels at -1, 0, 1, 2 for a point at t, 0 <= t < 1: Keys' cubic convolution (1981), a = -1/2.

    Slopes stay slopes, where OpenCV's a = -3/4 bends them by 0.05 px.
    """
    t2, t3 = t * t, t * t * t
    before, after = 2 * t2 - t3 - t, 4 * t2 - 3 * t3 + t
    weights: Field = np.stack([before, 3 * t3 - 5 * t2 + 2, after, t3 - t2]) * np.float32(0.5)
    return weights


def _ways(at: Field) -> list[Field]:
    """Weights (4, n) of four ways to read along one axis: cubic; linear; the line through the nearest pixel and the one on
    its far side, continued; the nearest alone."""
    part = at - np.floor(at)
    is_upper = np.rint(at) > np.floor(at)
    none, beyond = np.zeros_like(part), np.where(is_upper, 1 - part, part)
    line = [np.where(is_upper, 0, -beyond), np.where(is_upper, 0, 1 + beyond)]
    line += [np.where(is_upper, 1 + beyond, 0), np.where(is_upper, -beyond, 0)]
    others = [none, 1 - part, part, none], line, [none, ~is_upper, is_upper, none]
    return [keys_weights(part), *(np.stack(way).astype(np.float32) for way in others)]


def _bits_of(hole: Mask) -> _BITS:
    """Of each pixel, which kernels with their floor there would read a pixel of the hole; borders are repeated."""
    covered = hole.astype(np.uint8)
    bits = covered * np.uint8(_POINT)
    for bit, (rows, columns) in _SHAPES.items():
        anchor = (int(columns == 4), int(rows == 4))
        touched = cv2.dilate(covered, np.ones((rows, columns), np.uint8), anchor=anchor)
        bits |= touched * np.uint8(bit)
    found: _BITS = bits
    return found
