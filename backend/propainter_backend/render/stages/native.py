"""The fill at the plate's own size: colours pulled from the plates themselves, where the working size is below theirs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from propainter import native
from propainter.classical.kernels import Tally
from propainter.types import Sights
from propainter_backend.render.keys import Scalar
from propainter_backend.render.shot import from_grid
from propainter_backend.render.stage import Ask, Made, Stage
from propainter_backend.render.stages.holes import hole
from propainter_backend.render.stages.looks import looks
from propainter_backend.render.stages.painting import fill
from propainter_backend.render.steps import Steps
from propainter_plan import stages as the_map

_PIXEL_BYTES = 40
"""Bytes a pixel of the plate that filling a frame takes while it lasts."""
_RUNS = 2
"""Frames a core that are filled in one run: where one takes longer than others no core waits for it."""
_Given = tuple[int, Tensor, Sights, np.ndarray]


class Native(Stage[int]):
    """Stored: ``rgb``, the colours a frame takes inside its alpha, [n, 3] in the working range."""

    row = the_map.NATIVE
    version = native.CODE_VERSION
    counts_as = "composite"

    def facts(self, unit: int, ask: Ask) -> Steps[Sequence[Scalar]]:
        """Sizes, encoding, matte, windows' shares, and every plate that is looked at."""
        shot = ask.shot
        seen = yield from looks(ask, unit)
        plates = [part for source in seen.frames for part in ask.sources.plate_parts.id(int(source))]
        shares = [window.share(unit) for window in ask.plan.windows_of(unit)]
        return (
            *shot.plate_size, *shot.made_at, shot.space.value, shot.pictures.matte_digest(unit), *shares, *plates
        )  # fmt: skip

    def run_length(self, ask: Ask) -> int:
        """Some for each core."""
        return 1 if ask.engine.spread.count == 1 else _RUNS * ask.engine.spread.count

    def may_follow(self, unit: int, first: int, ask: Ask) -> bool:
        """Only of the same windows, which are painted: the first frame must not wait for those of the next chunk."""
        return bool(hole(ask, unit).any()) and ask.plan.windows_of(unit) == ask.plan.windows_of(first)

    def compute_run(self, units: Sequence[int], ask: Ask) -> Steps[Made]:
        """See ``Stage.compute_run``."""
        seen, painted, holes = {}, {}, {}
        for unit in units:
            seen[unit] = yield from looks(ask, unit)
            painted[unit] = yield from fill(ask, unit)
            holes[unit] = hole(ask, unit).numpy() > 0
        tally, (width, height) = Tally(), ask.shot.plate_size

        def given(unit: int) -> _Given:
            return unit, painted.pop(unit), seen[unit], holes[unit]

        def filled(frame: _Given) -> np.ndarray:
            unit, picture, seen, hole = frame
            inside = ask.sources.alpha(unit).numpy() > 0
            enlarged = from_grid(picture, ask.shot).permute(1, 2, 0).numpy()
            return native.fill_natively(
                enlarged,
                inside,
                seen,
                hole,
                working_size=ask.shot.made_at,
                read=ask.sources.plate_parts.read,
                tally=tally,
            )

        colours = ask.engine.spread(filled, map(given, units), each_bytes=_PIXEL_BYTES * width * height)
        made: Made = {unit: {"rgb": rgb} for unit, rgb in zip(units, colours, strict=True)}
        ask.counts.kernels_in_holes += tally.touched
        return made
