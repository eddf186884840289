"""A removal as its user states it, and the files it reads: shared by the two ways of carrying one out.

Here: ``Removal``, ``ShotFiles`` (plate and matte, checked), ``SourcePictures``, the contact sheet, the report file. Not
here: the command line and the render in this process (``remove.py``), the render by a daemon (``through_backend.py``).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
import torch

from propainter.hole import hole_of
from propainter.types import Settings
from propainter_backend.errors import BadInput
from propainter_backend.removal.contact_sheet import SheetRow, make_contact_sheet
from propainter_backend.render.drafts import draft_settings, draft_size
from propainter_backend.render.shot import Cuts, Shot
from propainter_knobs.table import default_of
from propainter_pictures.color import WorkingSpace
from propainter_pictures.finite import check_finite
from propainter_pictures.formats import VIDEO_SUFFIXES
from propainter_pictures.frame import Frame
from propainter_pictures.frame_range import FrameRange
from propainter_pictures.matte_survey import Survey, survey
from propainter_pictures.mattes import PLAIN, MatteReading, read_matte
from propainter_pictures.overwriting import refuse_overwriting
from propainter_pictures.pairing import PairBy, Pairing, pair
from propainter_pictures.plates import FrameSource, open_source, share_overscan
from propainter_pictures.results import FrameSink, open_sink
from propainter_pictures.stamps import Stamps
from propainter_plan.sizes import usual_size
from propainter_wire.messages import Quality
from propainter_wire.shot import digest_of

MEMORY_BUDGET = 256 << 20
_RECENT_FRAMES = 3
"""Pictures of a kind that are kept decoded, however large they are."""
_RECENT_BYTES = 128 << 20
"""Memory for more of them: neighbouring frames look into the same plates, each several times."""
KEPT_PICTURES = 2 * _RECENT_BYTES
"""Memory that plates and mattes take in all."""
_SHEET_ROWS = 4

T = TypeVar("T", Frame, np.ndarray)


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
    only: FrameRange | None = None
    """Frames of the shot to be written; None: all. The others are still looked at for background."""
    matte_offset: int | None = None
    """Added to the matte's numbers, they are the plate's; None: as their numbers tell."""
    pair_by: PairBy = PairBy.AUTO
    matte_reading: MatteReading = PLAIN
    working_size: tuple[int, int] | None = None
    quality: Quality = "normal"
    crop_to_matte: bool = False
    crop_padding: int = 0
    """Plate pixels around what the holes cover, where that is all that is seen of the plate; 0: an eighth of the plate."""
    native_fill: bool = True
    """Where the working size is below the plate's: fill from the plates themselves as far as they show what is behind."""
    match_grain: float = default_of("match_grain")
    """How much of the plate's grain the fill is given, 0..1."""
    cuts: Cuts = "auto"
    """Where the film is cut: ``auto``, ``none``, or the frames that begin another scene, in the plate's numbering."""
    space: WorkingSpace = WorkingSpace.AUTO
    keep_nan: bool = False
    fps: Fraction | None = None
    """Frames a second of a video that is written; None: the plate's."""
    grain_free: str | None = None
    """Where the results are written once more, their fill without grain; None: nowhere."""
    save_stages: Path | None = None
    report: Path | None = None
    contact_sheet: Path | None = None
    memory_budget: int = MEMORY_BUDGET

    @property
    def draft(self) -> bool:
        """Whether a quick look is all that is wanted."""
        return self.quality == "draft"

    def drafted_settings(self) -> Settings:
        """The settings as the quality has them: a draft's flow is less refined, the best one's never stops early."""
        if self.quality == "best":
            return replace(self.settings, flow_stop=0.0)
        return draft_settings(self.settings) if self.draft else self.settings

    def drafted_size(self, plate_size: tuple[int, int], *, engine: str) -> tuple[int, int] | None:
        """The size an engine of this name works at, a draft's half of it; None: the plate's own."""
        usual = usual_size(plate_size, engine=engine, native_fill=self.native_fill, whole=self.quality == "best")
        size = self.working_size or usual
        return draft_size(size or plate_size) if self.draft else size

    def cuts_at(self, numbers: range) -> Cuts:
        """The same by index among these frames. Raises BadInput where a frame is none of them, or the first."""
        if not isinstance(self.cuts, tuple):
            return self.cuts
        for frame in self.cuts:
            if frame not in numbers[1:]:
                raise BadInput(
                    f"--cuts names frame {frame}, but a scene can only begin in {numbers[0] + 1}-{numbers[-1]}; choose "
                    "frames in that range, or auto or none"
                )
        return tuple(numbers.index(frame) for frame in self.cuts)

    def drafted_native_fill(self) -> bool:
        """Whether to fill from the plates themselves; a draft never does."""
        return self.native_fill and not self.draft

    def drafted_grain(self) -> float:
        """How much of the plate's grain the fill is given; a draft's nothing."""
        return 0.0 if self.draft else self.match_grain

    def drafted_facts(self) -> dict[str, object]:
        """What of the wish beyond its settings changes the picture, as a report tells it. Crop: see ``drafted_crop``."""
        return {
            "native_fill": self.drafted_native_fill(),
            "match_grain": self.drafted_grain(),
            "crop": self.drafted_crop(),
        }

    def drafted_crop(self) -> int | None:
        """Padding of the crop to the matte, always for a draft; None: the whole plate is seen."""
        return self.crop_padding if self.crop_to_matte or self.draft else None


