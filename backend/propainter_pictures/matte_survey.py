"""What a run of mattes is: how it is to be read, and what its user should know before a render.

Here: the one place that judges mattes; command, panel and daemon say what it finds. Not here: reading one matte
(``mattes.py``), which frame has which (``pairing.py``).

Looked at: a few frames spread over the run. What would be said of the whole run, that it is empty or never exceeds a half,
is said only after every frame was looked at.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from propainter_pictures.errors import BadInput
from propainter_pictures.frame import Frame, find_rgb
from propainter_pictures.mattes import PLAIN, MatteReading, is_full, mask_channels, normalised, read_matte

_LOOKED_AT = 12
_GLANCE_PIXELS = 500_000
_LABELS = 64
"""Labels in 8 bits are numbers up to this, or so many colours."""
_DEEP_LABELS = 255
"""The same in 16 bits, where a matte's own values are hardly ever so low."""
_GREYS = 16
"""Flat greys up to so many, none of them white, are labels too: a palette's colours made grey."""
_LOSSLESS = frozenset({".png", ".tif", ".tiff"})
_COLOUR = 0.12
"""Channels that differ by more than this are colour, not noise of a codec."""
_MUCH_UNSURE = 0.1
"""Share of the hole above which a guess is worth a warning."""
_NEVER_SEEN = 0.5


class PictureForMatte(BadInput):
    """A picture was given where a matte is due. Its text names the way out, as the command has it."""

    def __init__(self, finding: str, way_out: str) -> None:
        super().__init__(f"{finding}; {way_out}")
        self.finding = finding


def without_options(sentence: str) -> str:
    """A sentence for those who have no command line: without the options it names in brackets."""
    return re.sub(r" \(--[^)]*\)", "", sentence)


@dataclass(frozen=True)
class Survey:
    """What was found out about a run of mattes."""

    reading: MatteReading
    notes: tuple[str, ...]
    """Sentences for the user."""


@dataclass
class MatteFacts:
    """What mattes look like, gathered frame by frame."""

    frames: int = 0
    highest: float = 0.0
    covered: float = 0.0
    """Sum of the shares of each picture that are removed."""
    border: float = 0.0
    """Sum of the shares of each picture's border that are removed."""

    def add(self, matte: NDArray[np.floating], threshold: float = 0.0) -> None:
        """Take in a matte, [h, w] in 0..1."""
        removed = matte > max(threshold, 0.5 / 255)
        self.frames += 1
        self.highest = max(self.highest, float(matte.max()))
        self.covered += float(removed.mean())
        edges = (removed[0], removed[-1], removed[:, 0], removed[:, -1])
        self.border += float(np.mean([edge.mean() for edge in edges]))

    def merge(self, other: MatteFacts) -> None:
        """Take in what was gathered elsewhere."""
        self.frames += other.frames
        self.highest = max(self.highest, other.highest)
        self.covered += other.covered
        self.border += other.border

    def judged(self, *, is_inverted: bool = False) -> list[str]:
        """What is to be said: sentences, none for a matte like any other. is_inverted: black is removed."""
        removed, stays = ("black", "white") if is_inverted else ("white", "black")
        if not self.frames:
            return []
        covered, border = self.covered / self.frames, self.border / self.frames
        if self.highest == 0:
            return [
                "every frame of the matte is empty, so nothing is removed; check which channel holds it (--matte-channel)"
            ]
        said = []
        if covered > 0.5 and border > 0.9:
            said.append(
                f"the matte looks inverted: it covers {covered:.0%} of the picture and nearly all of its border; "
                f"{removed} is removed, {stays} stays (--invert-matte)"
            )
        elif covered > 0.9:
            said.append(
                f"the matte covers {covered:.0%} of the picture, so little is left to fill it from; {removed} is removed, "
                f"{stays} stays"
            )
        if self.highest <= 0.5:
            said.append(
                f"the matte never exceeds {self.highest:.2g}, so the object stays half visible; make it white where "
                "the object is"
            )
        return said


def judge_unseen(share: float) -> list[str]:
    """What is to be said when so much of the hole was never seen in any frame."""
    if share <= _NEVER_SEEN:
        return []
    return [
        f"{share:.0%} of what the matte covers is shown in no frame, so its fill is made up; try a narrower matte, a "
        "longer shot or a clean plate"
    ]


