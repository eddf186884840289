"""All jobs of a daemon: what happens to them is told to the scheduler, and what it decides is done.

Here: ``Jobs``. Not here: deciding (``scheduler.py``), one job (``job.py``), what clients are told and when they have room
for it (``deliveries.py``), the workers' processes (``daemon/workers``).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, cast

import numpy as np

from propainter_backend.daemon.work.decisions import Decisions
from propainter_backend.daemon.work.deliveries import Deliveries
from propainter_backend.daemon.work.events import (
    Deliver,
    EndJob,
    FailJob,
    FinishJob,
    Instruction,
    Job,
    JobCancelled,
    JobStep,
    JobSubmitted,
    RestartWorker,
    SessionEnded,
    ShotChanged,
    Start,
    StepDone,
    StepFailed,
    StepStopped,
    Stop,
    StopRequested,
    Work,
    WorkerDied,
    WorkerReady,
)
from propainter_backend.daemon.work.job import JobRecord, Outcome, work_note
from propainter_backend.daemon.work.matte_job import MatteJob
from propainter_backend.daemon.work.missing import missing_of
from propainter_backend.daemon.workers.workers import Workers
from propainter_backend.render.content import ContentStore
from propainter_backend.worker.pipe import Note
from propainter_wire.errors import ErrorCode, WireError
from propainter_wire.messages import Accepted, Done
from propainter_wire.router import Router
from propainter_wire.shot import digest_of


class Jobs:
    """Every job from the moment it is accepted until its client has been told how it ended."""

    def __init__(self, router: Router, workers: Workers, content: ContentStore) -> None:
        self._router = router
        self._workers = workers
        self._content = content
        self._jobs: dict[str, JobRecord] = {}
        self._busy: dict[str, Work] = {}
        self._decisions = Decisions(self._carry_out)
        self.deliveries = Deliveries(router, self._decisions.tell)

    def __len__(self) -> int:
        return len(self._jobs)

    @property
    def all(self) -> Collection[JobRecord]:
        """Those that have not ended, oldest first."""
        return self._jobs.values()

    @property
    def busy_workers(self) -> int:
        """How many are at a step."""
        return len(self._busy)

    # --- what clients wish

    def submit(self, job: JobRecord, steps: list[JobStep]) -> None:
        """Accept a job."""
        self._jobs[job.id] = job
        self._router.reply(job.request, Accepted(job.id))
        scheduled = Job(job.id, job.request.session, job.shot.id, job.kind, job.priority, tuple(steps))
        self._decisions.tell(JobSubmitted(scheduled))

    def is_of(self, session: str, job_id: str) -> bool:
        """Whether this session has such a job, and it has not ended."""
        job = self._jobs.get(job_id)
        return job is not None and job.request.session == session

    def cancel(self, job_id: str) -> None:
        """Its client wants it no more."""
        self._decisions.tell(JobCancelled(job_id))

    def shot_changed(self, change: ShotChanged) -> None:
        """What was being made of a shot as it was is stale."""
        self._decisions.tell(change)

    def end_session(self, session: str) -> None:
        """A client is gone: so are its jobs, and what waits for it."""
        self._decisions.tell(SessionEnded(session))
        self.deliveries.forget(session)

    def stop(self, when: Literal["now", "idle"]) -> None:
        """Take no new jobs; now: end those there are."""
        self._decisions.tell(StopRequested(when))

    def give_up(self, error: WireError) -> None:
        """End every job, for nobody is there to do it."""
        for job in list(self._jobs.values()):
            self.deliveries.break_off(job, error)

    def heartbeat(self) -> None:
        """Let every client know that its jobs are not forgotten."""
        for job in self._jobs.values():
            self.deliveries.heartbeat(job)

    # --- what workers report

    def worker_ready(self, worker: str) -> None:
        """It waits for work."""
        self._decisions.tell(WorkerReady(worker))

    def worker_died(self, worker: str) -> None:
        """Who waits for its step sees that another worker has to load first."""
        work = self._busy.pop(worker, None)
        for job_id in self._decisions.wanted_by(work) if work is not None else ():
            self._jobs[job_id].stage = "loading"
        self._decisions.tell(WorkerDied(worker))

    def worker_progressed(self, worker: str, note: Note) -> None:
        """It says how far its step is."""
        work = self._busy.get(worker)
        if work is None or note["work"] != work_note(work):
            return
        for job_id in self._decisions.wanted_by(work):
            job = self._jobs[job_id]
            job.progress(note)
            self.deliveries.progress(job)

    def step_ended(self, worker: str, note: Note, pixels: np.ndarray | None) -> None:
        """Its step is done, stopped or failed."""
        work = self._busy.pop(worker, None)
        if work is None:
            return
        if note["op"] == "done":
            self._decisions.tell(StepDone(worker, work), Outcome(work, pixels, note))
        elif note["op"] == "stopped":
            self._decisions.tell(StepStopped(worker, work))
        else:
            self._decisions.tell(StepFailed(worker, work, note["code"], note["message"], note["retry"]))

    # --- what the scheduler decides

    def _carry_out(self, instruction: Instruction, outcome: Outcome | None) -> None:
        match instruction:
            case Start(worker, work, job_id):
                self._start(worker, work, self._jobs[job_id])
            case Stop(worker):
                self._workers.say(worker, {"op": "stop"})
            case Deliver(job_id):
                assert outcome is not None
                self._deliver(self._jobs[job_id], outcome)
            case FinishJob(job_id):
                self._finish(self._jobs.pop(job_id))
            case EndJob(job_id, _, was_running):
                self.deliveries.cancelled(self._jobs.pop(job_id), was_running=was_running)
            case FailJob(job_id, _, code, message):
                self._fail(self._jobs.pop(job_id), cast(ErrorCode, code), message)
            case RestartWorker(worker):
                self._workers.restart_soon(worker)

    def _start(self, worker: str, work: Work, job: JobRecord) -> None:
        self._busy[worker] = work
        self._workers.tell_shot(worker, job.shot_key, job.shot_note)
        self._workers.say(worker, job.step(work))
        if job.stage == "queued":
            job.stage = "loading"
            self.deliveries.progress(job)

    def _deliver(self, job: JobRecord, outcome: Outcome) -> None:
        job.add(outcome.note)
        if isinstance(job, MatteJob):
            self._keep_matte(outcome)
        else:
            job.shot.has_artifacts = True
        self.deliveries.result(job, outcome)

    def _keep_matte(self, outcome: Outcome) -> None:
        """Nobody need send a matte that was made here."""
        if outcome.pixels is not None:
            self._content.put(digest_of(outcome.pixels), outcome.pixels)

    def _finish(self, job: JobRecord) -> None:
        if job.is_broken_off:
            return
        facts = self._workers.facts
        engine = facts.engine if job.settings.engine == "auto" else job.settings.engine
        weights = facts.weights if engine == facts.engine else "none"
        self.deliveries.done(job, Done(job.id, job.report(engine, weights)))

    def _fail(self, job: JobRecord, code: ErrorCode, message: str) -> None:
        if not job.is_broken_off:
            details = missing_of(self._content, job) if code == "frames_missing" else {}
            self.deliveries.failed(job, WireError(code, message[:1024], details))
