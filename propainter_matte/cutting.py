"""Drawing the line: the matte that agrees with the odds at every pixel and whose edge follows the picture's edges.

Here: ``cut``. Not here: the odds (``cues.py``), soft edges (``edges.py``).

This is the minimum cut in its continuous form: the least of sum(g |grad u|) - sum(odds u) over u in [0, 1] (Chan, Esedoglu
and Nikolova, 2006; weights g at edges as in Unger et al., TVSeg, 2008), found by the primal-dual steps of Chambolle and
Pock (2011). Any threshold of a least u is a least cut, so it needs no seeds and no solver under a licence of its own.
"""

from __future__ import annotations

import cv2
import numpy as np

from propainter.classical.harmonic import box_around
from propainter_matte.arrays import Field, Picture

_STEP = np.float32(0.35)
"""Of both variables; the product of the two times 8 stays below 1."""
_LEAST_EDGE = 0.05
"""What an edge of the matte costs along the picture's strongest edges, beside 1 where the picture is flat."""
ODDS_SHARE = 0.3
"""Log odds of one pixel beside one pixel of edge."""
_DECIDED = -5.0
"""Log odds below which a pixel is the object nowhere near one that may be."""
_PAD = 3
"""Pixels beside those that may be the object that are looked at."""
_SMALLEST = 48
"""Pixels a side from which on a picture half as large is cut first."""


def cut(odds: Field, lab: Picture, *, rounds: int = 90, share: float = ODDS_SHARE) -> Field:
    """The matte [h, w] in [0, 1] for log odds [h, w] on a picture in CIE Lab.

    rounds: more of them settle wide, undecided areas. share: how much the odds count beside a short edge.
    """
    matte, wanted = np.zeros(odds.shape, np.float32), odds > _DECIDED
    if wanted.any():
        box = box_around(wanted, pad=_PAD)
        matte[box] = _least(odds[box], lab[box], rounds, share)
    return matte


def _least(odds: Field, lab: Picture, rounds: int, share: float) -> Field:
    """``cut`` on a picture of which nothing can be spared, beginning with the cut of one half as large.

    Pictures lie flat, line after line: at a line's end an edge costs nothing, so that lines do not touch.
    """
    height, width = odds.shape
    begin = 1 / (1 + np.exp(-odds.clip(-20, 20)))
    if min(height, width) >= _SMALLEST:
        half = (-(-width // 2), -(-height // 2))
        coarse = _least(
            cv2.resize(odds, half, interpolation=cv2.INTER_AREA), cv2.resize(lab, half, interpolation=cv2.INTER_AREA),
            rounds, 2 * share,
        )  # fmt: skip
        begin = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
        rounds = max(1, rounds // 2)
    matte: Field = np.ascontiguousarray(begin, np.float32).ravel()
    pull = odds.astype(np.float32).ravel() * np.float32(share) * _STEP
    costs = [each.ravel() / _STEP for each in _edge_costs(lab)]
    duals, less, offs = [np.zeros_like(matte) for _ in costs], [-each for each in costs], (1, width)
    ahead, following, step = matte.copy(), np.empty_like(matte), np.empty_like(matte)
    for _ in range(rounds):
        np.copyto(following, pull)
        for dual, most, least, off in zip(duals, costs, less, offs, strict=True):
            np.subtract(ahead[off:], ahead[:-off], out=step[:-off])
            dual[:-off] += step[:-off]
            np.minimum(dual, most, out=dual)
            np.maximum(dual, least, out=dual)
            np.multiply(dual, _STEP * _STEP, out=step)
            following += step
            following[off:] -= step[:-off]
        following += matte
        np.minimum(following, 1, out=following)
        np.maximum(following, 0, out=following)
        np.multiply(following, 2, out=ahead)
        ahead -= matte
        matte, following = following, matte
    return matte.reshape(height, width)


def _edge_costs(lab: Picture) -> tuple[Field, Field]:
    """What an edge costs between a pixel and the next to the right, and below; 0 at the picture's end."""
    image = lab.astype(np.float32)
    across = ((image[:, 1:] - image[:, :-1]) ** 2).sum(-1)
    down = ((image[1:] - image[:-1]) ** 2).sum(-1)
    contrast = max(sum(float(steps.mean()) for steps in (across, down) if steps.size), 1e-3)
    costs = np.zeros((2, *image.shape[:2]), np.float32)
    costs[0, :, :-1] = _LEAST_EDGE + (1 - _LEAST_EDGE) * np.exp(-across / contrast)
    costs[1, :-1] = _LEAST_EDGE + (1 - _LEAST_EDGE) * np.exp(-down / contrast)
    return costs[0], costs[1]
