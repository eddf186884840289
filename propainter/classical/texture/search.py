"""Where a key frame's unseen pixels could be seen: for each, a pixel of the plate whose surroundings continue its own.

Here: the search in one key frame, coarse to fine. Not here: one level's work (``patches.py``), carrying what is found to
other frames (``carrying.py``), light (``levels.py``).

What is found is a place, never a colour: PatchMatch (Barnes 2009) on colours and texture features, so that smooth patches do
not win (Newson 2014). In between the picture is laid as a mean of patches; at the end every pixel is copied from one place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from propainter.classical.flow_image import Index
from propainter.classical.harmonic import Field, Mask, box_around, fill_harmonic
from propainter.classical.texture.patches import RADIUS, Level
from propainter.classical.texture.repetition import repetition_of

_ROUNDS = (4, 4, 3)
"""Times that sources are sought and the picture is laid anew: at the coarsest level, between, at the finest."""
_SEEKS = ((1, 4, 0.25), (3, 0, 0.0), (1, 4, 0.0))
"""Searches of a round: pixels to the neighbours that are asked, circles around the best source that are looked into, and how
large the first of them is, in sizes of the picture."""
_LEAST_RADIUS = 8.0
"""Radius of that circle in pixels, at least."""
_TEXTURE = 3.0
"""Weight of the texture features against the colours."""
_TEXTURE_SIGMA = 3.0
"""Sigma in pixels of the surroundings whose mean gradient is a pixel's texture feature."""
_COARSEST_DEPTH = 3.0
"""Pixels from rim to middle of the hole at the coarsest level, at most."""
_LEAST_SIDE = 24
"""Pixels of the box's shorter side at the coarsest level, at least."""
_AWAY, _LEAST_AWAY = 1.0, 64
"""Sizes of the hole, and pixels at least, around it within which sources are sought."""
_LEAST_SAY, _SAY_DEPTH = 0.3, 2.0
"""Weight of a laid pixel deep in the hole, against a known one, where patches are compared; and pixels to 1/e of it."""
_REPETITION = 0.2
"""Weight of how badly the surroundings repeat at an offset."""
_REPETITION_PIXELS = 1 << 15
"""Most pixels of the size at which that is looked at."""
_NEAR = 32
"""Pixels around the hole that are to repeat."""
_JOINED = 16
"""Parts of the hole nearer to each other, in pixels, are treated as one."""


@dataclass(frozen=True)
class Found:
    """Where n unseen pixels of a key frame, by row and column, can be copied from in the same frame."""

    copied: Mask
    """Whether there is anything to copy."""
    x: npt.NDArray[np.int32]
    y: npt.NDArray[np.int32]
    miss: Field
    """Root mean square difference of the surroundings there and here, of a range of 2 from black to white."""

    @property
    def any(self) -> bool:
        """Whether there is anything to copy for some pixel."""
        return bool(self.copied.any())


def find_sources(picture: Field, unseen: Mask, usable: Mask) -> Found:
    """Where the unseen pixels (h, w) of a picture (h, w, 3) can be copied from.

    unseen: not read. usable: (h, w), what may be copied.
    """
    count = int(unseen.sum())
    x, y = np.zeros((2, count), np.int32)
    found = Found(np.zeros(count, np.bool_), x, y, np.full(count, np.inf, np.float32))
    number = np.full(unseen.shape, -1, np.intp)
    number[unseen] = np.arange(count)
    for here in _parts_of(unseen):
        rows, columns = box = _surroundings(here)
        sources = _search(picture[box], here[box], unseen[box], usable[box])
        if sources is not None:
            which = number[box][here[box]]
            row, column, miss = sources
            found.copied[which], found.miss[which] = True, np.sqrt(miss)
            found.y[which], found.x[which] = row + rows.start, column + columns.start
    return found


def _parts_of(unseen: Mask) -> list[Mask]:
    """The hole's parts, those near each other together."""
    near = cv2.dilate(unseen.astype(np.uint8), np.ones((_JOINED + 1, _JOINED + 1), np.uint8))
    count, labels = cv2.connectedComponents(near, connectivity=8)
    return [part for part in (unseen & (labels == i) for i in range(1, count)) if part.any()]


def _surroundings(hole: Mask) -> tuple[slice, slice]:
    rows, columns = box_around(hole, pad=0)
    size = max(rows.stop - rows.start, columns.stop - columns.start)
    return box_around(hole, pad=max(int(_AWAY * size), _LEAST_AWAY))


def _search(picture: Field, hole: Mask, unseen: Mask, usable: Mask) -> tuple[Index, Index, Field] | None:
    """Row, column and miss of every hole pixel's source; None: no patch may be copied."""
    if not usable.any():
        return None
    depth, halvings = _depth_of(hole).max(), 0
    while depth / 2**halvings > _COARSEST_DEPTH and min(hole.shape) / 2 ** (halvings + 1) >= _LEAST_SIDE:
        halvings += 1
    sizes = _sizes_of(picture, hole, unseen, usable, halvings)
    unlikely = _unlikely(sizes)
    laid: Level | None = None
    for at in range(halvings, -1, -1):
        level = sizes[at].level(unlikely.at(at))
        if level.middles.any():
            _settle(level, laid, _ROUNDS[2] if at == 0 else _ROUNDS[1], salt=at, is_last=at == 0)
            laid = level
    return None if laid is None or len(laid.hole) != len(sizes[0].hole) else laid.copied()


