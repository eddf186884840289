"""The door of a local socket: connections are let in by lots, never more than there are descriptors for.

Here: ``Door``. libzmq accepts whoever comes, and where no descriptor is left for one more at an AF_UNIX socket it ends the
process (4.3.5). To unbind ends everybody who came in that way, so a listener cannot be taken back. What is done instead:
the socket at the path is ours, and only queues. When somebody waits there, and there is room for a whole queue, another
socket takes its place at the path, which nobody can miss, and libzmq is given the first one, to which nobody new can come.
Not here: TCP, where libzmq waits for a free descriptor; who must go to make room (``connections.py``).
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import select
import socket
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import zmq

from propainter_os import sockets
from propainter_wire import descriptors

log = logging.getLogger(__name__)

QUEUE = 512
"""Connections that may wait at once, and so come in at once; fewer where the system allows few descriptors."""
_AGAIN_S = 0.01
_SETTLED_S = 1.0
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class Door:
    """Of one ipc path. Used by the thread of its listener."""

    def __init__(self, listener: zmq.Socket[bytes], path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Whoever comes is let in until ``let_in`` is called for the first time. Raises zmq.ZMQError."""
        self._listener = listener
        self._path = path
        self._clock = clock
        self._count = 0
        self._lots: dict[str, float | None] = {}
        """Addresses libzmq listens at, and since when nobody is known to be in or on the way in there."""
        self._has_complained = False
        self.is_crowded = False
        """Whether somebody waits for whom there is no descriptor."""
        self._entering: _Queue | None = None
        try:
            self._outside: _Queue | None = self._open()
        except OSError as error:
            raise zmq.ZMQError(error.errno) from error
        self._give_away_outside()

    def fileno(self) -> int:
        """Ready when somebody waits outside; another one after each ``let_in``. -1: nothing to poll, see ``wait_s``."""
        return -1 if self.wait_s() is not None or self._outside is None else self._outside.socket.fileno()

    def wait_s(self) -> float | None:
        """In how many seconds to call ``let_in`` again; None: when somebody comes."""
        if self._outside is None:
            return 0.0 if self._count == 1 else _AGAIN_S
        return _AGAIN_S if self._outside.has_callers() else None

    def let_in(self) -> None:
        """Give libzmq those who wait, if there is room for as many as may wait."""
        if self._outside is None:
            self._outside = self._try_open()
        if self._entering is not None:
            if self._entering.has_callers():
                return  # libzmq has not taken all of them yet
            self._entering.socket.close()
            self._entering = None
        self.is_crowded = False
        if self._outside is None or not self._outside.has_callers():
            return
        self.is_crowded = descriptors.left() < _queue_length() + 3
        if self.is_crowded:
            return
        following = self._try_open()
        self._give_away_outside()
        self._outside = following

    def _give_away_outside(self) -> None:
        assert self._outside is not None
        self._entering, self._outside = self._outside, None
        self._listener.setsockopt(zmq.USE_FD, os.dup(self._entering.socket.fileno()))
        self._listener.bind(self._entering.address)
        self._lots[self._entering.address] = None

    def tidy(self, in_use: Collection[str]) -> None:
        """Let go of listeners by which nobody is here any more. in_use: addresses that connections came in by."""
        now = self._clock()
        busy = set(in_use)
        if self._entering is not None or self._outside is None:  # the last may still have callers, or is the only one
            busy.add(next(reversed(self._lots)))
        for address, empty_since in list(self._lots.items()):
            if address in busy:
                self._lots[address] = None
            elif empty_since is None:  # one that was accepted just now may not have been heard of yet
                self._lots[address] = now
            elif now - empty_since >= _SETTLED_S:
                del self._lots[address]
                with contextlib.suppress(zmq.ZMQError):
                    self._listener.unbind(address)

    def close(self) -> None:
        """Nobody comes in any more; who is in stays."""
        self._path.unlink(missing_ok=True)
        for queue in (self._outside, self._entering):
            if queue is not None:
                queue.socket.close()

    def _try_open(self) -> _Queue | None:
        """None: there is no room for a name in that folder. Those who wait must not suffer for it."""
        try:
            return self._open()
        except OSError as error:
            if not self._has_complained:
                log.warning("no new socket can be put at %s (%s)", self._path, error.strerror)
            self._has_complained = True
            return None

    def _open(self) -> _Queue:
        """A socket that queues callers, at the path in one step. Raises OSError."""
        if self._path.exists() and not self._path.is_socket():
            raise OSError(errno.EADDRINUSE, "something else lies there")
        self._count += 1
        # As short as the usual one's, of no other socket here: paths of sockets may be 103 bytes long.
        name = self._path.with_name(f".{_in_letters(os.getpid())}{_in_letters(self._count)}")
        listening = sockets.local()
        try:
            listening.bind(str(name))
            try:
                name.chmod(0o600)
                listening.listen(_queue_length())
                name.replace(self._path)
            except OSError:
                name.unlink(missing_ok=True)
                raise
        except BaseException:
            listening.close()
            raise
        return _Queue(listening, f"ipc://{name}")


@dataclass(frozen=True)
class _Queue:
    """A socket that callers wait at until libzmq accepts them."""

    socket: socket.socket
    address: str
    """What libzmq calls it."""

    def has_callers(self) -> bool:
        poll = select.poll()
        poll.register(self.socket, select.POLLIN)
        return bool(poll.poll(0))


def _queue_length() -> int:
    return max(8, min(QUEUE, descriptors.limit() // 4))


def _in_letters(number: int) -> str:
    letters = ""
    while number:
        number, digit = divmod(number, len(_DIGITS))
        letters = _DIGITS[digit] + letters
    return letters
