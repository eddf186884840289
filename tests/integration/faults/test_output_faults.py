"""Whatever call fails while results are written: the right pictures, or one sentence and nothing lost.

Each test lets one call after the other fail: every write, sync, rename, new name and large allocation below the output. The
everyday tests take some of the calls, the slow ones all.
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest
from bench import Bench, Fault, Run, points
from expectations import pictures_in, require_sound

from builders import box_matte, moving_plates

ONE = Fault(error=errno.EIO)
FULL = Fault(error=errno.ENOSPC, stays=True)
NO_ROOM = Fault(error=errno.ENOMEM, least=16 << 10)
OUTPUTS = {
    "png": ("png", ""), "exr": ("exr", ""), "dpx": ("dpx", ""), "tif": ("tif", ""), "jpg": ("png", "j.####.jpg"),
    "mp4": ("png", "a.mp4"), "mov": ("dpx", "a.mov"), "webm": ("png", "a.webm"), "mkv": ("png", "a.mkv"),
    "avi": ("png", "a.avi"),
}  # fmt: skip
"""The plate and what is written of it."""


def faults_like(kind: Fault, count: int, few: int | None) -> Iterable[Fault]:
    return (Fault(at, kind.error, kind.stays, kind.least) for at in points(count, few=few))


def let_all_fail(kind: Fault, few: int | None, folder: Path, carry_out: Callable[[Fault], Run]) -> int:
    """Carry out without a fault, then with each, always beside the folder's earlier files. Returns how many."""
    earlier = pictures_in(folder)
    kept = shutil.copytree(folder, folder.with_name("kept"))
    plain = carry_out(Fault(0, kind.error, kind.stays, kind.least))
    assert plain.code == 0 and plain.seen > 5, plain
    finished = pictures_in(folder)
    faults = list(faults_like(kind, plain.seen, few))
    for fault in faults:
        shutil.rmtree(folder)
        shutil.copytree(kept, folder)
        require_sound(carry_out(fault), fault, folder, earlier=earlier, finished=finished)
    return len(faults)


def write_all(bench: Bench, plates: Path, tmp_path: Path, output: str, kind: Fault, few: int | None) -> None:
    plate, name = OUTPUTS[output]
    folder = tmp_path / "out"
    folder.mkdir()
    earlier = plates / plate / f"p.0001.{plate}"
    shutil.copy(earlier, folder / earlier.name)
    shutil.copy(earlier, folder / f"other.{plate}")
    given = {"plate": str(plates / plate), "output": str(folder / name), "first": 1, "last": 2}
    count = let_all_fail(kind, few, folder, lambda fault: bench.run("write", given, tmp_path, fault))
    print(f"{count} injected faults in {output}")


@pytest.mark.parametrize("kind", [ONE, FULL], ids=["one call", "full disk"])
@pytest.mark.parametrize("output", ["png", "exr", "mp4"])
def test_some_calls_of_writing_may_fail(bench: Bench, plates: Path, tmp_path: Path, output: str, kind: Fault) -> None:
    write_all(bench, plates, tmp_path, output, kind, few=9)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [ONE, FULL, Fault(error=errno.EDQUOT, stays=True), NO_ROOM], ids=str)
@pytest.mark.parametrize("output", OUTPUTS)
def test_every_call_of_writing_may_fail(bench: Bench, plates: Path, tmp_path: Path, output: str, kind: Fault) -> None:
    write_all(bench, plates, tmp_path, output, kind, few=None)


def write_shot(folder: Path) -> None:
    """Three small frames with a box to remove: folders ``plate`` and ``matte``."""
    for name in ("plate", "matte"):
        (folder / name).mkdir(parents=True)
    for number, frame in enumerate(moving_plates(3), start=1):
        cv2.imwrite(str(folder / f"plate/p.{number:04d}.png"), frame.pixels[..., ::-1])
        matte = box_matte((64, 48), left=20, top=16) * 255
        cv2.imwrite(str(folder / f"matte/m.{number:04d}.png"), matte.astype(np.uint8))


def arguments_for(shot: Path, out: Path) -> list[str]:
    """The whole command: pictures, report, contact sheet, stages; little memory, so that artifacts go to disk and back."""
    return [
        "--plate", str(shot / "plate"), "--matte", str(shot / "matte"), "--output", str(out), "--engine", "classical",
        "--device", "cpu", "--quiet", "--memory", "1", "--report", str(out / "made" / "report.json"),
        "--contact-sheet", str(out / "sheet.png"), "--save-stages", str(out / "stages"),
    ]  # fmt: skip


def remove_all(bench: Bench, tmp_path: Path, kind: Fault, few: int | None) -> None:
    shot, work = tmp_path / "shot", tmp_path / "work"
    out, temporary = work / "out", work / "tmp"
    for folder in (out, temporary):
        folder.mkdir(parents=True)
    write_shot(shot)
    shutil.copy(shot / "plate/p.0001.png", out / "p.0001.png")
    given = {"arguments": arguments_for(shot, out), "temporary": str(temporary)}

    def carry_out(fault: Fault) -> Run:
        return bench.run("remove", given, work, fault)

    inputs = pictures_in(shot)
    count = let_all_fail(kind, few, out, carry_out)
    assert pictures_in(shot) == inputs
    print(f"{count} injected faults in the command")


@pytest.mark.parametrize("kind", [ONE, FULL, NO_ROOM], ids=["one call", "full disk", "no memory"])
def test_some_calls_of_the_command_may_fail(bench: Bench, tmp_path: Path, kind: Fault) -> None:
    remove_all(bench, tmp_path, kind, few=4)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", [ONE, FULL, NO_ROOM], ids=["one call", "full disk", "no memory"])
def test_every_call_of_the_command_may_fail(bench: Bench, tmp_path: Path, kind: Fault) -> None:
    remove_all(bench, tmp_path, kind, few=400 if kind.least else None)  # of some 5,000 allocations
