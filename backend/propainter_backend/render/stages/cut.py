"""Cuts of the film, pair by pair, found on the plate. The matte is not in the key: a roto edit keeps all of them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from propainter import scene_cuts
from propainter_backend.render.stage import Ask, Made, Stage
from propainter_backend.render.stages.pictures import working
from propainter_backend.render.steps import Steps
from propainter_plan import stages as the_map


class Cut(Stage[int]):
    """Stored of each pair: ``is_cut``, [1], whether its second frame begins another scene."""

    row = the_map.CUT
    counts_as = "flow"

    def compute(self, unit: int, ask: Ask) -> Steps[Made]:
        """See ``Stage.compute``."""
        yield from ()
        picture = lru_cache(4)(lambda index: scene_cuts.small(working(ask, index).permute(1, 2, 0).numpy()))
        found = scene_cuts.is_cut(picture, unit, ask.plan.frame_count)
        return {unit: {"is_cut": np.array([found])}}
