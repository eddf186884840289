"""The relay: a daemon for hosts on this machine that lets another machine do the work.

Hosts find it as they find any daemon, by connection file, socket and shared memory; it computes nothing and keeps nothing.
Each local session has a connection of its own to the remote daemon, through CURVE: so shots, jobs and their ends mean there
what they mean here, and ids pass unchanged. docs/wire.md, section 10; docs/adr/0004.

Here: forwarding requests and replies, holding back what a local client does not read. Not here: keys (``keys.py``), both
ends of the wire (``propainter_wire/router.py``, ``propainter_wire/link``). One thread owns the router; each session
has one that sends, each request one that waits for replies.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version

from propainter_backend.daemon.held import HeldReplies
from propainter_backend.daemon.keys import RemoteBackend, signing_key
from propainter_backend.daemon.lifetime import Lifetime
from propainter_wire.connection import Connection, DaemonPlace, new_key
from propainter_wire.errors import BackendUnreachable, PropainterError, RemoteError, WireError
from propainter_wire.framing import Envelope
from propainter_wire.link import Exchange, Link
from propainter_wire.messages import (
    SUPPORTED_VERSIONS,
    Accepted,
    Hello,
    Inline,
    Message,
    Progress,
    Put,
    Result,
    Status,
    StatusIs,
    Stop,
    Stopping,
    Welcome,
)
from propainter_wire.router import Facts, Request, Router, SessionEnded
from propainter_wire.shot import Pixels, bytes_of, digest_of, pixels_in

log = logging.getLogger(__name__)

VERSION = version("propainter-remove")

_TICK_S = 0.5
_HELD_TICK_S = 0.02
_CONNECT_WITHIN_S = 10.0
_FOREVER_S = 1e7
"""Deadlines are the client's own; here a reply is waited for as long as both connections stand."""
_LOOK_AHEAD = 4
"""Replies to one request that are fetched before the first of them has been passed on."""
_MORE_FOLLOW = (Accepted, Progress, Result)
_PARTING_S = 2.0
MAX_FOLLOWED = 64
"""Requests of a session that wait for replies, each with a thread of its own."""


@dataclass(frozen=True)
class _Came:
    """A reply from the remote daemon, or the reason why there is none."""

    request: Request
    reply: Envelope | WireError
    job: str | None
    passed_on: Callable[[], object]
    """To be called when the next may come."""


