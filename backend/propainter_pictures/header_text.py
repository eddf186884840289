"""Text in the headers of pictures and videos, whatever bytes it is made of.

Here: ``readable``. Not here: where it stands (``stored.py``, ``video_facts.py``).
"""

from __future__ import annotations


def readable(text: str) -> str:
    """A note whose bytes were not UTF-8, read as Latin-1, which old programs wrote; any other as it is.

    text: as it was decoded with ``surrogateescape``.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="surrogateescape").decode("latin-1")
    return text
