"""A command of the user's own that draws the matte of a frame from marks: the way in for models that are brought along.

Here: ``Selector``. Not here: any model, and anything that fetches one.

The command is told three files: ``{frame}``, a PNG of the frame as it is seen; ``{points}``, JSON with the marks;
``{matte}``, a PNG it has to write, white where something is to be removed. Exit code 0 says that it did.
"""

from __future__ import annotations

import json
import string
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from propainter_backend.errors import BadInput
from propainter_backend.matting.marks_files import marks_as_json
from propainter_matte.marks import Marks
from propainter_os import processes
from propainter_pictures.frame import Frame
from propainter_pictures.images import read_image, write_image
from propainter_pictures.mattes import read_matte

NEEDED = ("frame", "points", "matte")


@dataclass(frozen=True)
class Selector:
    """A command with ``{frame}``, ``{points}`` and ``{matte}`` in it."""

    words: tuple[str, ...]

    @classmethod
    def parse(cls, command: str) -> Selector:
        """Split a command as a shell would. Raises BadInput where a file's place is missing in it."""
        try:
            words = tuple(processes.words(command))
            named = {name for word in words for _, name, _, _ in string.Formatter().parse(word) if name is not None}
        except ValueError as error:
            raise BadInput(f"--selector {command!r} cannot be read ({error}); quote it as a shell wants it") from error
        wrong = sorted(named - set(NEEDED))
        missing = [name for name in ("frame", "matte") if name not in named]
        if wrong or missing:
            what = f"has no {{{missing[0]}}}" if missing else f"names {{{wrong[0]}}}"
            raise BadInput(
                f"--selector {command!r} {what}; give a command like 'segment {{frame}} {{points}} {{matte}}'"
            )
        return cls(words)

    def draw(self, picture: np.ndarray, marks: Marks, number: int) -> np.ndarray:
        """The matte [h, w] in [0, 1] of a picture, uint8 RGB [h, w, 3]. Raises BadInput where the command fails."""
        height, width = picture.shape[:2]
        with tempfile.TemporaryDirectory(prefix="propainter-selector-") as folder:
            places = {"frame": Path(folder) / "frame.png", "points": Path(folder) / "points.json"}
            places["matte"] = Path(folder) / "matte.png"
            write_image(places["frame"], Frame(picture, ("R", "G", "B"), number), {})
            facts = {"frame": number, "width": width, "height": height, **marks_as_json(marks)}
            places["points"].write_text(json.dumps(facts), encoding="utf-8")
            self._run(places, number)
            found = read_matte(read_image(places["matte"], number))
        if found.shape != (height, width):
            raise BadInput(
                f"the selector's matte of frame {number} is {found.shape[1]}x{found.shape[0]} but the frame is "
                f"{width}x{height}; let it write the frame's size"
            )
        return found

    def _run(self, places: Mapping[str, Path], number: int) -> None:
        given: dict[str, Any] = {name: str(place) for name, place in places.items()}
        words = [word.format(**given) for word in self.words]
        try:
            ran = subprocess.run(words, capture_output=True, text=True, errors="replace", check=False)
        except OSError as error:
            raise BadInput(
                f"the selector {self.words[0]} cannot be started ({error.strerror or error}); check --selector"
            ) from error
        if ran.returncode != 0:
            said = (ran.stderr.strip() or ran.stdout.strip() or "it said nothing").splitlines()[-1]
            raise BadInput(f"the selector failed on frame {number} with exit code {ran.returncode}: {said}")
        if not places["matte"].is_file():
            raise BadInput(f"the selector ended well but wrote no matte of frame {number}; let it write {{matte}}")
