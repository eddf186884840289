"""Which frames of a plate, a matte and a clean plate belong together: the one rule, for commands and panel alike.

Here: frame numbers only, compared across the three, never guessed one by one. Not here: numbers in names (``names.py``),
reading frames (``plates.py``).

    the same numbers on both sides     by number; what has no partner is left out and said
    nothing in common, equally long    by place, the first with the first; said
    anything that reads both ways      refused with both readings: a video, whose frames count from 0, against names that
                                       may count from 0 or, as FFmpeg's do, from 1; equally long runs of other steps

A frame without a matte has an empty one. One picture holds for every frame: a matte that is one file, a clean plate whose
name bears none of the plate's numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Protocol

from propainter_pictures.errors import BadInput
from propainter_pictures.frame_range import FrameRange
from propainter_pictures.names import FilePattern, listed


class Numbered(Protocol):
    """What pairing looks at of a run of frames."""

    path: str
    """As it was given."""
    is_still: bool
    """One picture."""

    @property
    def range(self) -> FrameRange:
        """First and last frame there is."""

    @property
    def numbers(self) -> Sequence[int]:
        """Every frame there is, in order."""

    @property
    def labels(self) -> Sequence[int] | None:
        """The numbers in the files' names, in the frames' order; None where there are none and frames count from 0."""


class PairBy(Enum):
    """How a matte's frames find their plate frames."""

    AUTO = "auto"
    NUMBER = "number"
    PLACE = "place"


class UnclearPairing(BadInput):
    """Two runs of frames fit each other in two ways, or in none. Its text names the way out, as the command has it."""

    def __init__(self, finding: str, way_out: str) -> None:
        super().__init__(f"{finding}; {way_out}")
        self.finding = finding


@dataclass(frozen=True)
class Pairing:
    """A plate with its matte and its clean plates, each by the plate's frame numbers. Made by ``pair``."""

    frames: range
    """The plate's frames, all of which are used and written."""
    mattes: Mapping[int, int] = field(default_factory=dict)
    """The matte's own number of each frame that has one."""
    cleans: Mapping[int, int] = field(default_factory=dict)
    """The clean plate's own number of each frame that has one."""
    holds_matte: bool = False
    """One matte is of every frame."""
    notes: tuple[str, ...] = ()
    """Sentences: what was read another way than number by number, and what is left out."""

    def matte_number(self, frame: int) -> int | None:
        """The matte's own number for a frame of the plate; None: its matte is empty."""
        return self.mattes.get(frame)

    def clean_number(self, frame: int) -> int | None:
        """The clean plate's own number for a frame; None: the frame has none."""
        return self.cleans.get(frame)


def pair(
    plate: Numbered,
    matte: Numbered | None = None,
    clean: Numbered | None = None,
    *,
    offset: int | None = None,
    by: PairBy = PairBy.AUTO,
    within: FrameRange | None = None,
) -> Pairing:
    """Pair a plate with its matte and its clean plates.

    offset: added to the matte's numbers, they are the plate's; given, the matte goes by number. by: as the user said.
    within: the plate's frames that are asked for; the notes speak of these. Raises ``UnclearPairing`` where matte or clean
    plates fit in two ways or in none.
    """
    frames = range(plate.range.first, plate.range.last + 1)
    asked = frames if within is None else range(within.first, within.last + 1)
    mattes, holds_matte, notes = _mattes(plate, matte, offset, by, asked) if matte else ({}, False, [])
    cleans, more = _cleans(plate, clean, asked) if clean else ({}, [])
    return Pairing(frames, mattes, cleans, holds_matte, tuple(notes + more))


Found = dict[int, int]
"""The other's own number of each frame of the plate."""


