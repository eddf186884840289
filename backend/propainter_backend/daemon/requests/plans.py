"""What each frame of a shot can see: asked of a worker once for all shots of a length and settings, then kept.

Here: ``Plans``. Not here: a plan itself (``work/shots.py``), making one (``propainter_plan/plan.py``, in a worker).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from propainter_backend.daemon.requests.notes import answer_or_raise, digest_of_note
from propainter_backend.daemon.requests.open_shots import OpenShots
from propainter_backend.daemon.requests.refusing import guarded
from propainter_backend.daemon.work.shots import ReachPlan, ShotRecord
from propainter_backend.daemon.workers.workers import Workers
from propainter_backend.worker.pipe import Note
from propainter_wire.errors import WireError
from propainter_wire.router import Request, Router

_PLANNED_FRAMES = 200_000
"""Frames of all plans kept together."""

MAX_WAITING = 256
"""Requests of a session that wait for plans."""

_Answer: TypeAlias = ReachPlan | WireError


@dataclass(frozen=True)
class _Waiting:
    session: str
    go_on: Callable[[_Answer], None]


class Plans:
    """A plan that is asked for while it is being made is made once."""

    def __init__(self, router: Router, shots: OpenShots, workers: Workers) -> None:
        self._router = router
        self._shots = shots
        self._workers = workers
        self._plans: OrderedDict[str, ReachPlan] = OrderedDict()
        self._waiting: dict[str, list[_Waiting]] = {}

    @property
    def waiting(self) -> int:
        """Requests that wait for a plan."""
        return sum(map(len, self._waiting.values()))

    def with_plan(self, request: Request, shot: ShotRecord, quality: str, then: Callable[[ReachPlan], None]) -> None:
        """Go on with the plan of a shot, now or as soon as a worker has made it."""
        note = shot.note(quality)
        key = digest_of_note(
            {**note, "plates": shot.numbers.stop - shot.numbers.start, "mattes": 0, "cleans": 0, "first": 0}
        )

        def with_answer(answer: _Answer) -> None:
            if isinstance(answer, WireError):
                raise answer
            self._shots.of(request, shot.id)  # meanwhile it may have been closed, or its session have ended
            if note["settings"]["engine"] == "auto":
                shot.auto = answer.engine
            then(answer)

        go_on = guarded(self._router, request, with_answer)
        if key in self._plans:
            self._plans.move_to_end(key)
            go_on(self._plans[key])
            return
        mine = sum(each.session == request.session for waiting in self._waiting.values() for each in waiting)
        if mine >= MAX_WAITING:
            raise WireError("busy", f"{MAX_WAITING} requests of this session wait for an answer; wait for one")
        waiting = self._waiting.setdefault(key, [])
        waiting.append(_Waiting(request.session, go_on))
        if len(waiting) == 1:
            self._ask(key, note, request.session)

    def _ask(self, key: str, shot: Note, asker: str) -> None:
        self._workers.ask(
            key, {"op": "plan", "shot": shot}, lambda answer: self._came(key, shot, asker, answer), asker=asker
        )

    def _came(self, key: str, shot: Note, asker: str, note: Note) -> None:
        answer: _Answer
        others = [each for each in self._waiting.get(key, []) if each.session != asker]
        try:
            answer = ReachPlan.from_note(answer_or_raise(note))
            self._keep(key, answer)
        except WireError as error:
            answer = error
            if error.code == "busy" and others:  # whoever asked for it asked too much; they did not
                answered = [each for each in self._waiting[key] if each.session == asker]
                self._waiting[key] = others
                self._ask(key, shot, others[0].session)
                for each in answered:
                    each.go_on(error)
                return
        for each in self._waiting.pop(key, []):
            each.go_on(answer)

    def _keep(self, key: str, plan: ReachPlan) -> None:
        self._plans[key] = plan
        while len(self._plans) > 1 and sum(len(kept.reach) for kept in self._plans.values()) > _PLANNED_FRAMES:
            self._plans.popitem(last=False)
