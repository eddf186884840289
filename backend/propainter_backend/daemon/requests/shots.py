"""Shots by message: opened, closed, given settings, by their own client or by whoever publishes under their name.

Here: ``ShotHandlers``. Not here: which are open (``open_shots.py``), what is published (``published.py``), their content
(``content.py``).
"""

from __future__ import annotations

from dataclasses import replace

from propainter_backend.daemon.requests.open_shots import OpenShots
from propainter_backend.daemon.requests.plans import Plans
from propainter_backend.daemon.requests.published import PublishedSettings
from propainter_backend.daemon.requests.published_mattes import PublishedMattes
from propainter_backend.daemon.requests.reception import Handlers
from propainter_backend.daemon.requests.sizes import refuse_oversized_plate
from propainter_backend.daemon.work.events import ShotChanged
from propainter_backend.daemon.work.jobs import Jobs
from propainter_backend.daemon.work.shots import ReachPlan, ShotRecord
from propainter_backend.daemon.workers.workers import Workers
from propainter_wire.errors import WireError
from propainter_wire.framing import new_id
from propainter_wire.messages import (
    AskPublished,
    ChangeSettings,
    CloseShot,
    OpenShot,
    Publish,
    Published,
    ShotClosed,
    ShotOpened,
    ShotSettings,
)
from propainter_wire.router import Request, Router


class ShotHandlers:
    """Answers open_shot, settings, publish, ask_published and close_shot."""

    def __init__(
        self,
        router: Router,
        shots: OpenShots,
        published: PublishedSettings,
        published_mattes: PublishedMattes,
        plans: Plans,
        jobs: Jobs,
        workers: Workers,
    ) -> None:
        self._router = router
        self._shots = shots
        self._published = published
        self._published_mattes = published_mattes
        self._plans = plans
        self._jobs = jobs
        self._workers = workers

    @property
    def handlers(self) -> Handlers:
        """By message."""
        return {
            OpenShot: self._on_open,
            ChangeSettings: self._on_settings,
            Publish: self._on_publish,
            AskPublished: self._on_ask_published,
            CloseShot: self._on_close,
        }

    def _on_open(self, request: Request, message: OpenShot) -> None:
        own = ShotSettings().changed(message.settings)
        shot = ShotRecord(new_id(), request.session, request.client, message, own)
        if message.follow:
            shot.published = self._published.get(message.name)
        if message.panel_mattes:
            shot.panel_mattes = self._published_mattes.of(message.name)
        self._refuse_engine(shot.settings)
        refuse_oversized_plate(message)
        self._shots.add(shot)
        self._tell_shot(request, shot)

    def _on_settings(self, request: Request, message: ChangeSettings) -> None:
        shot = self._shots.of(request, message.shot)
        edited = replace(shot, own_settings=shot.own_settings.changed(message.settings))
        self._refuse_engine(edited.settings)
        self._resettle(shot, edited)
        self._tell_shot(request, shot)

    def _on_publish(self, request: Request, message: Publish) -> None:
        if message.settings is not None:
            self._refuse_engine(ShotSettings().changed(message.settings))
        self._published.put(message.name, message.settings)
        for shot in self._shots.followers(message.name):
            self._resettle(shot, replace(shot, published=message.settings))
        self._tell_published(request, message.name)

    def _on_ask_published(self, request: Request, message: AskPublished) -> None:
        self._tell_published(request, message.name)

    def _on_close(self, request: Request, message: CloseShot) -> None:
        shot = self._shots.find(request, message.shot)
        if shot is not None:
            self._jobs.shot_changed(ShotChanged(shot.id, None, is_closed=True))
            self._shots.remove(shot)
        self._router.reply(request, ShotClosed(message.shot))

    def _resettle(self, shot: ShotRecord, edited: ShotRecord) -> None:
        if change := shot.resettle(edited):
            self._jobs.shot_changed(change)

    def _tell_shot(self, request: Request, shot: ShotRecord) -> None:
        settings = shot.settings

        def tell(plan: ReachPlan) -> None:
            self._router.reply(request, ShotOpened(shot.id, settings, plan.engine, plan.working_size))

        self._plans.with_plan(request, shot, "normal", tell)

    def _tell_published(self, request: Request, name: str) -> None:
        followers, mattes = len(self._shots.followers(name)), self._published_mattes.of(name)
        frames = 0 if mattes is None else mattes.last - mattes.first + 1
        self._router.reply(request, Published(name, self._published.get(name), followers, frames))

    def _refuse_engine(self, settings: ShotSettings) -> None:
        if settings.engine == "propainter" and self._workers.facts.engine != "propainter":
            raise WireError(
                "engine_unavailable",
                "the ProPainter weights are not installed. Run 'propainter-weights fetch', or choose another engine",
            )
        if self._workers.on_cpu and settings.precision in ("fp16", "bf16"):
            raise WireError(
                "engine_unavailable",
                f"precision {settings.precision} needs CUDA, but this backend works on the CPU (--device cpu); choose "
                "precision auto or fp32",
            )
