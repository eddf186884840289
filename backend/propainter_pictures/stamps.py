"""Files that change while somebody works with them: noticed, told, never mixed.

Here: ``Stamps``, taken when a shot's files are opened. Not here: reading them (``plates.py``), waiting for changes
(the command's ``through_backend.py``).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from propainter_pictures.errors import BadInput

if TYPE_CHECKING:  # plates load decoders
    from propainter_pictures.plates import FrameSource

Stamp = tuple[int, int, int] | None
"""When a file was last written, how large it is, and which file it is; None: it is not there."""


class FileReplaced(BadInput):
    """A file is another one than when it was opened. Its text names the way out, as the command has it."""

    def __init__(self, finding: str) -> None:
        super().__init__(
            f"{finding} while it was being rendered; the finished frames do not match the new ones, so render again"
        )
        self.finding = finding


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
        """Raise FileReplaced where a frame's file is another one than when it was opened. Before and after it is read."""
        path = source.file(number).resolve()
        if path in self._before and stamp_of(path) != self._before[path]:
            raise FileReplaced(f"frame {number} of the {what} ({path.name}) was replaced")

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
