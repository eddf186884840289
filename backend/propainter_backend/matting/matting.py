"""A matte from marks, from a plate's files to the matte's: keys, tracking, corrections, edges, shadow, writing.

Here: ``Matting`` (the wish) and ``make_mattes``, a generator of progress. Not here: drawing and tracking
(``propainter_matte``), options (``commands/matte.py``), marks in files (``marks_files.py``).

Marks that say where the object is (box, polygon, points that remove) make a key of their frame. Where a frame has strokes
only, and another frame of its scene has a key, the strokes correct what was tracked there, and what is between the
neighbouring keys is tracked again.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from propainter_backend.errors import BadInput
from propainter_backend.matting.plates import as_seen, cast_at, refuse_outside, resized, scaled_marks, softened
from propainter_backend.matting.scenes import scenes_of
from propainter_backend.matting.selector import Selector
from propainter_backend.render.steps import Progress
from propainter_matte import shadows
from propainter_matte.doubt import frames_to_help
from propainter_matte.footage import Footage, working_size
from propainter_matte.marks import Marks
from propainter_matte.selecting import select
from propainter_matte.tracking import Track, track
from propainter_pictures.color import WorkingSpace
from propainter_pictures.frame import Frame, as_type
from propainter_pictures.frame_range import FrameRange
from propainter_pictures.mattes import read_matte
from propainter_pictures.plates import FrameSource, open_source
from propainter_pictures.results import FrameSink, open_matte_sink
from propainter_pictures.stamps import Stamps

_KEPT_PICTURES = 2
_NAMED = 8
"""Doubtful frames that are named."""
_NEARLY_ALL = 0.9
"""Share of the picture from which a box says too little."""


@dataclass(frozen=True)
class Matting:
    """One wish for mattes, as the command line states it."""

    plate: str
    output: str
    marks: Mapping[int, Marks] = field(default_factory=dict)
    """By frame number, in plate pixels."""
    keys: str | None = None
    """Mattes that are right already: they are kept, and those between them are tracked."""
    first: int | None = None
    last: int | None = None
    space: WorkingSpace = WorkingSpace.AUTO
    selector: Selector | None = None
    shadow: bool = False
    """Whether the shadow is added to the matte."""
    shadow_output: str | None = None
    """Where the shadow's own matte goes; None: nowhere."""
    threshold: float = shadows.THRESHOLD
    soften: float = shadows.SOFTEN
    reflections: bool = False
    as_alpha: bool = False
    """Write RGBA with the matte in all four, else one grey channel."""


@dataclass(frozen=True)
class Made:
    """What was made."""

    frames: FrameRange
    keys: tuple[int, ...]
    help: tuple[int, ...]
    """Frames to look at, the most doubtful first."""
    doubt: Mapping[int, float]
    empty: tuple[range, ...]
    """Scenes without a key: their mattes are empty."""
    notes: tuple[str, ...] = ()


class PlateFiles:
    """The plate of a wish, opened and checked as far as headers tell, and its pictures. Raises BadInput, OutputError."""

    def __init__(self, wish: Matting) -> None:
        self.plate = open_source(wish.plate)
        self.keys = open_source(wish.keys) if wish.keys is not None else None
        self.numbers = _frames_of(self.plate, wish)
        self.plate.require(FrameRange(self.numbers[0], self.numbers[-1]))
        self._space = wish.space
        self._stamps = Stamps([self.plate])
        self.size = working_size(*self.plate.size)
        self.picture = lru_cache(_KEPT_PICTURES)(self._picture)
        """Frame ``index`` as uint8 RGB at the plate's size."""
        if self.keys is not None and self.keys.size != self.plate.size:
            raise BadInput(
                f"key mattes {self.keys.path} are {_by(self.keys.size)} but the plate is {_by(self.plate.size)}; "
                "render them at the plate's size"
            )

    @property
    def sources(self) -> list[FrameSource]:
        """Whatever is read."""
        return [self.plate] if self.keys is None else [self.plate, self.keys]

    def small(self, index: int) -> np.ndarray:
        """The same at the working size."""
        return resized(self.picture(index), self.size)

    def key_mattes(self) -> dict[int, np.ndarray]:
        """The mattes that are kept, at the plate's size, by index."""
        if self.keys is None:
            return {}
        found = [number for number in self.keys.numbers if number in self.numbers]
        if not found:
            raise BadInput(
                f"key mattes {self.keys.path} have none of the frames {self.numbers[0]}-{self.numbers[-1]}; "
                "number them as the plate"
            )
        return {number - self.numbers[0]: read_matte(self.keys.read_all_parts(number)) for number in found}

    def _picture(self, index: int) -> np.ndarray:
        number = self.numbers[index]
        self._stamps.check(self.plate, number, "plate")
        return as_seen(self.plate.read(number), self._space)


