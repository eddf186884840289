"""``propainter-remove run-chunk``: one stage of one run of frames, as a farm task; files in, files out.

A task may be killed at any moment and run again, on any machine, once or twice at the same time: units already stored are
not computed again, frames already written of the same inputs are not written again, and nothing half done is ever visible.
On standard output it says ``openjd_progress: PERCENT``, ``openjd_status: TEXT`` and, when it fails, ``openjd_fail: WHY``:
schedulers of Open Job Description read that, others log it.

Exit codes: 0 done, 1 unforeseen, 2 something a user can put right, 75 another try may succeed, 143 terminated.

Here: the command, painting to files, ``merge``. Not here: which units are whose (``units.py``), computing them
(``compute.py``), what is remembered (``records.py``), whole shots in one process (``commands/remove.py``).
"""

from __future__ import annotations

import argparse
import platform
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NoReturn

from propainter import classical, learned
from propainter.types import Precision
from propainter.weights import WeightsError
from propainter_backend.errors import BadInput, RemoveError
from propainter_backend.farm.compute import Compute, InProcess, InSession, Painted, hole_pixels
from propainter_backend.farm.records import FarmRecords, FrameRecord, digest_of_file
from propainter_backend.farm.units import COMPUTED_STAGES, FarmUnits
from propainter_backend.removal.options import add_shot_options, frame_range, removal_of
from propainter_backend.removal.outside import OutsideCount
from propainter_backend.removal.removal import ContactSheet, ShotFiles
from propainter_backend.removal.report_file import write_report
from propainter_backend.removal.wire_files import STOPPED, require_device, was_stopped
from propainter_backend.render.cores import make_cores
from propainter_backend.render.engines import check_asked, choose_engine
from propainter_backend.render.keys import key_of
from propainter_backend.render.memory import reuse_freed_memory
from propainter_backend.render.out_of_memory import NO_MEMORY, is_out_of_memory
from propainter_backend.render.stages import all_stages
from propainter_knobs.command_line import CommandParser
from propainter_knobs.table import heard_by, listens
from propainter_pictures.frame_range import FrameRange, with_negative_frames
from propainter_pictures.images import read_image
from propainter_pictures.matte_survey import judge_unseen, judge_unsure
from propainter_pictures.results import FrameSink, open_sink
from propainter_plan.stages import COUNTED as STAGES
from propainter_wire.client import Client
from propainter_wire.connection import connection_path
from propainter_wire.errors import BackendDied, BackendSilent, BackendUnreachable, PropainterError
from propainter_wire.shot import runs_of

EXIT_TRY_AGAIN = 75
"""EX_TEMPFAIL: the daemon is gone or silent; what is finished stays."""
_GB = 1 << 30
_CODE_VERSIONS = {"classical": classical.CODE_VERSION, "propainter": learned.CODE_VERSION}


def _versions_of_stages() -> list[str]:
    """Of the code that makes each stage: a frame of an older release is none of this one's."""
    return [f"{stage.row.name} {stage.version}" for stage in all_stages()]


def main(argv: Sequence[str]) -> int:
    """Entry point of the sub-command; ``argv`` without its name."""
    options = _parser().parse_args(with_negative_frames(argv))
    reuse_freed_memory()
    signal.signal(signal.SIGTERM, _leave)
    try:
        _merge(options) if options.stage == "merge" else _run(options)
    except (RemoveError, WeightsError, PropainterError) as error:
        said = STOPPED if was_stopped(error) else str(error)
        _say("fail", said)
        print(f"propainter-remove: {said}", file=sys.stderr)
        may_help = was_stopped(error) or isinstance(error, (BackendDied, BackendSilent, BackendUnreachable))
        return EXIT_TRY_AGAIN if may_help else 2
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        _say("fail", f"{type(error).__name__}: {error}")
        if not is_out_of_memory(error):
            raise
        print(f"propainter-remove: {NO_MEMORY}", file=sys.stderr)
        return 2
    return 0