def judge_unsure(share: float) -> list[str]:
    """What is to be said when so much of the hole was copied though it is of another kind than its surroundings."""
    if share <= _MUCH_UNSURE:
        return []
    return [
        f"{share:.0%} of what the matte covers is a guess that does not fit its surroundings; check it, or paint a clean "
        "plate (--clean-plate)"
    ]


def survey(
    read: Callable[[int], Frame],
    numbers: Sequence[int],
    reading: MatteReading = PLAIN,
    *,
    name: str,
    plate: Callable[[], Frame] | None = None,
    threshold: float = 0.0,
) -> Survey:
    """Find out how mattes are to be read, and judge them.

    read: a frame of the matte by its own number; numbers: the frames that are used. name: as messages call the matte.
    plate: a frame of the plate, to tell whether the two were swapped.
    Raises ``BadInput`` where a picture was given for a matte: colours, and nobody said which channel; naming the others.
    """
    glances = [_glance(read(number)) for number in _spread(numbers)]
    if all(_is_blank(each.frame) for each in glances):  # nothing to tell from: whatever comes first that is not blank
        glances += _first_to_tell(read, numbers)
    frames = [each.frame for each in glances]
    said: list[str] = []
    if reading.channel == "auto":
        reading, said = _found_reading(glances, reading, name, plate)
    elif _are_labels([read_matte(frame, MatteReading(reading.channel)) for frame in frames], frames):
        reading, said = replace(reading, is_labels=True), [_said_labels(name)]
    facts = MatteFacts()
    for frame in frames:
        facts.add(read_matte(frame, reading), threshold)
    if facts.highest <= 0.5:  # true of the whole run only if it is true of every frame, and of every pixel
        facts = _all_facts(read, numbers, reading, threshold)
    return Survey(reading, (*said, *facts.judged(is_inverted=reading.is_inverted)))


@dataclass(frozen=True, eq=False)
class _Glance:
    """A frame made small enough to keep several."""

    frame: Frame
    """The highest of every few pixels, so that a thin wire stays."""
    alpha_says: bool
    """Whether it has an alpha that is not 1 everywhere, at full size."""


def _glance(frame: Frame) -> _Glance:
    alpha = frame.alpha_channel
    alpha_says = alpha is not None and not is_full(frame.pixels[..., alpha])
    height, width, channels = frame.pixels.shape
    step = math.ceil(math.sqrt(height * width / _GLANCE_PIXELS))
    if step > 1:
        rows, columns = height // step, width // step
        blocks = frame.pixels[: rows * step, : columns * step].reshape(rows, step, columns, step, channels)
        frame = replace(frame, pixels=blocks.max(axis=(1, 3)), header=None, inset=None, video=None)
    return _Glance(frame, alpha_says)


def _is_blank(frame: Frame) -> bool:
    return bool((frame.pixels == frame.pixels[:1, :1]).all())


def _first_to_tell(read: Callable[[int], Frame], numbers: Sequence[int]) -> list[_Glance]:
    for number in numbers:
        found = _glance(read(number))
        if not _is_blank(found.frame):
            return [found]
    return []


def _all_facts(
    read: Callable[[int], Frame], numbers: Sequence[int], reading: MatteReading, threshold: float
) -> MatteFacts:
    """What every frame says, until one exceeds a half."""
    facts = MatteFacts()
    for number in numbers:
        facts.add(read_matte(read(number), reading), threshold)
        if facts.highest > 0.5:
            break
    return facts


def _found_reading(
    glances: Sequence[_Glance], reading: MatteReading, name: str, plate: Callable[[], Frame] | None
) -> tuple[MatteReading, list[str]]:
    """How to read frames of whose channels nobody said anything."""
    frames = [each.frame for each in glances]
    with_colours = [frame for frame in frames if find_rgb(frame.channel_names) is not None]
    if with_colours and any(each.alpha_says for each in glances):
        return replace(reading, channel="alpha"), []  # for every frame: one with a full matte has a full alpha
    colours = [normalised(frame.pixels[..., frame.rgb_channels]) for frame in frames] if with_colours else []
    if all(_is_grey(colour) for colour in colours):
        greys = [colour[..., 1] for colour in colours] or [read_matte(frame) for frame in frames]
        if _are_labels(greys, frames):
            return replace(reading, is_labels=True), [_said_labels(name)]
        if plate is not None and _is_picture(greys) and _is_bilevel(normalised(plate().rgb())):
            raise _swapped(name)
        return replace(reading, channel="luma") if with_colours else reading, []
    names = with_colours[0].channel_names
    others = mask_channels(names)
    if others:
        raise PictureForMatte(
            f"matte {name} is a colour picture with other channels beside it ({', '.join(others)})",
            "name the one that holds the matte by --matte-channel, or luma",
        )
    if all(_are_label_colours(frame) for frame in frames):
        return replace(reading, is_labels=True), [f"matte {name} is read as labels: every colour but black is removed"]
    if plate is not None and _is_bilevel(normalised(plate().rgb())):
        raise _swapped(name)
    raise PictureForMatte(
        f"matte {name} is a colour picture, not a matte",
        f"give the roto, or name a channel by --matte-channel (luma, {', '.join(names)})",
    )


