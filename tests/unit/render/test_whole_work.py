"""Progress counts the whole work: it starts near 0, never falls, ends at 1, and every stage moves it by what it costs."""

from __future__ import annotations

import io
from dataclasses import replace
from itertools import pairwise

import pytest

from builders import ToyEngine, box_shot
from propainter.types import Settings
from propainter_backend.render.crop import CroppedRenderer
from propainter_backend.render.progress import ProgressLine, TimeLeft
from propainter_backend.render.shot_cache import ShotCache
from propainter_backend.render.shot_renderer import ShotRenderer
from propainter_backend.render.steps import run_to_end
from propainter_backend.render.whole_work import COSTS, WholeWork
from propainter_plan.plan import ShotPlan
from propainter_plan.stages import COUNTED

SHORT = Settings(neighbor_length=4, ref_stride=4, chunk_length=16, flow_iterations=3)
FRAMES = 40


def store() -> ShotCache:
    return ShotCache(None, memory_budget=1 << 30)


def shares_of(renderer: ShotRenderer | CroppedRenderer, frames: range = range(FRAMES)) -> list[float]:
    """The share told at every step of rendering these frames."""
    told: list[float] = []
    renderer.aim_at(frames)
    for index in frames:
        run_to_end(renderer.frame(index), lambda step: told.append(step.share))
    return told


@pytest.mark.parametrize("name", ["classical", "propainter", "another"])
def test_it_rises_from_the_first_unit_to_the_whole_and_never_falls(name: str) -> None:
    told = shares_of(ShotRenderer(box_shot(FRAMES, SHORT), ToyEngine(name=name), store()))
    assert 0 < told[0] < 0.3
    assert all(before <= after for before, after in pairwise(told))
    assert told[-1] == pytest.approx(1.0)


def test_it_moves_while_the_stages_before_the_first_frame_are_at_work() -> None:
    """The bar stayed at 0 % for most of a render: no frame is finished before most of the work is done."""
    renderer = ShotRenderer(box_shot(FRAMES, SHORT), ToyEngine(name="classical"), store())
    renderer.aim_at(range(FRAMES))
    told: list[float] = []
    run_to_end(renderer.frame(0), lambda step: told.append(step.share))
    assert told[-1] > 0.15 and len(set(told)) > 2


def test_through_boxes_it_does_the_same_over_all_stretches() -> None:
    shot = box_shot(FRAMES, SHORT)
    told = shares_of(CroppedRenderer(shot, ToyEngine(), store(), padding=4))
    assert 0 < told[0] < 0.3
    assert all(before <= after for before, after in pairwise(told))
    assert told[-1] == pytest.approx(1.0)


def test_a_stage_is_named_while_its_large_units_are_at_work() -> None:
    """A chunk may take minutes: until it was done, the stage before it was shown."""
    engine = ToyEngine()
    renderer = ShotRenderer(box_shot(FRAMES, SHORT), engine, store())
    renderer.aim_at(range(FRAMES))
    told: dict[str, int] = {}
    run_to_end(renderer.frame(0), lambda step: told.setdefault(step.stage, engine.calls[step.stage]))
    assert told["propagation"] == told["painting"] == told["completion"] == 0, "told before any of its units was made"


def test_what_is_cached_counts_as_done() -> None:
    shot, cache = box_shot(FRAMES, SHORT), store()
    shares_of(ShotRenderer(shot, ToyEngine(), cache))
    told = shares_of(ShotRenderer(replace(shot, settings=replace(SHORT, feather=1)), ToyEngine(), cache))
    assert told[-1] == pytest.approx(1.0)


def test_work_that_is_come_back_to_is_as_far_as_it_was() -> None:
    renderer = ShotRenderer(box_shot(FRAMES, SHORT), ToyEngine(), store())
    before = shares_of(renderer, range(20))[-1]
    renderer.aim_at(range(30, 31))
    run_to_end(renderer.frame(30))
    renderer.aim_at(range(20))
    assert renderer.ask.counting.work.share == pytest.approx(before)


def test_every_counted_stage_has_a_cost() -> None:
    assert all(set(costs) == set(COUNTED) for costs in COSTS.values())
    plan = ShotPlan(ToyEngine(), FRAMES, SHORT).plan(range(FRAMES))
    work = WholeWork(plan, engine="classical", frames=FRAMES)
    work.see("flow", plan.pairs)
    flow = work.share
    work.see("composite", range(FRAMES))
    assert flow == pytest.approx(5 * (work.share - flow) * 39 / 40), "a pair's flow costs five composites"


def test_nothing_is_told_of_work_nobody_has_named() -> None:
    work = WholeWork(None, engine="classical", frames=0)
    work.see("flow", (1, 2))
    assert work.share == 0.0 and work.count("flow") == (2, 2)


# --- in the command


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_has_one_line_a_stage_and_no_carriage_return() -> None:
    said = io.StringIO()
    with ProgressLine(2, quiet=False, stream=said) as line:
        for stage, share in (("flow", 0.1), ("flow", 0.3), ("completion", 0.35), ("flow", 0.4), ("composite", 0.9)):
            line.show(stage, share, "1/2")
        line.frame_done(1001)
        line.frame_done(1002)
    lines = said.getvalue().splitlines()
    assert [text.partition(":")[0] for text in lines] == ["flow", "completion", "composite"]
    assert "10% of the work is done" in lines[0] and "\r" not in said.getvalue()


def test_a_terminal_has_one_bar_of_the_whole_that_never_goes_back() -> None:
    said = Terminal()
    with ProgressLine(2, quiet=False, stream=said) as line:
        line.show("flow", 0.5, "1/2")
        line.show("flow", 0.4, "1/2")
        line.frame_done(1001)
    told = [text for text in said.getvalue().split("\r") if "%" in text]
    percents = [int(text.partition("%")[0].split()[-1]) for text in told]
    assert percents == sorted(percents) and 50 in percents and percents[-1] == 100
    assert any("1/2 frames" in text for text in told)


def test_quiet_says_nothing() -> None:
    for stream in (io.StringIO(), Terminal()):
        with ProgressLine(1, quiet=True, stream=stream) as line:
            line.show("flow", 0.5)
        assert stream.getvalue() == ""


def test_the_time_left_is_of_the_whole_and_without_pauses() -> None:
    now = [0.0]
    left = TimeLeft(clock=lambda: now[0])
    left.note(0.0)
    assert left.seconds() is None
    now[0] = 10
    left.note(0.25)
    assert left.seconds() == pytest.approx(30)
    now[0] = 1000
    left.go_on()
    now[0] = 1010
    left.note(0.5)
    assert left.seconds() == pytest.approx(20)
    left.note(0.0)
    assert left.seconds() is None, "other work"