class Task:
    """One stage of one run of frames, and everything it stands on. Raises RemoveError where that is wrong."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.stage: str = options.stage
        wish = removal_of(options)
        if wish.drafted_crop() is not None:
            raise BadInput("farm tasks cut a shot by chunks, a crop elsewhere; leave out --crop-to-matte and --draft")
        self.files = ShotFiles(wish)
        if self.files.is_written_as_video:
            raise BadInput(
                f"tasks write frames, but {self.files.wish.output} is a video; name a folder or a pattern, and give merge "
                f"--video {self.files.wish.output}"
            )
        self.frames = self._frames(options.frames)
        self.records = FarmRecords(options.cache_dir, self._removal_key(options.engine, options.precision))
        self._holes: dict[int, bool] = {}

    @property
    def indices(self) -> range:
        """Its frames, 0-based."""
        first = self.files.numbers[0]
        return range(self.frames.first - first, self.frames.last - first + 1)

    def has_hole(self, index: int) -> bool:
        """Whether a frame has anything to remove."""
        if index not in self._holes:
            self._holes[index] = hole_pixels(self.files, index) > 0
        return self._holes[index]

    def units(self, engine: str) -> FarmUnits:
        """How the shot is dealt under an engine."""
        settings = self.files.wish.drafted_settings()
        return FarmUnits(engine, len(self.files.numbers), settings, self.has_hole)

    def made_of(self, units: FarmUnits, engine: str, weights: str, index: int) -> str:
        """Digest of everything a frame's picture depends on, by content."""
        pictures, wish = self.files.pictures, self.files.wish
        seen = units.seen_by(index)
        content = [
            ask(i) for ask in (pictures.plate_digest, pictures.matte_digest, pictures.clean_digest) for i in seen
        ]
        return key_of(
            "farm frame", engine, weights, _CODE_VERSIONS[engine], _versions_of_stages(),
            repr(wish.drafted_settings()), wish.space.value,
            repr(wish.drafted_size(self.files.plate.size, engine=engine)), wish.drafted_native_fill(),
            wish.drafted_grain(), index, len(self.files.numbers), repr(wish.cuts), content,
        )  # fmt: skip

    def _frames(self, asked: FrameRange | None) -> FrameRange:
        there = self.files.frames
        if asked is None:
            return there
        if asked.first < there.first or asked.last > there.last:
            raise BadInput(f"--frames {asked.first}-{asked.last} lies outside the shot, {there.first}-{there.last}")
        return asked

    def _removal_key(self, engine: str, precision: str) -> str:
        """Names this removal: the same for all its tasks, on every machine."""
        wish, frames = self.files.wish, self.files.frames
        return key_of(
            "removal", *(path and str(Path(path).absolute()) for path in (wish.plate, wish.matte, wish.clean, wish.output)),
            wish.matte_offset, wish.pair_by.value, repr(wish.matte_reading), frames.first, frames.last,
            repr(heard_by(engine, wish.drafted_settings())),
            repr(wish.drafted_size(self.files.plate.size, engine=engine)), wish.drafted_native_fill(), wish.drafted_grain(),
            wish.space.value, engine, precision if listens(engine, "precision") else "", repr(wish.cuts),
        )  # fmt: skip


def _run(options: argparse.Namespace) -> None:
    """Any stage but merge."""
    started = time.perf_counter()
    task = Task(options)
    for note in task.files.notes:
        _say("status", note)
    with _compute(options, task.files) as compute:
        speak = _Speaker(task.stage, task.frames)
        units = task.units(compute.engine)
        counts = {}
        if task.stage == "painting":
            counts = _paint(task, units, compute, speak)
        else:
            compute.units(task.stage, units.of_task(task.stage, task.indices), speak.unit)
        report = {
            "stage": task.stage,
            "frames": {"first": task.frames.first, "last": task.frames.last, "count": len(task.frames)},
            "engine": compute.engine,
            "weights": compute.weights,
            "device": compute.device,
            "host": platform.node(),
            "settings": {**asdict(task.files.wish.drafted_settings()), **task.files.wish.drafted_facts()},
            "seconds": round(time.perf_counter() - started, 3),
            "stages": compute.stages(),
            **counts,
        }
    task.records.keep_report(report)
    write_report(options.report, report)
    speak.end()


@contextmanager
def _compute(options: argparse.Namespace, files: ShotFiles) -> Iterator[Compute]:
    if options.backend is None:
        asked: dict[str, Any] = {
            "weights": options.weights, "device": options.device, "precision": Precision(options.precision),
        }  # fmt: skip
        check_asked(options.engine, **asked)
        choice = choose_engine(options.engine, **asked, cores=make_cores(options.cores))
        _say("status", choice.reason)
        yield InProcess(files, choice, options.cache_dir, cache_budget=int(options.cache_size * _GB))
        return
    if options.cores is not None:
        raise BadInput("the backend has its own --cores; give it to propainter-backend and leave it out here")
    with Client.connect(Path(options.backend or connection_path()), name="propainter-remove run-chunk") as client:
        compute = InSession(client, files, engine=options.engine, precision=options.precision)
        require_device(options.device, compute.device)
        _say("status", f"engine {compute.engine} through backend {client.welcome.server} on {compute.device}")
        yield compute


