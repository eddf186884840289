"""Offsets at which the surroundings of a hole are likely to go on inside it.

Natural pictures repeat at few offsets (He & Sun 2012): along a floor, a facade, a horizon. So a piece of the plate, copied
over one of few dozen offsets, stays whole and straight.

Here: which offsets are worth trying. Two askers propose: patches of the rim that look for their like elsewhere, near and
wide; and the surroundings as a whole (``repetition.py``). Not here: which offset a pixel takes (``pieces.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from propainter.classical.flow_image import Index
from propainter.classical.harmonic import Field, Mask
from propainter.classical.texture.likeness import NOISE, Look
from propainter.classical.texture.repetition import repetition_of

Offsets = npt.NDArray[np.intp]
"""(k, 2): rows down and columns right, from a pixel to where it is copied from."""
_ASKERS = ((8, 4), (24, 6))
"""Radius in pixels of a patch of the rim, and how many places it may propose."""
_MOST_ASKERS = 48
"""Patches of one radius, at most."""
_LEAST_KNOWN = 0.15
"""Share of a patch that must be known for it to propose."""
_PROPOSED_BY_ALL = 24
"""Offsets that the surroundings as a whole propose."""
_SAYS_OF_ALL = 4.0
"""Votes of the surroundings, against one of a patch."""
_NEAR = 24
"""Pixels around the hole that count as surroundings."""
_LEAST_COVER = 0.4
"""Share of the hole that must be known an offset away for the surroundings to propose it."""
_SURE = 0.3
"""Relative difference at which a vote falls to 1/e."""
_NOTHING = np.float32(9)
"""Relative difference of what may not be proposed."""
_FAR = np.float32(6)
"""A colour no picture has."""
_POINTS = 400
"""Pixels of the hole at which it is looked whether every place has good offsets to choose from."""
_TIRED = 0.97
"""What each further choice leaves of what a place has: so all get a second and a third."""


@dataclass(frozen=True)
class Likely:
    """Offsets worth trying."""

    offsets: Offsets
    cost: Field
    """(k,): how badly the surroundings as a whole repeat there; 1: as at any place."""


def likely_offsets(look: Look, hole: Mask, most: int) -> Likely:
    """The most promising offsets for a hole (h, w), at most so many."""
    spread = max(2 * float(look.picture[_ring(hole) & look.known].var(0).sum()), 3 * NOISE) if hole.any() else 1.0
    repeated = repetition_of(look.picture, _ring(hole) & look.known, look.usable) / np.float32(spread)
    proposals = [*_of_rim(look, hole), *_of_all(look, hole, repeated)]
    if not proposals:
        return Likely(np.zeros((0, 2), np.intp), np.zeros(0, np.float32))
    offsets = np.array([at for at, _ in proposals], np.intp)
    say = np.array([vote for _, vote in proposals])
    votes = (np.abs(offsets[:, None] - offsets[None]).max(2) <= 1) @ say
    distinct, alive = [], np.ones(len(offsets), np.bool_)
    for at in np.argsort(-votes, kind="stable"):
        if alive[at]:
            distinct.append(at)
            alive &= np.abs(offsets - offsets[at]).max(1) > 1
    offsets, votes = offsets[distinct], votes[distinct]
    chosen = _choice(look, hole, offsets, votes, most)
    offsets = offsets[chosen]
    return Likely(offsets, repeated[offsets[:, 0] + hole.shape[0], offsets[:, 1] + hole.shape[1]])


def _ring(hole: Mask) -> Mask:
    ring: Mask = cv2.dilate(hole.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=_NEAR) > 0
    return ring


def _of_rim(look: Look, hole: Mask) -> Iterator[tuple[tuple[int, int], float]]:
    """Offsets and votes of patches along the rim."""
    far = np.where(look.usable[..., None], look.picture, _FAR)
    known = look.known.astype(np.float32)
    rims, _ = cv2.findContours(
        cv2.dilate(hole.astype(np.uint8), np.ones((5, 5), np.uint8)), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE
    )
    length = sum(len(rim) for rim in rims)
    for radius, places in _ASKERS:
        side = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
        whole = cv2.erode(look.usable.astype(np.uint8), side, borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0
        for x, y in np.concatenate([rim[:, 0] for rim in rims])[:: max(radius, length // _MOST_ASKERS)].tolist():
            rows, columns = slice(max(y - radius, 0), y + radius + 1), slice(max(x - radius, 0), x + radius + 1)
            mask, mine = known[rows, columns], np.ascontiguousarray(look.picture[rows, columns])
            if mask.sum() < _LEAST_KNOWN * side.size:
                continue
            spread = 2 * float(mine[mask > 0].var(0).sum()) + 3 * NOISE
            gap = cv2.matchTemplate(far, mine, cv2.TM_SQDIFF, mask=np.repeat(mask[..., None], 3, 2))
            gap = np.maximum(gap / np.float32(mask.sum()) - np.float32(6 * look.grain), 0) / np.float32(spread)
            up, left = y - rows.start, x - columns.start
            gap = np.where(whole[up : up + gap.shape[0], left : left + gap.shape[1]], gap, _NOTHING)
            for row, column, miss in _lowest(gap, places, max(radius // 2, 3)):
                yield (row - rows.start, column - columns.start), float(np.exp(-miss / _SURE))


def _of_all(look: Look, hole: Mask, repeated: Field) -> Iterator[tuple[tuple[int, int], float]]:
    """Offsets and votes of the surroundings as a whole."""
    size = repeated.shape
    covered = np.conj(np.fft.rfft2(hole.astype(np.float64), size)) * np.fft.rfft2(look.usable.astype(np.float64), size)
    share = np.roll(np.fft.irfft2(covered, size), hole.shape, (0, 1)) / hole.sum()
    allowed = np.where(share > _LEAST_COVER, repeated, _NOTHING)
    for row, column, miss in _lowest(allowed, _PROPOSED_BY_ALL, 3):
        yield (row - hole.shape[0], column - hole.shape[1]), _SAYS_OF_ALL * float(np.exp(-miss / _SURE))


def _lowest(gap: Field, count: int, apart: int) -> Iterator[tuple[int, int, float]]:
    """Row, column and value of the lowest places of an image, apart from each other. The image is used up."""
    for _ in range(count):
        row, column = divmod(int(gap.argmin()), gap.shape[1])
        if gap[row, column] >= _NOTHING / 2:
            return
        yield row, column, float(gap[row, column])
        gap[max(row - apart, 0) : row + apart + 1, max(column - apart, 0) : column + apart + 1] = _NOTHING


def _choice(look: Look, hole: Mask, offsets: Offsets, votes: np.ndarray, most: int) -> Index:
    """So many offsets that every place of the hole has good ones: known there, and of the texture it should have."""
    step = max(1, int((hole.sum() / _POINTS) ** 0.5))
    rows, columns = np.nonzero(hole)
    some = (rows % step == 0) & (columns % step == 0)
    rows, columns = (rows[some], columns[some]) if some.any() else (rows, columns)
    there = rows + offsets[:, :1], columns + offsets[:, 1:]
    lacking = look.lacks(*there)
    height, width = hole.shape
    gap = look.features[there[0].clip(0, height - 1), there[1].clip(0, width - 1)] - look.features[rows, columns]
    worth = np.where(lacking, 0, np.exp(-(gap**2).sum(2)) * np.sqrt(0.2 + votes / votes.max())[:, None])
    best, left, chosen = np.zeros(len(rows)), np.ones(len(offsets), np.bool_), []
    for _ in range(min(most, len(offsets))):
        gain = np.where(left, np.maximum(worth - best, 0).sum(1), -1)
        taken = int(gain.argmax())
        chosen.append(taken)
        left[taken] = False
        best = np.maximum(best, worth[taken]) * _TIRED
    return np.array(chosen, np.intp)
