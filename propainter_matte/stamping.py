"""A clone stamp from another frame, moved by the background's motion: how a clean plate is painted.

Here: ``stamp``, ``background_way``. Not here: the look of a stroke on screen, files, undo (whoever asks keeps the
picture it had); the fill of a removal (``propainter``).

The picture comes back in its own numbers: floats stay floats, above 1 and below 0 too, and what the brush does not reach
stays as it was, to the bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from propainter.classical.kernels import keys_weights
from propainter.classical.motion import Matrix, moved_by
from propainter_matte.arrays import Field, Mask
from propainter_matte.footage import Footage
from propainter_matte.marks import Point

SOFTNESS = 0.5
"""Share of the brush's radius over which it fades out."""

Plate = npt.NDArray[Any]
"""[h, w] or [h, w, channels] of any integer or float type."""


def stamp(
    picture: Plate,
    source: Plate,
    motion: Matrix | Field,
    points: Sequence[Point],
    *,
    radius: float,
    softness: float = SOFTNESS,
    offset: Point = (0.0, 0.0),
) -> Plate:
    """A new picture: ``picture`` with what ``source`` shows at the same place of the scene, along a line of a round brush.

    picture, source: two frames of one plate, of one shape and type. motion: the way of the background from picture to
    source, in plate pixels: a homography [3, 3] of (x, y, 1), as ``background_way`` finds it, or a flow field [h, w, 2], x
    right, y down; (0, 0) is the middle of the upper left pixel there. points: the line, one point is a dot; (x, y) in plate
    pixels from the upper left corner, as in ``marks.py``. radius: of the brush, in pixels. softness: 0 is a hard brush but
    for a pixel, 1 fades from its middle. offset: how far beside that place of the source to read, in the source's pixels.

    Samples are bicubic, never beyond what the pixels they are made of hold. Nothing is stamped where the place lies outside
    the source, or where the source is not finite. Raises ValueError for what cannot be.
    """
    _check(picture, source, motion, points, radius, softness)
    rows, columns, weight = _brush(picture.shape[:2], points, radius, softness)
    x, y = _places(motion, rows, columns)
    x, y = x + offset[0], y + offset[1]
    height, width = source.shape[:2]
    with np.errstate(invalid="ignore"):
        within = (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)
    rows, columns, weight, x, y = (each[within] for each in (rows, columns, weight, x, y))
    stamped: Plate = picture.copy()
    if not len(rows):
        return stamped
    found = _sampled(source.reshape(height, width, -1), x, y)
    known = np.isfinite(found).all(1)
    rows, columns, found, share = rows[known], columns[known], found[known], weight[known][:, None]
    below = picture.reshape(*picture.shape[:2], -1)[rows, columns].astype(np.float64)
    with np.errstate(invalid="ignore"):  # where the brush covers wholly, what was below counts no more, finite or not
        mixed = np.where(share >= 1, found, below + share * (found - below))
    if np.issubdtype(picture.dtype, np.integer):
        limits = np.iinfo(picture.dtype)
        mixed = np.rint(mixed).clip(limits.min, limits.max)
    stamped.reshape(*picture.shape[:2], -1)[rows, columns] = mixed.astype(picture.dtype)
    return stamped


def background_way(
    footage: Footage, index: int, other: int, *, size: tuple[int, int], mattes: Mapping[int, Field] | None = None
) -> Matrix:
    """The homography that carries frame ``index``'s background to frame ``other``, in pixels of a plate of a size.

    size: width and height of the plate. mattes: the objects', by frame, at the working size; what they cover is not taken
    for background. Raises ValueError where a frame is not in the footage.
    """
    for frame in (index, other):
        if not 0 <= frame < footage.count:
            raise ValueError(f"frame {frame} does not lie within 0..{footage.count - 1}")
    way = 1 if other > index else -1
    nothing: Mask = np.zeros((footage.height, footage.width), np.bool_)
    total: Matrix = np.eye(3)
    for here in range(index, other, way):
        matte = None if mattes is None else mattes.get(here)
        beside = nothing if matte is None else matte > 0.3
        total = footage.motion(here, here + way, beside) @ total
    enlarged = _enlargement(size[0] / footage.width, size[1] / footage.height)
    found: Matrix = enlarged @ total @ np.linalg.inv(enlarged)
    found /= found[2, 2]
    return found


