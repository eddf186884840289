"""Which frames of plate, matte and clean plate belong together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import pytest

from propainter_pictures.frame_range import FrameRange
from propainter_pictures.pairing import PairBy, UnclearPairing, pair


@dataclass(frozen=True)
class Run:
    """Frames whose names have these numbers; counted from 0 where the names have none."""

    labels: Sequence[int] | None
    count: int = 0
    path: str = "a folder"

    @property
    def numbers(self) -> Sequence[int]:
        return range(self.count) if self.labels is None else _as_frames(self.labels)

    @property
    def range(self) -> FrameRange:
        return FrameRange(self.numbers[0], self.numbers[-1])

    @property
    def is_still(self) -> bool:
        return len(self.numbers) == 1


def _as_frames(labels: Sequence[int]) -> Sequence[int]:
    """Evenly sampled sequences count from 0, as ``names.py`` has it."""
    steps = {after - before for before, after in pairwise(labels)}
    return range(len(labels)) if len(labels) > 2 and len(steps) == 1 and steps != {1} else labels


def video(count: int) -> Run:
    return Run(None, count)


PLATE = Run(range(1001, 1011))


@pytest.mark.parametrize(
    ("plate", "matte", "expected"),
    [
        (PLATE, Run(range(1001, 1011)), {n: n for n in range(1001, 1011)}),
        (PLATE, Run(range(990, 2000)), {n: n for n in range(1001, 1011)}),
        (PLATE, Run(range(1005, 1020)), {n: n for n in range(1005, 1011)}),
        (PLATE, Run([1003, 1004, 1008]), {1003: 1003, 1004: 1004, 1008: 1008}),
        (Run(range(12)), Run([0, 2, 4]), {0: 0, 2: 1, 4: 2}),
        (Run([0, 5, 10]), Run([0, 5, 10]), {0: 0, 1: 1, 2: 2}),
        (Run([0, 5, 10]), Run(range(11)), {0: 0, 1: 5, 2: 10}),
        (PLATE, Run(range(1, 11)), {1000 + n: n for n in range(1, 11)}),
        (Run(range(-12, 0)), Run(range(1001, 1013)), {n: n + 1013 for n in range(-12, 0)}),
        (video(12), video(8), {n: n for n in range(8)}),
        (video(12), Run(range(12)), {n: n for n in range(12)}),
        (video(12), Run(range(5)), {n: n for n in range(5)}),
        (video(12), Run(range(1, 13)), {n: n + 1 for n in range(12)}),
        (video(12), Run(range(3, 13)), {n - 1: n for n in range(3, 13)}),
        (Run(range(1, 13)), video(12), {n: n - 1 for n in range(1, 13)}),
        (video(12), Run(range(1001, 1013)), {n: n + 1001 for n in range(12)}),
    ],
    ids=[
        "the same", "longer", "overlapping", "gaps stay gaps", "every second frame", "both sampled alike",
        "a plate of every fifth frame", "by place", "by place, negative", "two videos", "video and names from 0",
        "video and fewer names from 0", "video and names from 1", "video and the last names from 1",
        "names from 1 and video", "video and names from 1001",
    ],
)  # fmt: skip
def test_mattes_find_their_plates(plate: Run, matte: Run, expected: dict[int, int]) -> None:
    found = pair(plate, matte)
    assert found.frames == range(plate.range.first, plate.range.last + 1)
    assert dict(found.mattes) == expected
    assert not found.holds_matte


@pytest.mark.parametrize(
    ("plate", "matte", "sentence"),
    [
        (video(12), Run(range(3, 9)), r"by number matte 3 is of frame 3, counting both from 1 it is of frame 2"),
        (Run(range(1, 13)), video(8), r"by number matte 0 is of frame 0, counting both from 1 it is of frame 1"),
        (Run(range(12)), Run(range(1, 13)), r"by number matte 1 is of frame 1, by place it is of frame 0; .*--pair-by"),
        (Run([0, 5, 10]), Run(range(3)), r"in two ways"),
        (Run(range(3)), Run([0, 5, 10]), r"\(0-10 by 5\) .*in two ways"),
        (Run(range(1, 7)), Run(range(1, 12, 2)), r"by number matte 3 is of frame 3, by place it is of frame 2"),
        (PLATE, Run(range(1, 4)), r"1001-1010 but matte a folder is 1-3: no common frames; .*--matte-offset 1000"),
        (video(12), Run(range(1001, 1004)), r"no common frames"),
    ],
    ids=["names within a video", "video within names", "from 0 and from 1", "steps differ", "steps differ too",
         "the first agrees", "nothing", "nothing of a video"],
)  # fmt: skip
def test_what_reads_both_ways_or_none_is_refused_with_what_to_say(plate: Run, matte: Run, sentence: str) -> None:
    with pytest.raises(UnclearPairing, match=sentence):
        pair(plate, matte)


def test_what_the_user_says_counts() -> None:
    plate, matte = video(12), Run(range(3, 9))
    assert dict(pair(plate, matte, offset=-1).mattes) == {n - 1: n for n in range(3, 9)}
    assert dict(pair(plate, matte, offset=0).mattes) == {n: n for n in range(3, 9)}
    assert dict(pair(plate, matte, by=PairBy.PLACE).mattes) == {n: n + 3 for n in range(6)}
    assert dict(pair(plate, matte, by=PairBy.NUMBER).mattes) == {n: n for n in range(3, 9)}
    with pytest.raises(UnclearPairing, match="no common frames"):
        pair(PLATE, Run(range(1, 11)), by=PairBy.NUMBER)


def test_what_is_left_out_or_empty_is_said_with_its_count() -> None:
    notes = pair(PLATE, Run(range(1005, 1020))).notes
    assert notes == (
        "4 of 10 frames have no matte (1001-1004), so nothing is removed there",
        "9 mattes (1011-1019) belong to no frame of the plate and are left out",
    )
    assert (
        pair(PLATE, Run(range(1005, 1020)), within=FrameRange(1004, 1010))
        .notes[0]
        .startswith("frame 1004 has no matte")
    )
    assert pair(PLATE, Run(range(1001, 1011))).notes == ()
    assert "equally long and paired by place" in pair(PLATE, Run(range(1, 11))).notes[0]


def test_one_picture_holds_for_every_frame_unless_a_folder_has_it_under_a_frames_number(tmp_path) -> None:
    picture = tmp_path / "m.1003.png"
    picture.touch()
    every = dict.fromkeys(range(1001, 1011), 1003)
    assert dict(pair(PLATE, Run([1003], path=str(picture))).mattes) == every
    assert pair(PLATE, Run([1003], path=str(picture))).holds_matte
    assert dict(pair(PLATE, Run([1003])).mattes) == {1003: 1003}
    assert dict(pair(PLATE, Run([7])).mattes) == dict.fromkeys(range(1001, 1011), 7)
    assert dict(pair(video(5), video(1)).mattes) == dict.fromkeys(range(5), 0)


def test_a_clean_plate_is_of_the_frames_whose_numbers_it_bears_else_of_every_one() -> None:
    found = pair(PLATE, clean=Run([1003], path="clean.1003.png"))
    assert [found.clean_number(frame) for frame in (1002, 1003)] == [None, 1003]
    assert "for frame 1003 alone" in found.notes[0]
    assert pair(PLATE, clean=Run([7], path="clean.7.png")).clean_number(1004) == 7
    assert pair(video(5), clean=Run(None, 1, path="clean.png")).clean_number(4) == 0
    assert pair(PLATE).clean_number(1003) is None


def test_clean_plates_of_every_fifth_frame_are_those_frames() -> None:
    found = pair(Run(range(12)), clean=Run([0, 5, 10]))
    assert {frame: found.clean_number(frame) for frame in (0, 1, 5, 10)} == {0: 0, 1: None, 5: 1, 10: 2}


def test_clean_plates_of_other_frames_are_refused() -> None:
    with pytest.raises(UnclearPairing, match="clean plate a folder is 2001-2002: no common frames; number it"):
        pair(PLATE, clean=Run([2001, 2002]))


def test_a_plate_without_a_matte_has_none() -> None:
    assert pair(PLATE).matte_number(1003) is None
