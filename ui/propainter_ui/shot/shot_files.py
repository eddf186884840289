"""Plates, mattes and clean plates from what was dropped on the panel: which path is which, and a shot of them.

Here: what a dropped path means. Not here: reading and pairing frames, which ``propainter_pictures`` does for commands and
panel alike (its decoders are loaded when first needed); writing (``export.py``).

A folder's frames have the numbers the command gives them; a file of a numbered sequence stands for all of it, as its
pattern does for the command.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from propainter_pictures.errors import BadInput, RemoveError, Unreadable
from propainter_pictures.formats import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from propainter_pictures.frame import Frame, rgb_of, rgba_of
from propainter_pictures.frame_range import FrameRange
from propainter_pictures.mattes import native_matte
from propainter_pictures.names import frames_in_folder
from propainter_pictures.pairing import Pairing, offset_by_place
from propainter_wire.shot import Pixels, runs_of

if TYPE_CHECKING:
    from propainter_pictures.plates import FrameSource

_MATTE_WORDS = frozenset({"matte", "mattes", "mask", "masks", "roto", "rotos", "alpha", "key", "hole", "holes"})
_CLEAN_WORDS = (frozenset({"cleanplate"}), frozenset({"cleanplates"}), frozenset({"clean", "plate"}))
_NUMBER = re.compile(r"(\d+)(?!.*\d)")
_FRAME_LIST = re.compile(r"-?\d+(\s*-\s*-?\d+)?((\s*,\s*|\s+)-?\d+(\s*-\s*-?\d+)?)*,?")


class BadShot(Exception):
    """Files that make no shot. ``str()`` is one sentence with the way out."""


@contextmanager
def told_to_artists() -> Iterator[None]:
    """What reading and writing pictures refuses, and decoders that are missing, as BadShot."""
    try:
        yield
    except Unreadable as error:
        raise BadShot(f"{error.path.name} cannot be read ({error.reason}); render it again") from error
    except RemoveError as error:
        raise BadShot(str(error)) from error
    except ImportError as error:
        raise BadShot(
            f"{error.name} cannot be loaded ({error}); install propainter-remove[ui] where the panel runs"
        ) from error


class Frames:
    """A run of pictures of one size. Any thread may read."""

    def __init__(self, path: Path, source: FrameSource, *, is_numbered: bool = True) -> None:
        self.path = str(path)
        """As it can be opened again."""
        self.source = source
        self.range = source.range
        self.first, self.last = source.range.first, source.range.last
        self.width, self.height = source.size
        self.dtype = source.dtype.name
        self.channel_names = source.channel_names
        self.fps = float(source.fps or 24)
        self.is_still = source.is_still
        """One picture alone."""
        self.is_numbered = is_numbered
        """Frame numbers are the files' own, not counted here."""

    def has(self, frame: int) -> bool:
        """Whether there is this frame."""
        return self.source.has(frame)

    def frame(self, frame: int) -> Frame:
        """A frame with every channel. Raises BadShot naming it."""
        with told_to_artists():
            return self.source.read(frame)

    def read(self, frame: int) -> Pixels:
        """[h, w, c] in the file's own type. Raises BadShot naming the frame."""
        return self.frame(frame).pixels


@dataclass(frozen=True)
class Opened:
    """A plate, a matte and a clean plate, or some of them, as found among what was dropped."""

    plate: Frames | None
    matte: Frames | None
    clean: Frames | None = None


