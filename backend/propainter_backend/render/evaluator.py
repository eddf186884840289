"""The one evaluator: it knows how to ask a stage for a part.

A key comes from the digests of a unit's inputs. What the cache holds under it is taken, the rest is computed, stored and
counted; a recomputed part that equals the old one changes no later key (early cut-off). Nothing here knows a stage by name.

Here: ``Evaluator``. Not here: parts made ready ahead (``making_ready.py``), what was done and how far it is
(``counting.py``), where the film is cut (``cut_search.py``), the map (``propainter_plan/stages.py``), what stages do
(``stages/``), who asks (``shot_renderer.py``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

from propainter.engine import Engine
from propainter_backend.render.cache_entry import Arrays, content_digest
from propainter_backend.render.counting import Counting
from propainter_backend.render.cut_search import CutSearch
from propainter_backend.render.keys import Scalar, engine_parts, key_of, part_key
from propainter_backend.render.making_ready import MakingReady, is_single
from propainter_backend.render.memory import give_back
from propainter_backend.render.shot import Shot
from propainter_backend.render.shot_cache import ShotCache
from propainter_backend.render.sources import Sources
from propainter_backend.render.stage import Made, Stage
from propainter_backend.render.steps import NotCached, Progress, RenderCounts, Steps, run_to_end
from propainter_backend.render.whole_work import size_of
from propainter_knobs.table import heard_by
from propainter_plan.plan import ShotPlan
from propainter_plan.stages import Need
from propainter_plan.units import Chunk, Unit, Window, parts_of

AnyStage = Stage[Any]
_NOTHING = "nothing"
"""What decides a part that there is nothing to make of."""


class Evaluator:
    """Asks the stages of one shot, with one engine, through one cache.

    stages: in the order of the walk; what a stage needs stands before it.
    """

    def __init__(self, shot: Shot, engine: Engine, cache: ShotCache, stages: Sequence[AnyStage]) -> None:
        self.shot = shot
        self.engine = engine
        given = engine, shot.pictures.frame_count, shot.settings
        rows = [stage.row for stage in stages]
        self.cuts = CutSearch(self)
        self.plan = ShotPlan(*given, rows=rows, is_cut=None if shot.cuts == "none" else self.cuts.is_cut)
        self.outline = ShotPlan(*given, rows=rows)
        """The plan as if there were no cuts: what progress is counted towards, for it asks nothing of the plate."""
        self.sources = Sources(shot, cache)
        self.stages = {stage.row.name: stage for stage in stages}
        self.counting = Counting(engine.name)
        self._ready = MakingReady(self)
        self._cache = cache
        self._engine_parts = engine_parts(engine)
        self._heard = heard_by(engine.name, shot.settings)
        self._keys: dict[tuple[str, Unit], str] = {}
        self._digests: dict[tuple[str, Unit, int], str] = {}
        self._ahead: dict[tuple[str, int], Arrays] = {}
        """Parts that are not stored, made in one run with one that was asked for; until they are asked for."""
        self._may_compute = True

    # -- what stages and renderer ask for --------------------------------------------------------------------------

    def part(self, stage: str, part: int, unit: Unit | None = None, *, until: int | None = None) -> Steps[Arrays]:
        """See ``Ask.part``."""
        asked, unit = self.meant(stage, part, unit)
        if not asked.is_kept:
            ahead = self._ahead.pop((asked.row.name, part), None)
            return (yield from self._make(asked, unit, until))[part] if ahead is None else ahead
        key = yield from self._part_key(asked, unit, part)
        if (found := self._cache.load(key)) is not None:
            self.counting.note_reused(asked, unit)
            return found
        return (yield from self._make(asked, unit, until))[part]

    def now(self, stage: str, part: int) -> Arrays:
        """See ``Ask.now``."""
        return run_to_end(self.part(stage, part))

    def inputs(self, need: Need, parts: Iterable[int], *, until: int | None = None) -> Steps[list[str]]:
        """See ``Ask.inputs``. until: the last part that will be asked for right after these."""
        wanted, found = tuple(parts), []
        last = max(wanted[-1], until or 0) if wanted else 0
        if not need.by_key:
            yield from self.make_ready(need.stage, wanted)
        for part in wanted:
            if not self.stages[need.stage].is_wanted(part, self):
                found.append(_NOTHING)
                continue
            for unit in self.plan.units_of(need.stage, part):
                asked, meant = self.meant(need.stage, part, unit)
                if need.by_key:
                    found.append((yield from self._part_key(asked, meant, part)))
                else:
                    found.append((yield from self._digest(asked, meant, part, until=last)))
        return found

    def is_stored(self, stage: str, part: int) -> bool:
        """Whether every unit that gives a part holds it, or there is nothing to make. Computes nothing but quiet stages."""
        asked = self.stages[stage]
        if not asked.is_wanted(part, self):
            return True
        with self.only_stored():
            try:
                keys = [run_to_end(self._part_key(asked, u, part)) for u in self.plan.units_of(stage, part)]
            except NotCached:
                return False
        return all(self._cache.digest(key) is not None for key in keys)

    def make_ready(self, stage: str, parts: Sequence[int]) -> Steps[None]:
        """See ``Ask.make_ready``."""
        if self.stages[stage].is_quiet or self._may_compute:
            yield from self._ready.steps(stage, parts)

    @property
    def reported(self) -> tuple[str, ...]:
        """The counted stages that keep their parts."""
        return tuple(name for name, stage in self.stages.items() if stage.row.is_counted and stage.is_kept)

    def stored(self, is_worth_asking: Callable[[int], bool] = lambda part: True) -> dict[str, list[bool]]:
        """Of every such stage, whether each frame or pair is stored; those not worth asking for are said not to be."""
        return {
            name: [is_worth_asking(part) and self.is_stored(name, part) for part in self.plan.parts(name)]
            for name in self.reported
        }

    @contextmanager
    def only_stored(self) -> Iterator[None]:
        """Within it, whatever would have to be computed raises NotCached."""
        before, self._may_compute = self._may_compute, False
        try:
            yield
        finally:
            self._may_compute = before

    # -- counting --------------------------------------------------------------------------------------------------

    @property
    def counts(self) -> RenderCounts:
        """What was computed and reused since it was last set."""
        return self.counting.counts

    @property
    def aimed(self) -> Collection[int]:
        """See ``Ask.aimed``."""
        return self.counting.aimed

    def next_aimed(self, index: int) -> int | None:
        """See ``Ask.next_aimed``."""
        return self.counting.following.get(index)

    def begin(self) -> float:
        """See ``Ask.begin``."""
        if not self._may_compute:
            raise NotCached
        return time.perf_counter()

    def done(self, stage: str, started: float, *units: Unit) -> Progress:
        """See ``Ask.done``."""
        self.counts.of(stage).seconds += time.perf_counter() - started
        return self.counting.progress(stage, units)

    # -- keys ------------------------------------------------------------------------------------------------------

    def meant(self, stage: str, part: int, unit: Unit | None = None) -> tuple[AnyStage, Unit]:
        """See ``Keeper.meant``."""
        while (other := self.stages[stage].stands_for(part, self)) is not None:
            stage, unit = other, None
        return self.stages[stage], self.plan.units_of(stage, part)[0] if unit is None else unit

    def _key(self, stage: AnyStage, unit: Unit, until: int | None = None) -> Steps[str]:
        """The digest of exactly what a unit depends on. until: as in ``part``, so that what it needs comes in runs, too."""
        row = stage.row
        if (known := self._keys.get((row.name, unit))) is None:
            inputs: list[Sequence[Scalar]] = []
            yield from self._find_below(stage, unit)
            for need in row.needs:
                there_are = self.plan.parts(need.stage)
                parts = [i for i in need.over.of(unit) if i in there_are]
                ahead = until if until in there_are else None
                inputs.append((yield from self.inputs(need, parts, until=ahead)))
            known = key_of(
                row.name, stage.version, *(self._engine_parts if stage.uses_engine else ()),
                [getattr(self._heard, name) for name in row.settings], _place_of(unit),
                (yield from stage.facts(unit, self)), *inputs,
            )  # fmt: skip
            self._keys[row.name, unit] = known
        return known

    def _find_below(self, stage: AnyStage, unit: Unit) -> Steps[None]:
        """Find the content of every unit of its own stage that a unit builds on, the farthest first: one after the other,
        for a long shot's chain is deeper than calls may nest."""
        chain = []
        for below in islice(self.plan.chain(stage.row.name, unit), 1, None):
            (part,) = parts_of(below)
            if not stage.is_wanted(part, self) or (stage.row.name, below, part) in self._digests:
                break
            chain.append((below, part))
        for below, part in reversed(chain):
            yield from self._digest(stage, below, part, until=part)

    def _part_key(self, stage: AnyStage, unit: Unit, part: int, until: int | None = None) -> Steps[str]:
        key = yield from self._key(stage, unit, until if is_single(unit) else None)
        return key if isinstance(unit, int) else part_key(key, part)

    def _digest(self, stage: AnyStage, unit: Unit, part: int, *, until: int) -> Steps[str]:
        """The content digest of a part, which is computed if need be."""
        if (known := self._digests.get((stage.row.name, unit, part))) is not None:
            return known
        if not stage.is_kept:
            made = yield from self._make(stage, unit, until)
            return self._digests.setdefault((stage.row.name, unit, part), content_digest(made[part]))
        found = self._cache.digest((yield from self._part_key(stage, unit, part, until)))
        if found is None:
            yield from self._make(stage, unit, until)
            return self._digests[stage.row.name, unit, part]
        self.counting.note_reused(stage, unit)
        self._digests[stage.row.name, unit, part] = found
        return found

    def missing(self, stage: AnyStage, unit: Unit, part: int) -> Steps[str | None]:
        """See ``Keeper.missing``."""
        if (stage.row.name, unit, part) in self._digests:
            return None
        key = yield from self._part_key(stage, unit, part)
        return key if self._cache.digest(key) is None else None

    def save(self, stage: AnyStage, key: str, arrays: Arrays) -> str:
        """See ``Keeper.save``."""
        return self._cache.save(key, arrays, kind=stage.told_as)

    def note(self, stage: AnyStage, unit: Unit, part: int, digest: str) -> None:
        """See ``Keeper.note``."""
        self._digests[stage.row.name, unit, part] = digest

    # -- computing -------------------------------------------------------------------------------------------------

    def _make(self, stage: AnyStage, unit: Unit, until: int | None) -> Steps[Made]:
        """Compute a unit, store its parts and tell of it."""
        if stage.is_quiet:
            made = yield from stage.compute(unit, self)
            yield from self._keep(stage, [unit], made)
            return made
        asked_at, elsewhere = self.begin(), self.counting.elsewhere_s
        name = stage.told_as
        if size_of(unit) > 1:  # it will take a while: what is at work is told before it is done
            yield self.counting.progress(name, ())
        started = time.perf_counter()
        units = yield from self._run_from(stage, unit, until)
        made = yield from stage.compute_run(units, self)
        yield from self._keep(stage, units, made)
        if stage.gives_back:
            give_back()
        self.counting.add(name, started, elsewhere)
        told = self.counting.progress(name, units if stage.row.is_counted else ())
        yield told
        self.counting.leave(asked_at, elsewhere)
        return made

    def _run_from(self, stage: AnyStage, unit: Unit, until: int | None) -> Steps[list[Unit]]:
        """The unit, and missing ones right behind it that the same call may compute."""
        run, longest = [unit], stage.run_length(self)
        (part, *others) = parts_of(unit)
        while not others and until is not None and part < until and len(run) < longest and is_single(unit):
            part += 1
            unit = self.plan.units_of(stage.row.name, part)[0]
            if not is_single(unit) or not stage.may_follow(unit, run[0], self):
                break
            if (stage.row.name, part) in self._ahead:
                break
            if stage.is_kept and self._cache.digest((yield from self._part_key(stage, unit, part))) is not None:
                break
            run.append(unit)
        return run

    def keep(self, stage: str, unit: Unit, made: Made) -> Steps[None]:
        """See ``Ask.keep``."""
        yield from self._keep(self.stages[stage], [unit], made)

    def _keep(self, stage: AnyStage, units: Sequence[Unit], made: Made) -> Steps[None]:
        if not stage.is_kept:
            if len(units) > 1:
                self._ahead = {(stage.row.name, part): made[part] for unit in units[1:] for part in parts_of(unit)}
            return
        keyed = []
        for unit in units:
            for part in parts_of(unit):
                keyed.append((unit, part, (yield from self._part_key(stage, unit, part))))
        digests = self.engine.spread(lambda each: self.save(stage, each[2], made[each[1]]), keyed)
        for (unit, part, _), digest in zip(keyed, digests, strict=True):
            self.note(stage, unit, part, digest)


def _place_of(unit: Unit) -> tuple[int, ...]:
    """What of a unit's cut decides its parts. Where it lies is in it, too: parts are named by the shot's own numbers."""
    if isinstance(unit, Window):
        return unit.neighbours[0], len(unit.neighbours)
    return (unit.core_first, *unit.core_in_reach) if isinstance(unit, Chunk) else ()
