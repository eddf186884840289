"""File descriptors of this process: as many as the system allows, and how many of them are left.

Here: ``raise_limit``, ``limit``, ``left``. A connection takes one, and libzmq ends the process when it cannot accept a local
one for want of it. Not here: who is let in while there are some (``reception/door.py``), who must go
(``reception/connections.py``).
"""

from __future__ import annotations

import errno
import os

from propainter_os import limits, systems

ENOUGH = 16_384
"""More than a daemon's connections, segments and pipes come to; some systems allow a billion."""
RESERVE = 64
"""Kept for what is open for a moment: worker processes, files of the cache, the connection file; less of few."""


def raise_limit() -> None:
    """Take as many as the system lets this user have: the usual soft limit, 1024, is for programs of the seventies."""
    limits.raise_open_files(ENOUGH)


def limit() -> int:
    """How many this process may have open at once."""
    told = limits.open_files()
    return ENOUGH if told is None else min(told, ENOUGH)


def left() -> int:
    """How many more may be opened now, the reserve left out. Asks the system, whoever opened them: libraries do, too."""
    if systems.is_windows():  # sockets are no files there, and nobody counts them
        return ENOUGH
    try:
        in_use = sum(1 for _ in os.scandir("/dev/fd")) - 1  # the one that looks
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            return 0
        in_use = limit() // 2  # nobody says: no /dev/fd in here
    return max(0, limit() - in_use - min(RESERVE, limit() // 8))