def open_dropped(paths: Sequence[Path], *, has_plate: bool, awaits_matte: bool) -> Opened:
    """Tell plate, matte and clean plate apart among dropped paths, and open them.

    A folder may hold frames, or folders with the plate, the matte and the clean plate. A single file of a numbered
    sequence stands for all of it. What is named matte, mask, roto, alpha or key, or has one channel, is the matte; what is
    named clean plate is one (not what is named clean alone: results are), and so is one colour picture dropped on a shot
    that has its matte. Where nothing tells, the first is the plate and the second the matte, and one alone is the matte if
    a plate is waiting for its own. Raises BadShot if that leaves nothing to open, or more than one of each.
    """
    found = [open_frames(path, may_have_gaps=_is_named_clean(path)) for path in _spread(paths)]
    if not found:
        raise BadShot("there are no pictures in what was dropped; drop a folder of frames, a frame or a video")
    cleans = [frames for frames in found if _is_named_clean(Path(frames.path)) and not _matte_likeness(frames)]
    if len(found) == 1 and has_plate and not awaits_matte and _is_colour_picture(found[0]):
        cleans = found
    if not (has_plate or len(found) > 1 + len(cleans)):  # a plate of that name, whatever it was cleaned of before
        cleans = []
    rest = [frames for frames in found if frames not in cleans]
    if len(rest) > 2 or len(cleans) > 1:
        names = ", ".join(Path(frames.path).name for frames in found)
        raise BadShot(
            f"{len(found)} sequences were dropped ({names}); drop one plate and one matte, and a clean plate named "
            "cleanplate, or choose it by Open"
        )
    clean = cleans[0] if cleans else None
    if not rest:
        return Opened(None, None, clean)
    if len(rest) == 1:
        only = rest[0]
        is_matte = _matte_likeness(only) or (awaits_matte and not cleans)
        return Opened(None, only, clean) if is_matte else Opened(only, None, clean)
    one, other = rest
    if _matte_likeness(one) > _matte_likeness(other):
        one, other = other, one
    return Opened(one, other, clean)


def open_frames(path: Path, *, may_have_gaps: bool = False) -> Frames:
    """The frames a folder, a file of a sequence, a still or a video stands for. Raises BadShot.

    may_have_gaps: not every number has to be there, as of clean plates.
    """
    if not path.exists():
        raise BadShot(f"{path} does not exist any more; drop it again from where it is now")
    with told_to_artists():
        if path.is_dir():
            return _open_numbered(path, _folder_numbers(path, may_have_gaps), may_have_gaps=may_have_gaps)
        if path.suffix.lower() in IMAGE_SUFFIXES:
            return _open_numbered(path, _own_numbers(_siblings(path)), may_have_gaps=may_have_gaps)
        if path.suffix.lower() in VIDEO_SUFFIXES:
            from propainter_pictures.plates import open_source

            return Frames(path, open_source(str(path)))
    known = " ".join(sorted(IMAGE_SUFFIXES | VIDEO_SUFFIXES))
    raise BadShot(f"{path.name} is neither a picture nor a video this reads ({known})")


def check_fit(plate: Frames, matte: Frames) -> None:
    """Raise BadShot if a matte's size or range does not fit its plate."""
    if (matte.width, matte.height) != (plate.width, plate.height):
        raise BadShot(
            f"the matte is {matte.width}x{matte.height} but the plate is {plate.width}x{plate.height}; reformat the matte "
            "to the plate"
        )
    if not ShotFiles(plate, matte).frames:
        raise BadShot(
            f"the matte has frames {matte.first}–{matte.last} but the plate {plate.first}–{plate.last}; render the matte "
            "over the plate's range, or give one still"
        )


def check_clean_fit(files: ShotFiles) -> None:
    """Raise BadShot if clean plates are of another size than their plate, grey, or of none of its frames."""
    plate, clean = files.plate_frames, files.clean_frames
    assert clean is not None
    name = Path(clean.path).name
    if (clean.width, clean.height) != (plate.width, plate.height):
        raise BadShot(
            f"the clean plate {name} is {clean.width}x{clean.height} but the plate is {plate.width}x{plate.height}; "
            "render it at the plate's size"
        )
    if len(clean.channel_names) < 3:
        raise BadShot(f"the clean plate {name} has no red, green and blue; write it in colour, as the plate is")
    if not files.clean_numbers():
        raise BadShot(
            f"the clean plate {name} is of none of the frames {plate.first}–{plate.last}; give it the number of the frame "
            "it shows, or none if it is for every frame"
        )


