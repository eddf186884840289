"""Shots as memory allows them: planned to fit before they begin, and asked for less of when memory runs out all the same.

Here: ``Fitting``. Not here: how much a unit takes (``propainter_backend/render/memory_plan.py``), letting go of what can be
recomputed (``steps.py``).
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from dataclasses import dataclass, replace

import torch

from propainter_backend.render.memory_plan import footprint_of, free_memory, plan_memory, smaller_chunk
from propainter_backend.worker.loaded_engines import LoadedEngines
from propainter_backend.worker.shot_spec import ShotSpec
from propainter_backend.worker.worker_entry import SHOTS_REMEMBERED

log = logging.getLogger(__name__)

_SMALLEST_DRAFT = 0.2


@dataclass(frozen=True)
class Lowered:
    """A shot as memory allows it: it may not fit as it was asked for."""

    spec: ShotSpec
    notes: tuple[str, ...] = ()
    flow_pairs: int | None = None
    warning: str | None = None
    """For the log: what does not fit even so."""


class Fitting:
    """What has been learnt of a shot is kept: nothing is tried too large again. memory_budget: artifacts' share."""

    def __init__(self, engines: LoadedEngines, *, memory_budget: int) -> None:
        self._engines = engines
        self._memory_budget = memory_budget
        self._lowered: OrderedDict[str, Lowered] = OrderedDict()
        self._free: dict[torch.device, int] = {}

    def of(self, key: str, spec: ShotSpec) -> Lowered:
        """A shot as it is rendered; the log says, once, where that is not as it was asked for."""
        lowered = self._lowered.get(key)
        if lowered is None:
            lowered = self.planned(spec)
            self._keep(key, lowered)
            for said in (*lowered.notes, lowered.warning):
                if said is not None:
                    log.warning("%s", said)
        return lowered

    def planned(self, spec: ShotSpec) -> Lowered:
        """The shot as its peak is expected to fit; a cropped one as it is, for only its mattes tell how large it is."""
        engine = self._engines.of(spec)
        width, height = (-(-side // 8) * 8 for side in self.size_of(spec))
        footprint = footprint_of(engine, (width, height))
        if footprint is None or spec.crop_padding() is not None:
            return Lowered(spec)
        if engine.device not in self._free:
            self._free[engine.device] = free_memory(engine.device, artifacts=self._memory_budget)
        plan = plan_memory(
            footprint, engine, spec.frame_count, spec.removal_settings(self._engines.snap(engine)), (width, height),
            budget=self._free[engine.device], at_once=engine.spread.count,
        )  # fmt: skip
        changed = {"chunk_length": plan.settings.chunk_length, "ref_stride": plan.settings.ref_stride}
        notes = () if plan.change is None else (plan.change,)
        return Lowered(replace(spec, settings={**spec.settings, **changed}), notes, plan.flow_pairs, plan.warning)

    def size_of(self, spec: ShotSpec) -> tuple[int, int]:
        """Width, height a shot's fill is made at."""
        return spec.working_size(self._engines.of(spec).name) or spec.size

    def step_down(self, key: str, lowered: Lowered) -> bool:
        """Ask for less at once from now on (a draft: also smaller); False where nothing smaller would help."""
        spec = lowered.spec
        chunk = smaller_chunk(spec.settings["chunk_length"], spec.frame_count)
        if chunk is None:
            return False
        settings = {**spec.settings, "chunk_length": chunk}
        said = f"memory ran out: going on with chunks of {chunk} frames"
        if spec.quality == "draft" and settings["draft_scale"] / 2 >= _SMALLEST_DRAFT:
            settings["draft_scale"] /= 2
            said += f" at {settings['draft_scale']:g} of the working size"
        log.warning("%s", said)
        self._keep(key, replace(lowered, spec=replace(spec, settings=settings), notes=(*lowered.notes, said)))
        return True

    def _keep(self, key: str, lowered: Lowered) -> None:
        self._lowered[key] = lowered
        while len(self._lowered) > SHOTS_REMEMBERED:
            self._lowered.popitem(last=False)
