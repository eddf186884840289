"""The backend's calls, one for each exchange of docs/wire.md.

Every call has a deadline. A Client may be shared by threads: calls wait only for their own replies, and ``cancel``
may come from another thread than the one that iterates over ``render``. Results are copied out of the transport, so
pixels belong to the caller. Ctrl-C during ``render`` cancels the job on its way out. A Client whose backend has died
stays dead; connect anew.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from propainter_wire.client.asking import Asker
from propainter_wire.client.jobs import FrameResult, Jobs
from propainter_wire.client.mattes import MatteCalls
from propainter_wire.client.memory import SharedMemory
from propainter_wire.client.uploads import FrameProvider, Uploads
from propainter_wire.connection import Connection, read_connection
from propainter_wire.errors import BackendUnreachable, UnsafeConnection
from propainter_wire.link import ClientKeys, Link
from propainter_wire.messages import (
    SUPPORTED_VERSIONS,
    Accepted,
    Analyse,
    AskPublished,
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
    Hello,
    Kind,
    Message,
    MessageT,
    OpenShot,
    Output,
    Ping,
    Pong,
    Priority,
    Progress,
    Publish,
    Published,
    Quality,
    Reach,
    ReachIs,
    Render,
    ShotClosed,
    ShotOpened,
    Status,
    StatusIs,
    Stop,
    Stopping,
    Welcome,
)
from propainter_wire.pool import PixelPool
from propainter_wire.shm import is_supported
from propainter_wire.shot import DType, Pixels
from propainter_wire.start import start_daemon

REQUEST_TIMEOUT_S = 30.0
_POOL_BYTES = 256 * 2**20
"""Memory of results the caller has let go, kept for the next ones."""


class Client(MatteCalls):
    """A session with a backend. Close it, or use it as a context manager."""

    # As many methods as the protocol has requests, each of a line or two: what takes more is another object's.

    def __init__(self, link: Link, welcome: Welcome, *, timeout_s: float = REQUEST_TIMEOUT_S) -> None:
        self.welcome = welcome
        pool = PixelPool(keep_bytes=_POOL_BYTES)
        self._link = link
        asker = Asker(link, timeout_s=timeout_s)
        self._memory = SharedMemory(asker, pool, min_bytes=welcome.shm_min_bytes) if welcome.shm else None
        self._uploads = Uploads(asker, self._memory)
        super().__init__(asker, Jobs(link, pool, self._memory, timeout_s=timeout_s))

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
        self._jobs.note_shot(opened.shot, shot)
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
        self._jobs.forget_shot(shot)

    def reach(self, shot: str, frames: Sequence[int], *, quality: Quality = "normal") -> ReachIs:
        """Which plates and mattes must be had before these frames can be rendered."""
        return self.ask(Reach(shot, tuple(frames), quality), ReachIs)

    def offer_frames(self, shot: str, frames: Sequence[int], provider: FrameProvider, *, mattes: bool = True) -> int:
        """Make sure the backend has these frames; returns how many pictures had to be sent.

        mattes: with their mattes and clean plates.

        Frames are read a few at a time, digested, offered, and sent only where the backend lacks their content. Raises
        whatever the provider raises; what has been sent by then stays.
        """
        return self._uploads.offer_frames(shot, frames, provider, mattes=mattes)

    def prepare(self, shot: str, frames: Sequence[int], provider: FrameProvider, *, quality: Quality = "normal") -> int:
        """Offer everything that rendering these frames takes; returns how many pictures had to be sent."""
        return self.offer_reach(shot, self.reach(shot, frames, quality=quality), provider)

    def offer_reach(self, shot: str, reach: ReachIs, provider: FrameProvider) -> int:
        """Offer all that ``reach`` has told; returns how many pictures had to be sent."""
        return self._uploads.offer_reach(shot, reach, provider)

    def put(self, shot: str, kind: Kind, pixels: Pixels) -> str:
        """Send one picture, whether or not the backend has it; returns its digest. Pixels must not change meanwhile."""
        return self._uploads.put(shot, kind, pixels)

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
        return self._jobs.render(Render(shot, tuple(frames), quality, priority, output, dtype, crop, provisional))

    def analyse(
        self, shot: str, first: int, last: int, *, quality: Quality = "normal"
    ) -> Iterator[Accepted | Progress | FrameResult | Done]:
        """Compute the flow of a range ahead of its roto: yields Accepted, Progress, at last Done."""
        return self._jobs.follow(Analyse(shot, first, last, quality))

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
        return self._asker.ask(message, reply, buffers=buffers)

    def notify(self, message: Message) -> None:
        """Any message whose answer is of no interest."""
        self._asker.notify(message)


def _found(connection: Connection | Path | None) -> Connection:
    return connection if isinstance(connection, Connection) else read_connection(connection)
