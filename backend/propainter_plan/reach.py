"""What every frame of a shot can see, in time that grows with the shot, not with its square.

Here: ``reach_of_all``. What ``ShotPlan.plan`` gathers for one frame as sets is, for all of them, mostly the same: places are
carried across the whole shot. So frames are runs here, and what stands below a chunk or window is gathered once. Not here:
which units those are (``plan.py``), what needs what (``stages.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from propainter_plan.plan import ShotPlan
from propainter_plan.units import Unit, Window

Runs = tuple[tuple[int, int], ...]
"""Frames as ascending inclusive runs with a gap between any two, 0-based."""

_WINDOWS_KEPT = 64
"""The windows met last: those of the learned engine are many, and few frames share one."""


def reach_of_all(plan: ShotPlan) -> Iterator[Runs]:
    """For each frame the runs of ``plan([frame]).frames``, or itself where that is none; equal ones are one object."""
    gathering = _Gathering(plan)
    last = plan.frame_count - 1
    shared: dict[Runs, Runs] = {}
    for frame in range(plan.frame_count):
        below = gathering.of("composite", frame)
        beside = _joined((max(0, first - 1), min(last, end + 1)) for first, end in below) or ((frame, frame),)
        yield shared.setdefault(beside, beside)


class _Gathering:
    """The frames below units, each unit asked once."""

    def __init__(self, plan: ShotPlan) -> None:
        self._plan = plan
        self._chunks: dict[tuple[str, Unit], Runs] = {}
        self._windows: dict[tuple[str, Unit], Runs] = {}

    def of(self, stage: str, unit: Unit) -> Runs:
        """The frames that stand below a unit, those below the rest of its own stage's chain left out."""
        seen: list[tuple[int, int]] = []
        for need in self._plan.rows[stage].needs:
            if need.stage == stage:
                continue
            row, parts = self._plan.rows[need.stage], need.over.of(unit)
            if not row.is_counted and row.unit == "frame":
                seen.extend((part, part) for part in parts)
                continue
            units = {below: None for part in parts for below in self._plan.units_of(need.stage, part)}
            seen.extend(run for below in units for run in self._of_chain(need.stage, below))
        return _joined(seen)

    def _of_chain(self, stage: str, unit: Unit) -> Runs:
        """The frames below a unit and all of its stage that it builds on."""
        if isinstance(unit, int):
            return self.of(stage, unit)
        known = self._windows if isinstance(unit, Window) else self._chunks
        if len(self._windows) > _WINDOWS_KEPT:
            self._windows.clear()
        chain: list[Unit] = []
        seen: Runs = ()
        for below in self._plan.chain(stage, unit):
            if (stage, below) in known:
                seen = known[stage, below]
                break
            chain.append(below)
        for below in reversed(chain):
            seen = known[stage, below] = _joined((*seen, *self.of(stage, below)))
        return seen


def _joined(runs: Iterable[tuple[int, int]]) -> Runs:
    """Runs in any order, touching or lying over one another, as what they cover together."""
    joined: list[tuple[int, int]] = []
    for first, last in sorted(runs):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return tuple(joined)
