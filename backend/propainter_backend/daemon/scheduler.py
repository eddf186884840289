"""Who computes what next: events in, instructions out.

Here: the order of work among clients, priorities, preemption, sharing of equal work, and what becomes of a job when its
client, its shot or its worker goes away. Not here: clocks, sockets, threads, tensors; the daemon (``daemon.py``) tells
what happened and carries out what is answered, and a frame itself is computed by a worker process.

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

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal, TypeAlias

Priority: TypeAlias = Literal["playhead", "preview", "final"]
Reach: TypeAlias = frozenset[int] | range

PRIORITIES: tuple[Priority, ...] = ("playhead", "preview", "final")
"""Most urgent first; a priority's *rank* is its place here."""

DEATHS_PER_STEP = 2
"""Workers a step may take with it before its jobs fail."""

TRIES_AFTER_FAILURE = 1
"""How often a step is tried again that failed in a way which may pass."""

KEYS_REMEMBERED = 4
"""Distinct keys a worker is taken to be warm for: the provisional and the final of a shot, before and after an edit."""


# --- what is wished for


@dataclass(frozen=True)
class Work:
    """One frame to compute. Equal work has an equal result, whoever asks for it."""

    key: str
    """Digest of everything the result depends on besides the frame: content, settings, quality, output, dtype, crop."""
    frame: int
    """The host's numbering."""
    provisional: bool
    """Coarse; a better one of this frame follows in the same job."""


@dataclass(frozen=True)
class JobStep:
    """One piece of work of a job."""

    work: Work
    reach: Reach
    """Frames whose content this step can see: what makes it stale when it changes."""


@dataclass(frozen=True)
class Job:
    """One wish of one client. Raises ValueError if two steps are of the same frame and both (or neither) provisional."""

    id: str
    session: str
    shot: str
    kind: Literal["render", "analyse"]
    """``analyse`` sees plates alone: an edit of the roto does not touch it."""
    priority: Priority
    steps: tuple[JobStep, ...]
    """In the wished order, a provisional step before its final one."""

    def __post_init__(self) -> None:
        counts = Counter((step.work.frame, step.work.provisional) for step in self.steps)
        for (frame, provisional), count in counts.items():
            if count > 1:
                which = "provisional" if provisional else "final"
                raise ValueError(f"job {self.id} has {count} {which} steps of frame {frame}; ask for each frame once")


def order_outward(frames: Iterable[int], playhead: int) -> tuple[int, ...]:
    """Each frame once, nearest to the playhead first; of two equally near ones the later first, as playback runs."""
    return tuple(sorted(set(frames), key=lambda frame: (abs(frame - playhead), -frame)))


# --- what happened


@dataclass(frozen=True)
class JobSubmitted:
    job: Job
    """With an id never used before."""


@dataclass(frozen=True)
class JobCancelled:
    """A job that has ended or never was is no error."""

    job_id: str


@dataclass(frozen=True)
class SessionEnded:
    """Every session must end with this: until then its turn is remembered."""

    session: str


@dataclass(frozen=True)
class SessionPaused:
    """This client does not read what is made for it: no step of its jobs is started until it does."""

    session: str


@dataclass(frozen=True)
class SessionResumed:
    session: str


@dataclass(frozen=True)
class ShotChanged:
    """Content or settings of a shot are no longer what its jobs were built on."""

    shot: str
    frames: frozenset[int] | None
    """Whose plate or matte is another; None: settings changed, or the shot closed, so every job of it ends."""
    mattes_only: bool = False
    """No plate changed: ``analyse`` jobs go on. Without meaning when ``frames`` is None."""


@dataclass(frozen=True)
class WorkerReady:
    """A worker started, or started anew, and waits for work."""

    worker: str


@dataclass(frozen=True)
class StepDone:
    worker: str
    work: Work


@dataclass(frozen=True)
class StepStopped:
    """The worker obeyed a Stop; nothing was produced."""

    worker: str
    work: Work


