"""A removal as its user states it, and the files it reads: shared by the two ways of carrying one out.

Here: ``Removal``, ``ShotFiles`` (plate and matte, checked), ``SourcePictures``, the contact sheet, the report file. Not
here: the command line and the render in this process (``remove.py``), the render by a daemon (``through_backend.py``).
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
import torch

from propainter.hole import hole_of
from propainter.types import Settings
from propainter_backend.errors import BadInput, OutputError
from propainter_backend.removal.contact_sheet import SheetRow, make_contact_sheet
from propainter_backend.render.drafts import draft_settings, draft_size
from propainter_backend.render.shot import Cuts
from propainter_pictures.color import WorkingSpace
from propainter_pictures.finite import check_finite
from propainter_pictures.formats import VIDEO_SUFFIXES
from propainter_pictures.frame import Frame
from propainter_pictures.frame_range import FrameRange
from propainter_pictures.mattes import read_matte
from propainter_pictures.names import FilePattern
from propainter_pictures.pairing import Pairing, offset_by_place
from propainter_pictures.plates import FrameSource, open_source
from propainter_pictures.results import FrameSink, open_sink
from propainter_wire.shot import digest_of

MEMORY_BUDGET = 256 << 20
_RECENT_FRAMES = 3
_SHEET_ROWS = 4

T = TypeVar("T")


@dataclass(frozen=True)
class Removal:
    """One wish, as the command line states it."""

    plate: str
    matte: str
    output: str
    settings: Settings
    clean: str | None = None
    """Clean plates: a picture for every frame, or a pattern of those frames that have one."""
    first: int | None = None
    last: int | None = None
    matte_offset: int = 0
    working_size: tuple[int, int] | None = None
    draft: bool = False
    crop_to_matte: bool = False
    crop_padding: int = 0
    """Plate pixels around what the holes cover, where that is all that is seen of the plate; 0: an eighth of the plate."""
    native_fill: bool = True
    cuts: Cuts = "auto"
    """Where the film is cut: ``auto``, ``none``, or the frames that begin another scene, in the plate's numbering."""
    """Where the working size is below the plate's: fill from the plates themselves as far as they show what is behind."""
    space: WorkingSpace = WorkingSpace.AUTO
    keep_nan: bool = False
    save_stages: Path | None = None
    report: Path | None = None
    contact_sheet: Path | None = None
    memory_budget: int = MEMORY_BUDGET

    def drafted_settings(self) -> Settings:
        """The settings, a draft's with a less refined flow."""
        return draft_settings(self.settings) if self.draft else self.settings

    def drafted_size(self, plate_size: tuple[int, int]) -> tuple[int, int] | None:
        """The working size, a draft's half of it; None: the plate's own."""
        return draft_size(self.working_size or plate_size) if self.draft else self.working_size

    def cuts_at(self, numbers: range) -> Cuts:
        """The same by index among these frames. Raises BadInput where a frame is none of them, or the first."""
        if not isinstance(self.cuts, tuple):
            return self.cuts
        for frame in self.cuts:
            if frame not in numbers[1:]:
                raise BadInput(
                    f"--cuts names frame {frame}, which begins no scene after the first of {numbers[0]}..{numbers[-1]}; "
                    f"name frames from {numbers[0] + 1} to {numbers[-1]}, or say auto or none"
                )
        return tuple(numbers.index(frame) for frame in self.cuts)

    def drafted_native_fill(self) -> bool:
        """Whether to fill from the plates themselves; a draft never does."""
        return self.native_fill and not self.draft

    def drafted_crop(self) -> int | None:
        """Padding of the crop to the matte, always for a draft; None: the whole plate is seen."""
        return self.crop_padding if self.crop_to_matte or self.draft else None


