"""How each engine cuts a shot into units.

Here: ``Layout`` and the two engines' own. Not here: the engines (``propainter``), which answer by these.
"""

from __future__ import annotations

from typing import Protocol

from propainter_plan import cuts
from propainter_plan.cuts import CutSettings
from propainter_plan.units import Chunk, Window


class Layout(Protocol):
    """How a shot is cut. An engine is one; no networks are needed for it."""

    @property
    def carries(self) -> bool:
        """Whether places are carried from chunk to chunk, so that a hole sees as far as the shot goes."""

    def windows(self, frame_count: int, settings: CutSettings) -> tuple[Window, ...]:
        """The windows that paint a shot, anchored at its first frame."""

    def propagation_chunks(self, frame_count: int, settings: CutSettings) -> tuple[Chunk, ...]:
        """Runs of frames whose plates are propagated at once."""

    def completion_chunks(self, pair_count: int, settings: CutSettings) -> tuple[Chunk, ...]:
        """Runs of pairs whose flow is completed at once."""


class LearnedLayout:
    """The published networks': overlapping windows with distant references."""

    carries = False

    def windows(self, frame_count: int, settings: CutSettings) -> tuple[Window, ...]:
        """See ``Layout``."""
        return cuts.paint_windows(frame_count, settings)

    def propagation_chunks(self, frame_count: int, settings: CutSettings) -> tuple[Chunk, ...]:
        """See ``Layout``."""
        return cuts.propagation_chunks(frame_count, settings)

    def completion_chunks(self, pair_count: int, settings: CutSettings) -> tuple[Chunk, ...]:
        """See ``Layout``."""
        return cuts.completion_chunks(pair_count, settings)


class ClassicalLayout:
    """The embedded engine's: every pair completed by itself, one window a propagation chunk."""

    carries = True

    def completion_chunks(self, pair_count: int, settings: CutSettings) -> tuple[Chunk, ...]:
        """Every pair by itself: what is known of it is completed from its own surroundings, so an edit redoes two."""
        return tuple(Chunk(pair, pair, pair, pair) for pair in range(pair_count))

    def propagation_chunks(self, frame_count: int, settings: CutSettings) -> tuple[Chunk, ...]:
        """See ``Layout``."""
        return cuts.propagation_chunks(frame_count, settings)

    def windows(self, frame_count: int, settings: CutSettings) -> tuple[Window, ...]:
        """One window a propagation chunk, its reach included; where two overlap one fades out while the other fades in."""
        return tuple(_window_of(chunk) for chunk in self.propagation_chunks(frame_count, settings))


def layout_of(engine: str) -> Layout:
    """The layout of an engine by its name: ``classical``, or any other for the networks'."""
    return ClassicalLayout() if engine == "classical" else LearnedLayout()


def _window_of(chunk: Chunk) -> Window:
    """Weights rise over the frames shared with the chunk before and fall over those shared with the chunk after."""
    neighbours = range(chunk.reach_first, chunk.reach_last + 1)
    rise = 2 * (chunk.core_first - chunk.reach_first) + 1
    fall = 2 * (chunk.reach_last - chunk.core_last) + 1
    weights = (min(1.0, (i - chunk.reach_first + 1) / rise, (chunk.reach_last - i + 1) / fall) for i in neighbours)
    centre = (chunk.core_first + chunk.core_last) // 2
    return Window(
        centre=centre, neighbours=tuple(neighbours), references=(), weights=tuple(weights),
        core=(chunk.core_first, chunk.core_last),
    )  # fmt: skip
