"""The relay: a daemon for hosts on this machine that lets another machine do the work.

Hosts find it as they find any daemon, by connection file, socket and shared memory; it computes nothing and keeps nothing.
Each local session has a connection of its own to the remote daemon, through CURVE: so shots, jobs and their ends mean there
what they mean here, and ids pass unchanged. docs/wire.md, section 10; docs/adr/0004.

Here: what comes from local sessions and what goes back to them, holding back what a client does not read. Not here: one
session's connection to the remote daemon (``relay_line.py``), keys (``keys.py``), both ends of the wire
(``propainter_wire/router.py``, ``propainter_wire/link``). One thread owns the router; each session has one that sends.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import time
from dataclasses import replace

from propainter_backend.daemon.held import HeldReplies
from propainter_backend.daemon.keys import RemoteBackend
from propainter_backend.daemon.lifetime import Lifetime
from propainter_backend.daemon.relay_line import Came, Line, open_link
from propainter_knobs.command_line import own_version
from propainter_os import processes
from propainter_wire.connection import DaemonPlace, new_key
from propainter_wire.errors import WireError
from propainter_wire.framing import Envelope
from propainter_wire.messages import (
    Inline,
    MatteIs,
    Message,
    Progress,
    Result,
    Status,
    StatusIs,
    Stop,
    Stopping,
    Welcome,
)
from propainter_wire.router import Facts, Request, Router, SessionEnded
from propainter_wire.shot import Pixels, digest_of, pixels_in

log = logging.getLogger(__name__)

VERSION = own_version()

_TICK_S = 0.5
_HELD_TICK_S = 0.02
_STATUS_WITHIN_S = 5.0
"""Of the remote daemon; then the relay tells its own."""


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
        self._inbox: queue.SimpleQueue[Came | Welcome] = queue.SimpleQueue()
        self._held = HeldReplies(self._router.has_room)
        self._lines: dict[str, Line] = {}
        self._status_asked: dict[str, tuple[Request, float]] = {}
        self._is_stopping = False

    def serve(self) -> None:
        """Bind, publish the connection file, forward until stopped; leaves nothing behind.

        Raises BackendUnreachable if the remote daemon cannot be reached or does not let us in: better said now, to whoever
        starts this, than later to every artist. Once it serves, it outlives the remote daemon.
        """
        processes.on_stop(self._on_signal)
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
        self._answer_status_alone()

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
            line = self._lines[request.session] = Line(self._remote, request.client, self._hear)
        if isinstance(request.message, Status):
            self._status_asked[request.msg_id] = request, time.monotonic()
        line.forward(request)

    def _hear(self, came: Came | Welcome) -> None:
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

    def _pass_on(self, came: Came) -> None:
        request, reply = came.request, came.reply
        if request.session not in self._lines:  # it has ended meanwhile
            return
        if isinstance(request.message, Status) and self._status_asked.pop(request.msg_id, None) is None:
            return  # answered already
        if isinstance(reply, WireError):
            self._refuse(request, reply, came.job)
            return
        message = reply.message

        def send() -> None:
            if isinstance(message, (Result, MatteIs)):
                self._send_result(request, message, reply)
            else:
                self._router.reply(request, self._adapted(message), droppable=isinstance(message, Progress))
            came.passed_on()

        nbytes = message.buffer.nbytes if isinstance(message, (Result, MatteIs)) else 0
        self._held.post(request, nbytes, send)

    def _send_result(self, request: Request, result: Result | MatteIs, envelope: Envelope) -> None:
        try:
            pixels = received_pixels(result, envelope)
        except WireError as error:
            self._router.reply_error(request, error, job=result.job)
            return
        if isinstance(result, MatteIs):
            self._router.reply_matte(request, pixels, frame=result.frame, job=result.job, doubt=result.doubt)
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

    def _answer_status_alone(self) -> None:
        """Whoever asks how things are must not wait for a daemon that is stuck: that it is, is the answer."""
        now = time.monotonic()
        for msg_id, (request, asked_at) in list(self._status_asked.items()):
            if now - asked_at > _STATUS_WITHIN_S:
                del self._status_asked[msg_id]
                silent = f"the backend at {self._remote.endpoint} has not answered for {_STATUS_WITHIN_S:.0f} s"
                self._router.reply(request, self._own_status(WireError("internal", silent)))

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


def received_pixels(result: Result | MatteIs, envelope: Envelope) -> Pixels:
    """A result's pixels, as they lie in the message. Raises WireError."""
    place = result.buffer.place
    if not isinstance(place, Inline):
        raise WireError("bad_buffer", "the backend used shared memory across machines")
    pixels = pixels_in(envelope.buffers[place.index], result.buffer.dtype, result.buffer.shape)
    if digest_of(pixels) != result.digest:
        raise WireError("bad_digest", f"frame {result.frame} arrived damaged; render it again")
    return pixels
