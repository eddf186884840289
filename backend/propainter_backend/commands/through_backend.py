"""A removal carried out by the daemon: frames sent once, results written as they come; again whenever files change.

Here: ``remove_through_backend``, for ``propainter-remove --backend``. Not here: the protocol (``propainter_wire``), the
render itself (``daemon.py``, ``worker.py``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from propainter_backend.errors import RemoveError
from propainter_backend.removal.outside import OutsideCount
from propainter_backend.removal.removal import ContactSheet, Removal, ShotFiles
from propainter_backend.removal.report_file import write_report
from propainter_backend.removal.wire_files import FileProvider, laid_in, require_device, shot_of
from propainter_backend.render.progress import ProgressLine
from propainter_pictures.frame import Frame
from propainter_pictures.frame_range import FrameRange
from propainter_pictures.matte_survey import judge_unseen, judge_unsure
from propainter_pictures.results import FrameSink
from propainter_wire.client import Client, FrameResult
from propainter_wire.errors import RemoteError
from propainter_wire.messages import Accepted, Done, Progress
from propainter_wire.shot import digest_of, frames_of
from propainter_wire.waiting import waits_for

_BATCH = 200
"""Frames sent and asked for at a time, so that a long shot starts before all of it has been read."""
_READING = 0.1
"""Share of a batch's work that reading and sending its frames is counted as."""
_WATCH_S = 0.5
_RETRIES = 3


def remove_through_backend(
    wish: Removal,
    endpoint: str,
    *,
    engine: str,
    precision: str,
    device: str = "auto",
    watch: bool = False,
    quiet: bool = False,
    say: Callable[[str], None],
    warn: Callable[[str], None],
) -> dict[str, Any]:
    """Carry out a wish by the daemon and return the report; with ``watch``, again and again until interrupted.

    endpoint: a connection file, or the ipc address of a socket beside one; empty: this user's daemon, started if none
    runs. Raises RemoveError for what the user can put right, propainter_wire's PropainterError where the daemon cannot
    be used.
    """
    with Client.connect(_connection_file(endpoint), name="propainter-remove", start=not endpoint) as client:
        told: dict[int, str] = {}
        while True:
            files = ShotFiles(wish)
            try:
                report = _render(client, wish, files, engine, precision, device, told, quiet, say, warn)
            except RemoveError as error:
                if not watch:
                    raise
                say(str(error))  # somebody is at work on these files; the next change may put it right
            if not watch:
                return report
            say("watching; Ctrl-C ends it")
            while not files.stamps.changed():
                time.sleep(_WATCH_S)
            _settle(files)


def _render(
    client: Client,
    wish: Removal,
    files: ShotFiles,
    engine: str,
    precision: str,
    device: str,
    told: dict[int, str],
    quiet: bool,
    say: Callable[[str], None],
    warn: Callable[[str], None],
) -> dict[str, Any]:
    started = time.perf_counter()
    opened = client.open_shot(shot_of(files, engine, precision))
    backend = client.status()  # not the welcome: a daemon greets before it knows its device and weights
    require_device(device, backend.device)
    say(f"backend {backend.server} renders on {backend.device}; engine {opened.engine}; {files}")
    sheet, provider = ContactSheet(files), FileProvider(files)
    sink = files.open_sink(opened.engine, backend.weights if opened.engine == "propainter" else "none")
    reports: list[dict[str, Any]] = []
    outside = OutsideCount(files, sink)
    for note in files.notes:
        warn(note)
    with sink, ProgressLine(len(files.wanted), quiet=quiet) as line:
        for first in range(0, len(files.wanted), _BATCH):
            numbers = files.wanted[first : first + _BATCH]
            part = _Part(line, first / len(files.wanted), len(numbers) / len(files.wanted))
            for index, result in _in_order(
                _results(client, opened.shot, numbers, provider, wish, part, reports), files
            ):
                frame = laid_in(files.pictures.plate(index), result)
                _write_if_new(sink, files, files.numbers[index], frame, told)
                outside.add(index)
                sheet.take(index, frame)
                line.frame_done(files.numbers[index])
    client.close_shot(opened.shot)
    sheet.write(opened.engine)
    report = _merged(reports, FrameRange(files.wanted[0], files.wanted[-1]), time.perf_counter() - started)
    made_up = [*judge_unseen(report["unseen_fraction"]), *judge_unsure(report["unsure_fraction"])]
    late = [*sink.notes, *made_up, *files.changed_since()]
    report.pop("warnings", None)  # of each job's mattes alone; ours are of all of them
    report["pixels_changed_outside"] = outside.changed
    report["notes"] = list(dict.fromkeys([*files.notes, *report["notes"], *late]))
    for note in report["notes"][len(files.notes) :]:
        warn(note)
    write_report(wish.report, report)
    flow = report["stages"].get("flow", {"computed": 0, "reused": 0})
    windows = report["windows_redone"]
    say(
        f"wrote {len(files.wanted)} frames to {wish.output} in {report['seconds']:.1f} s; flow pairs computed "
        f"{flow['computed']}, reused {flow['reused']}; windows redone {len(windows)}"
    )
    return report


