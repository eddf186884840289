"""Drawing the line: the matte that agrees with the odds at every pixel and whose edge follows the picture's edges.

Here: ``cut``. Not here: the odds (``cues.py``), soft edges (``edges.py``).

This is the minimum cut in its continuous form: the least of sum(g |grad u|) - sum(odds u) over u in [0, 1] (Chan, Esedoglu
and Nikolova, 2006; weights g at edges as in Unger et al., TVSeg, 2008), found by the primal-dual steps of Chambolle and
Pock (2011). Any threshold of a least u is a least cut, so it needs no seeds and no solver under a licence of its own.
"""

from __future__ import annotations

import numpy as np

from propainter_matte.arrays import Field, Picture

_STEP = np.float32(0.35)
"""Of both variables; the product of the two times 8 stays below 1."""
_LEAST_EDGE = 0.05
"""What an edge of the matte costs along the picture's strongest edges, beside 1 where the picture is flat."""
ODDS_SHARE = 0.3
"""Log odds of one pixel beside one pixel of edge."""


def cut(odds: Field, lab: Picture, *, rounds: int = 90, share: float = ODDS_SHARE) -> Field:
    """The matte [h, w] in [0, 1] for log odds [h, w] on a picture in CIE Lab.

    rounds: more of them settle wide, undecided areas. share: how much the odds count beside a short edge.
    """
    width_across, width_down = _edge_costs(lab)
    matte: Field = (1 / (1 + np.exp(-odds.clip(-20, 20)))).astype(np.float32)
    ahead = matte.copy()
    pull = odds.astype(np.float32) * np.float32(share) * _STEP
    across, down = np.zeros_like(matte), np.zeros_like(matte)
    for _ in range(rounds):
        across[:, :-1] += _STEP * (ahead[:, 1:] - ahead[:, :-1])
        down[:-1] += _STEP * (ahead[1:] - ahead[:-1])
        np.clip(across, -width_across, width_across, out=across)
        np.clip(down, -width_down, width_down, out=down)
        spread = across + down
        spread[:, 1:] -= across[:, :-1]
        spread[1:] -= down[:-1]
        following = np.clip(matte + _STEP * spread + pull, 0, 1)
        ahead = 2 * following - matte
        matte = following
    return matte


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
