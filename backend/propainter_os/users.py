"""Whose a file is, and whether others may look into it.

Here: the questions. Not here: what is refused then (``propainter_wire/connection.py``).

Windows has neither numbers of users nor mode bits. There a folder is private by its place: the access list of a profile
keeps others out of all that lies below it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path, PureWindowsPath

from propainter_os import systems

_OTHERS = 0o077
_PROFILE = ("USERPROFILE", "LOCALAPPDATA", "APPDATA")


def number() -> int:
    """The user's number; 0 where users have none."""
    return 0 if systems.is_windows() else os.geteuid()


def is_mine(found: os.stat_result) -> bool:
    """Whether a file is this user's; where files do not tell, it is taken for that."""
    return systems.is_windows() or found.st_uid == os.geteuid()


def open_to_others(found: os.stat_result) -> int:
    """The mode of a file or folder that others may use; 0: nobody may, or mode bits mean nothing here."""
    mode = stat.S_IMODE(found.st_mode)
    return mode if mode & _OTHERS and not systems.is_windows() else 0


def profile_around(path: Path, environ: Mapping[str, str] | None = None) -> str | None:
    """On Windows: the user's folder that the path has to lie in to be private, and does not; None: all is well."""
    if not systems.is_windows():
        return None
    environ = os.environ if environ is None else environ
    folders = [PureWindowsPath(environ[name]) for name in _PROFILE if environ.get(name)]
    asked = PureWindowsPath(path)
    if any(asked.is_relative_to(folder) for folder in folders) and ".." not in asked.parts:
        return None
    return str(folders[0]) if folders else "USERPROFILE, which is not set"


def private_temporary() -> Path | None:
    """Where a user without a home may have a private folder; None: this system has no such place."""
    return None if systems.is_windows() else Path(f"/tmp/propainter-{os.getuid()}")
