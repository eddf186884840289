"""``propainter-evaluate``: how well an engine restores a folder of clips, beside what the ProPainter paper reports.

Here: the command line. Not here: the protocol and its measures (``propainter_backend/evaluation``).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch: waiting threads must not spin

import cv2
import numpy as np

from propainter.types import Precision
from propainter.weights import WeightsError
from propainter_backend.errors import BadInput, OutputError, RemoveError
from propainter_backend.evaluation.clips import Clip, find_clips
from propainter_backend.evaluation.i3d import load_i3d
from propainter_backend.evaluation.protocol import SETTINGS, SIZE, ClipFigures, Figures, Restored, Wish, evaluate
from propainter_backend.evaluation.table import facts_of, table_of
from propainter_backend.removal.report_file import write_report
from propainter_backend.render.engines import ENGINES, check_asked, choose_device, choose_engine
from propainter_backend.render.out_of_memory import is_out_of_memory
from propainter_knobs.command_line import CommandParser
from propainter_pictures.console import speak_any_encoding
from propainter_pictures.whole_files import make_folder, replacing

_NO_MEMORY = "there is not enough memory for a clip; evaluate fewer frames of each (--limit), or a smaller --size"


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point. Exit codes: 0 done, 2 something the user can put right, 130 interrupted."""
    speak_any_encoding()
    options = _parser().parse_args(argv)
    try:
        _carry_out(options)
    except (RemoveError, WeightsError) as error:
        return _refuse(str(error))
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        return _refuse(_NO_MEMORY)
    return 0


def _refuse(sentence: str) -> int:
    print(f"propainter-evaluate: {sentence}", file=sys.stderr)
    return 2


def _carry_out(options: argparse.Namespace) -> None:
    precision = Precision(options.precision)
    if options.limit is not None and options.limit < 2:
        raise BadInput(f"--limit {options.limit} is too few frames; give 2 or more")
    clips = find_clips(options.root, options.size, masks=options.masks, wanted=options.clips or ())
    check_asked(options.engine, weights=options.weights, device=options.device, precision=precision)
    choice = choose_engine(options.engine, weights=options.weights, device=options.device, precision=precision)
    network = None if options.i3d is None else load_i3d(options.i3d, choose_device(options.device))
    wish = Wish(options.size, options.limit, options.truth_flow, network, hides=options.hide)
    print(choice.reason, file=sys.stderr)
    found: list[ClipFigures] = []
    for at, clip in enumerate(clips, 1):
        figures, restored = evaluate(clip, choice.engine, wish)
        found.append(figures)
        if options.output is not None:
            _keep(options.output, clip, restored)
        told = f"{figures.psnr:.2f} dB, {figures.seconds:.1f} s"
        print(f"{at}/{len(clips)} {clip.name}: {figures.frames} frames, {told}", file=sys.stderr, flush=True)
    every = Figures(tuple(found))
    drawn = clips[0].masks is not None
    print(table_of(every, name=choice.engine.name, drawn=drawn))
    write_report(
        options.report,
        {
            "engine": choice.engine.name,
            "weights": choice.engine.weights_id,
            "code_version": choice.engine.code_version,
            "device": str(choice.engine.device),
            "size": list(wish.size),
            "settings": asdict(SETTINGS),
            "masks": "drawn" if drawn else "made up",
            "truth_flow": wish.truth_flow,
            "hides": wish.hides,
            **facts_of(every),
        },
    )


def _keep(folder: Path, clip: Clip, restored: Restored) -> None:
    """Pictures to look at, rounded to 8 bits."""
    try:
        make_folder(folder / clip.name)
    except OSError as error:
        raise OutputError(f"{folder / clip.name} cannot be made ({error.strerror}); choose another --output") from error
    for index, picture in enumerate(restored):
        _, coded = cv2.imencode(".png", np.rint(picture[..., ::-1]).astype(np.uint8))
        with replacing(folder / clip.name / f"{index:05d}.png") as partial:
            partial.write_bytes(coded.tobytes())


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="propainter-evaluate",
        usage="%(prog)s ROOT [options]",
        description="Damage clips that are known, restore them, and measure how near they come: the ProPainter paper's "
        "protocol over a folder in DAVIS layout, with a table beside the paper's figures.",
        epilog="ROOT holds JPEGImages/480p/CLIP/*.jpg (or JPEGImages_432_240, or JPEGImages), and test_masks/CLIP/*.png "
        "where masks are at hand. Without masks each clip gets a made-up hole that stands still.",
        examples=(
            "propainter-evaluate DAVIS/ --report davis.json",
            "propainter-evaluate DAVIS/ --engine propainter --device cuda --i3d rgb_imagenet.pt",
            "propainter-evaluate DAVIS/ --clips bmx-trees goat --output restored/",
        ),
    )
    parser.add_argument("root", type=Path, metavar="ROOT", help="the data set's folder")
    parser.add_argument(
        "--masks", type=Path, metavar="DIR", help="folder of the clips' masks (default: ROOT/test_masks)"
    )
    parser.add_argument("--clips", nargs="+", metavar="CLIP", help="only these (default: all)")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N frames of each clip")
    parser.add_argument(
        "--size",
        type=_size,
        default=SIZE,
        metavar="WxH",
        help="size everything is done at (default: 432x240, the paper's)",
    )
    parser.add_argument("--engine", choices=ENGINES, default="auto", help="what restores (%(default)s)")
    parser.add_argument("--weights", type=Path, metavar="DIR", help="folder with the three checkpoints")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (%(default)s)")
    parser.add_argument(
        "--precision", choices=[each.value for each in Precision], default="fp32", help="of the painter (%(default)s)"
    )
    parser.add_argument(
        "--truth-flow", choices=("dis", "engine"), default="dis",
        help="whose motion the warping error follows: dis, the same for every engine, or the engine's own (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--hide", action="store_true",
        help="make what the holes cover grey first: motion is then estimated without it, as the paper does not",
    )  # fmt: skip
    parser.add_argument("--i3d", type=Path, metavar="FILE", help="weights of I3D (rgb_imagenet.pt), for VFID")
    parser.add_argument("--output", type=Path, metavar="DIR", help="keep the restored clips there, as PNG")
    parser.add_argument("--report", type=Path, metavar="FILE.json", help="all figures as JSON")
    return parser


def _size(text: str) -> tuple[int, int]:
    width, cross, height = text.partition("x")
    if not (cross and width.isdecimal() and height.isdecimal() and int(width) >= 16 and int(height) >= 16):
        raise argparse.ArgumentTypeError(f"'{text}' is no size; give WIDTHxHEIGHT, 16x16 or more, as in 432x240")
    return int(width), int(height)


if __name__ == "__main__":
    from propainter_backend.commands import entry

    raise SystemExit(entry.evaluate())
