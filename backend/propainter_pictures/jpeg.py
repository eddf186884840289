"""JPEG at its best: quality 100 and full colour resolution, yet never exact; it is written only where it is named.

Here: pixels and notes -> the bytes of a file. Not here: reading JPEG, which OpenImageIO does (``images.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def jpeg_bytes(rgb: NDArray[Any], notes: Sequence[str]) -> bytes:
    """A whole JPEG file of [h, w, 3] in uint8, 4:4:4; notes: lines of its comment."""
    # OpenCV alone here: OpenImageIO's writer gives the same pixels, but ends the whole process when the disk is full
    # (3.2.2; seen with a file size limit), and FFmpeg's has no quality 100. Loaded late: only commands write JPEG.
    import cv2

    quality = [cv2.IMWRITE_JPEG_QUALITY, 100, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    is_encoded, data = cv2.imencode(".jpg", np.ascontiguousarray(rgb[..., ::-1]), quality)
    if not is_encoded:  # it encodes any 8-bit RGB, and says nothing more where it has no memory for that
        raise MemoryError("OpenCV encodes no picture")
    comment = "\n".join(notes).encode()
    segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment  # ITU-T T.81, B.2.4.5
    whole: bytes = data[:2].tobytes() + segment + data[2:].tobytes()
    return whole