@dataclass(frozen=True)
class StepFailed:
    """The worker lives, the step does not."""

    worker: str
    work: Work
    code: str
    """Of the wire, section 8."""
    message: str
    retry: bool
    """The same step may succeed if tried again."""


@dataclass(frozen=True)
class WorkerDied:
    """A worker is gone. What it still said must have been told before this."""

    worker: str


@dataclass(frozen=True)
class StopRequested:
    when: Literal["now", "idle"]
    """``now``: every job ends. ``idle``: jobs are finished, new ones refused."""


Event: TypeAlias = (
    JobSubmitted
    | JobCancelled
    | SessionEnded
    | SessionPaused
    | SessionResumed
    | ShotChanged
    | WorkerReady
    | StepDone
    | StepStopped
    | StepFailed
    | WorkerDied
    | StopRequested
)


# --- what to do


@dataclass(frozen=True)
class Start:
    """Let an idle worker compute this; the job is the one whose turn it is, others may want the same (``wanted_by``)."""

    worker: str
    work: Work
    job_id: str
    session: str


@dataclass(frozen=True)
class Stop:
    """Ask a busy worker to stop at its next unit. Once a step; StepStopped, StepDone or any other end answers it."""

    worker: str


@dataclass(frozen=True)
class Deliver:
    """Send the result just done to this job; one for each job that wants it."""

    job_id: str
    session: str
    work: Work


@dataclass(frozen=True)
class FinishJob:
    """Everything was delivered: ``done`` on the wire."""

    job_id: str
    session: str


@dataclass(frozen=True)
class EndJob:
    """Cancelled, stale, or its client is gone: ``cancelled`` on the wire."""

    job_id: str
    session: str
    was_running: bool
    """A worker was at one of its steps."""


@dataclass(frozen=True)
class FailJob:
    """``error`` on the wire, with the fields of its section 8."""

    job_id: str
    session: str
    code: str
    message: str
    retry: bool


@dataclass(frozen=True)
class RestartWorker:
    """Start this worker anew. How soon is for the daemon to say, which has a clock."""

    worker: str


Instruction: TypeAlias = Start | Stop | Deliver | FinishJob | EndJob | FailJob | RestartWorker


@dataclass(frozen=True)
class JobView:
    """A job as the status list shows it."""

    id: str
    session: str
    priority: Priority
    done: int
    """Steps delivered, or dropped because a better one came first."""
    total: int
    running: bool
    """A worker is at one of its steps."""


# --- the scheduler


