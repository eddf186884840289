"""The daemon: clients' requests in, instructions to workers out, results and progress back.

Here: answering requests, jobs and who is waiting for them, carrying out what the scheduler decides, workers' deaths. Not
here: bytes and signatures (``propainter_wire/router.py``), which step comes next (``scheduler.py``, pure), what is kept
of a shot and of a job (``shots.py``, ``jobs.py``), computing (``worker.py``, another process). One thread; workers are
heard through a queue. torch is never imported here, so that the daemon answers within a second of its start.
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
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import psutil
import zmq

from propainter_backend.daemon.held import HeldReplies
from propainter_backend.daemon.lifetime import Lifetime
from propainter_backend.daemon.requests.published import PublishedSettings
from propainter_backend.daemon.work.events import (
    Deliver,
    EndJob,
    Event,
    FailJob,
    FinishJob,
    Instruction,
    Job,
    JobCancelled,
    JobStep,
    JobSubmitted,
    RestartWorker,
    SessionPaused,
    SessionResumed,
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
from propainter_backend.daemon.work.events import SessionEnded as ScheduledSessionEnded
from propainter_backend.daemon.work.events import Stop as StopStep
from propainter_backend.daemon.work.job import JobRecord
from propainter_backend.daemon.work.scheduler import Scheduler
from propainter_backend.daemon.work.shots import ReachPlan, ShotRecord
from propainter_backend.daemon.workers.link import FromWorker, WorkerLink
from propainter_backend.daemon.workers.questions import Questions
from propainter_backend.errors import BadInput
from propainter_backend.render.content import ContentStore
from propainter_backend.worker.pipe import Note
from propainter_backend.worker.worker_entry import SHOTS_REMEMBERED, WorkerOptions
from propainter_wire.connection import DaemonPlace, new_key
from propainter_wire.errors import ErrorCode, WireError
from propainter_wire.framing import new_id
from propainter_wire.messages import (
    MAX_PART_BYTES,
    NO_CLEAN_PLATE,
    OUTPUT_CHANNELS,
    Accepted,
    Analyse,
    Artifact,
    AskPublished,
    Cache,
    CacheEntry,
    CacheIs,
    CacheQuery,
    CacheState,
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
    Publish,
    Published,
    Put,
    Reach,
    ReachIs,
    Render,
    ShotClosed,
    ShotLine,
    ShotOpened,
    ShotSettings,
    StageRuns,
    Status,
    StatusIs,
    Stop,
    Stopping,
    Stored,
)
from propainter_wire.router import CurveKeys, Facts, Request, Router, SessionEnded
from propainter_wire.shot import byte_count, runs_of

log = logging.getLogger(__name__)

VERSION = version("propainter-remove")

MAX_SHOTS = 256
"""Open shots a session."""
MAX_JOBS = 256
"""Jobs of a session that have not ended."""
MAX_WAITING_REQUESTS = 1024
"""Requests that wait for a worker to be ready, of all sessions."""
HELD_BYTES = 64 << 20
"""Results kept for a client that reads slowly; beyond, nothing more is computed for it until it has read them."""

_TICK_S = 0.5
_HELD_TICK_S = 0.02
_HEARTBEAT_S = 0.9
"""A job under work is heard of at least once a second."""
_ANALYSE_RUN = 8
"""Flow pairs an analyse step estimates before the scheduler may turn to something else."""
_PLANNED_FRAMES = 200_000
"""Frames of all plans kept together."""
_STATUS_WITHIN_S = 3.0
_ANSWER_WITHIN_S = 120.0
"""A worker may have to load an engine first."""
_UNREADY_DEATHS = 3
"""Workers that end before they are ready, in a row, until clients are told that there will be none."""
_RESTART_DELAYS_S = (0.0, 0.5, 2.0, 10.0, 30.0)


@dataclass(frozen=True)
class DaemonOptions:
    """How a daemon was asked to be."""

    devices: tuple[str, ...]
    cache_dir: Path
    cache_budget: int = 50 << 30
    """Bytes on disk: half for pictures as they were sent, half for what is computed of them."""
    memory_budget: int = 2 << 30
    weights: Path | None = None
    endpoint: str | None = None
    idle_timeout_s: float | None = None
    parent_pid: int | None = None
    flow_hole_snap: int = 16
    worker_silence_s: float = 60.0
    """A worker process that does not answer this long is ended, and another started."""
    curve: CurveKeys | None = None
    key: bytes | None = None
    """The signing key; None: a new one."""


@dataclass(frozen=True)
class _Outcome:
    """What a worker made of the step it has just done."""

    work: Work
    pixels: np.ndarray | None
    note: Note


class Daemon:
    """Serves until told to stop. ``place`` must be entered: this is the one daemon of its runtime directory."""

    def __init__(self, options: DaemonOptions, place: DaemonPlace) -> None:
        self._options = options
        self._place = place
        self._started = time.monotonic()
        self._life = Lifetime(idle_timeout_s=options.idle_timeout_s, parent_pid=options.parent_pid)
        self._said: queue.SimpleQueue[FromWorker] = queue.SimpleQueue()
        self._facts = Facts(VERSION, "classical", "starting")
        self._key = options.key or new_key()
        self._router = Router(self._key, self._facts)
        self._content = ContentStore(
            options.cache_dir / "content",
            memory_budget=options.memory_budget // 4,
            disk_budget=options.cache_budget // 2,
        )
        self._published = PublishedSettings(options.cache_dir / "published.json")
        self._scheduler = Scheduler()
        self._events: deque[tuple[Event, _Outcome | None]] = deque()
        self._is_deciding = False
        self._outcome: _Outcome | None = None
        self._shots: dict[str, ShotRecord] = {}
        self._jobs: dict[str, JobRecord] = {}
        self._held = HeldReplies(self._router.has_room)
        self._paused: set[str] = set()
        self._before_ready: list[Request] = []
        self._plans: OrderedDict[str, ReachPlan] = OrderedDict()
        self._waiting_plans: dict[str, list[Callable[[ReachPlan | WireError], None]]] = {}
        self._busy: dict[str, tuple[Work, str]] = {}
        self._told_shots: dict[str, OrderedDict[str, None]] = defaultdict(OrderedDict)
        self._ready: set[str] = set()
        self._heard_at: dict[str, float] = {}
        self._pinged_at = 0.0
        self._unready_deaths = 0
        self._restart_at: dict[str, float] = {}
        self._problem = ""
        self._stopping: Literal["now", "idle"] | None = None
        self._links = {name: WorkerLink(worker, self._hear) for name, worker in _workers(options).items()}
        self._questions = Questions(lambda worker, note: self._links[worker].say(note))
        self._handlers: dict[type[Message], Callable[[Request, Any], None]] = {
            OpenShot: self._on_open_shot,
            ChangeSettings: self._on_settings,
            Publish: self._on_publish,
            AskPublished: self._on_ask_published,
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

    # --- the loop -------------------------------------------------------------------------------------------------

    def serve(self) -> None:
        """Bind, publish the connection file, work until stopped; leaves nothing behind.

        Raises BadInput if the address cannot be bound, UnsafeConnection if it must not be.
        """
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self._on_signal)
        endpoint = self._options.endpoint or self._place.endpoint
        try:
            endpoint = self._router.bind(endpoint, curve=self._options.curve)
        except zmq.ZMQError as error:
            raise BadInput(f"cannot listen at {endpoint} ({error.strerror}); choose another --endpoint") from error
        server_key = self._options.curve.public.decode() if self._options.curve else ""
        self._place.publish(_as_seen_from_here(endpoint), self._key, server_key=server_key)
        log.info("listening on %s", endpoint)
        try:
            for link in self._links.values():
                link.start()
            while not self._is_over():
                self._turn()
        finally:
            for link in self._links.values():
                link.stop()
            self._router.close()
            log.info("stopped")

    def _turn(self) -> None:
        for event in self._router.poll(_HELD_TICK_S if self._held else _TICK_S):
            if isinstance(event, SessionEnded):
                self._on_session_ended(event)
            else:
                self._on_request(event)
        self._hear_workers()
        self._questions.expire()
        self._look_after_workers()
        self._start_workers_due()
        self._release_held()
        self._heartbeat()

    def _on_signal(self, number: int, _: object) -> None:
        log.info("stopping: %s", signal.Signals(number).name)
        self._stopping = "now"
        self._router.wake()

    def _is_over(self) -> bool:
        has_work = bool(self._jobs or self._held)
        if self._stopping == "now" or (self._stopping == "idle" and not has_work):
            return True
        return self._life.is_over(in_use=has_work or self._router.session_count > 0)

    def _hear(self, said: FromWorker) -> None:
        self._said.put(said)
        self._router.wake()

    # --- requests -------------------------------------------------------------------------------------------------

    def _on_request(self, request: Request) -> None:
        needs_engine = isinstance(request.message, (OpenShot, ChangeSettings, Reach, Render, Analyse, CacheQuery))
        with self._refusing(request):
            if needs_engine and not self._ready:
                self._wait_until_ready(request)
            else:
                self._handlers[type(request.message)](request, request.message)

    @contextmanager
    def _refusing(self, request: Request) -> Iterator[None]:
        """Within it, an error answers the request. Every request and every continuation of one runs in it."""
        try:
            yield
        except WireError as error:
            self._router.reply_error(request, error)
        except Exception:
            log.exception("a request of %s failed", request.client)
            sentence = "the backend made a mistake; its log has the rest"
            self._router.reply_error(request, WireError("internal", sentence))

    def _wait_until_ready(self, request: Request) -> None:
        if self._unready_deaths >= _UNREADY_DEATHS:
            raise WireError("engine_unavailable", _NO_WORKER)
        if len(self._before_ready) >= MAX_WAITING_REQUESTS:
            raise WireError("busy", "too many requests wait for the worker process to be ready; ask again in a moment")
        self._before_ready.append(request)

    def _on_open_shot(self, request: Request, message: OpenShot) -> None:
        shot = ShotRecord(new_id(), request.session, request.client, message, ShotSettings().changed(message.settings))
        if message.follow:
            shot.published = self._published.get(message.name)
        self._refuse_engine(shot.settings)
        size = (message.height, message.width, message.channels)
        if byte_count(message.dtype, size) > MAX_PART_BYTES:
            raise WireError("bad_message", f"a plate of {_shape_text(size)} {message.dtype} is over 1 GiB; "
                            "send it as half floats, or smaller", {"field": "width"})  # fmt: skip
        if sum(shot.session == request.session for shot in self._shots.values()) >= MAX_SHOTS:
            raise WireError("busy", f"this session has {MAX_SHOTS} shots open; close one of them")
        self._shots[shot.id] = shot
        self._tell_shot(request, shot)

    def _on_settings(self, request: Request, message: ChangeSettings) -> None:
        shot = self._shot_of(request, message.shot)
        edited = replace(shot, own_settings=shot.own_settings.changed(message.settings))
        self._refuse_engine(edited.settings)
        self._resettle(shot, edited)
        self._tell_shot(request, shot)

    def _resettle(self, shot: ShotRecord, edited: ShotRecord) -> None:
        """Take over another record's settings; where they differ in force, what was being made is stale."""
        is_another = edited.settings != shot.settings
        if is_another:
            shot.before_edit()
        shot.own_settings, shot.published = edited.own_settings, edited.published
        if is_another:
            self._tell(ShotChanged(shot.id, None))

    def _on_publish(self, request: Request, message: Publish) -> None:
        if message.settings is not None:
            self._refuse_engine(ShotSettings().changed(message.settings))
        self._published.put(message.name, message.settings)
        for shot in self._followers(message.name):
            self._resettle(shot, replace(shot, published=message.settings))
        self._tell_published(request, message.name)

    def _on_ask_published(self, request: Request, message: AskPublished) -> None:
        self._tell_published(request, message.name)

    def _tell_published(self, request: Request, name: str) -> None:
        followers = len(self._followers(name))
        self._router.reply(request, Published(name, self._published.get(name), followers))

    def _followers(self, name: str) -> list[ShotRecord]:
        return [shot for shot in self._shots.values() if shot.opened.follow and shot.opened.name == name]

    def _tell_shot(self, request: Request, shot: ShotRecord) -> None:
        settings = shot.settings

        def tell(plan: ReachPlan) -> None:
            self._router.reply(request, ShotOpened(shot.id, settings, plan.engine, plan.working_size))

        self._with_plan(request, shot, "normal", tell)

    def _on_close_shot(self, request: Request, message: CloseShot) -> None:
        shot = self._shots.get(message.shot)
        if shot is not None and shot.session == request.session:
            self._tell(ShotChanged(shot.id, None))
            del self._shots[shot.id]
        self._router.reply(request, ShotClosed(message.shot))

    def _on_have(self, request: Request, message: Have) -> None:
        shot = self._shot_of(request, message.shot)
        self._indices(shot, [told.frame for told in message.frames])
        self._take_in_edit(shot, message)
        plates = [told.frame for told in message.frames if told.plate and not self._content.has(told.plate)]
        mattes = [told.frame for told in message.frames if told.matte and not self._content.has(told.matte)]
        cleans = [frame for frame, digest in _cleans_of(message).items() if digest and not self._content.has(digest)]
        self._router.reply(request, Need(tuple(plates), tuple(mattes), tuple(cleans)))

    def _take_in_edit(self, shot: ShotRecord, message: Have) -> None:
        """Note which content frames have now; what was being made of other content is stale."""
        plates = {told.frame: told.plate for told in message.frames if told.plate}
        mattes = {told.frame: told.matte for told in message.frames if told.matte}
        changed_plates = {frame for frame, digest in plates.items() if shot.plates.get(frame, digest) != digest}
        changed_mattes = {frame for frame, digest in mattes.items() if (shot.matte_of(frame) or digest) != digest}
        if shot.opened.still_matte and changed_mattes:
            changed_mattes = set(shot.numbers)
        cleans = _cleans_of(message)
        changed_mattes |= {frame for frame, digest in cleans.items() if shot.cleans.get(frame) != digest}
        if changed_plates or changed_mattes:
            shot.before_edit()
        shot.plates.update(plates)
        if shot.opened.still_matte and mattes:
            mattes = {shot.opened.first: list(mattes.values())[-1]}
        shot.mattes.update(mattes)
        for frame, clean in cleans.items():
            if clean is None:
                shot.cleans.pop(frame, None)
            else:
                shot.cleans[frame] = clean
        if changed_plates or changed_mattes:
            frames = frozenset(changed_plates | changed_mattes)
            self._tell(ShotChanged(shot.id, frames, mattes_only=not changed_plates))

    def _on_put(self, request: Request, message: Put) -> None:
        shot = self._shot_of(request, message.shot)
        opened, pixels = shot.opened, request.pixels
        assert pixels is not None
        channels = {"plate": opened.channels, "matte": 1, "clean": max(3, pixels.shape[2])}[message.kind]
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

        def tell(plan: ReachPlan) -> None:
            frames = plan.seen_by(indices, first=shot.opened.first)
            mattes = {shot.opened.first} if shot.opened.still_matte and frames else frames
            self._router.reply(request, ReachIs(runs_of(frames), runs_of(mattes)))

        self._with_plan(request, shot, message.quality, tell)

    def _on_render(self, request: Request, message: Render) -> None:
        shot = self._shot_of(request, message.shot)
        indices = self._indices(shot, message.frames)
        self._refuse_new_job(request)
        _refuse_oversized(shot.opened, message)
        settings = shot.settings

        def begin(plan: ReachPlan) -> None:
            if shot.settings != settings:  # the plan came after newer settings: stale before it began
                self._accept_stale(request)
                return
            first = shot.opened.first
            seen = plan.seen_by(indices, first=first)
            self._refuse_missing(shot, seen)
            note = shot.note(message.quality, seen, seen)
            shot_key = _digest(note)
            key = _digest([shot_key, message.output, message.dtype, message.crop])
            order = tuple(sorted(set(indices))) if message.priority == "final" else order_outward(indices, indices[0])
            reaches = plan.reach_of(order, first=first)
            steps = [
                JobStep(Work(key, first + i, provisional=False), reach) for i, reach in zip(order, reaches, strict=True)
            ]
            if message.provisional:
                steps.insert(0, replace(steps[0], work=replace(steps[0].work, provisional=True)))
            job = JobRecord(new_id(), request, shot, shot_key, note, message, list(order), settings)
            self._submit(job, steps)

        self._with_plan(request, shot, message.quality, begin)

    def _on_analyse(self, request: Request, message: Analyse) -> None:
        shot = self._shot_of(request, message.shot)
        numbers = range(message.first, message.last + 1)
        aim = self._indices(shot, numbers)
        self._refuse_new_job(request)
        if missing := [n for n in numbers if not self._has(shot.plate_of(n))]:
            raise _frames_missing(missing, [], [])
        note = shot.note(message.quality, numbers)
        shot_key = _digest(note)
        key = _digest([shot_key, "analyse"])
        steps = [
            JobStep(Work(key, n, provisional=False), range(n, min(n + _ANALYSE_RUN, message.last) + 1))
            for n in numbers[:-1:_ANALYSE_RUN]
        ]
        self._submit(JobRecord(new_id(), request, shot, shot_key, note, message, aim, shot.settings), steps)

    def _submit(self, job: JobRecord, steps: list[JobStep]) -> None:
        self._jobs[job.id] = job
        self._router.reply(job.request, Accepted(job.id))
        kind: Literal["render", "analyse"] = "render" if isinstance(job.message, Render) else "analyse"
        self._tell(JobSubmitted(Job(job.id, job.request.session, job.shot.id, kind, job.priority, tuple(steps))))

    def _accept_stale(self, request: Request) -> None:
        job = new_id()
        self._router.reply(request, Accepted(job))
        self._router.reply(request, Cancelled(job, was_running=False))

    def _on_cancel(self, request: Request, message: Cancel) -> None:
        job = self._jobs.get(message.job)
        mine = job is not None and job.request.session == request.session
        self._router.reply(request, Cancelled(message.job, mine))
        if mine:
            self._tell(JobCancelled(message.job))

    def _on_cache_query(self, request: Request, message: CacheQuery) -> None:
        shot = self._shot_of(request, message.shot)
        earlier = shot.earlier

        def tell(now: dict[Artifact, list[bool]], before: dict[Artifact, list[bool]]) -> None:
            shot.has_artifacts |= any(any(now[stage]) for stage in now if stage not in ("plate", "matte"))
            stages = tuple(
                StageRuns(stage, _state_runs(shot.opened.first, here, before.get(stage))) for stage, here in now.items()
            )
            self._router.reply(request, CacheStateIs(shot.id, stages))

        def ask_before(now: dict[Artifact, list[bool]]) -> None:
            if earlier is None:
                tell(now, {})
            else:
                self._with_cached(request, earlier, message.quality, lambda before: tell(now, before))

        self._with_cached(request, shot, message.quality, ask_before)

    def _with_cached(
        self, request: Request, shot: ShotRecord, quality: str, then: Callable[[dict[Artifact, list[bool]]], None]
    ) -> None:
        """Go on with what is stored of each frame of a shot, artifact by artifact."""
        has_plate = [self._has(shot.plate_of(n)) for n in shot.numbers]
        has_matte = [self._has(shot.matte_of(n)) for n in shot.numbers]
        plates = {n for n, has in zip(shot.numbers, has_plate, strict=True) if has}
        mattes = {n for n, has in zip(shot.numbers, has_matte, strict=True) if has}

        def came(answer: Note) -> None:
            with self._refusing(request):
                then({"plate": has_plate, "matte": has_matte, **_answer_or_raise(answer)["stages"]})

        note = shot.note(quality, plates, mattes)
        worker = self._some_worker(_digest(note))
        self._questions.ask(worker, {"op": "cache_state", "shot": note}, came, within_s=_ANSWER_WITHIN_S)

    def _on_cache(self, request: Request, message: Cache) -> None:
        freed = 0
        if message.action == "clear" and message.what in ("all", "content"):
            freed += self._content.clear()
        if message.action == "clear" and message.what != "content":
            self._ask_ready(
                request,
                {"op": "clear"},
                lambda answers: self._tell_cache(request, freed + sum(answer.get("freed", 0) for answer in answers)),
            )
        else:
            self._tell_cache(request, freed)

    def _tell_cache(self, request: Request, freed: int) -> None:
        def tell(answers: list[Note]) -> None:
            content, artifacts = self._content.use(), _use_of(answers)
            entries = (
                CacheEntry("content", content.disk_entries, content.disk_bytes),
                CacheEntry("artifacts", artifacts["disk_entries"], artifacts["disk_bytes"]),
            )
            self._router.reply(request, CacheIs(entries, freed))

        self._ask_ready(request, {"op": "use"}, tell)

    def _on_status(self, request: Request, _: Status) -> None:
        def tell(answers: list[Note]) -> None:
            use = _use_of(answers)
            memory = {
                "rss_bytes": psutil.Process().memory_info().rss,
                "worker_rss_bytes": sum(_resident(link.pid) for link in self._links.values()),
                "cache_bytes": self._content.use().disk_bytes + use["disk_bytes"],
                "cache_limit_bytes": self._options.cache_budget,
                "device_used_bytes": use["device_used_bytes"],
                "device_total_bytes": use["device_total_bytes"],
                "kept": self._kept(),
            }
            reply = StatusIs(
                server=VERSION,
                engine=self._facts.engine,
                device=self._facts.device,
                weights=self._facts.weights,
                pid=os.getpid(),
                uptime_s=time.monotonic() - self._started,
                sessions=self._router.session_count,
                jobs=tuple(_job_line(job) for job in list(self._jobs.values())[:256]),
                memory=memory,
                notes=self._notes(),
                shots=tuple(_shot_line(shot) for shot in reversed(list(self._shots.values())[-64:])),
            )
            self._router.reply(request, reply)

        self._ask_ready(request, {"op": "use"}, tell)

    def _kept(self) -> dict[str, int]:
        """How much is remembered on behalf of clients; all of it falls to nothing when they are gone."""
        return {
            "shots": len(self._shots),
            "questions": len(self._questions),
            "waiting_requests": len(self._before_ready) + sum(map(len, self._waiting_plans.values())),
            "held_results": len(self._held),
            "held_bytes": self._held.nbytes(),
            "busy_workers": len(self._busy),
        }

    def _notes(self) -> tuple[str, ...]:
        if self._ready:
            return (self._problem[:512],) if self._problem else ()
        return (_NO_WORKER if self._unready_deaths >= _UNREADY_DEATHS else "the worker process is starting",)

    def _on_stop(self, request: Request, message: Stop) -> None:
        self._router.reply(request, Stopping(len(self._jobs)))
        self._tell(StopRequested(message.when))
        self._stopping = message.when

    def _on_session_ended(self, ended: SessionEnded) -> None:
        log.info("session %s ended: %s", ended.session[:8], ended.reason)
        self._tell(ScheduledSessionEnded(ended.session))
        self._shots = {key: shot for key, shot in self._shots.items() if shot.session != ended.session}
        self._before_ready = [request for request in self._before_ready if request.session != ended.session]
        self._held.forget(ended.session)
        self._paused.discard(ended.session)

    # --- what requests need ---------------------------------------------------------------------------------------

    def _shot_of(self, request: Request, shot: str) -> ShotRecord:
        found = self._shots.get(shot)
        if found is None or found.session != request.session:
            raise WireError("unknown_shot", "this session has no such shot; open it again")
        return found

    def _indices(self, shot: ShotRecord, frames: Sequence[int]) -> list[int]:
        for frame in frames:
            if frame not in shot.numbers:
                raise WireError(
                    "bad_message",
                    f"frame {frame} lies outside the shot ({shot.opened.first}-{shot.opened.last})",
                    {"field": "frames"},
                )
        return [frame - shot.opened.first for frame in frames]

    def _has(self, digest: str | None) -> bool:
        return digest is not None and self._content.has(digest)

    def _refuse_missing(self, shot: ShotRecord, frames: Iterable[int]) -> None:
        numbers = sorted(frames)
        plates = [n for n in numbers if not self._has(shot.plate_of(n))]
        mattes = [n for n in numbers if not self._has(shot.matte_of(n))]
        cleans = [n for n in numbers if n in shot.cleans and not self._has(shot.cleans[n])]
        if plates or mattes or cleans:
            raise _frames_missing(plates, [shot.opened.first] if shot.opened.still_matte and mattes else mattes, cleans)

    def _refuse_engine(self, settings: ShotSettings) -> None:
        if settings.engine == "propainter" and self._facts.engine != "propainter":
            raise WireError(
                "engine_unavailable",
                "no ProPainter weights are installed; run 'propainter-weights fetch', or choose engine auto or classical",
            )

    def _refuse_new_job(self, request: Request) -> None:
        if self._stopping is not None:
            raise WireError("shutting_down", "the backend is stopping; start it again")
        if sum(job.request.session == request.session for job in self._jobs.values()) >= MAX_JOBS:
            raise WireError("busy", f"{MAX_JOBS} jobs of this session have not ended; wait for one, or cancel it")

    def _with_plan(self, request: Request, shot: ShotRecord, quality: str, then: Callable[[ReachPlan], None]) -> None:
        """Go on with the plan of a shot, now or as soon as a worker has made it."""
        note = shot.note(quality)
        key = _digest({**note, "plates": shot.numbers.stop - shot.numbers.start, "mattes": 0, "cleans": 0, "first": 0})

        def go_on(plan: ReachPlan | WireError) -> None:
            with self._refusing(request):
                if isinstance(plan, WireError):
                    raise plan
                self._shot_of(request, shot.id)  # meanwhile it may have been closed, or its session have ended
                then(plan)

        if key in self._plans:
            self._plans.move_to_end(key)
            go_on(self._plans[key])
            return
        waiting = self._waiting_plans.setdefault(key, [])
        waiting.append(go_on)
        if len(waiting) > 1:
            return

        def came(answer: Note) -> None:
            plan: ReachPlan | WireError
            try:
                plan = ReachPlan.from_note(_answer_or_raise(answer))
                self._keep_plan(key, plan)
            except WireError as error:
                plan = error
            for follow in self._waiting_plans.pop(key, []):
                follow(plan)

        self._questions.ask(self._some_worker(key), {"op": "plan", "shot": note}, came, within_s=_ANSWER_WITHIN_S)

    def _keep_plan(self, key: str, plan: ReachPlan) -> None:
        self._plans[key] = plan
        while len(self._plans) > 1 and sum(len(kept.reach) for kept in self._plans.values()) > _PLANNED_FRAMES:
            self._plans.popitem(last=False)

    # --- workers --------------------------------------------------------------------------------------------------

    def _some_worker(self, key: str) -> str:
        """One that is ready, the same for the same key; empty: none is."""
        workers = sorted(self._ready)
        return workers[int(key[:8], 16) % len(workers)] if workers else ""

    def _ask_ready(self, request: Request, note: Note, then: Callable[[list[Note]], None]) -> None:
        """Ask every worker that is ready; go on with all their answers, without those that do not come soon."""
        answers: list[Note] = []
        asked = sorted(self._ready)

        def came(answer: Note) -> None:
            answers.append(answer)
            if len(answers) >= len(asked):
                with self._refusing(request):
                    then(answers)

        for worker in asked:
            self._questions.ask(worker, note, came, within_s=_STATUS_WITHIN_S)
        if not asked:
            came({})

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
        self._heard_at[worker] = time.monotonic()
        op = note["op"]
        if op == "pong":
            return
        if op == "ready":
            self._on_ready(worker, note)
        elif op == "died":
            self._on_died(worker)
        elif op == "answer":
            self._questions.answered(note)
        elif op == "need":
            self._links[worker].say({"op": "content", "ticket": note["ticket"]}, self._content.get(note["digest"]))
        elif op == "progress":
            self._on_progress(worker, note)
        else:
            self._on_step_ended(worker, note, said.pixels)

    def _on_ready(self, worker: str, note: Note) -> None:
        self._problem = note.get("problem", "")
        if self._problem:
            log.warning("%s", self._problem)
        else:
            log.info("%s is ready: %s", worker, note["reason"])
        licence = "ProPainter weights: S-Lab License 1.0, non-commercial" if note["engine"] == "propainter" else ""
        self._facts = replace(
            self._facts, engine=note["engine"], device=note["device"], weights=note["weights"], licence=licence
        )
        self._router.update_facts(self._facts)
        self._ready.add(worker)
        self._unready_deaths = 0
        self._questions.worker_ready(worker)
        self._tell(WorkerReady(worker))
        waiting, self._before_ready = self._before_ready, []
        for request in waiting:
            self._on_request(request)

    def _on_died(self, worker: str) -> None:
        log.warning("%s ended; it is started again", worker)
        if worker not in self._ready:
            self._unready_deaths += 1
        self._ready.discard(worker)
        self._told_shots.pop(worker, None)
        work, _ = self._busy.pop(worker, (None, ""))
        for job_id, _ in self._scheduler.wanted_by(work) if work is not None else ():
            self._jobs[job_id].stage = "loading"
        self._questions.worker_died(worker)
        self._tell(WorkerDied(worker))
        if self._unready_deaths >= _UNREADY_DEATHS and not self._ready:
            self._give_up_waiting()

    def _give_up_waiting(self) -> None:
        """No worker comes up: whoever waits for one is told so. It is tried again all the same."""
        log.error("%s", _NO_WORKER)
        waiting, self._before_ready = self._before_ready, []
        for request in waiting:
            self._router.reply_error(request, WireError("engine_unavailable", _NO_WORKER))
        for job in list(self._jobs.values()):
            self._break_off(job, WireError("engine_unavailable", _NO_WORKER))

    def _look_after_workers(self) -> None:
        """Ping each worker now and then; end one that is silent: stopped, or stuck in its driver."""
        now = time.monotonic()
        if now - self._pinged_at < self._options.worker_silence_s / 6:
            return
        self._pinged_at = now
        for worker in sorted(self._ready):
            if now - self._heard_at[worker] > self._options.worker_silence_s:
                log.error("%s has not answered for %.0f s; it is ended", worker, now - self._heard_at[worker])
                self._heard_at[worker] = now
                self._links[worker].kill()
            else:
                self._links[worker].say({"op": "ping"})

    def _start_workers_due(self) -> None:
        now = time.monotonic()
        for worker in [worker for worker, due in self._restart_at.items() if due <= now]:
            del self._restart_at[worker]
            self._links[worker].start()

    def _on_progress(self, worker: str, note: Note) -> None:
        work, _ = self._busy.get(worker, (None, ""))
        if work is None or note["work"] != _work_note(work):
            return
        for job_id, _ in self._scheduler.wanted_by(work):
            job = self._jobs[job_id]
            job.progress(note)
            self._tell_progress(job)

    def _on_step_ended(self, worker: str, note: Note, pixels: np.ndarray | None) -> None:
        work, _ = self._busy.pop(worker, (None, ""))
        if work is None:
            return
        if note["op"] == "done":
            self._tell(StepDone(worker, work), _Outcome(work, pixels, note))
        elif note["op"] == "stopped":
            self._tell(StepStopped(worker, work))
        else:
            self._tell(StepFailed(worker, work, note["code"], note["message"], note["retry"]))

    # --- deciding, and carrying it out ----------------------------------------------------------------------------

    def _tell(self, event: Event, outcome: _Outcome | None = None) -> None:
        """Tell the scheduler, and do what it answers before it is told anything else."""
        self._events.append((event, outcome))
        if self._is_deciding:
            return
        self._is_deciding = True
        try:
            while self._events:
                event, self._outcome = self._events.popleft()
                for instruction in self._scheduler.handle(event):
                    self._carry_out(instruction)
        finally:
            self._is_deciding = False
            self._outcome = None

    def _carry_out(self, instruction: Instruction) -> None:
        match instruction:
            case Start():
                self._start(instruction)
            case StopStep(worker):
                self._links[worker].say({"op": "stop"})
            case Deliver(job_id):
                self._deliver(job_id)
            case FinishJob(job_id):
                self._finish(job_id)
            case EndJob(job_id, _, was_running):
                self._end(job_id, was_running)
            case FailJob(job_id, _, code, message):
                self._fail(job_id, cast(ErrorCode, code), message)
            case RestartWorker(worker):
                delay = _RESTART_DELAYS_S[min(self._unready_deaths, len(_RESTART_DELAYS_S) - 1)]
                self._restart_at[worker] = time.monotonic() + delay

    def _start(self, start: Start) -> None:
        job = self._jobs[start.job_id]
        first, message = job.shot.opened.first, job.message
        self._busy[start.worker] = (start.work, job.id)
        self._tell_worker(start.worker, job.shot_key, job.shot_note)
        index = start.work.frame - first
        note: Note = {
            "op": "start",
            "work": _work_note(start.work),
            "shot": job.shot_key,
            "frame": index,
            "provisional": start.work.provisional,
        }
        if isinstance(message, Analyse):
            last = min(index + _ANALYSE_RUN, job.aim[-1])
            note.update(kind="analyse", pairs=list(range(index, last)))
        else:
            note.update(kind="render", output=message.output, dtype=message.dtype, crop=message.crop, aim=job.aim)
        self._links[start.worker].say(note)
        if job.stage == "queued":
            job.stage = "loading"
            self._tell_progress(job)

    def _deliver(self, job_id: str) -> None:
        assert self._outcome is not None
        outcome, job = self._outcome, self._jobs[job_id]
        job.add(outcome.note)
        job.shot.has_artifacts = True
        if outcome.pixels is not None:
            self._post(job, outcome.pixels.nbytes, lambda: self._send_result(job, outcome))

    def _send_result(self, job: JobRecord, outcome: _Outcome) -> None:
        assert isinstance(job.message, Render) and outcome.pixels is not None
        self._router.reply_result(
            job.request,
            outcome.pixels,
            job=job.id,
            frame=outcome.work.frame,
            quality=job.message.quality,
            provisional=outcome.work.provisional,
            region=tuple(outcome.note["region"]),
        )

    def _finish(self, job_id: str) -> None:
        job = self._jobs.pop(job_id)
        if job.is_broken_off:
            return
        engine = self._facts.engine if job.settings.engine == "auto" else job.settings.engine
        weights = self._facts.weights if engine == self._facts.engine else "none"
        done = Done(job.id, job.report(engine, weights))
        self._post(job, 0, lambda: self._router.reply(job.request, done))

    def _end(self, job_id: str, was_running: bool) -> None:
        job = self._jobs.pop(job_id)
        if not job.is_broken_off:
            self._held.drop(job.request)
            self._router.reply(job.request, Cancelled(job.id, was_running))

    def _fail(self, job_id: str, code: ErrorCode, message: str) -> None:
        job = self._jobs.pop(job_id)
        if not job.is_broken_off:
            self._held.drop(job.request)
            error = WireError(code, message[:1024], self._missing_of(job) if code == "frames_missing" else {})
            self._router.reply_error(job.request, error, job=job.id)

    def _break_off(self, job: JobRecord, error: WireError) -> None:
        """End a job for a reason of the daemon's own; the scheduler, which may be amid telling of it, hears it next."""
        job.is_broken_off = True
        self._held.drop(job.request)
        self._router.reply_error(job.request, error, job=job.id)
        self._tell(JobCancelled(job.id))

    def _missing_of(self, job: JobRecord) -> dict[str, object]:
        """Of which frames a job's content has been evicted, as ``frames_missing`` tells it."""
        shot = job.shot
        plates, mattes, cleans = (
            [n for n, digest in zip(shot.numbers, job.shot_note[kind], strict=True) if digest and not self._has(digest)]
            for kind in ("plates", "mattes", "cleans")
        )
        return _missing_details(plates, mattes[:1] if shot.opened.still_matte else mattes, cleans)

    # --- replies that wait for room -------------------------------------------------------------------------------

    def _post(self, job: JobRecord, nbytes: int, send: Callable[[], object]) -> None:
        """Send a reply of a job behind those that wait; a client with too many waiting gets no more work done."""
        if job.is_broken_off:
            return
        waiting = self._held.post(job.request, nbytes, lambda: self._send(job, send))
        session = job.request.session
        if waiting > HELD_BYTES and session not in self._paused:
            self._paused.add(session)
            self._tell(SessionPaused(session))

    def _send(self, job: JobRecord, send: Callable[[], object]) -> None:
        try:
            send()
        except WireError as error:
            log.exception("a result of job %s cannot be sent", job.id[:8])
            self._break_off(job, error)

    def _release_held(self) -> None:
        for session in self._held.release():
            if session in self._paused:
                self._paused.discard(session)
                self._tell(SessionResumed(session))

    def _tell_progress(self, job: JobRecord) -> None:
        job.told_at = time.monotonic()
        progress = Progress(job.id, job.stage, job.done, job.total, job.eta)
        self._router.reply(job.request, progress, droppable=True)

    def _heartbeat(self) -> None:
        now = time.monotonic()
        for job in self._jobs.values():
            if now - job.told_at > _HEARTBEAT_S:
                self._tell_progress(job)


