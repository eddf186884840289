"""A movie's alpha: taken from decoded frames, and decoded at all where FFmpeg's own decoder leaves it out.

Here: ``alpha_of``, ``AlphaDecoder``. Not here: colours, random access, times (``video.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

_LIBRARIES = {"vp9": "libvpx-vp9", "vp8": "libvpx"}
"""Their alpha is a second picture beside the first, which FFmpeg's own decoders skip."""


def has_alpha(frame: Any) -> bool:
    """Whether a decoded frame has an alpha."""
    return any(component.is_alpha for component in frame.format.components)


def alpha_of(frame: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
    """[h, w] of uint8 or uint16, spanning its whole range: alpha knows no limited range."""
    bits = next(component.bits for component in frame.format.components if component.is_alpha)
    stored = _stored(frame, bits)
    full, own = np.iinfo(dtype).max, (1 << bits) - 1
    if full == own:
        return stored.astype(dtype, copy=False)
    scaled: NDArray[Any] = (stored.astype(np.uint32) * full + own // 2) // own
    return scaled.astype(dtype)


class AlphaDecoder:
    """Decodes a stream by the library that gives its alpha."""

    def __init__(self, container: Any, stream: Any, library: str) -> None:
        self._container = container
        self._stream = stream
        self._context: Any = av.CodecContext.create(library, "r")
        self._context.extradata = stream.codec_context.extradata

    @staticmethod
    def of(container: Any, stream: Any) -> AlphaDecoder | None:
        """A decoder for a stream that says it has such an alpha; None for others, and where the library is missing."""
        library = _LIBRARIES.get(stream.codec_context.name)
        said = {name.lower(): value for name, value in stream.metadata.items()}
        if library is None or library not in av.codecs_available or said.get("alpha_mode") != "1":
            return None
        return AlphaDecoder(container, stream, library)

    def frames(self) -> Iterator[Any]:
        """Frames from where the container stands. Raises FFmpegError."""
        self._context.flush_buffers()
        for packet in self._container.demux(self._stream):
            yield from self._context.decode(packet if packet.size else None)


def _stored(frame: Any, bits: int) -> NDArray[Any]:
    """The alpha's own numbers."""
    if frame.format.is_planar and len(frame.planes) == 4:
        plane = frame.planes[3]
        kind = np.dtype("u1" if bits <= 8 else ">u2" if frame.format.is_big_endian else "<u2")
        rows = np.frombuffer(plane, kind).reshape(plane.height, plane.line_size // kind.itemsize)
        return rows[:, : plane.width].astype(kind.newbyteorder("="))
    packed: NDArray[Any] = frame.reformat(format="rgba" if bits <= 8 else "rgba64le").to_ndarray()
    return packed[..., 3]
