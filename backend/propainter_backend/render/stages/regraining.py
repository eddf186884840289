"""The plate's grain laid on a frame's fill, or the fill without any.

Here: ``regrained``, ``without_grain``, of what stands inside a frame's alpha; ``graining_of`` asks for what that takes. Not
here: measuring (``grain.py``), the arithmetic (``propainter/grain``), laying the fill over the plate (``composite.py``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from propainter.classical.harmonic import Field, Mask, box_around
from propainter.grain import laying
from propainter.grain.gains import had_by_sights
from propainter.grain.grain import SIDE, Grain
from propainter.grain.removing import Parted, had_by_flat, part
from propainter.types import Sights
from propainter_backend.render.shot import Shot
from propainter_backend.render.stage import Ask
from propainter_backend.render.stages.completion import completed
from propainter_backend.render.stages.given import Given
from propainter_backend.render.stages.grain import share_of_clean
from propainter_backend.render.stages.holes import hole
from propainter_backend.render.stages.looks import looks
from propainter_backend.render.steps import Steps
from propainter_pictures.color import to_finite_working
from propainter_plan.units import Chunk

_MARGIN = 2 * SIDE
"""Pixels of plate around a fill that it is looked at with."""
_HUGE = np.float32(1e4)
"""The most that a pixel of the plate beside a fill counts as."""


@dataclass(frozen=True, eq=False)
class _Box:
    """A frame's fill, with a margin of its plate."""

    rows: slice
    columns: slice
    picture: Field
    """(h, w, 3), in the working range."""
    inside: Mask
    """(h, w): where the fill stands."""
    parted: Parted


@dataclass(frozen=True, eq=False)
class Graining:
    """What decides the grain a frame's fill is given."""

    grain: Grain
    seen: Sights | None
    """The sights the fill was made of; None: there is no hole, or a network painted all of it."""
    hole: Mask
    """On the working grid."""
    moved: Field | None
    """How far each pixel of the working grid moves to the next frame, in pixels of the plate; None: nothing was seen, or
    there is no other frame."""
    alive: Mask
    """On the working grid, where the fill was copied from this very frame."""
    clean_share: float | None
    """Of a clean plate: see ``share_of_clean``."""
    is_clean_held: bool
    """Whether a frame beside this one has the same clean plate."""


def graining_of(ask: Ask, index: int, grain: Grain) -> Steps[Graining]:
    """All that ``regrained`` must know beside what was given of a frame."""
    seen = yield from _looks(ask, index)
    inside = hole(ask, index).numpy() > 0
    share = None
    clean = ask.sources.clean(index)
    if clean is not None and (clean.holds & (ask.sources.alpha(index).numpy() > 0)).any():
        share = yield from share_of_clean(ask, index, grain)
    last = ask.plan.frame_count - 1
    around = Chunk(index, index, max(0, index - 1), min(last, index + 1))
    scene = ask.plan.clipped(around, index)
    moved, alive = None, np.zeros(inside.shape, np.bool_)
    if seen is not None and scene.reach_length > 1:
        flow = (yield from completed(ask, min(index, scene.reach_last - 1))).forward[0, 0]
        moved = flow.square().sum(0).sqrt().numpy() * np.float32(ask.shot.plate_size[0] / ask.shot.made_at[0])
        alive[inside] = (seen.source == index).any(0)
    pictures = ask.shot.pictures
    beside = [pictures.clean_digest(other) for other in (around.reach_first, around.reach_last) if other != index]
    digest = pictures.clean_digest(index)
    return Graining(grain, seen, inside, moved, alive, share, digest is not None and digest in beside)


def regrained(given: Given, colours: Field, graining: Graining) -> Field:
    """Colours (n, 3) of a frame's fill inside its alpha, in the working range, with the plate's grain."""
    grain = graining.grain
    box = _box(given, colours, grain)
    had, stands = _had(given, box, graining), _stands(given, box, graining)
    left, top = given.shot.origin
    noise = laying.field(grain, given.plate.number, top + box.rows.start, left + box.columns.start, box.inside.shape)
    coverage = given.alpha.numpy()[box.rows, box.columns]
    parted = replace(box.parted, had=had)
    made = laying.regrained(parted, box.picture, grain, noise, coverage, stands, amount=given.shot.match_grain)
    found: Field = made[box.inside]
    return found


def without_grain(given: Given, colours: Field, grain: Grain) -> Field:
    """The same without any grain that can be told from the picture."""
    box = _box(given, colours, grain)
    found: Field = box.parted.smooth[box.inside]
    return found


def _box(given: Given, colours: Field, grain: Grain) -> _Box:
    alpha = given.alpha.numpy() > 0
    rows, columns = box_around(alpha, pad=_MARGIN)
    plate = given.plate
    around = to_finite_working(plate.pixels[rows, columns][..., plate.rgb_channels], given.shot.space)
    picture = around.clip(-_HUGE, _HUGE)
    inside = alpha[rows, columns]
    picture[inside] = colours
    return _Box(rows, columns, picture, inside, part(picture, grain, inside))


def _looks(ask: Ask, index: int) -> Steps[Sights | None]:
    """See ``Graining.seen``."""
    if not bool(hole(ask, index).any()) or (ask.engine.paints_itself and not ask.shot.fills_natively):
        return None
    return (yield from looks(ask, index))


def _had(given: Given, box: _Box, graining: Graining) -> Field:
    """Variance of the grain the fill has, over the plate's: never more than it shows, nor than it was made with."""
    had, shot = np.minimum(box.parted.had, np.float32(1)), given.shot
    if graining.seen is not None:
        (width, height), (made_width, made_height) = shot.plate_size, shot.made_at
        scale = width / made_width, height / made_height
        made = had_by_sights(graining.seen, graining.hole, graining.grain, scale)
        had = np.minimum(had, cv2.blur(_at_plate(shot, box, made), (3, 3)))
    shown = _cleaned(given, box)
    if shown.any():
        known = graining.clean_share
        most = np.float32(had_by_flat(box.parted, shown) if known is None else known)
        had[shown] = np.minimum(box.parted.had, most)[shown]
    found: Field = had
    return found


def _stands(given: Given, box: _Box, graining: Graining) -> Field:
    """How far the grain the fill has stands still from frame to frame, 0..1: a held picture's does, or a tripod's."""
    still = np.zeros(box.inside.shape, np.float32)
    if graining.moved is not None:
        shot = given.shot
        still = (1 - _at_plate(shot, box, graining.moved)).clip(0, 1) * ~_at_plate(shot, box, graining.alive)
    still[_cleaned(given, box)] = graining.is_clean_held
    return still


def _cleaned(given: Given, box: _Box) -> Mask:
    """Where a clean plate stands in."""
    if given.clean is None:
        return np.zeros(box.inside.shape, np.bool_)
    return given.clean.holds[box.rows, box.columns] & box.inside


def _at_plate(shot: Shot, box: _Box, working: Any) -> Any:
    """A working picture (h, w) in the box, at the plate's size: the nearest pixel of each."""
    (width, height), (made_width, made_height) = shot.plate_size, shot.made_at
    rows = np.arange(box.rows.start, box.rows.stop) * made_height // height
    columns = np.arange(box.columns.start, box.columns.stop) * made_width // width
    return working[rows[:, None], columns]
