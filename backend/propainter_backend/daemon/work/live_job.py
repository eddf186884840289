"""A job as the scheduler remembers it: which of its steps wait, run or are settled.

Here: ``LiveJob``. Not here: its turn among others (``turns.py``), what it has cost and who is told (``job.py``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

from propainter_backend.daemon.work.events import PRIORITIES, Job, JobView, Reach, ShotChanged, Work

WAITING, RUNNING, SETTLED = range(3)
"""States of a step. Running: some worker is at its work, for whomever. Settled: delivered, or no longer worth it."""


class LiveJob:
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
        return RUNNING in self.states

    def open_place(self, work: Work) -> int | None:
        """Where this work stands among the steps, unless it is settled or none of them."""
        place = self._places.get((work.frame, work.provisional))
        if place is None or self.states[place] == SETTLED or self.job.steps[place].work != work:
            return None
        return place

    def first_waiting(self) -> int | None:
        """The place of the step that may be begun next; of steps that build on each other none while one is under way."""
        if self.job.kind == "matte" and self.is_running:
            return None
        place = self.states.find(WAITING)
        return None if place < 0 else place

    def waiting(self) -> Iterator[Work]:
        """What may be begun now."""
        place = self.first_waiting()
        if place is None:
            return
        yield self.job.steps[place].work
        while self.job.kind != "matte" and (place := self.states.find(WAITING, place + 1)) >= 0:
            yield self.job.steps[place].work

    def settle(self, place: int) -> None:
        self.states[place] = SETTLED
        self.settled += 1
        reach = self.job.steps[place].reach
        self.reaches[reach] -= 1
        if not self.reaches[reach]:
            del self.reaches[reach]

    def drop_provisional(self, frame: int) -> None:
        """The final result of this frame is there: a coarse one must not come after it (wire, ``result``)."""
        place = self._places.get((frame, True))
        if place is not None and self.states[place] != SETTLED:
            self.settle(place)

    def is_stale_after(self, change: ShotChanged) -> bool:
        if self.job.shot != change.shot:
            return False
        if change.frames is None:
            return self.job.kind != "matte" or change.is_closed
        if change.mattes_only and self.job.kind != "render":
            return False
        changed = change.frames
        return any(_sees(reach, changed) for reach in self.reaches)

    def view(self) -> JobView:
        job = self.job
        return JobView(job.id, job.session, job.priority, self.settled, len(self.states), self.is_running)

    def check(self, running: Collection[Work]) -> None:
        """Raise AssertionError if it is wrong about its steps. running: what workers are at."""
        assert not self.is_settled, f"job {self.job.id} is complete but has not ended"
        assert self.settled == self.states.count(SETTLED)
        opened = [(state, step) for state, step in zip(self.states, self.job.steps, strict=True) if state != SETTLED]
        for state, step in opened:
            assert (state == RUNNING) == (step.work in running), f"job {self.job.id} is wrong about {step.work}"
        assert self.reaches == Counter(step.reach for _, step in opened)


def _sees(reach: Reach, changed: frozenset[int]) -> bool:
    if len(changed) < len(reach):
        return any(map(reach.__contains__, changed))
    return not changed.isdisjoint(reach)
