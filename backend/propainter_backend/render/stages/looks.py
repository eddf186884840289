"""Where a frame's fill looks: at what is seen behind its hole, and at what its unseen pixels were copied from."""

from __future__ import annotations

from propainter import native
from propainter.types import Sights
from propainter_backend.render.stage import Ask
from propainter_backend.render.stages.holes import hole
from propainter_backend.render.stages.painting import invented
from propainter_backend.render.stages.propagation import propagated
from propainter_backend.render.stages.sights import sights
from propainter_backend.render.steps import Steps


def looks(ask: Ask, index: int) -> Steps[Sights]:
    """Places of a frame's hole: where it is seen, and where what no frame shows was copied from."""
    seen = yield from sights(ask, index)
    copied = yield from invented(ask, index)
    if copied is None:
        return seen
    _, lacking = yield from propagated(ask, index)
    inside = hole(ask, index).numpy() > 0
    return native.with_invented(seen, copied, (lacking[0].numpy() > 0)[inside])
