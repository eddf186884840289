"""Shared memory for large frames: segments both sides map, and the daemon's book-keeping of a session's.

Here: docs/wire.md, section 5. Not here: when to use it (``reception/pixels.py``, ``client``). Plain files in /dev/shm
rather than ``multiprocessing.shared_memory``: before Python 3.13 a process that merely attaches to one of those
unlinks it at exit. Space is reserved with posix_fallocate, because writing to a full tmpfs kills the writer with
SIGBUS. So does a segment that the other side has made shorter: the daemon never maps one, it reads and writes by the
descriptor, where that is an error like any other.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import re
import secrets
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from propainter_wire import descriptors
from propainter_wire.errors import SharedMemoryUnavailable, WireError
from propainter_wire.messages import InSegment

SHM_DIRECTORY = Path("/dev/shm")
CONFIRM_WITHIN_S = 10.0
ORPHANED_AFTER_S = 60.0
MAX_SEGMENTS = 16
"""Of a session: each costs the daemon a descriptor."""
_ALIGN = 4096

Use = Literal["upload", "download"]


class Segment:
    """A mapped piece of shared memory."""

    def __init__(self, name: str, mapping: mmap.mmap, nbytes: int) -> None:
        self.name = name
        self.nbytes = nbytes
        self._mapping = mapping
        self._memory = memoryview(mapping)

    def span(self, offset: int, nbytes: int) -> memoryview:
        """Some of its bytes, writable. Raises WireError(bad_buffer) outside the segment."""
        if offset < 0 or nbytes < 0 or offset + nbytes > self.nbytes:
            raise _outside(self.name, offset, nbytes, self.nbytes)
        return self._memory[offset : offset + nbytes]

    def close(self) -> None:
        """Unmap; where a view of it is still in use, the mapping lives as long as that view."""
        with contextlib.suppress(BufferError):
            self._memory.release()
            self._mapping.close()


class ServedSegment:
    """The daemon's end of a segment: the same bytes as the client's ``Segment``, by its descriptor alone."""

    def __init__(self, name: str, descriptor: int, nbytes: int) -> None:
        self.name = name
        self.nbytes = nbytes
        self._descriptor = descriptor

    def read_into(self, target: memoryview, offset: int) -> None:
        """Fill target from there on. Raises WireError(bad_buffer) where the segment has no such bytes, any more."""
        self._check(offset, target.nbytes)
        done = 0
        while done < target.nbytes:
            count = os.preadv(self._descriptor, [target[done:]], offset + done)
            if count == 0:
                raise WireError(
                    "bad_buffer", f"segment {self.name} was made shorter than the {self.nbytes} bytes it had"
                )
            done += count

    def write(self, data: memoryview, offset: int) -> bool:
        """Put data there; False where it takes no more. Raises WireError(bad_buffer) outside the segment."""
        self._check(offset, data.nbytes)
        done = 0
        try:
            while done < data.nbytes:
                done += os.pwrite(self._descriptor, data[done:], offset + done)
        except OSError:  # it was made shorter, and there is no room to make it what it was
            return False
        return True

    def close(self) -> None:
        """Safe to call once; the client's mapping goes on living."""
        os.close(self._descriptor)

    def _check(self, offset: int, nbytes: int) -> None:
        if offset < 0 or nbytes < 0 or offset + nbytes > self.nbytes:
            raise _outside(self.name, offset, nbytes, self.nbytes)


def _outside(name: str, offset: int, nbytes: int, size: int) -> WireError:
    return WireError("bad_buffer", f"bytes {offset}..{offset + nbytes} lie outside segment {name} of {size} bytes")


def is_supported(directory: Path = SHM_DIRECTORY) -> bool:
    """Whether this machine can do it: Linux, in practice."""
    return (
        hasattr(os, "posix_fallocate")
        and hasattr(os, "preadv")
        and directory.is_dir()
        and os.access(directory, os.W_OK)
    )


def create_segment(nbytes: int, directory: Path = SHM_DIRECTORY) -> ServedSegment:
    """Create and reserve a segment. Raises SharedMemoryUnavailable, leaving nothing behind."""
    name = f"ppb-{secrets.token_hex(16)}"
    if not is_supported(directory):
        raise SharedMemoryUnavailable(f"this machine has no {directory} to share memory through")
    path = directory / name
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SharedMemoryUnavailable(f"cannot create {path}: {error.strerror}") from error
    try:
        os.posix_fallocate(descriptor, 0, nbytes)
    except (OSError, ValueError, OverflowError) as error:
        os.close(descriptor)
        path.unlink(missing_ok=True)
        raise SharedMemoryUnavailable(f"no {nbytes} bytes of shared memory in {directory}: {error}") from error
    return ServedSegment(name, descriptor, nbytes)