def frame_list_text(frames: Sequence[int]) -> str:
    """Frames as a list of runs: frame 1001, or frames 1001, 1040–1045."""
    runs = [str(first) if first == last else f"{first}–{last}" for first, last in runs_of(frames)]
    return f"frame{'s' * (len(frames) != 1)} {', '.join(runs)}"


def frames_listed(text: str) -> frozenset[int] | None:
    """The frames of a list such as ``1001, 1040-1045``; None for an empty one: no choice was made. Raises BadShot."""
    if not text.strip():
        return None
    runs = re.findall(r"(-?\d+)(?:\s*-\s*(-?\d+))?", text)
    if _FRAME_LIST.fullmatch(text.strip()) is None or any(last and int(last) < int(first) for first, last in runs):
        raise BadShot(f"the frames of the clean plate are '{text}', which is no list of frames; write 1001, 1040-1045")
    return frozenset(frame for first, last in runs for frame in range(int(first), int(last or first) + 1))


# --- what was dropped -------------------------------------------------------------------------------------------------


def _spread(paths: Sequence[Path]) -> list[Path]:
    """Folders that hold folders of pictures, as these; several files of one sequence, as one of them."""
    spread: list[Path] = []
    for path in paths:
        inner = [] if not path.is_dir() or _pictures_in(path) else [p for p in sorted(path.iterdir()) if _has_frames(p)]
        spread.extend(inner or [path])
    sequences: dict[object, Path] = {}
    for path in spread:
        is_picture = path.is_file() and path.suffix.lower() in IMAGE_SUFFIXES
        sequences.setdefault((path.parent, *_split(path)[::2]) if is_picture else path, path)
    return list(sequences.values())


