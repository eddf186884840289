"""The daemon's cache holds plates: its folder is this user's alone, as the runtime folder is.

Here: ``check_cache_folder``. Not here: what lies there (``render/shot_cache.py``), the runtime folder
(``propainter_wire/connection.py``).
"""

from __future__ import annotations

from pathlib import Path

from propainter_wire.connection import check_private_directory

_ROOMS = ("content", "artifacts")


def check_cache_folder(folder: Path) -> None:
    """Make the folder, or check that nobody else may look into it or put anything there; its own folders, too.

    Raises UnsafeConnection, whose sentence says what to do, or OSError if it cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    check_private_directory(folder)
    for room in _ROOMS:
        if (folder / room).is_symlink() or (folder / room).exists():
            check_private_directory(folder / room)
