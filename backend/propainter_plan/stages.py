"""The map of the stages: what each one's unit is, what it needs of others, which settings enter its key.

    plate -> working, flow -> completion -> propagation -> painting -> composite
    matte -> grown -> hole, flow hole           (beside it: known, cut, carried past and future, sights, native, grain)

Here: one ``StageRow`` each, in the order of the walk. Not here: how a unit is computed
(``propainter_backend/render/stages``, one file a stage), which units a frame needs (``plan.py``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from propainter_plan.units import Chunk, Unit, Window

Kind = Literal["frame", "pair", "completion", "propagation", "past", "future", "window"]
"""What a unit is: one frame, one pair, a completion chunk, a propagation chunk, a stretch that places are carried over (in
time, or against it) from where one propagation chunk begins to where the next does, a painter's window."""
Part = Literal["frame", "pair"]
NEAR = 6
"""Frames before and after a frame within which its grain is measured."""


class Span(Enum):
    """Which parts of another stage a unit needs, seen from the unit."""

    SAME = "the same frame or pair"
    ENDS = "both frames of a pair"
    AROUND = "both frames of a pair and one on each side; the shot's ends know which there are"
    BESIDE = "a frame and those before and after it; the shot's ends know which there are"
    BESIDE_PAIRS = "the pairs among them"
    NEAR = "the frames around that a frame's grain is measured in, and those that tell where their scene ends"
    REACH = "all of a chunk's reach"
    REACH_ENDS = "the frames that the pairs of a chunk's reach join"
    REACH_PAIRS = "the pairs among the frames of a chunk's reach"
    FIRST = "the first frame of a chunk's reach"
    LAST = "the last frame of a chunk's reach"
    SEEN = "the frames a window paints or looks at"
    PAINTED_PAIRS = "the pairs among the frames a window paints"

    def of(self, unit: Unit) -> Iterable[int]:
        """The parts, in order."""
        if isinstance(unit, Window):
            return unit.seen if self is Span.SEEN else unit.neighbours[:-1]
        if isinstance(unit, Chunk):
            if self in (Span.FIRST, Span.LAST):
                return (unit.reach_first if self is Span.FIRST else unit.reach_last,)
            beyond = {Span.REACH: 1, Span.REACH_ENDS: 2, Span.REACH_PAIRS: 0}[self]
            return range(unit.reach_first, unit.reach_last + beyond)
        if self is Span.AROUND:
            return range(unit - 1, unit + 3)
        if self in (Span.BESIDE, Span.BESIDE_PAIRS):
            return range(unit - 1, unit + (2 if self is Span.BESIDE else 1))
        if self is Span.NEAR:
            return range(unit - NEAR - 1, unit + NEAR + 2)
        return (unit, unit + 1) if self is Span.ENDS else (unit,)


@dataclass(frozen=True)
class Need:
    """Parts of another stage that a unit depends on.

    by_key: their key decides, so that they need not exist before the unit's own key is known. Otherwise their content
    does, and work stops where a recomputed part equals the old one (early cut-off).
    """

    stage: str
    over: Span = Span.SAME
    by_key: bool = False


@dataclass(frozen=True)
class StageRow:
    """One stage, as everybody may know it."""

    name: str
    unit: Kind
    part: Part
    """What one stored part of a unit is."""
    needs: tuple[Need, ...] = ()
    settings: tuple[str, ...] = ()
    """Names of ``Settings`` that enter the key. Those that only decide the cut enter by the units themselves."""
    is_counted: bool = True
    """Whether reports and cache queries show its units; the others are cheap pictures of one frame."""


GROWN = StageRow("grown", "frame", "frame", settings=("threshold", "grow"), is_counted=False)
FLOW_GROWN = StageRow("flow grown", "frame", "frame", settings=("threshold", "grow", "grow_flow"), is_counted=False)
HOLE = StageRow("hole", "frame", "frame", (Need("grown"),), is_counted=False)
FLOW_HOLE = StageRow("flow hole", "frame", "frame", (Need("flow grown"),), ("flow_hole_snap",), is_counted=False)
WORKING = StageRow("working", "frame", "frame", is_counted=False)
CUT = StageRow("cut", "pair", "pair", (Need("working", Span.AROUND, by_key=True),), is_counted=False)
KNOWN = StageRow(
    "known", "frame", "frame", (Need("working", by_key=True), Need("grown"), Need("hole")), is_counted=False
)
FLOW = StageRow(
    "flow", "pair", "pair", (Need("working", Span.ENDS, by_key=True),), settings=("flow_iterations", "flow_stop")
)
COMPLETION = StageRow(
    "completion", "completion", "pair", (Need("flow", Span.REACH), Need("flow hole", Span.REACH_ENDS))
)
_PULLED = (
    Need("flow", Span.REACH_PAIRS, by_key=True),
    Need("completion", Span.REACH_PAIRS),
    Need("known", Span.REACH, by_key=True),
    Need("hole", Span.REACH),
)
CARRIED_PAST = StageRow("carried past", "past", "frame", (*_PULLED, Need("carried past", Span.FIRST)), is_counted=False)
CARRIED_FUTURE = StageRow(
    "carried future", "future", "frame", (*_PULLED, Need("carried future", Span.LAST)), is_counted=False
)
_CARRIED = (Need("carried past", Span.FIRST), Need("carried future", Span.LAST))
PROPAGATION = StageRow("propagation", "propagation", "frame", (*_PULLED, *_CARRIED))
PAINTING = StageRow(
    "painting", "window", "frame",
    (
        Need("known", Span.SEEN, by_key=True), Need("hole", Span.SEEN), Need("propagation", Span.SEEN),
        Need("flow", Span.PAINTED_PAIRS, by_key=True), Need("completion", Span.PAINTED_PAIRS),
    ),
    ("never_seen",),
)  # fmt: skip
SIGHTS = StageRow("sights", "propagation", "frame", (*_PULLED, *_CARRIED), is_counted=False)
NATIVE = StageRow(
    "native", "frame", "frame",
    (Need("painting"), Need("sights"), Need("known", by_key=True), Need("hole")), ("threshold", "grow"),
    is_counted=False,
)  # fmt: skip
GRAIN = StageRow(
    "grain", "frame", "frame",
    (Need("working", Span.BESIDE, by_key=True), Need("grown", Span.BESIDE), Need("flow", Span.BESIDE_PAIRS, by_key=True)),
    is_counted=False,
)  # fmt: skip
COMPOSITE = StageRow(
    "composite", "frame", "frame", (Need("painting"), Need("grain", Span.NEAR)), ("threshold", "grow", "feather")
)

ROWS = (
    GROWN, FLOW_GROWN, HOLE, FLOW_HOLE, WORKING, CUT, KNOWN,
    FLOW, COMPLETION, CARRIED_PAST, CARRIED_FUTURE, PROPAGATION, PAINTING, SIGHTS, NATIVE, GRAIN, COMPOSITE,
)  # fmt: skip
"""Every stage; what a stage needs stands before it, or is the stage itself at the unit before."""
COUNTED = tuple(row.name for row in ROWS if row.is_counted)
"""The stages a report counts, in order of the walk."""
STORED = COUNTED[:-1]
"""Those of them whose parts are stored and may be asked for by name: all before the composite."""
