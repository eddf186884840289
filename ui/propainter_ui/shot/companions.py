"""The matte that belongs to a plate by its name: ``hill`` and ``hill_matte``.

Here: ``matte_beside`` and ``shot_name``, names and folders alone. Not here: reading either (``shot_files.py``).
"""

from __future__ import annotations

import re
from pathlib import Path

from propainter_pictures.formats import IMAGE_SUFFIXES, VIDEO_SUFFIXES

MATTE_WORDS = frozenset({"matte", "mattes", "mask", "masks", "roto", "rotos", "alpha", "key", "hole", "holes"})
_PLATE_WORDS = frozenset({"plate", "plates", "frames"})
_BETWEEN = re.compile(r"[ ._-]+")


def matte_beside(plate: Path) -> Path | None:
    """What is named like the plate and says that it is a matte: ``hill_matte`` beside ``hill``, ``matte`` beside
    ``plate``; for one frame of a sequence also a sequence in its own folder, or a folder beside that one.

    None where there is none, or more than one.
    """
    try:
        found = _beside(plate)
        if not found and plate.suffix.lower() in IMAGE_SUFFIXES:
            found = _beside(plate.parent)
    except OSError:  # a folder nobody may look into
        return None
    return found[0] if len(found) == 1 else None


def _beside(plate: Path) -> list[Path]:
    """One path for each thing beside a plate that is named as its matte."""
    name = _name_of(plate)
    if _is_matte(name):
        return []
    found: dict[str, Path] = {}
    for other in sorted(plate.parent.iterdir()):
        is_shot = other.is_dir() or other.suffix.lower() in IMAGE_SUFFIXES | VIDEO_SUFFIXES
        if is_shot and not other.name.startswith(".") and _fits(_name_of(other), name):
            found.setdefault(f"{_name_of(other)}{other.suffix.lower()}", other)
    return list(found.values())


def _fits(matte: str, plate: str) -> bool:
    words = [word for word in _BETWEEN.split(matte) if word]
    rest = [word for word in words if word not in MATTE_WORDS]
    own = [word for word in _BETWEEN.split(plate) if word]
    if len(words) != len(rest) + 1:
        return False
    return rest == own or (rest == [word for word in own if word not in _PLATE_WORDS] and len(own) <= len(rest) + 1)


def _is_matte(name: str) -> bool:
    return bool(MATTE_WORDS & set(_BETWEEN.split(name)))


def _name_of(path: Path) -> str:
    """The name without ending and frame number, in lower case."""
    is_file = path.suffix.lower() in IMAGE_SUFFIXES | VIDEO_SUFFIXES
    name = path.stem if is_file else path.name
    return (re.sub(r"[ ._-]?\d+$", "", name) if path.suffix.lower() in IMAGE_SUFFIXES else name).lower()


def shot_name(path: Path) -> str:
    """What the artist calls a shot: its sequence's name; a folder called plate lends its parent's."""
    name = path.stem if path.suffix else path.name
    name = name.rstrip("0123456789").rstrip("._-") or name
    return path.parent.name if name.lower() in ("plate", "plates", "frames") and path.parent.name else name