def _mattes(
    plate: Numbered, matte: Numbered, offset: int | None, by: PairBy, asked: range
) -> tuple[Found, bool, list[str]]:
    if matte.is_still and (_is_one_file(matte) or not _own_frame(plate, matte, offset or 0)):
        held = dict.fromkeys(range(plate.range.first, plate.range.last + 1), matte.numbers[0])
        return held, True, []
    found, notes = _found(plate, matte, "matte", offset, by)
    without = [frame for frame in asked if frame not in found]
    if without and found:
        whose = f"frame {without[0]} has" if len(without) == 1 else f"{len(without)} of {len(asked)} frames have"
        which = "" if len(without) == 1 else f" ({listed(without)})"
        notes.append(f"{whose} no matte{which}, so nothing is removed there")
    return found, False, notes + _left_out(matte, found, "matte")


def _cleans(plate: Numbered, clean: Numbered, asked: range) -> tuple[Found, list[str]]:
    if clean.is_still and FilePattern.parse(clean.path) is None:
        found = _own_frame(plate, clean, 0)
        if not found:
            return dict.fromkeys(range(plate.range.first, plate.range.last + 1), clean.numbers[0]), []
        return found, [
            f"clean plate {_name(clean)} counts for frame {next(iter(found))} alone, whose number is in its name; "
            "remove the number if it is for every frame"
        ]
    found, notes = _found(plate, clean, "clean plate", None, PairBy.AUTO)
    return found, notes + _left_out(clean, found, "clean plate")


def _found(plate: Numbered, other: Numbered, what: str, offset: int | None, by: PairBy) -> tuple[Found, list[str]]:
    if by is PairBy.PLACE:
        return _by_place(plate, other), []
    if by is PairBy.NUMBER or offset is not None:
        found = _by_label(plate, other, offset or 0)
        if not found:
            raise _nothing_in_common(plate, other, what)
        return found, []
    return _read_from_numbers(plate, other, what)


def _read_from_numbers(plate: Numbered, other: Numbered, what: str) -> tuple[Found, list[str]]:
    ours, theirs = _labels(plate), _labels(other)
    found = _by_label(plate, other, 0)
    is_as_long = len(ours) == len(theirs)
    if tuple(ours) == tuple(theirs):
        return found, []
    if (plate.labels is None) != (other.labels is None) and what == "matte":
        return _counted_against_named(plate, other, what)
    if not found:
        if not is_as_long:
            raise _nothing_in_common(plate, other, what)
        return _by_place(plate, other), [_said_by_place(plate, other, what)]
    if is_as_long and (_step(ours) != _step(theirs) or {ours[0], theirs[0]} == {0, 1}):
        raise _two_readings(plate, other, what, first_of_other=theirs[0])
    return found, []


def _counted_against_named(plate: Numbered, other: Numbered, what: str) -> tuple[Found, list[str]]:
    """One side counts from 0 because it has no numbers, the other's names start wherever their program starts."""
    ours, theirs = _labels(plate), _labels(other)
    named, count = (theirs, len(ours)) if plate.labels is None else (ours, len(theirs))
    if named[0] == 0:
        return _by_label(plate, other, 0), []
    if len(ours) == len(theirs) and _step(ours) == _step(theirs):
        return _by_place(plate, other), [_said_by_place(plate, other, what)]
    from_one = -1 if plate.labels is None else 1
    if named[0] > 0 and named[-1] == count:  # the last of names that count from 1
        return _by_label(plate, other, from_one), [
            f"{what} {_name(other)} and plate {_name(plate)} are matched so that their last frames meet: one counts from 0, "
            "the other from 1"
        ]
    if 0 < named[0] <= count:
        raise _two_readings(plate, other, what, first_of_other=theirs[0])
    raise _nothing_in_common(plate, other, what)


def _by_label(plate: Numbered, other: Numbered, offset: int) -> Found:
    frame_of = dict(zip(_labels(plate), plate.numbers, strict=True))
    labelled = zip(_labels(other), other.numbers, strict=True)
    return {frame_of[label + offset]: number for label, number in labelled if label + offset in frame_of}