class Relay:
    """Serves until told to stop. ``place`` must be entered: this is the one daemon of its runtime directory."""

    def __init__(
        self,
        remote: RemoteBackend,
        place: DaemonPlace,
        *,
        endpoint: str | None = None,
        idle_timeout_s: float | None = None,
        parent_pid: int | None = None,
    ) -> None:
        self._remote = remote
        self._place = place
        self._endpoint = endpoint or place.endpoint
        self._life = Lifetime(idle_timeout_s=idle_timeout_s, parent_pid=parent_pid)
        self._started = time.monotonic()
        self._key = new_key()
        self._facts = Facts(VERSION, "classical", f"connecting to {remote.endpoint}"[:128])
        self._router = Router(self._key, self._facts)
        self._inbox: queue.SimpleQueue[_Came | Welcome] = queue.SimpleQueue()
        self._held = HeldReplies(self._router.has_room)
        self._lines: dict[str, _Line] = {}
        self._is_stopping = False

    def serve(self) -> None:
        """Bind, publish the connection file, forward until stopped; leaves nothing behind.

        Raises BackendUnreachable if the remote daemon cannot be reached or does not let us in: better said now, to whoever
        starts this, than later to every artist. Once it serves, it outlives the remote daemon.
        """
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self._on_signal)
        self._take_facts(self._welcome())
        bound = self._router.bind(self._endpoint)
        self._place.publish(bound, self._key)
        log.info("relaying %s to %s", bound, self._remote.endpoint)
        try:
            while not (self._is_stopping or self._life.is_over(in_use=self._router.session_count > 0)):
                self._turn()
        finally:
            for session in list(self._lines):
                self._end_line(session)
            self._router.close()
            log.info("stopped")

    def _welcome(self) -> Welcome:
        link, welcome = open_link(self._remote, "propainter relay")
        link.close()
        return welcome

    def _turn(self) -> None:
        for event in self._router.poll(_HELD_TICK_S if self._held else _TICK_S):
            if isinstance(event, SessionEnded):
                self._end_line(event.session)
                self._held.forget(event.session)
            else:
                self._on_request(event)
        while not self._inbox.empty():
            came = self._inbox.get()
            if isinstance(came, Welcome):
                self._take_facts(came)
            else:
                self._pass_on(came)
        self._held.release()

    def _on_signal(self, number: int, _: object) -> None:
        log.info("stopping: %s", signal.Signals(number).name)
        self._is_stopping = True
        self._router.wake()

    def _on_request(self, request: Request) -> None:
        if isinstance(request.message, Stop):  # of this daemon; the remote one is others' too
            self._router.reply(request, Stopping(0))
            self._is_stopping = True
            return
        line = self._lines.get(request.session)
        if line is None:
            line = self._lines[request.session] = _Line(self._remote, request.client, self._hear)
        line.forward(request)

    def _hear(self, came: _Came | Welcome) -> None:
        self._inbox.put(came)
        self._router.wake()

    def _end_line(self, session: str) -> None:
        line = self._lines.pop(session, None)
        if line is not None:
            line.close()

    def _take_facts(self, welcome: Welcome) -> None:
        self._facts = replace(
            self._facts,
            engine=welcome.engine,
            device=f"{welcome.device} at {self._remote.endpoint}"[:128],
            weights=welcome.weights,
            licence=welcome.licence,
        )
        self._router.update_facts(self._facts)

    def _pass_on(self, came: _Came) -> None:
        request, reply = came.request, came.reply
        if isinstance(reply, WireError):
            self._refuse(request, reply, came.job)
            return
        message = reply.message

        def send() -> None:
            if isinstance(message, Result):
                self._send_result(request, message, reply)
            else:
                self._router.reply(request, self._adapted(message), droppable=isinstance(message, Progress))
            came.passed_on()

        nbytes = message.buffer.nbytes if isinstance(message, Result) else 0
        self._held.post(request, nbytes, send)

    def _send_result(self, request: Request, result: Result, envelope: Envelope) -> None:
        try:
            pixels = received_pixels(result, envelope)
        except WireError as error:
            self._router.reply_error(request, error, job=result.job)
            return
        self._router.reply_result(
            request,
            pixels,
            job=result.job,
            frame=result.frame,
            quality=result.quality,
            provisional=result.provisional,
            region=result.region,
        )

    def _adapted(self, message: Message) -> Message:
        if isinstance(message, StatusIs):
            return replace(message, notes=(*message.notes[:15], self._note()))
        return message

    def _note(self) -> str:
        return f"through a relay on this machine, process {os.getpid()}, to {self._remote.endpoint}"

    def _refuse(self, request: Request, error: WireError, job: str | None) -> None:
        if isinstance(request.message, Status):  # the one question the relay can answer alone
            self._router.reply(request, self._own_status(error))
        else:
            self._held.post(request, 0, lambda: self._router.reply_error(request, error, job=job))

    def _own_status(self, error: WireError) -> StatusIs:
        return StatusIs(
            server=VERSION,
            engine=self._facts.engine,
            device=self._facts.device,
            pid=os.getpid(),
            uptime_s=time.monotonic() - self._started,
            sessions=self._router.session_count,
            weights=self._facts.weights,
            notes=(self._note(), error.message[:512]),
        )


def open_link(remote: RemoteBackend, name: str) -> tuple[Link, Welcome]:
    """A connection to the remote daemon. Raises BackendUnreachable, ProtocolMismatch, BackendSilent, RemoteError."""
    key = signing_key(remote.server_key.encode())
    link = Link(Connection(remote.endpoint, key, 0, server_key=remote.server_key), keys=remote.keys)
    try:
        return link, link.open(Hello(name, SUPPORTED_VERSIONS), timeout_s=_CONNECT_WITHIN_S)
    except BaseException:
        link.close()
        raise


