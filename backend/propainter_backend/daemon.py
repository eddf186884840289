"""The daemon: clients' requests in, instructions to workers out, results and progress back.

Here: sessions' shots, what content they have and lack, jobs and who is waiting for them, carrying out what the scheduler
decides. Not here: bytes and signatures (``propainter_wire/router.py``), which step comes next (``scheduler.py``, pure),
computing (``worker.py``, another process). One thread; workers are heard through a queue. torch is never imported here,
so that the daemon answers within a second of its start.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import queue
import signal
import time
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import psutil

from propainter_backend.content import ContentStore
from propainter_backend.pipe import Note
from propainter_backend.scheduler import (
    Deliver,
    EndJob,
    FailJob,
    FinishJob,
    Instruction,
    Job,
    JobCancelled,
    JobStep,
    JobSubmitted,
    Priority,
    RestartWorker,
    Scheduler,
    ShotChanged,
    Start,
    StepDone,
    StepFailed,
    StepStopped,
    StopRequested,
    Work,
    WorkerDied,
    WorkerReady,
    order_outward,
)
from propainter_backend.scheduler import SessionEnded as ScheduledSessionEnded
from propainter_backend.scheduler import Stop as StopStep
from propainter_backend.worker_entry import SHOTS_REMEMBERED, WorkerOptions
from propainter_backend.worker_link import FromWorker, WorkerLink
from propainter_wire.connection import DaemonPlace, new_key
from propainter_wire.errors import ErrorCode, WireError
from propainter_wire.framing import new_id
from propainter_wire.messages import (
    Accepted,
    Analyse,
    Artifact,
    Cache,
    CacheEntry,
    CacheIs,
    CacheQuery,
    CacheStateIs,
    Cancel,
    Cancelled,
    ChangeSettings,
    CloseShot,
    Done,
    Have,
    JobLine,
    Message,
    Need,
    OpenShot,
    Progress,
    Put,
    Reach,
    ReachIs,
    Render,
    ShotClosed,
    ShotOpened,
    ShotSettings,
    Stage,
    StageRuns,
    Status,
    StatusIs,
    Stop,
    Stopping,
    Stored,
)
from propainter_wire.router import CurveKeys, Facts, Request, Router, SessionEnded
from propainter_wire.shot import runs_of

log = logging.getLogger(__name__)

VERSION = version("propainter-remove")

_TICK_S = 0.5
_HEARTBEAT_S = 0.9
"""A job under work is heard of at least once a second."""
_ANALYSE_RUN = 8
"""Flow pairs an analyse step estimates before the scheduler may turn to something else."""
_PLANS_KEPT = 256
_HELD_BYTES = 1 << 30
"""Results kept for clients that read slowly; beyond, their jobs end."""


@dataclass(frozen=True)
class DaemonOptions:
    """How a daemon was asked to be."""

    devices: tuple[str, ...]
    cache_dir: Path
    cache_budget: int = 50 << 30
    memory_budget: int = 2 << 30
    weights: Path | None = None
    endpoint: str | None = None
    idle_timeout_s: float | None = None
    parent_pid: int | None = None
    flow_hole_snap: int = 16
    curve: CurveKeys | None = None


@dataclass
class _Shot:
    """One plate over one frame range, as one session sees it."""

    id: str
    session: str
    opened: OpenShot
    settings: ShotSettings
    plates: dict[int, str] = field(default_factory=dict)
    mattes: dict[int, str] = field(default_factory=dict)
    was_cached: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))

    @property
    def count(self) -> int:
        return self.opened.last - self.opened.first + 1

    def matte_of(self, frame: int) -> str | None:
        """Digest of a frame's matte; a still one holds for every frame."""
        return self.mattes.get(self.opened.first if self.opened.still_matte else frame)

    def note(self, quality: str, frames: Iterable[int] | None = None) -> Note:
        """The shot as a worker is told of it; only of the frames named, or of none."""
        wanted = set(frames or ())
        numbers = range(self.opened.first, self.opened.last + 1)
        return {
            "first": self.opened.first,
            "size": [self.opened.width, self.opened.height],
            "channels": self.opened.channels,
            "plates": [self.plates.get(n) if n in wanted else None for n in numbers],
            "mattes": [self.matte_of(n) if n in wanted else None for n in numbers],
            "settings": asdict(self.settings),
            "quality": quality,
        }


