"""A lane: a thread that does one thing after the other. Which there are: ``backend_bridge.py``."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable


class Lane:
    """A thread that does what it is given, one after the other, and something else whenever it is idle."""

    def __init__(
        self,
        name: str,
        on_error: Callable[[Exception], None],
        *,
        idle: Callable[[], None] | None = None,
        idle_s: float | None = None,
    ) -> None:
        self._on_error = on_error
        self._idle = idle
        self._idle_s = idle_s
        self._tasks: queue.Queue[Callable[[], object] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def do(self, task: Callable[[], object]) -> None:
        """Do this after everything given before."""
        self._tasks.put(task)

    def close(self) -> None:
        """End after what is under way; at most a few seconds of waiting."""
        self._tasks.put(None)
        self._thread.join(timeout=5)

    def _run(self) -> None:
        due = time.monotonic()
        while True:
            task: Callable[[], object] | None
            try:
                task = self._tasks.get(timeout=None if self._idle_s is None else max(0.0, due - time.monotonic()))
                if task is None:
                    return
            except queue.Empty:
                task = self._idle
                due = time.monotonic() + (self._idle_s or 0.0)
            try:
                if task is not None:
                    task()
            except Exception as error:
                self._on_error(error)
