"""Pixels by digest: from the store that daemon and workers share, else from the daemon, which may have them in memory.

Here: ``Fetcher``. Not here: whose pictures they are (``pictures.py``), the store (``propainter_backend/render/content.py``).
"""

from __future__ import annotations

import itertools
import queue

import numpy as np

from propainter_backend.render.content import ContentStore
from propainter_backend.worker.line import Line
from propainter_backend.worker.pictures import ContentGone

_CONTENT_TIMEOUT_S = 30.0


class Fetcher:
    """Several threads may fetch at once; each waits for its own answer."""

    def __init__(self, content: ContentStore, line: Line) -> None:
        self._content = content
        self._line = line
        self._waiting: dict[int, queue.SimpleQueue[np.ndarray | None]] = {}
        self._tickets = itertools.count()

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def fetch(self, digest: str) -> np.ndarray:
        """Pixels by digest. Raises ContentGone when nobody has them any more."""
        found = self._content.get(digest)
        if found is not None:
            return found
        ticket = next(self._tickets)
        answer: queue.SimpleQueue[np.ndarray | None] = queue.SimpleQueue()
        self._waiting[ticket] = answer
        self._line.say({"op": "need", "digest": digest, "ticket": ticket})
        try:
            pixels = answer.get(timeout=_CONTENT_TIMEOUT_S)
        except queue.Empty:
            pixels = None
        finally:
            del self._waiting[ticket]
        if pixels is None:
            raise ContentGone(f"content {digest} has been evicted")
        return pixels

    def came(self, ticket: int, pixels: np.ndarray | None) -> None:
        """The daemon's answer; one that nobody waits for any more is dropped."""
        if (waiting := self._waiting.get(ticket)) is not None:
            waiting.put(pixels)
