"""Which units a change makes stale: read off the map of the stages, before anything is computed.

At most these: work stops where a recomputed part equals the old one. Here: ``stale_units``. Not here: what really is
computed (the renderer decides by keys), what it costs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

from propainter_plan.plan import ShotPlan
from propainter_plan.stages import STORED, StageRow
from propainter_plan.units import Unit, Window, name_of, parts_of


def stale_units(
    plan: ShotPlan,
    frames: Iterable[int],
    *,
    before: ShotPlan,
    cached: Mapping[str, Set[int]],
    changed: Set[str],
    everything: bool = False,
) -> dict[str, tuple[Unit, ...]]:
    """The units of each stored stage that rendering these frames has to compute, in shot order.

    before: the plan under which ``cached`` was stored, of each stage its frames or pairs. changed: names of ``Settings``
    that differ since. everything: something changed that every stage sees, as the engine or the working size.
    A unit is kept if the same work was cut before, all of it is stored, and nothing it depends on is redone.
    """
    needed = plan.plan(frames)
    stale_rows: set[str] = set()
    stale_parts: dict[str, set[int]] = {}
    found: dict[str, tuple[Unit, ...]] = {}
    for row in plan.rows.values():
        is_changed = everything or not changed.isdisjoint(row.settings)
        if row.unit in plan.carried:
            stale_parts[row.name] = _stale_chain(row, plan, stale_rows, stale_parts, is_changed=is_changed)
            continue
        if not row.is_counted:
            if is_changed or any(need.stage in stale_rows for need in row.needs):
                stale_rows.add(row.name)
            continue
        if row.name not in STORED:
            continue
        known = {_work_of(unit) for unit in before.units(row.name)}
        stored = cached.get(row.name, frozenset())
        stale = [
            unit
            for unit in needed.units.get(row.name, ())
            if is_changed
            or _work_of(unit) not in known
            or not stored >= set(parts_of(unit))
            or _needs_stale(row, unit, stale_rows, stale_parts)
        ]
        stale_parts[row.name] = {part for unit in stale for part in parts_of(unit)}
        found[row.name] = tuple(sorted(stale, key=name_of))
    return found


def _stale_chain(
    row: StageRow, plan: ShotPlan, rows: set[str], parts: Mapping[str, set[int]], *, is_changed: bool
) -> set[int]:
    """The borders of chunks to which something stale may be carried: from the first stale stretch on, all of them."""
    units = plan.carried["past"] if row.unit == "past" else plan.carried["future"][::-1]
    stale: set[int] = set()
    for unit in units:
        if is_changed or stale or _needs_stale(row, unit, rows, parts):
            stale.update(parts_of(unit))
    return stale


def _needs_stale(row: StageRow, unit: Unit, rows: set[str], parts: Mapping[str, set[int]]) -> bool:
    return any(
        need.stage in rows or not parts.get(need.stage, set()).isdisjoint(need.over.of(unit)) for need in row.needs
    )


def _work_of(unit: Unit) -> object:
    """What of a unit decides its parts: not a window's weights, which only mix them."""
    return (unit.neighbours, unit.references) if isinstance(unit, Window) else unit