def _own_frame(plate: Numbered, still: Numbered, offset: int) -> Found:
    """The frame whose number a lone picture bears; none if its name has no number, or that of no frame."""
    return {} if still.labels is None else _by_label(plate, still, offset)


def _by_place(plate: Numbered, other: Numbered) -> Found:
    return dict(zip(plate.numbers, other.numbers, strict=False))


def _left_out(other: Numbered, found: Found, what: str) -> list[str]:
    used = set(found.values())
    labelled = zip(_labels(other), other.numbers, strict=True)
    unused = [label for label, number in labelled if number not in used]
    if not unused or not found:
        return []
    belongs = f"{what} {unused[0]} belongs" if len(unused) == 1 else f"{len(unused)} {what}s ({listed(unused)}) belong"
    them = "is" if len(unused) == 1 else "are"
    return [f"{belongs} to no frame of the plate and {them} left out"]


def _said_by_place(plate: Numbered, other: Numbered, what: str) -> str:
    return (
        f"{what} {_name(other)} ({_span(other)}) and plate {_name(plate)} ({_span(plate)}) are equally long and paired by "
        "place, the first with the first"
    )


def _two_readings(plate: Numbered, other: Numbered, what: str, *, first_of_other: int) -> UnclearPairing:
    by_label = {theirs: ours for ours, theirs in _by_label(plate, other, 0).items()}
    number, place = other.numbers[0], plate.numbers[0]
    is_from_one = (plate.labels is None) != (other.labels is None) and len(plate.numbers) != len(other.numbers)
    if is_from_one:  # names from 1 against a count from 0: the other reading is one frame earlier, or later
        place = first_of_other + (-1 if plate.labels is None else 1)
    elif by_label.get(number) == place:  # the readings agree on the first: told by one on which they do not
        pairs = zip(plate.numbers, other.numbers, _labels(other), strict=False)
        place, number, first_of_other = next(
            (each for each in pairs if by_label.get(each[1], each[0]) != each[0]), (place, number, first_of_other)
        )
    one = f"by number {what} {first_of_other} is of frame {by_label.get(number, first_of_other)}"
    other_way = f"counting both from 1 it is of frame {place}" if is_from_one else f"by place it is of frame {place}"
    shift = place - first_of_other
    way_out = "number both alike"
    if what == "matte":
        way_out = f"say --matte-offset 0 or --matte-offset {shift}" if is_from_one else "say --pair-by number or place"
    return UnclearPairing(
        f"{what} {_name(other)} ({_span(other)}) fits plate {_name(plate)} ({_span(plate)}) in two ways: {one}, {other_way}",
        way_out,
    )


def _nothing_in_common(plate: Numbered, other: Numbered, what: str) -> UnclearPairing:
    shift = _labels(plate)[0] - _labels(other)[0]
    way_out = f"renumber one, or shift the matte with --matte-offset {shift}"
    if what != "matte":
        way_out = "number it as the plate is, or give one picture for every frame"
    return UnclearPairing(
        f"plate {_name(plate)} is {_span(plate)} but {what} {_name(other)} is {_span(other)}: no common frames", way_out
    )


def _labels(run: Numbered) -> Sequence[int]:
    """The numbers of its names, else of its frames."""
    return run.numbers if run.labels is None else run.labels


def _step(labels: Sequence[int]) -> int:
    """How far the second number is from the first; 1 for a single one."""
    return labels[1] - labels[0] if len(labels) > 1 else 1


def _span(run: Numbered) -> str:
    labels = _labels(run)
    span = f"{labels[0]}-{labels[-1]}" if len(labels) > 1 else str(labels[0])
    step = _step(labels)
    return f"{span} by {step}" if len(labels) > 2 and step > 1 else span


def _name(run: Numbered) -> str:
    return Path(run.path).name


def _is_one_file(run: Numbered) -> bool:
    return Path(run.path).is_file()