def make_mattes(wish: Matting, files: PlateFiles) -> Generator[Progress, None, Made]:
    """Carry out a wish. Raises BadInput or OutputError, one sentence, before anything is written where it cannot be."""
    _check_marks(wish, files)
    sinks = [_open(wish.output, files, wish)]
    if wish.shadow_output is not None:
        sinks.append(_open(wish.shadow_output, files, wish))
    held = files.key_mattes()
    count, number = len(files.numbers), files.numbers[0]
    scenes = scenes_of(files.small, count) if count > 1 else [range(1)]
    doubt: dict[int, float] = {}
    named: list[tuple[int, Track, set[int]]] = []
    empty, keys = [], []
    with _All(sinks):
        for scene in scenes:
            made = yield from _track_scene(wish, files, held, scene)
            if made is None:
                empty.append(scene)
                yield from _write_empty(wish, files, scene, sinks)
                continue
            footage, found = made
            keys += [scene[0] + i for i in found.keys]
            doubt.update({scene[0] + i: drift for i, drift in found.drift.items()})
            gone_over = {i - scene[0] for i in held} | {
                i for i in found.keys if _only_strokes(wish, number + scene[0] + i)
            }
            named.append((scene[0], found, gone_over))
            yield from _write_scene(wish, files, held, scene, footage, found, sinks)
    helps = [
        (begin, i, found.drift[i])
        for begin, found, settled in named
        for i in frames_to_help(found, settled=settled, most=_NAMED)
    ]
    if len(named) > 1:
        helps.sort(key=lambda each: -each[2])
    return Made(
        FrameRange(files.numbers[0], files.numbers[-1]),
        tuple(number + i for i in sorted(keys)),
        tuple(number + begin + i for begin, i, _ in helps[:_NAMED]),
        {number + i: round(value, 4) for i, value in sorted(doubt.items())},
        tuple(range(number + scene[0], number + scene[-1] + 1) for scene in empty),
        (*_vague_boxes(wish, files), *(note for sink in sinks for note in sink[0].notes)),
    )


def _vague_boxes(wish: Matting, files: PlateFiles) -> Iterator[str]:
    """What to say of boxes that leave nearly everything open."""
    width, height = files.size
    for number, marks in wish.marks.items():
        if any(box.width * box.height >= _NEARLY_ALL * width * height for box in marks.boxes):
            yield (
                f"the box on frame {number} is nearly the whole picture, so it says little; draw it close around the object"
            )


def _only_strokes(wish: Matting, number: int) -> bool:
    """Whether somebody corrected a frame by strokes: it has been looked at."""
    marks = wish.marks.get(number, Marks())
    return bool(marks.strokes)


def _track_scene(
    wish: Matting, files: PlateFiles, held: Mapping[int, np.ndarray], scene: range
) -> Generator[Progress, None, tuple[Footage, Track] | None]:
    """The mattes of one scene at the working size; None where nothing says what to remove in it."""
    begin = scene[0]
    marks = {i: wish.marks[files.numbers[i]] for i in scene if files.numbers[i] in wish.marks}
    drawn = {i: each for i, each in marks.items() if each.boxes or each.polygons or wish.selector is not None}
    if not drawn and not any(i in held for i in scene):
        drawn = dict([next(((i, each) for i, each in marks.items() if each.names_object), (-1, Marks()))])
        drawn.pop(-1, None)
    if not drawn and not any(i in held for i in scene):
        return None
    footage = Footage(lambda i: files.small(begin + i), len(scene))
    keys = {i - begin: resized(held[i], files.size) for i in scene if i in held}
    for i, each in drawn.items():
        keys[i - begin] = _key(wish, files, footage, i, i - begin, each, keys.get(i - begin))
    for i in [i for i in marks if i in held and i not in drawn]:
        keys[i - begin] = select(footage, i - begin, _scaled(marks[i], files), start=keys[i - begin])
    found = yield from _tracked(files, footage, keys, None, begin)
    for i in sorted(set(marks) - set(drawn) - set(held)):
        keys[i - begin] = select(footage, i - begin, _scaled(marks[i], files), start=found.mattes[i - begin])
        found = yield from _tracked(files, footage, keys, found, begin)
    return footage, found


def _tracked(
    files: PlateFiles, footage: Footage, keys: Mapping[int, np.ndarray], known: Track | None, begin: int
) -> Generator[Progress, None, Track]:
    work = track(footage, keys, known=known)
    while True:
        try:
            step = next(work)
        except StopIteration as end:
            found: Track = end.value
            return found
        yield Progress("track", step.done, step.total, begin + step.index)


