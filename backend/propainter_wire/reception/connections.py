"""The connections to a socket, and showing out those on which nobody has said hello.

Here: ``Connections``, told by libzmq's monitor. Without a bound, connections that say nothing would take every descriptor
there is. libzmq cannot be asked to end one of them; the system can. Not here: letting them in (``door.py``), what follows
for sessions when one ends (``disconnects.py``).
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Collection

import zmq
from zmq.utils.monitor import recv_monitor_message

from propainter_wire import descriptors

MAX_STRANGERS = 256
"""Connections without a session; fewer where the system allows few descriptors. Beyond, the oldest is shown out."""


class Connections:
    """Those a listening socket has, by descriptor, the oldest first."""

    def __init__(self, listener: zmq.Socket[bytes]) -> None:
        self._listener = listener
        self._open: dict[int, tuple[int, str]] = {}
        """Descriptor to the socket's number (descriptors are used again) and the address it came in by."""
        self.events = listener.get_monitor_socket(zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED)
        """To be polled; ``note`` when it is ready."""

    def __len__(self) -> int:
        return len(self._open)

    def note(self) -> bool:
        """Take what has come; whether a connection has ended."""
        has_ended = False
        while self.events.poll(0):
            event = recv_monitor_message(self.events)
            descriptor, address = int(event["value"]), os.fsdecode(event["endpoint"])
            self._open.pop(descriptor, None)
            if event["event"] == zmq.EVENT_DISCONNECTED:
                has_ended = True
            else:
                self._open[descriptor] = (_number(descriptor), address)
        return has_ended

    def addresses(self) -> set[str]:
        """Those that somebody came in by who is still here."""
        return {address for _, address in self._open.values()}

    def show_out(self, *, known: Collection[int], is_crowded: bool) -> None:
        """End the oldest of those that are not known, where there are too many of them: half as many are, in a crowd."""
        most = min(MAX_STRANGERS, descriptors.limit() // 4) // (2 if is_crowded else 1)
        if len(self._open) <= most:
            return
        strangers = [descriptor for descriptor in self._open if descriptor not in known]
        for descriptor in strangers[: max(0, len(strangers) - most)]:
            number, _ = self._open.pop(descriptor)
            if number == _number(descriptor):
                _shut(descriptor)

    def close(self) -> None:
        """Stop watching."""
        self._listener.disable_monitor()
        self.events.close(linger=0)


def _number(descriptor: int) -> int:
    """What tells a socket from a later one under the same descriptor; 0 where nothing does."""
    if sys.platform == "win32":
        return 0
    try:
        return os.fstat(descriptor).st_ino
    except OSError:
        return -1  # it has ended meanwhile


def _shut(descriptor: int) -> None:
    """End a connection that libzmq holds: it reads the end of it, and lets go."""
    with contextlib.suppress(OSError):
        connection = socket.socket(fileno=descriptor)
        try:
            connection.shutdown(socket.SHUT_RDWR)
        finally:
            connection.detach()