class _Line:
    """One local session's connection to the remote daemon. ``hear`` is called from other threads."""

    def __init__(self, remote: RemoteBackend, client: str, hear: Callable[[_Came | Welcome], None]) -> None:
        self._remote = remote
        self._client = client
        self._hear = hear
        self._requests: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._link: Link | None = None
        self._is_closed = threading.Event()
        self._followed = threading.Semaphore(MAX_FOLLOWED)
        self._thread = threading.Thread(target=self._run, name="relay line", daemon=True)
        self._thread.start()

    def forward(self, request: Request) -> None:
        """Send it on, in order; replies are heard. With too many unanswered it is refused: none may wait behind what only a
        later message would end.
        """
        if self._followed.acquire(blocking=False):
            self._requests.put(request)
        else:
            busy = f"{MAX_FOLLOWED} requests of this session have no answer yet; wait for one"
            self._hear(_Came(request, WireError("busy", busy), None, lambda: None))

    def close(self) -> None:
        """End the remote session, and with it its jobs; does not wait for that."""
        self._is_closed.set()
        self._requests.put(None)

    def _run(self) -> None:
        while (request := self._requests.get()) is not None:
            try:
                exchange = self._send(request)
            except PropainterError as error:
                self._followed.release()
                self._fail(request, error, None)
            else:
                threading.Thread(
                    target=self._follow, args=(request, exchange), name="relay replies", daemon=True
                ).start()
        if self._link is not None:
            self._link.close()

    def _send(self, request: Request) -> Exchange:
        if self._link is None:
            self._link, welcome = open_link(self._remote, self._client)
            self._hear(welcome)
        message = request.message
        if isinstance(message, Put) and request.pixels is not None:
            inline = replace(message, buffer=replace(message.buffer, place=Inline(0)))
            return self._link.send(inline, buffers=(bytes_of(request.pixels),))
        return self._link.send(message)

    def _follow(self, request: Request, exchange: Exchange) -> None:
        ahead = threading.Semaphore(_LOOK_AHEAD)
        job = None
        try:
            while True:
                envelope = exchange.next(_FOREVER_S)
                if isinstance(envelope.message, Accepted):
                    job = envelope.message.job
                while not ahead.acquire(timeout=_TICK_S):
                    if self._is_closed.is_set():
                        return
                self._hear(_Came(request, envelope, job, ahead.release))
                if not isinstance(envelope.message, _MORE_FOLLOW):
                    return
        except PropainterError as error:
            self._fail(request, error, job)
        finally:
            self._followed.release()
            exchange.close()

    def _fail(self, request: Request, error: PropainterError, job: str | None) -> None:
        self._hear(_Came(request, self._in_our_words(error), job, lambda: None))

    def _in_our_words(self, error: PropainterError) -> WireError:
        if isinstance(error, RemoteError):
            return WireError(error.code, str(error), error.details)
        if isinstance(error, WireError):
            return error
        where = f"the backend at {self._remote.endpoint}"
        if self._link is None or isinstance(error, BackendUnreachable):
            return WireError("engine_unavailable", f"{where} cannot be reached from here: {error}")
        return WireError("no_session", f"the connection to {where} has ended: {error}")


def received_pixels(result: Result, envelope: Envelope) -> Pixels:
    """A result's pixels, as they lie in the message. Raises WireError."""
    place = result.buffer.place
    if not isinstance(place, Inline):
        raise WireError("bad_buffer", "the backend used shared memory across machines")
    pixels = pixels_in(envelope.buffers[place.index], result.buffer.dtype, result.buffer.shape)
    if digest_of(pixels) != result.digest:
        raise WireError("bad_digest", f"frame {result.frame} arrived damaged; render it again")
    return pixels