class ShotFiles:
    """Plate, matte and clean plates of a removal, opened and checked as far as headers tell.

    Raises BadInput, one sentence, where they cannot be used; OutputError where sheet or report would be written over them.
    """

    def __init__(self, wish: Removal) -> None:
        self.wish = wish
        self.plate = open_source(wish.plate)
        self.matte = open_source(wish.matte)
        self.clean = open_source(wish.clean) if wish.clean is not None else None
        refuse_overwriting([file for file in (wish.report, wish.contact_sheet) if file is not None], self.sources)
        self.stamps = Stamps(self.sources)
        self.numbers = frames_to_render(self.plate, wish)
        """All frames of the shot."""
        self.wanted = _wanted(self.numbers, wish.only)
        """Those to be written."""
        self.pairing = pair(
            self.plate, self.matte, self.clean, offset=wish.matte_offset, by=wish.pair_by, within=self.frames
        )
        _require(self.plate, self.matte, self.pairing, self.numbers)
        if self.clean is not None:
            _require_clean(self.pairing, self.plate, self.clean, self.numbers)
        share_overscan(*self.sources)
        found = self._survey()
        self.notes = (*self.pairing.notes, *found.notes, *self._mixed(), *self._dropped())
        """Sentences its user should read before a render."""
        self.pictures = SourcePictures(
            self.plate, self.matte, self.clean, self.pairing, self.numbers, wish, found.reading, self.stamps
        )

    def shot(self, *, engine: str) -> Shot:
        """What a renderer is given: these pictures, under the wish's settings. engine: by its name."""
        wish, size = self.wish, self.plate.size
        return Shot(
            self.pictures,
            wish.space,
            wish.drafted_settings(),
            size,
            wish.drafted_size(size, engine=engine),
            wish.drafted_native_fill(),
            wish.cuts_at(self.numbers),
            match_grain=wish.drafted_grain(),
        )

    def changed_since(self) -> list[str]:
        """What to say at the end of files that were replaced after they were last read."""
        changed = self.stamps.changed()
        if not changed:
            return []
        others = f" and {len(changed) - 1} others" if len(changed) > 1 else ""
        return [
            f"{changed[0].name}{others} changed during the render; the result shows the older version, so render again"
        ]

    def _mixed(self) -> list[str]:
        """What may be borrowed in the wrong colours."""
        mixed = self.plate.grey_among_colours
        if mixed is None:
            return []
        grey, colour = (self.plate.file(number).name for number in mixed)
        return [f"{grey} of the plate is grey but {colour} is in colour; the fill may turn grey, so check it"]

    def _dropped(self) -> list[str]:
        """What the output cannot hold."""
        if not self.is_written_as_video and self.plate.video is not None and self.plate.video.has_sound:
            return [
                f"the sound of {self.wish.plate} is left out: frames hold none; name a video as --output to keep it"
            ]
        if not self.is_written_as_video or "A" not in self.plate.channel_names:
            return []
        return [f"the alpha of plate {self.wish.plate} is not kept in a video; write frames to keep it"]

    def _survey(self) -> Survey:
        """How the mattes are read, and what is to be said of them."""
        mattes = (self.pairing.matte_number(number) for number in self.numbers)
        used = sorted({number for number in mattes if number is not None})
        if not used:
            nothing = f"none of the frames {self.frames.first}-{self.frames.last} has a matte, so nothing is removed"
            return Survey(self.wish.matte_reading, (nothing,))
        return survey(
            self.matte.read_all_parts,
            used,
            self.wish.matte_reading,
            name=self.wish.matte,
            plate=lambda: self.plate.read(self.numbers[0]),
            threshold=self.wish.settings.threshold,
        )

    @property
    def sources(self) -> tuple[FrameSource, ...]:
        """Whatever is read."""
        return (self.plate, self.matte) if self.clean is None else (self.plate, self.matte, self.clean)

    @property
    def frames(self) -> FrameRange:
        """First and last frame of the shot."""
        return FrameRange(self.numbers[0], self.numbers[-1])

    @property
    def indices(self) -> range:
        """The frames to be written, counted from the shot's first."""
        return range(self.wanted[0] - self.numbers[0], self.wanted[-1] - self.numbers[0] + 1)

    @property
    def is_written_as_video(self) -> bool:
        """Whether the output is one video, which takes its frames in order and as a whole."""
        return Path(self.wish.output).suffix.lower() in VIDEO_SUFFIXES

    def open_sink(self, engine: str, weights: str, *, alone: bool = True, path: str | None = None) -> FrameSink:
        """Where results go, marked with what made them. alone: nobody else may write these frames meanwhile. path: to
        another place than the output."""
        return open_sink(
            path or self.wish.output,
            like=self.plate,
            frames=FrameRange(self.wanted[0], self.wanted[-1]),
            metadata={"propainter:engine": engine, "propainter:weights": weights},
            fps=self.wish.fps,
            protect=self.sources[1:],
            alone=alone,
        )

    def __str__(self) -> str:
        width, height = self.plate.size
        text = f"frames {self.wanted[0]}-{self.wanted[-1]} of {self.wish.plate}, {width}x{height}"
        is_part = len(self.wanted) < len(self.numbers)
        return f"{text}; background is searched in {self.frames.first}-{self.frames.last}" if is_part else text


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
        reading: MatteReading,
        stamps: Stamps,
    ) -> None:
        self._plate = plate
        self._matte = matte
        self._clean = clean
        self._pairing = pairing
        self._numbers = numbers
        self._wish = wish
        self._reading = reading
        self._stamps = stamps
        self._empty = np.zeros(plate.size[::-1], np.float32)
        self._plates: OrderedDict[int, Frame] = OrderedDict()
        self._mattes: OrderedDict[int, np.ndarray] = OrderedDict()
        self._cleans: OrderedDict[int, Frame] = OrderedDict()
        self._digests: dict[tuple[str, int | None], str] = {}

    @property
    def frame_count(self) -> int:
        return len(self._numbers)

    def plate(self, index: int) -> Frame:
        """A frame of the plate. Raises BadInput where it holds NaN outside the hole, unless that is accepted."""
        number = self._numbers[index]
        frame = self._kept(self._plates, index, self._plate, number, "plate")
        if frame is None:
            frame = self._read(self._plate, number, "plate")
            if not self._wish.keep_nan and check_finite(frame) is not None:
                self._refuse_nan(index, frame)
            _keep(self._plates, index, frame)
        return frame

    def matte(self, index: int) -> np.ndarray:
        """A frame of the matte, empty where there is none; of the plate's size, for ``ShotFiles`` refused any other."""
        number = self._pairing.matte_number(self._numbers[index])
        if number is None:
            return self._empty
        matte = self._kept(self._mattes, number, self._matte, number, "matte")
        if matte is None:
            matte = read_matte(self._read(self._matte, number, "matte", self._matte.read_all_parts), self._reading)
            _keep(self._mattes, number, matte)
        return matte

    def plate_digest(self, index: int) -> str:
        """Digest of all the plate frame's channels."""
        return self._digest("plate", index, lambda: self.plate(index).pixels)

    def matte_digest(self, index: int) -> str:
        """Digest of the matte as it was read, 0..1; one for all empty ones."""
        number = self._pairing.matte_number(self._numbers[index])
        return self._digest("matte", number, lambda: self.matte(index)[..., None])

    def clean(self, index: int) -> Frame | None:
        """The clean plate of a frame; None: it has none."""
        number = self._pairing.clean_number(self._numbers[index])
        if self._clean is None or number is None:
            return None
        frame = self._kept(self._cleans, number, self._clean, number, "clean plate")
        if frame is None:
            frame = self._read(self._clean, number, "clean plate")
            _keep(self._cleans, number, frame)
        return frame

    def clean_digest(self, index: int) -> str | None:
        """Digest of all the clean plate's channels; None: the frame has none."""
        number = self._pairing.clean_number(self._numbers[index])
        if number is None:
            return None
        return self._digest("clean", number, lambda: cast(Frame, self.clean(index)).pixels)

    def _kept(self, kept: OrderedDict[int, T], key: int, source: FrameSource, number: int, what: str) -> T | None:
        """A picture that is still decoded. Raises BadInput where its file is another one by now."""
        picture = kept.get(key)
        if picture is not None:
            self._stamps.check(source, number, what)
        return picture

    def _read(self, source: FrameSource, number: int, what: str, read: Callable[[int], Frame] | None = None) -> Frame:
        """A frame of the files as they were when the render began. Raises BadInput where they are others by now."""
        self._stamps.check(source, number, what)
        frame = (read or source.read)(number)
        self._stamps.check(source, number, what)
        return frame

    def _digest(self, kind: str, number: int | None, pixels: Callable[[], np.ndarray]) -> str:
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
    while len(recent) > _RECENT_FRAMES and sum(map(_bytes_of, recent.values())) > _RECENT_BYTES:
        recent.popitem(last=False)