@dataclass(frozen=True)
class _Plan:
    """What a worker says about a shot of this length under these settings."""

    engine: str
    working_size: tuple[int, int]
    reach: tuple[tuple[tuple[int, int], ...], ...]
    """Per frame (0-based): runs of frames it can see."""

    def seen_by(self, indices: Iterable[int]) -> set[int]:
        """Every frame (0-based) that some of these can see."""
        runs = {run for index in indices for run in self.reach[index]}
        return {frame for first, last in runs for frame in range(first, last + 1)}


@dataclass
class _Job:
    """A job and who waits for it."""

    id: str
    request: Request
    shot: _Shot
    shot_key: str
    shot_note: Note
    message: Render | Analyse
    aim: list[int]
    started: float
    stage: Stage = "queued"
    done: int = 0
    total: int = 0
    eta: float | None = None
    told_at: float = 0.0
    stages: dict[str, dict[str, Any]] = field(default_factory=dict)
    hole: int = 0
    unseen: int = 0
    notes: list[str] = field(default_factory=list)
    first_result_s: float | None = None

    @property
    def priority(self) -> Priority:
        """As asked for; looking ahead of the roto is a preview."""
        return self.message.priority if isinstance(self.message, Render) else "preview"

    def add(self, note: Note, elapsed_s: float) -> None:
        """Count what one of its steps cost."""
        for stage, cost in note["stages"].items():
            mine = self.stages.setdefault(stage, {"seconds": 0.0, "computed": set(), "reused": set()})
            mine["seconds"] += cost["seconds"]
            mine["computed"].update(cost["computed"])
            mine["reused"].update(cost["reused"])
        self.hole += note.get("hole", 0)
        self.unseen += note.get("unseen", 0)
        self.notes.extend(said for said in note.get("notes", []) if said not in self.notes)
        if self.first_result_s is None:
            self.first_result_s = elapsed_s

    def report(self, engine: str, weights: str) -> dict[str, Any]:
        """What the wire's ``done`` carries."""
        stages = {
            stage: {
                "seconds": round(cost["seconds"], 4),
                "computed": len(cost["computed"]),
                "reused": len(cost["reused"] - cost["computed"]),
            }
            for stage, cost in self.stages.items()
        }
        windows = self.stages.get("painting", {"computed": set()})["computed"]
        settings = asdict(self.shot.settings)
        return {
            "engine": engine,
            "weights": weights,
            "settings": {name: list(v) if isinstance(v, tuple) else v for name, v in settings.items()},
            "stages": stages,
            "windows_redone": sorted(windows)[:4000],
            "unseen_fraction": round(self.unseen / self.hole, 6) if self.hole else 0.0,
            "seconds": round(time.monotonic() - self.started, 4),
            "first_result_s": round(self.first_result_s or 0.0, 4),
            "notes": self.notes[:16],
        }


