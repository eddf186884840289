"""Who is there: sessions, the connections they belong to, and their leases.

Not here: whether a client may begin one (``admission.py``), what is sent to it (``replies.py``).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from propainter_wire.errors import WireError
from propainter_wire.framing import Header
from propainter_wire.reception.outbox import Outbox
from propainter_wire.reception.requests import SessionEnded
from propainter_wire.shm import SessionSegments

log = logging.getLogger(__name__)

MAX_SESSIONS = 64
CARETAKER = "propainter-backend "
"""How the names of clients begin that look after the daemon: status, stop and cache must be heard in a crowd."""
CARETAKERS = 4
"""Their places, beside all others."""


@dataclass
class Session:
    """One client's presence."""

    id: str
    peer: bytes
    """What libzmq calls its connection."""
    client: str
    version: str
    segments: SessionSegments
    shm: bool
    outbox: Outbox
    heard_at: float
    seq_in: int
    seq_hello: int
    """Of its first message: while this is the last, it has asked for nothing."""
    seq_out: int = 0
    descriptor: int = -1
    """Of its connection, in this process; -1: not known."""
    process: int | None = None
    """The client's, where the system tells."""


class Sessions:
    """Every session there is, by its id and by its connection."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._by_id: dict[str, Session] = {}
        self._by_peer: dict[bytes, Session] = {}
        self._ended: list[SessionEnded] = []

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Session]:
        """All of them; they may end meanwhile."""
        return iter(list(self._by_id.values()))

    def __contains__(self, session: Session) -> bool:
        """Whether it has not ended."""
        return session.id in self._by_id

    def find(self, session: str) -> Session | None:
        """The session of this id, unless it has ended."""
        return self._by_id.get(session)

    def of_peer(self, peer: bytes) -> Session | None:
        """The session of a connection, if it has said hello."""
        return self._by_peer.get(peer)

    def make_room(self, peer: bytes, client: str, process: int | None) -> None:
        """End what this connection has, before it begins another session. Where all places are taken, one that has asked for
        nothing since its hello gives way, the oldest first; else one of a process that has more than half of them.
        Raises WireError(busy).
        """
        earlier = self._by_peer.get(peer)
        if earlier is not None:
            self.end(earlier, "the client said hello again")
        is_caretaker = client.startswith(CARETAKER)
        alike = [session for session in self if session.client.startswith(CARETAKER) == is_caretaker]
        if len(alike) < (CARETAKERS if is_caretaker else MAX_SESSIONS):
            return
        idle = next((session for session in alike if session.seq_in == session.seq_hello), None)
        going = idle or (alike[0] if is_caretaker else _of_the_greediest(alike, but=process))
        if going is None:
            raise WireError("busy", f"{MAX_SESSIONS} clients are connected already; close one of them")
        self.end(going, "others wait for its place, and it asked for nothing, or its process has most of them")

    def begin(self, session: Session) -> None:
        """From here on its messages are taken."""
        self._by_id[session.id] = self._by_peer[session.peer] = session
        log.info("session %s of %r begins", session.id[:8], session.client)

    def hear(self, peer: bytes, header: Header) -> Session:
        """The session a message belongs to, its lease renewed. Raises WireError: no_session, replayed."""
        session = self._by_id.get(header.session)
        if session is None or session.peer != peer:
            raise WireError("no_session", "this connection has no such session; say hello again")
        if header.seq <= session.seq_in:
            raise WireError("replayed", f"message {header.seq} came after message {session.seq_in}")
        session.seq_in = header.seq
        session.heard_at = self._clock()
        return session

    def tidy(self, now: float, *, lease_s: int) -> None:
        """End sessions whose lease has run out, and take back shared memory that nobody mapped."""
        for session in self:
            session.segments.expire()
            if now - session.heard_at > lease_s:
                self.end(session, f"the client said nothing for {lease_s} s")

    def end(self, session: Session, reason: str) -> None:
        """Let go of everything the session holds here; ``take_ended`` reports it."""
        log.info("session %s of %r ends: %s", session.id[:8], session.client, reason)
        session.outbox.clear()
        session.segments.close()
        del self._by_id[session.id]
        self._by_peer.pop(session.peer, None)
        self._ended.append(SessionEnded(session.id, reason))

    def take_ended(self) -> list[SessionEnded]:
        """Sessions that have ended since the last call."""
        ended, self._ended = self._ended, []
        return ended


def _of_the_greediest(sessions: list[Session], *, but: int | None) -> Session | None:
    """Of the process that has more than half of these, unless it is this one, the session silent for longest."""
    counts = Counter(session.process for session in sessions if session.process not in (None, but))
    for process, count in counts.most_common(1):
        if 2 * count > len(sessions):
            return min((each for each in sessions if each.process == process), key=lambda each: each.heard_at)
    return None
