"""Results appear whole, stay where the power fails, follow nobody's links, and leave nothing behind."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from propainter_backend.errors import OutputError
from propainter_os import files
from propainter_pictures import whole_files
from propainter_pictures.frame import Frame
from propainter_pictures.frame_range import FrameRange
from propainter_pictures.images import write_image
from propainter_pictures.plates import open_source
from propainter_pictures.results import open_sink
from propainter_pictures.whole_files import partial_name, replacing, sweep

BLACK = Frame(np.zeros((16, 16, 3), np.uint8), ("R", "G", "B"))


def ended_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def left_behind(folder: Path, *, host: str, pid: int, tail: str = "-0123456789abcdef.png") -> Path:
    path = folder / f".p.1001.partial-{host}-{pid}{tail}"
    path.write_bytes(b"half")
    return path


def test_names_cannot_be_foreseen(tmp_path: Path) -> None:
    names = {partial_name(tmp_path / "p.png").name for _ in range(50)}
    assert len(names) == 50
    assert all(name.startswith(".p.partial-") and name.endswith(".png") for name in names)


def test_a_long_name_still_has_a_partial(tmp_path: Path) -> None:
    path = tmp_path / f"{'ü' * 100}{'x' * 40}.png"
    with replacing(path) as partial:
        partial.write_bytes(b"whole")
    assert path.read_bytes() == b"whole"


@pytest.mark.parametrize("name", ["out.png", "out.mp4"])
def test_a_planted_link_is_not_written_through(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even somebody who foresees the name gains nothing: the file has to be new."""
    foreign = tmp_path / "foreign"
    foreign.write_bytes(b"precious")
    monkeypatch.setattr(whole_files.secrets, "token_hex", lambda _: "f" * 16)
    (tmp_path / "out").mkdir()
    partial_name(tmp_path / "out" / name).symlink_to(foreign)
    with pytest.raises(OutputError, match="cannot be written"), replacing(tmp_path / "out" / name) as partial:
        partial.write_bytes(b"overwritten")
    assert foreign.read_bytes() == b"precious"


def test_a_link_put_in_the_place_of_a_partial_does_not_become_the_result(tmp_path: Path) -> None:
    (tmp_path / "foreign").write_bytes(b"precious")
    with pytest.raises(OutputError, match="something else"), replacing(tmp_path / "out.png") as partial:
        partial.unlink()
        partial.symlink_to(tmp_path / "foreign")
    assert not (tmp_path / "out.png").exists()


def test_bytes_are_on_the_disk_before_the_name_and_the_name_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    sync, rename = os.fsync, Path.replace

    def note_sync(descriptor: int) -> None:
        steps.append(f"sync {Path(f'/proc/self/fd/{descriptor}').readlink()}")
        sync(descriptor)

    def note_rename(self: Path, target: Path) -> Path:
        steps.append("rename")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(Path, "replace", note_rename)
    with replacing(tmp_path / "out.png") as partial:
        partial.write_bytes(b"whole")
    assert steps == [f"sync {partial}", "rename", f"sync {tmp_path}"]


def interrupt_after(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C as the next such call returns: Python mostly hears of it there, before it can use the answer."""
    home: Any = os if call in ("close", "fsync") else files
    real = getattr(home, call)

    def interrupted(*given: Any, **more: Any) -> None:
        monkeypatch.undo()
        real(*given, **more)
        raise KeyboardInterrupt

    monkeypatch.setattr(home, call, interrupted)


@pytest.mark.parametrize("call", ["open_new", "close", "fsync", "replace"])
def test_ctrl_c_leaves_nothing_half_written(call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt_after(call, monkeypatch)
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "out.png") as partial:
        partial.write_bytes(b"whole")
    assert {path.name for path in tmp_path.iterdir()} == ({"out.png"} if call == "replace" else set())


def test_ctrl_c_amid_giving_up_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "out.png"):
        interrupt_after("close", monkeypatch)
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_what_dead_processes_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    here, dead = platform.node(), ended_process()
    swept = [
        left_behind(tmp_path, host=here, pid=dead),
        left_behind(tmp_path, host=here, pid=dead, tail=".exr"),
        left_behind(tmp_path, host="long-gone", pid=1),
    ]
    os.utime(swept[-1], (0, 0))
    kept = [
        left_behind(tmp_path, host=here, pid=os.getpid()),
        left_behind(tmp_path, host="farm-7", pid=dead),
        partial_name(tmp_path / "mine.png"),
        tmp_path / "p.1001.png",
        tmp_path / ".hidden.png",
    ]
    for path in kept[2:]:
        path.touch()
    sweep(tmp_path)
    assert not [path for path in swept if path.exists()]
    assert all(path.exists() for path in kept)


def test_opening_an_output_sweeps_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "plate").mkdir()
    for number in range(2):
        write_image(tmp_path / "plate" / f"p.{number}.png", BLACK, {})
    (tmp_path / "out").mkdir()
    left_behind(tmp_path / "out", host=platform.node(), pid=ended_process())
    with open_source(str(tmp_path / "plate")) as plate:
        with open_sink(str(tmp_path / "out"), like=plate, frames=FrameRange(0, 1)) as sink:
            for number in range(2):
                sink.write(number, plate.read(number))
        with open_sink(str(tmp_path / "out" / "a.mp4"), like=plate, frames=FrameRange(0, 1), fps=Fraction(25)) as sink:
            for number in range(2):
                sink.write(number, plate.read(number))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.mp4", "p.0.png", "p.1.png"]
