"""The grain of a frame's plate, measured along the flow in what lies outside the hole.

Every fourth frame is measured. What a frame is given is the middle of those near it, in its own scene: what one frame alone
shows is no grain, and strength does not jump. Not here: how it is measured (``propainter/grain``), what it is laid on
(``regraining.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from propainter.classical.harmonic import Field, Mask
from propainter.grain.grain import Grain, typical
from propainter.grain.measuring import Frame, measure, share
from propainter_backend.render.keys import Scalar
from propainter_backend.render.shot import from_grid
from propainter_backend.render.stage import Ask, Made, Stage
from propainter_backend.render.stages.flow import flow
from propainter_backend.render.stages.holes import grown
from propainter_backend.render.stages.pictures import working
from propainter_backend.render.steps import Steps
from propainter_pictures.color import to_finite_working
from propainter_plan import stages as the_map
from propainter_plan.stages import NEAR
from propainter_plan.units import Chunk

CODE_VERSION = "1"
"""Raise it with every change to ``propainter/grain`` that measures anything else."""
_EVERY = 4
"""Frames from one that is measured to the next."""
_NAMES = ("levels", "strengths", "together", "likeness")


class GrainStage(Stage[int]):
    """Stored: the fields of ``Grain``. Only of frames with one before and one after, in the same scene."""

    row = the_map.GRAIN
    version = CODE_VERSION
    counts_as = "composite"

    def facts(self, unit: int, ask: Ask) -> Steps[Sequence[Scalar]]:
        """Sizes."""
        yield from ()
        return *ask.shot.plate_size, *ask.shot.made_at

    def compute(self, unit: int, ask: Ask) -> Steps[Made]:
        """See ``Stage.compute``."""
        dtype = ask.sources.plate(unit).pixels.dtype
        step = 2 / float(np.iinfo(dtype).max) if np.issubdtype(dtype, np.integer) else 0.0
        beside = yield from _beside(ask, unit)
        found = measure(_frame(ask, unit), *beside, encode=_encode(ask), step=step)
        return {unit: {name: getattr(found, name) for name in _NAMES}}


def grain_of(ask: Ask, index: int) -> Steps[Grain]:
    """The grain a frame's plate has."""
    inner = _inner(ask, index)
    measured = [frame for frame in inner if frame % _EVERY == _EVERY // 2] or [*inner][len(inner) // 2 :][:1]
    found = []
    for frame in measured:
        arrays = yield from ask.part(GrainStage.row.name, frame)
        found.append(Grain(**{name: np.array(arrays[name]) for name in _NAMES}))
    return typical(found)


def share_of_clean(ask: Ask, index: int, grain: Grain) -> Steps[float | None]:
    """Variance of the grain of a frame's clean plate over the plate's; None: it shows too little of what the plate shows."""
    inner = _inner(ask, index)
    if not inner:
        return None
    frame = min(max(index, inner[0]), inner[-1])
    clean = ask.sources.clean(frame)
    if clean is None:
        return None
    beside = yield from _beside(ask, frame)
    rgb: Any = clean.rgb
    if _is_whole(ask):
        rgb = to_finite_working(rgb, ask.shot.space)
    return share(Frame(rgb, _usable(ask, frame) & clean.holds), *beside, grain, encode=_encode(ask))


def _inner(ask: Ask, index: int) -> range:
    """The frames near one, in its scene, that have a frame before and one after there."""
    last = ask.plan.frame_count - 1
    around = Chunk(index, index, max(0, index - NEAR - 1), min(last, index + NEAR + 1))
    scene = ask.plan.clipped(around, index)
    return range(scene.reach_first + 1, scene.reach_last)


def _beside(ask: Ask, index: int) -> Steps[tuple[tuple[Frame, Frame], tuple[Field, Field]]]:
    """The frames before and after one, and the motion to each, in pixels of the plate."""
    backward = (yield from flow(ask, index - 1)).backward[0, 0]
    onward = (yield from flow(ask, index)).forward[0, 0]
    width, height = ask.shot.made_at
    scale = np.array([p / m for p, m in zip(ask.shot.plate_size, ask.shot.made_at, strict=True)], np.float32)

    def at_plate(motion: Tensor) -> Field:
        found: Field = motion.permute(1, 2, 0).numpy()[:height, :width] * scale
        return found

    return (_frame(ask, index - 1), _frame(ask, index + 1)), (at_plate(backward), at_plate(onward))


def _encode(ask: Ask) -> Callable[[Any], Field]:
    """Pixels of a ``Frame`` to the working range."""
    if _is_whole(ask):
        return lambda pixels: pixels
    return lambda pixels: to_finite_working(pixels, ask.shot.space)


def _is_whole(ask: Ask) -> bool:
    """Whether working pictures have the plate's own pixels."""
    return ask.shot.made_at == ask.shot.plate_size


def _frame(ask: Ask, index: int) -> Frame:
    if _is_whole(ask):
        width, height = ask.shot.plate_size
        return Frame(working(ask, index).permute(1, 2, 0).numpy()[:height, :width], _usable(ask, index))
    return Frame(ask.sources.plate(index).rgb(), _usable(ask, index))


def _usable(ask: Ask, index: int) -> Mask:
    usable: Mask = from_grid(grown(ask, index)[None], ask.shot, mode="nearest")[0].numpy() == 0
    return usable
