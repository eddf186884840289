"""``propainter-remove``: a plate and a matte in, the plate without what the matte covers out; one process does it all.

Here: the command line, its messages and its report. Not here: the walk of a frame (``shot_renderer.py``), files
(``plates.py``), engines (``engines.py``).
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from propainter.hole import hole_of
from propainter.types import FrameRange, Precision, Settings
from propainter.weights import WeightsError
from propainter_backend.color import WorkingSpace
from propainter_backend.contact_sheet import SheetRow, make_contact_sheet
from propainter_backend.engines import ENGINES, EngineChoice, choose_engine
from propainter_backend.errors import BadInput, OutputError, RemoveError
from propainter_backend.images import Frame
from propainter_backend.plates import FrameSource, check_finite, open_sink, open_source, read_matte
from propainter_backend.progress import ProgressLine
from propainter_backend.shot_cache import ShotCache
from propainter_backend.shot_renderer import Shot, ShotRenderer, run_to_end, unseen_share
from propainter_backend.stage_dump import StageDump
from propainter_wire.shot import digest_of

_MEMORY_BUDGET = 256 << 20
_RECENT_FRAMES = 3
_SHEET_ROWS = 4

T = TypeVar("T")


@dataclass(frozen=True)
class Removal:
    """One wish, as the command line states it."""

    plate: str
    matte: str
    output: str
    settings: Settings
    first: int | None = None
    last: int | None = None
    matte_offset: int = 0
    working_size: tuple[int, int] | None = None
    draft: bool = False
    space: WorkingSpace = WorkingSpace.AUTO
    keep_nan: bool = False
    save_stages: Path | None = None
    report: Path | None = None
    contact_sheet: Path | None = None
    memory_budget: int = _MEMORY_BUDGET


class SourcePictures:
    """A plate and a matte read from files, frame by frame, as the renderer asks for them.

    numbers: the frames to be rendered, in the plate's own numbering; the renderer counts them from 0.
    """

    def __init__(self, plate: FrameSource, matte: FrameSource, numbers: range, wish: Removal) -> None:
        self._plate = plate
        self._matte = matte
        self._numbers = numbers
        self._wish = wish
        self._plates: OrderedDict[int, Frame] = OrderedDict()
        self._mattes: OrderedDict[int, np.ndarray] = OrderedDict()
        self._digests: dict[tuple[str, int], str] = {}

    @property
    def frame_count(self) -> int:
        return len(self._numbers)

    def plate(self, index: int) -> Frame:
        """A frame of the plate. Raises BadInput where it holds NaN outside the hole, unless that is accepted."""
        frame = self._plates.get(index)
        if frame is None:
            frame = self._plate.read(self._numbers[index])
            if not self._wish.keep_nan and check_finite(frame) is not None:
                self._refuse_nan(index, frame)
            _keep(self._plates, index, frame)
        return frame

    def matte(self, index: int) -> np.ndarray:
        """A frame of the matte. Raises BadInput where its size is not the plate's."""
        number = self._matte_number(index)
        matte = self._mattes.get(number)
        if matte is None:
            matte = read_matte(self._matte.read(number))
            self._check_size(matte, self._numbers[index])
            _keep(self._mattes, number, matte)
        return matte

    def plate_digest(self, index: int) -> str:
        """Digest of all the plate frame's channels."""
        return self._digest("plate", index, lambda: self.plate(index).pixels)

    def matte_digest(self, index: int) -> str:
        """Digest of the matte as it was read, 0..1."""
        return self._digest("matte", self._matte_number(index), lambda: self.matte(index)[..., None])

    def _digest(self, kind: str, number: int, pixels: Callable[[], np.ndarray]) -> str:
        known = self._digests.get((kind, number))
        if known is None:
            known = self._digests[kind, number] = digest_of(pixels())
        return known

    def _matte_number(self, index: int) -> int:
        return self._matte.range.first if self._matte.is_still else self._numbers[index] - self._wish.matte_offset

    def _check_size(self, matte: np.ndarray, number: int) -> None:
        width, height = self._plate.size
        if matte.shape != (height, width):
            raise BadInput(
                f"roto matte of frame {number} is {matte.shape[1]}x{matte.shape[0]} but the plate is {width}x{height}; "
                "render the matte at the plate's size"
            )

    def _refuse_nan(self, index: int, frame: Frame) -> None:
        settings = self._wish.settings
        hole = hole_of(torch.from_numpy(self.matte(index)), threshold=settings.threshold, grow_pixels=settings.grow)
        wrong = check_finite(frame, within=hole.numpy() == 0)
        if wrong is not None:
            raise BadInput(f"plate {wrong}, or accept them with --keep-nan")


