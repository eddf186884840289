"""The options that state a removal, whichever command carries it out.

Here: ``add_shot_options`` and ``removal_of``, which reads them. Not here: the settings themselves (``propainter_knobs``),
the commands (``commands/remove.py``, ``farm/run_chunk.py``), what a removal is (``removal.py``).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import fields
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

from propainter.types import Precision, Settings
from propainter_backend.errors import BadInput
from propainter_backend.removal.removal import MEMORY_BUDGET, Removal
from propainter_backend.render.shot import Cuts
from propainter_knobs.knob import Group
from propainter_knobs.table import BY_NAME, KNOBS
from propainter_pictures.color import WorkingSpace
from propainter_pictures.frame import as_rate
from propainter_pictures.mattes import MatteReading
from propainter_pictures.pairing import PairBy


def removal_of(
    options: argparse.Namespace, *, save_stages: Path | None = None, grain_free: str | None = None
) -> Removal:
    """The removal that parsed options state. Raises BadInput where a setting is out of its range."""
    if options.matte is None:
        raise BadInput("nothing says what to remove; give --matte, or make one with propainter-matte")
    try:
        settings = Settings(**{field.name: getattr(options, field.name) for field in fields(Settings)})
    except ValueError as error:
        raise BadInput(str(error)) from error
    if not 0 <= options.match_grain <= 1:
        raise BadInput(
            f"--match-grain is {options.match_grain:g}; give a share from 0, no grain, to 1, all of the plate's"
        )
    return Removal(
        options.plate, options.matte, options.output, settings, clean=options.clean_plate,
        first=options.first, last=options.last, matte_offset=options.matte_offset, pair_by=PairBy(options.pair_by),
        matte_reading=MatteReading(options.matte_channel, is_inverted=options.invert_matte),
        working_size=options.working_size, draft=options.draft, space=WorkingSpace(options.color),
        crop_to_matte=options.crop_to_matte, crop_padding=options.crop_padding, native_fill=options.native_fill,
        cuts=options.cuts, match_grain=options.match_grain,
        keep_nan=options.keep_nan, fps=options.fps, grain_free=grain_free, save_stages=save_stages, report=options.report,
        contact_sheet=options.contact_sheet, memory_budget=options.memory << 20,
    )  # fmt: skip


def add_shot_options(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add what states a removal and what it runs on; returns the group ``running`` for more of that kind."""
    need = parser.add_argument_group("pictures")
    need.add_argument("--plate", required=True, help="the original frames")
    need.add_argument("--matte", help="what to remove: 1 (white) = remove, soft edges allowed")
    need.add_argument("--output", required=True, help="where the cleaned frames go")
    need.add_argument(
        "--clean-plate", metavar="PATH",
        help="background somebody painted: one picture for every frame, or a pattern of the frames that have one; "
        "it fills the hole where its alpha, if any, holds, and the other frames pull from it",
    )  # fmt: skip
    need.add_argument(
        "--fps", type=_rate, metavar="RATE",
        help="frames a second of a video output: 24, 23.976, 30000/1001 (default: the plate's, else 24)",
    )  # fmt: skip
    need.add_argument("--first", type=int, help="first frame, in the plate's numbering")
    need.add_argument("--last", type=int, help="last frame, included")
    need.add_argument(
        "--matte-offset", type=int, metavar="N",
        help="matte frame n belongs to plate frame n + N (default: as their numbers tell)",
    )  # fmt: skip
    need.add_argument(
        "--pair-by", choices=[way.value for way in PairBy], default="auto",
        help="how mattes find their plates: by number, by place (the first with the first), or as their numbers tell "
        "(%(default)s)",
    )  # fmt: skip
    need.add_argument(
        "--matte-channel", default="auto", metavar="NAME",
        help="channel of the matte: alpha, luma, or a channel's or layer's name; auto: an alpha that says something, else "
        "luma (%(default)s)",
    )  # fmt: skip
    need.add_argument("--invert-matte", action="store_true", help="remove what the matte keeps")
    _add(need, "color")
    need.add_argument("--keep-nan", action="store_true", help="accept NaN and infinite plate pixels outside the matte")
    matte = parser.add_argument_group("matte")
    for name in _names_in("Matte"):
        _add(matte, name)
    how = parser.add_argument_group("removal")
    _add(how, "engine")
    how.add_argument("--weights", type=Path, metavar="DIR", help="folder with the three published checkpoints")
    for name in _names_in("Windows", "Flow", "Fill"):
        _add(how, name, **(_CUTS if name == "cuts" else {}))
    _add(how, "working_size", help="size the fill is made at (default: the plate's)")
    how.add_argument("--draft", action="store_true", help="half working size, at most 5 flow iterations")
    run = parser.add_argument_group("running")
    run.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (%(default)s)")
    _add(run, "precision", choices=[p.value for p in Precision], default="fp32")  # the daemon alone chooses by itself
    run.add_argument(
        "--memory", type=int, default=MEMORY_BUDGET >> 20, metavar="MB",
        help="memory for artifacts before they spill to disk (%(default)s)",
    )  # fmt: skip
    return run


def _names_in(*groups: Group) -> list[str]:
    """The knobs of these groups that have an option."""
    return [knob.name for knob in KNOBS if knob.group in groups and knob.option]


def _add(group: argparse._ArgumentGroup, name: str, **given: Any) -> None:
    """Add a knob's option. given: what this command has otherwise."""
    knob = BY_NAME[name]
    meaning = knob.meaning.replace("`", "").replace("%", "%%")
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


_CUTS: dict[str, Any] = {
    "type": _cuts, "choices": None, "metavar": "auto|none|LIST",
    "help": "where the film is cut: auto finds it on the plate, none takes the range as one scene, 24,57 names the frames "
    "that begin another scene, in the plate's numbering; nothing is borrowed across (%(default)s)",
}  # fmt: skip


def _rate(text: str) -> Fraction:
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not 0 < rate <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is no frame rate such as 24, 23.976 or 30000/1001")
    return as_rate(float(rate)) if "/" not in text else rate


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) >= 8 and int(height) >= 8):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 960x540 (at least 8x8)")
    return int(width), int(height)
