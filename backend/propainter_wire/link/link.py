"""A connection and its thread: sending requests, receiving replies, keeping the lease alive.

The thread exists so that heartbeats, the lease and a dying backend are attended to while the caller is busy elsewhere;
callers only ever touch queues, so any number of threads may share a Link. Not here: the socket (``dealer.py``), waiting for
a reply (``exchanges.py``).
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from propainter_wire.connection import Connection
from propainter_wire.errors import (
    BackendDied,
    BackendUnreachable,
    PropainterError,
    ProtocolMismatch,
    RemoteError,
    UnsafeConnection,
    WireError,
)
from propainter_wire.framing import Header, Parent, Part, decode, encode, read_refusal, unpack_map
from propainter_wire.link.dealer import ClientKeys, Dealer
from propainter_wire.link.exchanges import Exchange, Exchanges
from propainter_wire.messages import (
    DAEMON_MESSAGES,
    PROTOCOL_VERSION,
    Hello,
    InSegment,
    Message,
    Ping,
    ShmRelease,
    Welcome,
)
from propainter_wire.waker import Waker

log = logging.getLogger(__name__)


class Link:
    """A connection to one backend. Thread-safe. It never reconnects: when it is dead, make another."""

    def __init__(self, connection: Connection, *, keys: ClientKeys | None = None) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._waker = Waker()
        self._exchanges = Exchanges(on_room=self._waker.wake, give_back=self._give_back)
        self._outgoing: deque[list[Part]] = deque()
        self._session = ""
        self._version = PROTOCOL_VERSION
        self._seq_out = 0
        self._seq_in = 0
        self._keep_alive_s: float | None = None
        self._spoke_at = time.monotonic()
        self._connected = False
        self._closing = False
        self._failure: PropainterError | None = None
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

    def send(
        self,
        message: Message,
        *,
        buffers: Sequence[memoryview] = (),
        tell: Callable[[Exchange], None] | None = None,
    ) -> Exchange:
        """Send a request; its replies come to the exchange. Buffers must not change before the first of them.

        tell: called when a reply has come, by the link's own thread, which must not be kept: for who cannot wait for each.
        Raises BackendDied if the connection has ended, WireError for a message over the limits.
        """
        with self._lock:
            if self._failure is not None:
                raise self._failure
            self._seq_out += 1
            header = Header.fresh(message, session=self._session, seq=self._seq_out, version=self._version)
            parts = encode(message, header=header, key=self._connection.key, buffers=buffers)
            exchange = self._exchanges.open(header.msg_id, tell)
            self._outgoing.append(parts)
        self._waker.wake()
        return exchange

    def notify(self, message: Message) -> None:
        """Send a message nobody answers, or whose answer is of no interest; never raises BackendDied."""
        with contextlib.suppress(PropainterError):
            self.send(message).close()

    def close(self) -> None:
        """End the connection; exchanges under way raise BackendDied. Safe to call twice."""
        self._closing = True
        self._waker.wake()
        if self._thread.ident is not None:
            self._thread.join()
        self._waker.close()

    def _give_back(self, place: InSegment) -> None:
        self.notify(ShmRelease(place.name, place.generation))

    # --- the thread ---------------------------------------------------------------------------------------------------

    def _run(self, keys: ClientKeys | None) -> None:
        dealer = Dealer(self._connection)
        try:
            dealer.connect(keys)
            while not self._closing and self._failure is None:
                self._turn(dealer)
        except PropainterError as error:
            self._fail(error)
        except Exception as error:
            log.exception("the connection's thread failed")
            self._fail(BackendDied(f"the connection failed: {error}"))
        finally:
            self._fail(BackendDied("the connection was closed"))
            dealer.close()

    def _turn(self, dealer: Dealer) -> None:
        """Wait for the next thing to do, and do it."""
        ready = dealer.wait(self._waker, to_receive=not self._exchanges.is_full(), to_send=bool(self._outgoing))
        if ready.can_receive:
            self._receive(dealer)
        if ready.can_send:
            self._send_waiting(dealer)
        if ready.has_news:
            self._note(dealer)
        self._keep_alive()

    def _receive(self, dealer: Dealer) -> None:
        while self._failure is None and not self._exchanges.is_full():
            parts = dealer.receive()
            if parts is None:
                return
            self._take(parts)

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
        self._exchanges.deliver(envelope.parent, envelope, sum(buffer.nbytes for buffer in envelope.buffers))

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
                self._exchanges.deliver(_parent_of(parts), error, 0)

    def _send_waiting(self, dealer: Dealer) -> None:
        while True:
            with self._lock:
                if not self._outgoing:
                    return
                parts = self._outgoing[0]
            if not dealer.send(parts):
                return
            self._spoke_at = time.monotonic()
            with self._lock:
                self._outgoing.popleft()

    def _note(self, dealer: Dealer) -> None:
        """What became of the connection."""
        for news in dealer.news():
            if news == "refused":
                self._fail(
                    BackendUnreachable(f"the backend at {self._connection.endpoint} does not let this client in")
                )
            elif news == "dead":
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
            self._outgoing.clear()
        self._exchanges.end_all(failure)


def _parent_of(parts: list[memoryview]) -> str:
    """Which request a verified but unreadable message answers. Raises WireError."""
    return Parent.from_map(unpack_map(parts[2], "parent"), "parent").msg_id
