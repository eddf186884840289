"""Following a job from its request to its end.

Here: ``Jobs`` and ``FrameResult``. Not here: asking for one (``client.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from propainter_wire.client.asking import expect
from propainter_wire.client.memory import SharedMemory
from propainter_wire.errors import JobCancelled, RemoteError, WireError
from propainter_wire.link import Exchange, Link
from propainter_wire.messages import (
    Accepted,
    Analyse,
    Cancel,
    Cancelled,
    Done,
    Inline,
    OpenShot,
    Progress,
    Quality,
    Render,
    Result,
)
from propainter_wire.moving import copy
from propainter_wire.pool import PixelPool
from propainter_wire.shot import DType, Pixels, byte_count, bytes_of, digest_of

SILENCE_S = 30.0
"""A job that says nothing this long has died in its sleep: the backend reports progress every second."""


@dataclass(frozen=True)
class FrameResult:
    """A rendered frame."""

    frame: int
    quality: Quality
    provisional: bool
    """A better one of this frame follows."""
    region: tuple[int, int, int, int]
    """x, y, width, height in the plate, y down: where the pixels belong."""
    pixels: Pixels
    """h w c, the caller's own."""


class Jobs:
    """Follows the jobs of one client; results are copied out of the transport."""

    def __init__(self, link: Link, pool: PixelPool, memory: SharedMemory | None, *, timeout_s: float) -> None:
        """pool: memory of results. timeout_s: within it a job is accepted."""
        self._link = link
        self._pool = pool
        self._memory = memory
        self._timeout_s = timeout_s
        self._shots: dict[str, OpenShot] = {}

    def note_shot(self, shot: str, opened: OpenShot) -> None:
        """Remember how large the results of an open shot are."""
        self._shots[shot] = opened

    def forget_shot(self, shot: str) -> None:
        """The shot is closed."""
        self._shots.pop(shot, None)

    def render(self, request: Render) -> Iterator[Accepted | Progress | FrameResult | Done]:
        """Have room for the results, then follow."""
        self._make_room(request.shot, request.dtype)
        return self.follow(request)

    def follow(self, request: Render | Analyse) -> Iterator[Accepted | Progress | FrameResult | Done]:
        """Ask, and yield what the backend says until the job is done. Closing the iterator early cancels the job."""
        exchange = self._link.send(request)
        job: str | None = None
        try:
            accepted = expect(exchange.next(self._timeout_s).message, Accepted)
            job = accepted.job
            yield accepted
            for event in self._events(exchange):
                if isinstance(event, Done):
                    job = None
                yield event
        except (RemoteError, JobCancelled):
            job = None  # the backend has ended it; there is nothing left to cancel
            raise
        finally:
            exchange.close()
            if job is not None:
                self._link.notify(Cancel(job))

    def _make_room(self, shot: str, dtype: DType | None) -> None:
        """Have shared memory for this shot's results, where they are large enough to be worth it."""
        opened = self._shots.get(shot)
        if self._memory is not None and opened is not None:
            largest = byte_count(dtype or opened.dtype, (opened.height, opened.width, 4))
            self._memory.provide("download", largest)

    def _events(self, exchange: Exchange) -> Iterator[Progress | FrameResult | Done]:
        while True:
            envelope = exchange.next(SILENCE_S)
            message = envelope.message
            if isinstance(message, Cancelled):
                raise JobCancelled("the job was cancelled")
            if isinstance(message, Result):
                yield self._frame_result(message, envelope.buffers)
            elif isinstance(message, (Progress, Done)):
                yield message
                if isinstance(message, Done):
                    return
            else:
                raise WireError("unknown_type", f"the backend answered a job with {message.type}")

    def _frame_result(self, result: Result, buffers: tuple[memoryview, ...]) -> FrameResult:
        buffer = result.buffer
        if isinstance(buffer.place, Inline):
            pixels = self._pool.empty(buffer.dtype, buffer.shape)
            copy(bytes_of(pixels), buffers[buffer.place.index])
            if digest_of(pixels) != result.digest:
                raise WireError("bad_digest", f"frame {result.frame} arrived damaged; render it again")
        elif self._memory is not None:
            pixels = self._memory.download(buffer, buffer.place)
        else:
            raise WireError("bad_buffer", "the backend used shared memory that was never agreed on")
        return FrameResult(result.frame, result.quality, result.provisional, result.region, pixels)
