"""One shot rendered frame by frame: what a caller may ask for.

Every step is a generator: it yields ``Progress`` after each unit of work (``steps.py``). Nothing here grows with the length
of the shot: frames and artifacts live in the ``ShotCache``, whose memory is bounded.

Here: ``ShotRenderer``, the hall of the render. Not here: what depends on what (``propainter_plan``), how a stage is asked
(``evaluator.py``) and computes (``stages/``), reading files (``propainter_pictures``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from propainter.engine import Engine
from propainter.types import BidirectionalFlow
from propainter_backend.render.drafts import preview_size
from propainter_backend.render.evaluator import Evaluator
from propainter_backend.render.shot import Shot
from propainter_backend.render.shot_cache import ShotCache
from propainter_backend.render.stage import Stage
from propainter_backend.render.stages import all_stages
from propainter_backend.render.stages.completion import completed
from propainter_backend.render.stages.composite import (
    colours_of,
    final_fill,
    grain_free,
    is_touched,
    laid_over,
    last_in_a_row,
)
from propainter_backend.render.stages.flow import flow, flow_until
from propainter_backend.render.stages.given import Given
from propainter_backend.render.stages.holes import hole
from propainter_backend.render.stages.invention import SURE, UNSURE
from propainter_backend.render.stages.painting import WindowObserver, fill, invented, previewed
from propainter_backend.render.stages.pictures import working
from propainter_backend.render.stages.propagation import propagated
from propainter_backend.render.steps import NotCached, RenderCounts, Steps, run_to_end
from propainter_pictures.frame import Frame


class ShotRenderer:
    """Renders frames of one shot with one engine, through one cache.

    on_painted: called with every window as it is painted, whole ([l, 3, h, w]); for those who keep stages.
    stages: the stages there are; None: all of the product's.
    """

    def __init__(
        self,
        shot: Shot,
        engine: Engine,
        cache: ShotCache,
        *,
        on_painted: WindowObserver | None = None,
        stages: Sequence[Stage[Any]] | None = None,
    ) -> None:
        self.shot = shot
        self._cache = cache
        self.ask = Evaluator(shot, engine, cache, all_stages(on_painted=on_painted) if stages is None else stages)
        self.plan = self.ask.plan
        self._preview_reach = engine.preview_reach
        self._smaller: ShotRenderer | None = None
        """The shot at a size at which a first picture comes soon, once one was asked for."""

    @property
    def counts(self) -> RenderCounts:
        """What was computed and reused since it was last set."""
        return self.ask.counts

    @counts.setter
    def counts(self, fresh: RenderCounts) -> None:
        self.ask.counting.counts = fresh

    def aim_at(self, frames: Sequence[int], *, nearest_only: bool = False) -> None:
        """Tell which frames will be asked for, so that progress can be counted towards a total."""
        self.ask.counting.aim_at(self.ask.outline.plan(frames, nearest_only=nearest_only), frames)

    def frame(self, index: int, *, provisional: bool = False) -> Steps[Frame]:
        """The finished frame. ``provisional``: as soon as possible, from less of the shot (``Engine.preview_reach``)."""
        self.ask.counting.for_frame = index
        with self.ask.sources.holding(index) as plate:
            if not is_touched(self.ask, index):
                self.counts.of("composite").computed.add(index)
                self.ask.counting.work.see("composite", (index,))
                return plate
            if provisional and not self._is_ready(index):
                return plate.with_rgb((yield from self._provisional(index)))
            return plate.with_rgb(
                (yield from self.ask.part("composite", index, until=last_in_a_row(self.ask, index)))["rgb"]
            )

    def fill(self, index: int) -> Steps[Tensor]:
        """The working picture of a frame with its hole painted, [3, h, w]."""
        self.ask.counting.for_frame = index
        return (yield from final_fill(self.ask, index))

    def grain_free(self, index: int) -> Steps[np.ndarray]:
        """The fill without grain, [n, 3] inside a frame's alpha, of a frame that is touched; floats encoded as the plate."""
        self.ask.counting.for_frame = index
        with self.ask.sources.holding(index):
            return (yield from grain_free(self.ask, index))

    def propagated(self, index: int) -> Steps[tuple[Tensor, Tensor]]:
        """A frame after image propagation [3, h, w], and what of it is still unseen [1, h, w]."""
        return (yield from propagated(self.ask, index))

    def flow(self, pair: int) -> Steps[BidirectionalFlow]:
        """Flow between a frame and the next, as estimated on the plate; the caller's own."""
        return (yield from flow(self.ask, pair))

    def completed(self, pair: int, *, until: int | None = None) -> Steps[BidirectionalFlow]:
        """Completed flow between a frame and the next. until: the last pair of a run that will be asked for."""
        return (yield from completed(self.ask, pair, until=until))

    def analyse(self, pairs: Sequence[int]) -> Steps[None]:
        """Estimate flow ahead of roto, so that later edits find it."""
        yield from self.ask.make_ready("flow", pairs)
        for pair in pairs:
            self.ask.counting.for_frame = pair
            yield from flow_until(self.ask, pair, pairs[-1])

    def invented(self, index: int) -> Steps[Tensor]:
        """Of a frame, how far every pixel was invented [1, h, w]: 0 seen, ``SURE`` copied from what is alike, 1 a guess."""
        _, unseen = yield from propagated(self.ask, index)
        found = yield from invented(self.ask, index)
        if found is not None:
            unseen[unseen > 0] = torch.from_numpy(np.where(found.miss > UNSURE, np.float32(1), np.float32(SURE)))
        return unseen

    def unseen_pixels(self, index: int) -> tuple[int, int]:
        """Pixels of a frame's hole, and how many of them are unseen; of what is stored, without computing."""
        inside = self._without_padding(hole(self.ask, index))
        if not bool(inside.any()):
            return 0, 0
        try:
            with self.ask.only_stored():
                _, unseen = run_to_end(self.propagated(index))
        except NotCached:
            return int(inside.sum()), 0
        return int(inside.sum()), int(self._without_padding(unseen[0]).sum())

    def unsure_pixels(self, index: int) -> int:
        """Unseen pixels of a frame whose surroundings nothing was much like; of what is stored, without computing."""
        if not bool(hole(self.ask, index).any()):
            return 0
        try:
            with self.ask.only_stored():
                found = run_to_end(invented(self.ask, index))
                _, unseen = run_to_end(self.propagated(index))
        except NotCached:
            return 0
        if found is None:
            return 0
        unsure = unseen[0] > 0
        unsure[unsure.clone()] = torch.from_numpy(found.miss > UNSURE)
        return int(self._without_padding(unsure).sum())

    def _without_padding(self, image: Tensor) -> Tensor:
        width, height = self.shot.made_at
        return image[:height, :width]

    @property
    def cuts(self) -> list[int]:
        """Frames that begin another scene, as far as anything was asked about them."""
        return sorted(pair + 1 for pair, is_cut in self.ask.cuts.known.items() if is_cut)

    def hole(self, index: int) -> Tensor:
        """The hole on the working grid, [h, w], 1 = fill."""
        return hole(self.ask, index)

    def working(self, index: int) -> Tensor:
        """The plate on the working grid, [3, h, w], in the working range; the caller's own."""
        return working(self.ask, index)

    def alpha(self, index: int) -> Tensor:
        """How much of the fill each plate pixel takes, [h, w], 0..1."""
        return self.ask.sources.alpha(index)

    def cached(self, is_worth_asking: Callable[[int], bool] = lambda index: True) -> dict[str, list[bool]]:
        """Per stage, of every frame (flow and completion: of the pair it begins), whether its artifact is stored.

        is_worth_asking: frames it says no to are not looked for: nothing of them can be of use.
        Computes nothing; use a renderer of its own for it, beside one that is at work.
        """
        return self.ask.stored(is_worth_asking)

    def _is_ready(self, index: int) -> bool:
        """Whether all windows of a frame are stored: then the final picture is the quickest."""
        return self.ask.is_stored("painting", index)

    def _quick(self, index: int) -> ShotRenderer | None:
        """The renderer of a first picture where the shot's own size would take long; None: it does not, or the flow around
        is there already."""
        shot, reach = self.shot, self._preview_reach
        if reach is None or (size := preview_size(shot.made_at)) == shot.made_at:
            return None
        pairs = range(max(0, index - reach), min(self.plan.frame_count - 1, index + reach))
        if all(self.ask.is_stored("flow", pair) for pair in pairs):
            return None
        if self._smaller is None:
            given = replace(shot, working_size=size, native_fill=False, match_grain=0.0, flow_pairs=None)
            self._smaller = ShotRenderer(given, self.ask.engine, self._cache)
        return self._smaller

    def _provisional(self, index: int) -> Steps[Any]:
        """The frame's red, green and blue, from less of the shot."""
        if (quick := self._quick(index)) is not None:
            quick.counts = self.counts
            return (yield from quick._provisional(index))
        if not bool(hole(self.ask, index).any()):
            picture = yield from final_fill(self.ask, index)
        elif self._preview_reach is not None:
            picture = yield from previewed(self.ask, index, self._preview_reach)
        else:
            picture = yield from fill(self.ask, index, nearest_only=True)
        started = self.ask.begin()
        rgb = laid_over(Given.of(self.ask, index), colours_of(self.ask, index, picture))
        self.ask.done("composite", started, index)
        return rgb
