"""Where a worker process begins. Importing this imports nothing heavy, so that the daemon starts in a blink.

Here: ``WorkerOptions`` and ``run``, the process's first function. Not here: the work (``worker.py``).
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from propainter_os import processes

SHOTS_REMEMBERED = 16
"""Shots a worker keeps the description of; the daemon tells it of others again."""


@dataclass(frozen=True)
class WorkerOptions:
    """What a worker is told when it is started."""

    name: str
    device: str
    """``cpu`` or ``cuda:N``."""
    cache_dir: Path
    cache_budget: int
    """Bytes of artifacts on disk."""
    memory_budget: int
    """Bytes of artifacts in memory."""
    cores: int | None = None
    """Processor cores to work on; None: as many as this process may use, shared with the other workers."""
    workers: int = 1
    """How many of its kind the daemon has."""
    weights: Path | None = None
    flow_hole_snap: int = 0
    """Block grid of the flow hole where a shot does not say: for the learned engine alone."""


def run(pipe: Connection, options: WorkerOptions) -> None:
    """Serve the daemon at the other end of the pipe until it goes away."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is meant for the daemon, which ends us
    processes.give_way()
    from propainter_backend.render.memory import reuse_freed_memory
    from propainter_backend.worker.worker import Worker

    reuse_freed_memory()

    Worker(pipe, options).serve()
