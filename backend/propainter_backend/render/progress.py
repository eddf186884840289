"""A progress line in a terminal: stage, frame, time left.

Here: ``ProgressLine``, drawn by tqdm, and ``TimeLeft``. Not here: what there is to do (``propainter_plan/plan.py``).
"""

from __future__ import annotations

import time
from types import TracebackType

from tqdm import tqdm


class ProgressLine:
    """Shows how a shot's render goes; a context manager. Frames are the bar, stages its text."""

    def __init__(self, frames: int, *, quiet: bool) -> None:
        self._bar = tqdm(total=frames, unit="frame", disable=quiet, dynamic_ncols=True, bar_format=_FORMAT)
        self._left = TimeLeft()

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def show(self, stage: str, done: int, total: int) -> None:
        """One unit of a stage is done."""
        self._left.note(stage, done, total)
        self._bar.set_description_str(f"{stage} {done}/{total}", refresh=False)
        self._bar.set_postfix_str(f"ETA {_clock(self._left.seconds())}", refresh=True)

    def frame_done(self, number: int) -> None:
        """One frame is written."""
        self._bar.update(1)
        self._bar.set_description_str(f"frame {number}", refresh=False)


class TimeLeft:
    """An estimate of the rest from what each unit of a stage took so far; None until a unit has been seen."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self._spent: dict[str, float] = {}
        self._seen: dict[str, int] = {}
        self._left: dict[str, tuple[int, int]] = {}

    def note(self, stage: str, done: int, total: int) -> None:
        """Count what was done since the last note towards this stage."""
        now = time.monotonic()
        before = self._left.get(stage, (0, total))[0]
        self._spent[stage] = self._spent.get(stage, 0.0) + now - self._last
        self._seen[stage] = self._seen.get(stage, 0) + max(0, done - before)
        self._left[stage] = (done, total)
        self._last = now

    def seconds(self) -> float | None:
        """Seconds left for the units of the stages seen so far; later stages are not guessed at."""
        known = [stage for stage, seen in self._seen.items() if seen]
        if not known:
            return None
        return sum(self._spent[s] / self._seen[s] * max(0, self._left[s][1] - self._left[s][0]) for s in known)


def _clock(seconds: float | None) -> str:
    if seconds is None:
        return "--:--"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"


_FORMAT = "{l_bar}{bar}| {n_fmt}/{total_fmt} {unit} [{elapsed}{postfix}]"
