"""Plates, mattes and clean plates from what was dropped on the panel: which path is which, and a shot of them.

Here: what a dropped path means. Not here: reading and pairing frames, which ``propainter_pictures`` does for commands and
panel alike (its decoders are loaded when first needed); writing (``export.py``).

A folder's frames have the numbers the command gives them; a file of a numbered sequence stands for all of it, as its
pattern does for the command.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from propainter_pictures.errors import BadInput, RemoveError, Unreadable
from propainter_pictures.formats import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from propainter_pictures.frame import Frame, find_alpha, rgb_of, rgba_of
from propainter_pictures.matte_survey import PictureForMatte, Survey, survey, without_options
from propainter_pictures.mattes import PLAIN, MatteReading, UnclearChannel, channels_to_name, native_matte
from propainter_pictures.names import FoundFrames, frames_in_folder, pictures_in, sequence_name, sequence_of
from propainter_pictures.pairing import UnclearPairing, pair
from propainter_pictures.stamps import FileReplaced, Stamps
from propainter_ui.shot.companions import MATTE_WORDS
from propainter_wire.shot import Pixels, runs_of

if TYPE_CHECKING:
    from propainter_pictures.plates import FrameSource

_CLEAN_WORDS = (frozenset({"cleanplate"}), frozenset({"cleanplates"}), frozenset({"clean", "plate"}))
_FRAME_LIST = re.compile(r"-?\d+(\s*-\s*-?\d+)?((\s*,\s*|\s+)-?\d+(\s*-\s*-?\d+)?)*,?")


class BadShot(Exception):
    """Files that make no shot. ``str()`` is one sentence with the way out."""


class UnreadMatte(BadShot):
    """Nothing tells which channel of a matte counts. Somebody has to choose."""

    def __init__(self, finding: str, path: str, channels: tuple[str, ...]) -> None:
        super().__init__(
            f"{finding}; give the roto alone, as one channel or as alpha, or choose its channel by Matte channel"
        )
        self.path = path
        self.channels = channels
        """What can be chosen."""


@contextmanager
def told_to_artists() -> Iterator[None]:
    """What reading and writing pictures refuses, and decoders that are missing, as BadShot."""
    try:
        yield
    except FileReplaced as error:
        raise BadShot(f"{error.finding} since it was opened; press Reload, so that old and new do not mix") from error
    except Unreadable as error:
        raise BadShot(f"{error.path.name} cannot be read ({error.reason}); render it again") from error
    except UnclearPairing as error:
        raise BadShot(f"{error.finding}; number both alike, or give one picture for every frame") from error
    except PictureForMatte as error:
        raise BadShot(f"{error.finding}; give the roto alone, as one channel or as alpha") from error
    except UnclearChannel as error:
        raise BadShot(f"{error.finding}; give the roto alone, as one channel or as alpha") from error
    except RemoveError as error:
        raise BadShot(str(error)) from error
    except ImportError as error:
        raise BadShot(
            f"{error.name} cannot be loaded ({error}); install propainter-remove[ui] where the panel runs"
        ) from error


class Frames:
    """A run of pictures of one size. Any thread may read."""

    def __init__(self, path: Path, source: FrameSource) -> None:
        self.path = str(path)
        """As it can be opened again."""
        self.source = source
        self._stamps = Stamps([source])
        self.range = source.range
        self.first, self.last = source.range.first, source.range.last
        self.width, self.height = source.size
        self.dtype = source.dtype.name
        self.channel_names = source.channel_names
        self.fps = float(source.fps or 24)
        self.is_still = source.is_still
        """One picture alone."""

    def has(self, frame: int) -> bool:
        """Whether there is this frame."""
        return self.source.has(frame)

    def frame(self, frame: int) -> Frame:
        """A frame with every channel. Raises BadShot naming it, also where its file was replaced since it was opened."""
        return self._read(frame, self.source.read)

    def all_parts(self, frame: int) -> Frame:
        """The same with the channels of every part of its file, for mattes."""
        return self._read(frame, self.source.read_all_parts)

    def _read(self, frame: int, read: Callable[[int], Frame]) -> Frame:
        with told_to_artists():
            self._stamps.check(self.source, frame, Path(self.path).name)
            found = read(frame)
            self._stamps.check(self.source, frame, Path(self.path).name)
            return found

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
    found = [open_frames(path) for path in _spread(paths)]
    if not found:
        raise BadShot("there are no pictures in what was dropped; drop a folder of frames, a frame or a video")
    cleans = [frames for frames in found if is_named_clean(Path(frames.path)) and not _matte_likeness(frames)]
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


def open_frames(path: Path) -> Frames:
    """The frames a folder, a file of a sequence, a still or a video stands for. Raises BadShot."""
    if not path.exists():
        raise BadShot(f"{path} does not exist any more; drop it again from where it is now")
    with told_to_artists():
        from propainter_pictures.plates import open_numbered, open_source

        if path.is_dir():
            return Frames(path, open_numbered(str(path), _in_folder(path)))
        if path.suffix.lower() in IMAGE_SUFFIXES:
            return Frames(path, open_numbered(str(path), sequence_of(path)))
        if path.suffix.lower() in VIDEO_SUFFIXES:
            return Frames(path, open_source(str(path)))
    known = " ".join(sorted(IMAGE_SUFFIXES | VIDEO_SUFFIXES))
    raise BadShot(f"{path.name} is neither a picture nor a video that can be read ({known})")


def check_fit(plate: Frames, matte: Frames, reading: MatteReading = PLAIN) -> None:
    """Raise BadShot if a matte's size or numbers do not fit its plate, or it is a picture; UnreadMatte where its channel has
    to be chosen.
    """
    if (matte.width, matte.height) != (plate.width, plate.height):
        raise BadShot(
            f"the matte is {matte.width}x{matte.height} but the plate is {plate.width}x{plate.height}; reformat the matte "
            "to the plate"
        )
    ShotFiles(plate, matte, reading=reading).judged()


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
        inner = [] if not path.is_dir() or pictures_in(path) else [p for p in sorted(path.iterdir()) if _has_frames(p)]
        spread.extend(inner or [path])
    sequences: dict[object, Path] = {}
    for path in spread:
        is_picture = path.is_file() and path.suffix.lower() in IMAGE_SUFFIXES
        sequences.setdefault((path.parent, sequence_name(path)) if is_picture else path, path)
    return list(sequences.values())


def _has_frames(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_SUFFIXES if path.is_file() else path.is_dir() and bool(pictures_in(path))


def _in_folder(folder: Path) -> FoundFrames:
    """A folder's pictures by frame number, as the command counts them. Raises BadShot if there are none, or several runs."""
    files = pictures_in(folder)
    if not files:
        raise BadShot(f"there are no pictures in {folder}; drop a folder of frames, a frame or a video")
    try:
        return frames_in_folder(folder)
    except BadInput as error:
        some = ", ".join(sorted({f"{re.sub(r'[0-9]+', '#', file.stem)}{file.suffix}" for file in files})[:3])
        raise BadShot(f"{folder} holds several sequences ({some}); drop one frame of the one that is meant") from error


