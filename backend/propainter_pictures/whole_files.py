"""Files that appear under their name only when they are whole, and stay.

Here: the hidden file beside a place, what becomes of it, folders made for it, sweeping up what dead processes left, and what
to tell where that fails. Not here: what is written.

A file gets its name once its bytes are on the disk, and the folder is told to keep the name: a machine that loses power
leaves the old file or the new one. The hidden file is new and has a name that nobody can foresee, so that no link planted
in a shared folder is written through.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from propainter_os import files, processes, users
from propainter_pictures.errors import OutputError

_STEM_LETTERS = 30
_STALE_S = 24 * 3600.0
_PARTIAL = re.compile(r"\..*\.partial-(?P<host>.*)-(?P<pid>\d+)(-[0-9a-f]{16})?(\.[^.]*)?")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A new hidden file beside ``path`` to write to; becomes ``path`` on success and vanishes on any failure.

    Raises ``OutputError`` where the operating system refuses.
    """
    try:
        with appearing(path) as partial:
            yield partial
    except OSError as error:
        raise unwritable(path, error) from error


@contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """The same for who words its own refusals: raises OSError."""
    partial = Partial(path)
    try:
        partial.make()
        yield partial.path
        partial.settle()
    finally:
        partial.discard()


class Partial:
    """A hidden file beside a place, new and empty, which no other process knows: to be settled there, or discarded.

    It has its name before it is made, so that Ctrl-C in between leaves nothing that cannot be discarded. It is held open
    meanwhile. What a disk could not keep is told to whoever has the file open, and only once: a writer that
    does not listen as it closes would be the only one to hear of it. Raises OSError.
    """

    def __init__(self, place: Path) -> None:
        self.path = partial_name(place)
        self._place = place
        self._file: int | None = None

    def make(self) -> None:
        """Put the file there. Raises OSError."""
        self._file = files.open_new(self.path, mode=0o666)

    def settle(self) -> None:
        """Give the finished file its name, durably. Raises OSError."""
        assert self._file is not None
        if not os.path.samestat(os.fstat(self._file), self.path.lstat()):
            raise OSError(f"somebody put something else in the place of {self.path.name}")
        os.fsync(self._file)
        file, self._file = self._file, None
        os.close(file)  # Windows renames no open file
        files.replace(self.path, self._place)
        files.sync_folder(self._place.parent)

    def discard(self) -> None:
        """Take the file away, unless it has its name. Never fails."""
        try:
            if self._file is not None:
                with contextlib.suppress(OSError):
                    os.close(self._file)
                self._file = None
        finally:  # Ctrl-C is heard as the file is closed
            with contextlib.suppress(OSError):
                self.path.unlink()


def make_folder(folder: Path) -> None:
    """Create a folder and those above it, durably; one that is there is left as it is. Raises OSError."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    files.sync_folder(folder.parent)


def partial_name(path: Path) -> Path:
    """A hidden name in the same folder, with the same ending, that nobody can foresee; it tells whose it is."""
    whose = f"{platform.node()}-{os.getpid()}-{secrets.token_hex(8)}"
    return path.with_name(f".{path.stem[:_STEM_LETTERS]}.partial-{whose}{path.suffix}")


def sweep(folder: Path) -> None:
    """Remove hidden files that processes left which no longer run here, or that nobody wrote to for a day. Only one's own.

    Never fails: what cannot be removed stays.
    """
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(folder)):
            hit = _PARTIAL.fullmatch(entry.name)
            with contextlib.suppress(OSError):
                if hit and entry.is_file(follow_symlinks=False) and _is_stale(hit, entry.stat(follow_symlinks=False)):
                    Path(entry).unlink()


def unwritable(path: Path, error: Exception) -> OutputError:
    """What to tell when writing fails."""
    reason = getattr(error, "strerror", None) or str(error)
    return OutputError(f"{path} cannot be written ({reason}); make room there or choose another place for the output")


def _is_stale(hit: re.Match[str], found: os.stat_result) -> bool:
    if not users.is_mine(found):
        return False
    if time.time() - found.st_mtime > _STALE_S:
        return True
    return hit["host"] == platform.node() and not processes.is_running(int(hit["pid"]))