class Scheduler:
    """All jobs, all workers, and one decision at a time. Not for several threads at once."""

    def __init__(self) -> None:
        self._jobs: dict[str, _LiveJob] = {}  # in order of submission
        self._by_key: dict[tuple[str, int], dict[str, _LiveJob]] = {}  # who of this rank may want work of this key
        self._sessions: dict[str, _Session] = {}
        self._paused: set[str] = set()
        self._workers: dict[str, _Worker] = {}  # those that are ready or busy
        self._faults: dict[Work, _Faults] = {}  # of wanted work that went wrong before
        self._turns = 0  # starts so far: what "longest ago" is measured by
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
        return [live.view() for live in self._jobs.values()]

    def wanted_by(self, work: Work) -> list[tuple[str, str]]:
        """(job, session) of each job that waits for this work, most urgent first: to whom its progress belongs."""
        return [(live.job.id, live.job.session) for live, _ in self._wanters(work)]

    @property
    def is_drained(self) -> bool:
        """A stop was requested, no job is left and no worker is busy."""
        return self._stop_requested and not self._jobs and not any(w.work for w in self._workers.values())

    # Events

    def _take_in(self, event: Event) -> None:
        match event:
            case JobSubmitted(job):
                self._submit(job)
            case JobCancelled(job_id):
                self._end(live for live in [self._jobs.get(job_id)] if live)
            case SessionEnded(session):
                self._end(live for live in self._jobs.values() if live.job.session == session)
                self._sessions.pop(session, None)
                self._paused.discard(session)
            case SessionPaused(session):
                self._paused.add(session)
            case SessionResumed(session):
                self._paused.discard(session)
            case ShotChanged():
                self._end(live for live in self._jobs.values() if live.is_stale_after(event))
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
                    self._end(self._jobs.values())

    def _submit(self, job: Job) -> None:
        assert job.id not in self._jobs, f"job {job.id} was submitted twice"
        if self._stop_requested:
            message = "the backend is stopping and takes no new jobs; ask again when it has been started anew"
            self._out.append(FailJob(job.id, job.session, "shutting_down", message, retry=True))
            return
        if not job.steps:
            self._out.append(FinishJob(job.id, job.session))
            return
        live = _LiveJob(job)
        self._jobs[job.id] = live
        for key in live.keys:
            self._by_key.setdefault((key, live.rank), {})[job.id] = live
        self._sessions.setdefault(job.session, _Session()).enqueue(live)
        for worker in self._workers.values():
            place = live.open_place(worker.work) if worker.work else None
            if place is not None:
                live.states[place] = _RUNNING

    def _end(self, jobs: Iterable[_LiveJob]) -> None:
        for live in list(jobs):
            self._out.append(EndJob(live.job.id, live.job.session, live.is_running))
            self._forget_job(live)

    def _greet(self, worker: str) -> None:
        known = self._workers.get(worker)
        if known and known.work:  # it started anew without a word about its death
            self._requeue(known.work)
        self._workers[worker] = _Worker()

    def _deliver(self, work: Work) -> None:
        for live, place in list(self._wanters(work)):
            self._out.append(Deliver(live.job.id, live.job.session, work))
            live.settle(place)
            if not work.provisional:
                live.drop_provisional(work.frame)
            if live.is_settled:
                self._out.append(FinishJob(live.job.id, live.job.session))
                self._forget_job(live)

    def _requeue(self, work: Work) -> None:
        for live, place in self._wanters(work):
            live.states[place] = _WAITING

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
        if self._jobs or not self._stop_requested:
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
        for live, _ in list(self._wanters(work)):
            self._out.append(FailJob(live.job.id, live.job.session, code, message, retry))
            self._forget_job(live)

    # Decisions

    def _stop_unwanted(self) -> None:
        for name, worker in self._workers.items():
            if worker.work and not worker.stop_asked and not self._is_wanted(worker.work):
                self._stop(name)

    def _start_waiting(self) -> None:
        idle = [name for name, worker in self._workers.items() if worker.work is None]
        while idle and (turn := self._next_turn()):
            live, place = turn
            work = live.job.steps[place].work
            name = min(idle, key=lambda name: self._workers[name].strangeness(work))
            idle.remove(name)
            self._start(name, work, live)

    def _start(self, name: str, work: Work, live: _LiveJob) -> None:
        self._turns += 1
        self._workers[name].take(work, self._turns)
        self._sessions[live.job.session].served = self._turns
        for wanter, place in self._wanters(work):
            wanter.states[place] = _RUNNING
        self._out.append(Start(name, work, live.job.id, live.job.session))

    def _next_turn(self) -> tuple[_LiveJob, int] | None:
        """The job whose turn it is, and the place of its first waiting step."""
        sessions = sorted(self._attended(), key=lambda session: session.served)
        for rank in range(len(PRIORITIES)):
            for session in sessions:
                for live in session.queues[rank]:
                    place = live.states.find(_WAITING)
                    if place >= 0:
                        return live, place
        return None

    def _preempt(self) -> None:
        """Ask as many less urgent workers to stop as more urgent steps wait, beyond those about to be free anyway."""
        busy = {name: worker for name, worker in self._workers.items() if worker.work}
        staying = {name: self._rank(worker) for name, worker in busy.items() if not worker.stop_asked}
        # Of equally urgent ones the latest start goes first: it loses least.
        victims = sorted(staying, key=lambda name: (staying[name], busy[name].started), reverse=True)
        waiting = islice(self._waiting_ranks(), len(busy) - len(staying), None)
        for victim, rank in zip(victims, waiting, strict=False):
            if rank >= staying[victim]:
                return
            self._stop(victim)

    def _waiting_ranks(self) -> Iterator[int]:
        """The rank of each different waiting work, most urgent first."""
        seen = set()
        for rank in range(len(PRIORITIES)):
            for session in self._attended():
                for live in session.queues[rank]:
                    for work in live.waiting():
                        if work not in seen:
                            seen.add(work)
                            yield rank

    def _attended(self) -> list[_Session]:
        """Sessions whose work may be started."""
        return [session for name, session in self._sessions.items() if name not in self._paused]

    def _rank(self, worker: _Worker) -> int:
        assert worker.work
        return next((live.rank for live, _ in self._wanters(worker.work)), len(PRIORITIES))

    def _stop(self, name: str) -> None:
        self._workers[name].stop_asked = True
        self._out.append(Stop(name))

    # Book-keeping

    def _wanters(self, work: Work) -> Iterator[tuple[_LiveJob, int]]:
        """Jobs that still need this work, most urgent first, each with the place of the step."""
        for rank in range(len(PRIORITIES)):
            for live in self._by_key.get((work.key, rank), {}).values():
                place = live.open_place(work)
                if place is not None:
                    yield live, place

    def _is_wanted(self, work: Work) -> bool:
        return any(True for _ in self._wanters(work))

    def _release(self, name: str, work: Work) -> bool:
        """Free the worker of this work; False if it was not at it."""
        worker = self._workers.get(name)
        if worker is None or worker.work != work:
            return False
        worker.work = None
        worker.stop_asked = False
        return True

    def _forget_job(self, live: _LiveJob) -> None:
        del self._jobs[live.job.id]
        self._sessions[live.job.session].queues[live.rank].remove(live)
        for key in live.keys:
            sharers = self._by_key[key, live.rank]
            del sharers[live.job.id]
            if not sharers:
                del self._by_key[key, live.rank]

    def _forget_faults(self) -> None:
        for work in [work for work in self._faults if not self._is_wanted(work)]:
            del self._faults[work]

    # Invariants

    def check(self) -> None:
        """Raise AssertionError if anything does not fit; for tests, after every event."""
        self._check_jobs()
        self._check_workers()
        queued = [live.job.id for session in self._sessions.values() for queue in session.queues for live in queue]
        assert sorted(queued) == sorted(self._jobs), "each job stands in exactly one queue"
        indexed = {(key, rank, job_id) for (key, rank), jobs in self._by_key.items() for job_id in jobs}
        assert indexed == {(key, live.rank, live.job.id) for live in self._jobs.values() for key in live.keys}
        assert all(self._by_key.values()), "a key nobody wants is kept"
        assert all(self._is_wanted(work) for work in self._faults), "faults of work nobody wants are kept"

    def _check_jobs(self) -> None:
        running = {worker.work for worker in self._workers.values() if worker.work}
        for live in self._jobs.values():
            assert not live.is_settled, f"job {live.job.id} is complete but has not ended"
            assert live.settled == live.states.count(_SETTLED)
            opened = [
                (state, step) for state, step in zip(live.states, live.job.steps, strict=True) if state != _SETTLED
            ]
            for state, step in opened:
                assert (state == _RUNNING) == (step.work in running), f"job {live.job.id} is wrong about {step.work}"
            assert live.reaches == Counter(step.reach for _, step in opened)

    def _check_workers(self) -> None:
        busy = [worker.work for worker in self._workers.values() if worker.work]
        assert len(busy) == len(set(busy)), "two workers are at equal work"
        assert len(busy) == len(self._workers) or self._next_turn() is None, "a worker idles while work waits"
        for name, worker in self._workers.items():
            assert worker.work or not worker.stop_asked, f"{name} was asked to stop what it is not at"
            assert not worker.work or worker.stop_asked or self._is_wanted(worker.work), f"{name} works for nobody"
        leaving = sum(worker.stop_asked for worker in self._workers.values())
        lowest = max((self._rank(w) for w in self._workers.values() if w.work and not w.stop_asked), default=0)
        more_urgent = sum(rank < lowest for rank in islice(self._waiting_ranks(), len(busy) + 1))
        assert more_urgent <= leaving, "less urgent work holds a worker that more urgent work waits for"


