"""Everything that can go wrong between a client and the backend, as one tree, and the protocol's error codes.

Here: exceptions and the code table of docs/wire.md, section 8. Not here: who raises what; each function says so.

    PropainterError
    +-- WireError              a message breaks the protocol; carries the code the other side is told
    +-- BackendUnreachable     there is no backend to talk to
    |   +-- UnsafeConnection   there may be one, but its directory, file or address cannot be trusted
    +-- AlreadyRunning         another daemon lives in this runtime directory
    +-- BackendDied            the connection ended while something was wanted
    +-- BackendSilent          a deadline passed
    +-- ProtocolMismatch       no protocol version in common
    +-- RemoteError            the backend says no, with a code and a sentence for the artist
    +-- JobCancelled           the job was cancelled, by this client or with its session
    +-- SharedMemoryUnavailable  pixels have to travel inline
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

ErrorCode = Literal[
    "bad_frame", "bad_signature", "replayed", "version_mismatch", "no_session", "unknown_type", "bad_message",
    "bad_buffer", "bad_digest", "bad_settings", "unknown_shot", "frames_missing", "shm_unavailable", "busy",
    "out_of_memory", "engine_unavailable", "shutting_down", "internal",
]  # fmt: skip

ERROR_CODES: tuple[ErrorCode, ...] = get_args(ErrorCode)

RETRY_MAY_HELP: frozenset[ErrorCode] = frozenset({"no_session", "frames_missing", "busy", "shutting_down"})
"""Codes whose request may succeed later, unchanged or after what the code asks for."""


class PropainterError(Exception):
    """Root of everything this package raises on purpose."""


class WireError(PropainterError):
    """A message that breaks the protocol, or that the daemon refuses: what an ``error`` reply is made of."""

    def __init__(self, code: ErrorCode, message: str, details: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.code: ErrorCode = code
        self.message = message
        self.details: Mapping[str, object] = details or {}


class BackendUnreachable(PropainterError):
    """No backend answers where one was expected."""


class UnsafeConnection(BackendUnreachable):
    """The runtime directory, the connection file or the address could belong to somebody else; nothing was sent."""


class AlreadyRunning(PropainterError):
    """Another daemon holds this runtime directory's lock."""


class BackendDied(PropainterError):
    """The connection to the backend ended; whatever was under way is lost, content already stored is not."""


class BackendSilent(PropainterError):
    """The backend is connected but did not say the next thing in time."""


class ProtocolMismatch(PropainterError):
    """Client and backend speak no common protocol version; one of them has to be updated."""


class RemoteError(PropainterError):
    """The backend's refusal. ``str(error)`` is one sentence for the artist."""

    def __init__(self, code: ErrorCode, message: str, *, retry: bool, details: Mapping[str, object]) -> None:
        super().__init__(message)
        self.code: ErrorCode = code
        self.retry = retry
        self.details = details


class JobCancelled(PropainterError):
    """The job ended because it was cancelled."""


class SharedMemoryUnavailable(PropainterError):
    """No shared memory for these pixels, for the reason given; send them inline."""
