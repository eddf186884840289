"""Following a job from its request to its end.

Here: ``Jobs``, ``FrameResult``, ``FrameMatte``. Not here: asking for one (``client.py``, ``mattes.py``).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TypeAlias, cast

from propainter_wire.client.asking import expect
from propainter_wire.client.memory import SharedMemory
from propainter_wire.errors import JobCancelled, RemoteError, WireError
from propainter_wire.link import Exchange, Link
from propainter_wire.messages import (
    Accepted,
    Analyse,
    Cancel,
    Cancelled,
    Cast,
    Done,
    Inline,
    MatteIs,
    OpenShot,
    Progress,
    Quality,
    Render,
    Result,
    Select,
    Track,
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


@dataclass(frozen=True)
class FrameMatte:
    """A matte that was made."""

    frame: int
    digest: str
    """The backend has it as content under this name."""
    pixels: Pixels
    """h w 1, 1 = remove, the caller's own."""
    doubt: float | None = None
    """How far it may be wrong, 0..1; None: not known (yet)."""


_Event: TypeAlias = Progress | FrameResult | FrameMatte | Done


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
        return cast(Iterator[Accepted | Progress | FrameResult | Done], self._followed(request))

    def follow_mattes(self, request: Track | Cast) -> Iterator[Accepted | Progress | FrameMatte | Done]:
        """The same of a job whose results are mattes."""
        self._make_room(request.shot, None)
        return cast(Iterator[Accepted | Progress | FrameMatte | Done], self._followed(request))

    def matte(self, request: Select, timeout_s: float) -> FrameMatte:
        """The one matte that is asked for."""
        self._make_room(request.shot, None)
        exchange = self._link.send(request)
        try:
            envelope = exchange.next(timeout_s)
            return self._frame_matte(expect(envelope.message, MatteIs), envelope.buffers)
        finally:
            exchange.close()

    def _followed(self, request: Render | Analyse | Track | Cast) -> Generator[Accepted | _Event, None, None]:
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

    def _events(self, exchange: Exchange) -> Iterator[_Event]:
        while True:
            envelope = exchange.next(SILENCE_S)
            message = envelope.message
            if isinstance(message, Cancelled):
                raise JobCancelled("the job was cancelled")
            if isinstance(message, Result):
                yield self._frame_result(message, envelope.buffers)
            elif isinstance(message, MatteIs):
                yield self._frame_matte(message, envelope.buffers)
            elif isinstance(message, (Progress, Done)):
                yield message
                if isinstance(message, Done):
                    return
            else:
                raise WireError("unknown_type", f"the backend answered a job with {message.type}")

    def _frame_result(self, result: Result, buffers: tuple[memoryview, ...]) -> FrameResult:
        pixels = self._pixels(result, buffers)
        return FrameResult(result.frame, result.quality, result.provisional, result.region, pixels)

    def _frame_matte(self, matte: MatteIs, buffers: tuple[memoryview, ...]) -> FrameMatte:
        return FrameMatte(matte.frame, matte.digest, self._pixels(matte, buffers), matte.doubt)

    def _pixels(self, told: Result | MatteIs, buffers: tuple[memoryview, ...]) -> Pixels:
        """The pixels of a reply, copied out of the transport."""
        buffer = told.buffer
        if isinstance(buffer.place, Inline):
            pixels = self._pool.empty(buffer.dtype, buffer.shape)
            copy(bytes_of(pixels), buffers[buffer.place.index])
            if digest_of(pixels) != told.digest:
                raise WireError("bad_digest", f"frame {told.frame} arrived damaged; ask for it again")
            return pixels
        if self._memory is None:
            raise WireError("bad_buffer", "the backend used shared memory that was never agreed on")
        return self._memory.download(buffer, buffer.place)
