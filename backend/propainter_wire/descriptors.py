"""File descriptors of this process: as many as the system allows.

Here: ``raise_limit``. A connection takes one, and libzmq ends the process when it can accept none any more.
"""

from __future__ import annotations

import contextlib
import sys

ENOUGH = 16_384
"""More than a daemon's connections, segments and pipes come to; some systems allow a billion."""


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
