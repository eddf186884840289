"""``propainter-remove``: a plate and a matte in, the plate without what the matte covers out; one process does it all.

Here: the command line, its messages, the render in this process. Not here: the walk of a frame
(``render/shot_renderer.py``), files (``removal/removal.py``, ``propainter_pictures``), engines (``render/engines.py``),
rendering through a daemon (``through_backend.py``).
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch: waiting threads must not spin

import torch

from propainter.learned import ProPainterEngine
from propainter.types import Precision
from propainter.weights import WeightsError
from propainter_backend.commands.marked import matte_of_marks
from propainter_backend.commands.sample import WriteSample, with_sample
from propainter_backend.commands.through_backend import remove_through_backend
from propainter_backend.errors import BadInput, RemoveError
from propainter_backend.farm import run_chunk
from propainter_backend.matting.options import add_mark_options
from propainter_backend.removal.grain_free import GrainFree
from propainter_backend.removal.options import add_shot_options, removal_of
from propainter_backend.removal.outside import OutsideCount
from propainter_backend.removal.removal import KEPT_PICTURES, ContactSheet, Removal, ShotFiles
from propainter_backend.removal.report_file import write_report
from propainter_backend.removal.wire_files import STOPPED, was_stopped
from propainter_backend.removal.writing import WritingBehind
from propainter_backend.render.cores import make_cores
from propainter_backend.render.crop import Renderer, make_renderer, unseen_share, unsure_share
from propainter_backend.render.engines import EngineChoice, check_asked, choose_engine
from propainter_backend.render.memory import reuse_freed_memory
from propainter_backend.render.memory_plan import fitted
from propainter_backend.render.out_of_memory import NO_MEMORY, is_out_of_memory
from propainter_backend.render.progress import ProgressLine
from propainter_backend.render.shot_cache import ShotCache
from propainter_backend.render.shot_renderer import ShotRenderer
from propainter_backend.render.spill import spill_folder
from propainter_backend.render.stage_dump import StageDump
from propainter_backend.render.steps import Progress, run_to_end
from propainter_knobs.command_line import CommandParser
from propainter_os.limits import peak_memory_bytes
from propainter_pictures.console import speak_any_encoding
from propainter_pictures.fields import fields_sentence
from propainter_pictures.frame_range import with_negative_frames
from propainter_pictures.matte_survey import judge_unseen, judge_unsure
from propainter_wire.errors import PropainterError


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point. Exit codes: 0 done, 1 unforeseen, 2 something the user can put right, 75 the backend was
    stopped by somebody else, so another try may succeed, 130 interrupted.

    ``run-chunk`` as the first argument: a farm task, see ``farm/run_chunk.py``.
    """
    speak_any_encoding()
    argv = sys.argv[1:] if argv is None else argv
    if list(argv[:1]) == ["run-chunk"]:
        return run_chunk.main(argv[1:])
    options = _parser().parse_args(with_negative_frames(with_sample(argv)))
    reuse_freed_memory()
    say = _silent if options.quiet else _say
    try:
        with matte_of_marks(options, lambda: _wish_of(options)):
            _carry_out(options, say)
    except (RemoveError, WeightsError, PropainterError) as error:
        print(f"propainter-remove: {STOPPED if was_stopped(error) else error}", file=sys.stderr)
        return 75 if was_stopped(error) else 2
    except KeyboardInterrupt:
        print("propainter-remove: interrupted; the frames written so far are complete", file=sys.stderr)
        return 130
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        print(f"propainter-remove: {NO_MEMORY}", file=sys.stderr)
        return 2
    return 0


def _carry_out(options: argparse.Namespace, say: Callable[[str], None]) -> None:
    """Remove, by a daemon or in this process, as options say."""
    wish = _wish_of(options)
    if options.backend is not None:
        remove_through_backend(
            wish,
            options.backend,
            engine=options.engine,
            precision=options.precision,
            device=options.device,
            watch=options.watch,
            quiet=options.quiet,
            say=say,
            warn=_warn,
        )
        return
    asked: dict[str, Any] = {
        "weights": options.weights, "device": options.device, "precision": Precision(options.precision),
    }  # fmt: skip
    check_asked(options.engine, **asked)
    choice = choose_engine(options.engine, **asked, cores=make_cores(options.cores))
    remove(wish, choice, quiet=options.quiet)


