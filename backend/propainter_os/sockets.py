"""Local sockets: whether this system has them, whether somebody listens at one, who is at the other end.

Here: the calls. Not here: letting callers in (``propainter_wire/reception/door.py``). Windows: ZeroMQ's wheel for Python has
no ipc there, so the backend listens on loopback TCP, and the signature of messages keeps strangers out.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from pathlib import Path

from propainter_os import systems


def has_local() -> bool:
    """Whether backend and clients meet at a path."""
    return not systems.is_windows()


def local() -> socket.socket:
    """A new local socket that never waits."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.setblocking(False)
    return made


def call(path: str) -> int:
    """Call a local socket, and hang up: the system's number of what came of it, 0 for an answer."""
    with local() as caller:
        return caller.connect_ex(path)


def answers(path: Path) -> bool:
    """Whether somebody listens at a path."""
    return call(str(path)) != errno.ECONNREFUSED


def number_of(descriptor: int) -> int:
    """What tells a socket from a later one under the same descriptor; 0 where nothing does, -1 where it has ended."""
    if systems.is_windows():  # fstat knows the C library's descriptors alone, and these are the system's
        return 0
    try:
        return os.fstat(descriptor).st_ino
    except OSError:
        return -1


def peer_process(descriptor: int) -> int | None:
    """The process that connected a local socket; None: another kind of one, or the system does not tell."""
    if not systems.is_linux() or descriptor < 0:
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
