"""Holes on the working grid, frame by frame: the grown matte, the hole to fill, the hole in the flow.

Stored as bits, a pixel each. Two mattes that cut the same hole are the same to every later stage. Not here: alpha, which
keeps the matte's softness (``sources.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from propainter.hole import hole_of, snap_outward
from propainter_backend.render.cache_entry import Arrays
from propainter_backend.render.keys import Scalar
from propainter_backend.render.shot import Shot, mask_to_grid
from propainter_backend.render.stage import Ask, Made, Separate, Stage
from propainter_backend.render.steps import Steps
from propainter_plan import stages as the_map


class Grown(Separate):
    """The grown matte; what a clean plate shows is in it, too."""

    row = the_map.GROWN
    version = "2"
    is_quiet = True

    def facts(self, unit: int, ask: Ask) -> Steps[Sequence[Scalar]]:
        """The matte, and the size it is brought to."""
        yield from ()
        return ask.shot.pictures.matte_digest(unit), *ask.shot.made_at

    def begun(self, unit: int, ask: Ask) -> Callable[[], Arrays]:
        """See ``Stage.begun``."""
        matte = ask.shot.pictures.matte(unit)
        return lambda: _grow(ask.shot, matte, ask.shot.settings.grow)


class FlowGrown(Grown):
    """The matte as grown for the flow, where that is further."""

    row = the_map.FLOW_GROWN

    def stands_for(self, part: int, ask: Ask) -> str | None:
        """Never smaller than the grown matte."""
        return Grown.row.name if ask.shot.settings.grow_flow <= ask.shot.settings.grow else None

    def begun(self, unit: int, ask: Ask) -> Callable[[], Arrays]:
        """See ``Stage.begun``."""
        matte = ask.shot.pictures.matte(unit)
        return lambda: _grow(ask.shot, matte, ask.shot.settings.grow_flow)


class Hole(Stage[int]):
    """What is to be filled: the grown matte without what a clean plate shows."""

    row = the_map.HOLE
    version = "2"
    is_quiet = True

    def facts(self, unit: int, ask: Ask) -> Steps[Sequence[Scalar]]:
        """The clean plate, and the size both are at: bits alone do not tell one grid from another."""
        yield from ()
        return ask.shot.pictures.clean_digest(unit), *ask.shot.made_at

    def stands_for(self, part: int, ask: Ask) -> str | None:
        """Without a clean plate it is the grown matte."""
        return Grown.row.name if ask.shot.pictures.clean_digest(part) is None else None

    def compute(self, unit: int, ask: Ask) -> Steps[Made]:
        """See ``Stage.compute``."""
        yield from ()
        clean = ask.sources.clean(unit)
        assert clean is not None
        lacking = mask_to_grid(torch.from_numpy(~clean.holds).float(), ask.shot)
        return {unit: _bits_of(grown(ask, unit) * lacking)}


class FlowHole(Separate):
    """The hole in the flow: where a clean plate stands in, the plate's flow is still that of what is removed."""

    row = the_map.FLOW_HOLE
    version = "2"
    is_quiet = True

    def facts(self, unit: int, ask: Ask) -> Steps[Sequence[Scalar]]:
        """The size: bits alone do not tell one grid from another."""
        yield from ()
        return ask.shot.made_at

    def stands_for(self, part: int, ask: Ask) -> str | None:
        """Without a block grid it is what was grown for it."""
        return FlowGrown.row.name if ask.shot.settings.flow_hole_snap == 0 else None

    def begun(self, unit: int, ask: Ask) -> Callable[[], Arrays]:
        """See ``Stage.begun``."""
        mask, block = _mask(ask, FlowGrown.row.name, unit), ask.shot.settings.flow_hole_snap
        return lambda: _bits_of(snap_outward(mask, block=block))


def grown(ask: Ask, index: int) -> Tensor:
    """The grown matte of a frame, [h, w], 1 or 0."""
    return _mask(ask, Grown.row.name, index)


def hole(ask: Ask, index: int) -> Tensor:
    """The hole of a frame, [h, w], 1 = fill."""
    return _mask(ask, Hole.row.name, index)


def flow_hole(ask: Ask, index: int) -> Tensor:
    """The hole in a frame's flow, [h, w], 1 = complete."""
    return _mask(ask, FlowHole.row.name, index)


def _mask(ask: Ask, stage: str, index: int) -> Tensor:
    width, height = ask.shot.grid
    bits = np.unpackbits(ask.now(stage, index)["bits"], count=width * height).reshape(height, width)
    return torch.from_numpy(bits.astype(np.float32))


def _grow(shot: Shot, matte: np.ndarray, pixels: int) -> Arrays:
    at_plate = hole_of(torch.from_numpy(matte), threshold=shot.settings.threshold, grow_pixels=pixels)
    return _bits_of(mask_to_grid(at_plate, shot))


def _bits_of(mask: Tensor) -> Arrays:
    return {"bits": np.packbits(mask.numpy().astype(np.uint8))}
