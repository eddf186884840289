"""What the daemon hears of its clients: requests, and sessions that have ended."""

from __future__ import annotations

from dataclasses import dataclass

from propainter_wire.messages import Message
from propainter_wire.shot import Pixels


@dataclass(frozen=True)
class Request:
    """A validated wish of a session."""

    session: str
    client: str
    """How the client calls itself."""
    msg_id: str
    message: Message
    pixels: Pixels | None = None
    """Of a ``put``: verified against its digest, private to the daemon, read-only."""


@dataclass(frozen=True)
class SessionEnded:
    """A session is gone; whatever belonged to it can be let go."""

    session: str
    reason: str