_NO_WORKER = "the worker process ends as soon as it starts; run 'propainter-backend doctor', or see the backend's log"


def _as_seen_from_here(endpoint: str) -> str:
    """The address for clients on this machine: "every address" is one to bind, not one to connect to."""
    return endpoint.replace("tcp://0.0.0.0:", "tcp://127.0.0.1:").replace("tcp://[::]:", "tcp://[::1]:")


def _workers(options: DaemonOptions) -> dict[str, WorkerOptions]:
    return {
        f"worker-{number}": WorkerOptions(
            name=f"worker-{number}",
            device=device,
            cache_dir=options.cache_dir,
            cache_budget=options.cache_budget // 2,
            memory_budget=options.memory_budget // 2 // len(options.devices),
            weights=options.weights,
            flow_hole_snap=options.flow_hole_snap,
        )
        for number, device in enumerate(options.devices)
    }


def _answer_or_raise(answer: Note) -> Note:
    if "problem" in answer:
        raise WireError(cast(ErrorCode, answer["code"]), str(answer["problem"])[:1024])
    return answer


def _use_of(answers: Iterable[Note]) -> dict[str, int]:
    """What workers say they use: the largest, for they share one cache and each looks at its own device."""
    names = ("disk_bytes", "disk_entries", "device_used_bytes", "device_total_bytes")
    return {name: max((answer.get(name, 0) for answer in answers), default=0) for name in names}


