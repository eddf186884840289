"""Results written while others are computed: all that was given is written whole, and told in order."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from propainter_backend.removal import writing
from propainter_backend.removal.writing import WritingBehind
from propainter_pictures.errors import OutputError
from propainter_pictures.frame import Frame
from propainter_pictures.frame_range import FrameRange
from propainter_pictures.images import read_image
from propainter_pictures.plates import open_source
from propainter_pictures.results import FrameSink, open_sink

NUMBERS = range(1001, 1009)


def picture(number: int) -> Frame:
    return Frame(np.full((6, 8, 3), number % 256, np.uint8), ("R", "G", "B"), number)


def sink_beside(tmp_path: Path, output: str = "out/o.####.png") -> FrameSink:
    plates = tmp_path / "plates"
    if not plates.exists():
        with open_sink(str(plates / "p.####.png"), like=_first(tmp_path), frames=_range(), metadata={}) as sink:
            for number in NUMBERS:
                sink.write(number, picture(number))
    like = open_source(str(plates / "p.####.png"))
    return open_sink(str(tmp_path / output), like=like, frames=_range(), metadata={})


def _range() -> FrameRange:
    return FrameRange(NUMBERS[0], NUMBERS[-1])


def _first(tmp_path: Path):
    from propainter_pictures.images import write_image

    write_image(tmp_path / "one.1001.png", picture(1001), {})
    return open_source(str(tmp_path / "one.1001.png"))


class Slow(FrameSink):
    """Holds its first frame back until it is let go, and counts how many are in it."""

    in_any_order = True

    def __init__(self) -> None:
        self.may_go = threading.Event()
        self.written: list[int] = []
        self.fails_at: int | None = None

    def write(self, number, frame):
        if number == NUMBERS[0]:
            assert self.may_go.wait(60)
        if number == self.fails_at:
            raise OutputError(f"frame {number} cannot be written; make room")
        self.written.append(number)

    def file(self, number):
        return Path(f"{number}")

    def close(self):
        pass

    def abandon(self):
        pass


@pytest.mark.parametrize("cores", [1, 2, 4])
def test_frames_are_written_whole_and_told_once_each_in_order(tmp_path: Path, cores: int):
    told: list[int] = []
    with sink_beside(tmp_path) as sink, WritingBehind(sink, cores) as out:
        for number in NUMBERS:
            told += out.write(number, picture(number))
        told += out.rest()
    assert told == [*NUMBERS]
    for number in NUMBERS:
        read = read_image(tmp_path / "out" / f"o.{number}.png", number)
        np.testing.assert_array_equal(read.pixels, picture(number).pixels)


def test_whoever_gives_a_frame_does_not_wait_until_it_is_written():
    sink = Slow()
    with WritingBehind(sink, 2) as out:
        assert [*out.write(NUMBERS[0], picture(0)), *out.write(NUMBERS[1], picture(1))] == []
        sink.may_go.set()
        assert [*out.rest()] == [*NUMBERS[:2]]


def test_an_error_comes_out_and_every_other_frame_that_was_given_is_written():
    sink = Slow()
    sink.fails_at = NUMBERS[1]
    with pytest.raises(OutputError, match="frame 1002"), WritingBehind(sink, 2) as out:
        for number in NUMBERS[:3]:
            assert out.write(number, picture(number)) == []
        sink.may_go.set()
        list(out.rest())
    assert sorted(sink.written) == [NUMBERS[0], NUMBERS[2]]


def test_whatever_ends_the_render_frames_that_were_given_are_written():
    sink = Slow()
    with pytest.raises(KeyboardInterrupt), WritingBehind(sink, 2) as out:
        for number in NUMBERS[:4]:
            out.write(number, picture(number))
        sink.may_go.set()
        raise KeyboardInterrupt
    assert sorted(sink.written) == [*NUMBERS[:4]]


def test_no_more_frames_wait_than_memory_was_set_aside_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(writing, "_WAITING_BYTES", picture(0).pixels.nbytes)
    sink = Slow()
    with WritingBehind(sink, 4) as out:
        assert out.write(NUMBERS[0], picture(0)) == []
        threading.Timer(0.1, sink.may_go.set).start()
        assert NUMBERS[0] in out.write(NUMBERS[1], picture(1)), "the second waited for the first"


def test_a_video_takes_its_frames_one_after_the_other(tmp_path: Path):
    sink = sink_beside(tmp_path, "o.mov")
    with sink, WritingBehind(sink, 4) as out:
        assert [out.write(number, picture(number)) for number in NUMBERS] == [[number] for number in NUMBERS]
    assert (tmp_path / "o.mov").stat().st_size > 0
