"""Whose turn it is, and who wants what: every job that has not ended, by session, urgency and key.

Here: ``Turns``, rules 1 to 4 of ``scheduler.py`` as an order. Not here: which worker takes the turn, what becomes of it
(``scheduler.py``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from propainter_backend.daemon.work.events import PRIORITIES, Work
from propainter_backend.daemon.work.live_job import LiveJob


class Turns:
    """Equal work is found by its key, whoever wants it; sessions take turns."""

    def __init__(self) -> None:
        self._jobs: dict[str, LiveJob] = {}  # in order of submission
        self._by_key: dict[tuple[str, int], dict[str, LiveJob]] = {}  # who of this rank may want work of this key
        self._sessions: dict[str, _Session] = {}
        self._paused: set[str] = set()
        self._served = 0  # starts so far: what "longest ago" is measured by

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._jobs

    def jobs(self) -> Collection[LiveJob]:
        """Every job that has not ended, oldest first."""
        return self._jobs.values()

    def get(self, job_id: str) -> LiveJob | None:
        """A job that has not ended."""
        return self._jobs.get(job_id)

    def add(self, live: LiveJob) -> None:
        """A job begins to wait for its turn."""
        self._jobs[live.job.id] = live
        for key in live.keys:
            self._by_key.setdefault((key, live.rank), {})[live.job.id] = live
        self._sessions.setdefault(live.job.session, _Session()).enqueue(live)

    def remove(self, live: LiveJob) -> None:
        """A job has ended."""
        del self._jobs[live.job.id]
        self._sessions[live.job.session].queues[live.rank].remove(live)
        for key in live.keys:
            sharers = self._by_key[key, live.rank]
            del sharers[live.job.id]
            if not sharers:
                del self._by_key[key, live.rank]

    def pause(self, session: str) -> None:
        """No step of this session's jobs has its turn, until it is resumed."""
        self._paused.add(session)

    def resume(self, session: str) -> None:
        """It takes its turns again."""
        self._paused.discard(session)

    def forget(self, session: str) -> None:
        """A session has ended, and its jobs before it."""
        self._sessions.pop(session, None)
        self._paused.discard(session)

    def serve(self, session: str) -> int:
        """This session takes its turn; returns the turn's number."""
        self._served += 1
        self._sessions[session].served = self._served
        return self._served

    def next(self) -> tuple[LiveJob, int] | None:
        """The job whose turn it is, and the place of its first waiting step."""
        sessions = sorted(self._attended(), key=lambda session: session.served)
        for rank in range(len(PRIORITIES)):
            for session in sessions:
                for live in session.queues[rank]:
                    if (place := live.first_waiting()) is not None:
                        return live, place
        return None

    def waiting_ranks(self) -> Iterator[int]:
        """The rank of each different waiting work, most urgent first."""
        seen = set()
        for rank in range(len(PRIORITIES)):
            for session in self._attended():
                for live in session.queues[rank]:
                    for work in live.waiting():
                        if work not in seen:
                            seen.add(work)
                            yield rank

    def wanters(self, work: Work) -> Iterator[tuple[LiveJob, int]]:
        """Jobs that still need this work, most urgent first, each with the place of the step."""
        for rank in range(len(PRIORITIES)):
            for live in self._by_key.get((work.key, rank), {}).values():
                place = live.open_place(work)
                if place is not None:
                    yield live, place

    def is_wanted(self, work: Work) -> bool:
        """Whether any job still needs this work."""
        return any(True for _ in self.wanters(work))

    def rank_of(self, work: Work) -> int:
        """How urgent this work is: as the most urgent of its jobs; beyond every rank where none wants it."""
        return next((live.rank for live, _ in self.wanters(work)), len(PRIORITIES))

    def check(self) -> None:
        """Raise AssertionError if the three ways to find a job do not agree."""
        queued = [live.job.id for session in self._sessions.values() for queue in session.queues for live in queue]
        assert sorted(queued) == sorted(self._jobs), "each job stands in exactly one queue"
        indexed = {(key, rank, job_id) for (key, rank), jobs in self._by_key.items() for job_id in jobs}
        assert indexed == {(key, live.rank, live.job.id) for live in self._jobs.values() for key in live.keys}
        assert all(self._by_key.values()), "a key nobody wants is kept"

    def _attended(self) -> list[_Session]:
        """Sessions whose work may be started."""
        return [session for name, session in self._sessions.items() if name not in self._paused]


@dataclass
class _Session:
    served: int = 0
    """The turn at which it was last given a worker."""
    queues: tuple[list[LiveJob], ...] = field(default_factory=lambda: tuple([] for _ in PRIORITIES))
    """Its jobs by rank, each list in the order of rule 3."""

    def enqueue(self, live: LiveJob) -> None:
        queue = self.queues[live.rank]
        place = len(queue)
        if live.job.priority == "playhead":
            older = (at for at, other in enumerate(queue) if other.job.shot == live.job.shot)
            place = next(older, place)
        queue.insert(place, live)
