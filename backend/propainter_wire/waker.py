"""Waking a thread that sleeps in a poll.

Here: ``Waker``, a pair of connected sockets. Not here: the polls (``router.py``, ``link``).
"""

from __future__ import annotations

import contextlib
import socket


class Waker:
    """One thread polls on it, any other ends that poll."""

    def __init__(self) -> None:
        self._mouth, self._ear = socket.socketpair()
        self._mouth.setblocking(False)
        self._ear.setblocking(False)

    def fileno(self) -> int:
        """What to poll on; ready once somebody has called ``wake``."""
        return self._ear.fileno()

    def wake(self) -> None:
        """Make the poll return. May be called from any thread."""
        with contextlib.suppress(OSError):  # full: it will wake anyway; closed: nobody polls
            self._mouth.send(b"\0")

    def hear(self) -> None:
        """Take the calls that have come, so that the next poll sleeps again."""
        with contextlib.suppress(BlockingIOError):
            self._ear.recv(4096)

    def close(self) -> None:
        """Safe to call twice."""
        self._mouth.close()
        self._ear.close()
