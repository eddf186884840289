"""What the timeline shows of a drawn matte: which frames have one, which are keys, which are doubtful.

Here: ``MatteBands``, pure. Not here: painting them (``widgets/timeline_painting.py``), the bands of a render (``shown.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from propainter_ui.matte.document import MatteDocument
from propainter_ui.matte.standing import doubtful_of, keys_of
from propainter_ui.state.panel_state import JobState, PanelState, Run

_WORDS = {"cached": "tracked", "stale": "follows an older key", "running": "at work", "missing": "none"}
"""Of what a run of frames is."""


@dataclass(frozen=True)
class MatteBands:
    """One document's."""

    runs: tuple[Run, ...] = ()
    """Frames with a matte (cached), with one that follows an older key (stale), without one (missing), at work (running)."""
    keys: tuple[int, ...] = ()
    doubt: Mapping[int, float] = field(default_factory=dict)
    """By frame, 0..1, of tracked mattes that still follow their keys."""
    wanted: frozenset[int] = frozenset()
    """Frames that want a look."""

    def said_of(self, frame: int) -> str:
        """The matte of a frame in words."""
        if frame in self.keys:
            return "key frame"
        return _WORDS[next((what for first, last, what in self.runs if first <= frame <= last), "missing")]

    def doubt_said_of(self, frame: int) -> str:
        """The doubt of a frame in words."""
        if frame not in self.doubt:
            return "not told"
        return f"{self.doubt[frame]:.0%}" + (", look at it" if frame in self.wanted else "")


def matte_bands(state: PanelState) -> MatteBands:
    """Those of a state; empty without a drawn matte."""
    drawn = state.drawn
    if drawn is None:
        return MatteBands()
    keys = keys_of(drawn)
    settled = set(keys) | drawn.stale
    return MatteBands(
        _runs(drawn, set(keys), state.job), keys,
        {
            frame: value for frame, value in drawn.doubt.items()
            if frame in drawn.frames and frame in drawn.solved and frame not in settled
        },
        frozenset(doubtful_of(drawn)),
    )  # fmt: skip


def _runs(drawn: MatteDocument, keys: set[int], job: JobState | None) -> tuple[Run, ...]:
    tracked = range(job.first, job.last + 1) if job is not None and job.kind == "tracking" else range(0)
    runs: list[Run] = []
    for frame in drawn.frames:
        has = frame in keys or frame in drawn.solved
        what = "missing" if not has else "stale" if frame in drawn.stale else "cached"
        if what != "cached" and frame in tracked:
            what = "running"
        if runs and runs[-1][2] == what:
            runs[-1] = (runs[-1][0], frame, what)
        else:
            runs.append((frame, frame, what))
    return tuple(runs)