def _has_frames(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_SUFFIXES if path.is_file() else path.is_dir() and bool(_pictures_in(path))


def _pictures_in(folder: Path) -> list[Path]:
    return sorted(
        path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")
    )


def _siblings(path: Path) -> list[Path]:
    """The numbered sequence a file belongs to; itself alone if its name has no number."""
    head, number, tail = _split(path)
    if not number:
        return [path]
    return [p for p in _pictures_in(path.parent) if _split(p)[0] == head and _split(p)[2] == tail and _split(p)[1]]


def _split(path: Path) -> tuple[str, str, str]:
    """What stands before the last number of a name, the number, what stands behind."""
    match = _NUMBER.search(path.stem)
    if match is None:
        return path.stem, "", path.suffix.lower()
    return path.stem[: match.start()], match.group(), path.stem[match.end() :] + path.suffix.lower()


def _folder_numbers(folder: Path, may_have_gaps: bool) -> dict[int, Path]:
    """A folder's pictures by frame number, as the command counts them; where gaps are meant, by their own numbers.

    Raises BadShot if there are none, or several sequences.
    """
    files = _pictures_in(folder)
    if not files:
        raise BadShot(f"there are no pictures in {folder}; drop a folder of frames, a frame or a video")
    kinds = {_split(file)[::2] for file in files}
    if may_have_gaps and len(kinds) == 1:
        return _own_numbers(files)
    try:
        return frames_in_folder(folder)
    except BadInput as error:
        some = ", ".join(sorted(head + "#" + tail for head, tail in kinds)[:3])
        raise BadShot(f"{folder} holds several sequences ({some}); drop one frame of the one that is meant") from error


def _own_numbers(files: list[Path]) -> dict[int, Path]:
    """Files of one sequence by the last number in their names; counted where there is none."""
    if any(not _split(file)[1] for file in files):
        return dict(enumerate(files))
    return {int(_split(file)[1]): file for file in files}


def _open_numbered(path: Path, files: dict[int, Path], *, may_have_gaps: bool) -> Frames:
    """Files by frame number as what was dropped. Raises BadShot if there are gaps where there may be none."""
    from propainter_pictures.plates import open_numbered

    missing = sorted(set(range(min(files), max(files) + 1)) - files.keys())
    if missing and not may_have_gaps:
        raise BadShot(f"frame {missing[0]} of {path} is missing ({len(missing)} in all); render it, then drop again")
    own = _split(files[min(files)])[1]
    return Frames(path, open_numbered(str(path), files), is_numbered=bool(own) and int(own) == min(files))


def _is_named_clean(path: Path) -> bool:
    """Whether a sequence, or the folder a file lies in, is named as a clean plate's is."""
    names = [path.stem, path.parent.name] if path.suffix else [path.name]
    return any(words <= set(re.split("[^a-z]+", name.lower())) for name in names for words in _CLEAN_WORDS)


def _is_colour_picture(frames: Frames) -> bool:
    return frames.is_still and len(frames.channel_names) >= 3 and not _matte_likeness(frames)


def _matte_likeness(frames: Frames) -> int:
    """How much speaks for a matte: one channel, its own name, the name of a file's folder."""
    path = Path(frames.path)
    names = [path.stem, path.parent.name] if path.suffix else [path.name]
    weights = (2, 1)
    named = sum(
        w for w, name in zip(weights, names, strict=False) if _MATTE_WORDS & set(re.split("[^a-z]+", name.lower()))
    )
    return named + 3 * (len(frames.channel_names) == 1)


# --- a shot's pictures ------------------------------------------------------------------------------------------------


class ShotFiles:
    """A plate, its matte and its clean plates by the plate's frame numbers.

    A matte whose numbers have nothing to do with the plate's goes by place, if it is as long. One clean plate alone is of
    every frame, unless it bears the number of one of the plate's; several are of the frames whose numbers they bear.
    clean_only: frames whose clean plate counts; None: all that there are.
    """

    def __init__(
        self,
        plate: Frames,
        matte: Frames | None,
        clean: Frames | None = None,
        clean_only: frozenset[int] | None = None,
    ) -> None:
        self.plate_frames = plate
        self.matte_frames = matte
        self.clean_frames = clean
        self.clean_only = clean_only
        is_everywhere = (
            clean is not None and clean.is_still and not (clean.is_numbered and _covers(plate.range, clean.first))
        )
        self._pairing = Pairing(plate, matte, clean, _offset(plate, matte), is_everywhere)
        self._still: Pixels | None = None

    @property
    def frames(self) -> range:
        """The frames there is a plate and a matte of, in the plate's numbers; none if they do not fit each other."""
        return self._pairing.common

    def plate(self, frame: int) -> Pixels:
        """RGB in the plate's own type. Raises BadShot."""
        with told_to_artists():
            return rgb_of(self.plate_frames.frame(frame))

    def matte(self, frame: int) -> Pixels | None:
        """[h, w, 1], 1 (or full scale) = remove; None without a matte. Raises BadShot."""
        matte = self.matte_frames
        if matte is None:
            return None
        if self._still is not None:
            return self._still
        with told_to_artists():
            found = native_matte(matte.frame(self._pairing.matte_number(frame)))
        if matte.is_still:
            self._still = found
        return found

    def clean_number(self, frame: int) -> int | None:
        """The clean plate's own number for a frame; None: the frame has none."""
        if self.clean_only is not None and frame not in self.clean_only:
            return None
        return self._pairing.clean_number(frame)

    def clean_numbers(self) -> tuple[int, ...]:
        """The shot's frames that have a clean plate."""
        return tuple(frame for frame in self.frames if self.clean_number(frame) is not None)

    def clean(self, frame: int) -> Pixels | None:
        """[h, w, 3 or 4], the fourth channel above half of full scale where it holds; None for a frame without one.
        Raises BadShot.
        """
        number = self.clean_number(frame)
        if self.clean_frames is None or number is None:
            return None
        with told_to_artists():
            return rgba_of(self.clean_frames.frame(number))


def _offset(plate: Frames, matte: Frames | None) -> int:
    if matte is None or Pairing(plate, matte).common or len(plate.range) != len(matte.range):
        return 0
    return offset_by_place(plate, matte)


def _covers(frames: FrameRange, number: int) -> bool:
    return frames.first <= number <= frames.last
