"""The guard of what was given: no output is written over a plate, a matte or a clean plate.

Here: which places are refused, for the command, its sheet and report, farm tasks and the panel's exports alike. Not here:
earlier results, which a command replaces and the panel asks about; writing (``results.py``).

Files are told apart by what they are, not only by name: a link, or a disk that ignores case, leads to the same file.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from propainter_pictures.errors import OutputError
from propainter_pictures.plates import FrameSource


def refuse_overwriting(files: Sequence[Path], sources: Sequence[FrameSource]) -> None:
    """Raise ``OutputError`` where one of these output files is one of the sources' own."""
    wanted = {file.resolve(): file for file in files}
    there = {found: file for file in files if (found := _identity(file)) is not None}
    for source in sources:
        taken = source.files
        hit = next((file for place, file in wanted.items() if place in taken), None)
        if hit is None and there:
            hit = next((there[found] for file in taken if (found := _identity(file)) in there), None)
        if hit is not None:
            raise OutputError(f"{hit} belongs to the input {source.path}; choose another folder or name for the output")


def refuse_folder(folder: Path, sources: Sequence[FrameSource]) -> None:
    """Raise ``OutputError`` where results may not fill a folder: an input was given as it, or the plate's files lie there.

    sources: the plate first. What lies beside a video is no part of it.
    """
    here = folder.resolve()
    for source in sources:
        if Path(source.path).resolve() == here:
            raise OutputError(f"{folder} is the input's own folder; choose another folder for the output")
    plate = sources[0]
    if plate.video is None and any(file.parent == here for file in plate.files):
        raise OutputError(f"{folder} is the plate's own folder; choose another folder for the output")


def _identity(file: Path) -> tuple[int, int] | None:
    """What tells a file from all others; None: there is none of that name."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
