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
from propainter_backend.render.cache_entry import Arrays
from propainter_backend.render.keys import Scalar
from propainter_backend.render.shot import Shot, from_grid
from propainter_backend.render.stage import Ask, Separate
from propainter_backend.render.stages.flow import flow
from propainter_backend.render.stages.holes import grown
from propainter_backend.render.stages.pictures import Working
from propainter_backend.render.steps import Steps, run_to_end
from propainter_pictures.color import to_finite_working
from propainter_plan import stages as the_map
from propainter_plan.stages import NEAR
from propainter_plan.units import Chunk

CODE_VERSION = "1"
"""Raise it with every change to ``propainter/grain`` that measures anything else."""
_EVERY = 4
"""Frames from one that is measured to the next."""
_PIXEL_BYTES = 50
"""Bytes a pixel of the plate that measuring a frame takes: it and those beside it."""
_NAMES = ("levels", "strengths", "together", "likeness")


_Motions = tuple[Field, Field]
_Later = Callable[[], Frame]


class GrainStage(Separate):
    """Stored: the fields of ``Grain``. Only of frames with one before and one after, in the same scene."""

    row = the_map.GRAIN
    version = CODE_VERSION
    counts_as = "composite"

    def facts(self, unit: int, ask: Ask) -> Steps[Sequence[Scalar]]:
        """Sizes."""
        yield from ()
        return *ask.shot.plate_size, *ask.shot.made_at

    def begun(self, unit: int, ask: Ask) -> Callable[[], Arrays]:
        """See ``Stage.begun``."""
        dtype = ask.sources.plate(unit).pixels.dtype
        step = 2 / float(np.iinfo(dtype).max) if np.issubdtype(dtype, np.integer) else 0.0
        frame, beside, motions = _frame(ask, unit), _frames_beside(ask, unit), run_to_end(_motions_beside(ask, unit))
        encode = _encode(ask)

        def work() -> Arrays:
            before, after = (each() for each in beside)
            found = measure(frame(), (before, after), motions, encode=encode, step=step)
            return {name: getattr(found, name) for name in _NAMES}

        return work

    def bytes_each(self, ask: Ask) -> int:
        """See ``Stage.bytes_each``."""
        width, height = ask.shot.plate_size
        return _PIXEL_BYTES * width * height


def grain_of(ask: Ask, index: int) -> Steps[Grain]:
    """The grain a frame's plate has."""
    found = []
    for frame in _measured(ask, index):
        arrays = yield from ask.part(GrainStage.row.name, frame)
        found.append(Grain(**{name: np.array(arrays[name]) for name in _NAMES}))
    return typical(found)


def measured_for(ask: Ask, units: Sequence[int]) -> list[int]:
    """The frames that are measured for these, and for those right behind them of the same windows that will be asked for:
    enough to keep all cores at work."""
    first, last = units[0], units[-1]
    ahead = range(last + 1, last + 1 + 2 * _EVERY * ask.engine.spread.count)
    windows = ask.plan.windows_of(first)
    for index in ahead:
        if index not in ask.aimed or ask.plan.windows_of(index) != windows or not grown(ask, index).any():
            break
        last = index
    return sorted({frame for index in range(first, last + 1) for frame in _measured(ask, index)})


def share_of_clean(ask: Ask, index: int, grain: Grain) -> Steps[float | None]:
    """Variance of the grain of a frame's clean plate over the plate's; None: it shows too little of what the plate shows."""
    inner = _inner(ask, index)
    if not inner:
        return None
    frame = min(max(index, inner[0]), inner[-1])
    clean = ask.sources.clean(frame)
    if clean is None:
        return None
    before, after = (each() for each in _frames_beside(ask, frame))
    motions = yield from _motions_beside(ask, frame)
    rgb: Any = clean.rgb
    if _is_whole(ask):
        rgb = to_finite_working(rgb, ask.shot.space)
    usable = _usable(ask.shot, grown(ask, frame)) & clean.holds
    return share(Frame(rgb, usable), (before, after), motions, grain, encode=_encode(ask))


def _measured(ask: Ask, index: int) -> list[int]:
    """The frames whose grain decides that of one."""
    inner = _inner(ask, index)
    return [frame for frame in inner if frame % _EVERY == _EVERY // 2] or [*inner][len(inner) // 2 :][:1]


def _inner(ask: Ask, index: int) -> range:
    """The frames near one, in its scene, that have a frame before and one after there."""
    last = ask.plan.frame_count - 1
    around = Chunk(index, index, max(0, index - NEAR - 1), min(last, index + NEAR + 1))
    scene = ask.plan.clipped(around, index)
    return range(scene.reach_first + 1, scene.reach_last)


def _frames_beside(ask: Ask, index: int) -> tuple[_Later, _Later]:
    """The frames before and after one."""
    return _frame(ask, index - 1), _frame(ask, index + 1)


def _motions_beside(ask: Ask, index: int) -> Steps[_Motions]:
    """The motion to each of them, in pixels of the plate."""
    backward = (yield from flow(ask, index - 1)).backward[0, 0]
    onward = (yield from flow(ask, index)).forward[0, 0]
    width, height = ask.shot.made_at
    scale = np.array([p / m for p, m in zip(ask.shot.plate_size, ask.shot.made_at, strict=True)], np.float32)

    def at_plate(motion: Tensor) -> Field:
        found: Field = motion.permute(1, 2, 0).numpy()[:height, :width] * scale
        return found

    return at_plate(backward), at_plate(onward)


def _encode(ask: Ask) -> Callable[[Any], Field]:
    """Pixels of a ``Frame`` to the working range."""
    if _is_whole(ask):
        return lambda pixels: pixels
    return lambda pixels: to_finite_working(pixels, ask.shot.space)


def _is_whole(ask: Ask) -> bool:
    """Whether working pictures have the plate's own pixels."""
    return ask.shot.made_at == ask.shot.plate_size


def _frame(ask: Ask, index: int) -> _Later:
    """What is read of a frame is read now; the rest is any thread's work."""
    shot, mask = ask.shot, grown(ask, index)
    if _is_whole(ask):
        (width, height), picture = shot.plate_size, ask.now(Working.row.name, index)["rgb"]
        return lambda: Frame(np.array(picture).transpose(1, 2, 0)[:height, :width], _usable(shot, mask))
    plate = ask.sources.plate(index)
    return lambda: Frame(plate.rgb(), _usable(shot, mask))


def _usable(shot: Shot, grown: Tensor) -> Mask:
    usable: Mask = from_grid(grown[None], shot, mode="nearest")[0].numpy() == 0
    return usable
