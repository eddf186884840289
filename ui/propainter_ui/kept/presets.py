"""Presets: settings under a name of the artist's, for any shot.

Here: ``Presets``. Not here: the menu that offers them (``editing.py``).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast, get_args

from propainter_ui.kept.kept_file import KeptFile, data_folder
from propainter_wire.errors import WireError
from propainter_wire.messages import Quality, ShotSettings

_VERSION = 1
_LONGEST_NAME = 60


@dataclass(frozen=True)
class Preset:
    """Settings, and the quality they are rendered in."""

    settings: ShotSettings
    quality: Quality


class Presets:
    """All of one user, in one file that is read anew each time: another panel may be open. folder: None: this user's.

    Everything raises DamagedFile, the file set aside; what writes raises OSError.
    """

    def __init__(self, folder: Path | None = None) -> None:
        path = (data_folder() if folder is None else folder) / "presets.json"
        self._file = KeptFile(path, what="the file of presets", version=_VERSION)

    def all(self) -> dict[str, Preset]:
        """By name, in the order of names."""
        found = {}
        try:
            for name, note in self._file.read().get("presets", {}).items():
                if note["quality"] not in get_args(Quality):
                    raise ValueError(f"preset {name} has no such quality: {note['quality']!r}")
                settings = ShotSettings().changed(note["settings"])
                found[name] = Preset(settings, cast(Quality, note["quality"]))
        except (ValueError, KeyError, TypeError, AttributeError, WireError) as error:
            raise self._file.damaged(error) from error
        return dict(sorted(found.items(), key=lambda item: item[0].casefold()))

    def save(self, name: str, preset: Preset) -> None:
        """Keep a preset, in place of one of that name. Raises ValueError where it cannot be a name."""
        wanted = " ".join(name.split())
        if not wanted:
            raise ValueError("A preset needs a name.")
        if len(wanted) > _LONGEST_NAME:
            raise ValueError(f"A preset's name has at most {_LONGEST_NAME} letters; this one has {len(wanted)}.")
        self._write({**self.all(), wanted: preset})

    def delete(self, name: str) -> None:
        """Forget one; none of that name is no failure."""
        self._write({known: preset for known, preset in self.all().items() if known != name})

    def _write(self, presets: dict[str, Preset]) -> None:
        notes = {name: {"settings": asdict(each.settings), "quality": each.quality} for name, each in presets.items()}
        self._file.write({"presets": notes})
