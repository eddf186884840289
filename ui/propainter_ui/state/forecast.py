"""What a render with the edited settings would see, compute and cost, in numbers and in words.

Here: the questions a ``PanelState`` answers. Not here: the rules of windows (``windows_preview.py``), rates and bytes
(``estimates.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from functools import lru_cache

from propainter_plan.units import Window
from propainter_ui.state.estimates import memory_bytes, size_text, time_text
from propainter_ui.state.panel_state import PanelState, Run
from propainter_ui.state.sizes import working_size_wanted
from propainter_ui.state.windows_preview import Redo, plan_for, window_of, work_to_redo
from propainter_wire.messages import Quality, ShotSettings


def window_seen(state: PanelState) -> Window | None:
    """The window of the playhead frame under the edited settings, as the networks would see it. Indices.

    None also while an engine would render that has no such windows.
    """
    if state.shot is None or not state.is_drawing_networks:
        return None
    return window_of(state.index(state.frame), state.shot.frame_count, state.settings)


def window_sentence(state: PanelState) -> str:
    """The window in words; empty where there is none."""
    seen = window_seen(state)
    if seen is None or state.shot is None:
        return ""
    offset = state.shot.first
    refs = len(seen.references)
    return (
        f"Frame {state.frame}: window around {seen.centre + offset} paints "
        f"{seen.neighbours[0] + offset}–{seen.neighbours[-1] + offset} and looks at {refs} reference{'s' * (refs != 1)}"
    )


def redo_of(state: PanelState) -> Redo | None:
    """What rendering the range with the edited settings would have to compute."""
    shot = state.shot
    if shot is None or not state.has_matte:
        return None
    cached = {} if state.quality != state.applied_quality else cached_indices(_FrozenBands(state.bands), shot.first)
    frames = range(state.index(state.first), state.index(state.last) + 1)
    return _redo(
        frames, shot.frame_count, _cropped(state.applied, state.applied_quality),
        _cropped(state.settings, state.quality), state.engine or state.engine_wanted,
        state.engine_wanted, _FrozenSets(cached),
    )  # fmt: skip


def _cropped(settings: ShotSettings, quality: Quality) -> ShotSettings:
    """The settings as a quality uses them: drafts look at a box around the matte always."""
    return replace(settings, crop_to_matte=True) if quality == "draft" else settings


class _FrozenBands(tuple[tuple[str, tuple[Run, ...]], ...]):
    """Bands as something that can be hashed."""

    def __new__(cls, bands: Mapping[str, tuple[Run, ...]]) -> _FrozenBands:
        return super().__new__(cls, tuple(bands.items()))


class _FrozenSets(tuple[tuple[str, Set[int]], ...]):
    """A map of sets as something that can be hashed."""

    def __new__(cls, sets: Mapping[str, Set[int]]) -> _FrozenSets:
        return super().__new__(cls, tuple(sets.items()))


@lru_cache(maxsize=4)
def cached_indices(bands: _FrozenBands, first: int) -> Mapping[str, frozenset[int]]:
    """The indices that are cached, stage by stage."""
    return {
        stage: frozenset(
            frame - first for start, end, what in runs if what == "cached" for frame in range(start, end + 1)
        )
        for stage, runs in bands
    }


@lru_cache(maxsize=32)
def _redo(
    frames: range,
    frame_count: int,
    before: ShotSettings,
    settings: ShotSettings,
    engine_before: str,
    engine_after: str,
    cached: _FrozenSets,
) -> Redo:
    return work_to_redo(
        frames, frame_count, before=before, after=settings, engine_before=engine_before, engine_after=engine_after,
        cached=dict(cached),
    )  # fmt: skip


@dataclass(frozen=True)
class Estimate:
    """What a render would cost, in words."""

    work: str
    time: str
    memory: str


def estimate_of(state: PanelState) -> Estimate | None:
    """The cost of rendering the range with the edited settings."""
    redo, shot = redo_of(state), state.shot
    if redo is None or shot is None:
        return None
    size = working_size_wanted(state)
    plan = plan_for(shot.frame_count, state.engine_wanted, state.settings)
    memory = memory_bytes(plan, engine=state.engine_wanted, working_size=size, precision=state.settings.precision)
    seconds = state.rates.estimate(redo, size[0] * size[1])
    how_near = "at most" if _cropped(state.settings, state.quality).crop_to_matte else "about"
    return Estimate(_work_text(redo), _time_text(seconds, how_near), f"{how_near} {size_text(memory)}")


def _time_text(seconds: float | None, how_near: str) -> str:
    if seconds is None:
        return "known after a render"
    return time_text(seconds) if seconds < 1 else f"{how_near} {time_text(seconds)}"


def _work_text(redo: Redo) -> str:
    if redo.is_nothing:
        return "nothing: all of it is cached"
    some, every = len(redo.windows), redo.all_windows
    parts = [f"{some} of {every} windows" if some < every else f"all {every} windows" if every > 1 else "the window"]
    parts += [f"flow of {redo.pairs} pairs"] if redo.pairs else ["flow kept"]
    chunks = len(redo.propagation) or len(redo.completion)
    if chunks:
        parts.append(f"{chunks} chunk{'s' * (chunks != 1)}")
    return ", ".join(parts)
