"""One local session's connection to the remote daemon of a relay.

Here: ``Line``, which sends requests on, in order, and hears the replies; ``open_link``; what both sides call by their name.
Not here: the local sessions (``relay.py``), sending and receiving itself (``propainter_wire/link``). A line has one thread,
which sends; replies are heard in the link's own, so that however many requests are under way, no thread waits for one.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from propainter_backend.daemon.keys import RemoteBackend, signing_key
from propainter_wire import descriptors
from propainter_wire.connection import Connection
from propainter_wire.errors import BackendUnreachable, PropainterError, RemoteError, WireError
from propainter_wire.framing import Envelope
from propainter_wire.link import Exchange, Link
from propainter_wire.messages import (
    SUPPORTED_VERSIONS,
    Accepted,
    Cancel,
    CloseShot,
    Hello,
    Inline,
    Put,
    Status,
    Welcome,
    is_last,
)
from propainter_wire.router import Request
from propainter_wire.shot import bytes_of

MAX_FOLLOWED = 512
"""Requests of a session that wait for replies."""
SPARE = 64
"""So many more may, of those that end others or tell how things are: they must not wait behind what they would end."""
_SPARED = (Cancel, CloseShot, Status)
_LOOK_AHEAD = 4
"""Replies to one request that are fetched before the first of them has been passed on."""
_CONNECT_WITHIN_S = 10.0
_DESCRIPTORS_A_LINK = 24
"""Of a libzmq context with one connection, about, and its wakers."""


@dataclass(frozen=True)
class Came:
    """A reply from the remote daemon, or the reason why there is none."""

    request: Request
    reply: Envelope | WireError
    job: str | None
    passed_on: Callable[[], object]
    """To be called when the next may come."""


def open_link(remote: RemoteBackend, name: str) -> tuple[Link, Welcome]:
    """A connection to the remote daemon. Raises BackendUnreachable, ProtocolMismatch, BackendSilent, RemoteError."""
    key = signing_key(remote.server_key.encode())
    link = Link(Connection(remote.endpoint, key, 0, server_key=remote.server_key), keys=remote.keys)
    try:
        return link, link.open(Hello(name, SUPPORTED_VERSIONS), timeout_s=_CONNECT_WITHIN_S)
    except BaseException:
        link.close()
        raise


class Line:
    """``hear`` is called from other threads, and must not wait."""

    def __init__(self, remote: RemoteBackend, client: str, hear: Callable[[Came | Welcome], None]) -> None:
        self._remote = remote
        self._client = client
        self._hear = hear
        self._requests: queue.SimpleQueue[tuple[Request, threading.Semaphore] | None] = queue.SimpleQueue()
        self._link: Link | None = None
        self._places = threading.Semaphore(MAX_FOLLOWED)
        self._spare_places = threading.Semaphore(SPARE)
        threading.Thread(target=self._run, name="relay line", daemon=True).start()

    def forward(self, request: Request) -> None:
        """Send it on, in order; replies are heard. With too many unanswered it is refused: none may wait behind what only a
        later message would end.
        """
        for places in (self._places, *([self._spare_places] if isinstance(request.message, _SPARED) else ())):
            if places.acquire(blocking=False):
                self._requests.put((request, places))
                return
        busy = f"{MAX_FOLLOWED} requests of this session have no answer yet; wait for one"
        self._hear(Came(request, WireError("busy", busy), None, lambda: None))

    def close(self) -> None:
        """End the remote session, and with it its jobs; does not wait for that."""
        self._requests.put(None)

    def _run(self) -> None:
        while (item := self._requests.get()) is not None:
            request, places = item
            following = _Following(request, self._hear, self._in_our_words, places.release)
            try:
                self._send(request, following)
            except PropainterError as error:
                following.fail(error)
        if self._link is not None:
            self._link.close()

    def _send(self, request: Request, following: _Following) -> None:
        if self._link is None:
            if descriptors.left() < _DESCRIPTORS_A_LINK:
                raise WireError("busy", "the relay has too many connections open for one more; close a client")
            self._link, welcome = open_link(self._remote, self._client)
            self._hear(welcome)
        message = request.message
        if isinstance(message, Put) and request.pixels is not None:
            inline = replace(message, buffer=replace(message.buffer, place=Inline(0)))
            self._link.send(inline, buffers=(bytes_of(request.pixels),), tell=following.go_on)
        else:
            self._link.send(message, tell=following.go_on)

    def _in_our_words(self, error: PropainterError) -> WireError:
        if isinstance(error, RemoteError):
            return WireError(error.code, str(error), error.details)
        if isinstance(error, WireError):
            return error
        where = f"the backend at {self._remote.endpoint}"
        if self._link is None or isinstance(error, BackendUnreachable):
            return WireError("engine_unavailable", f"{where} cannot be reached from here: {error}")
        return WireError("no_session", f"the connection to {where} has ended: {error}")


class _Following:
    """The replies to one request, passed on as far as the client takes them. From any thread."""

    def __init__(
        self,
        request: Request,
        hear: Callable[[Came], None],
        in_our_words: Callable[[PropainterError], WireError],
        on_end: Callable[[], None],
    ) -> None:
        self._request = request
        self._hear = hear
        self._in_our_words = in_our_words
        self._on_end = on_end
        self._lock = threading.RLock()
        self._job: str | None = None
        self._ahead = 0
        self._has_ended = False

    def go_on(self, exchange: Exchange) -> None:
        """Hear what has come, as far as that may be ahead of the client."""
        with self._lock:
            try:
                while not self._has_ended and self._ahead < _LOOK_AHEAD and (reply := exchange.take()) is not None:
                    self._pass(reply, exchange)
            except PropainterError as error:
                exchange.close()
                self.fail(error)

    def fail(self, error: PropainterError) -> None:
        """There will be no reply, or no other."""
        with self._lock:
            if not self._has_ended:
                self._end()
                self._hear(Came(self._request, self._in_our_words(error), self._job, lambda: None))

    def _pass(self, reply: Envelope, exchange: Exchange) -> None:
        if isinstance(reply.message, Accepted):
            self._job = reply.message.job
        self._ahead += 1
        if is_last(reply.message):
            self._end()
            exchange.close()

        def passed_on() -> None:
            with self._lock:
                self._ahead -= 1
            self.go_on(exchange)

        self._hear(Came(self._request, reply, self._job, passed_on))

    def _end(self) -> None:
        self._has_ended = True
        self._on_end()
