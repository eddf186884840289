"""Two renders into one output: the second is told, and neither waits for the dead."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from propainter_pictures.errors import OutputError
from propainter_pictures.frame import Frame
from propainter_pictures.frame_range import FrameRange
from propainter_pictures.images import write_image
from propainter_pictures.plates import FrameSource, open_source
from propainter_pictures.results import FrameSink, open_sink

OTHER_PROCESS = """
import sys
from pathlib import Path
from propainter_pictures.frame_range import FrameRange
from propainter_pictures.plates import open_source
from propainter_pictures.results import open_sink
plate = open_source(sys.argv[1])
sink = open_sink(sys.argv[2], like=plate, frames=FrameRange(int(sys.argv[3]), int(sys.argv[4])))
print("open", flush=True)
sys.stdin.readline()
sink.close()
"""


@pytest.fixture
def plate(tmp_path: Path) -> FrameSource:
    (tmp_path / "plate").mkdir()
    for number in range(1001, 1009):
        write_image(tmp_path / "plate" / f"p.{number}.png", Frame(np.zeros((16, 16, 3), np.uint8), ("R", "G", "B")), {})
    return open_source(str(tmp_path / "plate"))


class Other:
    """Another process with its output open."""

    def __init__(self, plate: FrameSource, output: Path, first: int, last: int) -> None:
        arguments = [plate.path, str(output), str(first), str(last)]
        self._process = subprocess.Popen(
            [sys.executable, "-c", OTHER_PROCESS, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None and self._process.stdout.readline() == "open\n"

    def end(self) -> None:
        self._process.communicate("\n")

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


def opened(plate: FrameSource, output: Path, first: int, last: int) -> FrameSink:
    return open_sink(str(output), like=plate, frames=FrameRange(first, last))


@pytest.mark.parametrize("output", ["out", "out/p.####.png", "out.mp4"])
def test_a_second_render_of_the_same_frames_is_told(plate: FrameSource, output: str, tmp_path: Path) -> None:
    place = tmp_path / output
    other = Other(plate, tmp_path / ("out" if "####" in output else output), 1001, 1004)
    try:
        with pytest.raises(OutputError, match=r"another render is writing .* right now; wait"):
            opened(plate, place, 1004, 1008)
        if "mp4" not in output:
            opened(plate, place, 1005, 1008).close()  # other frames of the same shot go on side by side
    finally:
        other.end()
    opened(plate, place, 1004, 1008).close()
    assert not list(tmp_path.rglob(".*"))


def test_a_killed_render_leaves_its_output_free(plate: FrameSource, tmp_path: Path) -> None:
    Other(plate, tmp_path / "out", 1001, 1004).kill()
    opened(plate, tmp_path / "out", 1001, 1004).close()
    assert list((tmp_path / "out").iterdir()) == []


def test_farm_tasks_may_write_the_same_frames(plate: FrameSource, tmp_path: Path) -> None:
    other = Other(plate, tmp_path / "out", 1001, 1004)
    try:
        open_sink(str(tmp_path / "out"), like=plate, frames=FrameRange(1001, 1004), alone=False).close()
    finally:
        other.end()
