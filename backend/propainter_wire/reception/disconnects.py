"""When to feel for the clients that are left, after some connection has ended.

libzmq does not say whose connection ended: everybody is felt for a moment later, once the pipe is gone. Not here: noticing
the end (``connections.py``), feeling for them (``replies.py``).
"""

from __future__ import annotations

from collections.abc import Callable

_PROBE_AFTER_S = 0.1


class Disconnects:
    """A clock that is started by each connection that ends."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._probe_at: float | None = None
        self._noted_at = 0.0

    def note(self) -> None:
        """One has ended; a probe is due a moment later."""
        self._noted_at = self._clock()
        if self._probe_at is None:  # a crowd that comes and goes must not put it off for ever
            self._probe_at = self._noted_at + _PROBE_AFTER_S

    def next_probe_s(self) -> float | None:
        """Seconds until the next probe is due; None: none is."""
        return None if self._probe_at is None else max(0.0, self._probe_at - self._clock())

    def take_due_probe(self, now: float) -> bool:
        """Whether to feel for everybody now; another probe follows if connections have ended meanwhile."""
        if self._probe_at is None or now < self._probe_at:
            return False
        again_at = self._noted_at + _PROBE_AFTER_S
        self._probe_at = again_at if again_at > now else None
        return True