def open_segment(name: str, nbytes: int, directory: Path = SHM_DIRECTORY) -> Segment:
    """Map a segment the daemon has granted. Raises SharedMemoryUnavailable if anything about it is not as it should
    be.
    """
    if not re.fullmatch("ppb-[0-9a-f]{32}", name):
        raise SharedMemoryUnavailable(f"{name!a} is not a segment's name")
    try:
        descriptor = os.open(directory / name, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise SharedMemoryUnavailable(f"cannot open segment {name}: {error.strerror}") from error
    try:
        found = os.fstat(descriptor)
        private = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077
        if not private or found.st_size != nbytes:
            raise SharedMemoryUnavailable(f"segment {name} is not this user's own, or not of {nbytes} bytes")
        return Segment(name, mmap.mmap(descriptor, nbytes), nbytes)
    except (OSError, ValueError) as error:
        raise SharedMemoryUnavailable(f"cannot map segment {name}: {error}") from error
    finally:
        os.close(descriptor)


def unlink_orphans(directory: Path = SHM_DIRECTORY, *, older_than_s: float = ORPHANED_AFTER_S) -> int:
    """Remove names of this user's segments that no living daemon can still want; how many there were.

    A living daemon unlinks within CONFIRM_WITHIN_S, so an older one belongs to a daemon that was killed in between.
    """
    if not is_supported(directory):
        return 0
    removed = 0
    for path in directory.glob("ppb-*"):
        with contextlib.suppress(OSError):
            found = path.lstat()
            if found.st_uid == os.geteuid() and time.time() - found.st_mtime > older_than_s:
                path.unlink()
                removed += 1
    return removed


@dataclass
class _Grant:
    segment: ServedSegment
    use: Use
    granted_at: float
    confirmed: bool = False
    generation: int = 0
    """Upload: of the last put taken. Download: of the last result written."""
    taken: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Download: generation -> first byte and byte behind, of results not yet released."""


class SessionSegments:
    """The segments of one session, on the daemon's side. Used by one thread."""

    def __init__(
        self, *, max_bytes: int, directory: Path = SHM_DIRECTORY, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._max_bytes = max_bytes
        self._directory = directory
        self._clock = clock
        self._grants: dict[str, _Grant] = {}

    def grant(self, nbytes: int, use: Use) -> ServedSegment:
        """Create a segment for the client to map. Raises WireError(shm_unavailable)."""
        if len(self._grants) >= MAX_SEGMENTS:
            raise WireError("shm_unavailable", f"this session has {MAX_SEGMENTS} segments already; give one back")
        in_use = sum(grant.segment.nbytes for grant in self._grants.values())
        if in_use + nbytes > self._max_bytes:
            raise WireError(
                "shm_unavailable",
                f"{nbytes} bytes more would exceed the session's {self._max_bytes} bytes of shared memory",
            )
        if not descriptors.left():
            raise WireError("shm_unavailable", "the backend has too many files open; without shared memory it goes on")
        try:
            segment = create_segment(nbytes, self._directory)
        except SharedMemoryUnavailable as error:
            raise WireError("shm_unavailable", str(error)) from error
        self._grants[segment.name] = _Grant(segment, use, self._clock())
        return segment

    def confirm(self, name: str) -> None:
        """The client has mapped it: take its name away. Raises WireError(shm_unavailable)."""
        grant = self._known(name)
        grant.confirmed = True
        self._unlink(name)

    def take_upload(self, place: InSegment, target: memoryview) -> None:
        """Copy the bytes a ``put`` speaks of; the client may change the segment's own meanwhile.

        Raises WireError: shm_unavailable, bad_buffer (outside the segment, one made shorter, or a generation that has
        passed).
        """
        grant = self._known(place.name)
        if grant.use != "upload" or not grant.confirmed:
            raise WireError("bad_buffer", f"segment {place.name} is not one mapped for upload")
        if place.generation <= grant.generation:
            raise WireError(
                "bad_buffer", f"generation {place.generation} of segment {place.name} has passed ({grant.generation})"
            )
        grant.segment.read_into(target, place.offset)
        grant.generation = place.generation

    def place(self, data: memoryview) -> InSegment | None:
        """Put a result where the client can have it, until it releases it; None where there is no room."""
        nbytes = data.nbytes
        for name, grant in self._grants.items():
            if grant.use != "download" or not grant.confirmed:
                continue
            offset = _first_gap(sorted(grant.taken.values()), nbytes, grant.segment.nbytes)
            if offset is not None and grant.segment.write(data, offset):
                grant.generation += 1
                grant.taken[grant.generation] = (offset, offset + nbytes)
                return InSegment(name, offset, nbytes, grant.generation)
        return None

    def release(self, name: str, generation: int) -> None:
        """A result has been copied (its generation), or the whole segment is given back (0). Raises WireError."""
        grant = self._known(name)
        if generation:
            grant.taken.pop(generation, None)
        else:
            self._drop(name)

    def expire(self) -> None:
        """Forget grants the client did not confirm in time."""
        now = self._clock()
        for name, grant in list(self._grants.items()):
            if not grant.confirmed and now - grant.granted_at > CONFIRM_WITHIN_S:
                self._drop(name)

    def close(self) -> None:
        """Give everything back."""
        for name in list(self._grants):
            self._drop(name)

    def _known(self, name: str) -> _Grant:
        if name not in self._grants:
            raise WireError("shm_unavailable", f"this session has no segment {name}")
        return self._grants[name]

    def _drop(self, name: str) -> None:
        self._unlink(name)
        self._grants.pop(name).segment.close()

    def _unlink(self, name: str) -> None:
        with contextlib.suppress(OSError):
            (self._directory / name).unlink()


def _first_gap(taken: list[tuple[int, int]], nbytes: int, size: int) -> int | None:
    """Offset of the first free, aligned stretch of nbytes."""
    offset = 0
    for first, behind in taken:
        if offset + nbytes <= first:
            return offset
        offset = -(-behind // _ALIGN) * _ALIGN
    return offset if offset + nbytes <= size else None