def _bytes_of(picture: Frame | np.ndarray) -> int:
    return picture.nbytes if isinstance(picture, np.ndarray) else picture.pixels.nbytes


def frames_to_render(plate: FrameSource, wish: Removal) -> range:
    """The frames to render, in the plate's numbering: all of them, within --first and --last.

    Raises BadInput where these name frames the plate does not reach.
    """
    first, last = plate.range.first, plate.range.last
    for name, asked in (("--first", wish.first), ("--last", wish.last)):
        if asked is not None and not first <= asked <= last:
            raise BadInput(f"{name} {asked} lies outside the plate's frames, {first}-{last}")
    first = wish.first if wish.first is not None else first
    last = wish.last if wish.last is not None else last
    if last < first:
        raise BadInput(f"frame range ends ({last}) before it starts ({first}); swap --first and --last")
    return range(first, last + 1)


def _wanted(shot: range, only: FrameRange | None) -> range:
    if only is None:
        return shot
    if only.first not in shot or only.last not in shot:
        raise BadInput(
            f"--frames {only.first}-{only.last} is not in the shot, frames {shot[0]}-{shot[-1]}; choose frames in it"
        )
    return range(only.first, only.last + 1)


def _require(plate: FrameSource, matte: FrameSource, pairing: Pairing, numbers: range) -> None:
    """Refuse what headers already tell will fail: missing plates, sizes that differ."""
    plate.require(FrameRange(numbers[0], numbers[-1]))
    used = {pairing.matte_number(number) for number in numbers} - {None}
    matte.check_sizes(sorted(cast(set[int], used)))
    if matte.size != plate.size and plate.turn.transposed and plate.turn.size(*matte.size) == plate.size:
        matte.turn_also(plate.turn)  # drawn where nobody heeds how the plate is to be turned
    if matte.size != plate.size:
        raise BadInput(
            f"roto matte {matte.path} is {matte.size[0]}x{matte.size[1]} but the plate is {plate.size[0]}x"
            f"{plate.size[1]}; render the matte at the plate's size"
        )


def _require_clean(pairing: Pairing, plate: FrameSource, clean: FrameSource, numbers: range) -> None:
    if clean.size != plate.size:
        raise BadInput(
            f"clean plate {clean.path} is {clean.size[0]}x{clean.size[1]} but the plate is {plate.size[0]}x"
            f"{plate.size[1]}; render it at the plate's size"
        )
    used = {pairing.clean_number(number) for number in numbers} - {None}
    clean.check_sizes(sorted(cast(set[int], used)))
    if not used:
        raise BadInput(
            f"clean plate {clean.path} has none of the frames {numbers[0]}-{numbers[-1]}; give a pattern whose numbers "
            "are the plate's, like clean.####.exr, or one picture for every frame"
        )


class ContactSheet:
    """Collects a few frames spread over the shot for the contact sheet."""

    def __init__(self, files: ShotFiles) -> None:
        self._files = files
        self._path = path = files.wish.contact_sheet
        numbers = files.wanted
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
