"""Jobs whose results are mattes: each step of them makes one frame's, and what lies on the way is kept for the next.

Here: ``Runs``, which finds or begins the run that a step belongs to. Not here: tracks (``tracking.py``), shadows
(``casting.py``), what a step leaves (``made.py``), steps and stopping (``worker/steps.py``).

A run may be left between any two frames, for a render that is more urgent, and gone on with later.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from propainter.kept import Kept
from propainter_backend.render.progress import TimeLeft
from propainter_backend.render.steps import Progress
from propainter_backend.worker.mattes.casting import CastRun
from propainter_backend.worker.mattes.footages import Footages
from propainter_backend.worker.mattes.made import Made
from propainter_backend.worker.mattes.tracking import KeptSpan, TrackRun
from propainter_backend.worker.pipe import Note
from propainter_backend.worker.shot_spec import ShotSpec

KINDS = frozenset({"track", "cast"})
"""Of steps."""

_PAUSED = 3
"""Runs that may be gone on with."""


class Run(Protocol):
    """A job under way."""

    def matte(self, index: int, *, finish: bool) -> Generator[Progress, None, Made]:
        """A frame's matte, the shot's index. finish: the last step; go through with all that is left."""


@dataclass
class Running:
    """A run and the time it takes."""

    run: Run
    left: TimeLeft = field(default_factory=TimeLeft)


class Runs:
    """For one thread. fetch: pixels by digest. memory: bytes that tracked spans may be kept in."""

    def __init__(self, footages: Footages, fetch: Callable[[str], np.ndarray], *, memory: int) -> None:
        self._footages = footages
        self._fetch = fetch
        self._spans: Kept[KeptSpan] = Kept(memory)
        self._running: OrderedDict[str, Running] = OrderedDict()

    def of(self, task: Note) -> Running:
        """The run that a step belongs to. Raises ContentGone, BadInput."""
        key = task["work"][0]
        if key not in self._running:
            self._running[key] = Running(self._begun(task))
            while len(self._running) > _PAUSED:
                self._running.popitem(last=False)
        self._running.move_to_end(key)
        return self._running[key]

    def drop(self, task: Note) -> None:
        """It is through, or has failed."""
        self._running.pop(task["work"][0], None)

    def clear(self) -> None:
        """Let go of all."""
        self._running.clear()
        self._spans.clear()
        self._footages.clear()

    def _begun(self, task: Note) -> Run:
        spec: ShotSpec = task["spec"]
        if task["kind"] == "cast":
            return CastRun(task, spec, self._footages)
        return TrackRun(task, spec, self._footages, self._fetch, self._spans)
