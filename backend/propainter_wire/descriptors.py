"""File descriptors of this process: as many as the system allows, and how many of them are left.

Here: ``raise_limit``, ``left``, and whose process is at the other end of one. A connection takes one, and libzmq ends the
process when it cannot accept a local one for want of it. Not here: who is let in while there are some
(``reception/door.py``), who must go (``reception/connections.py``).
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
import sys

ENOUGH = 16_384
"""More than a daemon's connections, segments and pipes come to; some systems allow a billion."""
RESERVE = 64
"""Kept for what is open for a moment: worker processes, files of the cache, the connection file; less of few."""


def raise_limit() -> None:
    """Take as many as the system lets this user have: the usual soft limit, 1024, is for programs of the seventies."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def limit() -> int:
    """How many this process may have open at once."""
    if sys.platform == "win32":
        return ENOUGH
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return ENOUGH if soft == resource.RLIM_INFINITY else min(soft, ENOUGH)


def left() -> int:
    """How many more may be opened now, the reserve left out. Asks the system, whoever opened them: libraries do, too."""
    if sys.platform == "win32":
        return ENOUGH
    try:
        in_use = sum(1 for _ in os.scandir("/dev/fd")) - 1  # the one that looks
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            return 0
        in_use = limit() // 2  # nobody says: no /dev/fd in here
    return max(0, limit() - in_use - min(RESERVE, limit() // 8))


def peer_process(descriptor: int) -> int | None:
    """The process that connected a local socket; None: another kind of one, or the system does not tell."""
    if sys.platform != "linux" or descriptor < 0:
        return None
    try:
        connection = socket.socket(fileno=descriptor)
    except OSError:
        return None
    try:
        process, _, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    except OSError:
        return None
    finally:
        connection.detach()
    return process or None
