"""Pictures on the working grid, frame by frame: the plate, and the plate with a clean plate laid in.

Not here: what is pulled or painted into them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from propainter_backend.render.cache_entry import Arrays
from propainter_backend.render.keys import Scalar
from propainter_backend.render.shot import to_grid
from propainter_backend.render.stage import Ask, Made, Separate, Stage
from propainter_backend.render.stages.holes import grown, hole
from propainter_backend.render.steps import Steps
from propainter_pictures.color import to_finite_working
from propainter_plan import stages as the_map

_PIXEL_BYTES = 40
"""Bytes a pixel of the plate that bringing it to size takes."""


class Working(Separate):
    """The plate in the working range, resampled where a working size asks for it."""

    row = the_map.WORKING
    version = "2"
    is_quiet = True

    def facts(self, unit: int, ask: Ask) -> Steps[Sequence[Scalar]]:
        """The plate, the size it is brought to, and its encoding."""
        yield from ()
        return ask.shot.pictures.plate_digest(unit), *ask.shot.made_at, ask.shot.space.value

    def begun(self, unit: int, ask: Ask) -> Callable[[], Arrays]:
        """See ``Stage.begun``."""
        plate = ask.sources.plate(unit)
        return lambda: {"rgb": _on_grid(ask, plate.rgb()).numpy()}

    def bytes_each(self, ask: Ask) -> int:
        """See ``Stage.bytes_each``."""
        width, height = ask.shot.plate_size
        return _PIXEL_BYTES * width * height


class Known(Stage[int]):
    """The working picture with a clean plate laid into the hole where it holds."""

    row = the_map.KNOWN
    is_quiet = True
    is_kept = False

    def facts(self, unit: int, ask: Ask) -> Steps[Sequence[Scalar]]:
        """The clean plate."""
        yield from ()
        return (ask.shot.pictures.clean_digest(unit),)

    def stands_for(self, part: int, ask: Ask) -> str | None:
        """Without a clean plate it is the working picture."""
        return Working.row.name if ask.shot.pictures.clean_digest(part) is None else None

    def compute(self, unit: int, ask: Ask) -> Steps[Made]:
        """See ``Stage.compute``."""
        yield from ()
        clean, picture = ask.sources.clean(unit), working(ask, unit)
        assert clean is not None
        shown = grown(ask, unit) > hole(ask, unit)
        picture[:, shown] = _on_grid(ask, clean.rgb)[:, shown]
        return {unit: {"rgb": picture.numpy()}}


def working(ask: Ask, index: int) -> Tensor:
    """The plate on the working grid, [3, h, w], in the working range; the caller's own."""
    return torch.from_numpy(np.array(ask.now(Working.row.name, index)["rgb"]))


def known(ask: Ask, index: int) -> Tensor:
    """The working picture with the clean plate laid in, [3, h, w]; the caller's own."""
    return torch.from_numpy(np.array(ask.now(Known.row.name, index)["rgb"]))


def _on_grid(ask: Ask, rgb: np.ndarray) -> Tensor:
    return to_grid(to_finite_working(rgb, ask.shot.space), ask.shot)