def _enlargement(across: float, down: float) -> Matrix:
    """From pixels of a small picture to those of a large one, both counted from the middle of the first."""
    return np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2], [0, 0, 1]])


def _brush(
    shape: tuple[int, ...], points: Sequence[Point], radius: float, softness: float
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """Pixels that a line reaches, and how far it covers them: above 0, at most 1."""
    line = np.array(points, np.float64) - 0.5
    height, width = shape
    reach = radius + 0.5
    first = np.maximum(np.floor(line.min(0) - reach), 0).astype(int)
    last = np.minimum(np.ceil(line.max(0) + reach), (width - 1, height - 1)).astype(int)
    y, x = np.mgrid[first[1] : max(first[1], last[1] + 1), first[0] : max(first[0], last[0] + 1)]
    off = np.full(x.shape, np.inf)
    for start, end in pairwise(line if len(line) > 1 else line.repeat(2, 0)):
        along = end - start
        length = float(along @ along)
        share = (((x - start[0]) * along[0] + (y - start[1]) * along[1]) / length).clip(0, 1) if length else 0.0
        off = np.minimum(off, np.hypot(x - start[0] - share * along[0], y - start[1] - share * along[1]))
    share = ((reach - off) / (1 + softness * radius)).clip(0, 1)
    weight = share * share * (3 - 2 * share)
    inside = weight > 0
    return y[inside], x[inside], weight[inside]


def _places(
    motion: Matrix | Field, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    if motion.shape == (3, 3):
        return moved_by(motion / motion[2, 2], columns.astype(np.float64), rows.astype(np.float64))
    moved: npt.NDArray[np.float64] = motion[rows, columns].astype(np.float64)
    return columns + moved[:, 0], rows + moved[:, 1]


def _sampled(image: Plate, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Colours [n, channels] at points, image borders repeated; the nearest pixel where a neighbour is not finite."""
    height, width, channels = image.shape
    left, top = np.floor(x).astype(np.intp), np.floor(y).astype(np.intp)
    across, down = (keys_weights((at - low).astype(np.float32)) for at, low in ((x, left), (y, top)))
    total = np.zeros((len(x), channels))
    lowest, highest = np.full((2, *total.shape), np.inf)
    highest = -highest
    for j in range(4):
        row = (top + j - 1).clip(0, height - 1)
        for i in range(4):
            taken = image[row, (left + i - 1).clip(0, width - 1)].astype(np.float64)
            weight = (across[i] * down[j])[:, None]
            with np.errstate(invalid="ignore", over="ignore"):
                total += np.where(weight != 0, weight * taken, 0)
            counts = weight != 0
            lowest = np.where(counts, np.minimum(lowest, taken), lowest)
            highest = np.where(counts, np.maximum(highest, taken), highest)
    nearest = image[np.rint(y).astype(np.intp).clip(0, height - 1), np.rint(x).astype(np.intp).clip(0, width - 1)]
    with np.errstate(invalid="ignore"):
        held: npt.NDArray[np.float64] = np.where(np.isfinite(total), np.clip(total, lowest, highest), nearest)
    return held


def _check(
    picture: Plate, source: Plate, motion: Matrix | Field, points: Sequence[Point], radius: float, softness: float
) -> None:
    if picture.shape != source.shape or picture.dtype != source.dtype or picture.ndim not in (2, 3):
        raise ValueError(
            f"the picture is {_kind(picture)} but the frame it is stamped from is {_kind(source)}; take both from one plate"
        )
    if motion.shape not in ((3, 3), (*picture.shape[:2], 2)):
        raise ValueError(f"the motion is {_by(motion)}; give a homography 3x3 or a flow of the picture's size")
    if not len(points) or not np.isfinite(np.array(points, np.float64)).all():
        raise ValueError("a stamp needs a point, in finite plate pixels")
    if not radius > 0 or not np.isfinite(radius) or not 0 <= softness <= 1:
        raise ValueError(f"radius {radius:g} must lie above 0 and softness {softness:g} between 0 and 1")


def _kind(picture: Plate) -> str:
    return f"{_by(picture)} of {picture.dtype}"


def _by(array: npt.NDArray[Any]) -> str:
    return "x".join(str(side) for side in array.shape)
