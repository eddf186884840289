"""The composite: the fill laid over the plate by the soft matte, in float. Where alpha is 0 the plate's bits come back."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from propainter.composite import composite
from propainter_backend.render.shot import from_grid
from propainter_backend.render.stage import Ask, Made, Stage
from propainter_backend.render.stages.grain import grain_of
from propainter_backend.render.stages.holes import grown, hole
from propainter_backend.render.stages.native import Native
from propainter_backend.render.stages.painting import fill
from propainter_backend.render.stages.pictures import known
from propainter_backend.render.stages.regraining import regrained, without_grain
from propainter_backend.render.steps import Steps
from propainter_pictures.color import WorkingSpace, from_working, to_working
from propainter_pictures.frame import as_float, as_type
from propainter_plan import stages as the_map

CODE_VERSION = "2"
"""Raise it with every change that may move a pixel: here, in ``regraining.py``, or in what ``propainter/grain`` takes off
and lays on. Finished frames of a farm are told apart by it."""


class Composite(Stage[int]):
    """The finished frame: ``rgb``, [h, w, 3] in the plate's own type. Not stored."""

    row = the_map.COMPOSITE
    version = CODE_VERSION
    is_kept = False

    def compute(self, unit: int, ask: Ask) -> Steps[Made]:
        """See ``Stage.compute``."""
        if not is_touched(ask, unit):
            return {unit: {"rgb": ask.sources.plate(unit).rgb()}}
        colours = yield from _fill_of(ask, unit)
        if ask.shot.match_grain > 0 and not (grain := (yield from grain_of(ask, unit))).is_none:
            colours = yield from regrained(ask, unit, _with_clean(ask, unit, colours), grain)
            return {unit: {"rgb": laid_over(ask, unit, colours, has_clean=True)}}
        return {unit: {"rgb": laid_over(ask, unit, colours)}}


def grain_free(ask: Ask, index: int) -> Steps[np.ndarray]:
    """The fill of a frame that is touched without its grain, [n, 3] inside alpha, floats as the plate is encoded."""
    colours = _with_clean(ask, index, (yield from _fill_of(ask, index)))
    grain = yield from grain_of(ask, index)
    if not grain.is_none:
        colours = without_grain(ask, index, colours, grain)
    return _as_plate(ask, index, colours)


def _fill_of(ask: Ask, index: int) -> Steps[np.ndarray]:
    """Colours of the fill inside a frame's alpha, [n, 3], in the working range; a clean plate's are not among them."""
    if ask.shot.fills_natively and bool(hole(ask, index).any()):
        colours: np.ndarray = (yield from ask.part(Native.row.name, index, until=_last_aimed(ask, index)))["rgb"]
        return colours
    return colours_of(ask, index, (yield from final_fill(ask, index)))


def _last_aimed(ask: Ask, index: int) -> int:
    """The last of the frames that will be asked for one after the other from this one on."""
    while index + 1 in ask.aimed:
        index += 1
    return index


def _with_clean(ask: Ask, index: int, colours: np.ndarray) -> np.ndarray:
    """The same with the clean plate's own pixels where it holds."""
    clean = ask.sources.clean(index)
    if clean is None:
        return colours
    inside, colours = ask.sources.alpha(index).numpy() > 0, colours.copy()
    colours[clean.holds[inside]] = to_working(clean.rgb[inside & clean.holds], ask.shot.space)
    return colours


def is_touched(ask: Ask, index: int) -> bool:
    """Whether the matte removes anything of a frame."""
    return bool(grown(ask, index).any())


def final_fill(ask: Ask, index: int) -> Steps[Tensor]:
    """The working picture of a frame with its hole painted, [3, h, w]; a clean plate may leave no hole."""
    if not bool(hole(ask, index).any()):
        return known(ask, index)
    return (yield from fill(ask, index))


def colours_of(ask: Ask, index: int, picture: Tensor) -> np.ndarray:
    """The colours of a working picture inside a frame's alpha, [n, 3], at the plate's size."""
    inside = ask.sources.alpha(index).numpy() > 0
    colours: np.ndarray = from_grid(picture, ask.shot).permute(1, 2, 0).numpy()[inside]
    return colours


def laid_over(ask: Ask, index: int, colours: np.ndarray, *, has_clean: bool = False) -> np.ndarray:
    """The plate with the fill over it, [h, w, 3].

    colours: of the fill inside alpha, in the working range. has_clean: the clean plate is in them; it is laid in otherwise.
    """
    alpha, clean = ask.sources.alpha(index), ask.sources.clean(index)
    inside = alpha.numpy() > 0
    rgb = ask.sources.plate(index).rgb()
    painted = _as_plate(ask, index, colours)
    if clean is not None and not has_clean:  # as it is: not by way of the working size
        painted[clean.holds[inside]] = as_float(clean.rgb[inside & clean.holds])
    before, share = torch.from_numpy(as_float(rgb[inside])), alpha[torch.from_numpy(inside)]
    rgb[inside] = as_type(composite(before, torch.from_numpy(painted), share).numpy(), rgb.dtype)
    return rgb


def _as_plate(ask: Ask, index: int, colours: np.ndarray) -> np.ndarray:
    """Colours of the working range as floats encoded as the plate is."""
    linear = ask.shot.space.is_linear(ask.sources.plate(index).pixels.dtype)
    return from_working(colours, np.float32, WorkingSpace.LINEAR if linear else WorkingSpace.RAW)
