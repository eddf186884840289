"""What one client has not read yet, bounded in messages and bytes.

Here: ``Outbox``. Not here: what becomes of a client that does not read (``replies.py``).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import zmq

from propainter_wire.framing import Part

MAX_WAITING_MESSAGES = 256
MAX_WAITING_BYTES = 512 * 2**20
MAX_IN_FLIGHT_BYTES = 256 * 2**20
"""Given to libzmq and not yet taken by the kernel, a client; one message of any size always is."""
_TRACKED_BYTES = 65536
"""Smaller parts are copied by pyzmq; there is nothing to track."""


class ClientGone(Exception):
    """The client's connection has ended."""


@dataclass
class _Waiting:
    parts: list[Part]
    nbytes: int


class Outbox:
    """Messages on their way to one client, in order."""

    def __init__(self, listener: zmq.Socket[bytes], peer: bytes) -> None:
        self._listener = listener
        self._peer = peer
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._in_flight: list[tuple[zmq.MessageTracker, int]] = []

    def __len__(self) -> int:
        """Messages that wait; 0 while the client reads as fast as it is written to."""
        return len(self._waiting)

    def append(self, parts: list[Part]) -> bool:
        """Let a message wait for its turn; False: too much waits already."""
        nbytes = sum(memoryview(part).nbytes for part in parts)
        if self._waiting and (
            len(self._waiting) >= MAX_WAITING_MESSAGES or self._waiting_bytes + nbytes > MAX_WAITING_BYTES
        ):
            return False
        self._waiting.append(_Waiting(parts, nbytes))
        self._waiting_bytes += nbytes
        return True

    def push(self) -> None:
        """Send what waits, as far as the client takes it. Raises ClientGone."""
        while self._waiting:
            waiting = self._waiting[0]
            in_flight = self._in_flight_bytes()
            if in_flight and in_flight + waiting.nbytes > MAX_IN_FLIGHT_BYTES:
                return
            try:
                self._send(waiting)
            except zmq.Again:
                return
            except zmq.ZMQError as error:
                if error.errno != zmq.EHOSTUNREACH:
                    raise
                raise ClientGone from error
            self._waiting.popleft()
            self._waiting_bytes -= waiting.nbytes

    def clear(self) -> None:
        """Nothing of what waits will be sent."""
        self._waiting.clear()
        self._waiting_bytes = 0

    def _send(self, waiting: _Waiting) -> None:
        is_tracked = waiting.nbytes >= _TRACKED_BYTES
        tracker = self._listener.send_multipart([self._peer, *waiting.parts], zmq.NOBLOCK, copy=False, track=is_tracked)
        if tracker is not None and is_tracked:
            self._in_flight.append((tracker, waiting.nbytes))

    def _in_flight_bytes(self) -> int:
        """Bytes libzmq still holds."""
        self._in_flight = [(tracker, nbytes) for tracker, nbytes in self._in_flight if not tracker.done]
        return sum(nbytes for _, nbytes in self._in_flight)
