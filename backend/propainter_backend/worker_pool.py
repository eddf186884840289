"""The daemon's workers: who is ready, what each was told and asked, when one that died is started anew.

Here: ``WorkerPool``. Not here: one worker's process and pipe (``worker_link.py``), who does which step (``scheduler.py``),
what workers say about their steps (``daemon.py``).
"""

from __future__ import annotations

import logging
import queue
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import psutil

from propainter_backend.pipe import Note
from propainter_backend.questions import Answer, Questions
from propainter_backend.worker_entry import SHOTS_REMEMBERED, WorkerOptions
from propainter_backend.worker_link import FromWorker, WorkerLink

log = logging.getLogger(__name__)

UNREADY_DEATHS = 3
"""Workers that end before they are ready, in a row, until there is no hope that one will be."""
_RESTART_DELAYS_S = (0.0, 0.5, 2.0, 10.0, 30.0)


class WorkerPool:
    """wake: called from another thread when there is something to hear."""

    def __init__(self, workers: Sequence[WorkerOptions], wake: Callable[[], object]) -> None:
        self._wake = wake
        self._said: queue.SimpleQueue[FromWorker] = queue.SimpleQueue()
        self._links = {options.name: WorkerLink(options, self._hear) for options in workers}
        self._ready: set[str] = set()
        self._told_shots: dict[str, OrderedDict[str, None]] = defaultdict(OrderedDict)
        self._questions = Questions(self.say)
        self._unready_deaths = 0
        self._restart_at: dict[str, float] = {}

    def start(self) -> None:
        """Start every worker."""
        for link in self._links.values():
            link.start()

    def stop(self) -> None:
        """End every worker; returns when none is left."""
        for link in self._links.values():
            link.stop()

    @property
    def is_ready(self) -> bool:
        """Whether some worker is."""
        return bool(self._ready)

    @property
    def is_hopeless(self) -> bool:
        """Whether none is ready, and the last few ended before they were."""
        return not self._ready and self._unready_deaths >= UNREADY_DEATHS

    @property
    def questions(self) -> int:
        """How many have not been answered."""
        return len(self._questions)

    def resident_bytes(self) -> int:
        """Memory of all worker processes."""
        return sum(_resident(link.pid) for link in self._links.values())

    def say(self, worker: str, note: Note) -> None:
        """Send without waiting."""
        self._links[worker].say(note)

    def send_content(self, worker: str, ticket: int, pixels: np.ndarray | None) -> None:
        """What a worker asked for; None where it is nowhere."""
        self._links[worker].say({"op": "content", "ticket": ticket}, pixels)

    def tell_shot(self, worker: str, key: str, note: Note) -> None:
        """Make sure a worker knows a shot. It remembers the latest ones only; telling again is cheap."""
        told = self._told_shots[worker]
        if key not in told:
            told[key] = None
            while len(told) > SHOTS_REMEMBERED:
                told.popitem(last=False)
            self.say(worker, {"op": "shot", "key": key, **note})
        told.move_to_end(key)

    def ask_one(self, key: str, note: Note, then: Answer, *, within_s: float) -> None:
        """Ask a worker that is ready, the same for the same key (64 hex digits); where none is, the first to be."""
        ready = sorted(self._ready)
        worker = ready[int(key[:8], 16) % len(ready)] if ready else ""
        self._questions.ask(worker, note, then, within_s=within_s)

    def ask_all(self, note: Note, then: Callable[[list[Note]], None], *, within_s: float) -> None:
        """Ask every worker that is ready; go on with all their answers, ``problem`` for those that do not come."""
        answers: list[Note] = []
        asked = sorted(self._ready)

        def came(answer: Note) -> None:
            answers.append(answer)
            if len(answers) == len(asked):
                then(answers)

        for worker in asked:
            self._questions.ask(worker, note, came, within_s=within_s)
        if not asked:
            then([])

    def answered(self, note: Note) -> None:
        """A worker's answer goes to whoever asked."""
        self._questions.answered(note)

    def became_ready(self, worker: str) -> None:
        """A worker can be given work."""
        self._ready.add(worker)
        self._unready_deaths = 0
        self._questions.worker_ready(worker)

    def died(self, worker: str) -> None:
        """A worker is gone; what it was asked waits for another."""
        if worker not in self._ready:
            self._unready_deaths += 1
        self._ready.discard(worker)
        self._told_shots.pop(worker, None)
        self._questions.worker_died(worker)

    def start_anew(self, worker: str) -> None:
        """At once; one that ends again and again before it is ready after a growing while."""
        delay_s = _RESTART_DELAYS_S[min(self._unready_deaths, len(_RESTART_DELAYS_S) - 1)]
        self._restart_at[worker] = time.monotonic() + delay_s

    def heard(self) -> Iterator[FromWorker]:
        """What workers have said by now, without last words of earlier lives."""
        while not self._said.empty():
            said = self._said.get()
            if said.life == self._links[said.worker].life:
                yield said

    def do_chores(self) -> None:
        """Start who is due, end questions nobody answers."""
        self._questions.expire()
        now = time.monotonic()
        for worker in [worker for worker, due in self._restart_at.items() if due <= now]:
            del self._restart_at[worker]
            self._links[worker].start()

    def _hear(self, said: FromWorker) -> None:
        self._said.put(said)
        self._wake()


def _resident(pid: int | None) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss) if pid is not None else 0
    except psutil.Error:
        return 0
