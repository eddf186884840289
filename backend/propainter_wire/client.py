"""The backend as a client sees it: shots, frames, renders. Used by the command line, the panel and the test host.

Here: the exchange of docs/wire.md as calls. Not here: the socket and its thread (``link.py``), starting a backend
(``start.py``).

Every call has a deadline. A Client may be shared by threads: calls wait only for their own replies, and ``cancel``
may come from another thread than the one that iterates over ``render``. Results are copied out of the transport, so
pixels belong to the caller. Ctrl-C during ``render`` cancels the job on its way out. A Client whose backend has died
stays dead; connect anew.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

from propainter_wire.connection import Connection, read_connection
from propainter_wire.errors import (
    BackendUnreachable,
    JobCancelled,
    PropainterError,
    RemoteError,
    SharedMemoryUnavailable,
    UnsafeConnection,
    WireError,
)
from propainter_wire.link import ClientKeys, Exchange, Link
from propainter_wire.messages import (
    MAX_FRAMES,
    NO_CLEAN_PLATE,
    SUPPORTED_VERSIONS,
    Accepted,
    Analyse,
    AskPublished,
    Buffer,
    Cache,
    CacheIs,
    CacheKind,
    CacheQuery,
    CacheStateIs,
    Cancel,
    Cancelled,
    ChangeSettings,
    CloseShot,
    Done,
    FrameContent,
    Have,
    Hello,
    Inline,
    InSegment,
    Kind,
    Message,
    MessageT,
    Need,
    OpenShot,
    Output,
    Ping,
    Pong,
    Priority,
    Progress,
    Publish,
    Published,
    Put,
    Quality,
    Reach,
    ReachIs,
    Render,
    Result,
    ShmGrant,
    ShmMapped,
    ShmRelease,
    ShmRequest,
    ShmUnlinked,
    ShotClosed,
    ShotOpened,
    Status,
    StatusIs,
    Stop,
    Stopping,
    Stored,
    Welcome,
)
from propainter_wire.moving import copy
from propainter_wire.pool import PixelPool
from propainter_wire.shm import SHM_DIRECTORY, Segment, Use, is_supported, open_segment
from propainter_wire.shot import (
    DType,
    Pixels,
    byte_count,
    bytes_of,
    digest_of,
    dtype_of,
    frames_of,
    packed,
    shape_of,
)
from propainter_wire.start import start_daemon

REQUEST_TIMEOUT_S = 30.0
SILENCE_S = 30.0
"""A job that says nothing this long has died in its sleep: the backend reports progress every second."""
_POOL_BYTES = 256 * 2**20
"""Memory of results the caller has let go, kept for the next ones."""
_OFFER_BYTES = 256 * 2**20
"""Pixels read ahead of being put, so that no frame is read twice."""


class FrameProvider(Protocol):
    """Where a shot's frames come from. Called in the order of the frames: plate, matte, clean plate."""

    def plate(self, frame: int) -> Pixels:
        """h w c pixels as the shot was opened with."""

    def matte(self, frame: int) -> Pixels | None:
        """h w 1 pixels, 1 = remove; None where the backend knows it already (a still matte)."""

    def clean(self, frame: int) -> Pixels | None:
        """h w 3 or 4 pixels of the frame's background; None where there is no clean plate."""


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


