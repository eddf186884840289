"""Requests under way, and the replies to them that nobody has taken yet.

Here: ``Exchange``, one request, and ``Exchanges``, all of a connection. Not here: sending and receiving (``link.py``).
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable

from propainter_wire.errors import BackendSilent, PropainterError, RemoteError, WireError
from propainter_wire.framing import Envelope
from propainter_wire.messages import ErrorReply, InSegment, MatteIs, Result

MAX_UNREAD_BYTES = 2**30
"""Replies nobody has taken yet; beyond, the socket is left unread and the backend holds results back."""
_INTERRUPTIBLE_S = 0.5
"""On Windows Ctrl-C waits for the end of a wait."""


class Exchange:
    """One request and the replies to it."""

    def __init__(self, exchanges: Exchanges, msg_id: str, tell: Callable[[Exchange], None] | None) -> None:
        self.msg_id = msg_id
        self._tell = tell
        self._exchanges = exchanges
        self._replies: queue.SimpleQueue[tuple[Envelope | PropainterError, int]] = queue.SimpleQueue()

    def next(self, timeout_s: float) -> Envelope:
        """The next reply.

        Raises BackendSilent after timeout_s, BackendDied when the connection ends, RemoteError for an ``error`` reply,
        WireError where the backend breaks the protocol.
        """
        return self._read(*self._get(timeout_s))

    def take(self) -> Envelope | None:
        """The next reply if it has come. Raises what ``next`` raises, but for BackendSilent."""
        try:
            return self._read(*self._replies.get_nowait())
        except queue.Empty:
            return None

    def _read(self, reply: Envelope | PropainterError, nbytes: int) -> Envelope:
        self._exchanges.taken(nbytes)
        if isinstance(reply, PropainterError):
            raise reply
        if isinstance(reply.message, ErrorReply):
            raise _remote_error(reply.message)
        return reply

    def close(self) -> None:
        """No more replies are wanted; those that come are dropped."""
        self._exchanges.forget(self)
        with contextlib.suppress(queue.Empty):
            while True:
                reply, nbytes = self._replies.get_nowait()
                self._exchanges.taken(nbytes)
                self._exchanges.discard(reply)

    def put(self, reply: Envelope | PropainterError, nbytes: int) -> None:
        """Called by the link's thread."""
        self._replies.put((reply, nbytes))
        if self._tell is not None:
            self._tell(self)

    def _get(self, timeout_s: float) -> tuple[Envelope | PropainterError, int]:
        deadline = time.monotonic() + timeout_s
        while True:
            left_s = deadline - time.monotonic()
            with contextlib.suppress(queue.Empty):
                return self._replies.get(timeout=max(0.0, min(left_s, _INTERRUPTIBLE_S)))
            if left_s <= 0:
                raise BackendSilent(f"the backend has not answered for {timeout_s:g} s; see its log")


class Exchanges:
    """All exchanges of a connection, by the ids of their requests. Thread-safe."""

    def __init__(self, *, on_room: Callable[[], None], give_back: Callable[[InSegment], None]) -> None:
        """on_room: replies have been taken, more may be received. give_back: a result nobody wants lies there."""
        self._on_room = on_room
        self._give_back = give_back
        self._lock = threading.Lock()
        self._open: dict[str, Exchange] = {}
        self._unread_bytes = 0

    def is_full(self) -> bool:
        """Whether no more is to be received before somebody takes a reply."""
        return self._unread_bytes > MAX_UNREAD_BYTES

    def open(self, msg_id: str, tell: Callable[[Exchange], None] | None) -> Exchange:
        """Expect replies to a request. tell: called by the link's thread when one has come."""
        exchange = Exchange(self, msg_id, tell)
        with self._lock:
            self._open[msg_id] = exchange
        return exchange

    def deliver(self, msg_id: str, reply: Envelope | WireError, nbytes: int) -> None:
        """Hand a reply to whoever waits for it, or drop it."""
        with self._lock:
            exchange = self._open.get(msg_id)
            if exchange is not None:
                self._unread_bytes += nbytes
        if exchange is not None:
            exchange.put(reply, nbytes)
        else:
            self.discard(reply)

    def end_all(self, failure: PropainterError) -> None:
        """Everything under way ends with this."""
        with self._lock:
            exchanges = list(self._open.values())
        for exchange in exchanges:
            exchange.put(failure, 0)

    def taken(self, nbytes: int) -> None:
        """A caller has taken a reply off its queue."""
        with self._lock:
            was_full = self.is_full()
            self._unread_bytes -= nbytes
        if was_full:
            self._on_room()

    def forget(self, exchange: Exchange) -> None:
        """Replies to this exchange are no longer wanted."""
        with self._lock:
            self._open.pop(exchange.msg_id, None)

    def discard(self, reply: Envelope | PropainterError) -> None:
        """A reply nobody wants; if its pixels lie in shared memory, their room is given back."""
        if isinstance(reply, Envelope) and isinstance(reply.message, (Result, MatteIs)):
            place = reply.message.buffer.place
            if isinstance(place, InSegment):
                self._give_back(place)


def _remote_error(reply: ErrorReply) -> RemoteError:
    return RemoteError(reply.code, reply.message, retry=reply.retry, details=reply.details)