def _keep(recent: OrderedDict[int, T], key: int, value: T) -> None:
    recent[key] = value
    if len(recent) > _RECENT_FRAMES:
        recent.popitem(last=False)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point. Exit codes: 0 done, 1 unforeseen, 2 something the user can put right, 130 interrupted."""
    options = _parser().parse_args(argv)
    try:
        wish = _wish_of(options)
        choice = choose_engine(
            options.engine, weights=options.weights, device=options.device, precision=Precision(options.precision)
        )
        remove(wish, choice, quiet=options.quiet)
    except (RemoveError, WeightsError) as error:
        print(f"propainter-remove: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("propainter-remove: interrupted; finished frames are complete, no others were written", file=sys.stderr)
        return 130
    return 0


def remove(wish: Removal, choice: EngineChoice, *, quiet: bool = False) -> dict[str, object]:
    """Carry out a wish and return its report. Raises RemoveError for what its user can put right."""
    started = time.perf_counter()
    plate, matte = open_source(wish.plate), open_source(wish.matte)
    numbers = common_frames(plate, matte, wish)
    _require(plate, matte, numbers, wish)
    shot = Shot(
        SourcePictures(plate, matte, numbers, wish),
        wish.space,
        _drafted(wish),
        plate.size,
        _working_size(wish, plate.size),
    )
    say = _silent if quiet else _say
    say(choice.reason)
    say(f"frames {numbers[0]}-{numbers[-1]} of {wish.plate}, {plate.size[0]}x{plate.size[1]}")
    sheet = _Sheet(wish.contact_sheet, numbers)
    sink = open_sink(
        wish.output,
        like=plate,
        frames=FrameRange(numbers[0], numbers[-1]),
        metadata={"propainter:engine": choice.engine.name, "propainter:weights": choice.engine.weights_id},
        protect=[matte],
    )
    with tempfile.TemporaryDirectory(prefix="propainter-") as spill, sink:
        cache = ShotCache(Path(spill) / "artifacts", memory_budget=wish.memory_budget, write_through=False)
        dump = StageDump(wish.save_stages) if wish.save_stages is not None else None
        renderer = ShotRenderer(shot, choice.engine, cache, on_painted=dump.keep_window if dump else None)
        renderer.aim_at(range(len(numbers)))
        with ProgressLine(len(numbers), quiet=quiet) as line:
            for index, number in enumerate(numbers):
                frame = run_to_end(renderer.frame(index), lambda step: line.show(step.stage, step.done, step.total))
                sink.write(number, frame)
                sheet.take(number, shot, index, frame)
                line.frame_done(number)
        facts = _facts(wish, choice, renderer, numbers, time.perf_counter() - started)
        if dump is not None:
            dump.finish(renderer, facts)
    sheet.write(choice.engine.name)
    _write_report(wish.report, facts)
    stages = facts["stages"]
    assert isinstance(stages, dict)
    say(f"wrote {len(numbers)} frames to {wish.output} in {time.perf_counter() - started:.1f} s; " + _summary(stages))
    return facts


def common_frames(plate: FrameSource, matte: FrameSource, wish: Removal) -> range:
    """The frames to render, in the plate's numbering: those both have, within --first and --last.

    Raises BadInput when there are none, or when frames asked for by number are missing on either side.
    """
    first, last = plate.range.first, plate.range.last
    if not matte.is_still:
        first = max(first, matte.range.first + wish.matte_offset)
        last = min(last, matte.range.last + wish.matte_offset)
        if last < first:
            raise BadInput(
                f"plate is {plate.range.first}-{plate.range.last} but matte is {matte.range.first}-"
                f"{matte.range.last}: no common frames; renumber one, or shift the matte with --matte-offset "
                f"{plate.range.first - matte.range.first}"
            )
    for name, asked in (("--first", wish.first), ("--last", wish.last)):
        if asked is not None and not first <= asked <= last:
            raise BadInput(f"{name} {asked} lies outside the frames plate and matte have in common, {first}-{last}")
    first = wish.first if wish.first is not None else first
    last = wish.last if wish.last is not None else last
    if last < first:
        raise BadInput(f"frame range ends ({last}) before it starts ({first}); swap --first and --last")
    return range(first, last + 1)


def _require(plate: FrameSource, matte: FrameSource, numbers: range, wish: Removal) -> None:
    """Refuse what headers already tell will fail: missing frames, sizes that differ."""
    plate.require(FrameRange(numbers[0], numbers[-1]))
    if not matte.is_still:
        matte.require(FrameRange(numbers[0] - wish.matte_offset, numbers[-1] - wish.matte_offset))
    if matte.size != plate.size:
        raise BadInput(
            f"roto matte {wish.matte} is {matte.size[0]}x{matte.size[1]} but the plate is {plate.size[0]}x"
            f"{plate.size[1]}; render the matte at the plate's size"
        )


def _drafted(wish: Removal) -> Settings:
    if not wish.draft:
        return wish.settings
    return replace(wish.settings, flow_iterations=min(5, wish.settings.flow_iterations))


def _working_size(wish: Removal, plate_size: tuple[int, int]) -> tuple[int, int] | None:
    if wish.working_size is not None or not wish.draft:
        return wish.working_size
    return max(8, plate_size[0] // 2), max(8, plate_size[1] // 2)


class _Sheet:
    """Collects a few frames spread over the shot for the contact sheet."""

    def __init__(self, path: Path | None, numbers: range) -> None:
        self._path = path
        spread = np.linspace(0, len(numbers) - 1, min(_SHEET_ROWS, len(numbers)))
        self._wanted = {numbers[round(float(i))] for i in spread} if path is not None else set()
        self._rows: list[SheetRow] = []

    def take(self, number: int, shot: Shot, index: int, after: Frame) -> None:
        if number in self._wanted:
            before, matte = shot.pictures.plate(index), shot.pictures.matte(index)
            self._rows.append(SheetRow(number, before.rgb(), matte, after.rgb(), shot.space))

    def write(self, engine: str) -> None:
        if self._path is not None:
            make_contact_sheet(self._rows, self._path, title=f"ProPainter Remove  |  engine {engine}")


def _facts(
    wish: Removal, choice: EngineChoice, renderer: ShotRenderer, numbers: range, seconds: float
) -> dict[str, object]:
    width, height = renderer.shot.grid
    return {
        "engine": choice.engine.name,
        "weights": choice.engine.weights_id,
        "device": str(choice.engine.device),
        "settings": {**asdict(renderer.shot.settings), "working_size": [width, height], "color": wish.space.value},
        "frames": {"first": numbers[0], "last": numbers[-1], "count": len(numbers)},
        "unseen_fraction": round(unseen_share(renderer, range(len(numbers))), 6),
        "peak_memory_bytes": peak_memory(choice.engine.device),
        "seconds": round(seconds, 3),
        "stages": renderer.counts.report(),
    }


def peak_memory(device: torch.device) -> int:
    """Most memory this process held: resident on the host, plus what torch allocated on a GPU."""
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    resident *= 1 if sys.platform == "darwin" else 1024
    return resident + (torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0)


def _write_report(path: Path | None, facts: dict[str, object]) -> None:
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(facts, indent=2) + "\n")
    except OSError as error:
        raise OutputError(f"cannot write the report {path}: {error.strerror}; choose another --report") from error


def _summary(stages: dict[str, dict[str, float]]) -> str:
    return ", ".join(f"{name} {count['seconds']:.1f} s" for name, count in stages.items())


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)


def _silent(sentence: str) -> None:
    del sentence


def _wish_of(options: argparse.Namespace) -> Removal:
    try:
        settings = Settings(
            neighbor_length=options.neighbor_length,
            ref_stride=options.ref_stride,
            chunk_length=options.chunk_length,
            flow_iterations=options.flow_iterations,
            grow=options.grow,
            feather=options.feather,
            threshold=options.threshold,
            flow_hole_snap=options.flow_hole_snap,
        )
    except ValueError as error:
        raise BadInput(str(error)) from error
    return Removal(
        options.plate, options.matte, options.output, settings,
        first=options.first, last=options.last, matte_offset=options.matte_offset,
        working_size=options.working_size, draft=options.draft, space=WorkingSpace(options.color),
        keep_nan=options.keep_nan, save_stages=options.save_stages, report=options.report,
        contact_sheet=options.contact_sheet, memory_budget=options.memory << 20,
    )  # fmt: skip


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) >= 8 and int(height) >= 8):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 960x540 (at least 8x8)")
    return int(width), int(height)


def _parser() -> argparse.ArgumentParser:
    d = Settings()
    parser = argparse.ArgumentParser(
        prog="propainter-remove",
        description="Remove what a roto matte covers from a plate. Outside the matte the output is the input.",
        epilog="PLATE, MATTE, OUTPUT: a folder, a pattern (plate.%%04d.exr, plate.####.exr) or a video.",
    )
    need = parser.add_argument_group("pictures")
    need.add_argument("--plate", required=True, help="the original frames")
    need.add_argument("--matte", required=True, help="what to remove: 1 (white) = remove, soft edges allowed")
    need.add_argument("--output", required=True, help="where the cleaned frames go")
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
        "--flow-hole-snap", type=int, default=d.flow_hole_snap, metavar="PX",
        help="widen the flow hole to blocks of this size, so that roto edits keep completed flow (%(default)s: exact)",
    )  # fmt: skip
    how.add_argument(
        "--working-size", type=_size, metavar="WxH", help="size the fill is made at (default: the plate's)"
    )
    how.add_argument("--draft", action="store_true", help="half working size, at most 5 flow iterations")
    run = parser.add_argument_group("running")
    run.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (%(default)s)")
    run.add_argument(
        "--precision", choices=[p.value for p in Precision], default="fp32", help="fp16 and bf16 need CUDA"
    )
    run.add_argument(
        "--memory", type=int, default=_MEMORY_BUDGET >> 20, metavar="MB",
        help="memory for artifacts before they spill to disk (%(default)s)",
    )  # fmt: skip
    run.add_argument("--quiet", action="store_true", help="no progress")
    keep = parser.add_argument_group("keeping")
    keep.add_argument("--save-stages", type=Path, metavar="DIR", help="every stage as .npy files")
    keep.add_argument("--report", type=Path, metavar="FILE.json", help="what was done, how long it took")
    keep.add_argument("--contact-sheet", type=Path, metavar="FILE.png", help="before | matte | after")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
