"""Which workers are ready, which are silent, and when one that ended is started again: clocks and counts.

Here: ``Lives``. Not here: processes and pipes (``link.py``), what follows from an end (``workers.py``).
"""

from __future__ import annotations

import time
from collections.abc import Callable

_UNREADY_DEATHS = 3
"""Workers that end before they are ready, in a row, until clients are told that there will be none."""
_RESTART_DELAYS_S = (0.0, 0.5, 2.0, 10.0, 30.0)


class Lives:
    """silence_s: a worker that says nothing for so long has stopped, or is stuck in its driver."""

    def __init__(self, *, silence_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._silence_s = silence_s
        self._clock = clock
        self._ready: set[str] = set()
        self._heard_at: dict[str, float] = {}
        self._looked_at = 0.0
        self._unready_deaths = 0
        self._restart_at: dict[str, float] = {}

    @property
    def ready(self) -> list[str]:
        """Workers that have begun to serve, by name."""
        return sorted(self._ready)

    @property
    def is_hopeless(self) -> bool:
        """One after the other has ended before it was ready."""
        return self._unready_deaths >= _UNREADY_DEATHS

    def hear(self, worker: str) -> None:
        """It has said something."""
        self._heard_at[worker] = self._clock()

    def begin(self, worker: str) -> None:
        """It is ready."""
        self._ready.add(worker)
        self._unready_deaths = 0

    def end(self, worker: str) -> None:
        """It has died."""
        if worker not in self._ready:
            self._unready_deaths += 1
        self._ready.discard(worker)

    def is_time_to_look(self) -> bool:
        """Whether to look for silent ones now; several times before one would count as silent."""
        now = self._clock()
        if now - self._looked_at < self._silence_s / 6:
            return False
        self._looked_at = now
        return True

    def silent_s(self, worker: str) -> float | None:
        """For how long a ready worker has said nothing; None where that is no reason to worry."""
        silent_s = self._clock() - self._heard_at[worker]
        return silent_s if silent_s > self._silence_s else None

    def restart_soon(self, worker: str) -> None:
        """It is to be started again; the later, the oftener workers have ended before they were ready."""
        delay_s = _RESTART_DELAYS_S[min(self._unready_deaths, len(_RESTART_DELAYS_S) - 1)]
        self._restart_at[worker] = self._clock() + delay_s

    def take_due(self) -> list[str]:
        """Those whose time to be started again has come; each is told once."""
        now = self._clock()
        due = [worker for worker, at in self._restart_at.items() if at <= now]
        for worker in due:
            del self._restart_at[worker]
        return due
