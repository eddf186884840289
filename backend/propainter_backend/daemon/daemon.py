"""The daemon: builds its parts and turns the loop, until it is told to stop or nobody needs it any more.

Here: what a daemon is asked to be, which part gets what of the others, one turn. Not here: the parts. Who asks:
``requests``. What is to be done: ``work``. Who does it: ``workers``. Bytes and signatures: ``propainter_wire/router.py``.
Computing: ``propainter_backend/worker``, another process. One thread; workers are heard through a queue. torch is never
imported here, so that the daemon answers within a second of its start.
"""

from __future__ import annotations

import logging
import signal
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import zmq

from propainter_backend.daemon.lifetime import Lifetime, StopWish
from propainter_backend.daemon.requests.cache import CacheHandlers
from propainter_backend.daemon.requests.content import ContentHandlers
from propainter_backend.daemon.requests.jobs_allowed import JobsAllowed
from propainter_backend.daemon.requests.mattes import MatteHandlers
from propainter_backend.daemon.requests.open_shots import OpenShots
from propainter_backend.daemon.requests.plans import Plans
from propainter_backend.daemon.requests.published import PublishedSettings
from propainter_backend.daemon.requests.published_mattes import PublishedMattes
from propainter_backend.daemon.requests.publishing import PublishingHandlers
from propainter_backend.daemon.requests.reception import Reception
from propainter_backend.daemon.requests.renders import RenderHandlers
from propainter_backend.daemon.requests.shots import ShotHandlers
from propainter_backend.daemon.requests.status import StatusHandlers
from propainter_backend.daemon.work.jobs import Jobs
from propainter_backend.daemon.workers.workers import NO_WORKER, Workers
from propainter_backend.errors import BadInput
from propainter_backend.render.content import ContentStore
from propainter_backend.worker.pipe import Note
from propainter_backend.worker.worker_entry import WorkerOptions
from propainter_knobs.command_line import own_version
from propainter_os import processes
from propainter_wire.connection import DaemonPlace, new_key
from propainter_wire.errors import WireError
from propainter_wire.router import CurveKeys, Facts, Router, SessionEnded

log = logging.getLogger(__name__)

VERSION = own_version()

_TICK_S = 0.5
_HELD_TICK_S = 0.02


@dataclass(frozen=True)
class DaemonOptions:
    """How a daemon was asked to be."""

    devices: tuple[str, ...]
    cache_dir: Path
    cache_budget: int = 50 << 30
    """Bytes on disk: half for pictures as they were sent, half for what is computed of them."""
    memory_budget: int = 2 << 30
    cores: int | None = None
    """Processor cores that all workers together have; None: as many as may be used."""
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


