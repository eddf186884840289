"""Sentences as people read them, on a console of any encoding or in a window.

Here: ``speak_any_encoding``, for every command's first line; ``as_sentence``. Not here: what is said.
"""

from __future__ import annotations

import io
import re
import sys

_PLAIN_WORD = re.compile(r"[a-z]+('s)?[,;:!?]?(?=\s|$)")


def speak_any_encoding() -> None:
    """Make stdout and stderr escape what their encoding lacks: a folder's umlaut must not end a render."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def as_sentence(text: str) -> str:
    """A message with a capital and a full stop. A name it begins with, of a file or an option, stays as it is."""
    text = text.strip()
    if _PLAIN_WORD.match(text):
        text = text[0].upper() + text[1:]
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."
