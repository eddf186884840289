"""Where a shot's film is cut, looked for pair by pair as the plan asks.

Here: ``CutSearch``. Not here: what tells a cut (``propainter/scene_cuts.py``, ``stages/cut.py``), what a cut does to units
(``propainter_plan/clipping.py``).
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from propainter_backend.render.stage import Ask
from propainter_backend.render.steps import run_to_end

_AHEAD = 4
"""Pairs a core that are looked at together."""


class CutSearch:
    """The cuts of one shot, as far as anybody has asked."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self.known: dict[int, bool] = {}
        """Of every pair that was asked about, whether its second frame begins another scene."""

    def is_cut(self, pair: int, following: Sequence[int]) -> bool:
        """See ``IsCut``."""
        if pair not in self.known:
            cuts = self._ask.shot.cuts
            if isinstance(cuts, tuple):
                self.known[pair] = pair + 1 in cuts
            else:
                self._look(pair, following)
                self.known[pair] = bool(self._ask.now("cut", pair)["is_cut"][0])
        return self.known[pair]

    def _look(self, pair: int, following: Sequence[int]) -> None:
        """In some pairs at once, those that are asked about next among them."""
        pairs = sorted([pair, *following[: _AHEAD * self._ask.engine.spread.count - 1]])
        # A frame that cannot be read may not be needed; where it is, it is asked for by itself, and says so.
        with contextlib.suppress(Exception):
            run_to_end(self._ask.make_ready("cut", pairs))
