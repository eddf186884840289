"""The folder of the daemon's cache, wherever this user may have one.

Here: ``cache_folder``. Not here: what lies in it (``render/shot_cache.py``, ``content``), the folder of its socket
(``propainter_wire/connection.py``).
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import platformdirs

from propainter_backend.errors import BadInput
from propainter_os import users
from propainter_wire.connection import make_private_directory

FALLBACK_BUDGET = 2 << 30
"""Bytes the cache may take where it has to lie in /tmp, which is memory on many machines."""


def cache_folder(named: Path | None) -> tuple[Path, str | None]:
    """The folder, made; and a sentence where it is not the usual one.

    Without a home to write to (none set, somebody else's, read-only) it is a private folder below /tmp.
    Raises BadInput if the folder named cannot be made, UnsafeConnection if the one in /tmp is somebody else's.
    """
    if named is not None:
        reason = _refused(named)
        if reason is not None:
            raise BadInput(f"the cache folder {named} cannot be used ({reason}); name another with --cache-dir")
        return named.resolve(), None
    usual = usual_folder()
    reason = "HOME is not set" if usual is None else _refused(usual)
    if usual is not None and reason is None:
        return usual.resolve(), None
    private = users.private_temporary()
    if private is None:
        raise BadInput(f"the cache folder {usual} cannot be used ({reason}); name another with --cache-dir")
    make_private_directory(private)
    folder = private / "cache"
    folder.mkdir(exist_ok=True, mode=0o700)
    where = "no home folder" if usual is None else str(usual)
    return folder, f"the cache lies in {folder} ({where}: {reason}); name another place with --cache-dir"


def usual_folder() -> Path | None:
    """Where caches of this user lie; None: nobody says."""
    try:
        return Path(platformdirs.user_cache_dir("propainter-remove", appauthor=False))
    except RuntimeError:  # no HOME, and no line in the system's list of users
        return None


def _refused(folder: Path) -> str | None:
    """Why a folder cannot be made or written to; None: it can."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return error.strerror or str(error)
