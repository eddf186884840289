"""The sample shot that comes with an installation: 24 frames and their matte, to try everything on.

Here: where it lies, for the panel and for the command, and a copy of it. Not here: its pictures and their licences
(``samples/`` of the project).
"""

from __future__ import annotations

import shutil
from pathlib import Path

from propainter_pictures.errors import OutputError

_INSTALLED = Path(__file__).parents[1] / "propainter_ui" / "samples"
"""Where the wheel has it (``installer/sample_in_wheel.py``): the panel opens it, too."""
_IN_PROJECT = Path(__file__).parents[2] / "samples"


_PLACES = (_INSTALLED / "synth-pan", _IN_PROJECT / "synth-pan")


def sample_folder() -> Path | None:
    """The folder with ``plate`` and ``matte``; None where an installation was made without it."""
    return next((place for place in _PLACES if (place / "plate").is_dir() and (place / "matte").is_dir()), None)


def is_sample(path: Path) -> bool:
    """Whether a file is the sample's own: nothing is written beside it."""
    return any(place in path.parents for place in _PLACES)


def write_sample(folder: Path) -> tuple[Path, Path]:
    """Copy the sample shot into a folder; returns plate and matte there. Raises OutputError where that cannot be."""
    there = sample_folder()
    if there is None:
        raise OutputError("this installation has no sample shot; install the released package again")
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise OutputError(f"{folder} is not an empty folder; choose another for the sample shot")
        shutil.copytree(there, folder, dirs_exist_ok=True)
        for notes in (there, there.parent):  # whose pictures they are
            if (notes / "README.md").is_file():
                shutil.copy(notes / "README.md", folder / "README.md")
    except OSError as error:
        raise OutputError(f"cannot write the sample shot to {folder} ({error.strerror}); choose another") from error
    return folder / "plate", folder / "matte"
