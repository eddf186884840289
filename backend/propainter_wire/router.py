"""The daemon's socket: from untrusted bytes to validated requests of known sessions, and replies back to whoever may
read slowly, or not at all.

Here: binding and its refusals, the poll and its chores, the replies a daemon may give. What stands behind the socket,
signature, replay, sessions, leases, back-pressure, is in ``reception``. What a session may do with its shots and jobs is not
here but in the daemon, which sees only ``Request`` and ``SessionEnded``. One thread owns a Router; only ``wake`` may be
called from others.

What bounds memory: libzmq drops a connection that announces a part over MAX_PART_BYTES and reads at most RECEIVE_AHEAD
messages ahead of us; parts are counted, what we send to a client that does not read is limited in messages and bytes.
What libzmq does not bound is the number of parts of one unfinished message; who may connect at all is what bounds
that (a 0700 directory for ipc, known keys with CURVE), except on loopback TCP, where every user of the machine may.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

import zmq

from propainter_os import sockets
from propainter_wire.connection import check_endpoint, check_private_directory, is_loopback
from propainter_wire.errors import UnsafeConnection, WireError
from propainter_wire.messages import MAX_PART_BYTES, Buffer, ErrorReply, MatteIs, Message, Quality, Result
from propainter_wire.reception.admission import Admission, Facts
from propainter_wire.reception.connections import Connections
from propainter_wire.reception.disconnects import Disconnects
from propainter_wire.reception.door import Door
from propainter_wire.reception.doorkeeper import CurveKeys, Doorkeeper
from propainter_wire.reception.pixels import placed_pixels
from propainter_wire.reception.replies import Replies
from propainter_wire.reception.requests import Request, SessionEnded
from propainter_wire.reception.sessions import Sessions
from propainter_wire.shm import SHM_DIRECTORY
from propainter_wire.shot import Pixels, dtype_of, packed, shape_of
from propainter_wire.waker import Waker

__all__ = ["CurveKeys", "Facts", "Request", "Router", "SessionEnded"]

log = logging.getLogger(__name__)

RECEIVE_AHEAD = 4
SEND_AHEAD = 64
HEARTBEAT_MS = 5_000
SILENCE_MS = 20_000
LAST_WORDS_MS = 1_000
_BATCH = 64
"""Messages taken a poll, so that sending and housekeeping get their turn under a flood."""
_RETRY_S = 0.005
_HOUSEKEEPING_S = 1.0


class Router:
    """Sessions of clients over one ROUTER socket. Close it, or use it as a context manager."""

    def __init__(
        self,
        key: bytes,
        facts: Facts,
        *,
        shm_directory: Path = SHM_DIRECTORY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._key = key
        self._clock = clock
        self._tidied_at = clock()
        self._context = zmq.Context()
        self._socket = _new_socket(self._context)
        self._waker = Waker()
        self._connections = Connections(self._socket)
        self._disconnects = Disconnects(clock)
        self._door: Door | None = None
        self._door_polled = -1
        self._doorkeeper: Doorkeeper | None = None
        self._sessions = Sessions(clock)
        self._replies = Replies(self._socket, key, self._sessions)
        self._admission = Admission(
            self._socket, key, facts, self._sessions, self._replies, shm_directory=shm_directory, clock=clock
        )
        self._poller = zmq.Poller()
        for source in (self._socket, self._connections.events, self._waker):
            self._poller.register(source, zmq.POLLIN)

    def __enter__(self) -> Router:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- coming and going ---------------------------------------------------------------------------------------------

    def bind(self, endpoint: str, *, curve: CurveKeys | None = None) -> str:
        """Listen; returns the address, with the port filled in where it was ``*``.

        Raises UnsafeConnection: an ipc path in a directory others may enter, or an address other machines can reach
        without CURVE and a list of known clients. Raises zmq.ZMQError if the address is taken or not ours.
        """
        check_endpoint(endpoint)
        if endpoint.startswith("ipc://"):
            path = Path(endpoint.removeprefix("ipc://"))
            check_private_directory(path.parent)
        elif not is_loopback(endpoint) and (curve is None or not curve.clients):
            raise UnsafeConnection(
                f"{endpoint} can be reached from other machines; give CURVE keys and the clients' public keys, "
                "or bind tcp://127.0.0.1:*"
            )
        if curve is not None:
            self._doorkeeper = Doorkeeper(self._context, curve)
            self._poller.register(self._doorkeeper.questions, zmq.POLLIN)
            self._doorkeeper.guard(self._socket)
        if endpoint.startswith("ipc://") and sockets.has_local():
            self._door = Door(self._socket, path, clock=self._clock)
            return endpoint
        self._socket.bind(endpoint)
        return self._socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def close(self) -> None:
        """End every session and close the socket; what clients do not read within LAST_WORDS_MS is lost. Safe twice."""
        if self._context.closed:
            return
        for session in self._sessions:
            self._sessions.end(session, "the backend is closing")
        self._connections.close()
        if self._door is not None:
            self._door.close()
        if self._doorkeeper is not None:
            self._doorkeeper.close()
        self._socket.close(linger=LAST_WORDS_MS)
        self._waker.close()
        self._context.term()

    def wake(self) -> None:
        """Make a ``poll`` under way return. May be called from any thread."""
        self._waker.wake()

    def update_facts(self, facts: Facts) -> None:
        """What later ``welcome`` messages say; the engine is known only once a worker has loaded it."""
        self._admission.facts = facts

    @property
    def session_count(self) -> int:
        return len(self._sessions)

    # --- receiving ----------------------------------------------------------------------------------------------------

    def poll(self, timeout_s: float) -> list[Request | SessionEnded]:
        """Wait for the next requests, at most so long; also sends what waited and ends what has run out."""
        self._watch_door()
        timeout_s = min(timeout_s, self._next_chore_s())
        ready = dict(self._poller.poll(max(0, int(timeout_s * 1000))))
        if self._waker.fileno() in ready:
            self._waker.hear()
        if self._doorkeeper is not None and self._doorkeeper.questions in ready:
            self._doorkeeper.answer()
        if self._door is not None:
            self._door.let_in()
        if self._connections.events in ready or (self._door is not None and self._door.is_crowded):
            self._note_connections()
        requests = self._receive() if self._socket in ready else []
        self._do_chores()
        return [*requests, *self._sessions.take_ended()]

    def _receive(self) -> list[Request]:
        requests = []
        for _ in range(_BATCH):
            try:
                frames = self._socket.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                break
            peer = bytes(frames[0].buffer)
            if len(peer) != 5 or peer[0] != 0:
                log.warning("ignored a message from a connection that chose its own name")
                continue
            parts = [frame.buffer for frame in frames[1:]]
            request = self._admission.take(peer, parts, _descriptor_of(frames[-1]))
            if request is not None:
                requests.append(request)
        return requests

    def _next_chore_s(self) -> float:
        if self._replies.any_waiting():
            return _RETRY_S
        waits_s = (self._disconnects.next_probe_s(), self._door.wait_s() if self._door is not None else None)
        return min([_HOUSEKEEPING_S, *(wait_s for wait_s in waits_s if wait_s is not None)])

    def _watch_door(self) -> None:
        """Poll the socket that stands at the door now, unless whoever waits there must wait."""
        wanted = -1 if self._door is None else self._door.fileno()
        if wanted != self._door_polled:
            if self._door_polled >= 0:
                self._poller.unregister(self._door_polled)
            if wanted >= 0:
                self._poller.register(wanted, zmq.POLLIN)
            self._door_polled = wanted

    def _note_connections(self) -> None:
        if self._connections.note():
            self._disconnects.note()
        known = {session.descriptor for session in self._sessions}
        self._connections.show_out(known=known, is_crowded=self._door is not None and self._door.is_crowded)

    def _do_chores(self) -> None:
        now = self._clock()
        self._replies.push_all()
        if self._disconnects.take_due_probe(now):
            self._replies.probe_all()
        if now - self._tidied_at >= _HOUSEKEEPING_S:
            self._tidied_at = now
            self._sessions.tidy(now, lease_s=self._admission.facts.lease_s)
            if self._door is not None:
                self._door.tidy(self._connections.addresses())

    # --- sending ------------------------------------------------------------------------------------------------------

    def reply(self, request: Request, message: Message, *, droppable: bool = False) -> bool:
        """Answer a request; False if its session is gone, or the message was dropped.

        droppable: better left out than queued behind others (progress). A client that lets more wait than the limits
        allow loses its session; ``poll`` reports that.
        """
        session = self._sessions.find(request.session)
        return session is not None and self._replies.send(session, request.msg_id, message, droppable=droppable)

    def reply_error(self, request: Request, error: WireError, *, job: str | None = None) -> bool:
        """Answer a request with an error."""
        return self.reply(request, ErrorReply.of(error, job))

    def reply_result(
        self,
        request: Request,
        pixels: Pixels,
        *,
        job: str,
        frame: int,
        quality: Quality,
        provisional: bool = False,
        region: tuple[int, int, int, int] | None = None,
    ) -> bool:
        """Answer with a rendered frame, through shared memory if the client mapped some and it has room.

        pixels: h w c, must not change afterwards. region: x, y, width, height in the plate; None: from 0, 0 on.
        """

        def result(digest: str, buffer: Buffer) -> Result:
            height, width, _ = buffer.shape
            return Result(
                job=job,
                frame=frame,
                quality=quality,
                provisional=provisional,
                region=region or (0, 0, width, height),
                digest=digest,
                buffer=buffer,
            )

        return self._reply_pixels(request, pixels, result)

    def reply_matte(
        self, request: Request, pixels: Pixels, *, frame: int, job: str | None = None, doubt: float | None = None
    ) -> bool:
        """Answer with a matte, h w 1; as ``reply_result``."""
        return self._reply_pixels(request, pixels, lambda digest, buffer: MatteIs(frame, digest, buffer, job, doubt))

    def _reply_pixels(self, request: Request, pixels: Pixels, message: Callable[[str, Buffer], Message]) -> bool:
        """message: made of the pixels' digest and where they lie."""
        session = self._sessions.find(request.session)
        if session is None:
            return False
        pixels = packed(pixels)
        place, buffers, digest = placed_pixels(session, pixels, shm_min_bytes=self._admission.facts.shm_min_bytes)
        told = message(digest, Buffer(dtype_of(pixels), shape_of(pixels), place))
        return self._replies.send(session, request.msg_id, told, buffers=buffers)

    def has_room(self, request: Request) -> bool:
        """Whether the session reads as fast as it is written to: false is the sign to hold a result back for a
        while.
        """
        session = self._sessions.find(request.session)
        return session is not None and not session.outbox


def _descriptor_of(frame: zmq.Frame) -> int:
    """Of the connection a part came by; -1 where libzmq does not tell."""
    try:
        return int(frame.get(zmq.SRCFD))
    except zmq.ZMQError:
        return -1


def _new_socket(context: zmq.Context[zmq.Socket[bytes]]) -> zmq.Socket[bytes]:
    router = context.socket(zmq.ROUTER)
    for option, value in (
        (zmq.LINGER, 0),
        (zmq.MAXMSGSIZE, MAX_PART_BYTES),
        (zmq.RCVHWM, RECEIVE_AHEAD),
        (zmq.SNDHWM, SEND_AHEAD),
        (zmq.SNDTIMEO, 0),
        (zmq.ROUTER_MANDATORY, 1),  # sending to somebody gone is an error, not silence
        (zmq.HANDSHAKE_IVL, 10_000),
        (zmq.HEARTBEAT_IVL, HEARTBEAT_MS),
        (zmq.HEARTBEAT_TIMEOUT, SILENCE_MS),
    ):
        router.setsockopt(option, value)
    return router
