"""The work under way, and giving it up: shared by who works and who cancels."""

from __future__ import annotations

import threading
from dataclasses import replace

from propainter_ui.state.panel_state import JobState
from propainter_wire.messages import Accepted, Progress


class Interrupted(Exception):
    """The work under way was given up for something else."""


class UnderWay:
    """What the work lane is at. Setting and reading may come from several threads.

    Every wish has a ticket, drawn when it is made; a later one, or a cancel, makes all earlier ones void. So work that was
    cancelled before the lane came to it is never begun.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0
        self._mine = 0
        self.job = ""
        """The backend's name of the job under way; empty without one."""

    @property
    def ticket(self) -> int:
        """For work that goes with what was last asked for."""
        return self._last

    def give_up(self) -> int:
        """Ask whoever works to stop soon; returns the ticket of what is done instead."""
        with self._lock:
            self._last += 1
            return self._last

    def begin(self, ticket: int) -> None:
        """Work with this ticket starts. Raises Interrupted where it has been given up meanwhile."""
        self._mine = ticket
        self.check()

    def followed(self, job: JobState, told: object) -> JobState:
        """The job after what the backend has told of it: its name, how far it is; the same after anything else."""
        if isinstance(told, Accepted):
            self.job = told.job
            return replace(job, job=told.job, stage="queued")
        if isinstance(told, Progress):
            return job.rendered(told.stage, told.done, told.total, told.eta_s)
        return job

    @property
    def is_given_up(self) -> bool:
        """Whether the work under way is to stop."""
        return self._mine != self._last

    def check(self) -> None:
        """Raise Interrupted if the work under way is to stop."""
        if self.is_given_up:
            raise Interrupted