class Daemon:
    """Serves until told to stop. ``place`` must be entered: this is the one daemon of its runtime directory."""

    def __init__(self, options: DaemonOptions, place: DaemonPlace) -> None:
        self._options = options
        self._place = place
        self._life = Lifetime(idle_timeout_s=options.idle_timeout_s, parent_pid=options.parent_pid)
        self._stop_wish = StopWish()
        self._key = options.key or new_key()
        facts = Facts(VERSION, "classical", "starting")
        self._router = Router(self._key, facts)
        self._published_mattes = PublishedMattes(options.cache_dir / "published_mattes")
        self._content = ContentStore(
            options.cache_dir / "content",
            memory_budget=options.memory_budget // 4,
            disk_budget=options.cache_budget // 2,
            beside=self._published_mattes,
        )
        self._workers = Workers(
            _workers(options),
            facts,
            content=self._content.get,
            wake=self._router.wake,
            silence_s=options.worker_silence_s,
        )
        self._jobs = Jobs(self._router, self._workers, self._content)
        self._shots = OpenShots()
        self._plans = Plans(self._router, self._shots, self._workers)
        self._publishing = PublishingHandlers(
            self._router, self._shots, self._published_mattes, self._jobs, self._content
        )
        self._reception = self._open_reception()

    def _open_reception(self) -> Reception:
        router, shots, plans, content = self._router, self._shots, self._plans, self._content
        jobs, workers, options = self._jobs, self._workers, self._options
        published = PublishedSettings(options.cache_dir / "published.json")
        allowed = JobsAllowed(jobs, self._stop_wish)
        status = StatusHandlers(
            router, shots, jobs, workers, content,
            stop_wish=self._stop_wish, kept=self._kept, cache_limit=options.cache_budget,
        )  # fmt: skip
        handlers = (
            ShotHandlers(router, shots, published, self._published_mattes, plans, jobs, workers).handlers,
            self._publishing.handlers,
            ContentHandlers(router, shots, content, jobs).handlers,
            RenderHandlers(router, shots, plans, jobs, content, allowed).handlers,
            MatteHandlers(router, shots, jobs, content, workers, allowed).handlers,
            CacheHandlers(router, shots, content, workers).handlers,
            status.handlers,
        )
        return Reception(router, workers, handlers)

    # --- the loop

    def serve(self) -> None:
        """Bind, publish the connection file, work until stopped; leaves nothing behind.

        Raises BadInput if the address cannot be bound, UnsafeConnection if it must not be.
        """
        processes.on_stop(self._on_signal)
        endpoint = self._options.endpoint or self._place.endpoint
        try:
            endpoint = self._router.bind(endpoint, curve=self._options.curve)
        except zmq.ZMQError as error:
            raise BadInput(f"cannot listen at {endpoint} ({error.strerror}); choose another --endpoint") from error
        server_key = self._options.curve.public.decode() if self._options.curve else ""
        self._place.publish(_as_seen_from_here(endpoint), self._key, server_key=server_key)
        log.info("listening on %s", endpoint)
        try:
            self._workers.start()
            while not self._is_over():
                self._turn()
        finally:
            self._workers.stop()
            self._router.close()
            log.info("stopped")

    def _turn(self) -> None:
        for event in self._router.poll(_HELD_TICK_S if self._jobs.deliveries else _TICK_S):
            if isinstance(event, SessionEnded):
                self._end_session(event)
            else:
                self._reception.take(event)
        self._workers.turn(self)
        self._publishing.turn()
        self._jobs.deliveries.release()
        self._jobs.heartbeat()

    def _is_over(self) -> bool:
        has_work = bool(self._jobs or self._jobs.deliveries)
        if self._stop_wish.is_due(has_work=has_work):
            return True
        return self._life.is_over(in_use=has_work or self._router.session_count > 0)

    def _on_signal(self, number: int, _: object) -> None:
        log.info("stopping: %s", signal.Signals(number).name)
        self._stop_wish.when = "now"
        self._router.wake()

    def _end_session(self, ended: SessionEnded) -> None:
        log.info("session %s ended: %s", ended.session[:8], ended.reason)
        self._jobs.end_session(ended.session)
        self._shots.end_session(ended.session)
        self._reception.end_session(ended.session)
        self._workers.forget_asker(ended.session)

    def _kept(self) -> dict[str, int]:
        """How much is remembered on behalf of clients; all of it falls to nothing when they are gone."""
        return {
            "shots": len(self._shots),
            "questions": self._workers.open_questions,
            "waiting_requests": len(self._reception) + self._plans.waiting,
            "held_results": len(self._jobs.deliveries),
            "held_bytes": self._jobs.deliveries.nbytes,
            "busy_workers": self._jobs.busy_workers,
        }

    # --- what workers say (``News``)

    def worker_ready(self, worker: str) -> None:
        """Clients hear what it can do, it gets work, and who has waited for it is answered."""
        self._router.update_facts(self._workers.facts)
        self._jobs.worker_ready(worker)
        self._reception.take_waiting()

    def worker_died(self, worker: str) -> None:
        """Its step goes to another. Where no worker comes up, whoever waits for one is told so."""
        self._jobs.worker_died(worker)
        if self._workers.is_hopeless and not self._workers.is_any_ready:
            log.error("%s", NO_WORKER)
            self._reception.give_up(WireError("engine_unavailable", NO_WORKER))
            self._jobs.give_up(WireError("engine_unavailable", NO_WORKER))

    def worker_progressed(self, worker: str, note: Note) -> None:
        """Its step goes on."""
        self._jobs.worker_progressed(worker, note)

    def step_ended(self, worker: str, note: Note, pixels: np.ndarray | None) -> None:
        """Its step has ended in some way."""
        self._jobs.step_ended(worker, note, pixels)


def _as_seen_from_here(endpoint: str) -> str:
    """The address for clients on this machine: "every address" is one to bind, not one to connect to."""
    return endpoint.replace("tcp://0.0.0.0:", "tcp://127.0.0.1:").replace("tcp://[::]:", "tcp://[::1]:")


def _workers(options: DaemonOptions) -> list[WorkerOptions]:
    """One for each device."""
    return [
        WorkerOptions(
            name=f"worker-{number}",
            device=device,
            cache_dir=options.cache_dir,
            cache_budget=options.cache_budget // 2,
            memory_budget=options.memory_budget // 2 // len(options.devices),
            cores=options.cores,
            workers=len(options.devices),
            weights=options.weights,
            flow_hole_snap=options.flow_hole_snap,
        )
        for number, device in enumerate(options.devices)
    ]
