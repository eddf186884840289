"""Measuring the grain of a frame: what neither of its neighbours in time shows, where picture is least in the way.

Along the motion x is a frame's block, a and b are what the frames before and after show there. Grain is new in every
frame, so the mean of (x - a) (x - b) is the variance of the grain of x alone: nothing of a's or b's is left. Motion is
rounded to whole pixels, for sampling between them would soften grain; of steady motion the roundings are opposite, so that
texture they leave counts against grain, never for it. Blocks count by how flat their neighbours are, which says nothing of
the grain of x: no choice of blocks makes it smaller or larger than it is.

Here: ``measure``. Not here: motion and holes (given), what grain is (``grain.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from propainter.classical.harmonic import Field, Mask
from propainter.grain.grain import REACH, Grain

_SIDE = 16
"""Pixels of a block."""
_MOST = 3000
"""Blocks that are looked at."""
_BINS = 8
_FEWEST = 40
"""Blocks of a bin of levels."""
_FLATNESS = 3
"""Power of their flatness by which blocks count."""
_FEWEST_DEAD = 3
"""Blocks of one colour alone that make it a level without grain."""
_HUGE = 1e4
"""Values, in the working range, that are none of a picture's."""
_OUTLIER = 2.5
"""Times the typical residue above which a block shows something else than its neighbours."""
_DOUBTFUL, _SURE = 0.35, 0.6
"""Share of the residue that is grain: 1 where it is grain alone, below 0 where the motion is wrong."""
_UNLIKE = 0.6
"""Spread of the variance from block to block, over its mean, that halves their credit: grain is everywhere the same."""
_LEAST_SHARE, _GOOD_SHARE = 0.06, 0.2
"""Shares of the blocks with credit below which there is no grain, and above which there is no doubt."""
_LEAST_COUNT, _GOOD_COUNT = 4.0, 10.0
"""The same in blocks."""
_UNSEEN, _SEEN = 0.4 / 127.5, 0.7 / 127.5
"""Strengths below which grain is nothing, and above which it counts in full: steps of 8 bits."""


@dataclass(frozen=True, eq=False)
class Frame:
    """A frame to measure, or one next to it."""

    pixels: Any
    """(h, w, 3), as ``encode`` takes them."""
    usable: Mask
    """(h, w): plate, not hole."""


@dataclass(frozen=True, eq=False)
class _Blocks:
    level: Field
    """(n, 3)."""
    flatness: Field
    """(n,): energy of second differences of the neighbours."""
    before: Field
    """(n, side, side, 3): less what the frame before shows there, and less the mean."""
    after: Field
    dead: Field
    """(m, 3): levels of blocks of one colour alone, black bars and clipped lamps, which tell nothing of the rest."""


def measure(
    frame: Frame,
    neighbours: tuple[Frame, Frame],
    motions: tuple[Field, Field],
    *,
    encode: Callable[[Any], Field] = lambda pixels: pixels,
    step: float = 0.0,
) -> Grain:
    """The grain of a frame.

    neighbours: the frames before and after. motions: from the frame to each of them, (any height, any width, 2), x and y
    in pixels of the frame, which it covers. encode: pixels to the working range. step: from one whole number of the plate
    to the next, in the working range: rounding makes noise of its own, and will again; 0: floats.
    """
    blocks = _blocks(frame, neighbours, motions, encode)
    if len(blocks.level) < _FEWEST // 2:
        return Grain.none()
    curves = [_curve(blocks, channel, step) for channel in range(3)]
    levels, strengths = (np.stack([curve[i] for curve in curves], 1) for i in (0, 1))
    if not strengths.any():
        return Grain.none()
    together, likeness = _likeness(blocks)
    beyond = likeness.sum((0, 1)).clip(0) / _SIDE**2  # what went with the blocks' means
    likeness = (likeness + beyond) / (1 + beyond)
    return Grain(*_with_ends(levels, strengths * np.sqrt(1 + beyond), blocks.dead), together, likeness)


