"""Whether a session may begin another job. Here: ``JobsAllowed``."""

from __future__ import annotations

from propainter_backend.daemon.lifetime import StopWish
from propainter_backend.daemon.work.jobs import Jobs
from propainter_wire.errors import WireError
from propainter_wire.router import Request

MAX_JOBS = 256
"""Jobs of a session that have not ended."""


class JobsAllowed:
    """No job is begun while the daemon is stopping, and none beyond ``MAX_JOBS`` of a session."""

    def __init__(self, jobs: Jobs, stop_wish: StopWish) -> None:
        self._jobs = jobs
        self._stop_wish = stop_wish

    def check(self, request: Request) -> None:
        """Raise WireError (shutting_down, busy) where the asking session may not."""
        if self._stop_wish.when is not None:
            raise WireError("shutting_down", "the backend is stopping; start it again")
        if sum(job.request.session == request.session for job in self._jobs.all) >= MAX_JOBS:
            raise WireError("busy", f"{MAX_JOBS} jobs of this session have not ended; wait for one, or cancel it")
