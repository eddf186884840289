"""Which frames of plate, matte and clean plate belong together."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from propainter_pictures.frame_range import FrameRange
from propainter_pictures.pairing import Pairing, offset_by_place


@dataclass(frozen=True)
class Run:
    range: FrameRange
    is_still: bool = False

    def has(self, number: int) -> bool:
        return self.range.first <= number <= self.range.last


PLATE = Run(FrameRange(1001, 1010))


@pytest.mark.parametrize(
    ("matte", "offset", "common"),
    [
        (None, 0, range(1001, 1011)),
        (Run(FrameRange(1, 1), is_still=True), 0, range(1001, 1011)),
        (Run(FrameRange(990, 2000)), 0, range(1001, 1011)),
        (Run(FrameRange(1005, 1020)), 0, range(1005, 1011)),
        (Run(FrameRange(0, 4)), 1001, range(1001, 1006)),
    ],
    ids=["none", "still", "longer", "overlapping", "shifted"],
)
def test_a_shot_has_the_frames_both_have(matte: Run | None, offset: int, common: range) -> None:
    assert Pairing(PLATE, matte, matte_offset=offset).common == common


def test_a_matte_goes_by_number_less_its_offset_and_a_still_holds_for_all() -> None:
    assert Pairing(PLATE, Run(FrameRange(0, 9)), matte_offset=1001).matte_number(1004) == 3
    assert Pairing(PLATE, Run(FrameRange(7, 7), is_still=True), matte_offset=5).matte_number(1004) == 7


def test_numbers_with_nothing_in_common_give_no_frame_until_both_begin_together() -> None:
    matte = Run(FrameRange(0, 9))
    assert not Pairing(PLATE, matte).common
    assert Pairing(PLATE, matte, matte_offset=offset_by_place(PLATE, matte)).common == range(1001, 1011)


def test_a_clean_plate_is_of_its_own_frames_or_of_every_one() -> None:
    clean = Run(FrameRange(1003, 1003), is_still=True)
    own, everywhere = Pairing(PLATE, clean=clean), Pairing(PLATE, clean=clean, is_clean_everywhere=True)
    assert [own.clean_number(frame) for frame in (1002, 1003)] == [None, 1003]
    assert [everywhere.clean_number(frame) for frame in (1002, 1003)] == [1003, 1003]
    assert Pairing(PLATE).clean_number(1003) is None