def remove(wish: Removal, choice: EngineChoice, *, quiet: bool = False) -> dict[str, Any]:
    """Carry out a wish in this process and return its report. Raises RemoveError for what its user can put right."""
    started = time.perf_counter()
    say = _silent if quiet else _say
    files = ShotFiles(wish)
    shot = files.shot(engine=choice.engine.name)
    say(choice.reason)
    say(str(files))
    said = fields_sentence(len(files.numbers), files.pictures.plate)
    notes = [*files.notes, *([] if said is None else [said])]
    if wish.drafted_crop() is None:  # how large a crop is, only the mattes tell
        shot, planned = fitted(shot, choice.engine, artifacts=wish.memory_budget + KEPT_PICTURES)
        notes += planned
    sheet = ContactSheet(files)
    made_by = choice.engine.name, choice.engine.weights_id
    bare = GrainFree(files, made_by)
    sink = files.open_sink(*made_by)
    outside = OutsideCount(files, sink)
    for note in notes:
        _warn(note)
    with spill_folder() as spill, sink, bare:
        cache = ShotCache(spill / "artifacts", memory_budget=wish.memory_budget, write_through=False)
        dump = StageDump(wish.save_stages) if wish.save_stages is not None else None
        if dump is not None and isinstance(choice.engine, ProPainterEngine):
            choice.engine.paints_whole = True  # who keeps windows compares them, outside the holes too
        renderer = make_renderer(
            shot,
            choice.engine,
            cache,
            crop_padding=wish.drafted_crop(),
            on_painted=dump.keep_window if dump else None,
        )
        renderer.aim_at(files.indices)
        cores = choice.engine.spread.count
        with ProgressLine(len(files.wanted), quiet=quiet) as line, WritingBehind(sink, cores) as out:

            def show(step: Progress) -> None:
                line.show(step.stage, step.share, f"{step.done}/{step.total}")

            def tell_written(numbers: Iterable[int]) -> None:
                for number in numbers:
                    outside.add(files.numbers.index(number))
                    line.frame_done(number)

            for index, number in zip(files.indices, files.wanted, strict=True):
                frame = run_to_end(renderer.frame(index), show)
                sheet.take(index, frame)
                run_to_end(bare.add(renderer, index), show)
                tell_written(out.write(number, frame))
            tell_written(out.rest())
        facts = _facts(files, choice, renderer, time.perf_counter() - started)
        made_up = [*judge_unseen(facts["unseen_fraction"]), *judge_unsure(facts["unsure_fraction"])]
        late = [*sink.notes, *made_up, *files.changed_since()]
        facts |= {"pixels_changed_outside": outside.changed, "notes": [*notes, *late]}
        if dump is not None:
            assert isinstance(renderer, ShotRenderer)
            dump.finish(renderer, facts)
    sheet.write(choice.engine.name)
    write_report(wish.report, facts)
    for note in late:
        _warn(note)
    say(f"wrote {len(files.wanted)} frames to {wish.output} in {facts['seconds']:.1f} s; " + _summary(facts["stages"]))
    return facts


def _facts(files: ShotFiles, choice: EngineChoice, renderer: Renderer, seconds: float) -> dict[str, Any]:
    wish, numbers, (width, height) = files.wish, files.wanted, renderer.shot.grid
    return {
        "engine": choice.engine.name,
        "weights": choice.engine.weights_id,
        "device": str(choice.engine.device),
        "settings": {
            **asdict(renderer.shot.settings),
            "working_size": [width, height],
            "color": wish.space.value,
            **wish.drafted_facts(),
        },
        "frames": {"first": numbers[0], "last": numbers[-1], "count": len(numbers)},
        "unseen_fraction": round(unseen_share(renderer, files.indices), 6),
        "unsure_fraction": round(unsure_share(renderer, files.indices), 6),
        "cuts": [files.numbers[index] for index in renderer.cuts],
        "kernels_in_holes": renderer.counts.kernels_in_holes,
        "peak_memory_bytes": peak_memory(choice.engine.device),
        "seconds": round(seconds, 3),
        "stages": renderer.counts.report(),
    }


