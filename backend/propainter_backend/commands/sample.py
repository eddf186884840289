"""``propainter-remove --sample DIR``: a shot to try it on, and what to type next; with ``--output`` it is rendered at once.

Here: the option. Not here: the shot (``propainter_pictures/sample.py``).
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from propainter_pictures.errors import OutputError
from propainter_pictures.sample import sample_folder, write_sample

_PARTS = ("plate", "matte")


class WriteSample(argparse.Action):
    """Writes the shot and ends the program, as ``--help`` does: it needs no other option."""

    def __call__(
        self, parser: argparse.ArgumentParser, _namespace: Any, value: Any, _option: str | None = None
    ) -> None:
        folder = Path(value)
        plate, matte = _write(parser.prog, folder)
        command = [parser.prog, "--plate", plate, "--matte", matte, "--output", folder / "clean"]
        sys.stdout.write(f"The sample shot is in {folder}. Now type:\n  {shlex.join(map(str, command))}\n")
        parser.exit(0)


def with_sample(argv: Sequence[str]) -> Sequence[str]:
    """A command line that names the sample and an output has the sample's plate and matte for its own, once written."""
    options = {one.split("=", 1)[0] for one in argv}
    if "--sample" not in options or "--output" not in options or options & {"--plate", "--matte", "--help", "-h"}:
        return argv
    before = argparse.ArgumentParser(prog="propainter-remove", add_help=False, allow_abbrev=False)
    before.add_argument("--sample", required=True, type=Path)
    named, rest = before.parse_known_args(argv)
    plate, matte = _written(named.sample) or _write(before.prog, named.sample)
    return [*rest, "--plate", str(plate), "--matte", str(matte)]


def _written(folder: Path) -> tuple[Path, Path] | None:
    """What an earlier call wrote there; None: it holds something else, or nothing."""
    there = sample_folder()
    if there is None:
        return None
    names = [sorted(path.name for path in (place / part).glob("*")) for place in (there, folder) for part in _PARTS]
    return (folder / _PARTS[0], folder / _PARTS[1]) if names[:2] == names[2:] else None


def _write(program: str, folder: Path) -> tuple[Path, Path]:
    """Plate and matte; what hinders it is a sentence and exit code 2."""
    try:
        return write_sample(folder)
    except OutputError as error:
        sys.stderr.write(f"{program}: {error}\n")
        raise SystemExit(2) from error
