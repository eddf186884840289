"""Which frames a window sees, and which units of work a change of settings makes stale, while a slider moves.

Here: the panel's questions to the one description of the stages (``propainter_plan``), which renderer and farm read too. Not
here: how a shot is cut and what depends on what (there), what a unit costs (``estimates.py``).

All frames are indices, 0-based within the shot.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, fields, replace
from functools import lru_cache

from propainter_knobs.table import heard_by
from propainter_plan.layouts import layout_of
from propainter_plan.plan import ShotPlan
from propainter_plan.redo import stale_units
from propainter_plan.units import Chunk, Window
from propainter_wire.messages import ShotSettings


@dataclass(frozen=True)
class _Cut:
    """The settings that cut a shot, to remember plans by."""

    neighbor_length: int
    ref_stride: int
    chunk_length: int


@lru_cache(maxsize=16)
def _plan_of(frame_count: int, engine: str, cut: _Cut) -> ShotPlan:
    return ShotPlan(layout_of(engine), frame_count, cut)


def plan_for(frame_count: int, engine: str, settings: ShotSettings) -> ShotPlan:
    """The units of a shot under these settings."""
    return _plan_of(
        frame_count, engine, _Cut(settings.neighbor_length, settings.ref_stride, settings.chunk_length)
    )  # fmt: skip


def window_of(frame: int, frame_count: int, settings: ShotSettings) -> Window:
    """The networks' window with the greatest share in painting a frame."""
    (window,) = plan_for(frame_count, "propainter", settings).windows_of(frame, nearest_only=True)
    return window


@dataclass(frozen=True)
class Redo:
    """Units that have to be computed, stage by stage, and of how many. At most: work stops where a recomputed artifact
    equals the old one."""

    pairs: int
    completion: tuple[Chunk, ...]
    propagation: tuple[Chunk, ...]
    windows: tuple[Window, ...]
    frames: int
    all_windows: int
    """Windows that paint the frames in question, redone or not."""

    @property
    def is_nothing(self) -> bool:
        """Whether every picture only has to be laid together again."""
        return not (self.pairs or self.completion or self.propagation or self.windows)


_SEEN_BY_ALL = ("working_size", "color", "precision")
"""Settings that every stage sees: they change what the pictures are made at, or with."""
_FEEDS_BOX = ("threshold", "grow", "grow_flow", "crop_padding")


def work_to_redo(
    frames: Iterable[int],
    frame_count: int,
    *,
    before: ShotSettings,
    after: ShotSettings,
    engine_before: str,
    engine_after: str,
    cached: Mapping[str, Set[int]],
) -> Redo:
    """What rendering these frames with ``after`` has to compute, where ``cached`` is what there is under ``before``.

    cached: for ``flow``, ``completion`` (pairs), ``propagation`` and ``painting`` (frames) the indices that are stored.
    """
    wanted = set(frames)
    plan = plan_for(frame_count, engine_after, after)
    was, now = _in_force(heard_by(engine_before, before)), _in_force(heard_by(engine_after, after))
    changed = {field.name for field in fields(ShotSettings) if getattr(was, field.name) != getattr(now, field.name)}
    stale = stale_units(
        plan,
        wanted,
        before=plan_for(frame_count, engine_before, before),
        cached=cached,
        changed=changed,
        everything=engine_before != engine_after or not changed.isdisjoint(_SEEN_BY_ALL) or _box(before) != _box(after),
    )
    return Redo(
        len(stale["flow"]),
        stale["completion"],  # type: ignore[arg-type]
        stale["propagation"],  # type: ignore[arg-type]
        stale["painting"],  # type: ignore[arg-type]
        len(wanted),
        plan.plan(wanted).count("painting"),
    )


def _in_force(settings: ShotSettings) -> ShotSettings:
    """The matte grows for the flow at least as far as it grows anyhow."""
    return replace(settings, grow_flow=max(settings.grow, settings.grow_flow))


def _box(settings: ShotSettings) -> tuple[object, ...]:
    """What makes the box every stage sees; empty: it sees the whole frame."""
    return tuple(getattr(settings, name) for name in _FEEDS_BOX) if settings.crop_to_matte else ()
