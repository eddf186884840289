"""When a daemon ends by itself: nobody asks for anything any more, or whoever started it is gone.

Here: ``Lifetime``, asked once a turn of the loop; ``StopWish``. Not here: who wishes it to stop (``daemon.py``,
``requests/status.py``, ``relay.py``).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import psutil

log = logging.getLogger(__name__)

_LOOK_S = 0.5


@dataclass
class StopWish:
    """Whether a daemon has been told to stop, and how soon."""

    when: Literal["now", "idle"] | None = None
    """``idle``: when its jobs are done and read."""

    def is_due(self, *, has_work: bool) -> bool:
        """Whether to stop now."""
        return self.when == "now" or (self.when == "idle" and not has_work)


class Lifetime:
    """idle_timeout_s: end after so long without clients and work. parent_pid: end when this process has."""

    def __init__(
        self, *, idle_timeout_s: float | None, parent_pid: int | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._idle_timeout_s = idle_timeout_s
        self._parent = _process(parent_pid)
        self._parent_pid = parent_pid
        self._clock = clock
        self._used_at = clock()
        self._looked_at = -_LOOK_S

    def is_over(self, *, in_use: bool) -> bool:
        """Whether to end now. in_use: somebody is connected, or something is being done."""
        now = self._clock()
        if in_use:
            self._used_at = now
        elif self._idle_timeout_s is not None and now - self._used_at > self._idle_timeout_s:
            log.info("stopping: nobody has asked for anything for %.0f s", self._idle_timeout_s)
            return True
        if self._parent_pid is not None and now - self._looked_at >= _LOOK_S:
            self._looked_at = now
            if not _is_alive(self._parent):
                log.info("stopping: process %d, which this was to live as long as, is gone", self._parent_pid)
                return True
        return False


def _process(pid: int | None) -> psutil.Process | None:
    """A process together with the time it began: its number may be given to another later."""
    try:
        return None if pid is None else psutil.Process(pid)
    except psutil.Error:
        return None


def _is_alive(process: psutil.Process | None) -> bool:
    try:
        return process is not None and process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
