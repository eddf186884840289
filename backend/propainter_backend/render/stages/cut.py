"""Cuts of the film, pair by pair, found on the plate. The matte is not in the key: a roto edit keeps all of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from propainter import scene_cuts
from propainter_backend.render.cache_entry import Arrays
from propainter_backend.render.stage import Ask, Separate
from propainter_backend.render.stages.pictures import Working
from propainter_plan import stages as the_map


class Cut(Separate):
    """Stored of each pair: ``is_cut``, [1], whether its second frame begins another scene."""

    row = the_map.CUT
    version = "2"
    counts_as = "flow"

    def begun(self, unit: int, ask: Ask) -> Callable[[], Arrays]:
        """See ``Stage.begun``."""
        count = ask.plan.frame_count
        around = {i: ask.now(Working.row.name, i)["rgb"] for i in range(max(unit - 1, 0), min(unit + 3, count))}

        def work() -> Arrays:
            picture = lru_cache(4)(lambda index: scene_cuts.small(around[index].transpose(1, 2, 0)))
            return {"is_cut": np.array([scene_cuts.is_cut(picture, unit, count)])}

        return work
