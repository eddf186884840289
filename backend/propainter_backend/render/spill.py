"""A folder for what a render's memory does not hold: gone with the render, and where that was killed, with the next one.

Here: ``spill_folder``. Not here: what lies in it (``shot_cache.py``), hidden files beside results
(``propainter_pictures/whole_files.py``).

Whether a render lives is told by the lock on a file in its folder, not by a process's number: numbers are used again, and
containers that share /tmp count each from one.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from propainter_backend.errors import OutputError
from propainter_os import files, locks, users

_PREFIX = "propainter-spill-"
_LOCK = "lock"
_FRESH_S = 60.0
"""A folder so young may be about to be locked."""


@contextmanager
def spill_folder() -> Iterator[Path]:
    """A private, empty folder among the temporary ones; what dead renders of this user left there is removed first.

    Raises OutputError if there is no place for one.
    """
    try:
        _sweep(Path(tempfile.gettempdir()))
        folder = tempfile.mkdtemp(prefix=_PREFIX)
    except OSError as error:
        raise _no_place(error) from error
    try:
        try:
            lock = files.open_or_make(Path(folder) / _LOCK)
        except OSError as error:
            raise _no_place(error) from error
        try:
            _try_lock(lock)
            yield Path(folder)
        finally:
            with contextlib.suppress(OSError):  # nothing was written to it
                os.close(lock)
    finally:
        try:
            _remove(Path(folder))
        except BaseException:  # told to end meanwhile
            _remove(Path(folder))
            raise


def _remove(folder: Path) -> None:
    """As far as it goes: the results are whole all the same, and the next render sweeps."""
    with contextlib.suppress(OSError):
        shutil.rmtree(folder, ignore_errors=True)


def _no_place(error: OSError) -> OutputError:
    reason = error.strerror or error
    return OutputError(f"no temporary folder can be made ({reason}); name one with room in TMPDIR")


def _sweep(temporary: Path) -> None:
    """Never fails: what cannot be removed stays."""
    with contextlib.suppress(OSError):
        for folder in temporary.glob(f"{_PREFIX}*"):
            with contextlib.suppress(OSError):
                if _is_dead(folder):
                    _remove(folder)


def _is_dead(folder: Path) -> bool:
    """Whether nobody uses a folder of this user's any more. Where locks cannot tell, it is left alone."""
    found = folder.lstat()
    if folder.is_symlink() or not users.is_mine(found):
        return False
    try:
        lock = files.open_existing(folder / _LOCK)
    except FileNotFoundError:
        return time.time() - found.st_mtime > _FRESH_S
    try:
        return _try_lock(lock)
    finally:
        os.close(lock)


def _try_lock(lock: int) -> bool:
    """Whether it is ours now. Where the file system knows no locks, it never is."""
    try:
        return locks.try_lock(lock)
    except OSError:
        return False
