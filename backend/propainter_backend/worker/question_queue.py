"""The long questions that wait, so that no one client's keep the others waiting.

Here: ``QuestionQueue``. Not here: answering (``answers.py``), the threads that take (``worker.py``), the quick questions,
which wait for nobody.
"""

from __future__ import annotations

import threading
from collections import Counter, deque

from propainter_backend.worker.pipe import Note

MAX_WAITING = 32
"""Questions of one asker; beyond, its oldest goes: who asks so much has asked anew since."""


class QuestionQueue:
    """Several threads take from it. A note's ``asker`` names whose it is; of one asker's, all threads but one may be at work
    at once.

    threads: how many take.
    """

    def __init__(self, threads: int) -> None:
        self._at_once = max(1, threads - 1)
        self._changed = threading.Condition()
        self._waiting: deque[Note] = deque()
        self._under_way: Counter[str] = Counter()

    def put(self, note: Note) -> list[Note]:
        """Let a question wait; returns those that must go for it, unanswered."""
        with self._changed:
            self._waiting.append(note)
            mine = [each for each in self._waiting if _asker(each) == _asker(note)]
            gone = mine[: max(0, len(mine) - MAX_WAITING)]
            for each in gone:
                self._waiting.remove(each)
            self._changed.notify()
            return gone

    def take(self) -> Note:
        """The next to be answered: of who has the fewest under way, the oldest. ``done`` when it is."""
        with self._changed:
            while (note := self._next()) is None:
                self._changed.wait()
            self._waiting.remove(note)
            self._under_way[_asker(note)] += 1
            return note

    def done(self, note: Note) -> None:
        """A taken one has been answered."""
        with self._changed:
            self._under_way[_asker(note)] -= 1
            self._under_way += Counter()  # forget who has none
            self._changed.notify_all()

    def forget(self, asker: str) -> list[Note]:
        """An asker is gone; returns what it had waiting."""
        with self._changed:
            gone = [each for each in self._waiting if _asker(each) == asker]
            self._waiting = deque(each for each in self._waiting if _asker(each) != asker)
            return gone

    def _next(self) -> Note | None:
        allowed = [note for note in self._waiting if self._under_way[_asker(note)] < self._at_once]
        return min(allowed, key=lambda note: self._under_way[_asker(note)], default=None)


def _asker(note: Note) -> str:
    return str(note.get("asker", ""))
