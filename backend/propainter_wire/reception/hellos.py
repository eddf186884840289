"""Whether a hello is a fresh one: signed messages of long ago, and repeated ones, begin no session."""

from __future__ import annotations

import time

from propainter_wire.errors import WireError
from propainter_wire.framing import Header

HELLO_WITHIN_S = 300.0
MAX_REMEMBERED_HELLOS = 4096


class Hellos:
    """The hellos of the last minutes, by their message ids."""

    def __init__(self) -> None:
        self._said_at: dict[str, float] = {}

    def note(self, header: Header) -> None:
        """Remember a hello. Raises WireError: replayed, busy."""
        now = time.time()
        age_s = abs(now - header.date / 1000)
        if age_s > HELLO_WITHIN_S:
            raise WireError("replayed", f"hello is dated {age_s:.0f} s away from this machine's clock; set the clocks")
        self._said_at = {known: date for known, date in self._said_at.items() if now - date < 2 * HELLO_WITHIN_S}
        if header.msg_id in self._said_at:
            raise WireError("replayed", "this hello has been said before")
        if len(self._said_at) >= MAX_REMEMBERED_HELLOS:
            raise WireError("busy", "too many clients came and went in the last minutes; try again later")
        self._said_at[header.msg_id] = now
