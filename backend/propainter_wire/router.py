"""The daemon's socket: from untrusted bytes to validated requests of known sessions, and replies back to whoever may
read slowly, or not at all.

Here: binding and its refusals, signature, replay, sessions and leases, shared memory, back-pressure. What a session may
do with its shots and jobs is not here but in the daemon, which sees only ``Request`` and ``SessionEnded``. Hello,
ping and shared memory are answered here. One thread owns a Router; only ``wake`` may be called from others.

What bounds memory: libzmq drops a connection that announces a part over MAX_PART_BYTES and reads at most RECEIVE_AHEAD
messages ahead of us; parts are counted, what we send to a client that does not read is limited in messages and bytes.
What libzmq does not bound is the number of parts of one unfinished message; who may connect at all is what bounds
that (a 0700 directory for ipc, known keys with CURVE), except on loopback TCP, where every user of the machine may.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import zmq
import zmq.utils.z85
from zmq.utils.monitor import recv_monitor_message

from propainter_wire.connection import check_endpoint, check_private_directory, is_loopback
from propainter_wire.errors import UnsafeConnection, WireError
from propainter_wire.framing import Header, Part, Verified, encode, encode_refusal, new_id, read, verify
from propainter_wire.messages import (
    CLIENT_MESSAGES,
    MAX_PART_BYTES,
    SUPPORTED_VERSIONS,
    Buffer,
    ErrorReply,
    Hello,
    Inline,
    InSegment,
    Message,
    Ping,
    Place,
    Pong,
    Put,
    Quality,
    Result,
    ShmGrant,
    ShmMapped,
    ShmRelease,
    ShmRequest,
    ShmUnlinked,
    Welcome,
)
from propainter_wire.moving import copy_and_digest
from propainter_wire.pool import PixelPool
from propainter_wire.shm import SHM_DIRECTORY, SessionSegments, is_supported
from propainter_wire.shot import Pixels, bytes_of, digest_of, dtype_of, packed, pixels_in, shape_of

log = logging.getLogger(__name__)

MAX_SESSIONS = 64
MAX_WAITING_MESSAGES = 256
MAX_WAITING_BYTES = 512 * 2**20
MAX_IN_FLIGHT_BYTES = 256 * 2**20
"""Given to libzmq and not yet taken by the kernel, a client; one message of any size always is."""
MAX_POOL_BYTES = 512 * 2**20
RECEIVE_AHEAD = 4
SEND_AHEAD = 64
HELLO_WITHIN_S = 300.0
MAX_REMEMBERED_HELLOS = 4096
HEARTBEAT_MS = 5_000
SILENCE_MS = 20_000
LAST_WORDS_MS = 1_000
_BATCH = 64
"""Messages taken a poll, so that sending and housekeeping get their turn under a flood."""
_RETRY_S = 0.005
_HOUSEKEEPING_S = 1.0
_PROBE_AFTER_S = 0.1
_TRACKED_BYTES = 65536
"""Smaller parts are copied by pyzmq; there is nothing to track."""


@dataclass(frozen=True)
class CurveKeys:
    """Keys of a daemon that other machines may reach. All Z85, 40 characters."""

    public: bytes
    secret: bytes
    clients: frozenset[bytes]
    """Public keys of the clients that may connect."""

    def __repr__(self) -> str:
        return f"CurveKeys(public={self.public!r}, clients={len(self.clients)})"


@dataclass(frozen=True)
class Facts:
    """What ``welcome`` says about this daemon."""

    server: str
    engine: str
    device: str
    weights: str = "none"
    licence: str = ""
    lease_s: int = 600
    shm_min_bytes: int = 8 * 2**20
    shm_max_bytes: int = 2**30


@dataclass(frozen=True)
class Request:
    """A validated wish of a session."""

    session: str
    client: str
    """How the client calls itself."""
    msg_id: str
    message: Message
    pixels: Pixels | None = None
    """Of a ``put``: verified against its digest, private to the daemon, read-only."""


@dataclass(frozen=True)
class SessionEnded:
    """A session is gone; whatever belonged to it can be let go."""

    session: str
    reason: str


@dataclass
class _Waiting:
    parts: list[Part]
    nbytes: int


@dataclass
class _Session:
    id: str
    peer: bytes
    client: str
    version: str
    segments: SessionSegments
    shm: bool
    heard_at: float
    seq_in: int
    seq_out: int = 0
    outbox: deque[_Waiting] = field(default_factory=deque)
    outbox_bytes: int = 0
    in_flight: list[tuple[zmq.MessageTracker, int]] = field(default_factory=list)

    def in_flight_bytes(self) -> int:
        """Bytes libzmq still holds."""
        self.in_flight = [(tracker, nbytes) for tracker, nbytes in self.in_flight if not tracker.done]
        return sum(nbytes for _, nbytes in self.in_flight)


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
        self._facts = facts
        self._shm_directory = shm_directory
        self._clock = clock
        self._sessions: dict[str, _Session] = {}
        self._by_peer: dict[bytes, _Session] = {}
        self._hellos: dict[str, float] = {}
        self._ended: list[SessionEnded] = []
        self._clients: frozenset[bytes] = frozenset()
        self._zap: zmq.Socket[bytes] | None = None
        self._pool = PixelPool(keep_bytes=MAX_POOL_BYTES)
        self._probe_at: float | None = None
        self._disconnected_at = 0.0
        self._tidied_at = clock()
        self._context = zmq.Context()
        self._socket = self._new_socket()
        self._monitor = self._socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self._waker, self._woken = socket.socketpair()
        self._waker.setblocking(False)
        self._woken.setblocking(False)
        self._poller = zmq.Poller()
        for source in (self._socket, self._monitor, self._woken):
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
            self._require_curve(curve)
        self._socket.bind(endpoint)
        if endpoint.startswith("ipc://"):
            path.chmod(0o600)
        return self._socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def close(self) -> None:
        """End every session and close the socket; what clients do not read within LAST_WORDS_MS is lost. Safe twice."""
        if self._context.closed:
            return
        for session in list(self._sessions.values()):
            self._end(session, "the backend is closing")
        self._socket.disable_monitor()
        for helper in (self._monitor, self._zap):
            if helper is not None:
                helper.close(linger=0)
        self._socket.close(linger=LAST_WORDS_MS)
        self._waker.close()
        self._woken.close()
        self._context.term()

    def wake(self) -> None:
        """Make a ``poll`` under way return. May be called from any thread."""
        with contextlib.suppress(BlockingIOError, OSError):  # full: it will wake anyway; closed: nobody polls
            self._waker.send(b"\0")

    def update_facts(self, facts: Facts) -> None:
        """What later ``welcome`` messages say; the engine is known only once a worker has loaded it."""
        self._facts = facts

    @property
    def session_count(self) -> int:
        return len(self._sessions)

    # --- receiving ----------------------------------------------------------------------------------------------------

    def poll(self, timeout_s: float) -> list[Request | SessionEnded]:
        """Wait for the next requests, at most so long; also sends what waited and ends what has run out."""
        timeout_s = min(timeout_s, self._next_chore_s())
        ready = dict(self._poller.poll(max(0, int(timeout_s * 1000))))
        if self._woken.fileno() in ready:
            with contextlib.suppress(BlockingIOError):
                self._woken.recv(4096)
        if self._zap is not None and self._zap in ready:
            self._answer_zap(self._zap)
        if self._monitor in ready:
            self._note_disconnects()
        events: list[Request | SessionEnded] = list(self._receive()) if self._socket in ready else []
        self._do_chores()
        ended, self._ended = self._ended, []
        return [*events, *ended]

    def _receive(self) -> Sequence[Request]:
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
            request = self._take(peer, [frame.buffer for frame in frames[1:]])
            if request is not None:
                requests.append(request)
        return requests

    def _take(self, peer: bytes, parts: list[memoryview]) -> Request | None:
        """One message in: a request for the daemon, or None where it has been dealt with here."""
        try:
            verified = verify(parts, key=self._key)
        except WireError as error:
            log.warning("refused a message: %s", error)
            self._send_raw(peer, encode_refusal(error))
            return None
        try:
            return self._admit(peer, verified)
        except WireError as error:
            log.info("refused %s: %s (%s)", ascii(verified.header.msg_type), error, error.code)
            self._send_error(peer, verified.header, error)
            return None

    def _admit(self, peer: bytes, verified: Verified) -> Request | None:
        header = verified.header
        if header.msg_type == Hello.type:
            self._check_hello(header)
            message = read(verified, known=CLIENT_MESSAGES).message
            assert isinstance(message, Hello)
            self._welcome(peer, header, message)
            return None
        session = self._sessions.get(header.session)
        if session is None or session.peer != peer:
            raise WireError("no_session", "this connection has no such session; say hello again")
        if header.seq <= session.seq_in:
            raise WireError("replayed", f"message {header.seq} came after message {session.seq_in}")
        session.seq_in = header.seq
        session.heard_at = self._clock()
        envelope = read(verified, known=CLIENT_MESSAGES)
        request = Request(session.id, session.client, header.msg_id, envelope.message)
        if self._answer_here(session, request):
            return None
        if isinstance(envelope.message, Put):
            return replace(request, pixels=_received_pixels(session, envelope.message, envelope.buffers, self._pool))
        return request

    def _check_hello(self, header: Header) -> None:
        now = time.time()
        age_s = abs(now - header.date / 1000)
        if age_s > HELLO_WITHIN_S:
            raise WireError("replayed", f"hello is dated {age_s:.0f} s away from this machine's clock; set the clocks")
        self._hellos = {known: date for known, date in self._hellos.items() if now - date < 2 * HELLO_WITHIN_S}
        if header.msg_id in self._hellos:
            raise WireError("replayed", "this hello has been said before")
        if len(self._hellos) >= MAX_REMEMBERED_HELLOS:
            raise WireError("busy", "too many clients came and went in the last minutes; try again later")
        self._hellos[header.msg_id] = now

    def _welcome(self, peer: bytes, header: Header, hello: Hello) -> None:
        version = next((version for version in SUPPORTED_VERSIONS if version in hello.protocols), None)
        if version is None:
            raise WireError(
                "version_mismatch",
                f"{hello.client} speaks protocol {', '.join(hello.protocols)}, this backend "
                f"{', '.join(SUPPORTED_VERSIONS)}; update the older of the two",
                {"supported": list(SUPPORTED_VERSIONS)},
            )
        earlier = self._by_peer.get(peer)
        if earlier is not None:
            self._end(earlier, "the client said hello again")
        if len(self._sessions) >= MAX_SESSIONS:
            raise WireError("busy", f"{MAX_SESSIONS} clients are connected already; close one of them")
        facts = self._facts
        shm = hello.shm and is_supported(self._shm_directory)
        segments = SessionSegments(max_bytes=facts.shm_max_bytes, directory=self._shm_directory, clock=self._clock)
        session = _Session(new_id(), peer, hello.client, version, segments, shm, self._clock(), header.seq)
        self._sessions[session.id] = self._by_peer[peer] = session
        log.info("session %s of %r begins", session.id[:8], hello.client)
        reply = Welcome(
            session=session.id,
            protocol=version,
            server=facts.server,
            engine=facts.engine,
            device=facts.device,
            weights=facts.weights,
            licence=facts.licence,
            shm=shm,
            shm_min_bytes=facts.shm_min_bytes,
            shm_max_bytes=facts.shm_max_bytes,
            lease_s=facts.lease_s,
        )
        self._enqueue(session, header.msg_id, reply)

    def _answer_here(self, session: _Session, request: Request) -> bool:
        """Answer what needs no daemon. Raises WireError."""
        message = request.message
        if isinstance(message, Ping):
            self._enqueue(session, request.msg_id, Pong())
        elif isinstance(message, ShmRequest):
            if not session.shm:
                raise WireError("shm_unavailable", "this session uses no shared memory")
            segment = session.segments.grant(message.nbytes, message.use)
            self._enqueue(session, request.msg_id, ShmGrant(segment.name, segment.nbytes))
        elif isinstance(message, ShmMapped):
            session.segments.confirm(message.name)
            self._enqueue(session, request.msg_id, ShmUnlinked(message.name))
        elif isinstance(message, ShmRelease):
            session.segments.release(message.name, message.generation)
        else:
            return False
        return True

    # --- sending ------------------------------------------------------------------------------------------------------

    def reply(self, request: Request, message: Message, *, droppable: bool = False) -> bool:
        """Answer a request; False if its session is gone, or the message was dropped.

        droppable: better left out than queued behind others (progress). A client that lets more wait than the limits
        allow loses its session; ``poll`` reports that.
        """
        session = self._sessions.get(request.session)
        return session is not None and self._enqueue(session, request.msg_id, message, droppable=droppable)

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
        session = self._sessions.get(request.session)
        if session is None:
            return False
        pixels = packed(pixels)
        height, width, _ = shape_of(pixels)
        place, buffers, digest = self._place(session, pixels)
        message = Result(
            job=job,
            frame=frame,
            quality=quality,
            provisional=provisional,
            region=region or (0, 0, width, height),
            digest=digest,
            buffer=Buffer(dtype_of(pixels), shape_of(pixels), place),
        )
        return self._enqueue(session, request.msg_id, message, buffers=buffers)

    def has_room(self, request: Request) -> bool:
        """Whether the session reads as fast as it is written to: false is the sign to hold a result back for a
        while.
        """
        session = self._sessions.get(request.session)
        return session is not None and not session.outbox

    def _place(self, session: _Session, pixels: Pixels) -> tuple[Place, tuple[memoryview, ...], str]:
        """Where pixels lie for the client, what of them goes inline, and their digest."""
        data = bytes_of(pixels)
        if session.shm and data.nbytes >= self._facts.shm_min_bytes:
            found = session.segments.room(data.nbytes)
            if found is not None:
                place, memory = found
                return place, (), copy_and_digest(memory, data, dtype_of(pixels), shape_of(pixels))
        return Inline(0), (data,), digest_of(pixels)

    def _enqueue(
        self,
        session: _Session,
        parent: str,
        message: Message,
        *,
        buffers: Sequence[memoryview] = (),
        droppable: bool = False,
    ) -> bool:
        if droppable and session.outbox:
            return False
        session.seq_out += 1
        header = Header.fresh(message, session=session.id, seq=session.seq_out, version=session.version)
        parts = encode(message, header=header, key=self._key, parent=parent, buffers=buffers)
        nbytes = sum(memoryview(part).nbytes for part in parts)
        if session.outbox and (
            len(session.outbox) >= MAX_WAITING_MESSAGES or session.outbox_bytes + nbytes > MAX_WAITING_BYTES
        ):
            self._end(session, f"the client does not read: {len(session.outbox)} messages wait for it")
            return False
        session.outbox.append(_Waiting(parts, nbytes))
        session.outbox_bytes += nbytes
        self._push(session)
        return session.id in self._sessions

    def _push(self, session: _Session) -> None:
        """Send what waits, as far as the client takes it."""
        while session.outbox:
            waiting = session.outbox[0]
            in_flight = session.in_flight_bytes()
            if in_flight and in_flight + waiting.nbytes > MAX_IN_FLIGHT_BYTES:
                return
            try:
                tracker = self._socket.send_multipart(
                    [session.peer, *waiting.parts], zmq.NOBLOCK, copy=False, track=waiting.nbytes >= _TRACKED_BYTES
                )
            except zmq.Again:
                return
            except zmq.ZMQError as error:
                if error.errno != zmq.EHOSTUNREACH:
                    raise
                self._end(session, "the client is gone")
                return
            if tracker is not None and waiting.nbytes >= _TRACKED_BYTES:
                session.in_flight.append((tracker, waiting.nbytes))
            session.outbox.popleft()
            session.outbox_bytes -= waiting.nbytes

    def _send_error(self, peer: bytes, header: Header, error: WireError) -> None:
        """Tell the sender of a verified but refused message, inside its session if it has one."""
        session = self._by_peer.get(peer)
        if session is not None:
            self._enqueue(session, header.msg_id, ErrorReply.of(error))
            return
        reply = ErrorReply.of(error)
        parts = encode(reply, header=Header.fresh(reply, session="", seq=1), key=self._key, parent=header.msg_id)
        self._send_raw(peer, parts)

    def _send_raw(self, peer: bytes, parts: Sequence[Part]) -> None:
        """To somebody without a session: now or never."""
        with contextlib.suppress(zmq.ZMQError):
            self._socket.send_multipart([peer, *parts], zmq.NOBLOCK)

    # --- chores -------------------------------------------------------------------------------------------------------

    def _next_chore_s(self) -> float:
        if any(session.outbox for session in self._sessions.values()):
            return _RETRY_S
        if self._probe_at is not None:
            return max(0.0, self._probe_at - self._clock())
        return _HOUSEKEEPING_S

    def _do_chores(self) -> None:
        now = self._clock()
        for session in list(self._sessions.values()):
            self._push(session)
        if self._probe_at is not None and now >= self._probe_at:
            again_at = self._disconnected_at + _PROBE_AFTER_S
            self._probe_at = again_at if again_at > now else None
            self._probe()
        if now - self._tidied_at >= _HOUSEKEEPING_S:
            self._tidied_at = now
            self._tidy(now)

    def _tidy(self, now: float) -> None:
        for session in list(self._sessions.values()):
            session.segments.expire()
            if now - session.heard_at > self._facts.lease_s:
                self._end(session, f"the client said nothing for {self._facts.lease_s} s")

    def _note_disconnects(self) -> None:
        """A connection ended, libzmq does not say whose: feel for everybody a moment later, once its pipe is gone."""
        while self._monitor.poll(0):
            recv_monitor_message(self._monitor)
        self._disconnected_at = self._clock()
        if self._probe_at is None:  # a crowd that comes and goes must not put it off for ever
            self._probe_at = self._disconnected_at + _PROBE_AFTER_S

    def _probe(self) -> None:
        for session in list(self._sessions.values()):
            self._enqueue(session, "", Pong(), droppable=True)

    def _end(self, session: _Session, reason: str) -> None:
        log.info("session %s of %r ends: %s", session.id[:8], session.client, reason)
        session.outbox.clear()
        session.segments.close()
        del self._sessions[session.id]
        self._by_peer.pop(session.peer, None)
        self._ended.append(SessionEnded(session.id, reason))

    # --- the socket ---------------------------------------------------------------------------------------------------

    def _new_socket(self) -> zmq.Socket[bytes]:
        router = self._context.socket(zmq.ROUTER)
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

    def _require_curve(self, curve: CurveKeys) -> None:
        """Only clients whose public key is listed. Without the ZAP answers below any key would do."""
        self._clients = curve.clients
        self._zap = self._context.socket(zmq.REP)
        self._zap.bind("inproc://zeromq.zap.01")
        self._poller.register(self._zap, zmq.POLLIN)
        self._socket.setsockopt_string(zmq.ZAP_DOMAIN, "propainter")
        self._socket.setsockopt(zmq.CURVE_SERVER, 1)
        self._socket.setsockopt(zmq.CURVE_SECRETKEY, curve.secret)
        self._socket.setsockopt(zmq.CURVE_PUBLICKEY, curve.public)

    def _answer_zap(self, zap: zmq.Socket[bytes]) -> None:
        """ZeroMQ RFC 27: may this client in?"""
        version, request_id, _domain, address, _identity, mechanism, *credentials = zap.recv_multipart()
        known = (
            mechanism == b"CURVE" and len(credentials) == 1 and zmq.utils.z85.encode(credentials[0]) in self._clients
        )
        if not known:
            log.warning("refused a client at %s: its CURVE key is not known", ascii(address.decode("ascii", "replace")))
        status = [b"200", b"OK"] if known else [b"400", b"unknown client key"]
        zap.send_multipart([version, request_id, *status, b"", b""])


def _received_pixels(session: _Session, put: Put, buffers: tuple[memoryview, ...], pool: PixelPool) -> Pixels:
    """Pixels of a put, no longer shared with the client, after comparing their digest. Raises WireError."""
    place, dtype, shape = put.buffer.place, put.buffer.dtype, put.buffer.shape
    if isinstance(place, InSegment):
        pixels = pool.empty(dtype, shape)
        digest = copy_and_digest(bytes_of(pixels), session.segments.uploaded(place), dtype, shape)
    else:
        pixels = pixels_in(buffers[place.index], dtype, shape)
        digest = digest_of(pixels)
    pixels.flags.writeable = False
    if digest != put.digest:
        raise WireError(
            "bad_digest", f"the {put.kind}'s pixels have digest {digest}, not {put.digest}; send them again"
        )
    return pixels
