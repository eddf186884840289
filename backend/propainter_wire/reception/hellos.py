"""Whether a hello is a fresh one: signed messages of long ago, and repeated ones, begin no session.

A flood pushes the oldest out rather than locking everybody out; what was said before those is refused by its date alone.
"""

from __future__ import annotations

import time
from collections import OrderedDict

from propainter_wire.errors import WireError
from propainter_wire.framing import Header

HELLO_WITHIN_S = 300.0
MAX_REMEMBERED_HELLOS = 32_768


class Hellos:
    """The hellos of the last minutes, by their message ids."""

    def __init__(self) -> None:
        self._said_at: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """When each came, and when it says that it was said."""
        self._forgotten_until = 0.0

    def note(self, header: Header) -> None:
        """Remember a hello. Raises WireError (replayed)."""
        now = time.time()
        age_s = abs(now - header.date / 1000)
        if age_s > HELLO_WITHIN_S:
            raise WireError("replayed", f"hello is dated {age_s:.0f} s away from this machine's clock; set the clocks")
        while self._said_at and now - next(iter(self._said_at.values()))[0] >= 2 * HELLO_WITHIN_S:
            self._said_at.popitem(last=False)
        date = header.date / 1000
        if header.msg_id in self._said_at or date <= self._forgotten_until:
            raise WireError("replayed", "this hello has been said before; say a new one")
        if len(self._said_at) >= MAX_REMEMBERED_HELLOS:
            _, (came, said) = self._said_at.popitem(last=False)
            # The earlier of both: whoever has the key and dates hellos ahead must not shut others out.
            self._forgotten_until = max(self._forgotten_until, min(came, said))
        self._said_at[header.msg_id] = now, date
