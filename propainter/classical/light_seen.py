"""How much brighter a place is in one frame than in another, cell by cell, along the plate's motion.

Here: ``compared_light``. Not here: the light that explains it (``light.py``).

Frames are compared at a small size, whatever theirs is, so cost and memory are bounded by their number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, cast

import cv2
import numpy as np
import numpy.typing as npt

from propainter.classical.exposure import RANGE, STRIDES
from propainter.classical.flow_image import Flows
from propainter.classical.harmonic import Field, Mask
from propainter.classical.motion import distance_to, guard_band
from propainter.spread import ONE_BY_ONE, Spread

Gains: TypeAlias = npt.NDArray[np.float64]
"""Logarithms of gains."""

LONGER_SIDE = 216
"""Pixels of the pictures that are compared."""
_CELL = 9
"""Of these, along each side of a cell."""
_LEAST_SHARE = 0.5
"""Of a cell's pixels that both frames must show."""
_SURELY = 0.999
"""Share of a pixel that must be clear of the hole's surroundings."""


@dataclass(frozen=True)
class Compared:
    """n comparisons of a cell of one frame with a place of another."""

    shape: tuple[int, int, int]
    """Frames, and rows and columns of cells."""
    cell: npt.NDArray[np.intp]
    """(n,): the cell, among those of all frames."""
    other: npt.NDArray[np.intp]
    """(n, 4): the cells around the place."""
    share: Gains
    """(n, 4): how much each of them counts there."""
    ratio: Gains
    """(n, c): logarithm of how much brighter the place is."""
    number: npt.NDArray[np.intp]
    """(n,): of the cell and the pair of frames; neighbours differ."""

    @property
    def cells(self) -> int:
        """Of all frames together."""
        return int(np.prod(self.shape))

    def take(self, which: Mask) -> Compared:
        """Some of the comparisons."""
        fields = ("cell", "other", "share", "ratio", "number")
        return Compared(self.shape, *(getattr(self, name)[which] for name in fields))

    @classmethod
    def joined(cls, parts: list[Compared]) -> Compared:
        """Comparisons among the same cells, one after the other."""
        fields = ("cell", "other", "share", "ratio", "number")
        return cls(parts[0].shape, *(np.concatenate([getattr(part, name) for part in parts]) for name in fields))

    def foretold(self, field: Gains) -> Gains:
        """The ratios (n, c) that the gains (cells, c) of all cells make."""
        there = np.zeros((len(self.cell), field.shape[1]))
        for share, other in zip(self.share.T, self.other.T, strict=True):
            there += share[:, None] * field[other]
        return there - field[self.cell]

    def gathered(self, values: Gains) -> Gains:
        """The transpose of ``foretold``: (n, c) to (cells, c)."""
        at = np.concatenate([self.cell, *self.other.T])
        shares = np.concatenate([np.full(len(self.cell), -1.0), *self.share.T])
        return np.stack([np.bincount(at, shares * np.tile(each, 5), self.cells) for each in values.T], 1)


def compared_light(frames: Field, holes: Mask, flows: Flows, gains: Field, *, spread: Spread = ONE_BY_ONE) -> Compared:
    """Comparisons of frames (t, h, w, 3), black is -1, that are 1, 4 and 16 apart, beside their gains (t, 3) as a whole.

    holes: (t, h, w), left out with their surroundings. flows: of each pair, frame i to i + 1.
    """
    count, height, width = holes.shape
    ratio = min(LONGER_SIDE / max(width, height), 1)
    size = max(round(width * ratio), 2), max(round(height * ratio), 2)
    scale = np.float32(width / size[0]), np.float32(height / size[1])
    y, x = np.mgrid[: size[1], : size[0]].astype(np.float32)
    at = ((y + 0.5) * scale[1]).astype(np.intp), ((x + 0.5) * scale[0]).astype(np.intp)
    shape = (count, max(round(size[1] / _CELL), 2), max(round(size[0] / _CELL), 2))
    guard = guard_band(height, width) / 2

    def shrunk(frame: int) -> Field:
        picture = (cv2.resize(frames[frame], size, interpolation=cv2.INTER_AREA) + 1) / 2
        return np.dstack([picture, distance_to(holes[frame])[at] > guard])

    def compare(pair: tuple[tuple[int, int], Field]) -> Compared:
        ends, way = pair
        part = _compare(small, ends, (x + way[..., 0], y + way[..., 1]), shape)
        part.ratio[...] -= gains[ends[1]] - gains[ends[0]]
        return part

    small = list(spread(shrunk, range(count)))
    ways = list(spread(lambda pair: (flows[pair][at] / np.array(scale)).astype(np.float32), range(count - 1)))
    nothing = np.zeros(0, np.intp)
    found = [Compared(shape, nothing, np.zeros((0, 4), np.intp), np.zeros((0, 4)), np.zeros((0, 3)), nothing)]
    stride = 1
    while ways:
        if stride in STRIDES:
            found.extend(spread(compare, (((i, i + stride), way) for i, way in enumerate(ways))))
        if stride >= max(STRIDES):
            break
        ways = [
            way + _looked_up(ways[i + stride], (x + way[..., 0], y + way[..., 1]), cv2.BORDER_REPLICATE)
            for i, way in enumerate(ways[:-stride])
        ]
        stride *= 2
    return Compared.joined(found)


def _compare(
    small: list[Field], pair: tuple[int, int], places: tuple[Field, Field], shape: tuple[int, int, int]
) -> Compared:
    """The cells of a pair's first frame with the places of its second that show the same."""
    rows, columns = shape[1:]
    height, width = places[0].shape
    here, there = small[pair[0]], _looked_up(small[pair[1]], places, cv2.BORDER_CONSTANT)
    low, high = np.minimum(here, there), np.maximum(here, there)[..., :3]
    good = (low[..., 3] > _SURELY) & (low[..., :3] > RANGE[0]).all(-1) & (high < RANGE[1]).all(-1)
    sums = [
        cv2.resize(
            np.where(good[..., None], image, 0).astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA
        )
        for image in (here[..., :3], there[..., :3], np.dstack([*places, np.ones_like(places[0])]))
    ]
    row, column = np.nonzero(sums[2][..., 2] > _LEAST_SHARE)
    before, after, at = (each[row, column].astype(np.float64) for each in sums)
    u = ((at[:, 0] / at[:, 2] + 0.5) * (columns / width) - 0.5).clip(0, columns - 1)
    v = ((at[:, 1] / at[:, 2] + 0.5) * (rows / height) - 0.5).clip(0, rows - 1)
    left, top = np.minimum(u.astype(np.intp), columns - 2), np.minimum(v.astype(np.intp), rows - 2)
    across, down = u - left, v - top
    corner = (pair[1] * rows + top) * columns + left
    return Compared(
        shape,
        (pair[0] * rows + row) * columns + column,
        corner[:, None] + np.array([0, 1, columns, columns + 1]),
        np.stack([(1 - across) * (1 - down), across * (1 - down), (1 - across) * down, across * down], 1),
        np.log(after / before),
        2 * row + column + sum(pair),
    )


def _looked_up(image: Field, places: tuple[Field, Field], border: int) -> Field:
    return cast(Field, cv2.remap(image, *places, cv2.INTER_LINEAR, borderMode=border))
