"""One client's connection: a DEALER socket in a thread of its own, and exchanges that wait for their replies.

Here: sending and keeping the lease alive (``link.py``), matching replies to requests (``exchanges.py``), the socket and
noticing a dead backend (``dealer.py``). Not here: what is asked for (``client``), bytes (``framing.py``).
"""

from propainter_wire.link.dealer import ClientKeys
from propainter_wire.link.exchanges import Exchange
from propainter_wire.link.link import Link

__all__ = ["ClientKeys", "Exchange", "Link"]
