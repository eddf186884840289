"""The fill at the plate's own size: colours pulled from the plates themselves, where the working size is below theirs."""

from __future__ import annotations

from collections.abc import Sequence

from propainter import native
from propainter.classical.kernels import Tally
from propainter_backend.render.keys import Scalar
from propainter_backend.render.shot import from_grid
from propainter_backend.render.stage import Ask, Made, Stage
from propainter_backend.render.stages.holes import hole
from propainter_backend.render.stages.looks import looks
from propainter_backend.render.stages.painting import fill
from propainter_backend.render.steps import Steps
from propainter_plan import stages as the_map


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

    def compute(self, unit: int, ask: Ask) -> Steps[Made]:
        """See ``Stage.compute``."""
        seen = yield from looks(ask, unit)
        painted = yield from fill(ask, unit)
        tally = Tally()
        colours = native.fill_natively(
            from_grid(painted, ask.shot).permute(1, 2, 0).numpy(),
            ask.sources.alpha(unit).numpy() > 0,
            seen,
            hole(ask, unit).numpy() > 0,
            working_size=ask.shot.made_at,
            read=ask.sources.plate_parts.read,
            tally=tally,
        )
        ask.counts.kernels_in_holes += tally.touched
        return {unit: {"rgb": colours}}
