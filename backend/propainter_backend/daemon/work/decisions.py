"""Events go to the scheduler, one after the other; what it answers is done before it is told anything else.

Here: ``Decisions``. Not here: deciding (``scheduler.py``), doing (``jobs.py``), which may tell of more while it is at it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from propainter_backend.daemon.work.events import Event, Instruction, Work
from propainter_backend.daemon.work.job import Outcome
from propainter_backend.daemon.work.scheduler import Scheduler


class Decisions:
    """carry_out: does what an instruction says; the outcome is that of the step whose end led to it."""

    def __init__(self, carry_out: Callable[[Instruction, Outcome | None], None]) -> None:
        self._carry_out = carry_out
        self._scheduler = Scheduler()
        self._events: deque[tuple[Event, Outcome | None]] = deque()
        self._is_deciding = False

    def tell(self, event: Event, outcome: Outcome | None = None) -> None:
        """Tell the scheduler, and have done what it answers; within such doing, as soon as that is through."""
        self._events.append((event, outcome))
        if self._is_deciding:
            return
        self._is_deciding = True
        try:
            while self._events:
                event, outcome = self._events.popleft()
                for instruction in self._scheduler.handle(event):
                    self._carry_out(instruction, outcome)
        finally:
            self._is_deciding = False

    def wanted_by(self, work: Work) -> list[str]:
        """Jobs that wait for this work, most urgent first."""
        return [job_id for job_id, _ in self._scheduler.wanted_by(work)]
