"""Large pixels moved through memory: copied by two threads, and digested while they are still in the cache.

Here: ``copy`` and ``copy_and_digest``. Not here: whose memory it is (``shm.py``), what a digest is of (``shot.py``).

A frame of 4K RGBA floats is 130 MB, and every reading of it costs as much as half a copy. Neither numpy's copy nor xxHash
holds the interpreter, unlike an assignment to a memoryview, so heartbeats go on meanwhile.
"""

from __future__ import annotations

import threading

import numpy as np

from propainter_wire.shot import DType, Shape, digest_state

_SHARED_FROM = 16 * 2**20
"""Bytes from which a second thread is worth its start."""
_BLOCK = 2**19
"""Bytes copied and then digested: small enough for a core's own cache."""


def copy(target: memoryview, source: memoryview) -> None:
    """Copy as many bytes as there are. Raises ValueError unless both have the same number."""
    into, data = _bytes(target), _bytes(source)
    _require_equal(into, data)
    if len(data) < _SHARED_FROM:
        np.copyto(into, data)
        return
    half = len(data) // 2
    other = threading.Thread(target=np.copyto, args=(into[half:], data[half:]))
    other.start()
    np.copyto(into[:half], data[:half])
    other.join()


def copy_and_digest(target: memoryview, source: memoryview, dtype: DType, shape: Shape) -> str:
    """Copy the bytes of h w c pixels and return the digest of what has arrived (docs/wire.md, section 4).

    It is the copy that is digested: whoever shares the source may have changed it since. Raises ValueError unless both
    have the same number of bytes.
    """
    into, data = _bytes(target), _bytes(source)
    _require_equal(into, data)
    state = digest_state(dtype, shape)
    # The other thread's copies are digested last; it has the larger half because this one digests in between.
    mine = len(data) * 3 // 8 if len(data) >= _SHARED_FROM else len(data)
    other = threading.Thread(target=np.copyto, args=(into[mine:], data[mine:]))
    if mine < len(data):
        other.start()
    for start in range(0, mine, _BLOCK):
        block = slice(start, min(start + _BLOCK, mine))
        np.copyto(into[block], data[block])
        state.update(into[block].data)
    if mine < len(data):
        other.join()
        state.update(into[mine:].data)
    return str(state.hexdigest())


def _bytes(memory: memoryview) -> np.ndarray:
    return np.frombuffer(memory, np.uint8)


def _require_equal(into: np.ndarray, data: np.ndarray) -> None:
    if len(into) != len(data):
        raise ValueError(f"{len(data)} bytes do not fit {len(into)}")