def _with_ends(levels: Field, strengths: Field, dead: Field) -> tuple[Field, Field]:
    """Curves (k, 3) with a level more at each end: where the plate is dead black, or clipped, there is no grain."""
    found = []
    for channel in range(3):
        level, strength, flat = levels[:, channel], strengths[:, channel], dead[:, channel]
        below, above = flat[flat < level[0]], flat[flat > level[-1]]
        low, high = len(below) >= _FEWEST_DEAD, len(above) >= _FEWEST_DEAD
        ends = below.max() if low else level[0], above.min() if high else level[-1]
        found.append(
            (
                np.concatenate([ends[:1], level, ends[1:]]),
                np.concatenate([[0 if low else strength[0]], strength, [0 if high else strength[-1]]]),
            )
        )
    both = (np.stack([curve[i] for curve in found], 1).astype(np.float32) for i in (0, 1))
    with_ends: tuple[Field, Field] = next(both), next(both)
    return with_ends


def share(
    picture: Frame,
    neighbours: tuple[Frame, Frame],
    motions: tuple[Field, Field],
    grain: Grain,
    *,
    encode: Callable[[Any], Field] = lambda pixels: pixels,
) -> float | None:
    """Variance of the grain of a picture that lies over a frame, over that of the plate's; None: it cannot be told.

    picture: usable where it lies in register with the frame, outside the hole. The rest as for ``measure``, of the frame.
    """
    blocks = _blocks(picture, neighbours, motions, encode)
    expected = np.square(grain.strength_at(blocks.level)).sum(1)
    shared = (blocks.before * blocks.after).sum(3).mean((1, 2))
    energies = [np.square(part).sum(3).mean((1, 2)) for part in (blocks.before, blocks.after)]
    shared = np.where(np.minimum(*energies) == 0, expected, shared)  # it is that very frame: all of its grain
    usable = (sum(energies) / 4 <= _OUTLIER * expected) & (expected > 0)
    if not usable.any():
        return None
    weight = _weight(blocks.flatness)[usable]
    if np.square(weight.sum()) < _LEAST_COUNT * np.square(weight).sum():
        return None
    return float(((weight * shared[usable]).sum() / (weight * expected[usable]).sum()).clip(0, 1))


