"""``propainter-remove --sample DIR``: a shot to try it on, and what to type next.

Here: the option. Not here: the shot (``propainter_pictures/sample.py``).
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import Any

from propainter_pictures.errors import OutputError
from propainter_pictures.sample import write_sample


class WriteSample(argparse.Action):
    """Writes the shot and ends the program, as ``--help`` does: it needs no other option."""

    def __call__(
        self, parser: argparse.ArgumentParser, _namespace: Any, value: Any, _option: str | None = None
    ) -> None:
        folder = Path(value)
        try:
            plate, matte = write_sample(folder)
        except OutputError as error:
            parser.exit(2, f"{parser.prog}: {error}\n")
        command = [parser.prog, "--plate", plate, "--matte", matte, "--output", folder / "clean"]
        sys.stdout.write(f"The sample shot is in {folder}. Now type:\n  {shlex.join(map(str, command))}\n")
        parser.exit(0)
