"""Exposure from frame to frame: one gain a frame and channel, so that a pixel pulled from far takes on the local light.

Here: measuring gains, and what a gain does to colours. Not here: which colours (``sampling.py``, ``pull.py``).

Cameras re-expose when an object enters; colours pulled from before it came would then be a visibly darker patch.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from propainter.classical.harmonic import Field, Mask
from propainter.classical.motion import Matrix, distance_to, guard_band, moved_by
from propainter.spread import ONE_BY_ONE, Spread

_CELL = 8
"""Pixels a side of the cells whose means are compared; a fraction of a pixel in their motion does not matter."""
STRIDES = (1, 4, 16)
"""Frames apart that are compared: the long strides keep small errors of the short ones from adding up."""
_LEAST_CELLS = 24
"""With fewer cells in common a pair of frames is not compared."""
RANGE = (0.04, 0.96)
"""Cells outside it, on a scale from black 0 to white 1, are too noisy or clipped to tell a gain."""


def frame_gains(
    frames: Field, holes: Mask, motions: list[Matrix], *, spread: Spread = ONE_BY_ONE
) -> npt.NDArray[np.float32]:
    """Logarithm of each frame's gain, (t, 3), up to a constant per channel; all 0 where nothing can be compared.

    frames: (t, h, w, 3), black is -1. holes: (t, h, w); their surroundings are left out, as shadows move with the object.
    motions: the background model of each pair, frame i to i + 1. Gains are the least-squares solution over the medians
    of all pairs compared.
    """
    count = len(frames)
    cells, clear = list(spread(_cell_means, frames)), list(spread(_clear_cells, holes))
    compared: list[tuple[int, int, Matrix]] = []
    for first in range(count - 1):
        motion = np.eye(3)
        for second in range(first + 1, min(first + max(STRIDES), count - 1) + 1):
            motion = motions[second - 1] @ motion
            if second - first in STRIDES:
                compared.append((first, second, motion))

    def compare(pair: tuple[int, int, Matrix]) -> npt.NDArray[np.float64] | None:
        first, second, motion = pair
        return _log_ratio(cells[first], cells[second], clear[first], clear[second], motion)

    equations, ratios = [np.full((1, count), 1e-3)], [np.zeros((1, 3))]
    for (first, second, _), ratio in zip(compared, spread(compare, compared), strict=True):
        if ratio is not None:
            row = np.zeros((1, count))
            row[0, [first, second]] = -1, 1
            equations.append(row)
            ratios.append(ratio[None])
    for i in range(count - 1):  # where nothing could be compared, the exposure is taken to stay
        row = np.zeros((1, count))
        row[0, [i, i + 1]] = -1e-2, 1e-2
        equations.append(row)
        ratios.append(np.zeros((1, 3)))
    a, b = np.concatenate(equations), np.concatenate(ratios)
    normal, right = np.einsum("ni,nj->ij", a, a), np.einsum("ni,nc->ic", a, b)
    return np.linalg.solve(normal, right).astype(np.float32)


def exposed(colours: Field, gain: Field) -> Field:
    """Colours (..., 3), black is -1, under the logarithm of a gain, (3,) or (..., 3). Where it is 0 no bit changes."""
    result: Field = colours + (colours + 1) * np.expm1(gain)
    return result


def _cell_means(frame: Field) -> Field:
    height, width = frame.shape[:2]
    size = (max(width // _CELL, 1), max(height // _CELL, 1))
    means = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    return ((means + 1) / 2).astype(np.float32)


def _clear_cells(hole: Mask) -> Mask:
    height, width = hole.shape
    size = (max(width // _CELL, 1), max(height // _CELL, 1))
    distance = cv2.resize(distance_to(hole), size, interpolation=cv2.INTER_AREA)
    return distance > guard_band(height, width) / 2


def _log_ratio(
    first: Field, second: Field, clear_first: Mask, clear_second: Mask, motion: Matrix
) -> npt.NDArray[np.float64] | None:
    """Median logarithm of second / first over the cells both show, (3,); None where they show too little in common."""
    rows, columns = np.nonzero(clear_first)
    x, y = moved_by(motion, (columns + 0.5) * _CELL - 0.5, (rows + 0.5) * _CELL - 0.5)
    x, y = (x + 0.5) / _CELL - 0.5, (y + 0.5) / _CELL - 0.5
    height, width = clear_second.shape
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    rows, columns, x, y = rows[inside], columns[inside], x[inside], y[inside]
    inside = clear_second[np.rint(y).astype(np.intp), np.rint(x).astype(np.intp)]
    rows, columns, x, y = rows[inside], columns[inside], x[inside], y[inside]
    if len(x) < _LEAST_CELLS:
        return None
    before = first[rows, columns]
    after = cv2.remap(second, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR).reshape(-1, 3)
    medians = np.zeros(3)
    for channel in range(3):
        low, high = np.minimum(before, after)[:, channel], np.maximum(before, after)[:, channel]
        usable = (low > RANGE[0]) & (high < RANGE[1])
        if np.count_nonzero(usable) < _LEAST_CELLS:
            return None
        medians[channel] = np.median(np.log(after[usable, channel] / before[usable, channel]))
    return medians
