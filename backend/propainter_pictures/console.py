"""Sentences on a console of any encoding.

Here: ``speak_any_encoding``, for every command's first line. Not here: what is said.
"""

from __future__ import annotations

import io
import sys


def speak_any_encoding() -> None:
    """Make stdout and stderr escape what their encoding lacks: a folder's umlaut must not end a render."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