def _work_note(work: Work) -> list[object]:
    return [work.key, work.frame, work.provisional]


def _job_line(job: JobRecord) -> JobLine:
    name = job.shot.opened.name or job.request.client
    return JobLine(job.id, name, job.priority, job.stage, job.done, job.total)


def _shot_line(shot: ShotRecord) -> ShotLine:
    opened = shot.opened
    return ShotLine(
        shot.id, opened.name, shot.client, opened.first, opened.last, opened.width, opened.height, opened.follow,
        shot.settings,
    )  # fmt: skip


def _state_runs(first: int, now: list[bool], before: list[bool] | None) -> tuple[tuple[int, int, CacheState], ...]:
    """Runs of frames that are in one state: stored, stored of what the frame was before, or not."""
    runs: list[tuple[int, int, CacheState]] = []
    for offset, here in enumerate(now):
        was = before is not None and before[offset]
        state: CacheState = "cached" if here else "stale" if was else "missing"
        if runs and runs[-1][2] == state:
            runs[-1] = (runs[-1][0], first + offset, state)
        else:
            runs.append((first + offset, first + offset, state))
    return tuple(runs[:4096])


def _refuse_oversized(opened: OpenShot, message: Render) -> None:
    channels = OUTPUT_CHANNELS.get(message.output, opened.channels)
    dtype = message.dtype or (opened.dtype if message.output == "result" else "float32")
    if byte_count(dtype, (opened.height, opened.width, channels)) > MAX_PART_BYTES:
        raise WireError(
            "bad_message",
            f"output {message.output} of {opened.width}x{opened.height} {dtype} is over 1 GiB a frame; "
            "ask for a smaller dtype",
            {"field": "dtype"},
        )


