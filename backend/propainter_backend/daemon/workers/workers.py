"""All workers of a daemon: what is said to them, what they say, and what becomes of one that ends.

Here: ``Workers``, and ``News``, which it tells of what concerns others. Not here: one process and its pipe (``link.py``),
clocks (``lives.py``), what they compute and for whom (``daemon/work``). One thread; the links' own threads only put what
they hear into a queue.
"""

from __future__ import annotations

import logging
import queue
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Protocol

import numpy as np

from propainter_backend.daemon.workers.link import FromWorker, WorkerLink
from propainter_backend.daemon.workers.lives import Lives
from propainter_backend.daemon.workers.questions import Answer, Questions
from propainter_backend.worker.pipe import Note
from propainter_backend.worker.worker_entry import SHOTS_REMEMBERED, WorkerOptions
from propainter_wire.router import Facts

log = logging.getLogger(__name__)

NO_WORKER = "the worker process ends as soon as it starts; run 'propainter-backend doctor', or see the backend's log"

_STATUS_WITHIN_S = 3.0
_ANSWER_WITHIN_S = 120.0
"""A worker may have to load an engine first."""


class News(Protocol):
    """Who hears what workers say of their lives and their steps."""

    def worker_ready(self, worker: str) -> None: ...

    def worker_died(self, worker: str) -> None: ...

    def worker_progressed(self, worker: str, note: Note) -> None: ...

    def step_ended(self, worker: str, note: Note, pixels: np.ndarray | None) -> None: ...


class Workers:
    """facts: what is known before the first is ready. content: pixels by digest. wake: called from other threads, when
    there is something to hear."""

    def __init__(
        self,
        options: Iterable[WorkerOptions],
        facts: Facts,
        *,
        content: Callable[[str], np.ndarray | None],
        wake: Callable[[], object],
        silence_s: float,
    ) -> None:
        self.facts = facts
        """The engine and the device, as the latest to be ready has told them."""
        options = list(options)
        self.on_cpu = all(each.device == "cpu" for each in options)
        """Nobody was given a GPU."""
        self._content = content
        self._wake = wake
        self._said: queue.SimpleQueue[FromWorker] = queue.SimpleQueue()
        self._links = {each.name: WorkerLink(each, self._hear) for each in options}
        self._lives = Lives(silence_s=silence_s)
        self._questions = Questions(self.say)
        self._told_shots: dict[str, OrderedDict[str, None]] = defaultdict(OrderedDict)
        self._problem = ""

    def start(self) -> None:
        """Start every process; does not wait until they are ready."""
        for link in self._links.values():
            link.start()

    def stop(self) -> None:
        """End every process."""
        for link in self._links.values():
            link.stop()

    @property
    def is_any_ready(self) -> bool:
        """Whether somebody is there to answer and to compute."""
        return bool(self._lives.ready)

    @property
    def is_hopeless(self) -> bool:
        """Whether workers end as soon as they start. They are started again all the same."""
        return self._lives.is_hopeless

    @property
    def open_questions(self) -> int:
        """How many have not been answered."""
        return len(self._questions)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a client should know of them, in sentences."""
        if self.is_any_ready:
            return (self._problem[:512],) if self._problem else ()
        return (NO_WORKER if self.is_hopeless else "the worker process is starting",)

    @property
    def pids(self) -> list[int | None]:
        """Their processes; None for one that does not live."""
        return [link.pid for link in self._links.values()]

    # --- what is said to them

    def say(self, worker: str, note: Note) -> None:
        """Send without waiting."""
        self._links[worker].say(note)

    def tell_shot(self, worker: str, key: str, note: Note) -> None:
        """Make sure a worker knows a shot. It remembers the latest ones only; telling again is cheap."""
        told = self._told_shots[worker]
        if key not in told:
            told[key] = None
            while len(told) > SHOTS_REMEMBERED:
                told.popitem(last=False)
            self.say(worker, {"op": "shot", "key": key, **note})
        told.move_to_end(key)

    def ask(self, key: str, note: Note, then: Answer, *, asker: str) -> None:
        """Ask one that is ready, the same for the same key (hex digits); where none is, the first to be.

        asker: whose question it is; each has its turn, however much the others ask.
        """
        ready = self._lives.ready
        worker = ready[int(key[:8], 16) % len(ready)] if ready else ""
        self._questions.ask(worker, {**note, "asker": asker}, then, within_s=_ANSWER_WITHIN_S)

    def forget_asker(self, asker: str) -> None:
        """Whoever asked under this name is gone: what it has waiting need not be answered."""
        for worker in self._lives.ready:
            self.say(worker, {"op": "gone", "asker": asker})

    def ask_ready(self, note: Note, then: Callable[[list[Note]], None]) -> None:
        """Ask every worker that is ready; go on with all their answers, without those that do not come soon."""
        answers: list[Note] = []
        asked = self._lives.ready

        def came(answer: Note) -> None:
            answers.append(answer)
            if len(answers) >= len(asked):
                then(answers)

        for worker in asked:
            self._questions.ask(worker, note, came, within_s=_STATUS_WITHIN_S)
        if not asked:
            came({})

    def restart_soon(self, worker: str) -> None:
        """Start one that has ended again, when it is time."""
        self._lives.restart_soon(worker)

    # --- what they say

    def turn(self, news: News) -> None:
        """Once a turn of the daemon's loop: hear what was said, miss what was not, start what is due."""
        while not self._said.empty():
            said = self._said.get()
            if said.life == self._links[said.worker].life:
                self._take_in(said, news)
        self._questions.expire()
        if self._lives.is_time_to_look():
            self._look_after()
        for worker in self._lives.take_due():
            self._links[worker].start()

    def _hear(self, said: FromWorker) -> None:
        self._said.put(said)
        self._wake()

    def _take_in(self, said: FromWorker, news: News) -> None:
        note, worker = said.note, said.worker
        self._lives.hear(worker)
        op = note["op"]
        if op == "pong":
            return
        if op == "ready":
            self._on_ready(worker, note)
            news.worker_ready(worker)
        elif op == "died":
            self._on_died(worker)
            news.worker_died(worker)
        elif op == "answer":
            self._questions.answered(note if said.pixels is None else {**note, "pixels": said.pixels})
        elif op == "need":
            self._links[worker].say({"op": "content", "ticket": note["ticket"]}, self._content(note["digest"]))
        elif op == "progress":
            news.worker_progressed(worker, note)
        else:
            news.step_ended(worker, note, said.pixels)

    def _on_ready(self, worker: str, note: Note) -> None:
        self._problem = note.get("problem", "")
        if self._problem:
            log.warning("%s", self._problem)
        else:
            log.info("%s is ready: %s", worker, note["reason"])
        licence = "ProPainter weights: S-Lab License 1.0, non-commercial" if note["engine"] == "propainter" else ""
        self.facts = replace(
            self.facts, engine=note["engine"], device=note["device"], weights=note["weights"], licence=licence
        )
        self._lives.begin(worker)
        self._questions.worker_ready(worker)

    def _on_died(self, worker: str) -> None:
        log.warning("%s ended; it is started again", worker)
        self._lives.end(worker)
        self._told_shots.pop(worker, None)
        self._questions.worker_died(worker)

    def _look_after(self) -> None:
        """Ping each worker; end one that is silent: stopped, or stuck in its driver."""
        for worker in self._lives.ready:
            silent_s = self._lives.silent_s(worker)
            if silent_s is None:
                self.say(worker, {"op": "ping"})
            else:
                log.error("%s has not answered for %.0f s; it is ended", worker, silent_s)
                self._lives.hear(worker)
                self._links[worker].kill()
