"""What clients are told of their jobs: results behind those that wait for room, progress, and how a job ended.

Here: ``Deliveries``, and that nothing more is computed for a client that does not read. Not here: the waiting itself
(``held.py``), when there is something to tell (``jobs.py``).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from propainter_backend.daemon.held import HeldReplies
from propainter_backend.daemon.work.events import Event, JobCancelled, SessionPaused, SessionResumed
from propainter_backend.daemon.work.job import JobRecord, Outcome
from propainter_backend.daemon.work.matte_job import MatteJob
from propainter_wire.errors import WireError
from propainter_wire.messages import Cancelled, Done, Progress, Render
from propainter_wire.router import Router

log = logging.getLogger(__name__)

HELD_BYTES = 64 << 20
"""Results kept for a client that reads slowly; beyond, nothing more is computed for it until it has read them."""
_HEARTBEAT_S = 0.9
"""A job under work is heard of at least once a second."""


class Deliveries:
    """tell: tells the scheduler."""

    def __init__(self, router: Router, tell: Callable[[Event], None]) -> None:
        self._router = router
        self._tell = tell
        self._held = HeldReplies(router.has_room)
        self._paused: set[str] = set()

    def __len__(self) -> int:
        return len(self._held)

    @property
    def nbytes(self) -> int:
        """Bytes of pixels that wait."""
        return self._held.nbytes()

    def result(self, job: JobRecord, outcome: Outcome) -> None:
        """A frame is made."""
        if outcome.pixels is not None:
            self._post(job, outcome.pixels.nbytes, lambda: self._send_result(job, outcome))

    def done(self, job: JobRecord, report: Done) -> None:
        """Every frame was delivered."""
        self._post(job, 0, lambda: self._router.reply(job.request, report))

    def cancelled(self, job: JobRecord, *, was_running: bool) -> None:
        """A job has ended before that, for a reason of its client's; what still waits of it is dropped."""
        if not job.is_broken_off:
            self._held.drop(job.request)
            self._router.reply(job.request, Cancelled(job.id, was_running))

    def failed(self, job: JobRecord, error: WireError) -> None:
        """A job has ended in an error; what still waits of it is dropped."""
        if not job.is_broken_off:
            self._held.drop(job.request)
            self._router.reply_error(job.request, error, job=job.id)

    def break_off(self, job: JobRecord, error: WireError) -> None:
        """End a job for a reason of the daemon's own; the scheduler, which may be amid telling of it, hears it next."""
        job.is_broken_off = True
        self._held.drop(job.request)
        self._router.reply_error(job.request, error, job=job.id)
        self._tell(JobCancelled(job.id))

    def progress(self, job: JobRecord) -> None:
        """How far a job is; a client that reads slowly does without."""
        job.told_at = time.monotonic()
        progress = Progress(job.id, job.stage, job.done, job.total, job.eta)
        self._router.reply(job.request, progress, droppable=True)

    def heartbeat(self, job: JobRecord) -> None:
        """Say it again where nothing has been said for a while."""
        if time.monotonic() - job.told_at > _HEARTBEAT_S:
            self.progress(job)

    def release(self) -> None:
        """Send what there is room for by now."""
        for session in self._held.release():
            if session in self._paused:
                self._paused.discard(session)
                self._tell(SessionResumed(session))

    def forget(self, session: str) -> None:
        """Forget everything of a session that has ended."""
        self._held.forget(session)
        self._paused.discard(session)

    def _post(self, job: JobRecord, nbytes: int, send: Callable[[], object]) -> None:
        """Send a reply of a job behind those that wait; a client with too many waiting gets no more work done."""
        if job.is_broken_off:
            return
        waiting = self._held.post(job.request, nbytes, lambda: self._send(job, send))
        session = job.request.session
        if waiting > HELD_BYTES and session not in self._paused:
            self._paused.add(session)
            self._tell(SessionPaused(session))

    def _send(self, job: JobRecord, send: Callable[[], object]) -> None:
        try:
            send()
        except WireError as error:
            log.exception("a result of job %s cannot be sent", job.id[:8])
            self.break_off(job, error)

    def _send_result(self, job: JobRecord, outcome: Outcome) -> None:
        assert outcome.pixels is not None
        if isinstance(job, MatteJob):
            self._router.reply_matte(
                job.request, outcome.pixels, frame=outcome.work.frame, job=job.id, doubt=outcome.note.get("doubt")
            )
            return
        assert isinstance(job.message, Render)
        self._router.reply_result(
            job.request,
            outcome.pixels,
            job=job.id,
            frame=outcome.work.frame,
            quality=job.message.quality,
            provisional=outcome.work.provisional,
            region=tuple(outcome.note["region"]),
        )
