"""The composite: the fill laid over the plate by the soft matte, in float. Where alpha is 0 the plate's bits come back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from propainter.composite import composite
from propainter_backend.render.shot import from_grid
from propainter_backend.render.stage import Ask, Made, Stage
from propainter_backend.render.stages.given import Given
from propainter_backend.render.stages.grain import GrainStage, grain_of, measured_for
from propainter_backend.render.stages.holes import grown, hole
from propainter_backend.render.stages.native import Native
from propainter_backend.render.stages.painting import fill
from propainter_backend.render.stages.pictures import known
from propainter_backend.render.stages.regraining import Graining, graining_of, regrained, without_grain
from propainter_backend.render.steps import Steps
from propainter_pictures.color import WorkingSpace, from_working, to_working
from propainter_pictures.frame import Frame, as_float, as_type
from propainter_plan import stages as the_map

CODE_VERSION = "2"
"""Raise it with every change that may move a pixel: here, in ``regraining.py``, or in what ``propainter/grain`` takes off
and lays on. Finished frames of a farm are told apart by it."""


_PIXEL_BYTES = 32
"""Bytes a pixel that finishing a frame takes, or one that waits finished, with its plate."""
_RUNS = 2
"""Frames a core that are finished in one run."""
_WAITING_BYTES = 512 << 20
"""The most that frames may take that wait until they are asked for."""


class Composite(Stage[int]):
    """The finished frame: ``rgb``, [h, w, 3] in the plate's own type. Not stored."""

    row = the_map.COMPOSITE
    version = CODE_VERSION
    is_kept = False

    def run_length(self, ask: Ask) -> int:
        """Some frames a core, and no more than may wait until they are asked for."""
        cores = ask.engine.spread.count
        return 1 if cores == 1 else max(1, min(_RUNS * cores, _WAITING_BYTES // _frame_bytes(ask)))

    def may_follow(self, unit: int, first: int, ask: Ask) -> bool:
        """Only of the same windows, which are painted: the first frame must not wait for those of the next chunk."""
        return is_touched(ask, unit) and ask.plan.windows_of(unit) == ask.plan.windows_of(first)

    def compute_run(self, units: Sequence[int], ask: Ask) -> Steps[Made]:
        """See ``Stage.compute_run``."""
        fills: dict[int, Any] = {}
        plates: dict[int, Frame] = {}
        for unit in units:
            fills[unit] = (yield from _fill_of(ask, unit)) if is_touched(ask, unit) else None
        grains: dict[int, Graining] = {}
        if ask.shot.match_grain > 0 and any(colours is not None for colours in fills.values()):
            yield from ask.make_ready(GrainStage.row.name, measured_for(ask, units))
        for unit, colours in fills.items():
            if colours is None or ask.shot.match_grain <= 0:
                continue
            grain = yield from grain_of(ask, unit)
            if not grain.is_none:
                fills[unit] = _with_clean(ask, unit, colours)
                grains[unit] = yield from graining_of(ask, unit, grain)

        def given(unit: int) -> Callable[[], np.ndarray]:
            plate, colours, graining = ask.sources.plate(unit), fills.pop(unit), grains.pop(unit, None)
            plates[unit] = plate
            if colours is None:
                return plate.rgb
            frame = Given.of(ask, unit)
            if graining is None:
                return lambda: laid_over(frame, colours)
            return lambda: laid_over(frame, regrained(frame, colours, graining), has_clean=True)

        made = ask.engine.spread(lambda work: work(), map(given, units), each_bytes=_frame_bytes(ask))
        found: Made = {unit: {"rgb": rgb} for unit, rgb in zip(units, made, strict=True)}
        ask.sources.keep_ahead({unit: plates[unit] for unit in units[1:]})
        return found


def grain_free(ask: Ask, index: int) -> Steps[np.ndarray]:
    """The fill of a frame that is touched without its grain, [n, 3] inside alpha, floats as the plate is encoded."""
    colours = _with_clean(ask, index, (yield from _fill_of(ask, index)))
    given = Given.of(ask, index)
    grain = yield from grain_of(ask, index)
    if not grain.is_none:
        colours = without_grain(given, colours, grain)
    return _as_plate(given, colours)


def _fill_of(ask: Ask, index: int) -> Steps[np.ndarray]:
    """Colours of the fill inside a frame's alpha, [n, 3], in the working range; a clean plate's are not among them."""
    if ask.shot.fills_natively and bool(hole(ask, index).any()):
        colours: np.ndarray = (yield from ask.part(Native.row.name, index, until=_last_aimed(ask, index)))["rgb"]
        return colours
    return colours_of(ask, index, (yield from final_fill(ask, index)))


def _frame_bytes(ask: Ask) -> int:
    width, height = ask.shot.plate_size
    return _PIXEL_BYTES * width * height


def last_in_a_row(ask: Ask, index: int) -> int:
    """The last of the frames that will be asked for right after this one, each after the one before it."""
    while ask.next_aimed(index) == index + 1:
        index += 1
    return index


def _last_aimed(ask: Ask, index: int) -> int:
    """The last of the frames right behind this one that will be asked for, in whatever order: what is filled is stored."""
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


def laid_over(given: Given, colours: np.ndarray, *, has_clean: bool = False) -> np.ndarray:
    """The plate with the fill over it, [h, w, 3].

    colours: of the fill inside alpha, in the working range. has_clean: the clean plate is in them; it is laid in otherwise.
    """
    alpha, clean = given.alpha, given.clean
    inside = alpha.numpy() > 0
    rgb = given.plate.rgb()
    painted = _as_plate(given, colours)
    if clean is not None and not has_clean:  # as it is: not by way of the working size
        painted[clean.holds[inside]] = as_float(clean.rgb[inside & clean.holds])
    before, share = torch.from_numpy(as_float(rgb[inside])), alpha[torch.from_numpy(inside)]
    rgb[inside] = as_type(composite(before, torch.from_numpy(painted), share).numpy(), rgb.dtype)
    return rgb


def _as_plate(given: Given, colours: np.ndarray) -> np.ndarray:
    """Colours of the working range as floats encoded as the plate is."""
    linear = given.shot.space.is_linear(given.plate.pixels.dtype)
    return from_working(colours, np.float32, WorkingSpace.LINEAR if linear else WorkingSpace.RAW)