# --- what the scheduler remembers of a job, a session, a worker, a mishap

_WAITING, _RUNNING, _SETTLED = range(3)
"""States of a step. Running: some worker is at its work, for whomever. Settled: delivered, or no longer worth it."""


class _LiveJob:
    """A job that has not ended. Steps are found by key, never registered one by one: ending it visits none."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.rank = PRIORITIES.index(job.priority)
        self.keys = frozenset(step.work.key for step in job.steps)
        self.states = bytearray(len(job.steps))  # a byte a step: the first waiting one is found at memory speed
        self.settled = 0
        self.reaches = Counter(step.reach for step in job.steps)  # of open steps; many share one
        self._places = {(step.work.frame, step.work.provisional): place for place, step in enumerate(job.steps)}

    @property
    def is_settled(self) -> bool:
        return self.settled == len(self.states)

    @property
    def is_running(self) -> bool:
        return _RUNNING in self.states

    def open_place(self, work: Work) -> int | None:
        """Where this work stands among the steps, unless it is settled or none of them."""
        place = self._places.get((work.frame, work.provisional))
        if place is None or self.states[place] == _SETTLED or self.job.steps[place].work != work:
            return None
        return place

    def waiting(self) -> Iterator[Work]:
        place = self.states.find(_WAITING)
        while place >= 0:
            yield self.job.steps[place].work
            place = self.states.find(_WAITING, place + 1)

    def settle(self, place: int) -> None:
        self.states[place] = _SETTLED
        self.settled += 1
        reach = self.job.steps[place].reach
        self.reaches[reach] -= 1
        if not self.reaches[reach]:
            del self.reaches[reach]

    def drop_provisional(self, frame: int) -> None:
        """The final result of this frame is there: a coarse one must not come after it (wire, ``result``)."""
        place = self._places.get((frame, True))
        if place is not None and self.states[place] != _SETTLED:
            self.settle(place)

    def is_stale_after(self, change: ShotChanged) -> bool:
        if self.job.shot != change.shot:
            return False
        if change.frames is None:
            return True
        if change.mattes_only and self.job.kind == "analyse":
            return False
        changed = change.frames
        return any(_sees(reach, changed) for reach in self.reaches)

    def view(self) -> JobView:
        job = self.job
        return JobView(job.id, job.session, job.priority, self.settled, len(self.states), self.is_running)


def _sees(reach: Reach, changed: frozenset[int]) -> bool:
    if len(changed) < len(reach):
        return any(map(reach.__contains__, changed))
    return not changed.isdisjoint(reach)


@dataclass
class _Session:
    served: int = 0
    """The turn at which it was last given a worker."""
    queues: tuple[list[_LiveJob], ...] = field(default_factory=lambda: tuple([] for _ in PRIORITIES))
    """Its jobs by rank, each list in the order of rule 3."""

    def enqueue(self, live: _LiveJob) -> None:
        queue = self.queues[live.rank]
        place = len(queue)
        if live.job.priority == "playhead":
            older = (at for at, other in enumerate(queue) if other.job.shot == live.job.shot)
            place = next(older, place)
        queue.insert(place, live)


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
