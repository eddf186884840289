"""Replies that wait until their client has room for them, in order, each session by itself.

Here: ``HeldReplies``. Not here: what a client has room for (``propainter_wire/router.py``), what is done about one that
does not read (``work/deliveries.py``: nothing more is computed for it; ``relay.py``: nothing more is fetched).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from propainter_wire.router import Request


@dataclass(frozen=True)
class _Held:
    request: Request
    nbytes: int
    send: Callable[[], object]


class HeldReplies:
    """has_room: whether the session of a request reads as fast as it is written to."""

    def __init__(self, has_room: Callable[[Request], bool]) -> None:
        self._has_room = has_room
        self._sessions: dict[str, deque[_Held]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._sessions.values()))

    def post(self, request: Request, nbytes: int, send: Callable[[], object]) -> int:
        """Send now, or behind what already waits for this session; returns the bytes that then wait for it."""
        held = self._sessions.get(request.session)
        if held is None:
            if self._has_room(request):
                send()
                return 0
            held = self._sessions[request.session] = deque()
        held.append(_Held(request, nbytes, send))
        return self.nbytes(request.session)

    def release(self) -> list[str]:
        """Send what there is room for by now; returns the sessions for which nothing waits any more."""
        free = []
        for session, held in list(self._sessions.items()):
            while held and self._has_room(held[0].request):
                held.popleft().send()
            if not held:
                self._sessions.pop(session, None)
                free.append(session)
        return free

    def drop(self, request: Request) -> None:
        """Forget the replies to one request."""
        held = self._sessions.get(request.session)
        if held is not None:
            kept = [reply for reply in held if reply.request is not request]
            held.clear()
            held.extend(kept)

    def forget(self, session: str) -> None:
        """Forget everything of a session that has ended."""
        self._sessions.pop(session, None)

    def nbytes(self, session: str | None = None) -> int:
        """Bytes of pixels that wait, for one session or for all."""
        sessions = self._sessions.values() if session is None else [self._sessions.get(session, deque())]
        return sum(reply.nbytes for held in sessions for reply in held)
