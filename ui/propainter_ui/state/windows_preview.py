"""Which frames a window sees, and which units of work a change of settings makes stale: integers only.

Here: a re-statement of the rules of windows and chunks (``docs/propainter_spec.md``, sections 3, 5 and 6), so that the
panel can draw them while a slider moves, without asking anybody. Not here: what a unit costs (``estimates.py``); the
rules the engines themselves follow (``propainter/windows.py``; a test holds the two together).

All frames are indices, 0-based within the shot.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from functools import lru_cache

from propainter_wire.messages import ShotSettings

COMPLETION_REACH = 5
PROPAGATION_REACH = 10
PROPAGATION_LIMIT = 100

Chunk = tuple[int, int, int, int]
"""First and last of the core, first and last of the reach, all included."""


@dataclass(frozen=True)
class SeenFrames:
    """What one painter call sees."""

    centre: int
    neighbours: range
    """Frames the call paints."""
    references: tuple[int, ...]
    """Distant frames it looks at and does not paint."""

    @property
    def all(self) -> tuple[int, ...]:
        """Neighbours, then references, as the painter is given them."""
        return (*self.neighbours, *self.references)


def window_of(frame: int, frame_count: int, *, neighbor_length: int, ref_stride: int, chunk_length: int) -> SeenFrames:
    """The window with the greatest share in painting a frame: the one whose centre is nearest, of two the earlier."""
    half = neighbor_length // 2
    last_centre = (frame_count - 1) // half * half
    below = min(frame // half * half, last_centre)
    above = min(below + half, last_centre)
    centre = above if above - frame < frame - below else below
    return window_at(
        centre, frame_count, neighbor_length=neighbor_length, ref_stride=ref_stride, chunk_length=chunk_length
    )


def window_at(centre: int, frame_count: int, *, neighbor_length: int, ref_stride: int, chunk_length: int) -> SeenFrames:
    """The window around a centre (spec, section 6).

    In a shot no longer than a chunk every ref_stride-th frame is a reference. In a longer one they come from a stretch
    that starts a whole number of strides before the centre; its far end is left out.
    """
    half = neighbor_length // 2
    neighbours = range(max(0, centre - half), min(frame_count - 1, centre + half) + 1)
    candidates = range(0, frame_count, ref_stride)
    if frame_count > chunk_length:
        arm = ref_stride * (chunk_length // ref_stride // 2)
        candidates = range(max(0, centre - arm), min(frame_count, centre + arm), ref_stride)
    return SeenFrames(centre, neighbours, tuple(i for i in candidates if i not in neighbours))


def chunks(count: int, length: int, reach: int) -> tuple[Chunk, ...]:
    """A run of ``count`` units cut into cores of ``length``, each with its reach on both sides (spec, section 3)."""
    if count <= length:
        return ((0, count - 1, 0, count - 1),) if count else ()
    cores = ((first, min(first + length, count) - 1) for first in range(0, count, length))
    return tuple((first, last, max(0, first - reach), min(count - 1, last + reach)) for first, last in cores)


@dataclass(frozen=True)
class Plan:
    """All units of work of one shot under one engine and one choice of settings."""

    windows: tuple[SeenFrames, ...]
    propagation: tuple[Chunk, ...]
    completion: tuple[Chunk, ...]

    def windows_painting(self, frames: set[int]) -> tuple[SeenFrames, ...]:
        """The windows that paint any of these frames."""
        return tuple(window for window in self.windows if not frames.isdisjoint(window.neighbours))


@lru_cache(maxsize=16)
def plan_of(frame_count: int, engine: str, neighbor_length: int, ref_stride: int, chunk_length: int) -> Plan:
    """The plan of a shot. The classical engine completes every pair by itself, and paints a propagation chunk, its reach
    included, as one window.
    """
    propagation = chunks(frame_count, min(PROPAGATION_LIMIT, chunk_length), PROPAGATION_REACH)
    completion = chunks(frame_count - 1, chunk_length, COMPLETION_REACH)
    if engine == "classical":
        completion = tuple((pair, pair, pair, pair) for pair in range(frame_count - 1))
        windows = tuple(
            SeenFrames((first + last) // 2, range(reach_first, reach_last + 1), ())
            for first, last, reach_first, reach_last in propagation
        )
    else:
        windows = tuple(
            window_at(
                centre, frame_count, neighbor_length=neighbor_length, ref_stride=ref_stride, chunk_length=chunk_length
            )
            for centre in range(0, frame_count, neighbor_length // 2)
        )
    return Plan(windows, propagation, completion)


def plan_for(frame_count: int, engine: str, settings: ShotSettings) -> Plan:
    """The plan of a shot under these settings."""
    return plan_of(frame_count, engine, settings.neighbor_length, settings.ref_stride, settings.chunk_length)


@dataclass(frozen=True)
class Redo:
    """Units that have to be computed, stage by stage, and of how many. At most: work stops where a recomputed artifact
    equals the old one."""

    pairs: int
    completion: tuple[Chunk, ...]
    propagation: tuple[Chunk, ...]
    windows: tuple[SeenFrames, ...]
    frames: int
    all_windows: int
    """Windows that paint the frames in question, redone or not."""

    @property
    def is_nothing(self) -> bool:
        """Whether every picture only has to be laid together again."""
        return not (self.pairs or self.completion or self.propagation or self.windows)


_FEEDS_FLOW = ("working_size", "flow_iterations", "flow_stop", "color", "precision")
_FEEDS_HOLES = ("threshold", "grow")
_FEEDS_BOX = (*_FEEDS_HOLES, "grow_flow", "crop_padding")


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

    cached: for ``flow``, ``completion`` (pairs), ``propagation`` and ``painting`` (frames) the indices that are
    stored under ``before``. A unit is kept if the same unit exists before and after, is stored, and nothing it depends
    on is redone.
    """
    wanted = set(frames)
    plan, old = plan_for(frame_count, engine_after, after), plan_for(frame_count, engine_before, before)
    windows = plan.windows_painting(wanted)
    seen = {i for window in windows for i in window.all}
    propagation = tuple(c for c in plan.propagation if not seen.isdisjoint(range(c[0], c[1] + 1)))
    pairs = {pair for c in propagation for pair in range(c[2], c[3])}
    pairs |= {pair for window in windows for pair in window.neighbours[:-1]}
    completion = tuple(c for c in plan.completion if not pairs.isdisjoint(range(c[0], c[1] + 1)))
    pairs = {pair for c in completion for pair in range(c[2], c[3] + 1)}

    new_flow = engine_before != engine_after or _differ(before, after, _FEEDS_FLOW) or _box(before) != _box(after)
    new_holes = _differ(before, after, _FEEDS_HOLES)
    new_flow_holes = new_holes or _flow_hole(before) != _flow_hole(after)
    redone_pairs = pairs if new_flow else pairs - cached.get("flow", frozenset())
    redone_completion = tuple(
        c
        for c in completion
        if new_flow_holes
        or c not in old.completion
        or not cached.get("completion", frozenset()) >= set(range(c[0], c[1] + 1))
        or not redone_pairs.isdisjoint(range(c[2], c[3] + 1))
    )
    stale_pairs = redone_pairs | {pair for c in redone_completion for pair in range(c[0], c[1] + 1)}
    redone_propagation = tuple(
        c
        for c in propagation
        if new_holes
        or c not in old.propagation
        or not cached.get("propagation", frozenset()) >= set(range(c[0], c[1] + 1))
        or not stale_pairs.isdisjoint(range(c[2], c[3]))
    )
    stale_frames = {i for c in redone_propagation for i in range(c[0], c[1] + 1)}
    known = {(window.neighbours, window.references) for window in old.windows}
    painted = cached.get("painting", frozenset())
    redone_windows = tuple(
        window
        for window in windows
        if new_flow
        or (window.neighbours, window.references) not in known
        or not painted >= set(window.neighbours)
        or not stale_frames.isdisjoint(window.all)
        or not stale_pairs.isdisjoint(window.neighbours[:-1])
    )
    return Redo(len(redone_pairs), redone_completion, redone_propagation, redone_windows, len(wanted), len(windows))


def _flow_hole(settings: ShotSettings) -> tuple[int, int]:
    """What makes the hole in the flow, the matte and its threshold aside."""
    return max(settings.grow, settings.grow_flow), settings.flow_hole_snap


def _box(settings: ShotSettings) -> tuple[object, ...]:
    """What makes the box every stage sees; empty: it sees the whole frame."""
    return tuple(getattr(settings, name) for name in _FEEDS_BOX) if settings.crop_to_matte else ()


def _differ(before: ShotSettings, after: ShotSettings, names: Iterable[str]) -> bool:
    return any(getattr(before, name) != getattr(after, name) for name in names)
