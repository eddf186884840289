"""One client's connection: a DEALER socket in a thread of its own, and exchanges that wait for their replies.

Here: sending, matching replies to requests, noticing a dead backend, keeping the lease alive. Not here: what is
asked for (``client.py``), bytes (``framing.py``). The thread exists so that heartbeats, the lease and a dying
backend are attended to while the caller is busy elsewhere; callers only ever touch queues, so any number of threads
may share a Link.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import socket
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import zmq
from zmq.utils.monitor import recv_monitor_message

from propainter_wire.connection import Connection
from propainter_wire.errors import (
    BackendDied,
    BackendSilent,
    BackendUnreachable,
    PropainterError,
    ProtocolMismatch,
    RemoteError,
    UnsafeConnection,
    WireError,
)
from propainter_wire.framing import Envelope, Header, Parent, Part, decode, encode, read_refusal, unpack_map
from propainter_wire.messages import (
    DAEMON_MESSAGES,
    MAX_PART_BYTES,
    PROTOCOL_VERSION,
    ErrorReply,
    Hello,
    InSegment,
    Message,
    Ping,
    Result,
    ShmRelease,
    Welcome,
)

log = logging.getLogger(__name__)

MAX_UNREAD_BYTES = 2**30
"""Replies nobody has taken yet; beyond, the socket is left unread and the backend holds results back."""
HEARTBEAT_MS = 5_000
SILENCE_MS = 20_000
_TURN_MS = 1_000
_INTERRUPTIBLE_S = 0.5
"""On Windows Ctrl-C waits for the end of a wait."""
_NEVER_MS = 2**31 - 1
"""A new connection would be a new session, and only the caller can make one. Not -1, libzmq's own "never": with it the end
of a connection throws away what was received and not yet read (libzmq 4.3.5), the answer to ``stop`` one time in three."""
_DEAD = zmq.EVENT_DISCONNECTED | zmq.EVENT_CLOSED
_REFUSED = zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL


@dataclass(frozen=True)
class ClientKeys:
    """This client's CURVE keys, for a backend on another machine. Z85, 40 characters each."""

    public: bytes
    secret: bytes

    def __repr__(self) -> str:
        return f"ClientKeys(public={self.public!r})"


class Exchange:
    """One request and the replies to it."""

    def __init__(self, link: Link, msg_id: str) -> None:
        self.msg_id = msg_id
        self._link = link
        self._replies: queue.SimpleQueue[tuple[Envelope | PropainterError, int]] = queue.SimpleQueue()

    def next(self, timeout_s: float) -> Envelope:
        """The next reply.

        Raises BackendSilent after timeout_s, BackendDied when the connection ends, RemoteError for an ``error`` reply,
        WireError where the backend breaks the protocol.
        """
        reply, nbytes = self._get(timeout_s)
        self._link.taken(nbytes)
        if isinstance(reply, PropainterError):
            raise reply
        if isinstance(reply.message, ErrorReply):
            raise _remote_error(reply.message)
        return reply

    def close(self) -> None:
        """No more replies are wanted; those that come are dropped."""
        self._link.forget(self)
        with contextlib.suppress(queue.Empty):
            while True:
                reply, nbytes = self._replies.get_nowait()
                self._link.taken(nbytes)
                self._link.discard(reply)

    def put(self, reply: Envelope | PropainterError, nbytes: int) -> None:
        """Called by the link's thread."""
        self._replies.put((reply, nbytes))

    def _get(self, timeout_s: float) -> tuple[Envelope | PropainterError, int]:
        deadline = time.monotonic() + timeout_s
        while True:
            left_s = deadline - time.monotonic()
            with contextlib.suppress(queue.Empty):
                return self._replies.get(timeout=max(0.0, min(left_s, _INTERRUPTIBLE_S)))
            if left_s <= 0:
                raise BackendSilent(f"the backend has not answered for {timeout_s:g} s; see its log")


