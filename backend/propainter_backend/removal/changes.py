"""Files that change while a render reads them: noticed, told, never mixed.

Here: ``Stamps``, taken when a removal's files are opened. Not here: reading them (``removal.py``), waiting for changes
(``commands/through_backend.py``).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from propainter_backend.errors import BadInput
from propainter_pictures.plates import FrameSource

Stamp = tuple[int, int, int] | None
"""When a file was last written, how large it is, and which file it is; None: it is not there."""


def stamp_of(path: Path) -> Stamp:
    """A file's stamp now."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


class Stamps:
    """What the files of some sources were when they were opened."""

    def __init__(self, sources: Iterable[FrameSource]) -> None:
        self._before = {path: stamp_of(path) for source in sources for path in source.files}

    def check(self, source: FrameSource, number: int, what: str) -> None:
        """Raise BadInput where a frame's file is another one than when it was opened. Before and after it is read."""
        path = source.file(number).resolve()
        if path in self._before and stamp_of(path) != self._before[path]:
            raise BadInput(
                f"frame {number} of the {what} ({path.name}) was replaced while it was being rendered; frames of before and "
                "after do not belong together, so render again"
            )

    def changed(self) -> list[Path]:
        """The files that are other ones by now."""
        return [path for path, before in self._before.items() if stamp_of(path) != before]

    def now(self) -> dict[Path, Stamp]:
        """The stamps of the same files as they are now."""
        return {path: stamp_of(path) for path in self._before}

    @property
    def before(self) -> dict[Path, Stamp]:
        """The stamps of when they were opened."""
        return self._before
