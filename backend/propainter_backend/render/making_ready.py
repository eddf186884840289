"""Parts that are each made of a little, made ready on all cores before they are asked for.

The work of one part asks nobody, so any thread may do it. What it is made of is made ready the same way, a few parts ahead:
pictures, their flow and its completion are at work at once, and no core is idle at the end of one of them.

Here: ``MakingReady``. Not here: what the work is (``Stage.begun``), keys and what is stored (``evaluator.py``), threads
(``cores.py``).
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from propainter_backend.render.cache_entry import Arrays
from propainter_backend.render.counting import Counting
from propainter_backend.render.stage import Ask, Stage
from propainter_backend.render.steps import Progress, Steps, run_to_end
from propainter_plan.stages import Need
from propainter_plan.units import Chunk, Unit, parts_of

AnyStage = Stage[Any]
Parts = Callable[[], Iterator[int]]


class Keeper(Ask, Protocol):
    """Who knows keys and keeps what is made."""

    @property
    def stages(self) -> dict[str, AnyStage]: ...
    @property
    def counting(self) -> Counting: ...
    def meant(self, stage: str, part: int, unit: Unit | None = None) -> tuple[AnyStage, Unit]:
        """The stage and unit that give a part."""

    def missing(self, stage: AnyStage, unit: Unit, part: int) -> Steps[str | None]:
        """The key of a part that is not stored; None: it is."""

    def save(self, stage: AnyStage, key: str, arrays: Arrays) -> str:
        """Store a part; its digest. In any thread."""

    def note(self, stage: AnyStage, unit: Unit, part: int, digest: str) -> None:
        """A part is stored."""


@dataclass(frozen=True)
class _Work:
    """One part that is to be made."""

    stage: AnyStage
    unit: Unit
    part: int
    key: str
    make: Callable[[], Arrays]


class MakingReady:
    """Makes missing parts of stages whose parts are separate."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    def steps(self, stage: str, parts: Sequence[int]) -> Steps[None]:
        """Make what is missing of these parts, which stand in order; a step each. Nothing happens where there is one core,
        or where the stage's parts are not separate."""
        counting = self._keeper.counting
        if self._keeper.engine.spread.count == 1:
            return
        asked_at, elsewhere, callers = time.perf_counter(), counting.elsewhere_s, 0.0
        with closing(_Stream(self._keeper, stage, lambda: iter(parts), self._room(stage))) as stream:
            while stream.advance() is not None:
                left_at = time.perf_counter()
                yield from stream.told
                stream.told.clear()
                callers += time.perf_counter() - left_at
            if stream.took:
                counting.count_together(stream.took, asked_at, elsewhere, callers)

    def _room(self, stage: str) -> int:
        """Bytes that one part takes while it lasts, with those it is made of."""
        made = self._keeper.stages[stage]
        if not made.is_separate(self._keeper):
            return 0
        return made.bytes_each(self._keeper) + sum(self._room(need.stage) for need in made.row.needs)


class _Stream:
    """Missing parts of one stage, made a few ahead of being asked for.

    parts: gives them in order, from the first on, whenever it is asked: what they need is asked for further ahead. room:
    bytes that one of them takes, with all it is made of. above: the stream whose parts are made of these.
    """

    def __init__(self, keeper: Keeper, stage: str, parts: Parts, room: int, above: _Stream | None = None) -> None:
        self._keeper, self._stage, self._parts, self._room = keeper, stage, parts, room
        self.took: dict[str, float] = defaultdict(float) if above is None else above.took
        """Seconds that parts took their threads, by stage; a quiet one's are those of whoever needs it."""
        self.told: list[Progress] = [] if above is None else above.told
        """What is to be told of the parts that were made."""
        self._there: set[int] = set()
        self._below: dict[Need, _Stream] = {}
        self._made = iter(keeper.engine.spread(self._make, self._works(), each_bytes=room))

    def advance(self) -> int | None:
        """Wait for the next part that is made; None: all of them are there."""
        if (made := next(self._made, None)) is None:
            return None
        work, digest, seconds = made
        self._keeper.note(work.stage, work.unit, work.part, digest)
        self._there.add(work.part)
        if not work.stage.is_quiet:
            name, units = work.stage.told_as, (work.unit,) if work.stage.row.is_counted else ()
            self.took[name] += seconds
            self.told.append(self._keeper.counting.progress(name, units))
        return work.part

    def close(self) -> None:
        """Wait for what is at work; no more begins."""
        for made in (self._made, *self._below.values()):
            if isinstance(made, _Stream | Generator):
                made.close()

    def _reach(self, parts: Iterable[int]) -> None:
        """Go on until these parts are there."""
        wanted = set(parts)
        while not wanted <= self._there and self.advance() is not None:
            pass

    def _works(self) -> Iterator[_Work]:
        keeper = self._keeper
        for part, stage, unit in self._separate():
            self._make_below(stage, unit, by_key=False)
            key = run_to_end(keeper.missing(stage, unit, part))
            if key is None:
                self._there.add(part)
                continue
            self._make_below(stage, unit, by_key=True)
            yield _Work(stage, unit, part, key, stage.begun(unit, keeper))

    def _separate(self) -> Iterator[tuple[int, AnyStage, Unit]]:
        """Those of the parts that may be made apart, with the stage and unit that give each."""
        for part in self._parts():
            units = self._keeper.plan.units_of(self._stage, part)
            if not units or not is_single(units[0]):
                return
            stage, unit = self._keeper.meant(self._stage, part)
            if stage.is_separate(self._keeper):
                yield part, stage, unit

    def _make_below(self, stage: AnyStage, unit: Unit, *, by_key: bool) -> None:
        """What a part is made of. by_key: the parts its key does not wait for."""
        for need in stage.row.needs:
            if need.by_key != by_key:
                continue
            if need not in self._below:
                needed = partial(self._needed, need, parts_of(unit)[0])
                self._below[need] = _Stream(self._keeper, need.stage, needed, self._room, self)
            self._below[need]._reach(self._there_are(need, unit))

    def _needed(self, need: Need, first: int) -> Iterator[int]:
        """What all missing parts need, from the first on, in order."""
        last = -1
        for part, stage, unit in self._separate():
            if part < first or need not in stage.row.needs:
                continue
            if need.by_key and run_to_end(self._keeper.missing(stage, unit, part)) is None:
                continue
            for below in self._there_are(need, unit):
                if below > last:
                    yield (last := below)

    def _there_are(self, need: Need, unit: Unit) -> list[int]:
        all_parts = self._keeper.plan.parts(need.stage)
        return [part for part in need.over.of(unit) if part in all_parts]

    def _make(self, work: _Work) -> tuple[_Work, str, float]:
        """In any thread."""
        started = time.perf_counter()
        digest = self._keeper.save(work.stage, work.key, work.make())
        return work, digest, time.perf_counter() - started


def is_single(unit: Unit) -> bool:
    """Whether a unit is one frame or pair, and is made of that alone."""
    return isinstance(unit, int) or (isinstance(unit, Chunk) and unit.reach_first == unit.reach_last)
