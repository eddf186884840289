"""Finished frames as they were sent last: a host that asks for the same frame again gets it without a composite.

Here: ``FinishedFrames``. Not here: artifacts of the stages, which outlive the process (``shot_cache.py``).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

from propainter_backend.pipe import Note


@dataclass(frozen=True)
class Finished:
    """One frame: the part of it that was sent, and what was said with it."""

    pixels: np.ndarray
    note: Note


class FinishedFrames:
    """Frames by whatever names their content; the least recently sent go first beyond ``limit_bytes``."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._held_bytes = 0
        self._frames: OrderedDict[Hashable, Finished] = OrderedDict()

    def get(self, name: Hashable) -> Finished | None:
        """The frame, or None."""
        found = self._frames.get(name)
        if found is not None:
            self._frames.move_to_end(name)
        return found

    def put(self, name: Hashable, frame: Finished) -> None:
        """Keep a frame; one larger than the limit is not kept."""
        self._forget(name)
        if frame.pixels.nbytes > self._limit_bytes:
            return
        self._frames[name] = frame
        self._held_bytes += frame.pixels.nbytes
        while self._held_bytes > self._limit_bytes:
            self._forget(next(iter(self._frames)))

    def clear(self) -> None:
        """Forget all of them."""
        self._frames.clear()
        self._held_bytes = 0

    def _forget(self, name: Hashable) -> None:
        frame = self._frames.pop(name, None)
        if frame is not None:
            self._held_bytes -= frame.pixels.nbytes
