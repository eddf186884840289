"""A progress line in a terminal: stage, frame, time left.

Here: ``ProgressLine``, drawn by tqdm. Not here: what there is to do (``shot_renderer.py``).
"""

from __future__ import annotations

import time
from types import TracebackType

from tqdm import tqdm

from propainter_backend.shot_renderer import Progress
from propainter_backend.stage_graph import STAGES


class ProgressLine:
    """Shows how a shot's render goes; a context manager. Frames are the bar, stages its text."""

    def __init__(self, frames: int, *, quiet: bool) -> None:
        self._bar = tqdm(total=frames, unit="frame", disable=quiet, dynamic_ncols=True, bar_format=_FORMAT)
        self._eta = TimeLeft()

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def show(self, progress: Progress) -> None:
        """One unit is done."""
        self._eta.note(progress.stage, progress.done, progress.total)
        self._bar.set_description_str(f"{progress.stage} {progress.done}/{progress.total}", refresh=False)
        self._bar.set_postfix_str(f"ETA {_clock(self._eta.seconds())}", refresh=True)

    def frame_done(self, number: int) -> None:
        """One frame is written."""
        self._bar.update(1)
        self._bar.set_description_str(f"frame {number}", refresh=False)


class TimeLeft:
    """An estimate of the rest from what each unit of a stage took so far; None until a unit has been seen."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self._spent = dict.fromkeys(STAGES, 0.0)
        self._seen = dict.fromkeys(STAGES, 0)
        self._done = dict.fromkeys(STAGES, 0)
        self._total = dict.fromkeys(STAGES, 0)

    def note(self, stage: str, done: int, total: int) -> None:
        """Count what was done since the last note towards this stage."""
        now = time.monotonic()
        self._spent[stage] += now - self._last
        self._last = now
        self._seen[stage] += max(0, done - self._done[stage])
        self._done[stage], self._total[stage] = done, total

    def seconds(self) -> float | None:
        """Seconds left for the units of the stages seen so far; later stages are not guessed at."""
        known = [s for s in STAGES if self._seen[s]]
        if not known:
            return None
        return sum(self._spent[s] / self._seen[s] * (self._total[s] - self._done[s]) for s in known)


def _clock(seconds: float | None) -> str:
    if seconds is None:
        return "--:--"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"


_FORMAT = "{l_bar}{bar}| {n_fmt}/{total_fmt} {unit} [{elapsed}{postfix}]"
