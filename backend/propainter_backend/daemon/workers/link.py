"""The daemon's end of a worker: starts it, talks to it, notices its death, starts it anew.

Here: ``WorkerLink``. A thread reads the pipe, another writes it, so that the daemon never waits for a worker. Not here:
what is said (``workers.py``).
"""

from __future__ import annotations

import logging
import multiprocessing
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from propainter_backend.worker.pipe import Note, receive, send
from propainter_backend.worker.worker_entry import WorkerOptions, run
from propainter_os import processes

log = logging.getLogger(__name__)

_GRACE_S = 2.0


@dataclass(frozen=True)
class FromWorker:
    """Something a worker said; ``note["op"] == "died"`` when its pipe closed."""

    worker: str
    life: int
    """Which life of the worker said it: what an earlier one said is void."""
    note: Note
    pixels: np.ndarray | None = None


class WorkerLink:
    """One worker process and its successors. ``hear`` is called from another thread with everything it says."""

    def __init__(self, options: WorkerOptions, hear: Callable[[FromWorker], None]) -> None:
        self.options = options
        self.life = 0
        self._hear = hear
        self._context = multiprocessing.get_context("spawn")
        self._process: Any = None
        self._outbox: queue.SimpleQueue[tuple[Note, np.ndarray | None] | None] = queue.SimpleQueue()

    @property
    def name(self) -> str:
        return self.options.name

    @property
    def pid(self) -> int | None:
        """The living process, or None."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start the process, ending what is left of the last one. One that the system does not let start is heard of as
        died, as one that ends at once: it is tried again later.
        """
        self.stop()
        self.life += 1
        try:
            self._spawn()
        except (OSError, RuntimeError, MemoryError) as error:  # no descriptor, process, thread, memory is left
            log.error("%s cannot be started (%s)", self.name, error)
            self.stop()
            self._hear(FromWorker(self.name, self.life, {"op": "died"}))

    def _spawn(self) -> None:
        ours, theirs = self._context.Pipe()
        self._process = self._context.Process(
            target=run, args=(theirs, self.options), name=f"propainter-{self.name}", daemon=True
        )
        try:
            with processes.no_interrupts():
                self._process.start()
        except BaseException:
            self._process = None
            ours.close()
            raise
        finally:
            theirs.close()
        self._outbox = queue.SimpleQueue()
        for task, name in ((self._read, "reader"), (self._write, "writer")):
            threading.Thread(target=task, args=(ours, self.life, self._outbox), name=name, daemon=True).start()
        log.info("%s is process %d", self.name, self._process.pid)

    def say(self, note: Note, pixels: np.ndarray | None = None) -> None:
        """Send without waiting."""
        self._outbox.put((note, pixels))

    def kill(self) -> None:
        """End a process that does not answer any more; it is heard of as died."""
        if self._process is not None:
            self._process.kill()

    def stop(self) -> None:
        """End the process, kindly at first."""
        if self._process is None:
            return
        self._outbox.put(None)
        self._process.join(0)
        self._process.terminate()
        self._process.join(_GRACE_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join(_GRACE_S)
        self._process = None

    def _read(self, pipe: Any, life: int, _: object) -> None:
        while True:
            try:
                note, pixels = receive(pipe)
            except (EOFError, OSError, ValueError):
                self._hear(FromWorker(self.name, life, {"op": "died"}))
                return
            self._hear(FromWorker(self.name, life, note, pixels))

    def _write(self, pipe: Any, _: int, outbox: queue.SimpleQueue[tuple[Note, np.ndarray | None] | None]) -> None:
        while True:
            item = outbox.get()
            if item is None:
                return
            try:
                send(pipe, *item)
            except OSError:
                return  # the reader notices the same death and tells of it
