"""Painted windows: what no frame shows is invented in the neighbours of one window.

Here: the stage, the fill that a frame's windows give together, and its preview. Not here: how it is invented
(``propainter/painters.py``), how windows meet in what was copied (``invention.py``).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from propainter import painters
from propainter.classical.texture.painter import CODE_VERSION
from propainter.composite import blend_windows
from propainter.types import Invented
from propainter_backend.render.gathering import array_of, empty, flow_span, gather
from propainter_backend.render.keys import key_of
from propainter_backend.render.stage import Ask, Made, Stage
from propainter_backend.render.stages.completion import completed
from propainter_backend.render.stages.holes import hole
from propainter_backend.render.stages.invention import choose, loaded, stored, takeovers
from propainter_backend.render.stages.pairs import reach_flow
from propainter_backend.render.stages.pictures import known
from propainter_backend.render.stages.propagation import propagated, pull
from propainter_backend.render.staging import put
from propainter_backend.render.steps import Steps
from propainter_plan import stages as the_map
from propainter_plan.stages import Need
from propainter_plan.units import Chunk, Window

WindowObserver = Callable[[Window, Tensor], None]
_FRAME = (Need("known", by_key=True), Need("hole"), Need("propagation"))


class Painting(Stage[Window]):
    """Stored of each neighbour: ``rgb`` inside its hole, [n, 3]; of what was copied also the fields of ``Invented``, frames
    counted in the shot.

    on_painted: called with every window as it is painted, whole ([l, 3, h, w]).
    """

    row = the_map.PAINTING
    version = CODE_VERSION
    uses_engine = True

    def __init__(self, on_painted: WindowObserver | None = None) -> None:
        self._on_painted = on_painted

    def is_wanted(self, part: int, ask: Ask) -> bool:
        """A frame without a hole needs no paint."""
        return bool(hole(ask, part).any())

    def compute(self, unit: Window, ask: Ask) -> Steps[Made]:
        """See ``Stage.compute``."""
        width, height = ask.shot.grid
        pictures, unseen = empty(ask, len(unit.seen), 3, height, width), empty(ask, len(unit.seen), 1, height, width)
        keys = []
        for offset, index in enumerate(unit.seen):
            picture, lacking = yield from propagated(ask, index)
            put(pictures[0, offset], picture)
            put(unseen[0, offset], lacking)
            keys.append((yield from _frame_key(ask, index)))
        flow = yield from flow_span(ask, completed, unit.neighbours[0], unit.neighbours[-1])
        holes = gather(ask, hole, unit.seen)[:, :, None]
        never_seen = ask.shot.settings.never_seen
        made = painters.paint(
            ask.engine, never_seen, pictures, holes, unseen, flow, frame_keys=keys, may_overwrite=True
        )
        ask.counts.kernels_in_holes += made.kernels_in_holes
        painted = made.frames.cpu()
        if self._on_painted is not None:
            self._on_painted(unit, painted)
        return {
            index: {"rgb": array_of(painted[offset][:, hole(ask, index) > 0].T)}
            | ({} if made.invented is None else stored(made.invented[offset], unit.neighbours[0]))
            for offset, index in enumerate(unit.neighbours)
        }


def _frame_key(ask: Ask, index: int) -> Steps[str]:
    """Content key of a frame as the painter sees it: what an engine may keep of it between two windows."""
    named = []
    for need in _FRAME:
        named.extend((yield from ask.inputs(need, (index,))))
    return key_of("frame", *named)


def fill(ask: Ask, index: int, *, nearest_only: bool = False) -> Steps[Tensor]:
    """The working picture of a frame with its hole painted, [3, h, w]: all windows of the frame, blended."""
    windows = ask.plan.windows_of(index, nearest_only=nearest_only)
    shares, found = [], []
    for window in windows:
        arrays = yield from ask.part(Painting.row.name, index, window)
        shares.append(torch.from_numpy(np.array(arrays["rgb"])))
        found.append(loaded(arrays))
    weights = [window.share(index) for window in windows]
    blended = blend_windows(shares, weights)
    if len(windows) > 1 and found[0] is not None:
        _, lacking = yield from propagated(ask, index)
        inside = hole(ask, index).numpy() > 0
        unseen = lacking[0].numpy() > 0
        chosen = torch.from_numpy(unseen[inside])
        mixed = shares[0]
        for following, taken in zip(shares[1:], takeovers(weights, unseen), strict=True):
            mixed = torch.lerp(mixed, following, torch.from_numpy(taken[inside])[:, None])
        blended = torch.where(chosen[:, None], mixed, blended)
    return _laid_in(ask, index, blended)


def invented(ask: Ask, index: int) -> Steps[Invented | None]:
    """Where a frame's unseen pixels, by row and column, were copied from; None: nothing is copied."""
    if not painters.copies(ask.engine, ask.shot.settings.never_seen):
        return None
    windows = ask.plan.windows_of(index)
    found = []
    for window in windows:
        found.append(loaded((yield from ask.part(Painting.row.name, index, window))))
    chosen = found[0]
    if chosen is None or len(found) == 1:
        return chosen
    _, lacking = yield from propagated(ask, index)
    unseen = lacking[0].numpy() > 0
    weights = [window.share(index) for window in windows]
    for following, taken in zip(found[1:], takeovers(weights, unseen), strict=True):
        if following is not None:
            chosen = choose(chosen, following, taken[unseen] > 0.5)
    return chosen


def previewed(ask: Ask, index: int, reach: int) -> Steps[Tensor]:
    """The same from the frames within reach alone; kept nowhere, for a better one follows."""
    around = Chunk(index, index, max(0, index - reach), min(ask.plan.frame_count - 1, index + reach))
    chunk = ask.plan.clipped(around, index)
    flow = yield from reach_flow(ask, chunk)
    started = ask.begin()
    pulled = yield from pull(ask, chunk, flow)
    yield ask.done("propagation", started, chunk)
    started, here = ask.begin(), index - chunk.reach_first
    inside = hole(ask, index)
    painted = painters.paint(
        ask.engine,
        ask.shot.settings.never_seen,
        pulled.frames,
        inside[None, None, None].to(ask.engine.device),
        pulled.unseen,
        flow.span(here, here),
    )
    yield ask.done("painting", started)
    return _laid_in(ask, index, painted.frames[0].cpu()[:, inside > 0].T)


def _laid_in(ask: Ask, index: int, colours: Tensor) -> Tensor:
    picture = known(ask, index)
    picture[:, hole(ask, index) > 0] = colours.T
    return picture
