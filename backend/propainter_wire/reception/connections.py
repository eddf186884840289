"""The connections to a socket, and showing out those on which nobody has said hello.

Here: ``Connections``, told by libzmq's monitor. Without a bound, connections that say nothing would take every descriptor
there is. libzmq cannot be asked to end one of them; the system can. Not here: letting them in (``door.py``), what follows
for sessions when one ends (``disconnects.py``).
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

import zmq
from zmq.utils.monitor import recv_monitor_message

from propainter_os.sockets import number_of, peer_process
from propainter_wire import descriptors

MAX_STRANGERS = 256
"""Connections without a session; fewer where the system allows few descriptors. Beyond, one is shown out."""
_BATCH = 2048
"""Events taken at once, so that others get their turn under a flood."""


class Connections:
    """Those a listening socket has, by descriptor, the oldest first."""

    def __init__(self, listener: zmq.Socket[bytes]) -> None:
        self._listener = listener
        self._open: dict[int, _Connection] = {}
        """By descriptor. These are used again."""
        self.events = listener.get_monitor_socket(zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED)
        """To be polled; ``note`` when it is ready."""

    def __len__(self) -> int:
        return len(self._open)

    def note(self) -> bool:
        """Take what has come; whether a connection has ended."""
        has_ended = False
        for _ in range(_BATCH):
            if not self.events.poll(0):
                break
            event = recv_monitor_message(self.events)
            descriptor, address = int(event["value"]), os.fsdecode(event["endpoint"])
            self._open.pop(descriptor, None)
            if event["event"] == zmq.EVENT_DISCONNECTED:
                has_ended = True
            else:
                self._open[descriptor] = _Connection(number_of(descriptor), address, peer_process(descriptor))
        return has_ended

    def addresses(self) -> set[str]:
        """Those that somebody came in by who is still here."""
        return {each.address for each in self._open.values()}

    def show_out(self, *, known: Collection[int], is_crowded: bool) -> None:
        """End some that are not known, where there are too many of them: half as many are, in a crowd. Of the process that
        has most of them the oldest goes, so that none can drive others out.
        """
        most = min(MAX_STRANGERS, descriptors.limit() // 4) // (2 if is_crowded else 1)
        strangers: dict[int | None, list[int]] = defaultdict(list)
        if len(self._open) > most:
            for descriptor in reversed(self._open):
                if descriptor not in known:
                    strangers[self._open[descriptor].process].append(descriptor)
        for _ in range(sum(map(len, strangers.values())) - most):
            descriptor = max(strangers.values(), key=len).pop()
            if self._open.pop(descriptor).number == number_of(descriptor):
                _shut(descriptor)

    def close(self) -> None:
        """Stop watching."""
        self._listener.disable_monitor()
        self.events.close(linger=0)


@dataclass(frozen=True)
class _Connection:
    number: int
    """The socket's, which tells it from a later one under the same descriptor."""
    address: str
    """What it came in by."""
    process: int | None
    """The caller's; None: not known, as over TCP."""


def _shut(descriptor: int) -> None:
    """End a connection that libzmq holds: it reads the end of it, and lets go."""
    with contextlib.suppress(OSError):
        connection = socket.socket(fileno=descriptor)
        try:
            connection.shutdown(socket.SHUT_RDWR)
        finally:
            connection.detach()