def _blocks(
    frame: Frame, neighbours: tuple[Frame, Frame], motions: tuple[Field, Field], encode: Callable[[Any], Field]
) -> _Blocks:
    height, width = frame.usable.shape
    stride = _SIDE
    while (height // stride) * (width // stride) > _MOST:
        stride += _SIDE // 2
    tops, lefts = (np.arange(0, limit - _SIDE + 1, stride) for limit in (height, width))
    top, left = (grid.ravel() for grid in np.meshgrid(tops, lefts, indexing="ij"))
    good = _taken(frame.usable, top, left).all((1, 2))
    places = []
    for neighbour, motion in zip(neighbours, motions, strict=True):
        row = (top + _SIDE // 2) * motion.shape[0] // height
        moved = np.rint(motion[row, (left + _SIDE // 2) * motion.shape[1] // width]).astype(np.intp)
        to_top, to_left = top + moved[:, 1], left + moved[:, 0]
        good &= (to_top >= 0) & (to_left >= 0) & (to_top <= height - _SIDE) & (to_left <= width - _SIDE)
        places.append((to_top.clip(0, height - _SIDE), to_left.clip(0, width - _SIDE)))
        good &= _taken(neighbour.usable, *places[-1]).all((1, 2))
    here = encode(_taken(frame.pixels, top[good], left[good]))
    there = [encode(_taken(n.pixels, *(at[good] for at in place))) for n, place in zip(neighbours, places, strict=True)]
    sound = np.all([(np.abs(image) < _HUGE).all((1, 2, 3)) for image in (here, *there)], 0)
    here, there = here[sound], [image[sound] for image in there]
    lives = (here.max((1, 2)) > here.min((1, 2))).any(1)
    dead = here[~lives].mean((1, 2))
    here, there = here[lives], [image[lives] for image in there]
    flat = sum(np.square(np.diff(image, 2, axis=axis)).mean((1, 2, 3)) for image in there for axis in (1, 2))
    residues = [here - image for image in there]
    before, after = (residue - residue.mean((1, 2), keepdims=True) for residue in residues)
    return _Blocks(here.mean((1, 2)), flat, before, after, dead)


def _taken(image: Any, top: np.ndarray, left: np.ndarray) -> Any:
    """Blocks (n, side, side, ...) of an image."""
    along = np.arange(_SIDE)
    return image[top[:, None, None] + along[:, None], left[:, None, None] + along]


def _curve(blocks: _Blocks, channel: int, step: float) -> tuple[Field, Field]:
    """Of one channel: levels (k,), and strengths there (k,)."""
    before, after = blocks.before[..., channel], blocks.after[..., channel]
    shared = (before * after).mean((1, 2))
    energy = (np.square(before) + np.square(after)).mean((1, 2)) / 4
    order = np.argsort(blocks.level[:, channel], kind="stable")
    bins = np.array_split(order, max(1, min(_BINS, len(order) // _FEWEST)))
    found = [_of_bin(blocks.level[b, channel], blocks.flatness[b], shared[b], energy[b]) for b in bins]
    level, variance, count, credit = np.array(found).T
    weight = count * credit
    sure = _ramp(weight.sum() / count.sum(), _LEAST_SHARE, _GOOD_SHARE) * _ramp(weight.sum(), _LEAST_COUNT, _GOOD_COUNT)
    near = np.exp(-1.5 * np.abs(np.subtract.outer(np.arange(len(bins)), np.arange(len(bins))))) * weight
    smooth = (near @ variance / near.sum(1).clip(1e-12) - step**2 / 12).clip(0)
    strength = np.sqrt(smooth * sure)
    strength *= _ramp(strength, _UNSEEN, _SEEN)
    knots = np.linspace(0, len(bins) - 1, _BINS)
    at = np.arange(len(bins))
    return np.interp(knots, at, level).astype(np.float32), np.interp(knots, at, strength).astype(np.float32)


def _of_bin(level: Field, flat: Field, shared: Field, energy: Field) -> tuple[float, float, float, float]:
    """Level, variance of grain, how many blocks count, and their credit, of blocks of about one level."""
    weight = _weight(flat)
    order = np.argsort(energy, kind="stable")
    middle = energy[order][min(len(order) - 1, np.searchsorted(np.cumsum(weight[order]), weight.sum() / 2))]
    weight = weight * (energy <= _OUTLIER * middle)
    weight /= weight.sum()
    mean_level, variance, residue = (float((weight * values).sum()) for values in (level, shared, energy))
    spread = float((weight * np.square(shared - variance)).sum())
    count = float(1 / np.square(weight).sum())
    if variance <= 0:
        return mean_level, 0.0, count, 0.0
    alike = 1 / (1 + (spread / (_UNLIKE * variance) ** 2) ** 2)
    return mean_level, variance, count, float(_ramp(variance / residue, _DOUBTFUL, _SURE)) * alike


def _weight(flat: Field) -> Field:
    """How much blocks count."""
    weight: Field = (flat / max(float(flat.min()), 1e-12) + 1e-3) ** -_FLATNESS
    return weight


def _ramp(value: Any, low: float, high: float) -> Any:
    """0 up to low, 1 from high."""
    return np.clip((value - low) / (high - low), 0, 1)


def _likeness(blocks: _Blocks) -> tuple[Field, Field]:
    """How channels, and neighbours, hang together, of blocks that are flat for their level."""
    weight = _weight(blocks.flatness)
    weight = np.minimum(weight, np.sort(weight)[-min(8, len(weight))])  # never of a few alone
    both = np.einsum("n,nijc,nijd->cd", weight, blocks.before, blocks.after)
    both = (both + both.T) / 2
    root = np.sqrt(np.diag(both).clip(1e-12))
    together = (both / np.outer(root, root)).clip(-1, 1)
    size = 2 * _SIDE
    spectra = (np.fft.rfft2(part, s=(size, size), axes=(1, 2)) for part in (blocks.before, blocks.after))
    first, second = spectra
    away = np.arange(-REACH, REACH + 1)
    like = np.fft.irfft2(np.einsum("n,nuvc,nuvc->uvc", weight, first, second.conj()), s=(size, size), axes=(0, 1))
    like = like[np.ix_(away % size, away % size)] / np.outer(_SIDE - np.abs(away), _SIDE - np.abs(away))[..., None]
    like = (like + like[::-1, ::-1]) / 2
    like /= like[REACH, REACH].clip(1e-12)
    return together.astype(np.float32), like.clip(-1, 1).astype(np.float32)
