"""Which units of work a frame needs, and the key of each: pure, integers and digests only.

A key is the digest of exactly what its unit depends on: content of frames and holes, the settings that matter to the
stage, the engine and its weights, the code version. So a roto edit needs no invalidation code: the flow's key does not
contain the matte. Keys of later stages contain the *content* digests of earlier artifacts, so that work stops where a
recomputed artifact equals the old one (early cutoff).

Here: ``Plan`` and the key functions. Not here: carrying a plan out (``shot_renderer.py``), storage (``shot_cache.py``).
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from propainter.engine import Engine
from propainter.types import Chunk, Settings, Window

STAGES = ("flow", "completion", "propagation", "painting", "composite")
"""The stages a report counts, in order of the walk."""

_CODE_VERSION = "1"
"""Changes when the way stages are wired here changes a picture; the engine has its own."""

Scalar = str | int | float | None
T = TypeVar("T", Window, Chunk)


def key_of(stage: str, *parts: Scalar | Sequence[Scalar]) -> str:
    """64 hex digits naming an artifact: sha256 over the stage and everything it depends on."""
    text = json.dumps([_CODE_VERSION, stage, *parts], separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def part_key(unit: str, index: int) -> str:
    """Key of one frame's or pair's share of a unit that computes several at once."""
    return hashlib.sha256(f"{unit}/{index}".encode()).hexdigest()


def engine_parts(engine: Engine) -> tuple[str, str, str]:
    """What of an engine belongs into every key."""
    return engine.name, engine.weights_id, engine.code_version


@dataclass(frozen=True)
class Plan:
    """The units a set of frames needs, each once, in shot order."""

    windows: tuple[Window, ...]
    propagation: tuple[Chunk, ...]
    completion: tuple[Chunk, ...]
    pairs: tuple[int, ...]

    def count(self, stage: str) -> int:
        """Units of a stage (composite is counted by the caller: one a frame)."""
        units = {
            "flow": self.pairs,
            "completion": self.completion,
            "propagation": self.propagation,
            "painting": self.windows,
        }
        return len(units.get(stage, ()))

    @property
    def frames(self) -> tuple[int, ...]:
        """Every frame, 0-based, whose plate and matte some unit reads."""
        seen: set[int] = {i for pair in self.pairs for i in (pair, pair + 1)}
        for chunk in self.propagation:
            seen.update(range(chunk.reach_first, chunk.reach_last + 1))
        for chunk in self.completion:
            seen.update(range(chunk.reach_first, chunk.reach_last + 2))
        for window in self.windows:
            seen.update(window.neighbours + window.references)
        return tuple(sorted(seen))


class Layout(Protocol):
    """What of an engine a plan asks: how it cuts a shot. No networks are needed for that."""

    def windows(self, frame_count: int, settings: Settings) -> tuple[Window, ...]: ...
    def propagation_chunks(self, frame_count: int, settings: Settings) -> tuple[Chunk, ...]: ...
    def completion_chunks(self, pair_count: int, settings: Settings) -> tuple[Chunk, ...]: ...


class ShotPlan:
    """The windows and chunks of one shot under one engine and settings, anchored at its first frame."""

    def __init__(self, layout: Layout, frame_count: int, settings: Settings) -> None:
        self.frame_count = frame_count
        self.windows = layout.windows(frame_count, settings)
        self.propagation = layout.propagation_chunks(frame_count, settings)
        self.completion = layout.completion_chunks(frame_count - 1, settings)
        self._propagation_of = _owners(self.propagation)
        self._completion_of = _owners(self.completion)
        self._windows_of: dict[int, list[Window]] = defaultdict(list)
        for window in self.windows:
            for frame in window.neighbours:
                self._windows_of[frame].append(window)

    def propagation_of(self, frame: int) -> Chunk:
        """The chunk whose core holds a frame."""
        return self.propagation[self._propagation_of[frame]]

    def completion_of(self, pair: int) -> Chunk:
        """The chunk whose core holds a flow pair."""
        return self.completion[self._completion_of[pair]]

    def windows_of(self, frame: int, *, nearest_only: bool = False) -> tuple[Window, ...]:
        """The windows that paint a frame; ``nearest_only``: the one with the greatest share (for previews)."""
        seen = tuple(self._windows_of[frame])
        if not nearest_only:
            return seen
        return (max(seen, key=lambda w: (share_of(w, frame), -w.centre)),)

    def plan(self, frames: Iterable[int], *, nearest_only: bool = False) -> Plan:
        """Everything the given frames need, whether or not it is already cached."""
        windows = _unique(w for frame in frames for w in self.windows_of(frame, nearest_only=nearest_only))
        seen = sorted({frame for w in windows for frame in w.neighbours + w.references})
        propagation = _unique(self.propagation_of(frame) for frame in seen)
        pairs = {pair for chunk in propagation for pair in range(chunk.reach_first, chunk.reach_last)}
        pairs |= {pair for w in windows for pair in w.neighbours[:-1]}
        completion = _unique(self.completion_of(pair) for pair in sorted(pairs))
        flow = {pair for chunk in completion for pair in range(chunk.reach_first, chunk.reach_last + 1)}
        return Plan(windows, propagation, completion, tuple(sorted(flow)))


def share_of(window: Window, frame: int) -> float:
    """A window's weight for one of its neighbours."""
    return window.weights[window.neighbours.index(frame)]


def _owners(chunks: Sequence[Chunk]) -> dict[int, int]:
    return {unit: index for index, c in enumerate(chunks) for unit in range(c.core_first, c.core_last + 1)}


def _unique(items: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(items))
