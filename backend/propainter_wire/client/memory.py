"""A client's shared memory: docs/wire.md, section 5.

Here: ``SharedMemory``. Not here: segments themselves (``shm.py``), what is put into them (``uploads.py``).
"""

from __future__ import annotations

import threading
from typing import Protocol

from propainter_wire.client.asking import Asker
from propainter_wire.errors import PropainterError, RemoteError, SharedMemoryUnavailable, WireError
from propainter_wire.messages import (
    Buffer,
    InSegment,
    ShmGrant,
    ShmMapped,
    ShmRelease,
    ShmRequest,
    ShmUnlinked,
    Stored,
)
from propainter_wire.moving import copy
from propainter_wire.pool import PixelPool
from propainter_wire.shm import SHM_DIRECTORY, Segment, Use, open_segment
from propainter_wire.shot import Pixels, bytes_of


class PutCall(Protocol):
    """A put that only lacks its pixels' place."""

    def __call__(self, place: InSegment) -> Stored:
        """Send a put whose pixels lie there."""


class SharedMemory:
    """A client's segments: one each way, made when first wanted, replaced when too small, given up at the first
    trouble.
    """

    def __init__(self, asker: Asker, pool: PixelPool, *, min_bytes: int) -> None:
        """pool: memory of results that are copied out. min_bytes: less than this is not worth it."""
        self._asker = asker
        self._pool = pool
        self._min_bytes = min_bytes
        self._lock = threading.RLock()
        self._segments: dict[str, Segment] = {}
        self._newest: dict[Use, str] = {}
        self._refused: set[Use] = set()
        self._generation = 0

    def provide(self, use: Use, nbytes: int) -> Segment | None:
        """A segment with room for so much, or None."""
        if nbytes < self._min_bytes:
            return None
        with self._lock:
            if use in self._refused:  # not once more: what the backend could not read may not be there any more
                return None
            current = self._segments.get(self._newest.get(use, ""))
            if current is not None and current.nbytes >= nbytes:
                return current
            return self._replace(use, nbytes, current)

    def upload(self, data: memoryview, put: PutCall) -> Stored | None:
        """Put data by way of shared memory; None: send it inline. Raises whatever else goes wrong with the put."""
        if data.nbytes < self._min_bytes:
            return None
        with self._lock:
            segment = self.provide("upload", data.nbytes)
            if segment is None or segment.nbytes < data.nbytes:
                return None
            copy(segment.span(0, data.nbytes), data)
            self._generation += 1
            try:
                return put(InSegment(segment.name, 0, data.nbytes, self._generation))
            except RemoteError as error:
                if error.code not in ("shm_unavailable", "bad_buffer"):
                    raise
                self._refused.add("upload")
                return None

    def download(self, buffer: Buffer, place: InSegment) -> Pixels:
        """Copy a result out and give its bytes back. Raises WireError for a place that is not ours."""
        with self._lock:
            segment = self._segments.get(place.name)
            if segment is None:
                raise WireError("bad_buffer", f"the backend used a segment nobody mapped: {place.name}")
            memory = segment.span(place.offset, place.nbytes)
        pixels = self._pool.empty(buffer.dtype, buffer.shape)
        copy(bytes_of(pixels), memory)
        self._asker.notify(ShmRelease(place.name, place.generation))
        return pixels

    def close(self) -> None:
        """Unmap everything; the backend forgets its side with the session."""
        with self._lock:
            for segment in self._segments.values():
                segment.close()
            self._segments.clear()

    def _replace(self, use: Use, nbytes: int, current: Segment | None) -> Segment | None:
        if current is not None:
            # Nothing is under way in an upload segment; in an old download segment results may still lie, so it stays
            # mapped on this side.
            if use == "upload":
                self._segments.pop(current.name).close()
            self._asker.notify(ShmRelease(current.name, 0))
        try:
            segment = self._granted(use, nbytes)
        except (RemoteError, SharedMemoryUnavailable):
            self._refused.add(use)
            self._newest.pop(use, None)
            return None
        self._segments[segment.name] = segment
        self._newest[use] = segment.name
        return segment

    def _granted(self, use: Use, nbytes: int) -> Segment:
        """Two results can lie in a download segment: one is read while the next is written."""
        wanted = nbytes if use == "upload" else 2 * nbytes
        grant = self._asker.ask(ShmRequest(wanted, use), ShmGrant)
        segment = open_segment(grant.name, grant.nbytes, SHM_DIRECTORY)
        try:
            self._asker.ask(ShmMapped(grant.name), ShmUnlinked)
        except PropainterError:
            segment.close()
            raise
        return segment
