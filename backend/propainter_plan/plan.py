"""Which units of work a frame needs: pure, integers only, read off the map of the stages.

Here: ``ShotPlan``, one shot cut into units, and ``Plan``, those that some frames need. Not here: the map (``stages.py``),
keys and computing (``propainter_backend/render``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from propainter_plan import cuts
from propainter_plan.clipping import Clipping, IsCut
from propainter_plan.cuts import CutSettings
from propainter_plan.layouts import Layout
from propainter_plan.stages import ROWS, StageRow
from propainter_plan.units import Chunk, Unit, Window, name_of, parts_of


@dataclass(frozen=True)
class Plan:
    """The units a set of frames needs, each once, in shot order."""

    units: Mapping[str, tuple[Unit, ...]]
    """Of every counted stage but the composite, which is one a frame."""
    frames: tuple[int, ...]
    """Every frame, 0-based, whose plate and matte some unit reads, and those beside them: they tell a cut from a flash."""

    def count(self, stage: str) -> int:
        """Units of a stage (composite is counted by the caller: one a frame)."""
        return len(self.units.get(stage, ()))

    @property
    def windows(self) -> tuple[Window, ...]:
        """The painter's."""
        return self.units.get("painting", ())  # type: ignore[return-value]

    @property
    def propagation(self) -> tuple[Chunk, ...]:
        """Chunks of frames."""
        return self.units.get("propagation", ())  # type: ignore[return-value]

    @property
    def completion(self) -> tuple[Chunk, ...]:
        """Chunks of pairs."""
        return self.units.get("completion", ())  # type: ignore[return-value]

    @property
    def pairs(self) -> tuple[int, ...]:
        """Of which flow is needed."""
        return self.units.get("flow", ())  # type: ignore[return-value]


@dataclass
class _Wanted:
    """Units and frames gathered on a walk down the map."""

    units: dict[str, set[Unit]] = field(default_factory=lambda: defaultdict(set))
    frames: set[int] = field(default_factory=set)

    def add(self, other: _Wanted) -> None:
        for stage, units in other.units.items():
            self.units[stage] |= units
        self.frames |= other.frames