class ShotFiles:
    """Plate, matte and clean plates of a removal, opened and checked as far as headers tell.

    Raises BadInput, one sentence, where they cannot be used.
    """

    def __init__(self, wish: Removal) -> None:
        self.wish = wish
        self.plate = open_source(wish.plate)
        self.matte = open_source(wish.matte)
        self.clean = open_source(wish.clean) if wish.clean is not None else None
        pairing = Pairing(
            self.plate, self.matte, self.clean, wish.matte_offset, is_clean_everywhere=_holds_everywhere(self.clean)
        )
        self.numbers = frames_to_render(pairing, wish)
        _require(self.plate, self.matte, self.numbers, wish)
        if self.clean is not None:
            _require_clean(pairing, self.plate, self.clean, self.numbers)
        self.pictures = SourcePictures(self.plate, self.matte, self.clean, pairing, self.numbers, wish)

    @property
    def sources(self) -> tuple[FrameSource, ...]:
        """Whatever is read."""
        return (self.plate, self.matte) if self.clean is None else (self.plate, self.matte, self.clean)

    @property
    def frames(self) -> FrameRange:
        """First and last frame to be rendered."""
        return FrameRange(self.numbers[0], self.numbers[-1])

    @property
    def is_written_as_video(self) -> bool:
        """Whether the output is one video, which takes its frames in order and as a whole."""
        return Path(self.wish.output).suffix.lower() in VIDEO_SUFFIXES

    def open_sink(self, engine: str, weights: str) -> FrameSink:
        """Where results go, marked with what made them."""
        return open_sink(
            self.wish.output,
            like=self.plate,
            frames=self.frames,
            metadata={"propainter:engine": engine, "propainter:weights": weights},
            protect=self.sources[1:],
        )

    def __str__(self) -> str:
        width, height = self.plate.size
        return f"frames {self.frames.first}-{self.frames.last} of {self.wish.plate}, {width}x{height}"


class SourcePictures:
    """A plate, a matte and clean plates read from files, frame by frame, as the renderer asks for them.

    numbers: the frames to be rendered, in the plate's own numbering; the renderer counts them from 0.
    """

    def __init__(
        self,
        plate: FrameSource,
        matte: FrameSource,
        clean: FrameSource | None,
        pairing: Pairing,
        numbers: range,
        wish: Removal,
    ) -> None:
        self._plate = plate
        self._matte = matte
        self._clean = clean
        self._pairing = pairing
        self._numbers = numbers
        self._wish = wish
        self._plates: OrderedDict[int, Frame] = OrderedDict()
        self._mattes: OrderedDict[int, np.ndarray] = OrderedDict()
        self._cleans: OrderedDict[int, Frame] = OrderedDict()
        self._digests: dict[tuple[str, int], str] = {}

    @property
    def frame_count(self) -> int:
        return len(self._numbers)

    def plate(self, index: int) -> Frame:
        """A frame of the plate. Raises BadInput where it holds NaN outside the hole, unless that is accepted."""
        frame = self._plates.get(index)
        if frame is None:
            frame = self._plate.read(self._numbers[index])
            if not self._wish.keep_nan and check_finite(frame) is not None:
                self._refuse_nan(index, frame)
            _keep(self._plates, index, frame)
        return frame

    def matte(self, index: int) -> np.ndarray:
        """A frame of the matte; of the plate's size, for ``ShotFiles`` refused any other."""
        number = self._pairing.matte_number(self._numbers[index])
        matte = self._mattes.get(number)
        if matte is None:
            matte = read_matte(self._matte.read(number))
            _keep(self._mattes, number, matte)
        return matte

    def plate_digest(self, index: int) -> str:
        """Digest of all the plate frame's channels."""
        return self._digest("plate", index, lambda: self.plate(index).pixels)

    def matte_digest(self, index: int) -> str:
        """Digest of the matte as it was read, 0..1."""
        return self._digest(
            "matte", self._pairing.matte_number(self._numbers[index]), lambda: self.matte(index)[..., None]
        )

    def clean(self, index: int) -> Frame | None:
        """The clean plate of a frame; None: it has none."""
        number = self._pairing.clean_number(self._numbers[index])
        if self._clean is None or number is None:
            return None
        frame = self._cleans.get(number)
        if frame is None:
            frame = self._clean.read(number)
            _keep(self._cleans, number, frame)
        return frame

    def clean_digest(self, index: int) -> str | None:
        """Digest of all the clean plate's channels; None: the frame has none."""
        number = self._pairing.clean_number(self._numbers[index])
        if number is None:
            return None
        return self._digest("clean", number, lambda: cast(Frame, self.clean(index)).pixels)

    def _digest(self, kind: str, number: int, pixels: Callable[[], np.ndarray]) -> str:
        known = self._digests.get((kind, number))
        if known is None:
            known = self._digests[kind, number] = digest_of(pixels())
        return known

    def _refuse_nan(self, index: int, frame: Frame) -> None:
        settings = self._wish.settings
        hole = hole_of(torch.from_numpy(self.matte(index)), threshold=settings.threshold, grow_pixels=settings.grow)
        wrong = check_finite(frame, within=hole.numpy() == 0)
        if wrong is not None:
            raise BadInput(f"plate {wrong}, or accept them with --keep-nan")