def peak_memory(device: torch.device) -> int:
    """Most memory this process held: resident on the host, plus what torch allocated on a GPU."""
    return peak_memory_bytes() + (torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0)


def _summary(stages: Mapping[str, Mapping[str, float]]) -> str:
    return ", ".join(f"{name} {count['seconds']:.1f} s" for name, count in stages.items())


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)


def _warn(sentence: str) -> None:
    """Say what a user should know of a removal that goes on all the same."""
    print(f"warning: {sentence}", file=sys.stderr)


def _silent(sentence: str) -> None:
    del sentence


def _wish_of(options: argparse.Namespace) -> Removal:
    if options.watch and options.backend is None:
        raise BadInput("--watch needs the backend; add --backend")
    if options.backend is not None and isinstance(options.cuts, tuple):
        raise BadInput("the backend takes --cuts auto or none, not a list of frames; leave out --backend")
    if options.save_stages and (options.crop_to_matte or options.quality == "draft"):
        raise BadInput("--save-stages needs whole frames; leave out --crop-to-matte and --quality draft")
    if options.save_stages and options.backend is not None:
        raise BadInput("--save-stages does not work through the backend; leave out --backend")
    if options.cores is not None and options.backend is not None:
        raise BadInput("the backend has its own --cores; give it to propainter-backend and leave it out here")
    if options.grain_free and options.backend is not None:
        raise BadInput("--grain-free does not work through the backend; leave out --backend")
    return removal_of(options, save_stages=options.save_stages, grain_free=options.grain_free)


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="propainter-remove",
        usage="%(prog)s --plate PLATE (--matte MATTE | --box FRAME:X,Y,W,H) --output OUTPUT [options]",
        description="Remove what a roto matte covers from a plate. Outside the grown matte the plate stays bit for bit.",
        epilog="PLATE, MATTE and OUTPUT are a folder, a pattern (plate.%04d.exr, plate.####.exr) or a video. Farm tasks: "
        "propainter-remove run-chunk --help. A shot to try it on: propainter-remove --sample DIR.",
        examples=(
            "propainter-remove --plate plate/ --matte matte/ --output clean/",
            "propainter-remove --plate plate.####.exr --matte roto.####.exr --output clean.####.exr --grow 6",
            "propainter-remove --plate shot.mov --matte matte.mov --output clean.mov --quality draft",
            "propainter-remove --plate plate/ --matte matte/ --output fix/ --frames 1001-1010",
            "propainter-remove --plate plate/ --matte matte/ --output clean/ --backend --watch",
        ),
    )
    run = add_shot_options(parser, has_part=True)
    marks = add_mark_options(parser, "marks, where there is no matte (as propainter-matte takes them)")
    marks.add_argument("--save-matte", metavar="PATH", help="keep the matte that was made of marks, there")
    parser.add_argument(
        "--sample",
        action=WriteSample,
        metavar="DIR",
        help="write a sample shot into a folder; with --output, remove from it at once",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress; warnings are still printed")
    run.add_argument(
        "--backend", nargs="?", const="", metavar="FILE",
        help="render through the backend, which keeps the motion for later edits; started if none runs. FILE: the "
        "connection file of another backend",
    )  # fmt: skip
    run.add_argument("--watch", action="store_true", help="render again whenever the files change; needs --backend")
    keep = parser.add_argument_group("Also write")
    keep.add_argument(
        "--grain-free", metavar="OUTPUT",
        help="the result once more with a fill that has no grain, if you regrain it yourself",
    )  # fmt: skip
    keep.add_argument("--save-stages", type=Path, metavar="DIR", help="every stage as .npy files")
    keep.add_argument("--report", type=Path, metavar="FILE.json", help="what was done, and how long it took")
    keep.add_argument("--contact-sheet", type=Path, metavar="FILE.png", help="before, matte and after, side by side")
    return parser


if __name__ == "__main__":
    from propainter_backend.commands import entry

    raise SystemExit(entry.remove())
