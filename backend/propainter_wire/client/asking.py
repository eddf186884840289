"""One request, one answer of the kind it must have, in time.

Not here: sending it and waiting (``link``), requests with many answers (``jobs.py``).
"""

from __future__ import annotations

from collections.abc import Sequence

from propainter_wire.errors import WireError
from propainter_wire.link import Link
from propainter_wire.messages import Message, MessageT


class Asker:
    """Asks over one link, with one deadline for all."""

    def __init__(self, link: Link, *, timeout_s: float) -> None:
        self._link = link
        self.timeout_s = timeout_s

    def ask(self, message: Message, reply: type[MessageT], *, buffers: Sequence[memoryview] = ()) -> MessageT:
        """Any request with one reply. Raises RemoteError, BackendDied, BackendSilent, WireError."""
        return expect(self._link.ask(message, timeout_s=self.timeout_s, buffers=buffers), reply)

    def notify(self, message: Message) -> None:
        """Any message whose answer is of no interest."""
        self._link.notify(message)


def expect(message: Message, reply: type[MessageT]) -> MessageT:
    """The message, if it is what must come. Raises WireError."""
    if not isinstance(message, reply):
        raise WireError("unknown_type", f"the backend answered with {message.type}, not {reply.type}")
    return message