def _keep(recent: OrderedDict[int, T], key: int, value: T) -> None:
    recent[key] = value
    if len(recent) > _RECENT_FRAMES:
        recent.popitem(last=False)


def frames_to_render(pairing: Pairing, wish: Removal) -> range:
    """The frames to render, in the plate's numbering: those both have, within --first and --last.

    Raises BadInput when there are none, or when frames asked for by number are missing on either side.
    """
    plate, matte, common = pairing.plate, pairing.matte, pairing.common
    if not common:
        assert matte is not None
        raise BadInput(
            f"plate is {plate.range.first}-{plate.range.last} but matte is {matte.range.first}-"
            f"{matte.range.last}: no common frames; renumber one, or shift the matte with --matte-offset "
            f"{offset_by_place(plate, matte)}"
        )
    first, last = common[0], common[-1]
    for name, asked in (("--first", wish.first), ("--last", wish.last)):
        if asked is not None and not first <= asked <= last:
            raise BadInput(f"{name} {asked} lies outside the frames plate and matte have in common, {first}-{last}")
    first = wish.first if wish.first is not None else first
    last = wish.last if wish.last is not None else last
    if last < first:
        raise BadInput(f"frame range ends ({last}) before it starts ({first}); swap --first and --last")
    return range(first, last + 1)


def _require(plate: FrameSource, matte: FrameSource, numbers: range, wish: Removal) -> None:
    """Refuse what headers already tell will fail: missing frames, sizes that differ."""
    plate.require(FrameRange(numbers[0], numbers[-1]))
    if not matte.is_still:
        matte.require(FrameRange(numbers[0] - wish.matte_offset, numbers[-1] - wish.matte_offset))
    if matte.size != plate.size:
        raise BadInput(
            f"roto matte {wish.matte} is {matte.size[0]}x{matte.size[1]} but the plate is {plate.size[0]}x"
            f"{plate.size[1]}; render the matte at the plate's size"
        )


def _holds_everywhere(clean: FrameSource | None) -> bool:
    """Whether a clean plate is one picture named as such: a pattern names the frames that have one, be it only one."""
    return clean is not None and clean.is_still and FilePattern.parse(clean.path) is None


def _require_clean(pairing: Pairing, plate: FrameSource, clean: FrameSource, numbers: range) -> None:
    if clean.size != plate.size:
        raise BadInput(
            f"clean plate {clean.path} is {clean.size[0]}x{clean.size[1]} but the plate is {plate.size[0]}x"
            f"{plate.size[1]}; render it at the plate's size"
        )
    if all(pairing.clean_number(number) is None for number in numbers):
        raise BadInput(
            f"clean plate {clean.path} has none of the frames {numbers[0]}-{numbers[-1]}; give a pattern whose numbers "
            "are the plate's, like clean.####.exr, or one picture for every frame"
        )


class ContactSheet:
    """Collects a few frames spread over the shot for the contact sheet."""

    def __init__(self, files: ShotFiles) -> None:
        self._files = files
        self._path = path = files.wish.contact_sheet
        numbers = files.numbers
        spread = np.linspace(0, len(numbers) - 1, min(_SHEET_ROWS, len(numbers)))
        self._wanted = {numbers[round(float(i))] for i in spread} if path is not None else set()
        self._rows: dict[int, SheetRow] = {}

    @property
    def numbers(self) -> list[int]:
        """The frames to be shown; none without a sheet."""
        return sorted(self._wanted)

    def take(self, index: int, after: Frame) -> None:
        """Remember a finished frame, if it is one of those to be shown."""
        number = self._files.numbers[index]
        if number in self._wanted:
            pictures = self._files.pictures
            before, matte = pictures.plate(index).rgb(), pictures.matte(index)
            self._rows[number] = SheetRow(number, before, matte, after.rgb(), self._files.wish.space)

    def write(self, engine: str) -> None:
        """Write the sheet, if one was asked for."""
        if self._path is not None:
            rows = [self._rows[number] for number in sorted(self._rows)]
            make_contact_sheet(rows, self._path, title=f"ProPainter Remove  |  engine {engine}")


def write_report(path: Path | None, facts: Mapping[str, object]) -> None:
    """Write a report as JSON, if one was asked for. Raises OutputError where that fails."""
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(facts, indent=2) + "\n")
    except OSError as error:
        raise OutputError(f"cannot write the report {path}: {error.strerror}; choose another --report") from error
