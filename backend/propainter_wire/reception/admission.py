"""From untrusted bytes to the requests of known sessions.

Here: ``Admission`` and the ``Facts`` its welcome tells. Hello, ping and shared memory are answered here. Not here: the
socket the bytes come from (``router.py``), how messages are verified (``framing.py``).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import zmq

from propainter_os.sockets import peer_process
from propainter_wire.errors import WireError
from propainter_wire.framing import Header, Verified, new_id, read, verify
from propainter_wire.messages import (
    CLIENT_MESSAGES,
    SUPPORTED_VERSIONS,
    Hello,
    Ping,
    Pong,
    Put,
    ShmGrant,
    ShmMapped,
    ShmRelease,
    ShmRequest,
    ShmUnlinked,
    Welcome,
)
from propainter_wire.pool import PixelPool
from propainter_wire.reception.hellos import Hellos
from propainter_wire.reception.outbox import Outbox
from propainter_wire.reception.pixels import received_pixels
from propainter_wire.reception.replies import Replies
from propainter_wire.reception.requests import Request
from propainter_wire.reception.sessions import Session, Sessions
from propainter_wire.reception.sparing_log import SparingLog
from propainter_wire.shm import SessionSegments, is_supported

log = logging.getLogger(__name__)

MAX_POOL_BYTES = 512 * 2**20


@dataclass(frozen=True)
class Facts:
    """What ``welcome`` says about this daemon."""

    server: str
    engine: str
    device: str
    weights: str = "none"
    licence: str = ""
    lease_s: int = 600
    shm_min_bytes: int = 8 * 2**20
    shm_max_bytes: int = 2**30


class Admission:
    """Verifies what comes in, begins sessions, and passes on what the daemon has to answer."""

    def __init__(
        self,
        listener: zmq.Socket[bytes],
        key: bytes,
        facts: Facts,
        sessions: Sessions,
        replies: Replies,
        *,
        shm_directory: Path,
        clock: Callable[[], float],
    ) -> None:
        self.facts = facts
        self._listener = listener
        self._key = key
        self._sessions = sessions
        self._replies = replies
        self._shm_directory = shm_directory
        self._clock = clock
        self._hellos = Hellos()
        self._refusals = SparingLog(log, clock)
        self._pool = PixelPool(keep_bytes=MAX_POOL_BYTES)

    def take(self, peer: bytes, parts: list[memoryview], descriptor: int = -1) -> Request | None:
        """One message in: a request for the daemon, or None where it has been dealt with here.

        descriptor: of the connection it came by, in this process; -1: not known.
        """
        try:
            verified = verify(parts, key=self._key)
        except WireError as error:
            self._refusals.warn("refused a message: %s", error)
            self._replies.send_refusal(peer, error)
            return None
        try:
            return self._admit(peer, verified, descriptor)
        except WireError as error:
            self._refusals.warn("refused %s: %s (%s)", ascii(verified.header.msg_type), error, error.code)
            self._replies.send_error(peer, verified.header, error)
            return None

    def _admit(self, peer: bytes, verified: Verified, descriptor: int) -> Request | None:
        header = verified.header
        if header.msg_type == Hello.type:
            self._hellos.note(header)
            message = read(verified, known=CLIENT_MESSAGES).message
            assert isinstance(message, Hello)
            self._welcome(peer, header, message, descriptor)
            return None
        session = self._sessions.hear(peer, header)
        envelope = read(verified, known=CLIENT_MESSAGES)
        request = Request(session.id, session.client, header.msg_id, envelope.message)
        if self._answer_here(session, request):
            return None
        if isinstance(envelope.message, Put):
            return replace(request, pixels=received_pixels(session, envelope.message, envelope.buffers, self._pool))
        return request

    def _welcome(self, peer: bytes, header: Header, hello: Hello, descriptor: int) -> None:
        version = _common_version(hello)
        process = peer_process(descriptor)
        self._sessions.make_room(peer, hello.client, process)
        session = replace(self._new_session(peer, header, hello, version), descriptor=descriptor, process=process)
        self._sessions.begin(session)
        facts = self.facts
        reply = Welcome(
            session=session.id,
            protocol=version,
            server=facts.server,
            engine=facts.engine,
            device=facts.device,
            weights=facts.weights,
            licence=facts.licence,
            shm=session.shm,
            shm_min_bytes=facts.shm_min_bytes,
            shm_max_bytes=facts.shm_max_bytes,
            lease_s=facts.lease_s,
        )
        self._replies.send(session, header.msg_id, reply)

    def _new_session(self, peer: bytes, header: Header, hello: Hello, version: str) -> Session:
        return Session(
            id=new_id(),
            peer=peer,
            client=hello.client,
            version=version,
            segments=SessionSegments(
                max_bytes=self.facts.shm_max_bytes, directory=self._shm_directory, clock=self._clock
            ),
            shm=hello.shm and is_supported(self._shm_directory),
            outbox=Outbox(self._listener, peer),
            heard_at=self._clock(),
            seq_in=header.seq,
            seq_hello=header.seq,
        )

    def _answer_here(self, session: Session, request: Request) -> bool:
        """Answer what needs no daemon. Raises WireError."""
        message = request.message
        if isinstance(message, Ping):
            self._replies.send(session, request.msg_id, Pong())
        elif isinstance(message, ShmRequest):
            if not session.shm:
                raise WireError("shm_unavailable", "this session uses no shared memory")
            segment = session.segments.grant(message.nbytes, message.use)
            self._replies.send(session, request.msg_id, ShmGrant(segment.name, segment.nbytes))
        elif isinstance(message, ShmMapped):
            session.segments.confirm(message.name)
            self._replies.send(session, request.msg_id, ShmUnlinked(message.name))
        elif isinstance(message, ShmRelease):
            session.segments.release(message.name, message.generation)
        else:
            return False
        return True


def _common_version(hello: Hello) -> str:
    """The best version both sides speak. Raises WireError(version_mismatch)."""
    for version in SUPPORTED_VERSIONS:
        if version in hello.protocols:
            return version
    raise WireError(
        "version_mismatch",
        f"{hello.client} speaks protocol {', '.join(hello.protocols)}, this backend "
        f"{', '.join(SUPPORTED_VERSIONS)}; update the older of the two",
        {"supported": list(SUPPORTED_VERSIONS)},
    )
