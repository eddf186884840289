"""One small file of the user's: a version and a map, written whole or not at all.

Here: ``KeptFile``, and where such files live. Not here: what is in one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from propainter_os import files, systems
from propainter_pictures.console import as_sentence
from propainter_pictures.whole_files import appearing

_MOST_BYTES = 1 << 20


class DamagedFile(Exception):
    """A file that cannot be used; one sentence says which, why, and where it lies now."""


def data_folder() -> Path:
    """Where this user's programs keep their data, and this one its own."""
    if systems.is_windows():
        base = os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming"
    elif systems.is_macos():
        base = Path.home() / "Library" / "Application Support"
    else:
        base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "propainter-remove" / "panel"


class KeptFile:
    """what: the file in words, as in "the presets". version: of what is in it; others are not read."""

    def __init__(self, path: Path, *, what: str, version: int) -> None:
        self.path = path
        self._what = what
        self._version = version

    def read(self) -> dict[str, Any]:
        """The map; empty where there is no file. Raises DamagedFile, the file set aside."""
        try:
            if self.path.stat().st_size > _MOST_BYTES:
                raise ValueError("it is far too large")
            found = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise DamagedFile(as_sentence(f"{self._what} cannot be read ({self.path}: {error.strerror})")) from error
        except (ValueError, RecursionError) as error:
            raise self.damaged(error) from error
        if not isinstance(found, dict) or found.get("version") != self._version:
            raise self.damaged("it was written by another version of the panel")
        return found

    def damaged(self, why: object) -> DamagedFile:
        """Set the file aside; returns the sentence that tells of it."""
        aside = self.path.with_suffix(".damaged")
        try:
            files.replace(self.path, aside)
        except OSError:
            aside = self.path
        return DamagedFile(as_sentence(f"{self._what} cannot be used ({why}). The file is kept as {aside}"))

    def write(self, content: Mapping[str, Any]) -> None:
        """Put this in place of what is there. Raises OSError."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with appearing(self.path) as partial:
            partial.write_text(json.dumps({"version": self._version, **content}, indent=1), encoding="utf-8")
