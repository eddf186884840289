"""A command's progress: a bar of the whole work in a terminal, a line a stage in a log; and the time left.

Here: ``ProgressLine``, drawn by tqdm, and ``TimeLeft``. Not here: what the work is (``whole_work.py``).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TextIO

from tqdm import tqdm

_STEPS = 1000
"""Of the bar."""


class ProgressLine:
    """Shows how a shot's render goes; a context manager. The bar is the whole work, its text stage and frames.

    stream: where to; None: stderr. Where that is no terminal each stage has one line, when it begins, for logs.
    """

    def __init__(self, frames: int, *, quiet: bool, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._frames = frames
        self._written = 0
        self._share = 0.0
        self._stage = ""
        self._told: set[str] = set()
        self._left = TimeLeft()
        self._is_log = not quiet and not self._stream.isatty()
        self._bar = tqdm(
            total=_STEPS, disable=quiet or self._is_log, dynamic_ncols=True, bar_format=_FORMAT, file=self._stream
        )

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._advance(1.0)
        self._bar.close()

    def show(self, stage: str, share: float, detail: str = "") -> None:
        """A stage is at work, and so much of everything is done, 0..1. detail: how far the stage is."""
        self._left.note(share)
        self._advance(share)
        self._stage = f"{stage} {detail}".rstrip()
        if self._is_log and stage not in self._told:
            self._told.add(stage)
            self._stream.write(f"{stage}: {self._share:.0%} of the work is done{_left_text(self._left.seconds())}\n")
            self._stream.flush()
        self._describe()

    def frame_done(self, number: int) -> None:
        """One frame is written."""
        self._written += 1
        self._stage = f"frame {number}"
        self._describe()

    def _advance(self, share: float) -> None:
        """Never back: what was told is not taken back."""
        self._share = max(self._share, min(share, 1.0))
        self._bar.n = int(_STEPS * self._share)

    def _describe(self) -> None:
        self._bar.set_description_str(self._stage, refresh=False)
        self._bar.set_postfix_str(
            f"{self._written}/{self._frames} frames, ETA {_clock(self._left.seconds())}", refresh=False
        )
        self._bar.update(0)
        self._bar.refresh()


class TimeLeft:
    """An estimate of the rest from how long the share that is done took; None before anything is."""

    _LEAST = 0.01
    """Share of the work from which one can tell."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = clock()
        self._spent = 0.0
        self._begun_at: float | None = None
        self._share = 0.0

    def note(self, share: float) -> None:
        """So much is done by now. Less than before: it is other work."""
        now = self._clock()
        if self._begun_at is None or share < self._share:
            self._begun_at, self._spent = share, 0.0
        else:
            self._spent += now - self._last
        self._share, self._last = share, now

    def go_on(self) -> None:
        """Work begins again: the time since the last note was not spent on it."""
        self._last = self._clock()

    def seconds(self) -> float | None:
        """Seconds left, if the rest goes as what was done since the first note."""
        if self._begun_at is None or self._share - self._begun_at < self._LEAST:
            return None
        return self._spent / (self._share - self._begun_at) * (1.0 - self._share)


def _left_text(seconds: float | None) -> str:
    return "" if seconds is None else f", about {_clock(seconds)} left"


def _clock(seconds: float | None) -> str:
    if seconds is None:
        return "--:--"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"


_FORMAT = "{l_bar}{bar}| [{elapsed}{postfix}]"