class ShotPlan:
    """The units of one shot under one engine and settings, anchored at its first frame.

    rows: the stages there are; what a stage needs stands before it. is_cut: see ``IsCut``; None:
    there are no cuts.
    """

    def __init__(
        self, layout: Layout, frame_count: int, settings: CutSettings, *, rows: Sequence[StageRow] = ROWS,
        is_cut: IsCut | None = None,
    ) -> None:  # fmt: skip
        self.frame_count = frame_count
        self.windows = layout.windows(frame_count, settings)
        self.propagation = layout.propagation_chunks(frame_count, settings)
        self.completion = layout.completion_chunks(frame_count - 1, settings)
        self.rows = {row.name: row for row in rows}
        self.carried = {
            "past": cuts.carried_past(self.propagation) if layout.carries else (),
            "future": cuts.carried_future(self.propagation) if layout.carries else (),
        }
        self._carried_to = {way: {u.core_first: u for u in units} for way, units in self.carried.items()}
        self._propagation_of = _owners(self.propagation)
        self._completion_of = _owners(self.completion)
        self._clipping = None if is_cut is None else Clipping(is_cut)
        self._wanted_by: dict[tuple[str, Unit, bool], _Wanted] = {}

    @cached_property
    def _windows_of(self) -> Mapping[int, tuple[Window, ...]]:
        found: dict[int, list[Window]] = defaultdict(list)
        for window in self.windows:
            for frame in window.neighbours:
                found[frame].append(window)
        return {frame: tuple(windows) for frame, windows in found.items()}

    def propagation_of(self, frame: int) -> Chunk:
        """The chunk whose core holds a frame."""
        return self.clipped(self.propagation[self._propagation_of[frame]], frame)

    def completion_of(self, pair: int) -> Chunk:
        """The chunk whose core holds a flow pair."""
        chunk = self.completion[self._completion_of[pair]]
        return chunk if self._clipping is None else self._clipping.pairs(chunk, pair)

    def clipped(self, chunk: Chunk, frame: int) -> Chunk:
        """What of a chunk of frames lies in the scene of one of them."""
        return chunk if self._clipping is None else self._clipping.chunk(chunk, frame)

    def windows_of(self, frame: int, *, nearest_only: bool = False) -> tuple[Window, ...]:
        """The windows that paint a frame; ``nearest_only``: the one with the greatest share (for previews)."""
        seen = self._windows_of[frame]
        if self._clipping is not None:
            seen = self._clipping.windows(seen, frame)
        if not nearest_only:
            return seen
        return (max(seen, key=lambda w: (w.share(frame), -w.centre)),)

    def units(self, stage: str) -> tuple[Unit, ...]:
        """Every unit of a stage, in shot order."""
        kind = self.rows[stage].unit
        if self._clipping is not None and kind not in ("frame", "pair"):
            found = (unit for part in self.parts(stage) for unit in self.units_of(stage, part))
            return tuple(dict.fromkeys(found))
        cut: Mapping[str, Iterable[Unit]] = {
            "frame": range(self.frame_count),
            "pair": range(self.frame_count - 1),
            "completion": self.completion,
            "propagation": self.propagation,
            **self.carried,
            "window": self.windows,
        }
        return tuple(cut[kind])

    def units_of(self, stage: str, part: int) -> tuple[Unit, ...]:
        """The units of a stage that give a frame or pair: one, but for windows, which overlap, and for places carried: these
        are stored at the borders of chunks alone."""
        kind = self.rows[stage].unit
        if kind in self._carried_to:
            unit = self._carried_to[kind].get(part)
            if unit is None or (short := self.clipped(unit, part)).reach_length == 1:
                return ()
            return (short,)
        if kind == "window":
            return self.windows_of(part)
        if kind == "completion":
            return (self.completion_of(part),)
        return (self.propagation_of(part),) if kind == "propagation" else (part,)

    def parts(self, stage: str) -> range:
        """Every frame, or pair, that a stage gives."""
        return range(self.frame_count - (self.rows[stage].part == "pair"))

    def plan(self, frames: Iterable[int], *, nearest_only: bool = False) -> Plan:
        """Everything the given frames need, whether or not it is already cached."""
        wanted = _Wanted()
        for frame in frames:
            self._walk("composite", frame, wanted, nearest_only)
        units = {
            stage: tuple(sorted(found, key=name_of))
            for stage, found in wanted.units.items()
            if self.rows[stage].is_counted
        }
        beside = {frame + way for frame in wanted.frames for way in (-1, 1)} & set(range(self.frame_count))
        return Plan(units, tuple(sorted(wanted.frames | beside)))

    def _walk(self, stage: str, unit: Unit, wanted: _Wanted, nearest_only: bool) -> None:
        """Add what a unit needs. Units below it are asked once for all that need them."""
        for need in self.rows[stage].needs:
            if need.stage == stage:
                continue  # whoever needs the unit walks along its whole chain
            there_are = self.parts(need.stage)
            row, parts = self.rows[need.stage], [part for part in need.over.of(unit) if part in there_are]
            if not row.is_counted and row.unit == "frame":
                wanted.frames.update(parts)
                continue
            for part in parts:
                found = self.units_of(need.stage, part)
                if nearest_only and row.unit == "window":
                    found = self.windows_of(part, nearest_only=True)
                for nearest in found:
                    for below in self.chain(need.stage, nearest):
                        if below in wanted.units[need.stage]:
                            break
                        wanted.units[need.stage].add(below)
                        wanted.add(self._wanted_by_unit(need.stage, below, nearest_only))

    def chain(self, stage: str, unit: Unit) -> Iterator[Unit]:
        """A unit, then those of the same stage it builds on, one after the other; most stages have no others."""
        own = next((need for need in self.rows[stage].needs if need.stage == stage), None)
        below: tuple[Unit, ...] = (unit,)
        while below:
            yield below[0]
            below = () if own is None else self.units_of(stage, next(iter(own.over.of(below[0]))))

    def _wanted_by_unit(self, stage: str, unit: Unit, nearest_only: bool) -> _Wanted:
        """Remembered, but for windows: there are many, and each is asked for about once."""
        known = self._wanted_by.get((stage, unit, nearest_only))
        if known is None:
            known = _Wanted()
            self._walk(stage, unit, known, nearest_only)
            if not isinstance(unit, Window):
                self._wanted_by[stage, unit, nearest_only] = known
        return known


def _owners(chunks: Sequence[Chunk]) -> dict[int, int]:
    return {part: index for index, chunk in enumerate(chunks) for part in parts_of(chunk)}