def _swapped(name: str) -> PictureForMatte:
    return PictureForMatte(
        f"plate and matte look swapped: {name}, given as the matte, is a picture, and the plate is black and white",
        "swap them, or say --matte-channel luma",
    )


def _said_labels(name: str) -> str:
    return f"matte {name} is read as labels: every number but 0 is removed"


def _are_labels(greys: Sequence[NDArray[np.float32]], frames: Sequence[Frame]) -> bool:
    """Small whole numbers in flat areas, of a file that keeps them: 0 and 1 in 8 bits, not a dark picture."""
    dtype = frames[0].pixels.dtype
    suffix = frames[0].path.suffix.lower() if frames[0].path else ""
    if not np.issubdtype(dtype, np.integer) or suffix not in _LOSSLESS:
        return False
    full = np.iinfo(dtype).max
    highest = _LABELS if dtype == np.uint8 else _DEEP_LABELS
    has_labels = False
    numbers = [np.rint(grey * full).astype(np.int64) for grey in greys]
    if _are_flat_greys(numbers, full):
        return True
    for values in numbers:
        if not values.any():
            continue
        if ((values > highest) & (values < full)).any() or not _is_flat(values):
            return False
        small = ((values > 0) & (values <= highest)).sum()
        if small < (values > 0).sum() / 5:  # a border of the highest number, "void", may be there as well
            return False
        has_labels = has_labels or not values.all()  # a run without any background is no label map
    return has_labels


def _are_flat_greys(numbers: Sequence[NDArray[np.int64]], full: int) -> bool:
    """Several greys, black and no white among them, without the values between that a soft edge has."""
    found = np.unique(np.concatenate([np.unique(values) for values in numbers]))
    if not 3 <= len(found) <= _GREYS or found[0] != 0 or found[-1] == full:
        return False
    return all(_is_flat(values) for values in numbers)


def _is_flat(values: NDArray[np.int64]) -> bool:
    """Whether neighbours are nearly always equal; a single column has none, and does not tell."""
    differing = values[:, 1:] != values[:, :-1]
    return bool(np.count_nonzero(differing) < 0.1 * differing.size)


def _are_label_colours(frame: Frame) -> bool:
    """A few flat colours, one of them black, of a file that keeps them."""
    pixels = frame.pixels[..., frame.rgb_channels]
    suffix = frame.path.suffix.lower() if frame.path else ""
    if pixels.dtype != np.uint8 or suffix not in _LOSSLESS:
        return False
    values = pixels[..., 0].astype(np.int64) << 16 | pixels[..., 1].astype(np.int64) << 8 | pixels[..., 2]
    colours = np.unique(values)
    return len(colours) <= _LABELS and (len(colours) == 1 or colours[0] == 0) and _is_flat(values)


def _is_grey(colour: NDArray[np.float32]) -> bool:
    spread = np.nan_to_num(colour).max(axis=-1) - np.nan_to_num(colour).min(axis=-1)
    return bool((spread > _COLOUR).mean() < 0.002)


def _is_bilevel(picture: NDArray[np.float32]) -> bool:
    """Nearly nothing but 0 and 1, grey: what a matte looks like."""
    return bool(((picture < 0.02) | (picture > 0.98)).all(axis=-1).mean() > 0.9) and _is_grey(picture)


def _is_picture(greys: Sequence[NDArray[np.float32]]) -> bool:
    """Hardly anything of it 0 or 1: what a plate looks like."""
    return all(bool(((grey < 0.02) | (grey > 0.98)).mean() < 0.5) for grey in greys)


def _spread(numbers: Sequence[int]) -> list[int]:
    """A few of the numbers, first and last among them."""
    places = np.linspace(0, len(numbers) - 1, min(_LOOKED_AT, len(numbers)))
    return [numbers[round(float(place))] for place in places]


def matte_name(path: str) -> str:
    """How messages call a matte."""
    return Path(path).name