class Link:
    """A connection to one backend. Thread-safe. It never reconnects: when it is dead, make another."""

    def __init__(self, connection: Connection, *, keys: ClientKeys | None = None) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._exchanges: dict[str, Exchange] = {}
        self._outgoing: deque[list[Part]] = deque()
        self._unread_bytes = 0
        self._session = ""
        self._version = PROTOCOL_VERSION
        self._seq_out = 0
        self._seq_in = 0
        self._keep_alive_s: float | None = None
        self._spoke_at = time.monotonic()
        self._connected = False
        self._closing = False
        self._failure: PropainterError | None = None
        self._waker, self._woken = socket.socketpair()
        self._waker.setblocking(False)
        self._woken.setblocking(False)
        self._thread = threading.Thread(target=self._run, args=(keys,), name="propainter-link", daemon=True)

    def open(self, hello: Hello, *, timeout_s: float) -> Welcome:
        """Connect and say hello.

        Raises BackendUnreachable if nothing listens or it does not let us in, BackendSilent after timeout_s,
        ProtocolMismatch without a common version, RemoteError for other refusals.
        """
        self._thread.start()
        try:
            welcome = self.ask(hello, timeout_s=timeout_s)
        except RemoteError as error:
            if error.code == "version_mismatch":
                raise ProtocolMismatch(str(error)) from error
            raise
        except BackendDied as error:
            raise BackendUnreachable(str(error)) from error
        if not isinstance(welcome, Welcome):
            raise BackendUnreachable(f"the backend at {self._connection.endpoint} answered hello with {welcome.type}")
        with self._lock:
            self._session = welcome.session
            self._version = welcome.protocol
            self._keep_alive_s = welcome.lease_s / 3
        return welcome

    def ask(self, message: Message, *, timeout_s: float, buffers: Sequence[memoryview] = ()) -> Message:
        """Send a request and wait for its one reply. Raises what ``Exchange.next`` raises."""
        exchange = self.send(message, buffers=buffers)
        try:
            return exchange.next(timeout_s).message
        finally:
            exchange.close()

    def send(self, message: Message, *, buffers: Sequence[memoryview] = ()) -> Exchange:
        """Send a request; its replies come to the exchange. Buffers must not change before the first of them.

        Raises BackendDied if the connection has ended, WireError for a message over the limits.
        """
        with self._lock:
            if self._failure is not None:
                raise self._failure
            self._seq_out += 1
            header = Header.fresh(message, session=self._session, seq=self._seq_out, version=self._version)
            parts = encode(message, header=header, key=self._connection.key, buffers=buffers)
            exchange = Exchange(self, header.msg_id)
            self._exchanges[header.msg_id] = exchange
            self._outgoing.append(parts)
        self._wake()
        return exchange

    def notify(self, message: Message) -> None:
        """Send a message nobody answers, or whose answer is of no interest; never raises BackendDied."""
        with contextlib.suppress(PropainterError):
            self.send(message).close()

    def close(self) -> None:
        """End the connection; exchanges under way raise BackendDied. Safe to call twice."""
        self._closing = True
        self._wake()
        if self._thread.ident is not None:
            self._thread.join()
        self._waker.close()
        self._woken.close()

    def taken(self, nbytes: int) -> None:
        """A caller has taken a reply off its queue."""
        with self._lock:
            was_full = self._unread_bytes > MAX_UNREAD_BYTES
            self._unread_bytes -= nbytes
        if was_full:
            self._wake()

    def forget(self, exchange: Exchange) -> None:
        """Replies to this exchange are no longer wanted."""
        with self._lock:
            self._exchanges.pop(exchange.msg_id, None)

    def discard(self, reply: Envelope | PropainterError) -> None:
        """A reply nobody wants; if its pixels lie in shared memory, their room is given back."""
        if isinstance(reply, Envelope) and isinstance(reply.message, Result):
            place = reply.message.buffer.place
            if isinstance(place, InSegment):
                self.notify(ShmRelease(place.name, place.generation))

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # full: awake anyway; closed: nobody to wake
            self._waker.send(b"\0")

    # --- the thread ---------------------------------------------------------------------------------------------------

    def _run(self, keys: ClientKeys | None) -> None:
        context = zmq.Context()
        try:
            dealer = self._new_socket(context, keys)
            monitor = dealer.get_monitor_socket(_DEAD | _REFUSED | zmq.EVENT_CONNECTED | zmq.EVENT_HANDSHAKE_SUCCEEDED)
            dealer.connect(self._connection.endpoint)
            while not self._closing and self._failure is None:
                self._turn(dealer, monitor)
        except PropainterError as error:
            self._fail(error)
        except Exception as error:
            log.exception("the connection's thread failed")
            self._fail(BackendDied(f"the connection failed: {error}"))
        finally:
            self._fail(BackendDied("the connection was closed"))
            context.destroy(linger=0)  # the end of a session ends its jobs, said or not

    def _turn(self, dealer: zmq.Socket[bytes], monitor: zmq.Socket[bytes]) -> None:
        """Wait for the next thing to do, and do it."""
        poller = zmq.Poller()
        poller.register(monitor, zmq.POLLIN)
        poller.register(self._woken, zmq.POLLIN)
        with self._lock:
            wanted = (zmq.POLLOUT if self._outgoing else 0) | (
                zmq.POLLIN if self._unread_bytes <= MAX_UNREAD_BYTES else 0
            )
        if wanted:
            poller.register(dealer, wanted)
        ready = dict(poller.poll(_TURN_MS))
        if self._woken.fileno() in ready:
            with contextlib.suppress(BlockingIOError):
                self._woken.recv(4096)
        if ready.get(dealer, 0) & zmq.POLLIN:
            self._receive(dealer)
        if ready.get(dealer, 0) & zmq.POLLOUT:
            self._send_waiting(dealer)
        if monitor in ready:
            self._note(dealer, monitor)
        self._keep_alive()

    def _receive(self, dealer: zmq.Socket[bytes]) -> None:
        while self._failure is None and self._unread_bytes <= MAX_UNREAD_BYTES:
            try:
                frames = dealer.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            self._take([frame.buffer for frame in frames])

    def _take(self, parts: list[memoryview]) -> None:
        try:
            envelope = decode(parts, key=self._connection.key, known=DAEMON_MESSAGES)
        except WireError as error:
            self._take_unreadable(parts, error)
            return
        header = envelope.header
        if header.session:
            if header.seq <= self._seq_in:
                log.warning("dropped %s: it came out of order", header.msg_type)
                return
            self._seq_in = header.seq
        self._deliver(envelope.parent, envelope, sum(buffer.nbytes for buffer in envelope.buffers))

    def _take_unreadable(self, parts: list[memoryview], error: WireError) -> None:
        """A refusal of our key ends the connection; a signed message that makes no sense fails the request it
        answers.
        """
        refusal = read_refusal(parts)
        if refusal is not None:
            self._fail(UnsafeConnection(f"the backend does not know this client's key: {refusal.message}"))
        elif error.code in ("bad_frame", "bad_signature"):
            log.warning("dropped a message that is not from our backend: %s", error)
        else:
            with contextlib.suppress(WireError):
                self._deliver(_parent_of(parts), error, 0)

    def _deliver(self, msg_id: str, reply: Envelope | WireError, nbytes: int) -> None:
        with self._lock:
            exchange = self._exchanges.get(msg_id)
            if exchange is not None:
                self._unread_bytes += nbytes
        if exchange is not None:
            exchange.put(reply, nbytes)
        else:
            self.discard(reply)

    def _send_waiting(self, dealer: zmq.Socket[bytes]) -> None:
        while True:
            with self._lock:
                if not self._outgoing:
                    return
                parts = self._outgoing[0]
            try:
                dealer.send_multipart(parts, zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            self._spoke_at = time.monotonic()
            with self._lock:
                self._outgoing.popleft()

    def _note(self, dealer: zmq.Socket[bytes], monitor: zmq.Socket[bytes]) -> None:
        """What became of the connection."""
        while monitor.poll(0):
            event = int(recv_monitor_message(monitor)["event"])
            if event & _REFUSED:
                self._fail(
                    BackendUnreachable(f"the backend at {self._connection.endpoint} does not let this client in")
                )
            elif event & _DEAD:
                self._receive(dealer)  # its last words may still be there
                self._fail(self._death())
            else:
                self._connected = True

    def _death(self) -> PropainterError:
        if self._connected:
            return BackendDied(
                f"the backend (process {self._connection.pid}) is gone; start it again, finished frames are kept"
            )
        return BackendUnreachable(f"nothing listens at {self._connection.endpoint}; start the backend")

    def _keep_alive(self) -> None:
        if self._keep_alive_s is not None and time.monotonic() - self._spoke_at > self._keep_alive_s:
            self.notify(Ping())

    def _fail(self, failure: PropainterError) -> None:
        """From here nothing goes out and everything under way ends with this."""
        with self._lock:
            if self._failure is not None:
                return
            self._failure = failure
            exchanges = list(self._exchanges.values())
            self._outgoing.clear()
        for exchange in exchanges:
            exchange.put(failure, 0)

    def _new_socket(self, context: zmq.Context[zmq.Socket[bytes]], keys: ClientKeys | None) -> zmq.Socket[bytes]:
        dealer = context.socket(zmq.DEALER)
        for option, value in (
            (zmq.LINGER, 0),
            (zmq.MAXMSGSIZE, MAX_PART_BYTES),
            (zmq.RCVHWM, 4),
            (zmq.SNDHWM, 16),
            (zmq.RECONNECT_IVL, _NEVER_MS),
            (zmq.HEARTBEAT_IVL, HEARTBEAT_MS),
            (zmq.HEARTBEAT_TIMEOUT, SILENCE_MS),
        ):
            dealer.setsockopt(option, value)
        if self._connection.server_key:
            if keys is None:
                raise BackendUnreachable("this backend wants CURVE keys of its clients, and there are none")
            dealer.setsockopt(zmq.CURVE_SERVERKEY, self._connection.server_key.encode("ascii"))
            dealer.setsockopt(zmq.CURVE_PUBLICKEY, keys.public)
            dealer.setsockopt(zmq.CURVE_SECRETKEY, keys.secret)
        return dealer


def _parent_of(parts: list[memoryview]) -> str:
    """Which request a verified but unreadable message answers. Raises WireError."""
    return Parent.from_map(unpack_map(parts[2], "parent"), "parent").msg_id


def _remote_error(reply: ErrorReply) -> RemoteError:
    return RemoteError(reply.code, reply.message, retry=reply.retry, details=reply.details)
