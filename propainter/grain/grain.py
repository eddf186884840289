"""What grain is: how strong at each level of each channel, how its neighbours and its channels hang together.

Here: ``Grain`` and what follows from it. Not here: measuring one (``measuring.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from propainter.classical.harmonic import Field

REACH = 6
"""Pixels up to which grain hangs together."""
SIDE = 8
"""Pixels of a block that grain is removed in."""


def cosines(side: int = SIDE) -> Field:
    """The orthonormal cosine transform, (frequency, pixel)."""
    at, frequency = np.arange(side) + 0.5, np.arange(side)[:, None]
    basis = np.cos(np.pi * at * frequency / side) * np.sqrt(2 / side)
    basis[0] /= np.sqrt(2)
    whole: Field = basis.astype(np.float32)
    return whole


@dataclass(frozen=True, eq=False)
class Grain:
    """Noise of zero mean. Strengths are standard deviations in the working range."""

    levels: Field
    """(k, 3): levels of each channel it was measured at, rising."""
    strengths: Field
    """(k, 3): there. All 0: there is no grain."""
    together: Field
    """(3, 3): correlation of the channels at one pixel."""
    likeness: Field
    """(2 REACH + 1, 2 REACH + 1, 3): correlation of each channel with itself, by rows and columns away; 1 in the middle."""

    @staticmethod
    def none() -> Grain:
        """No grain at all."""
        alone = np.zeros((2 * REACH + 1, 2 * REACH + 1, 3), np.float32)
        alone[REACH, REACH] = 1
        return Grain(np.zeros((1, 3), np.float32), np.zeros((1, 3), np.float32), np.eye(3, dtype=np.float32), alone)

    @property
    def is_none(self) -> bool:
        """Whether there is nothing to match."""
        return not bool(self.strengths.any())

    def strength_at(self, picture: Field) -> Field:
        """Its strength at the levels of a smooth picture (..., 3)."""
        found = np.empty(picture.shape, np.float32)
        for channel in range(3):
            found[..., channel] = np.interp(picture[..., channel], self.levels[:, channel], self.strengths[:, channel])
        return found

    @cached_property
    def spectrum(self) -> Field:
        """(SIDE, SIDE, 3): variance of the cosine coefficients of blocks of grain of strength 1."""
        away = np.arange(SIDE)[:, None] - np.arange(SIDE)
        near, index = np.abs(away) <= REACH, np.clip(away, -REACH, REACH) + REACH
        like = self.likeness[index[:, None, :, None], index[None, :, None, :]].astype(np.float64)
        like *= (near[:, None, :, None] & near[None, :, None, :])[..., None]
        basis = cosines().astype(np.float64)
        along = np.einsum("ui,uk,ijklc->ujlc", basis, basis, like)
        variance = np.einsum("vj,vl,ujlc->uvc", basis, basis, along)
        found: Field = np.maximum(variance, 1e-4).astype(np.float32)
        return found

    @cached_property
    def kernel(self) -> Field:
        """(2 REACH + 1, 2 REACH + 1, 3): white noise of strength 1, filtered with it, is alike as the grain is."""
        size = 4 * REACH + 4
        away = np.arange(-REACH, REACH + 1)
        fade = np.cos(np.pi / 2 * np.square(away / (REACH + 1))) ** 2
        like = np.zeros((size, size, 3))
        like[np.ix_(away % size, away % size)] = self.likeness * (fade[:, None] * fade)[..., None]
        power = np.fft.rfft2(like, axes=(0, 1)).real.clip(0)
        root = np.fft.irfft2(np.sqrt(power), s=(size, size), axes=(0, 1))[np.ix_(away % size, away % size)]
        found: Field = (root / np.sqrt((root**2).sum((0, 1)))).astype(np.float32)
        return found

    @cached_property
    def mixing(self) -> Field:
        """(3, 3): three independent fields, mixed by it, hang together as the channels do."""
        values, vectors = np.linalg.eigh(self.together.astype(np.float64))
        values[values < 1e-4 * values.max()] = 0  # grey grain stays grey
        root = (vectors * np.sqrt(values)) @ vectors.T
        found: Field = (root / np.sqrt((root**2).sum(1, keepdims=True)).clip(1e-6)).astype(np.float32)
        return found


def typical(grains: Sequence[Grain]) -> Grain:
    """Of the grain of several frames the middle one at every level: what one frame alone shows is no grain."""
    found = [grain for grain in grains if not grain.is_none]
    if 2 * len(found) <= len(grains):
        return Grain.none()
    low, high = (np.stack([edge(grain.levels, axis=0) for grain in found]) for edge in (np.min, np.max))
    levels = np.linspace(low.min(0), high.max(0), len(found[0].levels)).astype(np.float32)
    strengths = np.median([grain.strength_at(levels) for grain in grains], axis=0).astype(np.float32)
    together, likeness = (np.mean([getattr(g, name) for g in found], axis=0) for name in ("together", "likeness"))
    return Grain(levels, strengths, together.astype(np.float32), likeness.astype(np.float32))
