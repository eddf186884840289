"""File names as frame numbers.

Here: patterns, and the numbers of a folder's files. Not here: opening what they name (``plates.py``), which frames of a
plate, a matte and a clean plate belong together (``pairing.py``).

A frame number is the one number in which the names of a sequence differ: ``p.1001.exr``, ``shot_1001_v02.exr``,
``p.-012.exr``. In a lone name it is the last one at the end of a word, unless a ``v`` in front makes it a version.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from propainter_pictures.errors import BadInput
from propainter_pictures.formats import IMAGE_SUFFIXES

_NUMBER = re.compile(r"((?:(?<![^._\s])-)?\d+)")
"""A minus belongs to a number where a word starts with it: frame -12 of ``p.-012``, frame 12 of ``p-012``."""


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
                f"no file matches the pattern {self.file(0).with_name(self._spelling)}; check folder and name"
            )
        return {number: self.file(number) for number in sorted(numbers)}

    @property
    def _spelling(self) -> str:
        return f"{self.before}{'#' * self.digits}{self.after}"


@dataclass(frozen=True)
class FoundFrames:
    """Picture files by frame number."""

    files: Mapping[int, Path]
    """In ascending order of their numbers."""
    labels: tuple[int, ...] | None
    """The number in each name, in the same order; None where names tell none, and frames count from 0."""

    @staticmethod
    def named(files: Mapping[int, Path]) -> FoundFrames:
        """Files whose numbers are those of their names."""
        ordered = dict(sorted(files.items()))
        return FoundFrames(ordered, tuple(ordered))


def pictures_in(folder: Path) -> list[Path]:
    """A folder's picture files, hidden ones left aside, in lexicographic order."""
    return sorted(
        entry
        for entry in folder.iterdir()
        if entry.suffix.lower() in IMAGE_SUFFIXES and not entry.name.startswith(".") and entry.is_file()
    )


def frames_in_folder(folder: Path) -> FoundFrames:
    """A folder's pictures by frame number. Raises ``BadInput`` without any, or of two formats or sequences."""
    files = pictures_in(folder)
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


def sequence_name(file: Path) -> str:
    """The same for all files of a numbered sequence in one folder: their name with # for the number."""
    parts = _parts(file)
    place = _number_place(parts)
    return "".join(parts if place is None else [*parts[:place], "#", *parts[place + 1 :]]) + file.suffix.lower()


def sequence_of(file: Path) -> FoundFrames:
    """The numbered sequence that a file is one of, which lies beside it; the file alone if its name has no number."""
    parts = _parts(file)
    place = _number_place(parts)
    if place is None:
        return FoundFrames({0: file}, None)
    rest = _without(parts, place)
    siblings = [each for each in pictures_in(file.parent) if each.suffix.lower() == file.suffix.lower()]
    by_number = {int(_parts(each)[place]): each for each in siblings if _without(_parts(each), place) == rest}
    return _sampled_or_own(by_number)


def numbered(files: Sequence[Path]) -> FoundFrames:
    """Files by frame number; ``files`` in lexicographic order. Raises ``BadInput`` where two sequences share numbers."""
    sequences = _sequences(files)
    numbers = [number for sequence in sequences.values() for number, _ in sequence]
    counted = FoundFrames(dict(enumerate(files)), None)
    if None in numbers or any(len(dict(sequence)) < len(sequence) for sequence in sequences.values()):
        return counted  # no number, or 1 and 01: names do not tell
    if len(sequences) == 1:
        (only,) = sequences.values()
        return _sampled_or_own({number: file for number, file in only if number is not None})
    if len(set(numbers)) < len(numbers):
        first, second, *_ = sequences
        raise BadInput(
            f"{files[0].parent} holds {len(sequences)} sequences ({first[0]}#{first[1]} and {second[0]}#{second[1]}, for "
            f"two); name the one to use by a pattern like {files[0].parent / first[0]}####{first[1]}{files[0].suffix}"
        )
    return counted


def listed(numbers: Sequence[int], *, most: int = 6) -> str:
    """Ascending frame numbers as runs: ``1001-1004, 1010``; the first ones alone where there are many runs."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    texts = [str(first) if first == last else f"{first}-{last}" for first, last in runs]
    return ", ".join(texts[:most]) + (", ..." if len(texts) > most else "")


def _sampled_or_own(by_number: Mapping[int, Path]) -> FoundFrames:
    """0, 5, 10, ...: every fifth frame was kept on purpose, none is missing, and they count from 0."""
    found = FoundFrames.named(by_number)
    assert found.labels is not None
    steps = {after - before for before, after in pairwise(found.labels)}
    is_sampled = len(steps) == 1 and len(found.labels) > 2 and steps != {1}
    return FoundFrames(dict(enumerate(found.files.values())), found.labels) if is_sampled else found


Sequences = dict[tuple[str, str], list[tuple[int | None, Path]]]
"""Frame numbers and files by what stands before and behind the number."""


def _sequences(files: Sequence[Path]) -> Sequences:
    parts = [_parts(file) for file in files]
    place = _common_place(parts)
    found: Sequences = defaultdict(list)
    for file, own in zip(files, parts, strict=True):
        at = _number_place(own) if place is None else place
        if at is None:
            found[file.stem, ""].append((None, file))
        else:
            found["".join(own[:at]), "".join(own[at + 1 :])].append((int(own[at]), file))
    return found


def _parts(file: Path) -> list[str]:
    """A name without its ending, cut into text, number, text, number, ..., text."""
    return _NUMBER.split(file.stem)


def _without(parts: Sequence[str], place: int) -> list[str]:
    return [*parts[:place], "", *parts[place + 1 :]]


def _common_place(parts: Sequence[list[str]]) -> int | None:
    """The one number in which names of the same words differ; None where there is no such number."""
    if len({tuple(each[::2]) for each in parts}) > 1:
        return None
    differing = [place for place in range(1, len(parts[0]), 2) if len({each[place] for each in parts}) > 1]
    return differing[0] if len(differing) == 1 else None


def _number_place(parts: Sequence[str]) -> int | None:
    """Where a lone name has its frame number: the last one at the end of a word that is no version and no size."""
    for place in range(len(parts) - 2, 0, -2):
        before, behind = parts[place - 1], parts[place + 1]
        is_version = re.search(r"(?<![A-Za-z])[vV]$", before) is not None
        is_height = before in ("x", "X") and place > 2
        if not is_version and not is_height and (not behind or not behind[0].isalnum()):
            return place
    return None
