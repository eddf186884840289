"""What is chosen where memory is short, and that nothing is chosen where it is not."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from builders import ToyEngine, box_shot
from propainter.classical import ClassicalEngine
from propainter.footprint import ClassicalFootprint, LearnedFootprint
from propainter.raft.estimation import flow_bytes, pairs_at_once
from propainter.types import Settings
from propainter_backend.commands import remove as command
from propainter_backend.render import memory_plan
from propainter_backend.render.memory_plan import MemoryPlan, device_use, fitted, footprint_of, plan_memory
from propainter_backend.render.shot import longest_run
from propainter_backend.render.shot_cache import ShotCache
from propainter_backend.render.shot_renderer import ShotRenderer
from propainter_backend.render.steps import run_to_end
from propainter_plan.plan import ShotPlan

FULL_HD = (1920, 1080)
GB = 10**9


@dataclass
class Plain:
    """A byte a pair, a frame; a window: one a neighbour, ten a reference."""

    def flow(self, pairs: int) -> int:
        return pairs

    def completion(self, pairs: int) -> int:
        return pairs

    def propagation(self, frames: int) -> int:
        return frames

    def painting(self, neighbours: int, references: int) -> int:
        return neighbours + 10 * references

    def kept(self, frames: int) -> int:
        return 0


def planned(frame_count: int, budget: int, **settings: int) -> MemoryPlan:
    return plan_memory(Plain(), ToyEngine(), frame_count, Settings(**settings), (64, 48), budget=budget)


def test_a_shot_that_fits_is_treated_as_asked() -> None:
    settings = Settings(chunk_length=80)
    plan = planned(1000, 200)
    assert plan == MemoryPlan(settings, flow_pairs=longest_run(64, 48) // 8)
    assert planned(1000, 1000).flow_pairs == longest_run(64, 48)


def test_the_longest_chunk_that_fits_is_chosen_and_said() -> None:
    plan = planned(1000, 70, ref_stride=40)  # chunks of 80 see 100 frames at once, those of 40 see 60
    assert plan.settings == Settings(chunk_length=40, ref_stride=40)
    assert plan.change == (
        "memory would run out (propagation of 100 frames takes 0.0 GB, 0.0 GB are free): working with chunks of 40 frames"
    )
    assert plan.warning is None


def test_references_go_where_no_chunk_is_short_enough_and_that_is_said() -> None:
    plan = planned(60, 50, chunk_length=60, neighbor_length=4, ref_stride=1)
    assert plan.settings.ref_stride in (2, 4, 8) and plan.change is not None
    assert f"a reference every {plan.settings.ref_stride} frames" in plan.change


def test_references_that_were_not_looked_at_before_are_never_taken_instead() -> None:
    """Near the start of a long shot every 14th frame is not among every 7th: the stretch they are taken from is shorter."""
    plan = planned(300, 122, chunk_length=101, neighbor_length=2, ref_stride=7)
    assert plan.settings == Settings(chunk_length=101, neighbor_length=2, ref_stride=7)
    assert plan.warning is not None and plan.warning.startswith("memory may run out: painting of ")


def test_where_nothing_fits_it_is_said_which_working_size_would() -> None:
    engine = ToyEngine()
    plan = plan_memory(LearnedFootprint(3840, 2160), engine, 100, Settings(), (3840, 2160), budget=16 * GB)
    assert plan.warning is not None and "flow of a pair at 3840x2160 takes" in plan.warning
    width, height = (int(side) for side in plan.warning.split("about ")[1].split("x"))
    smaller = plan_memory(LearnedFootprint(width, height), engine, 100, Settings(), (width, height), budget=16 * GB)
    assert smaller.warning is None
    assert width > 480


def test_a_4k_shot_of_the_classical_engine_gets_a_shorter_chunk_beforehand() -> None:
    size = (3840, 2160)
    plan = plan_memory(ClassicalFootprint(*size), ClassicalEngine(), 200, Settings(), size, budget=40 * GB)
    assert plan.settings.chunk_length == 40 and plan.warning is None


def test_a_full_hd_shot_of_the_learned_engine_fits_into_16_gb_as_it_is_and_not_into_10() -> None:
    plans = [
        plan_memory(LearnedFootprint(1920, 1080), ToyEngine(), 240, Settings(), FULL_HD, budget=budget * GB)
        for budget in (16, 10)
    ]
    assert plans[0].change is None
    assert plans[1].change is not None and plans[1].settings.chunk_length < 80


@hypothesis_settings(max_examples=60)
@given(
    frame_count=st.integers(1, 300),
    budget=st.integers(1, 300),
    chunk=st.integers(2, 260),
    neighbor_length=st.integers(2, 20),
    ref_stride=st.integers(1, 40),
)
def test_what_is_chosen_fits_or_is_owned_up_to_and_sees_no_new_frame(
    frame_count: int, budget: int, chunk: int, neighbor_length: int, ref_stride: int
) -> None:
    settings = Settings(chunk_length=chunk, neighbor_length=neighbor_length, ref_stride=ref_stride)
    plan = plan_memory(Plain(), ToyEngine(), frame_count, settings, (64, 48), budget=budget)
    before, after = (ShotPlan(ToyEngine(), frame_count, each) for each in (settings, plan.settings))
    peak = max(
        1,
        *(c.reach_last - c.reach_first + 1 for c in after.propagation + after.completion),
        *(len(w.neighbours) + 10 * len(w.references) for w in after.windows),
    )
    assert (peak > budget) == (plan.warning is not None)
    assert (plan.change is not None) == (plan.settings != settings)
    for frame in {0, frame_count // 3, frame_count - 1}:
        assert set(after.plan([frame]).frames) <= set(before.plan([frame]).frames)


def test_shorter_runs_of_flow_leave_every_bit_as_it_is(tmp_path) -> None:
    shot = box_shot(12, Settings(chunk_length=8))
    pictures = []
    for flow_pairs in (None, 1, 3):
        cache = ShotCache(tmp_path / str(flow_pairs), memory_budget=1 << 26)
        renderer = ShotRenderer(replace(shot, flow_pairs=flow_pairs), ClassicalEngine(), cache)
        pictures.append(run_to_end(renderer.frame(5)).pixels)
    assert np.array_equal(pictures[0], pictures[1]) and np.array_equal(pictures[0], pictures[2])


def test_nothing_is_planned_for_an_engine_nothing_is_known_of() -> None:
    assert footprint_of(ToyEngine(), (64, 48)) is None
    assert footprint_of(ClassicalEngine(), (64, 48)) is not None


@pytest.mark.parametrize(("free", "chunk"), [(1 << 40, 80), (120 * 64 * 48 * 25, 20)])
def test_the_command_works_with_what_was_planned(monkeypatch, free: int, chunk: int) -> None:
    monkeypatch.setattr(memory_plan, "free_memory", lambda device, artifacts: free)
    shot, notes = fitted(box_shot(40, Settings()), command.choose_engine("classical").engine, artifacts=0)
    assert shot.settings.chunk_length == chunk
    assert bool(notes) == (chunk != 80)


def test_a_processor_is_asked_for_no_gpu_s_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """To ask would begin to use GPU 0, and take room there."""
    asked = []
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: asked.append(device) or (3, 10))
    assert device_use(torch.device("cpu")) == (0, 0)
    assert device_use(torch.device("cuda:1")) == (7, 10)
    assert asked == [torch.device("cuda:1")]


@pytest.mark.parametrize("size", [(432, 240), (864, 480), (1280, 720)])
def test_on_a_gpu_a_run_of_flow_takes_a_full_batch_whatever_its_length(size: tuple[int, int]) -> None:
    here, gpu = LearnedFootprint(*size), LearnedFootprint(*size, on_gpu=True)
    batch = 2 * max(1, pairs_at_once(*size)) - (pairs_at_once(*size) == 0)
    held = (12 + 16) * size[0] * size[1]
    volume = flow_bytes(*size) - 4 * 4096 * size[0] * size[1] // 64
    assert gpu.flow(2) - gpu.flow(1) == held == here.flow(2) - here.flow(1)
    assert gpu.flow(1) - here.flow(1) >= (batch - 1) * volume
    assert batch > 1 or gpu.flow(1) == here.flow(1)


def test_on_a_gpu_completion_holds_both_ways_at_once() -> None:
    here, gpu = LearnedFootprint(432, 240), LearnedFootprint(432, 240, on_gpu=True)
    a_pair = (16 + 8 + 8) * 432 * 240  # features at 1/8 twice, a skip at 1/4: of the other way
    assert gpu.completion(21) - gpu.completion(1) == here.completion(21) - here.completion(1) + 20 * a_pair
