"""The options that state a removal, whichever command carries it out.

Here: ``add_shot_options`` and ``removal_of``, which reads them. Not here: the commands themselves (``remove.py``,
``farm.py``), what a removal is (``removal.py``).
"""

from __future__ import annotations

import argparse
from pathlib import Path

from propainter.types import Precision, Settings
from propainter_backend.errors import BadInput
from propainter_backend.removal.removal import MEMORY_BUDGET, Removal
from propainter_backend.render.engines import ENGINES
from propainter_pictures.color import WorkingSpace


def removal_of(options: argparse.Namespace, *, save_stages: Path | None = None) -> Removal:
    """The removal that parsed options state. Raises BadInput where a setting is out of its range."""
    try:
        settings = Settings(
            neighbor_length=options.neighbor_length,
            ref_stride=options.ref_stride,
            chunk_length=options.chunk_length,
            flow_iterations=options.flow_iterations,
            flow_stop=options.flow_stop,
            grow=options.grow,
            feather=options.feather,
            threshold=options.threshold,
            flow_hole_snap=options.flow_hole_snap,
            grow_flow=options.grow_flow,
        )
    except ValueError as error:
        raise BadInput(str(error)) from error
    return Removal(
        options.plate, options.matte, options.output, settings, clean=options.clean_plate,
        first=options.first, last=options.last, matte_offset=options.matte_offset,
        working_size=options.working_size, draft=options.draft, space=WorkingSpace(options.color),
        crop_to_matte=options.crop_to_matte, crop_padding=options.crop_padding, native_fill=not options.no_native_fill,
        keep_nan=options.keep_nan, save_stages=save_stages, report=options.report,
        contact_sheet=options.contact_sheet, memory_budget=options.memory << 20,
    )  # fmt: skip


def add_shot_options(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add what states a removal and what it runs on; returns the group ``running`` for more of that kind."""
    d = Settings()
    need = parser.add_argument_group("pictures")
    need.add_argument("--plate", required=True, help="the original frames")
    need.add_argument("--matte", required=True, help="what to remove: 1 (white) = remove, soft edges allowed")
    need.add_argument("--output", required=True, help="where the cleaned frames go")
    need.add_argument(
        "--clean-plate", metavar="PATH",
        help="background somebody painted: one picture for every frame, or a pattern of the frames that have one; "
        "it fills the hole where its alpha, if any, holds, and the other frames pull from it",
    )  # fmt: skip
    need.add_argument("--first", type=int, help="first frame, in the plate's numbering")
    need.add_argument("--last", type=int, help="last frame, included")
    need.add_argument(
        "--matte-offset", type=int, default=0, metavar="N", help="matte frame n belongs to plate frame n + N"
    )
    need.add_argument(
        "--color", choices=[space.value for space in WorkingSpace], default="auto",
        help="how the plate's numbers are encoded; auto: whole numbers display-encoded, floats scene-linear",
    )  # fmt: skip
    need.add_argument("--keep-nan", action="store_true", help="accept NaN and infinite plate pixels outside the matte")
    matte = parser.add_argument_group("matte")
    matte.add_argument("--grow", type=int, default=d.grow, help="plate pixels the matte grows outward (%(default)s)")
    matte.add_argument(
        "--grow-flow", type=int, default=d.grow_flow, metavar="PX",
        help="plate pixels the matte grows for the flow; below --grow it counts as that (%(default)s)",
    )  # fmt: skip
    matte.add_argument(
        "--feather", type=int, default=d.feather, help="plate pixels of fade inside the grown ring (%(default)s)"
    )
    matte.add_argument(
        "--threshold", type=float, default=d.threshold, help="matte values above this count (%(default)s)"
    )
    how = parser.add_argument_group("removal")
    how.add_argument("--engine", choices=ENGINES, default="auto", help="auto: propainter where weights are installed")
    how.add_argument("--weights", type=Path, metavar="DIR", help="folder with the three published checkpoints")
    how.add_argument(
        "--neighbor-length", type=int, default=d.neighbor_length, help="local frames a window (%(default)s)"
    )
    how.add_argument("--ref-stride", type=int, default=d.ref_stride, help="frames between references (%(default)s)")
    how.add_argument("--chunk-length", type=int, default=d.chunk_length, help="frames a pass (%(default)s)")
    how.add_argument("--flow-iterations", type=int, default=d.flow_iterations, help="RAFT updates a pair (%(default)s)")
    how.add_argument(
        "--flow-stop", type=float, default=d.flow_stop, metavar="CELLS",
        help="stop a pair's updates once 99 %% of it moves by at most so many cells of 8x8 pixels; 0.02 is good for "
        "previews (%(default)s: never)",
    )  # fmt: skip
    how.add_argument(
        "--flow-hole-snap", type=int, default=d.flow_hole_snap, metavar="PX",
        help="widen the flow hole to blocks of this size, so that roto edits keep completed flow (%(default)s: exact)",
    )  # fmt: skip
    how.add_argument(
        "--working-size", type=_size, metavar="WxH", help="size the fill is made at (default: the plate's)"
    )
    how.add_argument(
        "--crop-to-matte", action="store_true",
        help="look at no more of the plate than a box around the holes: quicker, and less memory; a draft always does",
    )  # fmt: skip
    how.add_argument(
        "--crop-padding",
        type=int,
        default=0,
        metavar="PX",
        help="plate pixels around that box (%(default)s: an eighth of the plate's shorter side)",
    )
    how.add_argument(
        "--no-native-fill", action="store_true",
        help="with a smaller working size: enlarge the fill, instead of pulling pixels of the plates themselves",
    )  # fmt: skip
    how.add_argument("--draft", action="store_true", help="half working size, at most 5 flow iterations")
    run = parser.add_argument_group("running")
    run.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (%(default)s)")
    run.add_argument(
        "--precision", choices=[p.value for p in Precision], default="fp32", help="fp16 and bf16 need CUDA"
    )
    run.add_argument(
        "--memory", type=int, default=MEMORY_BUDGET >> 20, metavar="MB",
        help="memory for artifacts before they spill to disk (%(default)s)",
    )  # fmt: skip
    return run


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) >= 8 and int(height) >= 8):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 960x540 (at least 8x8)")
    return int(width), int(height)
