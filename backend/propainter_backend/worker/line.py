"""The worker's end of the pipe: several threads speak, one hears, and whoever finds it broken says so.

Here: ``Line``. Not here: bytes (``pipe.py``), what is said (``worker.py``, ``steps.py``, ``answers.py``).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from multiprocessing.connection import Connection

import numpy as np

from propainter_backend.worker.pipe import Note, receive, send


class Line:
    """when_alone: called, from any thread, when the daemon is gone."""

    def __init__(self, pipe: Connection, when_alone: Callable[[], object]) -> None:
        self._pipe = pipe
        self._when_alone = when_alone
        self._sending = threading.Lock()

    def say(self, note: Note, pixels: np.ndarray | None = None) -> None:
        """Tell the daemon; from any thread."""
        with self._sending:
            try:
                send(self._pipe, note, pixels)
            except OSError:
                self._when_alone()

    def hear(self) -> tuple[Note, np.ndarray | None] | None:
        """The next the daemon says; None: it is gone. For one thread."""
        try:
            return receive(self._pipe)
        except (EOFError, OSError):
            self._when_alone()
            return None
