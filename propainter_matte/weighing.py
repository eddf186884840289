"""What each cue counts, learnt on the shot itself: colour where colours tell, motion where the object moves.

Here: ``Weights``, ``GENERAL``, ``learn``. Not here: the cues (``cues.py``), how samples are won (``tracking.py``: from a
key frame some frames away and back again, where the key's matte is the truth).

Logistic regression by Newton's method, never uphill, held towards ``GENERAL`` by a ridge: few samples move it little.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from propainter_matte.arrays import Field
from propainter_matte.cues import NAMES

_HOLD = 0.02
"""How firmly weights are held to the general ones, beside the samples."""
_ROUNDS = 12
_STEP = 1e-4
"""A step of weights too small to matter."""


@dataclass(frozen=True)
class Weights:
    """Log odds a cue of 1 adds, in the order of ``cues.NAMES``, and the odds without any."""

    cues: tuple[float, ...]
    bias: float

    def __post_init__(self) -> None:
        if len(self.cues) != len(NAMES):
            raise ValueError(f"{len(self.cues)} weights for {len(NAMES)} cues")

    def odds(self, values: Field) -> Field:
        """Log odds [...] of cues [..., n]."""
        found: Field = values @ np.array(self.cues, np.float32) + np.float32(self.bias)
        return found


GENERAL = Weights((1.9, 0.6, 1.0, 1.5, 0.0, 0.6, 0.3, 1.8, 0.9, 1.2, 0.0, 0.6, 1.0), -0.5)
"""Where a shot says nothing of its own."""


def learn(samples: Sequence[tuple[Field, npt.NDArray[np.bool_]]], start: Weights = GENERAL) -> Weights:
    """Weights that tell samples apart: cues [n, c] and whether they are the object's [n]."""
    if not samples:
        return start
    values = np.concatenate([cues for cues, _ in samples]).astype(np.float64)
    truth = np.concatenate([owned for _, owned in samples]).astype(np.float64)
    if truth.min() == truth.max():
        return start
    given = np.concatenate([values, np.ones((len(values), 1))], 1)
    first = np.array([*start.cues, start.bias])
    hold, weights = _HOLD * len(values), first.copy()

    def cost(tried: npt.NDArray[np.float64]) -> float:
        odds = given @ tried
        return float((np.logaddexp(0, odds) - truth * odds).sum() + hold / 2 * ((tried - first) ** 2).sum())

    least = cost(weights)
    for _ in range(_ROUNDS):
        guess = 1 / (1 + np.exp(-np.clip(given @ weights, -30, 30)))
        doubt = guess * (1 - guess) + 1e-6
        bend = np.einsum("ni,nj->ij", given * doubt[:, None], given) + hold * np.eye(len(first))
        slope = np.einsum("ni,n->i", given, truth - guess) - hold * (weights - first)
        step = np.linalg.solve(bend, slope)
        # Where guesses are sure but wrong, the bend is too small and a whole step leads far astray.
        while (found := cost(weights + step)) > least and np.abs(step).max() > _STEP:
            step = step / 2
        if found >= least:
            break
        weights, least = weights + step, found
    return Weights(tuple(float(each) for each in weights[:-1]), float(weights[-1]))
