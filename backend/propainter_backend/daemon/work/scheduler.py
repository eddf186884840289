"""Who computes what next: events in, instructions out.

Here: the order of work among clients, priorities, preemption, sharing of equal work, and what becomes of a job when its
client, its shot or its worker goes away. Not here: the words for it (``events.py``), whose turn it is (``turns.py``),
clocks, sockets, threads, tensors; ``jobs.py`` tells what happened and carries out what is answered.

The rules, in the order in which they win:

1. *Priority*: playhead before preview before final (wire, ``render``). A step wanted by several jobs has the highest of
   theirs. When a more urgent step waits and every worker is busy, the least urgent one is asked to stop.
2. *Between clients*: the session served longest ago comes first, so nobody starves.
3. *Within a client*: the oldest job first; yet a playhead job goes before older ones of its shot: there the artist
   looks now.
4. *Within a job*: its steps in their given order. A provisional step is dropped once its final one is there.

Equal work is computed once, for whoever wants it. A job ends in exactly one of FinishJob, EndJob and FailJob, and nothing
of it is kept.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

from propainter_backend.daemon.work.events import (
    Deliver,
    EndJob,
    Event,
    FailJob,
    FinishJob,
    Instruction,
    Job,
    JobCancelled,
    JobSubmitted,
    JobView,
    RestartWorker,
    SessionEnded,
    SessionPaused,
    SessionResumed,
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
from propainter_backend.daemon.work.live_job import RUNNING, WAITING, LiveJob
from propainter_backend.daemon.work.turns import Turns

DEATHS_PER_STEP = 2
"""Workers a step may take with it before its jobs fail."""

TRIES_AFTER_FAILURE = 1
"""How often a step is tried again that failed in a way which may pass."""

KEYS_REMEMBERED = 4
"""Distinct keys a worker is taken to be warm for: the provisional and the final of a shot, before and after an edit."""


class Scheduler:
    """All jobs, all workers, and one decision at a time. Not for several threads at once."""

    def __init__(self) -> None:
        self._turns = Turns()
        self._workers: dict[str, _Worker] = {}  # those that are ready or busy
        self._faults: dict[Work, _Faults] = {}  # of wanted work that went wrong before
        self._stop_requested = False
        self._out: list[Instruction] = []

    def handle(self, event: Event) -> list[Instruction]:
        """What to do about it, to be carried out in this order before the next event is told.

        A report about a step its worker is not at (late news of an earlier life) is ignored.
        """
        self._out = []
        self._take_in(event)
        self._stop_unwanted()
        self._forget_faults()
        self._start_waiting()
        self._preempt()
        return self._out

    def jobs(self) -> list[JobView]:
        """Every job that has not ended, oldest first."""
        return [live.view() for live in self._turns.jobs()]

    def wanted_by(self, work: Work) -> list[tuple[str, str]]:
        """(job, session) of each job that waits for this work, most urgent first: to whom its progress belongs."""
        return [(live.job.id, live.job.session) for live, _ in self._turns.wanters(work)]

    @property
    def is_drained(self) -> bool:
        """A stop was requested, no job is left and no worker is busy."""
        return self._stop_requested and not self._turns.jobs() and not any(w.work for w in self._workers.values())

    # Events

    def _take_in(self, event: Event) -> None:
        match event:
            case JobSubmitted(job):
                self._submit(job)
            case JobCancelled(job_id):
                self._end(live for live in [self._turns.get(job_id)] if live)
            case SessionEnded(session):
                self._end(live for live in self._turns.jobs() if live.job.session == session)
                self._turns.forget(session)
            case SessionPaused(session):
                self._turns.pause(session)
            case SessionResumed(session):
                self._turns.resume(session)
            case ShotChanged():
                self._end(live for live in self._turns.jobs() if live.is_stale_after(event))
            case WorkerReady(worker):
                self._greet(worker)
            case StepDone(worker, work):
                if self._release(worker, work):
                    self._deliver(work)
            case StepStopped(worker, work):
                if self._release(worker, work):
                    self._requeue(work)
            case StepFailed(worker, work):
                if self._release(worker, work):
                    self._retry_or_fail(event)
            case WorkerDied(worker):
                self._bury(worker)
            case StopRequested(when):
                self._stop_requested = True
                if when == "now":
                    self._end(self._turns.jobs())

    def _submit(self, job: Job) -> None:
        assert job.id not in self._turns, f"job {job.id} was submitted twice"
        if self._stop_requested:
            message = "the backend is stopping and takes no new jobs; ask again when it has been started anew"
            self._out.append(FailJob(job.id, job.session, "shutting_down", message, retry=True))
            return
        if not job.steps:
            self._out.append(FinishJob(job.id, job.session))
            return
        live = LiveJob(job)
        self._turns.add(live)
        for worker in self._workers.values():
            place = live.open_place(worker.work) if worker.work else None
            if place is not None:
                live.states[place] = RUNNING

    def _end(self, jobs: Iterable[LiveJob]) -> None:
        for live in list(jobs):
            self._out.append(EndJob(live.job.id, live.job.session, live.is_running))
            self._turns.remove(live)

    def _greet(self, worker: str) -> None:
        known = self._workers.get(worker)
        if known and known.work:  # it started anew without a word about its death
            self._requeue(known.work)
        self._workers[worker] = _Worker()

    def _deliver(self, work: Work) -> None:
        for live, place in list(self._turns.wanters(work)):
            self._out.append(Deliver(live.job.id, live.job.session, work))
            live.settle(place)
            if not work.provisional:
                live.drop_provisional(work.frame)
            if live.is_settled:
                self._out.append(FinishJob(live.job.id, live.job.session))
                self._turns.remove(live)

    def _requeue(self, work: Work) -> None:
        for live, place in self._turns.wanters(work):
            live.states[place] = WAITING

    def _retry_or_fail(self, failure: StepFailed) -> None:
        faults = self._faults.setdefault(failure.work, _Faults())
        faults.failures += 1
        if failure.retry and faults.failures <= TRIES_AFTER_FAILURE:
            self._requeue(failure.work)
        else:
            self._fail(failure.work, failure.code, failure.message, retry=failure.retry)

    def _bury(self, worker: str) -> None:
        dead = self._workers.pop(worker, None)
        if dead and dead.work:
            self._retry_or_give_up(dead.work)
        if self._turns.jobs() or not self._stop_requested:
            self._out.append(RestartWorker(worker))

    def _retry_or_give_up(self, work: Work) -> None:
        faults = self._faults.setdefault(work, _Faults())
        faults.deaths += 1
        if faults.deaths < DEATHS_PER_STEP:
            self._requeue(work)
            return
        message = (
            f"frame {work.frame} ended its worker process {faults.deaths} times; the backend's log says more. "
            "If memory ran out, a smaller working size helps"
        )
        self._fail(work, "internal", message, retry=False)

    def _fail(self, work: Work, code: str, message: str, *, retry: bool) -> None:
        for live, _ in list(self._turns.wanters(work)):
            self._out.append(FailJob(live.job.id, live.job.session, code, message, retry))
            self._turns.remove(live)

    # Decisions

    def _stop_unwanted(self) -> None:
        for name, worker in self._workers.items():
            if worker.work and not worker.stop_asked and not self._turns.is_wanted(worker.work):
                self._stop(name)

    def _start_waiting(self) -> None:
        idle = [name for name, worker in self._workers.items() if worker.work is None]
        while idle and (turn := self._turns.next()):
            live, place = turn
            work = live.job.steps[place].work
            name = min(idle, key=lambda name: self._workers[name].strangeness(work))
            idle.remove(name)
            self._start(name, work, live)

    def _start(self, name: str, work: Work, live: LiveJob) -> None:
        self._workers[name].take(work, self._turns.serve(live.job.session))
        for wanter, place in self._turns.wanters(work):
            wanter.states[place] = RUNNING
        self._out.append(Start(name, work, live.job.id, live.job.session))

    def _preempt(self) -> None:
        """Ask as many less urgent workers to stop as more urgent steps wait, beyond those about to be free anyway."""
        busy = {name: worker for name, worker in self._workers.items() if worker.work}
        staying = {name: self._rank(worker) for name, worker in busy.items() if not worker.stop_asked}
        # Of equally urgent ones the latest start goes first: it loses least.
        victims = sorted(staying, key=lambda name: (staying[name], busy[name].started), reverse=True)
        waiting = islice(self._turns.waiting_ranks(), len(busy) - len(staying), None)
        for victim, rank in zip(victims, waiting, strict=False):
            if rank >= staying[victim]:
                return
            self._stop(victim)

    def _rank(self, worker: _Worker) -> int:
        assert worker.work
        return self._turns.rank_of(worker.work)

    def _stop(self, name: str) -> None:
        self._workers[name].stop_asked = True
        self._out.append(Stop(name))

    # Book-keeping

    def _release(self, name: str, work: Work) -> bool:
        """Free the worker of this work; False if it was not at it."""
        worker = self._workers.get(name)
        if worker is None or worker.work != work:
            return False
        worker.work = None
        worker.stop_asked = False
        return True

    def _forget_faults(self) -> None:
        for work in [work for work in self._faults if not self._turns.is_wanted(work)]:
            del self._faults[work]

    # Invariants

    def check(self) -> None:
        """Raise AssertionError if anything does not fit; for tests, after every event."""
        running = {worker.work for worker in self._workers.values() if worker.work}
        for live in self._turns.jobs():
            live.check(running)
        self._check_workers()
        self._turns.check()
        assert all(self._turns.is_wanted(work) for work in self._faults), "faults of work nobody wants are kept"

    def _check_workers(self) -> None:
        busy = [worker.work for worker in self._workers.values() if worker.work]
        assert len(busy) == len(set(busy)), "two workers are at equal work"
        assert len(busy) == len(self._workers) or self._turns.next() is None, "a worker idles while work waits"
        for name, worker in self._workers.items():
            assert worker.work or not worker.stop_asked, f"{name} was asked to stop what it is not at"
            assert not worker.work or worker.stop_asked or self._turns.is_wanted(worker.work), (
                f"{name} works for nobody"
            )
        leaving = sum(worker.stop_asked for worker in self._workers.values())
        lowest = max((self._rank(w) for w in self._workers.values() if w.work and not w.stop_asked), default=0)
        more_urgent = sum(rank < lowest for rank in islice(self._turns.waiting_ranks(), len(busy) + 1))
        assert more_urgent <= leaving, "less urgent work holds a worker that more urgent work waits for"


# --- what the scheduler remembers of a worker, a mishap


@dataclass
class _Worker:
    work: Work | None = None
    stop_asked: bool = False
    started: int = 0
    """The turn at which it took its work."""
    keys: deque[str] = field(default_factory=lambda: deque(maxlen=KEYS_REMEMBERED))
    """Keys it lately worked on: what it needs for them is at hand."""

    def take(self, work: Work, turn: int) -> None:
        self.work = work
        self.started = turn
        if work.key not in self.keys:
            self.keys.append(work.key)

    def strangeness(self, work: Work) -> tuple[bool, int]:
        """Lowest for the worker that should do it: one that knows the key, else one that knows little else."""
        return work.key not in self.keys, len(self.keys)


@dataclass
class _Faults:
    deaths: int = 0
    failures: int = 0
