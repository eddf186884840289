"""Pixels between the daemon and a session: taken in, checked and private; laid out where the client can have them.

Not here: shared memory itself (``shm.py``), agreeing on it (``admission.py``).
"""

from __future__ import annotations

from propainter_wire.errors import WireError
from propainter_wire.messages import Inline, InSegment, Place, Put
from propainter_wire.pool import PixelPool
from propainter_wire.reception.sessions import Session
from propainter_wire.shot import Pixels, bytes_of, digest_of, pixels_in


def received_pixels(session: Session, put: Put, buffers: tuple[memoryview, ...], pool: PixelPool) -> Pixels:
    """Pixels of a put, no longer shared with the client, after comparing their digest. Raises WireError."""
    place, dtype, shape = put.buffer.place, put.buffer.dtype, put.buffer.shape
    if isinstance(place, InSegment):
        pixels = pool.empty(dtype, shape)
        session.segments.take_upload(place, bytes_of(pixels))
    else:
        pixels = pixels_in(buffers[place.index], dtype, shape)
    digest = digest_of(pixels)  # of what has arrived: whoever shares the segment may have changed it since
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
        place = session.segments.place(data)
        if place is not None:
            return place, (), digest_of(pixels)
    return Inline(0), (data,), digest_of(pixels)
