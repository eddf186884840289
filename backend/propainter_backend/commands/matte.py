"""``propainter-matte``: a plate and a few marks in, a roto matte of every frame out.

Here: the command line and its messages. Not here: the way from plate to matte (``matting/matting.py``), drawing and tracking
(``propainter_matte``).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from propainter_backend.errors import RemoveError
from propainter_backend.matting.matting import Made, Matting, PlateFiles, make_mattes
from propainter_backend.matting.options import add_mark_options, matting_of
from propainter_backend.removal.report_file import write_report
from propainter_backend.render.progress import ProgressLine
from propainter_knobs.command_line import CommandParser
from propainter_pictures.color import WorkingSpace
from propainter_pictures.console import speak_any_encoding
from propainter_pictures.overwriting import refuse_overwriting
from propainter_pictures.plates import open_source

_TRACKING = 0.9
"""Share of all work that is tracking; the rest finds soft edges and writes."""


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point. Exit codes: 0 done, 1 unforeseen, 2 something the user can put right, 130 interrupted."""
    speak_any_encoding()
    options = _parser().parse_args(argv)
    try:
        wish = matting_of(options, output=options.output, shadow_output=options.shadow_output, as_alpha=options.alpha)
        if options.report is not None:
            refuse_overwriting([options.report], [open_source(wish.plate)])
        started = time.perf_counter()
        made = carry_out(wish, quiet=options.quiet)
        write_report(options.report, _report(made))
    except RemoveError as error:
        print(f"propainter-matte: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("propainter-matte: interrupted; finished frames are complete, no others were written", file=sys.stderr)
        return 130
    except Exception as error:
        from propainter_backend.render.out_of_memory import is_out_of_memory  # brings torch

        if not is_out_of_memory(error):
            raise
        print(
            "propainter-matte: there is not enough memory; close other programs, or choose fewer frames",
            file=sys.stderr,
        )
        return 2
    if not options.quiet:
        seconds = time.perf_counter() - started
        count = "1 matte" if len(made.frames) == 1 else f"{len(made.frames)} mattes"
        print(f"wrote {count} to {wish.output} in {seconds:.1f} s", file=sys.stderr)
    return 0


def carry_out(wish: Matting, *, quiet: bool) -> Made:
    """Make the mattes, showing how it goes, and say what should be looked at."""
    files = PlateFiles(wish)
    work = make_mattes(wish, files)
    with ProgressLine(len(files.numbers), quiet=quiet) as line:
        while True:
            try:
                step = next(work)
            except StopIteration as end:
                made: Made = end.value
                break
            part = step.done / max(step.total, 1)
            share = _TRACKING * part if step.stage == "track" else _TRACKING + (1 - _TRACKING) * part
            line.show(step.stage, share, f"{step.done}/{step.total}")
            if step.stage == "write":
                line.frame_done(files.numbers[step.frame])
    for scene in made.empty:
        where = (
            f"frames {scene[0]}-{scene[-1]} are another scene"
            if len(scene) > 1
            else f"frame {scene[0]} is another scene"
        )
        print(f"warning: {where} where nothing is marked, so their mattes are empty", file=sys.stderr)
    for note in made.notes:
        print(f"warning: {note}", file=sys.stderr)
    if made.help:
        named = ", ".join(str(number) for number in made.help)
        print(
            f"warning: look at these frames, the most doubtful first: {named}; mark one and run again", file=sys.stderr
        )
    return made


def _report(made: Made) -> dict[str, object]:
    return {
        "frames": {"first": made.frames.first, "last": made.frames.last, "count": len(made.frames)},
        "keys": list(made.keys),
        "help": list(made.help),
        "doubt": {str(number): value for number, value in made.doubt.items()},
        "empty": [[scene[0], scene[-1]] for scene in made.empty],
    }


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="propainter-matte",
        description="Make the roto matte of an object from a box, strokes or points on a frame or a few.",
        epilog="FRAME is the plate's own number; x and y are plate pixels from the upper left corner. Frames that may be "
        "wrong are named at the end: mark one of them (--points, --keep-points, --strokes) and run again.",
        examples=(
            "propainter-matte --plate plate/ --box 1001:420,180,96,210 --output matte/",
            "propainter-matte --plate shot.mov --box 0:420,180,96,210 --keep-points '0:500,200' --output matte.%04d.exr",
            "propainter-matte --plate plate/ --box 1001:420,180,96,210 --strokes fixes.json --shadow --output matte/",
            "propainter-matte --plate plate/ --points '1001:460,240' --selector 'segment {frame} {points} {matte}' "
            "--output matte/",
        ),
    )
    need = parser.add_argument_group("pictures")
    need.add_argument("--plate", required=True, help="the original frames: a folder, a pattern or a video")
    need.add_argument(
        "--output", required=True,
        help="where the mattes go: a folder (PNG files named like the plate's) or a pattern ending in .png, .tif or .exr",
    )  # fmt: skip
    need.add_argument("--alpha", action="store_true", help="write RGBA with the matte as alpha, not one grey channel")
    need.add_argument("--first", type=int, help="first frame, in the plate's numbering")
    need.add_argument("--last", type=int, help="last frame, included")
    need.add_argument(
        "--color", choices=[space.value for space in WorkingSpace], default="auto",
        help="how the plate's numbers are encoded (%(default)s)",
    )  # fmt: skip
    draw = add_mark_options(parser, "what to remove")
    draw.add_argument("--shadow-output", metavar="PATH", help="write the shadow's matte by itself, there")
    run = parser.add_argument_group("running")
    run.add_argument("--report", type=Path, metavar="FILE.json", help="keys, doubt of every frame, frames to look at")
    run.add_argument("--quiet", action="store_true", help="no progress; warnings are still said")
    return parser


if __name__ == "__main__":
    from propainter_backend.commands import entry

    raise SystemExit(entry.matte())