def _paint(task: Task, units: FarmUnits, compute: Compute, speak: _Speaker) -> dict[str, int]:
    """Write those frames of the task that are not there yet; returns how many were written and kept."""
    made_of = {i: task.made_of(units, compute.engine, compute.weights, i) for i in task.indices}
    with task.files.open_sink(compute.engine, compute.weights, alone=False) as sink:
        wanted = [index for index in task.indices if not _is_written(task, sink, index, made_of[index])]
        for done, painted in enumerate(compute.paint(wanted, speak.unit)):
            number = task.files.numbers[painted.index]
            sink.write(number, painted.frame)
            task.records.keep_frame(number, _record_of(painted, made_of[painted.index], compute, sink.file(number)))
            speak.unit("frames", done + 1, len(wanted))
    return {"frames_written": len(wanted), "frames_kept": len(task.indices) - len(wanted)}


def _is_written(task: Task, sink: FrameSink, index: int, made_of: str) -> bool:
    number = task.files.numbers[index]
    record = task.records.frame(number)
    return record is not None and record.made_of == made_of and record.file == digest_of_file(sink.file(number))


def _record_of(painted: Painted, made_of: str, compute: Compute, file: Path) -> FrameRecord:
    digest = digest_of_file(file)
    if digest is None:
        raise RemoveError(f"{file} vanished as soon as it was written; look at what else writes there")
    return FrameRecord(made_of, digest, compute.engine, compute.weights, painted.hole, painted.unseen, painted.unsure)


def _merge(options: argparse.Namespace) -> None:
    """Check that every frame is there as it was painted; write report, contact sheet and video."""
    task = Task(options)
    files, numbers = task.files, task.files.numbers
    speak = _Speaker("merge", files.frames)
    records = {}
    with files.open_sink("", "", alone=False) as sink:
        places = {number: sink.file(number) for number in numbers}
    for done, number in enumerate(numbers):
        record = task.records.frame(number)
        if record is not None and record.file == digest_of_file(places[number]):
            records[number] = record
        speak.unit("merge", done + 1, len(numbers))
    if missing := [number for number in numbers if number not in records]:
        raise BadInput(
            f"frames {_spelled(missing)} of {files.wish.output} are not there as they were painted; run the painting of "
            "these frames again, with the same options"
        )
    engine, weights = _one_maker(records)
    sheet = ContactSheet(files)
    _show(options.video, files, places, sheet, engine, weights)
    sheet.write(engine)
    outside = OutsideCount(files, sink)
    for index in range(len(numbers)):
        outside.add(index)
    facts = _facts(task, records, engine, weights)
    facts["pixels_changed_outside"] = outside.changed
    facts["notes"] = [
        *files.notes, *judge_unseen(facts["unseen_fraction"]), *judge_unsure(facts["unsure_fraction"])
    ]  # fmt: skip
    for note in facts["notes"]:
        _say("status", note)
    write_report(options.report, facts)
    speak.end()


def _one_maker(records: Mapping[int, FrameRecord]) -> tuple[str, str]:
    """Engine and weights of all frames. Raises BadInput where there were several."""
    makers: dict[tuple[str, str], list[int]] = {}
    for number, record in records.items():
        makers.setdefault((record.engine, record.weights), []).append(number)
    if len(makers) > 1:
        (one, ours), (other, theirs), *_ = makers.items()
        raise BadInput(
            f"frames {_spelled(ours)} were painted by engine {one[0]} ({one[1]}), frames {_spelled(theirs)} by {other[0]} "
            f"({other[1]}); give every task the same --engine and the same weights, and paint again"
        )
    return next(iter(makers))


def _show(
    video: str | None, files: ShotFiles, places: Mapping[int, Path], sheet: ContactSheet, engine: str, weights: str
) -> None:
    """Look through the finished frames for what is made of several of them."""
    if video is None:
        for number in sheet.numbers:
            sheet.take(number - files.numbers[0], read_image(places[number], number))
        return
    notes = {"propainter:engine": engine, "propainter:weights": weights}
    with open_sink(
        video, like=files.plate, frames=files.frames, metadata=notes, fps=files.wish.fps, protect=files.sources[1:]
    ) as sink:
        for index, number in enumerate(files.numbers):
            frame = read_image(places[number], number)
            # With the plate's own samples, whatever was not painted goes out as it came.
            sink.write(number, replace(frame, video=files.plate.read(number).video))
            sheet.take(index, frame)


