"""PatchMatch at one level: patches of an unfinished picture, and the patches of the plate most like them.

Here: one level's pictures, seeking better sources, laying the picture anew from them. Not here: the levels
(``search.py``).

Nothing is random: where to look next is a hash of the pixel and the round, so that an edit elsewhere changes nothing here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from propainter.classical.flow_image import Index
from propainter.classical.harmonic import Field, Mask

RADIUS = 3
"""Pixels of a patch on each side of its middle."""
_SIDE = 2 * RADIUS + 1
_BLOCK = 1 << 14
"""Patches compared at once; each takes two kilobytes."""
_MOST_COMPARED = 1 << 16
"""Patches that a search among all sources compares; with more, every so many-th source is left out."""
_SIDEWAYS = np.array([(1, 0), (-1, 0), (0, 1), (0, -1)], np.intp)


@dataclass
class Level:
    """The unfinished picture at one size, and for each patch that touches its hole the best source so far."""

    picture: Field
    """(h, w, c): colours and features; the hole is laid anew in every round."""
    hole: Mask
    """(h, w): what is to be laid."""
    weight: Field
    """(h, w): how much a pixel counts where a patch is compared with its source."""
    middles: Mask
    """(h, w): middles of patches that may be copied as a whole."""
    unlikely: Field
    """What an offset costs (``repetition.py``), measured on pictures ``scale`` times as large as these."""
    scale: float
    rows: Index = field(init=False)
    """(n,) of all patches that touch the hole; so are columns and the rest."""
    columns: Index = field(init=False)
    source_row: Index = field(init=False)
    source_column: Index = field(init=False)
    miss: Field = field(init=False)
    """Mean squared difference of patch and source, the offset's cost added."""
    _number: Index = field(init=False)
    _valid: Index = field(init=False)

    def __post_init__(self) -> None:
        around = cv2.dilate(self.hole.astype(np.uint8), np.ones((_SIDE, _SIDE), np.uint8)) > 0
        self.rows, self.columns = np.nonzero(around)
        self._number = np.full(self.hole.shape, -1, np.intp)
        self._number[around] = np.arange(len(self.rows))
        self._valid = np.flatnonzero(self.middles)

    def start(self, source_row: Index, source_column: Index) -> None:
        """Begin with these sources (h, w); where no patch may be copied there, with any."""
        row, column = source_row[self.rows, self.columns], source_column[self.rows, self.columns]
        usable = self._usable(row, column)
        self.miss = np.ones(len(self.rows), np.float32)
        any_row, any_column = np.divmod(self._valid[self._hashed(0) % len(self._valid)], self.hole.shape[1])
        self.source_row, self.source_column = np.where(usable, row, any_row), np.where(usable, column, any_column)

    def measure(self) -> None:
        """Compare every patch with its source as the picture is now."""
        self.miss = self._compared(np.arange(len(self.rows)), self.source_row, self.source_column)

    def start_from_rim(self) -> None:
        """Begin at the rim: ring by ring, each pixel from the patch of all that is most like what is known around it."""
        self.start(np.full(self.hole.shape, -1), np.full(self.hole.shape, -1))
        final = self.weight.copy()
        unknown = self.hole.copy()
        self.weight[unknown] = 0
        while unknown.any():
            ring = unknown & (cv2.erode(unknown.astype(np.uint8), np.ones((3, 3), np.uint8)) == 0)
            if not ring.any():
                break
            members = self._number[ring]
            self.seek_everywhere(members)
            row, column = np.nonzero(ring)
            self.picture[row, column] = self.picture[self.source_row[members], self.source_column[members]]
            unknown &= ~ring
            self.weight[ring] = final[ring]
        self.weight = final

    def seek_everywhere(self, which: Index) -> None:
        """The best of all sources for some patches."""
        row, column = np.divmod(self._valid, self.hole.shape[1])
        every = -(-len(row) * len(which) // _MOST_COMPARED)
        row, column = row[::every], column[::every]
        step = max(_BLOCK // max(len(row), 1), 1)
        for first in range(0, len(which), step):
            part = which[first : first + step]
            everyone = np.repeat(part, len(row))
            miss = self._compared(everyone, np.tile(row, len(part)), np.tile(column, len(part))).reshape(len(part), -1)
            best = miss.argmin(1)
            self.source_row[part], self.source_column[part] = row[best], column[best]
            self.miss[part] = miss[np.arange(len(part)), best]

    def seek(self, salt: int, *, jump: int, guesses: int, farthest: float) -> None:
        """One search for better sources: at the neighbours' offsets, then in ever smaller circles around the best.

        jump: pixels to the neighbours. guesses: circles; farthest: radius of the first in pixels.
        """
        height, width = self.hole.shape
        everyone = np.arange(len(self.rows))
        for down, right in jump * _SIDEWAYS:
            row, column = self.rows + down, self.columns + right
            inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
            other = np.where(inside, self._number[row.clip(0, height - 1), column.clip(0, width - 1)], -1)
            asked = np.flatnonzero(other >= 0)
            other = other[asked]
            self.offer(asked, self.source_row[other] - down, self.source_column[other] - right)
        radius = farthest
        for guess in range(guesses):
            noise = self._hashed(salt * 64 + guess + 1)
            down = ((noise & 0xFFFF) / 32768.0 - 1) * radius
            right = ((noise >> 16 & 0xFFFF) / 32768.0 - 1) * radius
            row = self.source_row + np.rint(down).astype(np.intp)
            column = self.source_column + np.rint(right).astype(np.intp)
            self.offer(everyone, row, column)
            radius = max(radius / 2.5, 1.0)

    def offer(self, which: Index, row: Index, column: Index) -> None:
        """Let some patches take other sources where these are more alike."""
        new = self._usable(row, column) & ((row != self.source_row[which]) | (column != self.source_column[which]))
        which, row, column = which[new], row[new], column[new]
        miss = self._compared(which, row, column)
        better = miss < self.miss[which]
        which = which[better]
        self.source_row[which], self.source_column[which], self.miss[which] = row[better], column[better], miss[better]

    def lay(self) -> None:
        """Lay the hole anew: every pixel the mean of what the patches around it have there, the surest counting most."""
        ys, xs = np.nonzero(self.hole)
        scale = 2 * max(float(np.quantile(self.miss, 0.75)), 1e-8)
        total, weights = np.zeros((len(ys), self.picture.shape[2]), np.float32), np.zeros(len(ys), np.float32)
        say = np.exp(-self.miss / scale).astype(np.float32) + np.float32(1e-6)
        for member, row, column in self._votes(ys, xs):
            share = np.where(member >= 0, say[member], np.float32(0))
            total += self.picture[row, column] * share[:, None]
            weights += share
        self.picture[ys, xs] = total / weights[:, None]

    def copied(self) -> tuple[Index, Index, Field]:
        """Row and column of the one source every hole pixel is copied from: the surest patch's around it; and its miss.

        The miss is that of the pictures alone.
        """
        ys, xs = np.nonzero(self.hole)
        plain = self.miss - self._cost(np.arange(len(self.rows)), self.source_row, self.source_column)
        misses = np.zeros(len(ys), np.float32)
        best = np.full(len(ys), np.inf, np.float32)
        from_row, from_column = np.zeros((2, len(ys)), np.intp)
        for member, row, column in self._votes(ys, xs):
            miss = np.where(member >= 0, self.miss[member], np.float32(np.inf))
            better = miss < best
            best[better], from_row[better], from_column[better] = miss[better], row[better], column[better]
            misses[better] = plain[member[better]]
        return from_row, from_column, np.maximum(misses, 0)

    def _votes(self, ys: Index, xs: Index) -> Iterator[tuple[Index, Index, Index]]:
        """For every place within a patch: the patch that has each pixel there (-1: none), and its source of that pixel."""
        height, width = self.hole.shape
        order = sorted(
            ((down, right) for down in range(-RADIUS, RADIUS + 1) for right in range(-RADIUS, RADIUS + 1)),
            key=lambda at: at[0] ** 2 + at[1] ** 2,
        )
        for down, right in order:
            row, column = ys - down, xs - right
            inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
            member = np.where(inside, self._number[row.clip(0, height - 1), column.clip(0, width - 1)], -1)
            taken = np.maximum(member, 0)
            yield member, self.source_row[taken] + down, self.source_column[taken] + right

    def _usable(self, row: Index, column: Index) -> Mask:
        inside = (row >= 0) & (row < len(self.picture)) & (column >= 0) & (column < self.hole.shape[1])
        usable: Mask = inside.copy()
        usable[inside] = self.middles[row[inside], column[inside]]
        return usable

    def _compared(self, which: Index, row: Index, column: Index) -> Field:
        """Miss of some patches at these sources."""
        channels = self.picture.shape[2]
        mine, theirs, says = (
            _lines(_padded(self.picture)),
            _lines(self.picture),
            _lines(_padded(self.weight[..., None])),
        )
        miss = self._cost(which, row, column)
        for first in range(0, len(which), _BLOCK):
            part = slice(first, first + _BLOCK)
            total, says_sum = np.zeros((2, len(which[part])), np.float32)
            y, x = self.rows[which[part]], self.columns[which[part]]
            for line in range(_SIDE):
                gap = mine[y + line, x] - theirs[row[part] + (line - RADIUS), column[part] - RADIUS]
                say = says[y + line, x]
                gap = gap.reshape(len(gap), _SIDE, channels)
                total += np.einsum("nkc,nkc,nk->n", gap, gap, say)
                says_sum += say.sum(1)
            miss[part] += total / np.maximum(says_sum, np.float32(1e-6))
        return miss

    def _cost(self, which: Index, row: Index, column: Index) -> Field:
        """What the offsets of some patches to these sources cost."""
        offsets = row - self.rows[which], column - self.columns[which]
        middle = self.unlikely.shape[0] // 2, self.unlikely.shape[1] // 2
        down, right = (
            (half + np.floor(offset * self.scale).astype(np.intp)).clip(0, 2 * half - 1)
            for half, offset in zip(middle, offsets, strict=True)
        )
        cost: Field = self.unlikely[down, right]
        return cost

    def _hashed(self, salt: int) -> npt.NDArray[np.int64]:
        """A number of 40 bits for every patch, from its place alone."""
        mixed = (self.rows.astype(np.uint64) << np.uint64(32)) ^ self.columns.astype(np.uint64)
        mixed ^= np.uint64((salt * 0x9E3779B97F4A7C15) % (1 << 64))
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
        hashed: npt.NDArray[np.int64] = (mixed >> np.uint64(24)).astype(np.int64)
        return hashed


def _padded(image: Field) -> Field:
    around = ((RADIUS, RADIUS), (RADIUS, RADIUS), (0, 0))
    return np.pad(image, around, mode="reflect" if min(image.shape[:2]) > RADIUS else "edge")


def _lines(image: Field) -> Field:
    """View (h, w - side + 1, side * c): the run of pixels that begins at each."""
    height, width, channels = image.shape
    image = np.ascontiguousarray(image)
    return np.lib.stride_tricks.as_strided(
        image, (height, width - _SIDE + 1, _SIDE * channels), image.strides, writeable=False
    )