class Daemon:
    """Serves until told to stop. ``place`` must be entered: this is the one daemon of its runtime directory."""

    def __init__(self, options: DaemonOptions, place: DaemonPlace) -> None:
        self._options = options
        self._place = place
        self._started = time.monotonic()
        self._said: queue.SimpleQueue[FromWorker] = queue.SimpleQueue()
        self._facts = Facts(VERSION, "classical", "starting")
        self._key = new_key()
        self._router = Router(self._key, self._facts)
        self._content = ContentStore(
            options.cache_dir / "content", memory_budget=options.memory_budget // 4, disk_budget=options.cache_budget
        )
        self._scheduler = Scheduler()
        self._shots: dict[str, _Shot] = {}
        self._jobs: dict[str, _Job] = {}
        self._busy: dict[str, tuple[Work, str]] = {}
        self._told_shots: dict[str, OrderedDict[str, None]] = defaultdict(OrderedDict)
        self._plans: dict[str, _Plan] = {}
        self._waiting_plans: dict[str, list[Callable[[_Plan | WireError], None]]] = {}
        self._questions: dict[str, tuple[str, Callable[[Note], None]]] = {}
        self._before_ready: list[Request] = []
        self._held: deque[tuple[_Job, Work, np.ndarray, Note]] = deque()
        self._held_bytes = 0
        self._outcome: tuple[Work, np.ndarray | None, Note] | None = None
        self._ready: set[str] = set()
        self._stopping: str | None = None
        self._idle_since = time.monotonic()
        self._links = {
            f"worker-{number}": WorkerLink(
                WorkerOptions(
                    f"worker-{number}",
                    device,
                    options.cache_dir,
                    options.cache_budget,
                    options.memory_budget // 2 // len(options.devices),
                    options.weights,
                    options.flow_hole_snap,
                ),
                self._hear,
            )
            for number, device in enumerate(options.devices)
        }

    # --- the loop -------------------------------------------------------------------------------------------------

    def serve(self) -> None:
        """Bind, publish the connection file, work until stopped; leaves nothing behind."""
        endpoint = self._router.bind(self._options.endpoint or self._place.endpoint, curve=self._options.curve)
        server_key = self._options.curve.public.decode() if self._options.curve else ""
        self._place.publish(endpoint, self._key, server_key=server_key)
        log.info("listening on %s", endpoint)
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self._on_signal)
        for link in self._links.values():
            link.start()
        try:
            while not self._is_over():
                for event in self._router.poll(_TICK_S if not self._held else 0.01):
                    if isinstance(event, SessionEnded):
                        self._on_session_ended(event)
                    else:
                        self._on_request(event)
                self._hear_workers()
                self._deliver_held()
                self._heartbeat()
        finally:
            for link in self._links.values():
                link.stop()
            self._router.close()
            log.info("stopped")

    def _on_signal(self, number: int, _: object) -> None:
        log.info("stopping: %s", signal.Signals(number).name)
        self._stopping = "now"
        self._router.wake()

    def _is_over(self) -> bool:
        options, now = self._options, time.monotonic()
        if self._router.session_count or self._jobs:
            self._idle_since = now
        if options.idle_timeout_s is not None and now - self._idle_since > options.idle_timeout_s:
            log.info("stopping: nobody has asked for anything for %.0f s", options.idle_timeout_s)
            return True
        if options.parent_pid is not None and not psutil.pid_exists(options.parent_pid):
            log.info("stopping: process %d, which started this, is gone", options.parent_pid)
            return True
        return self._stopping == "now" or (self._stopping == "idle" and not self._jobs)

    def _hear(self, said: FromWorker) -> None:
        self._said.put(said)
        self._router.wake()

    # --- requests -------------------------------------------------------------------------------------------------

    def _on_request(self, request: Request) -> None:
        handlers: dict[type[Message], Callable[[Request, Any], None]] = {
            OpenShot: self._on_open_shot,
            ChangeSettings: self._on_settings,
            CloseShot: self._on_close_shot,
            Have: self._on_have,
            Put: self._on_put,
            Reach: self._on_reach,
            Render: self._on_render,
            Analyse: self._on_analyse,
            Cancel: self._on_cancel,
            CacheQuery: self._on_cache_query,
            Cache: self._on_cache,
            Status: self._on_status,
            Stop: self._on_stop,
        }
        handler = handlers[type(request.message)]
        needs_engine = isinstance(request.message, (OpenShot, ChangeSettings, Reach, Render, Analyse, CacheQuery))
        if needs_engine and not self._ready:
            self._before_ready.append(request)
            return
        try:
            handler(request, request.message)
        except WireError as error:
            self._router.reply_error(request, error)
        except Exception:
            log.exception("a request of %s failed", request.client)
            sentence = "the backend made a mistake; its log has the rest"
            self._router.reply_error(request, WireError("internal", sentence))

    def _on_open_shot(self, request: Request, message: OpenShot) -> None:
        settings = ShotSettings().changed(message.settings)
        self._refuse_engine(settings)
        shot = _Shot(new_id(), request.session, message, settings)
        self._shots[shot.id] = shot
        self._tell_shot(request, shot)

    def _on_settings(self, request: Request, message: ChangeSettings) -> None:
        shot = self._shot_of(request, message.shot)
        settings = shot.settings.changed(message.settings)
        self._refuse_engine(settings)
        if settings != shot.settings:
            shot.settings = settings
            self._carry_out(self._scheduler.handle(ShotChanged(shot.id, None)))
        self._tell_shot(request, shot)

    def _tell_shot(self, request: Request, shot: _Shot) -> None:
        def tell(plan: _Plan) -> None:
            reply = ShotOpened(shot.id, shot.settings, plan.engine, plan.working_size)
            self._router.reply(request, reply)

        self._with_plan(request, shot, "normal", tell)

    def _on_close_shot(self, request: Request, message: CloseShot) -> None:
        shot = self._shots.get(message.shot)
        if shot is not None and shot.session == request.session:
            self._carry_out(self._scheduler.handle(ShotChanged(shot.id, None)))
            del self._shots[shot.id]
        self._router.reply(request, ShotClosed(message.shot))

    def _on_have(self, request: Request, message: Have) -> None:
        shot = self._shot_of(request, message.shot)
        changed_plates: set[int] = set()
        changed_mattes: set[int] = set()
        plates: list[int] = []
        mattes: list[int] = []
        for told in message.frames:
            if not shot.opened.first <= told.frame <= shot.opened.last:
                sentence = f"frame {told.frame} lies outside the shot ({shot.opened.first}-{shot.opened.last})"
                raise WireError("bad_message", sentence, {"field": "frames"})
            slot = shot.opened.first if shot.opened.still_matte else told.frame
            for digest, known, number, lacking, changed in (
                (told.plate, shot.plates, told.frame, plates, changed_plates),
                (told.matte, shot.mattes, slot, mattes, changed_mattes),
            ):
                if digest is None:
                    continue
                if known.get(number, digest) != digest:
                    changed.update(_frames_showing(shot, known, number))
                known[number] = digest
                if not self._content.has(digest):
                    lacking.append(told.frame)
        if changed_plates or changed_mattes:
            frames = frozenset(changed_plates | changed_mattes)
            self._carry_out(self._scheduler.handle(ShotChanged(shot.id, frames, mattes_only=not changed_plates)))
        self._router.reply(request, Need(tuple(plates), tuple(mattes)))

    def _on_put(self, request: Request, message: Put) -> None:
        shot = self._shot_of(request, message.shot)
        opened, pixels = shot.opened, request.pixels
        assert pixels is not None
        channels = opened.channels if message.kind == "plate" else 1
        expected = (opened.height, opened.width, channels)
        if pixels.shape != expected or (message.kind == "plate" and pixels.dtype.name != opened.dtype):
            raise WireError(
                "bad_buffer",
                f"{message.kind} is {_shape_text(pixels.shape)} {pixels.dtype.name} but the shot is "
                f"{_shape_text(expected)} {opened.dtype}; send it at the plate's size",
            )
        self._content.put(message.digest, pixels)
        self._router.reply(request, Stored(message.digest))

    def _on_reach(self, request: Request, message: Reach) -> None:
        shot = self._shot_of(request, message.shot)
        indices = self._indices(shot, message.frames)

        def tell(plan: _Plan) -> None:
            frames = _numbers(shot, plan.seen_by(indices))
            mattes = (shot.opened.first,) if shot.opened.still_matte else frames
            self._router.reply(request, ReachIs(runs_of(frames), runs_of(mattes)))

        self._with_plan(request, shot, message.quality, tell)

    def _on_render(self, request: Request, message: Render) -> None:
        shot = self._shot_of(request, message.shot)
        indices = self._indices(shot, message.frames)
        self._refuse_when_stopping()

        def begin(plan: _Plan) -> None:
            seen = plan.seen_by(indices)
            self._refuse_missing(shot, seen)
            note = shot.note(message.quality, _numbers(shot, seen))
            shot_key = _digest(note)
            how = [message.output, message.dtype, message.crop]
            order = tuple(sorted(set(indices))) if message.priority == "final" else order_outward(indices, indices[0])
            key = _digest([shot_key, how])
            steps = [
                JobStep(Work(key, index, provisional=False), frozenset(_numbers(shot, plan.seen_by([index]))))
                for index in order
            ]
            if message.provisional:
                steps.insert(0, replace(steps[0], work=replace(steps[0].work, provisional=True)))
            self._submit(request, shot, message, steps, shot_key, note, list(order))

        self._with_plan(request, shot, message.quality, begin)

    def _on_analyse(self, request: Request, message: Analyse) -> None:
        shot = self._shot_of(request, message.shot)
        indices = self._indices(shot, range(message.first, message.last + 1))
        self._refuse_when_stopping()
        missing = [n for n in _numbers(shot, indices) if not self._has_plate(shot, n)]
        if missing:
            raise _frames_missing(missing, [])
        note = {**shot.note(message.quality, _numbers(shot, indices)), "mattes": [None] * shot.count}
        shot_key = _digest(note)
        steps = [
            JobStep(
                Work(_digest([shot_key, "analyse"]), first, provisional=False),
                frozenset(_numbers(shot, range(first, min(first + _ANALYSE_RUN, indices[-1]) + 1))),
            )
            for first in indices[:-1:_ANALYSE_RUN]
        ]
        self._submit(request, shot, message, steps, shot_key, note, list(indices))

    def _submit(
        self,
        request: Request,
        shot: _Shot,
        message: Render | Analyse,
        steps: list[JobStep],
        shot_key: str,
        note: Note,
        aim: list[int],
    ) -> None:
        job = _Job(new_id(), request, shot, shot_key, note, message, aim, time.monotonic())
        self._jobs[job.id] = job
        self._router.reply(request, Accepted(job.id))
        kind: Literal["render", "analyse"] = "render" if isinstance(message, Render) else "analyse"
        submitted = Job(job.id, request.session, shot.id, kind, job.priority, tuple(steps))
        self._carry_out(self._scheduler.handle(JobSubmitted(submitted)))

    def _on_cancel(self, request: Request, message: Cancel) -> None:
        job = self._jobs.get(message.job)
        mine = job is not None and job.request.session == request.session
        self._router.reply(request, Cancelled(message.job, mine))
        if mine:
            self._carry_out(self._scheduler.handle(JobCancelled(message.job)))

    def _on_cache_query(self, request: Request, message: CacheQuery) -> None:
        shot = self._shot_of(request, message.shot)
        numbers = range(shot.opened.first, shot.opened.last + 1)
        known = [n for n in numbers if self._has_plate(shot, n) and self._has_matte(shot, n)]
        note = shot.note(message.quality, numbers)
        key = _digest(note)
        worker = self._some_worker(key)

        def tell(answer: Note) -> None:
            stages: dict[Artifact, list[bool]] = {
                "plate": [self._has_plate(shot, n) for n in numbers],
                "matte": [self._has_matte(shot, n) for n in numbers],
                **answer.get("stages", {}),
            }
            self._router.reply(request, CacheStateIs(shot.id, tuple(self._stage_runs(shot, stages))))

        if len(known) < len(numbers):
            tell({})
        else:
            self._tell_worker(worker, key, note)
            self._ask(worker, {"op": "cache_state", "key": key}, tell)

    def _stage_runs(self, shot: _Shot, stages: Mapping[Artifact, list[bool]]) -> Iterable[StageRuns]:
        """What is cached as runs; what was once cached for this shot and is no more is stale."""
        for stage, cached in stages.items():
            was = shot.was_cached[stage]
            runs: list[tuple[int, int, Any]] = []
            for offset, here in enumerate(cached):
                frame = shot.opened.first + offset
                state = "cached" if here else "stale" if frame in was else "missing"
                if here:
                    was.add(frame)
                if runs and runs[-1][2] == state:
                    runs[-1] = (runs[-1][0], frame, state)
                else:
                    runs.append((frame, frame, state))
            yield StageRuns(stage, tuple(runs[:4096]))

    def _on_cache(self, request: Request, message: Cache) -> None:
        freed = 0
        if message.action == "clear" and message.what in ("all", "content"):
            freed += self._content.use().disk_bytes
            self._content.clear()
        if message.action == "clear" and message.what != "content":
            self._ask(
                self._some_worker(""),
                {"op": "clear"},
                lambda answer: self._tell_cache(request, freed + answer.get("freed", 0)),
            )
            return
        self._tell_cache(request, freed)

    def _tell_cache(self, request: Request, freed: int) -> None:
        content = self._content.use()

        def tell(answer: Note) -> None:
            entries = (
                CacheEntry("content", content.disk_entries, content.disk_bytes),
                CacheEntry("artifacts", answer.get("disk_entries", 0), answer.get("disk_bytes", 0)),
            )
            self._router.reply(request, CacheIs(entries, freed))

        self._ask_or({"op": "use"}, tell)

    def _on_status(self, request: Request, _: Status) -> None:
        def tell(answer: Note) -> None:
            content = self._content.use()
            memory = {
                "rss_bytes": psutil.Process().memory_info().rss,
                "worker_rss_bytes": sum(_resident(link.pid) for link in self._links.values()),
                "cache_bytes": content.disk_bytes + answer.get("disk_bytes", 0),
                "cache_limit_bytes": self._options.cache_budget,
                "device_used_bytes": answer.get("device_used_bytes", 0),
                "device_total_bytes": answer.get("device_total_bytes", 0),
            }
            lines = tuple(
                JobLine(
                    job=job.id,
                    name=job.shot.opened.name or job.request.client,
                    priority=job.priority,
                    stage=job.stage,
                    done=job.done,
                    total=job.total,
                )
                for job in list(self._jobs.values())[:256]
            )
            reply = StatusIs(
                server=VERSION,
                engine=self._facts.engine,
                device=self._facts.device,
                weights=self._facts.weights,
                pid=os.getpid(),
                uptime_s=time.monotonic() - self._started,
                sessions=self._router.session_count,
                jobs=lines,
                memory=memory,
                notes=() if self._ready else ("the worker is starting",),
            )
            self._router.reply(request, reply)

        self._ask_or({"op": "use"}, tell)

    def _on_stop(self, request: Request, message: Stop) -> None:
        self._router.reply(request, Stopping(len(self._jobs)))
        self._carry_out(self._scheduler.handle(StopRequested(message.when)))
        self._router.poll(0)
        self._stopping = message.when

    def _on_session_ended(self, ended: SessionEnded) -> None:
        log.info("session %s ended: %s", ended.session[:8], ended.reason)
        self._carry_out(self._scheduler.handle(ScheduledSessionEnded(ended.session)))
        self._shots = {key: shot for key, shot in self._shots.items() if shot.session != ended.session}

    # --- what requests need ---------------------------------------------------------------------------------------

    def _shot_of(self, request: Request, shot: str) -> _Shot:
        found = self._shots.get(shot)
        if found is None or found.session != request.session:
            raise WireError("unknown_shot", "this session has no such shot; open it again")
        return found

    def _indices(self, shot: _Shot, frames: Sequence[int]) -> list[int]:
        for frame in frames:
            if not shot.opened.first <= frame <= shot.opened.last:
                raise WireError(
                    "bad_message",
                    f"frame {frame} lies outside the shot ({shot.opened.first}-{shot.opened.last})",
                    {"field": "frames"},
                )
        return [frame - shot.opened.first for frame in frames]

    def _has_plate(self, shot: _Shot, frame: int) -> bool:
        digest = shot.plates.get(frame)
        return digest is not None and self._content.has(digest)

    def _has_matte(self, shot: _Shot, frame: int) -> bool:
        digest = shot.matte_of(frame)
        return digest is not None and self._content.has(digest)

    def _refuse_missing(self, shot: _Shot, indices: Iterable[int]) -> None:
        numbers = _numbers(shot, indices)
        plates = [n for n in numbers if not self._has_plate(shot, n)]
        mattes = [n for n in numbers if not self._has_matte(shot, n)]
        if plates or mattes:
            raise _frames_missing(plates, mattes)

    def _refuse_engine(self, settings: ShotSettings) -> None:
        if settings.engine == "propainter" and self._facts.engine != "propainter":
            raise WireError(
                "engine_unavailable",
                "no ProPainter weights are installed; run 'propainter-weights fetch', or choose engine auto or classical",
            )

    def _refuse_when_stopping(self) -> None:
        if self._stopping is not None:
            raise WireError("shutting_down", "the backend is stopping; start it again")

    def _with_plan(self, request: Request, shot: _Shot, quality: str, then: Callable[[_Plan], None]) -> None:
        """Go on with the plan of a shot, now or as soon as a worker has made it."""
        note = shot.note(quality)
        key = _digest({**note, "plates": len(note["plates"]), "mattes": 0, "first": 0})

        def guarded(plan: _Plan | WireError) -> None:
            try:
                if isinstance(plan, WireError):
                    raise plan
                then(plan)
            except WireError as error:
                self._router.reply_error(request, error)

        if key in self._plans:
            guarded(self._plans[key])
            return
        waiting = self._waiting_plans.setdefault(key, [])
        waiting.append(guarded)
        if len(waiting) > 1:
            return

        def came(answer: Note) -> None:
            plan: _Plan | WireError
            if "problem" in answer:
                plan = WireError("engine_unavailable", answer["problem"])
            else:
                plan = self._plans[key] = _plan_from(answer)
            for follow in self._waiting_plans.pop(key, []):
                follow(plan)

        if len(self._plans) > _PLANS_KEPT:
            self._plans.clear()
        self._ask(self._some_worker(key), {"op": "plan", **note}, came)

    # --- workers --------------------------------------------------------------------------------------------------

    def _some_worker(self, key: str) -> str:
        ready = sorted(self._ready) or sorted(self._links)
        return ready[hash(key) % len(ready)]

    def _ask(self, worker: str, note: Note, then: Callable[[Note], None]) -> None:
        question = new_id()
        self._questions[question] = (worker, then)
        self._links[worker].say({**note, "id": question})

    def _ask_or(self, note: Note, then: Callable[[Note], None]) -> None:
        """Ask a worker if one is there; go on without an answer if none is."""
        if self._ready:
            self._ask(self._some_worker(""), note, then)
        else:
            then({})

    def _tell_worker(self, worker: str, key: str, note: Note) -> None:
        """Make sure a worker knows a shot. It remembers the latest ones only; telling again is cheap."""
        told = self._told_shots[worker]
        if key not in told:
            told[key] = None
            while len(told) > SHOTS_REMEMBERED:
                told.popitem(last=False)
            self._links[worker].say({"op": "shot", "key": key, **note})
        told.move_to_end(key)

    def _hear_workers(self) -> None:
        while True:
            try:
                said = self._said.get_nowait()
            except queue.Empty:
                return
            if said.life == self._links[said.worker].life:
                self._on_said(said)

    def _on_said(self, said: FromWorker) -> None:
        note, worker = said.note, said.worker
        op = note["op"]
        if op == "ready":
            self._on_ready(worker, note)
        elif op == "died":
            self._on_died(worker)
        elif op == "answer":
            _, then = self._questions.pop(note["id"], ("", lambda _: None))
            then(note)
        elif op == "need":
            self._links[worker].say({"op": "content", "digest": note["digest"]}, self._content.get(note["digest"]))
        elif op == "progress":
            self._on_progress(worker, note)
        else:
            self._on_step_ended(worker, note, said.pixels)

    def _on_ready(self, worker: str, note: Note) -> None:
        if note.get("problem"):
            log.warning("%s", note["problem"])
        else:
            log.info("%s is ready: %s", worker, note["reason"])
        licence = "ProPainter weights: S-Lab License 1.0, non-commercial" if note["engine"] == "propainter" else ""
        self._facts = replace(
            self._facts, engine=note["engine"], device=note["device"], weights=note["weights"], licence=licence
        )
        self._router.update_facts(self._facts)
        self._ready.add(worker)
        self._carry_out(self._scheduler.handle(WorkerReady(worker)))
        waiting, self._before_ready = self._before_ready, []
        for request in waiting:
            self._on_request(request)

    def _on_died(self, worker: str) -> None:
        log.warning("%s died; it is started again", worker)
        self._ready.discard(worker)
        self._told_shots[worker].clear()
        self._busy.pop(worker, None)
        lost = [key for key, (asked, _) in self._questions.items() if asked == worker]
        answers = [self._questions.pop(key)[1] for key in lost]
        self._carry_out(self._scheduler.handle(WorkerDied(worker)))
        for then in answers:
            then({"problem": "the worker died; try again"})

    def _on_progress(self, worker: str, note: Note) -> None:
        job = self._job_at(worker)
        if job is not None:
            job.stage, job.done, job.total, job.eta = note["stage"], note["done"], note["total"], note["eta"]
            self._tell_progress(job)

    def _on_step_ended(self, worker: str, note: Note, pixels: np.ndarray | None) -> None:
        if worker not in self._busy:
            return
        work, _ = self._busy.pop(worker)
        if note["op"] == "done":
            self._outcome = (work, pixels, note)
            instructions = self._scheduler.handle(StepDone(worker, work))
        elif note["op"] == "stopped":
            instructions = self._scheduler.handle(StepStopped(worker, work))
        else:
            instructions = self._scheduler.handle(
                StepFailed(worker, work, note["code"], note["message"], note["retry"])
            )
        self._carry_out(instructions)
        self._outcome = None

    def _job_at(self, worker: str) -> _Job | None:
        busy = self._busy.get(worker)
        return self._jobs.get(busy[1]) if busy is not None else None

    # --- instructions ---------------------------------------------------------------------------------------------

    def _carry_out(self, instructions: Sequence[Instruction]) -> None:
        for instruction in instructions:
            match instruction:
                case Start():
                    self._start(instruction)
                case StopStep(worker):
                    self._links[worker].say({"op": "stop"})
                case Deliver(job_id):
                    self._deliver(self._jobs[job_id])
                case FinishJob(job_id):
                    self._finish(job_id)
                case EndJob(job_id, _, was_running):
                    self._end(job_id, was_running)
                case FailJob(job_id, _, code, message):
                    self._fail(job_id, cast(ErrorCode, code), message)
                case RestartWorker(worker):
                    self._links[worker].start()

    def _start(self, start: Start) -> None:
        job = self._jobs[start.job_id]
        self._busy[start.worker] = (start.work, job.id)
        self._tell_worker(start.worker, job.shot_key, job.shot_note)
        message = job.message
        note: Note = {
            "op": "start",
            "work": [start.work.key, start.work.frame, start.work.provisional],
            "shot": job.shot_key,
            "frame": start.work.frame,
            "provisional": start.work.provisional,
        }
        if isinstance(message, Analyse):
            last = min(start.work.frame + _ANALYSE_RUN, job.aim[-1])
            note.update(kind="analyse", pairs=list(range(start.work.frame, last)))
        else:
            note.update(kind="render", output=message.output, dtype=message.dtype, crop=message.crop, aim=job.aim)
        self._links[start.worker].say(note)
        if job.stage == "queued":
            job.stage = "loading"
            self._tell_progress(job)

    def _deliver(self, job: _Job) -> None:
        assert self._outcome is not None
        work, pixels, note = self._outcome
        job.add(note, time.monotonic() - job.started)
        if pixels is None:
            return
        self._held.append((job, work, pixels, note))
        self._held_bytes += pixels.nbytes
        self._deliver_held()

    def _deliver_held(self) -> None:
        """Hand on results to clients that have room; one that reads too slowly loses its job."""
        kept: deque[tuple[_Job, Work, np.ndarray, Note]] = deque()
        blocked: set[str] = set()
        while self._held:
            job, work, pixels, note = self._held.popleft()
            if job.id not in self._jobs:
                self._held_bytes -= pixels.nbytes
            elif job.id in blocked or not self._router.has_room(job.request):
                blocked.add(job.id)
                kept.append((job, work, pixels, note))
            else:
                self._held_bytes -= pixels.nbytes
                self._send_result(job, work, pixels, note)
        self._held = kept
        if self._held_bytes > _HELD_BYTES:
            slow = self._held[0][0]
            log.warning("%s does not read its results; its job ends", slow.request.client)
            self._carry_out(self._scheduler.handle(JobCancelled(slow.id)))

    def _send_result(self, job: _Job, work: Work, pixels: np.ndarray, note: Note) -> None:
        message = job.message
        assert isinstance(message, Render)
        region = tuple(note["region"])
        self._router.reply_result(
            job.request,
            pixels,
            job=job.id,
            frame=job.shot.opened.first + work.frame,
            quality=message.quality,
            provisional=work.provisional,
            region=region,
        )

    def _finish(self, job_id: str) -> None:
        job = self._jobs[job_id]
        if any(held is job for held, *_ in self._held):
            self._held_finish(job)
            return
        del self._jobs[job_id]
        self._router.reply(job.request, Done(job.id, job.report(self._facts.engine, self._facts.weights)))

    def _held_finish(self, job: _Job) -> None:
        """Results first, then ``done``: push out what is held, however slowly it is read."""
        for held in [item for item in self._held if item[0] is job]:
            self._held.remove(held)
            self._held_bytes -= held[2].nbytes
            self._send_result(*held)
        self._finish(job.id)

    def _end(self, job_id: str, was_running: bool) -> None:
        job = self._jobs.pop(job_id, None)
        if job is not None:
            self._router.reply(job.request, Cancelled(job.id, was_running))

    def _fail(self, job_id: str, code: ErrorCode, message: str) -> None:
        job = self._jobs.pop(job_id, None)
        if job is not None:
            self._router.reply_error(job.request, WireError(code, message), job=job.id)

    def _tell_progress(self, job: _Job) -> None:
        job.told_at = time.monotonic()
        progress = Progress(job.id, job.stage, job.done, job.total, job.eta)
        self._router.reply(job.request, progress, droppable=True)

    def _heartbeat(self) -> None:
        now = time.monotonic()
        for job in self._jobs.values():
            if now - job.told_at > _HEARTBEAT_S:
                self._tell_progress(job)


