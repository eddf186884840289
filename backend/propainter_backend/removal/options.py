"""The options that state a removal, whichever command carries it out.

Here: ``add_shot_options`` and ``removal_of``, which reads them. Not here: the settings themselves (``propainter_knobs``),
the commands (``commands/remove.py``, ``farm/run_chunk.py``), what a removal is (``removal.py``).
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from dataclasses import fields
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

from propainter.types import Precision, Settings
from propainter_backend.errors import BadInput
from propainter_backend.removal.removal import MEMORY_BUDGET, Removal
from propainter_backend.render.shot import Cuts
from propainter_knobs.command_line import number_of_cores
from propainter_knobs.controls import CONTROL_BY_NAME
from propainter_knobs.knob import only
from propainter_knobs.sections import SECTIONS
from propainter_knobs.table import BY_NAME
from propainter_pictures.color import WorkingSpace
from propainter_pictures.frame import as_rate
from propainter_pictures.frame_range import FrameRange
from propainter_pictures.mattes import MatteReading
from propainter_pictures.pairing import PairBy


def removal_of(
    options: argparse.Namespace, *, save_stages: Path | None = None, grain_free: str | None = None
) -> Removal:
    """The removal that parsed options state. Raises BadInput where a setting is out of its range."""
    if options.matte is None:
        raise BadInput("nothing says what to remove; give --matte, or --box FRAME:x,y,width,height")
    try:
        settings = Settings(**{field.name: getattr(options, field.name) for field in fields(Settings)})
    except ValueError as error:
        raise BadInput(str(error)) from error
    if not 0 <= options.match_grain <= 1:
        raise BadInput(
            f"--match-grain is {options.match_grain:g}; choose a share between 0 (no grain) and 1 (all of the plate's grain)"
        )
    return Removal(
        options.plate, options.matte, options.output, settings, clean=options.clean_plate,
        first=options.first, last=options.last, only=getattr(options, "only", None),
        matte_offset=options.matte_offset, pair_by=PairBy(options.pair_by),
        matte_reading=MatteReading(options.matte_channel, is_inverted=options.invert_matte),
        working_size=options.working_size, quality=options.quality, space=WorkingSpace(options.color),
        crop_to_matte=options.crop_to_matte, crop_padding=options.crop_padding, native_fill=options.native_fill,
        cuts=options.cuts, match_grain=options.match_grain,
        keep_nan=options.keep_nan, fps=options.fps, grain_free=grain_free, save_stages=save_stages, report=options.report,
        contact_sheet=options.contact_sheet, memory_budget=options.memory << 20,
    )  # fmt: skip


def add_shot_options(parser: argparse.ArgumentParser, *, has_part: bool = False) -> argparse._ArgumentGroup:
    """Add what states a removal and what it runs on; returns the group ``backend`` for more of that kind.

    has_part: whether a part of the shot's frames may be asked for. Groups and names are those of panel and node
    (``propainter_knobs/sections.py``).
    """
    need = parser.add_argument_group("pictures")
    need.add_argument("--plate", required=True, help="the original frames")
    need.add_argument("--matte", help="what to remove: white = remove, soft edges allowed")
    need.add_argument("--output", required=True, help="where the cleaned frames go")
    need.add_argument(
        "--clean-plate", metavar="PATH",
        help="background you painted: one picture for every frame, or a pattern of the frames that have one. Its alpha, if "
        "any, limits the patch; other frames borrow from it",
    )  # fmt: skip
    need.add_argument(
        "--fps", type=_rate, metavar="RATE",
        help="frames per second of a video output: 24, 23.976, 30000/1001 (default: the plate's, else 24)",
    )  # fmt: skip
    need.add_argument("--keep-nan", action="store_true", help="accept NaN and infinite plate pixels outside the matte")
    groups = {section.name: parser.add_argument_group(section.label) for section in SECTIONS}
    quality = CONTROL_BY_NAME["quality"]
    groups["main"].add_argument(
        "--quality", choices=quality.words, default=quality.default,
        help="draft: a quick look at half size; normal for final renders; best: large plates at their own size, too "
        "(%(default)s)",
    )  # fmt: skip
    groups["main"].add_argument("--draft", dest="quality", action="store_const", const="draft", help="--quality draft")
    groups["main"].add_argument("--invert-matte", action="store_true", help="remove black instead of white")
    _add_range(groups["shot_range"])
    if has_part:
        groups["shot_range"].add_argument(
            "--frames", dest="only", type=frame_range, metavar="A-B",
            help="write only these frames; background still comes from the whole shot",
        )  # fmt: skip
    groups["matte_fill"].add_argument(
        "--matte-channel", default="auto", metavar="NAME",
        help="channel of the matte: alpha, luma, or the name of a channel or layer; auto: alpha if it holds anything, else "
        "luma (%(default)s)",
    )  # fmt: skip
    for section in SECTIONS:
        for knob in section.knobs:
            if knob.option:
                _add(groups[section.name], knob.name, **_OTHERWISE.get(knob.name, {}))
    groups["performance"].add_argument(
        "--memory", type=int, default=MEMORY_BUDGET >> 20, metavar="MB",
        help="memory for the cache before it moves to disk (%(default)s)",
    )  # fmt: skip
    groups["propainter"].add_argument("--weights", type=Path, metavar="DIR", help="folder with the three checkpoints")
    run = groups["backend"]
    run.add_argument(
        "--cores", type=number_of_cores, metavar="N",
        help="processor cores to work on (default: all that this process may use); the picture is the same with any number",
    )  # fmt: skip
    run.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (%(default)s)")
    return run


def _add_range(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--first", type=int, help="first frame of the shot, in the plate's numbering")
    group.add_argument("--last", type=int, help="last frame of the shot, included")
    group.add_argument(
        "--matte-offset", type=int, metavar="N",
        help="matte frame n belongs to plate frame n + N (default: by their numbers)",
    )  # fmt: skip
    group.add_argument(
        "--pair-by", choices=[way.value for way in PairBy], default="auto",
        help="match mattes to plates by frame number, or by place: the first to the first; auto decides by the numbers "
        "(%(default)s)",
    )  # fmt: skip


def frame_range(text: str) -> FrameRange:
    """A run of frames as typed: 1001-1040, or one."""
    match = re.fullmatch(r"(-?\d+)(?:-(-?\d+))?", text.strip())
    if match is None:
        raise argparse.ArgumentTypeError(f"'{text}' is not a run of frames such as 1001-1040")
    try:
        return FrameRange(int(match[1]), int(match[2] or match[1]))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _add(group: argparse._ArgumentGroup, name: str, **given: Any) -> None:
    """Add a knob's option. given: what this command has otherwise."""
    knob = BY_NAME[name]
    meaning = f"{knob.meaning}; {only(knob.engines)}".removesuffix("; ").removesuffix(".")
    meaning = meaning.replace("`", "").replace("%", "%%")
    if knob.kind == "bool":
        action = "store_false" if knob.default else "store_true"
        help_text = f"do not {meaning}" if knob.default else meaning
        group.add_argument(knob.option, action=action, dest=name, help=help_text)
        return
    types: dict[str, Callable[[str], Any]] = {"int": int, "float": float, "size": _size, "choice": str}
    shown: dict[str, Any] = {"help": f"{meaning} (%(default)s)", "default": knob.default, "metavar": knob.metavar}
    if knob.kind == "choice":
        shown["choices"] = knob.words
    group.add_argument(knob.option, dest=name, **({"type": types[knob.kind]} | shown | given))


def _cuts(text: str) -> Cuts:
    if text in ("auto", "none"):
        return cast(Cuts, text)
    parts = text.split(",")
    if not all(part.strip().lstrip("-").isdigit() for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} is neither auto, none nor frames such as 24,57")
    return tuple(sorted({int(part) for part in parts}))


_OTHERWISE: dict[str, dict[str, Any]] = {
    "cuts": {
        "type": _cuts, "choices": None, "metavar": "auto|none|LIST",
        "help": "auto finds cuts, none treats the range as one scene, 24,57 names the first frames of new scenes; "
        "background is never borrowed across a cut (%(default)s)",
    },
    "working_size": {
        "help": "size the fill is made at (default: the plate's; of plates above a million pixels the classical engine "
        "takes half, but not with --quality best)",
    },
    "precision": {"choices": [p.value for p in Precision], "default": "fp32"},
}  # fmt: skip
"""What this command has otherwise. The backend alone chooses the precision by itself."""


def _rate(text: str) -> Fraction:
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not 0 < rate <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a frame rate such as 24, 23.976 or 30000/1001")
    return as_rate(float(rate)) if "/" not in text else rate


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) >= 8 and int(height) >= 8):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 960x540 (at least 8x8)")
    return int(width), int(height)
