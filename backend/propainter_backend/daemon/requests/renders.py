"""Renders by message: what a frame needs, jobs begun and cancelled.

Here: ``RenderHandlers``, which makes a job of a wish. Not here: what becomes of the job (``work/jobs.py``).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, replace

from propainter_backend.daemon.requests.jobs_allowed import JobsAllowed
from propainter_backend.daemon.requests.notes import digest_of_note
from propainter_backend.daemon.requests.open_shots import OpenShots
from propainter_backend.daemon.requests.plans import Plans
from propainter_backend.daemon.requests.reception import Handlers
from propainter_backend.daemon.requests.sizes import refuse_oversized_output
from propainter_backend.daemon.work.events import JobStep, Work, order_outward
from propainter_backend.daemon.work.job import ANALYSE_RUN, JobRecord
from propainter_backend.daemon.work.jobs import Jobs
from propainter_backend.daemon.work.missing import frames_missing, is_here, refuse_missing
from propainter_backend.daemon.work.shots import ReachPlan, ShotRecord
from propainter_backend.render.content import ContentStore
from propainter_backend.worker.pipe import Note
from propainter_wire.framing import new_id
from propainter_wire.messages import Accepted, Analyse, Cancel, Cancelled, Reach, ReachIs, Render
from propainter_wire.router import Request, Router
from propainter_wire.shot import runs_of


class RenderHandlers:
    """Answers reach, render, analyse and cancel."""

    def __init__(
        self,
        router: Router,
        shots: OpenShots,
        plans: Plans,
        jobs: Jobs,
        content: ContentStore,
        allowed: JobsAllowed,
    ) -> None:
        self._router = router
        self._shots = shots
        self._plans = plans
        self._jobs = jobs
        self._content = content
        self._allowed = allowed

    @property
    def handlers(self) -> Handlers:
        """By message."""
        return {
            Reach: self._on_reach,
            Render: self._on_render,
            Analyse: self._on_analyse,
            Cancel: self._on_cancel,
        }

    def _on_reach(self, request: Request, message: Reach) -> None:
        shot = self._shots.of(request, message.shot)
        indices = shot.indices(message.frames)

        def tell(plan: ReachPlan) -> None:
            frames = plan.seen_by(indices, first=shot.opened.first)
            shot.refuse_without_mattes(sorted(frames))
            mattes = {shot.opened.first} if shot.opened.still_matte and frames else frames
            if shot.opened.panel_mattes:
                mattes = set()
            self._router.reply(request, ReachIs(runs_of(frames), runs_of(mattes)))

        self._plans.with_plan(request, shot, message.quality, tell)

    def _on_render(self, request: Request, message: Render) -> None:
        shot = self._shots.of(request, message.shot)
        indices = shot.indices(message.frames)
        self._allowed.check(request)
        refuse_oversized_output(shot.opened, message)
        settings = shot.heard

        def begin(plan: ReachPlan) -> None:
            if shot.heard != settings:  # the plan came after newer settings: stale before it began
                self._accept_stale(request)
            else:
                self._begin(request, message, shot, plan, indices)

        self._plans.with_plan(request, shot, message.quality, begin)

    def _begin(self, request: Request, message: Render, shot: ShotRecord, plan: ReachPlan, indices: list[int]) -> None:
        seen = plan.seen_by(indices, first=shot.opened.first)
        shot.refuse_without_mattes(sorted(seen))
        refuse_missing(self._content, shot, seen)
        note = shot.note(message.quality, seen, seen)
        order = tuple(sorted(set(indices))) if message.priority == "final" else order_outward(indices, indices[0])
        job = JobRecord(new_id(), request, shot, _key_of(shot, note), note, message, list(order), shot.settings)
        self._jobs.submit(job, _render_steps(job, message, plan, order))

    def _on_analyse(self, request: Request, message: Analyse) -> None:
        shot = self._shots.of(request, message.shot)
        numbers = range(message.first, message.last + 1)
        aim = shot.indices(numbers)
        self._allowed.check(request)
        if missing := [n for n in numbers if not is_here(self._content, shot.plate_of(n))]:
            raise frames_missing(missing, [], [])
        note = shot.note(message.quality, numbers)
        job = JobRecord(new_id(), request, shot, _key_of(shot, note), note, message, aim, shot.settings)
        self._jobs.submit(job, _analyse_steps(job, message))

    def _on_cancel(self, request: Request, message: Cancel) -> None:
        mine = self._jobs.is_of(request.session, message.job)
        self._router.reply(request, Cancelled(message.job, mine))
        if mine:
            self._jobs.cancel(message.job)

    def _accept_stale(self, request: Request) -> None:
        job = new_id()
        self._router.reply(request, Accepted(job))
        self._router.reply(request, Cancelled(job, was_running=False))


def _key_of(shot: ShotRecord, note: Note) -> str:
    """Names what a worker is told of a shot: the same where only something differs that its engine ignores."""
    return digest_of_note({**note, "settings": asdict(shot.heard)})


def _render_steps(job: JobRecord, message: Render, plan: ReachPlan, order: Collection[int]) -> list[JobStep]:
    """One a frame, in this order of indices, the first of them also coarse where that is asked for."""
    first = job.shot.opened.first
    key = digest_of_note([job.shot_key, message.output, message.dtype, message.crop])
    reaches = plan.reach_of(order, first=first)
    steps = [JobStep(Work(key, first + i, provisional=False), reach) for i, reach in zip(order, reaches, strict=True)]
    if message.provisional:
        steps.insert(0, replace(steps[0], work=replace(steps[0].work, provisional=True)))
    return steps


def _analyse_steps(job: JobRecord, message: Analyse) -> list[JobStep]:
    """One a run of pairs."""
    key = digest_of_note([job.shot_key, "analyse"])
    return [
        JobStep(Work(key, n, provisional=False), range(n, min(n + ANALYSE_RUN, message.last) + 1))
        for n in range(message.first, message.last, ANALYSE_RUN)
    ]
