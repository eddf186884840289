"""Native resolution: the fill of a plate larger than the working size, looked up in the plates themselves.

Flow, completion and painting see a smaller picture. What they found out about where the background is seen holds at any
size: places are carried to the plate's pixels (positions, never colours), and every plate is sampled once, in float. Texture
and grain are then the plate's own.

The painted picture keeps two tasks. It has the light of its place, so the pulled pixels take their low frequencies from it;
and it is the witness: where the two still differ once they are blurred alike, the pulled pixels show something else, and the
painted ones stand in, as they do for whatever is unseen.

Here: one frame's fill. Not here: finding the places (``Engine.find_sights``), reading plates (the backend).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from propainter.classical.exposure import exposed
from propainter.classical.harmonic import Field, Mask, box_around
from propainter.classical.kernels import FrameGround, Tally
from propainter.classical.places import Places, Taps, carried, numbered
from propainter.classical.sampling import look_up
from propainter.types import NOWHERE, Invented, Sights

CODE_VERSION = "6"
"""Raise it with every change here that may move a pixel; it is part of the cache keys of sights and fill."""

_KERNEL = 2
"""Plate pixels that bicubic sampling reads on each side of a place."""
_FINE = 1.0
"""Sigma in working pixels of the blur under which pulled and painted pixels are compared."""
_BROAD = 8.0
"""Sigma in working pixels of the blur that tells what is a difference of light alone, and no disagreement."""
_LIGHT = 2.0
"""Sigma in working pixels of the blur below which frequencies are the painted picture's."""
_AGREES = 6.0
"""Robust standard deviations of their difference that pulled and painted pixels may lie apart."""
_LEAST_BOUND, _MOST_BOUND = 0.06, 0.25
"""Differences, of a range of 2 from black to white, that are always agreement, and that never are."""
_FEATHER = 2.0
"""Working pixels over which pulled pixels fade into painted ones."""


@dataclass(frozen=True)
class PlatePart:
    """A box of a plate."""

    colours: Field
    """(h, w, 3), black is -1; what lies in the hole is never read."""
    hole: Mask
    """(h, w)."""


PlateReader = Callable[[int, slice, slice], PlatePart]
"""Given a frame, rows and columns: that box of its plate."""


@dataclass(frozen=True)
class _Scale:
    """Plate pixels per working pixel. Pixels are squares centred at whole numbers, in both pictures."""

    x: float
    y: float

    @property
    def mean(self) -> float:
        return float(np.sqrt(self.x * self.y))


def fill_natively(
    painted: Field,
    inside: Mask,
    sights: Sights,
    hole: Mask,
    *,
    working_size: tuple[int, int],
    read: PlateReader,
    tally: Tally | None = None,
) -> Field:
    """Colours (n, 3) of the pixels that are to be filled, by row, column.

    painted: the working picture, painted, at the plate's size, (h, w, 3), black is -1. inside: what is to be filled, (h, w).
    sights: of the hole (wh, ww) of the working picture, which covers every plate pixel it touches; its right and lower edges
    may be padding beyond working_size (width, height). read: called once for each frame the sights name that is looked into.
    tally: counts kernels that touch a hole.
    """
    scale = _Scale(inside.shape[1] / working_size[0], inside.shape[0] / working_size[1])
    ys, xs = np.nonzero(inside)
    colours = painted[ys, xs]
    if not len(ys) or not len(sights.frames):
        return colours
    pulled, seen = _pulled(ys, xs, sights, hole, scale, inside.shape, read, tally)
    rows, columns = box_around(inside, pad=0)
    where = ys - rows.start, xs - columns.start
    lit, good = _checked(pulled, colours, seen, where, inside[rows, columns].shape, scale.mean)
    share = _faded(good, where, inside[rows, columns], _FEATHER * scale.mean)[:, None]
    return colours + share * (lit - colours)


def with_invented(sights: Sights, invented: Invented, unseen: Mask) -> Sights:
    """The sights of a frame's hole, and in its unseen pixels the places that were copied.

    unseen: which pixels of the hole (n,) were invented, all that are the invention's.
    """
    source, x, y, weight = (getattr(sights, name).copy() for name in ("source", "x", "y", "weight"))
    piece = np.zeros_like(source)
    source[:, unseen], weight[:, unseen] = NOWHERE, 0
    source[0, unseen], x[0, unseen], y[0, unseen] = invented.source, invented.x, invented.y
    piece[0, unseen], weight[0, unseen] = invented.piece, invented.copied
    frames = np.unique(source[source != NOWHERE]).astype(np.int32)
    gain = np.zeros((len(frames), 3), np.float32)
    for at, frame in enumerate(frames):
        known = np.flatnonzero(sights.frames == frame)
        gain[at] = sights.gain[known[0]] if len(known) else 0
    return Sights(source, x, y, weight, frames, gain, piece)


