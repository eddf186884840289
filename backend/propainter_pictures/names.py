"""File names as frame numbers.

Here: patterns, and the numbers of a folder's files. Not here: opening what they name (``plates.py``).
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from propainter_pictures.errors import BadInput
from propainter_pictures.formats import IMAGE_SUFFIXES


@dataclass(frozen=True)
class FilePattern:
    """File names with one frame number in them: ``plate.%04d.exr`` or ``plate.####.exr``."""

    folder: Path
    before: str
    after: str
    digits: int
    """At least so many, filled with zeros."""

    @staticmethod
    def parse(path: str) -> FilePattern | None:
        """The pattern a path spells, or None. Raises ``BadInput`` if it has more than one place for a number."""
        here = Path(path)
        places = list(re.finditer(r"%(0\d+)?d|#+", here.name))
        if not places:
            return None
        if len(places) > 1:
            raise BadInput(f"{path} has {len(places)} places for the frame number; leave one")
        hit = places[0]
        digits = len(hit[0]) if hit[0].startswith("#") else int(hit[1] or 1)
        return FilePattern(here.parent, here.name[: hit.start()], here.name[hit.end() :], digits)

    def file(self, number: int) -> Path:
        """The file of a frame."""
        return self.folder / f"{self.before}{number:0{self.digits}d}{self.after}"

    def matches(self) -> dict[int, Path]:
        """Every file there is, by frame number. Raises ``BadInput`` without any."""
        shape = re.compile(re.escape(self.before) + r"(-?\d+)" + re.escape(self.after))
        names = [entry.name for entry in self.folder.iterdir()] if self.folder.is_dir() else []
        numbers = [
            int(hit[1]) for name in names if (hit := shape.fullmatch(name)) and self.file(int(hit[1])).name == name
        ]
        if not numbers:
            raise BadInput(
                f"no file fits the pattern {self.file(0).with_name(self._spelling)}; check its folder and name"
            )
        return {number: self.file(number) for number in sorted(numbers)}

    @property
    def _spelling(self) -> str:
        return f"{self.before}{'#' * self.digits}{self.after}"


def frames_in_folder(folder: Path) -> dict[int, Path]:
    """A folder's pictures by frame number. Raises ``BadInput`` without any, or of two formats or sequences."""
    files = sorted(
        entry
        for entry in folder.iterdir()
        if entry.suffix.lower() in IMAGE_SUFFIXES and not entry.name.startswith(".") and entry.is_file()
    )
    if not files:
        raise BadInput(
            f"{folder} holds no pictures ({' '.join(sorted(IMAGE_SUFFIXES))}); render the frames there first"
        )
    endings = sorted({file.suffix.lower() for file in files})
    if len(endings) > 1:
        raise BadInput(
            f"{folder} holds pictures of {len(endings)} formats ({' '.join(endings)}); "
            f"name the ones to use by a pattern like {folder / f'plate.%04d{endings[0]}'}"
        )
    return numbered(files)


def numbered(files: list[Path]) -> dict[int, Path]:
    """Files by frame number; ``files`` in lexicographic order. Raises ``BadInput`` where two sequences share numbers."""
    hits = [re.fullmatch(r"(.*?)(\d+)", file.stem) for file in files]
    by_prefix: dict[str, dict[int, Path]] = defaultdict(dict)
    for file, hit in zip(files, hits, strict=True):
        if hit is None or int(hit[2]) in by_prefix[hit[1]]:  # no number, or 1 and 01: names do not tell
            return dict(enumerate(files))
        by_prefix[hit[1]][int(hit[2])] = file
    numbers = sorted(number for frames in by_prefix.values() for number in frames)
    steps = {after - before for before, after in pairwise(numbers)}
    if len(by_prefix) == 1:  # 0, 5, 10, ...: every fifth frame was kept on purpose, none is missing
        is_sampled = len(steps) == 1 and len(files) > 2 and steps != {1}
        return dict(enumerate(files)) if is_sampled else next(iter(by_prefix.values()))
    if 0 in steps:
        first, second, *_ = by_prefix
        raise BadInput(
            f"{files[0].parent} holds {len(by_prefix)} sequences ({first}# and {second}#, for two); "
            f"name the one to use by a pattern like {files[0].parent / first}####{files[0].suffix}"
        )
    return dict(enumerate(files))
