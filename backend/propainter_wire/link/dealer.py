"""The socket to one backend, and what becomes of its connection.

Here: ``Dealer``, used by the link's thread alone. Not here: what is sent and who waits for it (``link.py``).
"""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import zmq
from zmq.utils.monitor import recv_monitor_message

from propainter_os import sockets
from propainter_wire.connection import Connection
from propainter_wire.errors import BackendUnreachable
from propainter_wire.framing import Part
from propainter_wire.messages import MAX_PART_BYTES
from propainter_wire.waker import Waker

HEARTBEAT_MS = 5_000
SILENCE_MS = 20_000
_TURN_MS = 1_000
_CALL_AGAIN_S = 0.05
_NEVER_MS = 2**31 - 1
"""A new connection would be a new session, and only the caller can make one. Not -1, libzmq's own "never": with it the end
of a connection throws away what was received and not yet read (libzmq 4.3.5), the answer to ``stop`` one time in three."""
_DEAD = zmq.EVENT_DISCONNECTED | zmq.EVENT_CLOSED
_REFUSED = zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL

News = Literal["connected", "refused", "dead"]


@dataclass(frozen=True)
class ClientKeys:
    """This client's CURVE keys, for a backend on another machine. Z85, 40 characters each."""

    public: bytes
    secret: bytes

    def __repr__(self) -> str:
        return f"ClientKeys(public={self.public!r})"


@dataclass(frozen=True)
class Ready:
    """What a wait ended for; nothing where its time was over."""

    can_receive: bool
    can_send: bool
    has_news: bool


class Dealer:
    """A DEALER socket that connects once and never again."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._has_connected = False
        self._said_early: list[list[Part]] = []
        """Sent before anybody is known to listen: libzmq forgets it with a call that was not taken."""
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._monitor = self._socket.get_monitor_socket(
            _DEAD | _REFUSED | zmq.EVENT_CONNECTED | zmq.EVENT_HANDSHAKE_SUCCEEDED
        )

    def connect(self, keys: ClientKeys | None) -> None:
        """Begin to connect; ``news`` tells how it went. Raises BackendUnreachable where keys are wanted and missing."""
        self._set_options(keys)
        self._socket.connect(self._connection.endpoint)

    def _queue_again(self) -> bool:
        """Where a backend's queue of callers was full, call again; False: nobody answers there. libzmq calls once."""
        if not self._connection.endpoint.startswith("ipc://") or not sockets.has_local():
            return False
        if sockets.call(self._connection.endpoint.removeprefix("ipc://")) not in (0, errno.EAGAIN):
            return False
        time.sleep(_CALL_AGAIN_S)
        self._socket.disconnect(self._connection.endpoint)
        self._socket.connect(self._connection.endpoint)
        for parts in self._said_early:
            self._socket.send_multipart(parts, zmq.NOBLOCK, copy=False)
        return True

    def wait(self, waker: Waker, *, to_receive: bool, to_send: bool) -> Ready:
        """Wait for the next thing to do, a second at most, less if woken."""
        poller = zmq.Poller()
        poller.register(self._monitor, zmq.POLLIN)
        poller.register(waker, zmq.POLLIN)
        wanted = (zmq.POLLOUT if to_send else 0) | (zmq.POLLIN if to_receive else 0)
        if wanted:
            poller.register(self._socket, wanted)
        ready = dict(poller.poll(_TURN_MS))
        if waker.fileno() in ready:
            waker.hear()
        found = ready.get(self._socket, 0)
        return Ready(bool(found & zmq.POLLIN), bool(found & zmq.POLLOUT), self._monitor in ready)

    def receive(self) -> list[memoryview] | None:
        """The parts of the next message; None: there is none yet."""
        try:
            frames = self._socket.recv_multipart(zmq.NOBLOCK, copy=False)
        except zmq.Again:
            return None
        return [frame.buffer for frame in frames]

    def send(self, parts: list[Part]) -> bool:
        """Send a message; False: not now."""
        try:
            self._socket.send_multipart(parts, zmq.NOBLOCK, copy=False)
        except zmq.Again:
            return False
        if not self._has_connected:
            self._said_early.append(parts)
        return True

    def news(self) -> Iterator[News]:
        """What has become of the connection since."""
        while self._monitor.poll(0):
            event = int(recv_monitor_message(self._monitor)["event"])
            if event & zmq.EVENT_CONNECTED:
                self._has_connected = True
                self._said_early.clear()
            if event & zmq.EVENT_CLOSED and not self._has_connected and self._queue_again():
                continue
            yield "refused" if event & _REFUSED else "dead" if event & _DEAD else "connected"

    def close(self) -> None:
        """Throw away what is still on its way: the end of a session ends its jobs, said or not."""
        self._context.destroy(linger=0)

    def _set_options(self, keys: ClientKeys | None) -> None:
        for option, value in (
            (zmq.LINGER, 0),
            (zmq.MAXMSGSIZE, MAX_PART_BYTES),
            (zmq.RCVHWM, 4),
            (zmq.SNDHWM, 16),
            (zmq.RECONNECT_IVL, _NEVER_MS),
            (zmq.HEARTBEAT_IVL, HEARTBEAT_MS),
            (zmq.HEARTBEAT_TIMEOUT, SILENCE_MS),
        ):
            self._socket.setsockopt(option, value)
        if self._connection.server_key:
            if keys is None:
                raise BackendUnreachable("this backend wants CURVE keys of its clients, and there are none")
            self._socket.setsockopt(zmq.CURVE_SERVERKEY, self._connection.server_key.encode("ascii"))
            self._socket.setsockopt(zmq.CURVE_PUBLICKEY, keys.public)
            self._socket.setsockopt(zmq.CURVE_SECRETKEY, keys.secret)
