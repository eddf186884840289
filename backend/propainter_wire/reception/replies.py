"""Sending to clients that may read slowly, or not at all.

Here: ``Replies``, numbering and signing what goes out. Not here: what waits for one client (``outbox.py``), where a result's
pixels lie (``pixels.py``).
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import zmq

from propainter_wire.errors import WireError
from propainter_wire.framing import Header, Part, encode, encode_refusal
from propainter_wire.messages import ErrorReply, Message, Pong
from propainter_wire.reception.outbox import ClientGone
from propainter_wire.reception.sessions import Session, Sessions


class Replies:
    """Everything that goes out. A session that does not take it ends."""

    def __init__(self, listener: zmq.Socket[bytes], key: bytes, sessions: Sessions) -> None:
        self._listener = listener
        self._key = key
        self._sessions = sessions

    def send(
        self,
        session: Session,
        parent: str,
        message: Message,
        *,
        buffers: Sequence[memoryview] = (),
        droppable: bool = False,
    ) -> bool:
        """Answer a session's request; False if the session has ended over it, or the message was dropped.

        droppable: better left out than queued behind others.
        """
        if droppable and session.outbox:
            return False
        session.seq_out += 1
        header = Header.fresh(message, session=session.id, seq=session.seq_out, version=session.version)
        parts = encode(message, header=header, key=self._key, parent=parent, buffers=buffers)
        if not session.outbox.append(parts):
            self._sessions.end(session, f"the client does not read: {len(session.outbox)} messages wait for it")
            return False
        self._push(session)
        return session in self._sessions

    def send_error(self, peer: bytes, header: Header, error: WireError) -> None:
        """Tell the sender of a verified but refused message, inside its session if it has one."""
        session = self._sessions.of_peer(peer)
        if session is not None:
            self.send(session, header.msg_id, ErrorReply.of(error))
            return
        reply = ErrorReply.of(error)
        parts = encode(reply, header=Header.fresh(reply, session="", seq=1), key=self._key, parent=header.msg_id)
        self._send_now(peer, parts)

    def send_refusal(self, peer: bytes, error: WireError) -> None:
        """Tell a stranger, unsigned, why its message was not verified."""
        self._send_now(peer, encode_refusal(error))

    def any_waiting(self) -> bool:
        """Whether some client has not read everything yet."""
        return any(session.outbox for session in self._sessions)

    def push_all(self) -> None:
        """Send what waits, to whoever takes it by now."""
        for session in self._sessions:
            self._push(session)

    def probe_all(self) -> None:
        """Feel for every client; the session of one that is gone ends."""
        for session in self._sessions:
            self.send(session, "", Pong(), droppable=True)

    def _push(self, session: Session) -> None:
        try:
            session.outbox.push()
        except ClientGone:
            self._sessions.end(session, "the client is gone")

    def _send_now(self, peer: bytes, parts: Sequence[Part]) -> None:
        """To somebody without a session: now or never."""
        with contextlib.suppress(zmq.ZMQError):
            self._listener.send_multipart([peer, *parts], zmq.NOBLOCK)