def is_named_clean(path: Path) -> bool:
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
        w for w, name in zip(weights, names, strict=False) if MATTE_WORDS & set(re.split("[^a-z]+", name.lower()))
    )
    return named + 3 * (len(frames.channel_names) == 1)


# --- a shot's pictures ------------------------------------------------------------------------------------------------


class ShotFiles:
    """A plate, its matte and its clean plates by the plate's frame numbers.

    All of the plate's frames are used; one without a matte has an empty one. Which belong together, ``pair`` says, for the
    command as well. clean_only: frames whose clean plate counts; None: all that there are. reading: which channel of
    the matte counts, and whether its black is removed. Raises BadShot where they do not fit each other, or the plate has
    gaps.
    """

    def __init__(
        self,
        plate: Frames,
        matte: Frames | None,
        clean: Frames | None = None,
        clean_only: frozenset[int] | None = None,
        *,
        reading: MatteReading = PLAIN,
    ) -> None:
        self.plate_frames = plate
        self.matte_frames = matte
        self.clean_frames = clean
        self.clean_only = clean_only
        self.reading = reading
        """As it was asked for; ``judged`` tells what is made of it."""
        _refuse_gaps(plate)
        with told_to_artists():
            self._pairing = pair(
                plate.source, None if matte is None else matte.source, None if clean is None else clean.source
            )
        self._judged: Survey | None = None
        self._still: Pixels | None = None

    @property
    def sources(self) -> tuple[FrameSource, ...]:
        """Whatever is read, the plate first."""
        given = (self.plate_frames, self.matte_frames, self.clean_frames)
        return tuple(frames.source for frames in given if frames is not None)

    @property
    def holds_matte(self) -> bool:
        """Whether one matte is of every frame."""
        return self._pairing.holds_matte

    @property
    def notes(self) -> tuple[str, ...]:
        """What the artist should know of how they were paired and read: sentences."""
        return tuple(without_options(note) for note in (*self._pairing.notes, *self.judged().notes))

    def judged(self) -> Survey:
        """How the mattes are read. Raises BadShot where they are pictures."""
        if self._judged is None:
            used = sorted(set(self._pairing.mattes.values()))
            if self.matte_frames is None or not used:
                self._judged = Survey(PLAIN, ())
            else:
                self._judged = self._surveyed(self.matte_frames, used)
        return self._judged

    def _surveyed(self, matte: Frames, used: Sequence[int]) -> Survey:
        with told_to_artists():
            try:
                return survey(
                    matte.all_parts,
                    used,
                    self.reading,
                    name=Path(matte.path).name,
                    plate=lambda: self.plate_frames.frame(self.plate_frames.first),
                )
            except (PictureForMatte, UnclearChannel) as error:
                if self.reading.channel != "auto" or len(self.matte_channels) < 2:
                    raise
                raise UnreadMatte(error.finding, matte.path, self.matte_channels) from error

    @property
    def matte_channels(self) -> tuple[str, ...]:
        """What of the matte's channels can be asked for, ``auto`` first; empty without a matte. Raises BadShot."""
        used = sorted(set(self._pairing.mattes.values()))
        if self.matte_frames is None or not used:
            return ()
        return channels_to_name(self.matte_frames.all_parts(used[0]).channel_names)

    def matte_number(self, frame: int) -> int | None:
        """The matte's own number for a frame; None: the frame has an empty one."""
        return self._pairing.matte_number(frame)

    @property
    def frames(self) -> range:
        """The plate's frames."""
        return self._pairing.frames

    def plate(self, frame: int) -> Pixels:
        """RGB in the plate's own type. Raises BadShot."""
        with told_to_artists():
            return rgb_of(self.plate_frames.frame(frame))

    @property
    def has_alpha(self) -> bool:
        """Whether the plate has an alpha channel of its own."""
        return find_alpha(self.plate_frames.channel_names) is not None

    def alpha(self, frame: int) -> Pixels:
        """[h, w, 1], the plate's own alpha in its own type; all of it opaque where a frame has none. Raises BadShot."""
        with told_to_artists():
            shown = self.plate_frames.frame(frame).displayed()
        channel = shown.alpha_channel
        return (
            np.ones((*shown.pixels.shape[:2], 1), np.float16) if channel is None else shown.pixels[..., channel, None]
        )

    def matte(self, frame: int) -> Pixels | None:
        """[h, w, 1], 1 (or full scale) = remove; None without a matte. Raises BadShot."""
        matte, number = self.matte_frames, self.matte_number(frame)
        if matte is None:
            return None
        if number is None:
            return np.zeros((self.plate_frames.height, self.plate_frames.width, 1), np.uint8)
        if self._still is not None:
            return self._still
        with told_to_artists():
            found = native_matte(matte.all_parts(number), self.judged().reading)
        if self.holds_matte:
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


def _refuse_gaps(plate: Frames) -> None:
    """Raise BadShot if a plate's frames are not all there."""
    numbers = plate.source.numbers
    missing = sorted(set(range(numbers[0], numbers[-1] + 1)) - set(numbers))
    if missing:
        raise BadShot(
            f"frame {missing[0]} of {plate.path} is missing ({len(missing)} in all); render it, then drop again"
        )