@dataclass(frozen=True)
class _Part:
    """One batch's part of the whole work, on the line."""

    line: ProgressLine
    start: float
    size: float
    """Both as shares of the whole."""

    def read(self, done: int, total: int) -> None:
        """So many frames have been read, and sent where they were lacking."""
        self._show("reading", _READING * done / max(1, total), f"{done}/{total}")

    def rendered(self, told: Progress, waiting_for: str) -> None:
        """The daemon has told of its work."""
        share = told.done / told.total if told.total else 0.0
        self._show(f"waiting for {waiting_for}" if waiting_for else told.stage, _READING + (1 - _READING) * share)

    def _show(self, stage: str, share: float, detail: str = "") -> None:
        self.line.show(stage, self.start + self.size * share, detail)


class _Reading:
    """A provider that tells how many frames have been read."""

    def __init__(self, provider: FileProvider, part: _Part, total: int) -> None:
        self._provider, self._part, self._total = provider, part, total
        self._read = 0
        self.matte, self.clean = provider.matte, provider.clean

    def plate(self, frame: int) -> np.ndarray:
        self._read += 1
        self._part.read(min(self._read, self._total), self._total)
        return self._provider.plate(frame)


def _results(
    client: Client,
    shot: str,
    numbers: range,
    provider: FileProvider,
    wish: Removal,
    part: _Part,
    reports: list[dict[str, Any]],
) -> Iterator[FrameResult]:
    """Results of a run of frames; what the daemon has forgotten meanwhile is sent again."""
    quality = wish.quality
    wanted, job = list(numbers), ""
    for attempt in range(_RETRIES):
        reach = client.reach(shot, wanted, quality=quality)
        client.offer_reach(shot, reach, _Reading(provider, part, len(frames_of(reach.plates))))
        try:
            for event in client.render(shot, wanted, quality=quality, priority="final", crop=True):
                if isinstance(event, FrameResult):
                    wanted.remove(event.frame)
                    yield event
                elif isinstance(event, Accepted):
                    job = event.job
                elif isinstance(event, Progress):
                    part.rendered(event, _waits_for(client, job) if event.stage == "queued" else "")
                elif isinstance(event, Done):
                    reports.append(dict(event.report))
            return
        except RemoteError as error:
            if error.code != "frames_missing" or attempt == _RETRIES - 1:
                raise


def _waits_for(client: Client, job: str) -> str:
    status = client.status()
    return waits_for(status.jobs, status.notes, job)


def _in_order(results: Iterator[FrameResult], files: ShotFiles) -> Iterator[tuple[int, FrameResult]]:
    """Each result with its index. A video takes frames in order only, so for one they wait for their turn."""
    waiting: dict[int, FrameResult] = {}
    expected: int | None = None
    for result in results:
        index = result.frame - files.numbers[0]
        if not files.is_written_as_video:
            yield index, result
            continue
        waiting[index] = result
        expected = min(waiting) if expected is None else expected
        while expected in waiting:
            yield expected, waiting.pop(expected)
            expected += 1


def _write_if_new(sink: FrameSink, files: ShotFiles, number: int, frame: Frame, told: dict[int, str]) -> None:
    """Write a frame unless this very picture was written before; a video is written anew as a whole."""
    digest = digest_of(frame.pixels)
    if told.get(number) != digest or files.is_written_as_video:
        sink.write(number, frame)
        told[number] = digest


def _merged(reports: list[dict[str, Any]], frames: FrameRange, seconds: float) -> dict[str, Any]:
    """The reports of all batches as one, in the form of a render in one process."""
    merged = {**reports[-1], "frames": {"first": frames.first, "last": frames.last, "count": len(frames)}}
    stages: dict[str, dict[str, float]] = {}
    for report in reports:
        for stage, cost in report["stages"].items():
            mine = stages.setdefault(stage, dict.fromkeys(cost, 0))
            for name, value in cost.items():
                mine[name] += value
    merged["stages"] = stages
    merged["windows_redone"] = sorted({window for report in reports for window in report["windows_redone"]})
    hole = sum(report["hole_pixels"] for report in reports)
    for share in ("unseen_fraction", "unsure_fraction"):
        total = sum(report[share] * report["hole_pixels"] for report in reports)
        merged[share] = round(total / hole, 6) if hole else 0.0
    merged["hole_pixels"] = hole
    merged["seconds"] = round(seconds, 3)
    return merged


def _connection_file(endpoint: str) -> Path | None:
    if not endpoint:
        return None
    if endpoint.startswith("ipc://"):
        return Path(endpoint.removeprefix("ipc://")).with_name("daemon.json")
    return Path(endpoint)


def _settle(files: ShotFiles) -> None:
    """Wait until nothing has changed for a moment: whoever writes frames writes several."""
    before = files.stamps.now()
    while True:
        time.sleep(_WATCH_S)
        now = files.stamps.now()
        if now == before and None not in now.values():
            return
        before = now