def _pulled(
    ys: np.ndarray,
    xs: np.ndarray,
    sights: Sights,
    hole: Mask,
    scale: _Scale,
    size: tuple[int, int],
    read: PlateReader,
    tally: Tally | None,
) -> tuple[Field, Mask]:
    """Colours (n, 3) of plate pixels where they are seen, and whether they are."""
    x, y = ((xs + 0.5) / scale.x - 0.5).astype(np.float32), ((ys + 0.5) / scale.y - 0.5).astype(np.float32)
    height, width = hole.shape
    taps = Taps.at(x.clip(0, width - 1), y.clip(0, height - 1), height, width)
    number = numbered(hole)
    nearest = np.take_along_axis(number[taps.index], taps.weight.argmax(0)[None], 0)[0]
    sources, at, weights = [], [], []
    pieces = np.zeros_like(sights.source) if sights.piece is None else sights.piece
    for source, piece, to_x, to_y, weight in zip(sights.source, pieces, sights.x, sights.y, sights.weight, strict=True):
        # nothing is looked up between two pieces: to ``carried`` each is a source of its own
        named, together = np.unique(np.stack([source, piece]), axis=1, return_inverse=True)
        together = np.where(source == NOWHERE, NOWHERE, together.reshape(-1))
        way = carried(taps, number, Places(together.astype(np.int32), to_x, to_y, np.zeros(len(source), np.bool_)))
        sources.append(np.where(way.seen, named[0][np.maximum(way.source, 0)], NOWHERE) if len(source) else way.source)
        at.append(np.stack([(x + way.x + 0.5) * scale.x - 0.5, (y + way.y + 0.5) * scale.y - 0.5]))
        weights.append(np.where(way.seen & (nearest >= 0), weight[nearest], np.float32(0)))
    total = np.zeros((len(ys), 3), np.float32)
    for frame, gain in zip(sights.frames, sights.gain, strict=True):
        looks = [
            np.flatnonzero((source == frame) & (weight > 0)) for source, weight in zip(sources, weights, strict=True)
        ]
        points = np.concatenate([place[:, look] for place, look in zip(at, looks, strict=True)], 1)
        if not points.shape[1]:
            continue
        found, shown = _looked_up(points, int(frame), size, read, tally)
        found = exposed(found, gain)
        parts = [np.split(values, [len(looks[0])]) for values in (found, shown)]
        for look, weight, part, is_shown in zip(looks, weights, *parts, strict=True):
            weight[look[~is_shown]] = 0
            total[look] += part * weight[look, None]
    sum_of_weights = np.sum(weights, 0)
    return total / np.maximum(sum_of_weights, np.float32(1e-12))[:, None], sum_of_weights > 0


def _looked_up(
    points: Field, frame: int, size: tuple[int, int], read: PlateReader, tally: Tally | None
) -> tuple[Field, Mask]:
    """Colours (n, 3) of one plate at points (2, n), x and y, and which lie on good plate; only the box around is read.

    A place found among the working picture's pixels may lie a plate pixel or two within the hole.
    """
    box = []
    for coordinate, limit in zip(points[::-1], size, strict=True):
        coordinate.clip(0, limit - 1, out=coordinate)
        first, last = int(coordinate.min()) - _KERNEL, int(coordinate.max()) + _KERNEL + 1
        box.append(slice(max(first, 0), min(last + 1, limit)))
    part = read(frame, *box)
    ground = FrameGround(part.hole, tally)
    x, y = points[0] - np.float32(box[1].start), points[1] - np.float32(box[0].start)
    shown = ground.is_usable(x, y)
    found = np.zeros((len(x), part.colours.shape[2]), np.float32)
    image = np.where(part.hole[..., None], np.float32(0), part.colours) if part.hole.any() else part.colours
    found[shown] = look_up(image, x[shown], y[shown], ground)
    return found, shown


def _checked(
    pulled: Field,
    painted: Field,
    seen: Mask,
    where: tuple[np.ndarray, np.ndarray],
    shape: tuple[int, int],
    scale: float,
) -> tuple[Field, Mask]:
    """Pulled pixels in the light of the painted ones, and which of them show the same."""
    if not seen.any():
        return pulled, seen
    difference = painted - pulled

    def blurred(sigma: float, members: Mask) -> Field:
        image = np.zeros((*shape, 4), np.float32)
        image[where[0][members], where[1][members], :3] = difference[members]
        image[where[0][members], where[1][members], 3] = 1
        soft = cv2.GaussianBlur(image, (0, 0), sigma * scale, borderType=cv2.BORDER_CONSTANT)[where]
        mean: Field = soft[:, :3] / np.maximum(soft[:, 3:], np.float32(1e-6))
        return mean

    miss = np.abs(blurred(_FINE, seen) - blurred(_BROAD, seen)).max(1)
    bound = np.clip(_AGREES * 1.4826 * float(np.median(miss[seen])), _LEAST_BOUND, _MOST_BOUND)
    good = seen & (miss <= bound)
    return pulled + blurred(_LIGHT, good), good


def _faded(good: Mask, where: tuple[np.ndarray, np.ndarray], inside: Mask, feather: float) -> Field:
    """Share of the pulled pixels: 0 where they are no good, rising to 1 with the distance to such."""
    usable = np.ones(inside.shape, np.uint8)
    usable[where[0][~good], where[1][~good]] = 0
    if usable.all():
        return np.ones(len(good), np.float32)
    distance = cv2.distanceTransform(usable, cv2.DIST_L2, cv2.DIST_MASK_5)[where]
    share: Field = (distance / np.float32(feather)).clip(0, 1)
    return share
