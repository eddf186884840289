"""What a stage is: a row of the map, what else enters its key, how a unit is computed.

Here: ``Stage``, which every file of ``stages/`` fulfils, ``Separate`` for the simplest, ``Ask``, all that one may ask for.
Not here: the map itself (``propainter_plan/stages.py``), loading, storing and counting (``evaluator.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import ClassVar, Generic, Protocol, TypeVar

from propainter.engine import Engine
from propainter_backend.render.cache_entry import Arrays
from propainter_backend.render.keys import Scalar
from propainter_backend.render.shot import Shot
from propainter_backend.render.sources import Sources
from propainter_backend.render.steps import Progress, RenderCounts, Steps
from propainter_plan.plan import ShotPlan
from propainter_plan.stages import Need, StageRow
from propainter_plan.units import Unit

Made = dict[int, Arrays]
"""What a unit gives: arrays by frame or pair."""
U = TypeVar("U", bound=Unit)


class Ask(Protocol):
    """All that a stage may ask for while it computes."""

    @property
    def shot(self) -> Shot: ...
    @property
    def engine(self) -> Engine: ...
    @property
    def plan(self) -> ShotPlan: ...
    @property
    def sources(self) -> Sources: ...
    @property
    def counts(self) -> RenderCounts: ...
    @property
    def aimed(self) -> Collection[int]:
        """The frames whose pictures will be asked for, as far as anybody has said."""

    def next_aimed(self, index: int) -> int | None:
        """The frame whose picture will be asked for after this one, as far as anybody has said."""

    def part(self, stage: str, part: int, unit: Unit | None = None, *, until: int | None = None) -> Steps[Arrays]:
        """One part of a stage, loaded or computed; read-only.

        unit: where several give the part. until: the last of a run of parts that will be asked for one after the other.
        """

    def now(self, stage: str, part: int) -> Arrays:
        """The same, of a quiet stage: without steps."""

    def inputs(self, need: Need, parts: Iterable[int]) -> Steps[list[str]]:
        """What decides these parts of another stage: digests of content, or keys where the need says so."""

    def make_ready(self, stage: str, parts: Sequence[int]) -> Steps[None]:
        """Make what is missing of these parts, in order, on all cores, and what they are made of; where the stage's parts
        are not separate, nothing happens."""

    def keep(self, stage: str, unit: Unit, made: Made) -> Steps[None]:
        """Store what another stage would make of a unit, and what came with this one's."""

    def begin(self) -> float:
        """When a computation begins that is no unit of the map, a preview. Raises NotCached where none is allowed."""

    def done(self, stage: str, started: float, *units: Unit) -> Progress:
        """Count such a computation towards a stage, and tell of it."""


class Stage(Generic[U]):
    """One stage. A subclass says what is particular; loading, storing, keys and counting are the evaluator's."""

    row: ClassVar[StageRow]
    version: ClassVar[str] = "1"
    """Changes whenever its arrays may change for another reason than its engine's code."""
    counts_as: ClassVar[str | None] = None
    """The stage its seconds are reported under, if it is not counted itself."""
    uses_engine: ClassVar[bool] = False
    """Whether engine and weights enter the key."""
    is_quiet: ClassVar[bool] = False
    """Cheap and without steps: made even where only what is stored is asked for, and not told of."""
    is_kept: ClassVar[bool] = True
    """Whether parts are stored at all."""
    gives_back: ClassVar[bool] = False
    """Whether a unit leaves so much freed memory behind that the system should have it back."""

    @property
    def told_as(self) -> str:
        """The stage that its seconds and its stored parts are reported under."""
        return self.counts_as or self.row.name

    def facts(self, unit: U, ask: Ask) -> Steps[Sequence[Scalar]]:
        """What enters the key beside needs and settings: digests of files, sizes, encodings."""
        yield from ()
        return ()

    def stands_for(self, part: int, ask: Ask) -> str | None:
        """Another stage whose part is this very part; None: it is made here."""
        return None

    def is_wanted(self, part: int, ask: Ask) -> bool:
        """Whether there is anything to make of this part."""
        return True

    def run_length(self, ask: Ask) -> int:
        """Most units that one call of ``compute_run`` takes."""
        return 1

    def may_follow(self, unit: U, first: U, ask: Ask) -> bool:
        """Whether a unit may be computed in the same call as the first one of a run, if it is missing."""
        return True

    def is_separate(self, ask: Ask) -> bool:
        """Whether a part may be made in any thread, by ``begun``, while others are."""
        return False

    def begun(self, unit: U, ask: Ask) -> Callable[[], Arrays]:
        """The work that makes the one part of a unit. Whatever must be asked for is asked for by now: the work itself asks
        nobody."""
        raise NotImplementedError

    def bytes_each(self, ask: Ask) -> int:
        """Memory that such a work takes while it lasts, with what it was given and what it makes; 0: next to nothing."""
        return 0

    def compute_run(self, units: Sequence[U], ask: Ask) -> Steps[Made]:
        """Make the parts of some neighbouring units at once."""
        (unit,) = units
        return (yield from self.compute(unit, ask))

    def compute(self, unit: U, ask: Ask) -> Steps[Made]:
        """Make the parts of one unit."""
        raise NotImplementedError


class Separate(Stage[int]):
    """A stage whose parts are always separate, single frames or pairs."""

    def is_separate(self, ask: Ask) -> bool:
        """See ``Stage.is_separate``."""
        return True

    def compute(self, unit: int, ask: Ask) -> Steps[Made]:
        """See ``Stage.compute``."""
        yield from ()
        return {unit: self.begun(unit, ask)()}
