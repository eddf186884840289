"""What the daemon asked its workers and has not been told yet: every question ends in exactly one answer.

Here: ``Questions``. A worker that dies takes no question with it: the next one to be ready is asked again. Not here: what
is asked (``daemon/requests``), who answers (``worker/answers.py``).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from propainter_backend.worker.pipe import Note
from propainter_wire.framing import new_id

Answer = Callable[[Note], None]

_DEATHS_PER_QUESTION = 2


@dataclass(frozen=True)
class _Question:
    worker: str
    """Who was asked; empty: nobody is left to ask."""
    note: Note
    then: Answer
    until: float
    deaths: int = 0


class Questions:
    """say: sends a note to a worker by name. An answer without ``problem`` is one; with it, there is none."""

    def __init__(self, say: Callable[[str, Note], None], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._say = say
        self._clock = clock
        self._open: dict[str, _Question] = {}

    def __len__(self) -> int:
        return len(self._open)

    def ask(self, worker: str, note: Note, then: Answer, *, within_s: float) -> None:
        """Ask; ``then`` is called once, with the answer, or with a ``problem`` when it does not come in time.

        worker: empty where none is ready; the next one to be is asked.
        """
        question_id = new_id()
        self._open[question_id] = _Question(worker, note, then, self._clock() + within_s)
        if worker:
            self._say(worker, {**note, "id": question_id})

    def answered(self, note: Note) -> None:
        """A worker's answer. One to a question that has ended otherwise is dropped."""
        question = self._open.pop(note["id"], None)
        if question is not None:
            question.then(note)

    def worker_died(self, worker: str) -> None:
        """What this one was asked waits for the next to be ready."""
        for question_id, question in list(self._open.items()):
            if question.worker == worker:
                asked_again = replace(question, worker="", deaths=question.deaths + 1)
                if asked_again.deaths < _DEATHS_PER_QUESTION:
                    self._open[question_id] = asked_again
                else:
                    self._give_up(question_id, "the worker process died over this question; the log says more")

    def worker_ready(self, worker: str) -> None:
        """Ask this one what nobody is left to answer."""
        for question_id, question in list(self._open.items()):
            if not question.worker:
                self._open[question_id] = replace(question, worker=worker)
                self._say(worker, {**question.note, "id": question_id})

    def expire(self) -> None:
        """End the questions whose time has run out."""
        now = self._clock()
        for question_id, question in list(self._open.items()):
            if now > question.until:
                self._give_up(question_id, "the worker does not answer; try again, or restart the backend")

    def _give_up(self, question_id: str, problem: str) -> None:
        question = self._open.pop(question_id, None)
        if question is not None:
            question.then({"problem": problem, "code": "internal"})
