"""What a folder of results looks like, and whether a run left it as it may.

Here: ``pictures_in``, ``require_sound``. Not here: the runs (``bench.py``).
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path

from bench import Fault, Run

from propainter_pictures.plates import open_source

Pictures = Mapping[str, object]
_BESIDE = (
    "warning: ",
    "going on without it",
    "libpng error: ",
    "EXR_ERR_OUT_OF_MEMORY",
    "[ERROR:",
    "x264 [error]",
    "x265 [error]",
    "Exception ignored in thread started by",
    "MemoryError: ",
)
"""In lines beside the sentence: what does not end a render, and what libraries and Python say for themselves."""
_SHEET = "sheet.png"
_NO_ROOM_FOR_A_THREAD = "cannot allocate memory for thread-local data: ABORT"


def pictures_in(folder: Path) -> dict[str, object]:
    """By name: the pixels of every picture or video, the bytes of anything else; names that begin with a dot left out."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            found[str(path.relative_to(folder))] = _content_of(path)
    return found


def _content_of(path: Path) -> object:
    if path.suffix == ".json":
        return "a report" if path.read_text().endswith("}\n") else path.read_text()
    if path.suffix == ".npy":
        return path.read_bytes()
    with open_source(str(path)) as source:
        return [source.read(number).pixels.tobytes() for number in range(source.range.first, source.range.last + 1)]


def require_sound(run: Run, fault: Fault, folder: Path, *, earlier: Pictures, finished: Pictures) -> None:
    """The right pictures and 0, or 2 and a sentence; and every file is the earlier one or the finished one, whole.

    OpenCV and numpy look at memory they were not given in some places, and are killed for it; the C library ends a process
    that has no room for a new thread's own data. Nothing may be lost then. OpenCV leaves out letters of the contact sheet
    that it finds no room for; the pictures on it are those of frames.
    """
    about = f"{fault} ({run.failed}): code {run.code}\n{run.said}"
    found = pictures_in(folder)
    if fault.least:
        found, finished = ({k: v for k, v in each.items() if k != _SHEET} for each in (found, finished))
    is_killed = bool(fault.least) and (run.code == -signal.SIGSEGV or _NO_ROOM_FOR_A_THREAD in run.said)
    assert run.code in (0, 2) or is_killed, about
    if is_killed:
        pass
    elif run.code == 0:
        assert found == {**earlier, **finished}, about
    else:
        said = [line for line in run.said.splitlines() if not any(word in line for word in _BESIDE)]
        assert len(said) == 1 and said[0].startswith(("propainter-remove: ", "refused: ")), about
    for name, content in found.items():
        assert content in (earlier.get(name), finished.get(name)), f"{name} is neither whole nor as it was\n{about}"
    assert earlier.keys() <= found.keys(), about
    left = [path.name for path in folder.rglob(".*partial*")]
    assert not left or is_killed or run.failed.startswith("unlink"), f"{left}\n{about}"