def _settle(level: Level, coarser: Level | None, rounds: int, *, salt: int, is_last: bool) -> None:
    """Seek and lay in turns at one size, from the sources of the size before or from the rim."""
    if coarser is None:
        level.start_from_rim()
        for _ in range(_ROUNDS[0]):
            level.seek_everywhere(np.arange(len(level.rows)))
            level.lay()
        level.measure()
    else:
        level.start(*_doubled(coarser, level.hole.shape))
        level.lay()
        level.measure()
    for round_ in range(rounds):
        for step, (jump, guesses, far) in enumerate(_SEEKS):
            radius = max(far * max(level.hole.shape), _LEAST_RADIUS)
            level.seek((salt * 16 + round_) * 8 + step, jump=jump, guesses=guesses, farthest=radius)
        if not is_last or round_ + 1 < rounds:
            level.lay()
            level.measure()


def _depth_of(hole: Mask) -> Field:
    """Distance of the hole's pixels to its rim; the picture's edge is none."""
    padded = np.pad(hole, 1, mode="edge").astype(np.uint8)
    return cast(Field, cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_5)[1:-1, 1:-1])


def _doubled(level: Level, size: tuple[int, ...]) -> tuple[Index, Index]:
    """Sources (h, w) at a size twice as fine; -1 where the coarse one has none."""
    sources = np.full((2, *level.hole.shape), -1, np.intp)
    sources[:, level.rows, level.columns] = level.source_row, level.source_column
    fine = np.repeat(np.repeat(sources, 2, 1), 2, 2)[:, : size[0], : size[1]]
    parity = np.indices(size) % 2
    row, column = np.where(fine < 0, -1, 2 * fine + parity)
    return row, column


@dataclass(frozen=True)
class _Size:
    """The picture with its features at one size."""

    picture: Field
    """(h, w, 5): colours, and the weighted mean gradients around."""
    hole: Mask
    usable: Mask

    def halved(self, known: Mask) -> tuple[_Size, Mask]:
        """At half the size, from known pixels alone; and what is known there."""
        weight = known.astype(np.float32)[..., None]
        count = _sum_of_cells(weight)
        picture: Field = _sum_of_cells(self.picture * weight) / np.maximum(count, np.float32(1))
        hole = _sum_of_cells(self.hole.astype(np.float32)) > 3.5
        return _Size(picture, hole, _sum_of_cells(self.usable.astype(np.float32)) > 3.5), count[..., 0] > 0

    def level(self, unlikely: tuple[Field, float]) -> Level:
        """Work at this size. unlikely: what offsets cost, and how much larger the pictures are that tells of."""
        kernel = np.ones((2 * RADIUS + 1, 2 * RADIUS + 1), np.uint8)
        middles = cv2.erode(self.usable.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0
        weight = np.maximum(np.float32(_LEAST_SAY), np.exp(-_depth_of(self.hole) / np.float32(_SAY_DEPTH)))
        return Level(self.picture.copy(), self.hole, weight, middles, *unlikely)


def _sizes_of(picture: Field, hole: Mask, unseen: Mask, usable: Mask, halvings: int) -> list[_Size]:
    """The picture at every size, the finest first; padded to whole cells of the coarsest."""
    cell = 1 << halvings
    pads = (0, -hole.shape[0] % cell), (0, -hole.shape[1] % cell)
    full: Field = np.pad(_with_features(picture, ~unseen), (*pads, (0, 0)), mode="edge")
    sizes, known = [_Size(full, np.pad(hole, pads), np.pad(usable, pads))], np.pad(~unseen, pads, mode="edge")
    for _ in range(halvings):
        half, known = sizes[-1].halved(known)
        sizes.append(half)
    coarsest = sizes[-1]
    sizes[-1] = _Size(fill_harmonic(coarsest.picture, coarsest.hole), coarsest.hole, coarsest.usable)
    return sizes


@dataclass(frozen=True)
class _Unlikely:
    """What offsets cost, measured at one size."""

    costs: Field
    measured_at: int

    def at(self, size: int) -> tuple[Field, float]:
        """The same for another size: costs, and how much larger the pictures are that they tell of."""
        return self.costs, 2.0 ** (size - self.measured_at)


def _unlikely(sizes: list[_Size]) -> _Unlikely:
    small = (i for i, size in enumerate(sizes) if size.hole.size <= _REPETITION_PIXELS)
    at = next(small, len(sizes) - 1)
    size, steps = sizes[at], max(_NEAR >> at, 2)
    near = cv2.dilate(size.hole.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=steps) > 0
    repetition = repetition_of(size.picture[..., :3], near & size.usable, size.usable)
    return _Unlikely(repetition * np.float32(_REPETITION), at)


def _sum_of_cells(image: Field) -> Field:
    cells: Field = image[::2, ::2] + image[1::2, ::2] + image[::2, 1::2] + image[1::2, 1::2]
    return cells


def _with_features(picture: Field, known: Mask) -> Field:
    """Colours and mean gradients (h, w, 5); what is not known is 0."""
    grey = picture.mean(2)
    features = []
    for axis in (1, 0):
        step = np.abs(np.diff(grey, axis=axis, append=np.take(grey, [-1], axis)))
        both = known & (np.roll(known, -1, axis))
        weight = both.astype(np.float32)
        total = cv2.GaussianBlur(step * weight, (0, 0), _TEXTURE_SIGMA)
        mean = total / np.maximum(cv2.GaussianBlur(weight, (0, 0), _TEXTURE_SIGMA), np.float32(1e-3))
        features.append(np.where(known, mean * np.float32(_TEXTURE), 0))
    colours = np.where(known[..., None], picture, np.float32(0))
    return np.concatenate([colours, np.stack(features, 2)], 2).astype(np.float32)
