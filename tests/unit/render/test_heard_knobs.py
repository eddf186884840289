"""What an engine ignores is in no key: changing it redoes nothing. What it heeds is in one."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from builders import MemoryPictures, ToyEngine, box_shot
from propainter.classical import ClassicalEngine
from propainter.engine import Engine
from propainter.types import Settings
from propainter_backend.render.shot import Shot
from propainter_backend.render.shot_cache import ShotCache
from propainter_backend.render.shot_renderer import ShotRenderer
from propainter_backend.render.steps import run_to_end
from propainter_knobs.table import BY_NAME, heard_by, listens
from propainter_plan.layouts import ClassicalLayout
from propainter_plan.stages import ROWS, SIGHTS, Need

FRAMES = 14
BEFORE = Settings(chunk_length=6, neighbor_length=4, ref_stride=4, grow=2)
CHANGES = {
    "neighbor_length": 8, "ref_stride": 3, "chunk_length": 5, "flow_iterations": 7, "flow_stop": 0.3, "grow": 3,
    "threshold": 0.7, "flow_hole_snap": 16, "grow_flow": 9, "never_seen": "smooth",
}  # fmt: skip


class ToyOfClassicalCut(ToyEngine):
    """Cuts, and is called, as the embedded engine."""

    completion_chunks = ClassicalLayout.completion_chunks
    windows = ClassicalLayout.windows


ENGINES: dict[str, Engine] = {
    "classical": ToyOfClassicalCut(name="classical"),
    "propainter": ToyEngine(name="propainter"),
}
"""Toys: keys are what is looked at. Both would compute something else if a knob they should ignore reached them."""


def soft_shot() -> Shot:
    """A box that is softer at one edge, so that the threshold counts."""
    shot = box_shot(FRAMES, BEFORE)
    pictures = shot.pictures
    assert isinstance(pictures, MemoryPictures)
    mattes = [np.where(np.arange(64) < 25, matte * 0.5, matte).astype(np.float32) for matte in pictures.mattes]
    return replace(shot, pictures=MemoryPictures(pictures.plates, mattes))


def keys_of(shot: Shot, engine: Engine, store: ShotCache) -> dict[str, list[str]]:
    """Every key that something of the shot is stored under, by stage."""
    asked = ShotRenderer(shot, engine, store).ask
    found = {}
    for row in ROWS[: ROWS.index(SIGHTS)]:  # what follows hears nothing that these do not, or is made anew every time
        parts = [part for part in asked.plan.parts(row.name) if asked.plan.units_of(row.name, part)]
        found[row.name] = run_to_end(asked.inputs(Need(row.name, by_key=True), parts))
    return found


@pytest.fixture(scope="module", params=list(ENGINES))
def engine(request: pytest.FixtureRequest) -> Engine:
    return ENGINES[request.param]


@pytest.fixture(scope="module")
def store() -> ShotCache:
    return ShotCache(None, memory_budget=1 << 30)


def test_every_setting_of_a_removal_is_tried() -> None:
    assert set(CHANGES) == {field.name for field in fields(Settings)} - {"feather"}, (
        "the composite alone reads that one"
    )


@pytest.mark.parametrize("name", list(CHANGES))
def test_a_knob_changes_a_key_exactly_if_the_engine_heeds_it(engine: Engine, store: ShotCache, name: str) -> None:
    shot = soft_shot()
    before = keys_of(shot, engine, store)
    after = keys_of(replace(shot, settings=replace(BEFORE, **{name: CHANGES[name]})), engine, store)
    assert (before != after) == (engine.name in BY_NAME[name].engines)


def test_the_embedded_engine_redoes_nothing_for_the_networks_knobs() -> None:
    engine, shot, store = ClassicalEngine(), box_shot(4, BEFORE), ShotCache(None, memory_budget=1 << 30)
    first = ShotRenderer(shot, engine, store)
    pictures = [run_to_end(first.frame(i)).pixels for i in range(4)]
    ignored = {name: value for name, value in CHANGES.items() if not listens("classical", name)}
    assert set(ignored) == {"neighbor_length", "ref_stride", "flow_iterations", "flow_stop"}
    again = ShotRenderer(replace(shot, settings=replace(BEFORE, **ignored)), engine, store)
    assert all(np.array_equal(run_to_end(again.frame(i)).pixels, pictures[i]) for i in range(4))
    computed = {stage: count["computed"] for stage, count in again.counts.report().items() if stage != "composite"}
    assert computed == dict.fromkeys(("flow", "completion", "propagation", "painting"), 0)


def test_settings_as_heard_keep_what_the_engine_heeds() -> None:
    settings = replace(BEFORE, never_seen="smooth", flow_iterations=7)
    assert heard_by("propainter", settings) == replace(settings, never_seen="texture")
    assert heard_by("classical", settings).flow_iterations == BY_NAME["flow_iterations"].default
    assert heard_by("", settings) == heard_by("toy", settings) == settings
