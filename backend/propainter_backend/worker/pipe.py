"""What daemon and worker say to each other over their private pipe: msgpack maps, pixels beside them.

Here: ``send`` and ``receive``. Not here: what the messages mean (``worker.py``, ``daemon/workers``). Nobody else can reach
this pipe; even so nothing is pickled and every pixel buffer states its type and shape.
"""

from __future__ import annotations

from multiprocessing.connection import Connection
from typing import Any

import msgpack
import numpy as np

Note = dict[str, Any]


def send(pipe: Connection, note: Note, pixels: np.ndarray | None = None) -> None:
    """One message; pixels go beside it, uncopied. Raises OSError when the other side is gone."""
    if pixels is not None:
        pixels = np.ascontiguousarray(pixels)
        note = {**note, "pixels": [pixels.dtype.name, list(pixels.shape)]}
    pipe.send_bytes(msgpack.packb(note))
    if pixels is not None:
        pipe.send_bytes(pixels.reshape(-1).view(np.uint8).data)


def receive(pipe: Connection) -> tuple[Note, np.ndarray | None]:
    """The next message. Raises EOFError or OSError when the other side is gone."""
    note: Note = msgpack.unpackb(pipe.recv_bytes(), strict_map_key=False)
    if "pixels" not in note:
        return note, None
    dtype, shape = note.pop("pixels")
    return note, np.frombuffer(pipe.recv_bytes(), dtype=dtype).reshape(shape)
