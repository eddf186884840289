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

FOREIGN_SUFFIXES = frozenset({
    ".apng", ".arw", ".avif", ".bmp", ".braw", ".cin", ".cr2", ".dng", ".gif", ".hdr", ".heic", ".ico", ".iff", ".j2k",
    ".jfif", ".jp2", ".jpe", ".jxl", ".nef", ".pbm", ".pfm", ".pgm", ".pic", ".pnm", ".ppm", ".psb", ".psd", ".ptx",
    ".rgb", ".rla", ".sgi", ".svg", ".tga", ".tx", ".webp", ".xpm",
    ".3gp", ".divx", ".f4v", ".flv", ".m2ts", ".m2v", ".mjpeg", ".mts", ".mxv", ".ogg", ".ogv", ".r3d", ".rm", ".swf",
    ".vob", ".wmv", ".y4m",
})  # fmt: skip
"""Endings of pictures and videos that are not written here: nobody means a folder of that name."""

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
