"""Units of work: a chunk and a window; a frame or a pair is an integer. All are 0-based within a shot.

Here: the two dataclasses, the parts a unit is stored in, its place in the shot. Not here: cutting a shot (``cuts.py``).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Chunk:
    """A run of units (flow pairs or frames) treated in one pass: its core, and the overlap it may look into.

    All four are 0-based and inclusive; results outside the core are thrown away.
    """

    core_first: int
    core_last: int
    reach_first: int
    reach_last: int

    @property
    def core_in_reach(self) -> tuple[int, int]:
        """First and last of the core, counted from the reach's first."""
        return self.core_first - self.reach_first, self.core_last - self.reach_first

    @property
    def reach_length(self) -> int:
        """Units that are looked at, the core among them."""
        return self.reach_last - self.reach_first + 1


@dataclass(frozen=True)
class Window:
    """The frames one painter call sees. 0-based frame indices of the shot."""

    centre: int
    neighbours: tuple[int, ...]
    """Consecutive frames the call paints."""
    references: tuple[int, ...]
    """Distant frames it may look at but does not paint."""
    weights: tuple[float, ...]
    """One a neighbour, > 0: its share when windows overlap. Depends on the frame's distance from the centre alone,
    never on the order in which windows are painted."""
    core: tuple[int, int] | None = None
    """First and last of the frames it is there for, where they are more than the centre."""

    @property
    def seen(self) -> tuple[int, ...]:
        """Neighbours, then references, as the painter is given them."""
        return self.neighbours + self.references

    @property
    def core_frames(self) -> range:
        """The frames it is there for; the others it paints to fade in and out."""
        first, last = self.core or (self.centre, self.centre)
        return range(first, last + 1)

    def share(self, frame: int) -> float:
        """Its weight for one of its neighbours."""
        return self.weights[self.neighbours.index(frame)]


Unit = int | Chunk | Window


def parts_of(unit: Unit) -> tuple[int, ...]:
    """The frames or pairs a unit gives, one stored part each."""
    if isinstance(unit, Window):
        return unit.neighbours
    return tuple(range(unit.core_first, unit.core_last + 1)) if isinstance(unit, Chunk) else (unit,)


def name_of(unit: Unit) -> int:
    """The one number that reports name a unit by: its first part, or a window's centre."""
    return unit.centre if isinstance(unit, Window) else first_part(unit)


def first_part(unit: Unit) -> int:
    """The first frame or pair a unit gives."""
    return parts_of(unit)[0]
