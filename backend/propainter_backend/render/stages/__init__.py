"""The stages: one file each, beside the map (``propainter_plan/stages.py``) that says what depends on what.

Here: how a unit of each stage is computed and what is stored of it; ``all_stages`` lists them. To add one: a file here, a
line in the list. Not here: keys, loading, storing and counting (``evaluator.py``).
"""

from __future__ import annotations

from typing import Any

from propainter_backend.render.stage import Stage
from propainter_backend.render.stages.carried import CarriedFuture, CarriedPast
from propainter_backend.render.stages.completion import Completion
from propainter_backend.render.stages.composite import Composite
from propainter_backend.render.stages.cut import Cut
from propainter_backend.render.stages.flow import Flow
from propainter_backend.render.stages.grain import GrainStage
from propainter_backend.render.stages.holes import FlowGrown, FlowHole, Grown, Hole
from propainter_backend.render.stages.native import Native
from propainter_backend.render.stages.painting import Painting, WindowObserver
from propainter_backend.render.stages.pictures import Known, Working
from propainter_backend.render.stages.propagation import Propagation
from propainter_backend.render.stages.sights import SightsStage


def all_stages(*, on_painted: WindowObserver | None = None) -> tuple[Stage[Any], ...]:
    """Every stage, in the order of the walk.

    on_painted: called with every window as it is painted, whole ([l, 3, h, w]); for those who keep stages.
    """
    return (
        Grown(),
        FlowGrown(),
        Hole(),
        FlowHole(),
        Working(),
        Cut(),
        Known(),
        Flow(),
        Completion(),
        CarriedPast(),
        CarriedFuture(),
        Propagation(),
        Painting(on_painted),
        SightsStage(),
        Native(),
        GrainStage(),
        Composite(),
    )
