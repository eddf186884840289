"""Which files are pictures and videos, and what each format can hold.

Here: file name endings and pixel types. Not here: reading and writing them (``images.py``, ``video.py``).
"""

from __future__ import annotations

from typing import Any

import numpy as np

IMAGE_SUFFIXES = frozenset({".exr", ".dpx", ".tif", ".tiff", ".png", ".jpg", ".jpeg"})
"""File name endings read and written as pictures, in lower case."""

VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".m4v", ".mkv", ".avi", ".webm", ".mxf", ".mpg", ".mpeg", ".ts"})
"""File name endings read as video, in lower case."""

HOLDS: dict[str, tuple[str, ...]] = {
    ".exr": ("float16", "float32"),
    ".dpx": ("uint8", "uint16"),
    ".tif": ("uint8", "uint16", "float16", "float32"),
    ".tiff": ("uint8", "uint16", "float16", "float32"),
    ".png": ("uint8", "uint16"),
    ".jpg": ("uint8",),
    ".jpeg": ("uint8",),
}
"""Pixel types a format can hold without changing a value (half floats go into TIFF as floats)."""


def formats_for(dtype: np.dtype[Any]) -> list[str]:
    """File name endings that hold this pixel type exactly."""
    return [suffix for suffix in (".exr", ".dpx", ".tif", ".png") if dtype.name in HOLDS[suffix]]