def _missing_details(plates: Iterable[int], mattes: Iterable[int], cleans: Iterable[int]) -> dict[str, object]:
    missing = {"plates": plates, "mattes": mattes, "cleans": cleans}
    return {kind: [list(run) for run in runs_of(frames)] for kind, frames in missing.items()}


def _frames_missing(plates: list[int], mattes: list[int], cleans: list[int]) -> WireError:
    kinds = {"plates": plates, "mattes": mattes, "clean plates": cleans}
    said = " and ".join(
        f"{kind} of {len(frames)} frames from {frames[0]} on" for kind, frames in kinds.items() if frames
    )
    details = _missing_details(plates, mattes, cleans)
    return WireError("frames_missing", f"{said} must be sent before this can be rendered", details)


def _cleans_of(message: Have) -> dict[int, str | None]:
    """What a message says of clean plates: a digest, or None for a frame that has none any more."""
    told = {told.frame: told.clean for told in message.frames if told.clean}
    return {frame: None if clean == NO_CLEAN_PLATE else clean for frame, clean in told.items()}


def _shape_text(shape: Sequence[int]) -> str:
    return f"{shape[1]}x{shape[0]} with {shape[2]} channel{'s' if shape[2] > 1 else ''}"


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, separators=(",", ":"), sort_keys=True).encode()).hexdigest()


def _resident(pid: int | None) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss) if pid is not None else 0
    except psutil.Error:
        return 0