def _key(
    wish: Matting, files: PlateFiles, footage: Footage, index: int, place: int, marks: Marks, start: np.ndarray | None
) -> np.ndarray:
    """The matte of a frame whose marks say where the object is."""
    number = files.numbers[index]
    if wish.selector is not None:
        drawn = wish.selector.draw(files.picture(index), marks, number)
        matte = resized(drawn.astype(np.float32), files.size)
    else:
        matte = select(footage, place, _scaled(marks, files), start=start)
    if not (matte > 0.5).any():
        raise BadInput(
            f"nothing was found where frame {number} is marked; draw the box closer, or add --points on the object"
        )
    return matte


def _write_scene(
    wish: Matting, files: PlateFiles, held: Mapping[int, np.ndarray], scene: range, footage: Footage, found: Track,
    sinks: list[tuple[FrameSink, np.dtype]],
) -> Generator[Progress, None, None]:  # fmt: skip
    wants_shadow = wish.shadow or wish.shadow_output is not None
    for place, index in enumerate(scene):
        picture = files.picture(index)
        matte = held[index] if index in held else softened(footage, found.mattes, place, picture)
        cast = np.zeros_like(matte)
        if wants_shadow:
            cast = shadows.shadow_of(
                footage, place, found.mattes,
                threshold=wish.threshold, soften=wish.soften, reflections=wish.reflections,
            )  # fmt: skip
            cast = cast_at(cast, files.plate.size)
        if wish.shadow and index not in held:
            matte = shadows.with_shadow(matte, cast)
        pictures = [matte] if wish.shadow_output is None else [matte, cast]
        _write(wish, files.numbers[index], pictures, sinks)
        yield Progress("write", place + 1, len(scene), index)


def _write_empty(
    wish: Matting, files: PlateFiles, scene: range, sinks: list[tuple[FrameSink, np.dtype]]
) -> Generator[Progress, None, None]:
    empty = np.zeros(files.plate.size[::-1], np.float32)
    for place, index in enumerate(scene):
        _write(wish, files.numbers[index], [empty] * len(sinks), sinks)
        yield Progress("write", place + 1, len(scene), index)


def _write(wish: Matting, number: int, mattes: list[np.ndarray], sinks: list[tuple[FrameSink, np.dtype]]) -> None:
    for matte, (sink, dtype) in zip(mattes, sinks, strict=True):
        values = as_type(matte, dtype)[..., None]
        names = ("R", "G", "B", "A") if wish.as_alpha else ("Y",)
        sink.write(number, Frame(np.ascontiguousarray(np.repeat(values, len(names), -1)), names, number))


class _All:
    """Several sinks as one context manager: all are completed, or all let go of what is unfinished."""

    def __init__(self, sinks: list[tuple[FrameSink, np.dtype]]) -> None:
        self._sinks = [sink for sink, _ in sinks]

    def __enter__(self) -> None:
        for sink in self._sinks:
            sink.__enter__()

    def __exit__(self, *raised: object) -> None:
        for sink in self._sinks:
            sink.__exit__(*raised)  # type: ignore[arg-type]


def _open(path: str, files: PlateFiles, wish: Matting) -> tuple[FrameSink, np.dtype]:
    frames = FrameRange(files.numbers[0], files.numbers[-1])
    return open_matte_sink(path, like=files.plate, frames=frames, protect=files.sources[1:])


def _check_marks(wish: Matting, files: PlateFiles) -> None:
    """Raise BadInput for marks outside the shot or the picture, and where nothing says what to remove."""
    first, last = files.numbers[0], files.numbers[-1]
    for number, marks in wish.marks.items():
        if number not in files.numbers:
            raise BadInput(f"frame {number} is marked but the shot's frames are {first}-{last}; mark one of these")
        refuse_outside(marks, number, files.plate.size)
    if files.keys is None and not any(marks.names_object for marks in wish.marks.values()):
        raise BadInput(
            "nothing says what to remove; give --box FRAME:x,y,width,height, --points, --polygon, --strokes or --keys"
        )
    if wish.selector is not None and not wish.marks:
        raise BadInput("--selector draws frames that are marked; give --box or --points")


def _frames_of(plate: FrameSource, wish: Matting) -> range:
    first, last = plate.range.first, plate.range.last
    for name, asked in (("--first", wish.first), ("--last", wish.last)):
        if asked is not None and not first <= asked <= last:
            raise BadInput(f"{name} {asked} lies outside the plate's frames, {first}-{last}")
    first = first if wish.first is None else wish.first
    last = last if wish.last is None else wish.last
    if last < first:
        raise BadInput(f"frame range ends ({last}) before it starts ({first}); swap --first and --last")
    return range(first, last + 1)


def _scaled(marks: Marks, files: PlateFiles) -> Marks:
    return scaled_marks(marks, files.plate.size, files.size)


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