class Client:
    """A session with a backend. Close it, or use it as a context manager."""

    def __init__(self, link: Link, welcome: Welcome, *, timeout_s: float = REQUEST_TIMEOUT_S) -> None:
        self.welcome = welcome
        self.pool = PixelPool(keep_bytes=_POOL_BYTES)
        self._link = link
        self._timeout_s = timeout_s
        self._shots: dict[str, OpenShot] = {}
        self._memory = _SharedMemory(self) if welcome.shm else None

    @classmethod
    def connect(
        cls,
        connection: Connection | Path | None = None,
        *,
        name: str = "propainter client",
        timeout_s: float = REQUEST_TIMEOUT_S,
        start: bool = False,
        shared_memory: bool = True,
        keys: ClientKeys | None = None,
    ) -> Client:
        """Connect and say hello.

        connection: what to connect to, or the file that says so; None: this user's own. start: start a backend if
        there is none. keys: this client's CURVE keys, for a backend on another machine.
        Raises BackendUnreachable (UnsafeConnection if it cannot be trusted), ProtocolMismatch, BackendSilent,
        RemoteError.
        """
        say_hello = Hello(name, SUPPORTED_VERSIONS, os.getpid(), shared_memory and is_supported())
        try:
            return cls._open(_found(connection), say_hello, timeout_s, keys)
        except UnsafeConnection:
            # A backend restarted between our reading and our hello has a new key; its file says so by now.
            if isinstance(connection, Connection):
                raise
            return cls._open(_found(connection), say_hello, timeout_s, keys)
        except BackendUnreachable:
            if not start or isinstance(connection, Connection):
                raise
            directory = connection.parent if connection is not None else None
            return cls._open(start_daemon(directory=directory), say_hello, timeout_s, keys)

    @classmethod
    def _open(cls, connection: Connection, hello: Hello, timeout_s: float, keys: ClientKeys | None) -> Client:
        link = Link(connection, keys=keys)
        try:
            return cls(link, link.open(hello, timeout_s=timeout_s), timeout_s=timeout_s)
        except BaseException:
            link.close()
            raise

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the session; the backend cancels its jobs and keeps what it has cached."""
        self._link.close()
        if self._memory is not None:
            self._memory.close()

    # --- shots --------------------------------------------------------------------------------------------------------

    def open_shot(self, shot: OpenShot) -> ShotOpened:
        """Tell the backend about a plate; returns its id and the settings as understood."""
        opened = self.ask(shot, ShotOpened)
        self._shots[opened.shot] = shot
        return opened

    def change_settings(self, shot: str, settings: Mapping[str, Any]) -> ShotOpened:
        """Change some settings of a shot; all that is still valid stays cached."""
        return self.ask(ChangeSettings(shot, settings), ShotOpened)

    def publish(self, name: str, settings: Mapping[str, Any] | None) -> Published:
        """Settings for every shot that follows a name, now and later; None withdraws them."""
        return self.ask(Publish(name, settings), Published)

    def published(self, name: str) -> Published:
        """What is published under a name, and how many open shots follow it."""
        return self.ask(AskPublished(name), Published)

    def close_shot(self, shot: str) -> None:
        """Forget a shot; its jobs are cancelled, content and cache stay."""
        self.ask(CloseShot(shot), ShotClosed)
        self._shots.pop(shot, None)

    def reach(self, shot: str, frames: Sequence[int], *, quality: Quality = "normal") -> ReachIs:
        """Which plates and mattes must be had before these frames can be rendered."""
        return self.ask(Reach(shot, tuple(frames), quality), ReachIs)

    def offer_frames(self, shot: str, frames: Sequence[int], provider: FrameProvider, *, mattes: bool = True) -> int:
        """Make sure the backend has these frames; returns how many pictures had to be sent.

        mattes: with their mattes and clean plates.

        Frames are read a few at a time, digested, offered, and sent only where the backend lacks their content. Raises
        whatever the provider raises; what has been sent by then stays.
        """
        sent = 0
        batch: list[_Offer] = []
        for frame in frames:
            batch.append(_Offer.read(frame, provider, mattes=mattes))
            if sum(offer.nbytes for offer in batch) >= _OFFER_BYTES or len(batch) == MAX_FRAMES:
                sent += self._offer(shot, batch)
                batch = []
        return sent + (self._offer(shot, batch) if batch else 0)

    def prepare(self, shot: str, frames: Sequence[int], provider: FrameProvider, *, quality: Quality = "normal") -> int:
        """Offer everything that rendering these frames takes; returns how many pictures had to be sent."""
        reach = self.reach(shot, frames, quality=quality)
        mattes = set(frames_of(reach.mattes))
        both = [frame for frame in frames_of(reach.plates) if frame in mattes]
        plates_only = [frame for frame in frames_of(reach.plates) if frame not in mattes]
        return self.offer_frames(shot, both, provider) + self.offer_frames(shot, plates_only, provider, mattes=False)

    def put(self, shot: str, kind: Kind, pixels: Pixels) -> str:
        """Send one picture, whether or not the backend has it; returns its digest. Pixels must not change meanwhile."""
        tight = packed(pixels)
        return self._put(shot, kind, tight, digest_of(tight))

    # --- jobs ---------------------------------------------------------------------------------------------------------

    def render(
        self,
        shot: str,
        frames: Sequence[int],
        *,
        quality: Quality = "normal",
        priority: Priority = "playhead",
        output: Output = "result",
        dtype: DType | None = None,
        crop: bool = False,
        provisional: bool = False,
    ) -> Iterator[Accepted | Progress | FrameResult | Done]:
        """Render frames: yields Accepted (with the job's id), then Progress and FrameResult as they come, at last Done.

        Closing the iterator early cancels the job. Raises RemoteError (``frames_missing`` before anything else if
        frames have to be offered first), JobCancelled, BackendDied, BackendSilent.
        """
        self._make_room(shot, dtype)
        request = Render(shot, tuple(frames), quality, priority, output, dtype, crop, provisional)
        return self._follow(request)

    def analyse(
        self, shot: str, first: int, last: int, *, quality: Quality = "normal"
    ) -> Iterator[Accepted | Progress | FrameResult | Done]:
        """Compute the flow of a range ahead of its roto: yields Accepted, Progress, at last Done."""
        return self._follow(Analyse(shot, first, last, quality))

    def cancel(self, job: str) -> bool:
        """Cancel a job; false if it had ended already. Its iterator raises JobCancelled."""
        return self.ask(Cancel(job), Cancelled).was_running

    # --- the backend itself -------------------------------------------------------------------------------------------

    def cache_state(self, shot: str, *, quality: Quality = "normal") -> CacheStateIs:
        """What of a shot is cached, missing or stale, stage by stage."""
        return self.ask(CacheQuery(shot, quality), CacheStateIs)

    def list_cache(self) -> CacheIs:
        """How much of what the backend keeps."""
        return self.ask(Cache("list"), CacheIs)

    def clear_cache(self, what: CacheKind = "all") -> CacheIs:
        """Throw cached things away; returns what is left and how much was freed."""
        return self.ask(Cache("clear", what), CacheIs)

    def status(self) -> StatusIs:
        """Device, memory, sessions and jobs."""
        return self.ask(Status(), StatusIs)

    def ping(self) -> None:
        """Return if the backend answers."""
        self.ask(Ping(), Pong)

    def stop(self, when: Literal["now", "idle"] = "now") -> int:
        """Stop the backend; returns how many jobs that ends or is waited for."""
        return self.ask(Stop(when), Stopping).jobs

    def ask(self, message: Message, reply: type[MessageT], *, buffers: Sequence[memoryview] = ()) -> MessageT:
        """Any request with one reply. Raises RemoteError, BackendDied, BackendSilent, WireError."""
        return _expect(self._link.ask(message, timeout_s=self._timeout_s, buffers=buffers), reply)

    def notify(self, message: Message) -> None:
        """Any message whose answer is of no interest."""
        self._link.notify(message)

    # --- within -------------------------------------------------------------------------------------------------------

    def _make_room(self, shot: str, dtype: DType | None) -> None:
        """Have shared memory for this shot's results, where they are large enough to be worth it."""
        opened = self._shots.get(shot)
        if self._memory is not None and opened is not None:
            largest = byte_count(dtype or opened.dtype, (opened.height, opened.width, 4))
            self._memory.provide("download", largest)

    def _offer(self, shot: str, offers: list[_Offer]) -> int:
        need = self.ask(Have(shot, tuple(offer.content for offer in offers)), Need)
        needed: dict[Kind, set[int]] = {
            "plate": set(need.plates),
            "matte": set(need.mattes),
            "clean": set(need.cleans),
        }
        sent: set[str] = set()
        for offer in offers:
            for kind, (digest, pixels) in offer.pictures.items():
                if offer.frame in needed[kind] and digest not in sent:
                    sent.add(self._put(shot, kind, pixels, digest))
        return len(sent)

    def _put(self, shot: str, kind: Kind, pixels: Pixels, digest: str) -> str:
        data = bytes_of(pixels)
        if self._memory is not None and data.nbytes >= self.welcome.shm_min_bytes:
            stored = self._memory.upload(
                data, lambda place: self.ask(Put(shot, kind, digest, _describe(pixels, place)), Stored)
            )
            if stored is not None:
                return stored.digest
        return self.ask(Put(shot, kind, digest, _describe(pixels, Inline(0))), Stored, buffers=(data,)).digest

    def _follow(self, request: Render | Analyse) -> Iterator[Accepted | Progress | FrameResult | Done]:
        exchange = self._link.send(request)
        job: str | None = None
        try:
            accepted = _expect(exchange.next(self._timeout_s).message, Accepted)
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
            pixels = self.pool.empty(buffer.dtype, buffer.shape)
            copy(bytes_of(pixels), buffers[buffer.place.index])
            if digest_of(pixels) != result.digest:
                raise WireError("bad_digest", f"frame {result.frame} arrived damaged; render it again")
        elif self._memory is not None:
            pixels = self._memory.download(buffer, buffer.place)
        else:
            raise WireError("bad_buffer", "the backend used shared memory that was never agreed on")
        return FrameResult(result.frame, result.quality, result.provisional, result.region, pixels)


@dataclass(frozen=True)
class _Offer:
    """A frame read from its provider, kept until the backend has said whether it needs it."""

    frame: int
    pictures: Mapping[Kind, tuple[str, Pixels]]
    """Digest and pixels of each that there is."""
    has_mattes: bool
    """Mattes and clean plates were asked for, too."""

    @classmethod
    def read(cls, frame: int, provider: FrameProvider, *, mattes: bool) -> _Offer:
        given: dict[Kind, Pixels | None] = {"plate": provider.plate(frame)}
        if mattes:
            given |= {"matte": provider.matte(frame), "clean": provider.clean(frame)}
        tight = {kind: packed(pixels) for kind, pixels in given.items() if pixels is not None}
        return cls(frame, {kind: (digest_of(pixels), pixels) for kind, pixels in tight.items()}, mattes)

    @property
    def content(self) -> FrameContent:
        plate, matte, clean = (self.pictures.get(kind, (None,))[0] for kind in get_args(Kind))
        return FrameContent(self.frame, plate, matte, clean or (NO_CLEAN_PLATE if self.has_mattes else None))

    @property
    def nbytes(self) -> int:
        return sum(int(pixels.nbytes) for _, pixels in self.pictures.values())


class _SharedMemory:
    """A client's segments: one each way, made when first wanted, replaced when too small, given up at the first
    trouble.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.RLock()
        self._segments: dict[str, Segment] = {}
        self._newest: dict[Use, str] = {}
        self._refused: set[Use] = set()
        self._generation = 0

    def provide(self, use: Use, nbytes: int) -> Segment | None:
        """A segment with room for so much, or None."""
        if nbytes < self._client.welcome.shm_min_bytes:
            return None
        with self._lock:
            current = self._segments.get(self._newest.get(use, ""))
            if use in self._refused or (current is not None and current.nbytes >= nbytes):
                return current
            return self._replace(use, nbytes, current)

    def upload(self, data: memoryview, put: _PutCall) -> Stored | None:
        """Put data by way of shared memory; None: send it inline. Raises whatever else goes wrong with the put."""
        with self._lock:
            segment = self.provide("upload", data.nbytes)
            if segment is None or segment.nbytes < data.nbytes:
                return None
            copy(segment.span(0, data.nbytes), data)
            self._generation += 1
            try:
                return put(InSegment(segment.name, 0, data.nbytes, self._generation))
            except RemoteError as error:
                if error.code not in ("shm_unavailable", "bad_buffer"):
                    raise
                self._refused.add("upload")
                return None

    def download(self, buffer: Buffer, place: InSegment) -> Pixels:
        """Copy a result out and give its bytes back. Raises WireError for a place that is not ours."""
        with self._lock:
            segment = self._segments.get(place.name)
            if segment is None:
                raise WireError("bad_buffer", f"the backend used a segment nobody mapped: {place.name}")
            memory = segment.span(place.offset, place.nbytes)
        pixels = self._client.pool.empty(buffer.dtype, buffer.shape)
        copy(bytes_of(pixels), memory)
        self._client.notify(ShmRelease(place.name, place.generation))
        return pixels

    def close(self) -> None:
        """Unmap everything; the backend forgets its side with the session."""
        with self._lock:
            for segment in self._segments.values():
                segment.close()
            self._segments.clear()

    def _replace(self, use: Use, nbytes: int, current: Segment | None) -> Segment | None:
        if current is not None:
            # Nothing is under way in an upload segment; in an old download segment results may still lie, so it stays
            # mapped on this side.
            if use == "upload":
                self._segments.pop(current.name).close()
            self._client.notify(ShmRelease(current.name, 0))
        try:
            segment = self._granted(use, nbytes)
        except (RemoteError, SharedMemoryUnavailable):
            self._refused.add(use)
            self._newest.pop(use, None)
            return None
        self._segments[segment.name] = segment
        self._newest[use] = segment.name
        return segment

    def _granted(self, use: Use, nbytes: int) -> Segment:
        """Two results can lie in a download segment: one is read while the next is written."""
        wanted = nbytes if use == "upload" else 2 * nbytes
        grant = self._client.ask(ShmRequest(wanted, use), ShmGrant)
        segment = open_segment(grant.name, grant.nbytes, SHM_DIRECTORY)
        try:
            self._client.ask(ShmMapped(grant.name), ShmUnlinked)
        except PropainterError:
            segment.close()
            raise
        return segment


class _PutCall(Protocol):
    def __call__(self, place: InSegment) -> Stored:
        """Send a put whose pixels lie there."""


def _describe(pixels: Pixels, place: Inline | InSegment) -> Buffer:
    return Buffer(dtype_of(pixels), shape_of(pixels), place)


def _expect(message: Message, reply: type[MessageT]) -> MessageT:
    if not isinstance(message, reply):
        raise WireError("unknown_type", f"the backend answered with {message.type}, not {reply.type}")
    return message


def _found(connection: Connection | Path | None) -> Connection:
    return connection if isinstance(connection, Connection) else read_connection(connection)
