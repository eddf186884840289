"""Light that moves over the scene: a smooth field of gains for every frame, beside the one gain each frame has as a whole.

Here: ``Light``, and finding it. Not here: comparing frames cell by cell (``light_seen.py``), the exposure of whole frames
(``exposure.py``), closing what is left at the rim of a hole (``seam.py``).

A shadow that sweeps over the scene darkens a place in one frame and not in another. A hole filled from several frames
would show the borders between them. The field that explains what frames differ by, smooth in space, is the least-squares
solution over all comparisons; over holes it is stretched. It is kept only where it foretells comparisons it was not told
of: where the light stays as it is, no pixel changes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from propainter.classical.flow_image import Flows, Index
from propainter.classical.harmonic import Field, Mask
from propainter.classical.light_seen import Compared, Gains, compared_light
from propainter.spread import ONE_BY_ONE, Spread

_SMOOTH = 0.3
"""Weight of 'the same gain as the cell beside' against one comparison."""
_AS_IT_IS = 1e-3
"""Weight of 'no gain', for what nothing compares."""
_ROUNDS = 3
"""Reweightings: what moves by itself is no light."""
_STEPS = 40
"""Of conjugate gradients, a round."""
_NOISE = 0.1
"""Logarithm of a gain below which a difference counts in full: the edge of a shadow is no outlier."""
_HELD_BACK = 5
"""Of so many comparisons one is held back, to see whether the field foretells it."""
_FORETOLD = 0.8
"""Share of what frames differ by that a field must foretell to be believed."""


@dataclass(frozen=True)
class Light:
    """Of t frames, the logarithm of the gain at each place, linear between the centres of cells."""

    cells: Field
    """(t, rows, columns, 3), two rows and columns at least."""
    size: tuple[int, int]
    """Width and height of the frames."""

    def at(self, frame: int, x: Field | Index, y: Field | Index) -> Field:
        """At points (n,) of one frame: (n, 3). Of a frame elsewhere in the shot nothing is known: 0."""
        if not 0 <= frame < len(self.cells):
            return np.zeros((len(x), 3), np.float32)
        cells = self.cells[frame]
        rows, columns = cells.shape[:2]
        u = ((x + 0.5) * (columns / self.size[0]) - 0.5).astype(np.float32).clip(0, columns - 1)
        v = ((y + 0.5) * (rows / self.size[1]) - 0.5).astype(np.float32).clip(0, rows - 1)
        left, top = np.minimum(u.astype(np.intp), columns - 2), np.minimum(v.astype(np.intp), rows - 2)
        across, down = (u - left.astype(np.float32))[:, None], (v - top.astype(np.float32))[:, None]
        above = cells[top, left] * (1 - across) + cells[top, left + 1] * across
        below = cells[top + 1, left] * (1 - across) + cells[top + 1, left + 1] * across
        found: Field = above * (1 - down) + below * down
        return found


def moving_light(
    frames: Field, holes: Mask, flows: Flows, gains: Field, *, spread: Spread = ONE_BY_ONE
) -> Light | None:
    """The light of frames (t, h, w, 3), black is -1, beside their gains (t, 3) as a whole; None where it stays as it is.

    holes: (t, h, w); their surroundings are left out, as shadows move with the object. flows: of each pair, i to i + 1.
    """
    compared = compared_light(frames, holes, flows, gains, spread=spread)
    held = compared.number % _HELD_BACK == 0
    if np.count_nonzero(held) < compared.shape[1] * compared.shape[2]:
        return None
    grey = replace(compared, ratio=compared.ratio.mean(1, keepdims=True))
    asked = grey.take(held)
    was, miss = (np.abs(each) for each in (asked.ratio, asked.ratio - asked.foretold(_explained(grey.take(~held)))))
    bound = _bound(miss)
    if _bounded(miss, bound).sum() > (1 - _FORETOLD) * _bounded(was, bound).sum():
        return None
    cells = _explained(compared).reshape(*compared.shape, 3).astype(np.float32)
    return Light(cells, (holes.shape[2], holes.shape[1]))


def _explained(compared: Compared) -> Gains:
    """The field (cells, c) that explains the comparisons."""
    field, weight = np.zeros((compared.cells, compared.ratio.shape[1])), np.ones(len(compared.cell))
    for attempt in range(_ROUNDS):
        if attempt:
            miss = np.abs(compared.ratio - compared.foretold(field)).max(1)
            weight = 1 / (1 + (miss / _bound(miss)) ** 2) ** 2
        field = _solved(compared, weight, field)
    return field


def _solved(compared: Compared, weight: Gains, field: Gains) -> Gains:
    """The weighted least-squares solution, by conjugate gradients from a field on."""
    rest = compared.gathered(weight[:, None] * compared.ratio) - _asked_of(field, compared, weight)
    way, square = rest, (rest * rest).sum(0)
    for _ in range(_STEPS):
        ahead = _asked_of(way, compared, weight)
        step = square / np.maximum((way * ahead).sum(0), 1e-30)
        field, rest = field + step * way, rest - step * ahead
        before, square = square, (rest * rest).sum(0)
        way = rest + (square / np.maximum(before, 1e-30)) * way
    return field


def _asked_of(field: Gains, compared: Compared, weight: Gains) -> Gains:
    """The normal equations' left side."""
    told = compared.gathered(weight[:, None] * compared.foretold(field))
    images = field.reshape(*compared.shape, -1)
    bent = np.zeros_like(images)
    for axis in (1, 2):
        ends = [(1, 1) if i == axis else (0, 0) for i in range(4)]
        bent -= np.diff(np.pad(np.diff(images, axis=axis), ends), axis=axis)
    total: Gains = told + _SMOOTH * bent.reshape(field.shape) + _AS_IT_IS * field
    return total


def _bound(miss: Gains) -> float:
    return 2 * max(1.4826 * float(np.median(miss)), _NOISE)


def _bounded(miss: Gains, bound: float) -> Gains:
    square: Gains = miss**2 / (miss**2 + bound**2)
    return square
