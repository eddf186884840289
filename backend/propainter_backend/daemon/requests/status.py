"""The daemon itself by message: how it is, and that it shall stop.

Here: ``StatusHandlers``. Not here: stopping (``daemon.py``).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection

import psutil

from propainter_backend.daemon.lifetime import StopWish
from propainter_backend.daemon.requests.cache import use_of
from propainter_backend.daemon.requests.open_shots import OpenShots
from propainter_backend.daemon.requests.reception import Handlers
from propainter_backend.daemon.requests.refusing import guarded
from propainter_backend.daemon.work.job import JobRecord
from propainter_backend.daemon.work.jobs import Jobs
from propainter_backend.daemon.work.shots import ShotRecord
from propainter_backend.daemon.workers.workers import Workers
from propainter_backend.render.content import ContentStore
from propainter_backend.worker.pipe import Note
from propainter_wire.messages import JobLine, ShotLine, Status, StatusIs, Stop, Stopping
from propainter_wire.router import Request, Router

_JOBS_TOLD = 256
_SHOTS_TOLD = 64


class StatusHandlers:
    """Answers status and stop.

    kept: how much is remembered on behalf of clients, by whom. cache_limit: bytes on disk, of content and artifacts.
    """

    def __init__(
        self,
        router: Router,
        shots: OpenShots,
        jobs: Jobs,
        workers: Workers,
        content: ContentStore,
        *,
        stop_wish: StopWish,
        kept: Callable[[], dict[str, int]],
        cache_limit: int,
    ) -> None:
        self._router = router
        self._shots = shots
        self._jobs = jobs
        self._workers = workers
        self._content = content
        self._stop_wish = stop_wish
        self._kept = kept
        self._cache_limit = cache_limit
        self._started = time.monotonic()

    @property
    def handlers(self) -> Handlers:
        """By message."""
        return {Status: self._on_status, Stop: self._on_stop}

    def _on_status(self, request: Request, _: Status) -> None:
        def tell(answers: list[Note]) -> None:
            self._router.reply(request, self._status(request.session, answers))

        self._workers.ask_ready({"op": "use"}, guarded(self._router, request, tell))

    def _status(self, session: str, answers: Collection[Note]) -> StatusIs:
        facts = self._workers.facts
        problems = {self._content.problem, *(str(answer.get("disk_problem", "")) for answer in answers)}
        return StatusIs(
            server=facts.server,
            engine=facts.engine,
            device=facts.device,
            weights=facts.weights,
            pid=os.getpid(),
            uptime_s=time.monotonic() - self._started,
            sessions=self._router.session_count,
            jobs=tuple(_job_line(job, session) for job in list(self._jobs.all)[:_JOBS_TOLD]),
            memory=self._memory(use_of(answers)),
            notes=(*self._workers.notes, *(problem[:512] for problem in sorted(problems) if problem)),
            shots=tuple(_shot_line(shot, session) for shot in self._shots.latest(_SHOTS_TOLD)),
        )

    def _memory(self, use: dict[str, int]) -> dict[str, object]:
        return {
            "rss_bytes": psutil.Process().memory_info().rss,
            "worker_rss_bytes": sum(_resident(pid) for pid in self._workers.pids),
            "cache_bytes": self._content.use().disk_bytes + use["disk_bytes"],
            "cache_limit_bytes": self._cache_limit,
            "device_used_bytes": use["device_used_bytes"],
            "device_total_bytes": use["device_total_bytes"],
            "kept": self._kept(),
        }

    def _on_stop(self, request: Request, message: Stop) -> None:
        self._router.reply(request, Stopping(len(self._jobs)))
        self._jobs.stop(message.when)
        self._stop_wish.when = message.when


def _job_line(job: JobRecord, session: str) -> JobLine:
    shot = job.shot
    name = (shot.opened.name or job.request.client) if _may_know(shot, session) else ""
    return JobLine(job.id, name, job.priority, job.stage, job.done, job.total)


def _shot_line(shot: ShotRecord, session: str) -> ShotLine:
    opened = shot.opened
    name, client = (opened.name, shot.client) if _may_know(shot, session) else ("", "")
    return ShotLine(
        shot.id, name, client, opened.first, opened.last, opened.width, opened.height, opened.follow, shot.settings,
    )  # fmt: skip


def _may_know(shot: ShotRecord, session: str) -> bool:
    """Names are their client's own business, but for those that ask to be steered by whoever publishes under them."""
    return shot.session == session or shot.opened.follow


def _resident(pid: int | None) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss) if pid is not None else 0
    except psutil.Error:
        return 0