def _facts(task: Task, records: Mapping[int, FrameRecord], engine: str, weights: str) -> dict[str, Any]:
    """The report of the whole job: what all runs of all its tasks cost, the repeated ones included."""
    reports = task.records.reports()
    hole = sum(record.hole for record in records.values())
    numbers = task.files.numbers
    return {
        "engine": engine,
        "weights": weights,
        "devices": sorted({report["device"] for report in reports}),
        "hosts": sorted({report["host"] for report in reports}),
        "settings": {**asdict(task.files.wish.drafted_settings()), **task.files.wish.drafted_facts()},
        "frames": {"first": numbers[0], "last": numbers[-1], "count": len(numbers)},
        "unseen_fraction": round(sum(record.unseen for record in records.values()) / hole, 6) if hole else 0.0,
        "unsure_fraction": round(sum(record.unsure for record in records.values()) / hole, 6) if hole else 0.0,
        "seconds": round(sum(report["seconds"] for report in reports), 3),
        "task_runs": len(reports),
        "stages": {stage: _summed(reports, stage) for stage in STAGES},
    }


def _summed(reports: Sequence[Mapping[str, Any]], stage: str) -> dict[str, float]:
    costs = [report["stages"].get(stage, {}) for report in reports]
    return {name: round(sum(cost.get(name, 0) for cost in costs), 3) for name in ("seconds", "computed", "reused")}


class _Speaker:
    """Says how far a task is, whenever that changes by a percent."""

    def __init__(self, stage: str, frames: FrameRange) -> None:
        self._stage = stage
        self._label = f"frames {frames.first}-{frames.last}"
        self._percent = -1

    def unit(self, stage: str, done: int, total: int) -> None:
        """A unit is done. Those of another stage than the task's are said but do not count: something was not stored."""
        percent = min(100 * done // max(1, total), 99)
        if stage == self._counted and percent > self._percent:
            self._percent = percent
            _say("progress", str(percent))
        _say("status", f"{self._stage} of {self._label}: {stage} {done}/{total}")

    def end(self) -> None:
        """The task is done."""
        _say("progress", "100")

    @property
    def _counted(self) -> str:
        return "frames" if self._stage == "painting" else self._stage


def _say(what: str, text: str) -> None:
    print(f"openjd_{what}: {' '.join(text.split())}", flush=True)


def _leave(*_: object) -> NoReturn:
    """SIGTERM unwinds, so that nothing half written stays."""
    raise SystemExit(128 + signal.SIGTERM)


def _spelled(numbers: Sequence[int]) -> str:
    return ", ".join(f"{first}-{last}" if last > first else str(first) for first, last in runs_of(numbers))


class _Parser(CommandParser):
    """Reads ``@FILE`` as one whole argument a line: a job description then needs no quoting."""

    def convert_arg_line_to_args(self, arg_line: str) -> list[str]:
        line = arg_line.strip()
        return [line] if line else []


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="propainter-remove run-chunk",
        description="One stage of one run of frames, as an idempotent farm task. Give all tasks of a job the same options.",
        epilog="@FILE stands for options kept in a file, one a line, as --plate=PATH.",
        fromfile_prefix_chars="@",
    )
    farm = parser.add_argument_group("task")
    farm.add_argument("--stage", required=True, choices=[*COMPUTED_STAGES, "merge"], help="each needs the one before")
    farm.add_argument(
        "--frames", type=frame_range, metavar="A-B", help="frames of this task (default: all; merge: always all)"
    )
    farm.add_argument(
        "--cache-dir", type=Path, required=True, metavar="DIR", help="common storage of all tasks; kept between jobs"
    )
    farm.add_argument(
        "--cache-size", type=float, default=50, metavar="GB", help="disk all artifacts there may take (%(default)s)"
    )
    farm.add_argument(
        "--backend", nargs="?", const="", metavar="FILE",
        help="render through the backend of a session: its connection file, or nothing to take $PROPAINTER_CONNECTION",
    )  # fmt: skip
    add_shot_options(parser)
    keep = parser.add_argument_group("keeping")
    keep.add_argument("--report", type=Path, metavar="FILE.json", help="what this run did; merge: what the job did")
    keep.add_argument("--contact-sheet", type=Path, metavar="FILE.png", help="merge: before | matte | after")
    keep.add_argument("--video", metavar="FILE.mp4", help="merge: the finished frames to look at")
    return parser
