"""Pixels between the daemon and a session: taken in, checked and private; laid out where the client can have them.

Not here: shared memory itself (``shm.py``), agreeing on it (``admission.py``).
"""

from __future__ import annotations

from propainter_wire.errors import WireError
from propainter_wire.messages import Inline, InSegment, Place, Put
from propainter_wire.moving import copy_and_digest
from propainter_wire.pool import PixelPool
from propainter_wire.reception.sessions import Session
from propainter_wire.shot import Pixels, bytes_of, digest_of, dtype_of, pixels_in, shape_of


def received_pixels(session: Session, put: Put, buffers: tuple[memoryview, ...], pool: PixelPool) -> Pixels:
    """Pixels of a put, no longer shared with the client, after comparing their digest. Raises WireError."""
    place, dtype, shape = put.buffer.place, put.buffer.dtype, put.buffer.shape
    if isinstance(place, InSegment):
        pixels = pool.empty(dtype, shape)
        digest = copy_and_digest(bytes_of(pixels), session.segments.uploaded(place), dtype, shape)
    else:
        pixels = pixels_in(buffers[place.index], dtype, shape)
        digest = digest_of(pixels)
    pixels.flags.writeable = False
    if digest != put.digest:
        raise WireError(
            "bad_digest", f"the {put.kind}'s pixels have digest {digest}, not {put.digest}; send them again"
        )
    return pixels


def placed_pixels(session: Session, pixels: Pixels, *, shm_min_bytes: int) -> tuple[Place, tuple[memoryview, ...], str]:
    """Where packed pixels lie for the client, what of them goes inline, and their digest."""
    data = bytes_of(pixels)
    if session.shm and data.nbytes >= shm_min_bytes:
        found = session.segments.room(data.nbytes)
        if found is not None:
            place, memory = found
            return place, (), copy_and_digest(memory, data, dtype_of(pixels), shape_of(pixels))
    return Inline(0), (data,), digest_of(pixels)
