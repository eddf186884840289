"""Memory for large pixels that come and go: used again rather than given back to the system.

Touching fresh memory for the first time costs several times what a copy costs: putting a 4K RGBA float frame took 69 to
333 ms with new arrays and 53 to 79 ms with used ones (eight each, the same busy machine). Not here: shared memory, which is
long-lived anyway (``shm.py``).
"""

from __future__ import annotations

import weakref
from collections import deque

import numpy as np

from propainter_wire.shot import DType, Pixels, Shape, byte_count, pixels_in

WORTH_KEEPING_BYTES = 2**20


class PixelPool:
    """Hands out pixels and takes their memory back when the last view of them is gone. May be shared by threads."""

    def __init__(self, *, keep_bytes: int) -> None:
        """keep_bytes: at most so much unused memory is kept for later."""
        self._keep_bytes = keep_bytes
        self._unused: deque[Pixels] = deque()

    def empty(self, dtype: DType, shape: Shape) -> Pixels:
        """New h w c pixels, contents undefined."""
        nbytes = byte_count(dtype, shape)
        memory = self._used_before(nbytes)
        pixels = pixels_in(memory.data[:nbytes], dtype, shape)
        if memory.nbytes >= WORTH_KEEPING_BYTES:
            # Every view of the pixels keeps this base alive; it goes when the last of them goes.
            flat = pixels.base
            assert flat is not None and isinstance(flat.base, memoryview)
            weakref.finalize(flat.base, _give_back, weakref.ref(self), memory).atexit = False
        return pixels

    def _used_before(self, nbytes: int) -> Pixels:
        """Memory at least this large and not wastefully larger. Without a lock: deque operations are atomic."""
        for _ in range(len(self._unused)):
            try:
                memory = self._unused.popleft()
            except IndexError:
                break
            if nbytes <= memory.nbytes <= 2 * nbytes:
                return memory
            self._unused.append(memory)
        return np.empty(nbytes, np.uint8)

    def take_back(self, memory: Pixels) -> None:
        """Keep it if there is room, the oldest goes first. Runs wherever the last view happened to die."""
        self._unused.append(memory)
        while sum(kept.nbytes for kept in tuple(self._unused)) > self._keep_bytes:
            try:
                self._unused.popleft()
            except IndexError:
                return


def _give_back(pool: weakref.ref[PixelPool], memory: Pixels) -> None:
    alive = pool()
    if alive is not None:
        alive.take_back(memory)
