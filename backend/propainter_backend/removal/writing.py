"""Results written while the next frames are computed: encoding a picture may take as long as making it.

Here: ``WritingBehind``. Not here: the files themselves (``propainter_pictures/results.py``), the threads that compute
(``render/cores.py``).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from types import TracebackType

from propainter_backend.render.threads import Threads
from propainter_pictures.frame import Frame
from propainter_pictures.results import FrameSink

_WAITING_BYTES = 512 << 20
"""Memory for frames that wait to be written, or are written; one always may."""


class WritingBehind:
    """Writes to a sink from as many threads as there are cores. In a ``with`` statement, within the sink's own.

    Whatever ends the statement, frames that were given are written to the end. A video, whose frames follow each other, and
    everything on one core, is written at once.
    """

    def __init__(self, sink: FrameSink, cores: int) -> None:
        self._sink = sink
        self._most = 2 * cores
        self._pool = Threads(cores) if cores > 1 and sink.in_any_order else None
        self._begun: deque[tuple[int, int, Future[None]]] = deque()
        self._bytes = 0

    def write(self, number: int, frame: Frame) -> list[int]:
        """Take a frame; the numbers of frames that are written by now, each told once, in order.

        Raises ``OutputError`` of this frame or of one before it, MemoryError where there is none for the threads.
        """
        if self._pool is None:
            self._sink.write(number, frame)
            return [number]
        size, written = frame.pixels.nbytes, []
        while self._begun and (len(self._begun) >= self._most or self._bytes + size > _WAITING_BYTES):
            written.append(self._first())
        self._begun.append((number, size, self._pool.submit(self._sink.write, number, frame)))
        self._bytes += size
        while self._begun and self._begun[0][2].done():
            written.append(self._first())
        return written

    def rest(self) -> Iterator[int]:
        """Wait for all frames; the numbers of those not told before. Raises ``OutputError``."""
        while self._begun:
            yield self._first()

    def _first(self) -> int:
        """Its place among what has begun is kept until it is written: an interrupted wait must wait for it, too."""
        number, size, future = self._begun[0]
        future.result()
        self._begun.popleft()
        self._bytes -= size
        return number

    def __enter__(self) -> WritingBehind:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.end()
