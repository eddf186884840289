"""Which frames are treated together: chunks with overlap, painter windows with their reference frames.

Here: integers only, 0-based within one shot (docs/propainter_spec.md, sections 3, 5 and 6). Not here: which cut an engine
takes (``layouts.py``), what happens inside a chunk or a window (``propainter``).

Everything is anchored at the shot's first frame, so the same shot always gives the same windows.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

from propainter_plan.units import Chunk, Window

COMPLETION_REACH = 5
"""Flow pairs a completion chunk sees beyond its core, on both sides (spec, section 3, long videos)."""
PROPAGATION_REACH = 10
"""Frames a propagation chunk sees beyond its core, on both sides (spec, section 5, long videos)."""
PROPAGATION_LIMIT = 100
"""Most frames in the core of a propagation chunk, whatever the settings allow (spec, section 5, long videos)."""


class CutSettings(Protocol):
    """The settings that decide how a shot is cut."""

    @property
    def neighbor_length(self) -> int: ...
    @property
    def ref_stride(self) -> int: ...
    @property
    def chunk_length(self) -> int: ...


def completion_chunks(pair_count: int, settings: CutSettings) -> tuple[Chunk, ...]:
    """Runs of flow pairs that flow completion treats at once; none for a shot of one frame."""
    return _chunks(pair_count, settings.chunk_length, COMPLETION_REACH)


def propagation_chunks(frame_count: int, settings: CutSettings) -> tuple[Chunk, ...]:
    """Runs of frames that image propagation treats at once."""
    return _chunks(frame_count, min(PROPAGATION_LIMIT, settings.chunk_length), PROPAGATION_REACH)


def paint_windows(frame_count: int, settings: CutSettings) -> tuple[Window, ...]:
    """The painter's windows: a centre every half window, its neighbours, distant frames to look at (spec, section 6).

    The weights fall off linearly with the distance from the centre. This is a deliberate difference from the reference,
    which averages a frame's visits one after the other, so that the window painted last wins: here the result does not
    depend on the order of painting.
    """
    half = settings.neighbor_length // 2
    return tuple(window_at(centre, frame_count, settings) for centre in range(0, frame_count, half))


def carried_past(chunks: Sequence[Chunk]) -> tuple[Chunk, ...]:
    """The stretches over which places are carried onward in time: each from where the reach of a chunk begins to where that
    of a later one does. The core is that last frame alone: where the later chunk's own sweep begins.
    """
    borders = sorted({chunk.reach_first for chunk in chunks})
    return tuple(Chunk(border, border, first, border) for first, border in pairwise(borders))


def carried_future(chunks: Sequence[Chunk]) -> tuple[Chunk, ...]:
    """The same against time: from where the reach of a chunk ends back to where that of an earlier one does."""
    borders = sorted({chunk.reach_last for chunk in chunks})
    return tuple(Chunk(border, border, border, last) for border, last in pairwise(borders))


def _chunks(count: int, length: int, reach: int) -> tuple[Chunk, ...]:
    if count <= length:
        return (Chunk(0, count - 1, 0, count - 1),) if count else ()
    spans = ((first, min(first + length, count) - 1) for first in range(0, count, length))
    return tuple(Chunk(first, last, max(0, first - reach), min(count - 1, last + reach)) for first, last in spans)


def window_at(centre: int, frame_count: int, settings: CutSettings) -> Window:
    """The painter's window around a frame."""
    half = settings.neighbor_length // 2
    neighbours = range(max(0, centre - half), min(frame_count - 1, centre + half) + 1)
    candidates = _reference_candidates(centre, frame_count, settings)
    return Window(
        centre=centre,
        neighbours=tuple(neighbours),
        references=tuple(i for i in candidates if i not in neighbours),
        weights=tuple(float(half + 1 - abs(i - centre)) for i in neighbours),
    )


def _reference_candidates(centre: int, frame_count: int, settings: CutSettings) -> range:
    """Every ref_stride-th frame: of the whole shot, or in a shot longer than a chunk of a stretch around the centre.

    In a long shot the stretch starts at the centre minus a whole number of strides, so its phase follows the centre,
    and its last frame is left out: one more past than future reference (spec, section 6).
    """
    if frame_count <= settings.chunk_length:
        return range(0, frame_count, settings.ref_stride)
    arm = settings.ref_stride * (settings.chunk_length // settings.ref_stride // 2)
    return range(max(0, centre - arm), min(frame_count, centre + arm), settings.ref_stride)
