"""The options that state marks and how mattes are made of them, for the commands that take them.

Here: ``add_mark_options``, ``matting_of``. Not here: what a matting is (``matting.py``), the commands (``commands/``).
"""

from __future__ import annotations

import argparse
from pathlib import Path

from propainter_backend.errors import BadInput
from propainter_backend.matting.marks_files import joined, parse_box, parse_points, read_strokes
from propainter_backend.matting.matting import Matting
from propainter_backend.matting.selector import Selector
from propainter_matte import shadows
from propainter_pictures.color import WorkingSpace

MARKS = ("box", "points", "keep_points", "polygon", "strokes", "keys")


def add_mark_options(parser: argparse.ArgumentParser, title: str) -> argparse._ArgumentGroup:
    """Add what marks the object and how its shadow is found; returns the group."""
    draw = parser.add_argument_group(title)
    draw.add_argument(
        "--box", type=parse_box, action="append", default=[], metavar="FRAME:X,Y,W,H",
        help="a box around the object on one frame, in plate pixels; may be given again, for other frames or parts",
    )  # fmt: skip
    draw.add_argument(
        "--points", type=parse_points("remove"), action="append", default=[], metavar="FRAME:X,Y;X,Y",
        help="points on the object",
    )  # fmt: skip
    draw.add_argument(
        "--keep-points", type=parse_points("keep"), action="append", default=[], metavar="FRAME:X,Y;X,Y",
        help="points beside it that are to be kept",
    )  # fmt: skip
    draw.add_argument(
        "--polygon", type=parse_points("polygon"), action="append", default=[], metavar="FRAME:X,Y;X,Y;X,Y",
        help="corners of an outline of the object",
    )  # fmt: skip
    draw.add_argument(
        "--strokes", type=Path, metavar="FILE.json",
        help="boxes, strokes and polygons by frame; docs/matte.md shows the form",
    )  # fmt: skip
    draw.add_argument(
        "--keys", metavar="PATH",
        help="mattes of some frames that are right already, numbered as the plate: they are kept, those between are tracked",
    )  # fmt: skip
    draw.add_argument(
        "--selector", metavar="COMMAND",
        help="a command of your own that draws marked frames: it reads {frame} (PNG) and {points} (JSON) and writes "
        "{matte} (PNG); nothing is bundled",
    )  # fmt: skip
    draw.add_argument("--shadow", action="store_true", help="add what the object casts: its shadow")
    draw.add_argument(
        "--shadow-threshold", type=float, default=shadows.THRESHOLD, metavar="SHARE",
        help="share of its light that ground must lose to be shadow, 0 to 1 (%(default)s)",
    )  # fmt: skip
    draw.add_argument(
        "--shadow-soften", type=float, default=shadows.SOFTEN, metavar="PIXELS",
        help="how wide the shadow's edge is softened, in pixels of a picture 432 wide (%(default)s)",
    )  # fmt: skip
    draw.add_argument("--reflections", action="store_true", help="with --shadow: what is brighter, too")
    return draw


def has_marks(options: argparse.Namespace) -> bool:
    """Whether anything is marked."""
    return any(bool(getattr(options, name)) for name in MARKS)


def matting_of(options: argparse.Namespace, *, output: str, shadow_output: str | None, as_alpha: bool) -> Matting:
    """The matting that parsed options state. Raises BadInput for what cannot be."""
    if not 0 < options.shadow_threshold < 1:
        raise BadInput(
            f"--shadow-threshold is {options.shadow_threshold:g}; give a share between 0 and 1, such as 0.08"
        )
    if not 0 <= options.shadow_soften <= 1000:
        raise BadInput(f"--shadow-soften is {options.shadow_soften:g}; give pixels from 0 to 1000")
    if options.reflections and not (options.shadow or shadow_output is not None):
        raise BadInput("--reflections belongs to --shadow; add it")
    found = [*options.box, *options.points, *options.keep_points, *options.polygon]
    if options.strokes is not None:
        found += read_strokes(options.strokes)
    selector = None if options.selector is None else Selector.parse(options.selector)
    return Matting(
        options.plate, output, joined(found), keys=options.keys, first=options.first, last=options.last,
        space=WorkingSpace(options.color), selector=selector,
        shadow=options.shadow, shadow_output=shadow_output, threshold=options.shadow_threshold,
        soften=options.shadow_soften, reflections=options.reflections, as_alpha=as_alpha,
    )  # fmt: skip
