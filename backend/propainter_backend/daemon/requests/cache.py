"""The cache by message: what is stored of a shot, how much there is in all, and clearing it.

Here: ``CacheHandlers``. Not here: storing (``propainter_backend/render``); the artifacts are the workers', who are asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from propainter_backend.daemon.requests.notes import answer_or_raise, digest_of_note
from propainter_backend.daemon.requests.open_shots import OpenShots
from propainter_backend.daemon.requests.reception import Handlers
from propainter_backend.daemon.requests.refusing import guarded
from propainter_backend.daemon.work.missing import is_here
from propainter_backend.daemon.work.shots import ShotRecord
from propainter_backend.daemon.workers.workers import Workers
from propainter_backend.render.content import ContentStore
from propainter_backend.worker.pipe import Note
from propainter_wire.messages import (
    Artifact,
    Cache,
    CacheEntry,
    CacheIs,
    CacheQuery,
    CacheState,
    CacheStateIs,
    StageRuns,
)
from propainter_wire.router import Request, Router

_Stored: TypeAlias = dict[Artifact, list[bool]]
"""Of each frame of a shot, artifact by artifact."""


class CacheHandlers:
    """Answers cache_query and cache."""

    def __init__(self, router: Router, shots: OpenShots, content: ContentStore, workers: Workers) -> None:
        self._router = router
        self._shots = shots
        self._content = content
        self._workers = workers

    @property
    def handlers(self) -> Handlers:
        """By message."""
        return {CacheQuery: self._on_query, Cache: self._on_cache}

    def _on_query(self, request: Request, message: CacheQuery) -> None:
        shot = self._shots.of(request, message.shot)
        earlier = shot.earlier

        def tell(now: _Stored, before: _Stored) -> None:
            shot.has_artifacts |= any(any(now[stage]) for stage in now if stage not in ("plate", "matte"))
            stages = tuple(
                StageRuns(stage, state_runs(shot.opened.first, here, before.get(stage))) for stage, here in now.items()
            )
            self._router.reply(request, CacheStateIs(shot.id, stages))

        def ask_before(now: _Stored) -> None:
            if earlier is None:
                tell(now, {})
            else:
                self._with_stored(request, earlier, message.quality, lambda before: tell(now, before))

        self._with_stored(request, shot, message.quality, ask_before)

    def _with_stored(self, request: Request, shot: ShotRecord, quality: str, then: Callable[[_Stored], None]) -> None:
        """Go on with what is stored of a shot."""
        has_plate = [is_here(self._content, shot.plate_of(n)) for n in shot.numbers]
        has_matte = [is_here(self._content, shot.matte_of(n)) for n in shot.numbers]
        plates = {n for n, has in zip(shot.numbers, has_plate, strict=True) if has}
        mattes = {n for n, has in zip(shot.numbers, has_matte, strict=True) if has}

        def came(answer: Note) -> None:
            then({"plate": has_plate, "matte": has_matte, **answer_or_raise(answer)["stages"]})

        note = shot.note(quality, plates, mattes)
        question = {"op": "cache_state", "shot": note}
        self._workers.ask(digest_of_note(note), question, guarded(self._router, request, came), asker=request.session)

    def _on_cache(self, request: Request, message: Cache) -> None:
        freed = 0
        if message.action == "clear" and message.what in ("all", "content"):
            freed += self._content.clear()
        if message.action == "clear" and message.what != "content":

            def cleared(answers: list[Note]) -> None:
                self._tell_cache(request, freed + sum(answer.get("freed", 0) for answer in answers))

            self._workers.ask_ready({"op": "clear", "what": message.what}, guarded(self._router, request, cleared))
        else:
            self._tell_cache(request, freed)

    def _tell_cache(self, request: Request, freed: int) -> None:
        def tell(answers: list[Note]) -> None:
            content, artifacts = self._content.use(), use_of(answers)
            entries = (
                CacheEntry("content", content.disk_entries, content.disk_bytes),
                CacheEntry("artifacts", artifacts["disk_entries"], artifacts["disk_bytes"]),
            )
            self._router.reply(request, CacheIs(entries, freed))

        self._workers.ask_ready({"op": "use"}, guarded(self._router, request, tell))


def use_of(answers: Iterable[Note]) -> dict[str, int]:
    """What workers say they use: the largest, for they share one cache and each looks at its own device."""
    names = ("disk_bytes", "disk_entries", "device_used_bytes", "device_total_bytes")
    return {name: max((answer.get(name, 0) for answer in answers), default=0) for name in names}


def state_runs(first: int, now: list[bool], before: list[bool] | None) -> tuple[tuple[int, int, CacheState], ...]:
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
