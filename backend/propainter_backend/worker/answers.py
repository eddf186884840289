"""Questions a worker answers beside its work: what frames can see, what is stored, what is in use.

Here: ``Answers``. Not here: the thread that asks (``worker.py``), who keeps the answers (``daemon/requests``).
"""

from __future__ import annotations

import logging

from propainter.kept import Kept
from propainter.weights import WeightsError
from propainter_backend.errors import RemoveError
from propainter_backend.render.crop import StretchPlan
from propainter_backend.render.memory_plan import device_use
from propainter_backend.render.shot_cache import ShotCache
from propainter_backend.worker.benches import Benches
from propainter_backend.worker.fitting import Fitting
from propainter_backend.worker.loaded_engines import LoadedEngines
from propainter_backend.worker.pictures import ContentGone
from propainter_backend.worker.pipe import Note
from propainter_backend.worker.shot_spec import ShotSpec
from propainter_backend.worker.steps import Finished
from propainter_plan.plan import ShotPlan
from propainter_plan.reach import reach_of_all
from propainter_wire.shot import runs_of

log = logging.getLogger(__name__)

QUICK = frozenset({"use", "clear"})
"""Questions that are answered at once, whatever is being thought about."""


class Answers:
    """Asked from threads of their own, while steps go on."""

    def __init__(
        self, engines: LoadedEngines, fitting: Fitting, benches: Benches, cache: ShotCache, finished: Kept[Finished]
    ) -> None:
        self._engines = engines
        self._fitting = fitting
        self._benches = benches
        self._cache = cache
        self._finished = finished

    def answer(self, note: Note) -> Note:
        """The answer to a question, or a ``problem`` and its wire code."""
        answers = {"plan": self._plan, "cache_state": self._cache_state, "use": self._use, "clear": self._clear}
        try:
            return answers[note["op"]](note)
        except (RemoveError, WeightsError) as error:
            return {"problem": str(error), "code": "engine_unavailable"}
        except Exception as error:
            log.exception("a question could not be answered")
            return {"problem": f"{type(error).__name__}: {error}; the backend's log has more", "code": "internal"}

    def _plan(self, note: Note) -> Note:
        spec = ShotSpec.from_note(note["shot"])
        engine = self._engines.of(spec)
        settings = spec.removal_settings(self._engines.snap(engine))
        plan = ShotPlan(engine, spec.frame_count, settings)
        width, height = spec.working_size(engine.name) or spec.size
        if spec.crop_padding() is None:
            reach = list(reach_of_all(plan))
        else:
            stretches = StretchPlan(spec.frame_count, settings.chunk_length)
            reach = [runs_of(stretches.reach(index)) for index in range(spec.frame_count)]
        return {"engine": engine.name, "working_size": [width, height], "reach": reach}

    def _cache_state(self, note: Note) -> Note:
        spec = self._fitting.planned(ShotSpec.from_note(note["shot"])).spec
        renderer = self._benches.asking(spec)
        try:
            stages = renderer.cached(lambda index: spec.plates[index] is not None)
        except ContentGone:  # a hole that would have to be made of a matte nobody has any more
            return {"stages": {}}
        return {"stages": {stage: _where_known(spec, stage, stored) for stage, stored in stages.items()}}

    def _use(self, _: Note) -> Note:
        use = self._cache.use()
        used, total = device_use(self._engines.device)
        return {
            "memory_bytes": use.memory_bytes,
            "disk_bytes": use.disk_bytes,
            "disk_entries": use.disk_entries,
            "disk_problem": self._cache.problem,
            "device_used_bytes": used,
            "device_total_bytes": total,
        }

    def _clear(self, note: Note) -> Note:
        """Whole kinds, of every shot: flow costs most to compute, results are what one would rather see made anew."""
        what = note.get("what", "all")
        if what != "flow":  # finished frames lie behind every other stage
            self._finished.clear()
        return {"freed": self._cache.clear(None if what == "all" else (what,))}


def _where_known(spec: ShotSpec, stage: str, stored: list[bool]) -> list[bool]:
    """Only the flow is worth anything without a matte, and nothing is without its plate."""
    mattes = spec.mattes if stage != "flow" else spec.plates
    known = [None not in both for both in zip(spec.plates, mattes, strict=True)]
    return [here and is_known for here, is_known in zip(stored, known, strict=False)]
