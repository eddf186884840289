"""What can go wrong with pictures that their user can put right.

Here: the errors whose text is one sentence for the user: it names the thing, the value and the way out. A command line
prints it and exits with code 2. Not here: mistakes of our own (those stay ``ValueError`` and ``AssertionError``), what
else can go wrong with a removal (``propainter_backend/errors.py``).

    RemoveError
      BadInput        a plate or matte that cannot be used as it is
        Unreadable    a file that is damaged, or something else than its name says
      OutputError     a result that cannot be written where it was asked for
"""

from __future__ import annotations

from pathlib import Path


class RemoveError(Exception):
    """Something the user can put right; its text is the one sentence to show."""


class BadInput(RemoveError):
    """A plate or matte is missing, unreadable, of another size, or holds what cannot be used."""


class Unreadable(BadInput):
    """A file is damaged, or something else than its name says."""

    def __init__(self, text: str, path: Path, reason: str) -> None:
        super().__init__(text)
        self.path = path
        self.reason = reason
        """What the library that decodes it says."""


class OutputError(RemoveError):
    """A result cannot be written: no room, no permission, or a format that cannot hold it."""