def _plan_from(answer: Note) -> _Plan:
    reach = tuple(tuple((first, last) for first, last in runs) for runs in answer["reach"])
    width, height = answer["working_size"]
    return _Plan(answer["engine"], (width, height), reach)


def _frames_showing(shot: _Shot, known: dict[int, str], number: int) -> Iterable[int]:
    if known is shot.mattes and shot.opened.still_matte:
        return range(shot.opened.first, shot.opened.last + 1)
    return (number,)


def _numbers(shot: _Shot, indices: Iterable[int]) -> list[int]:
    return sorted(shot.opened.first + index for index in indices)


def _frames_missing(plates: list[int], mattes: list[int]) -> WireError:
    def words(kind: str, frames: list[int]) -> str:
        return f"{kind} of {len(frames)} frames from {frames[0]} on" if frames else ""

    said = " and ".join(filter(None, [words("plates", plates), words("mattes", mattes)]))
    details = {"plates": [list(run) for run in runs_of(plates)], "mattes": [list(run) for run in runs_of(mattes)]}
    return WireError("frames_missing", f"{said} must be sent before this can be rendered", details)


def _shape_text(shape: Sequence[int]) -> str:
    return f"{shape[1]}x{shape[0]} with {shape[2]} channel{'s' if shape[2] > 1 else ''}"


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, separators=(",", ":"), sort_keys=True).encode()).hexdigest()


def _resident(pid: int | None) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss) if pid is not None else 0
    except psutil.Error:
        return 0
