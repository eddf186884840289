"""The small parts of the daemon by themselves: questions that always end, a life that ends in time, shots and plans."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from propainter_backend.daemon.lifetime import Lifetime
from propainter_backend.daemon.requests.cache import state_runs
from propainter_backend.daemon.requests.renders import _key_of
from propainter_backend.daemon.work.shots import ReachPlan, ShotRecord
from propainter_backend.daemon.workers.questions import Questions
from propainter_knobs.knob import Knob
from propainter_knobs.table import KNOBS
from propainter_wire.messages import OpenShot, ShotSettings


class Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


# --- questions


class Asking:
    """Questions, what was said to whom, and what was answered."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.said: list[tuple[str, dict]] = []
        self.answers: list[dict] = []
        self.questions = Questions(lambda worker, note: self.said.append((worker, note)), clock=self.clock)

    def ask(self, worker: str) -> None:
        self.questions.ask(worker, {"op": "use"}, self.answers.append, within_s=5)

    def answer(self, **note: object) -> None:
        self.questions.answered({"id": self.said[-1][1]["id"], **note})


def test_a_question_is_answered_once():
    asking = Asking()
    asking.ask("w")
    asking.answer(use=1)
    asking.answer(use=2)
    assert [answer["use"] for answer in asking.answers] == [1] and len(asking.questions) == 0


def test_a_question_nobody_can_take_waits_for_the_first_who_can():
    asking = Asking()
    asking.ask("")
    assert asking.said == []
    asking.questions.worker_ready("w")
    asking.questions.worker_ready("v")
    assert [worker for worker, _ in asking.said] == ["w"]


def test_the_question_of_a_dead_worker_is_asked_again_and_twice_is_enough():
    asking = Asking()
    asking.ask("w")
    asking.questions.worker_died("other")
    asking.questions.worker_died("w")
    assert asking.answers == [] and len(asking.questions) == 1
    asking.questions.worker_ready("w")
    assert len(asking.said) == 2
    asking.questions.worker_died("w")
    assert "died over this question" in asking.answers[0]["problem"] and len(asking.questions) == 0


def test_a_question_that_takes_too_long_ends_with_a_problem_and_its_late_answer_is_dropped():
    asking = Asking()
    asking.ask("w")
    asking.clock.now += 4.9
    asking.questions.expire()
    assert asking.answers == []
    asking.clock.now += 0.2
    asking.questions.expire()
    asking.answer(use=1)
    assert len(asking.answers) == 1 and "does not answer" in asking.answers[0]["problem"]


# --- how long a daemon lives


def test_it_ends_after_the_idle_time_and_every_use_begins_it_anew():
    clock = Clock()
    life = Lifetime(idle_timeout_s=10, parent_pid=None, clock=clock)
    clock.now += 9
    assert not life.is_over(in_use=False)
    assert not life.is_over(in_use=True)
    clock.now += 9
    assert not life.is_over(in_use=False)
    clock.now += 2
    assert life.is_over(in_use=False)


def test_without_an_idle_time_it_waits_for_ever():
    clock = Clock()
    life = Lifetime(idle_timeout_s=None, parent_pid=None, clock=clock)
    clock.now += 1e9
    assert not life.is_over(in_use=False)


def test_it_ends_with_its_parent_also_while_in_use():
    clock = Clock()
    parent = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    life = Lifetime(idle_timeout_s=None, parent_pid=parent.pid, clock=clock)
    assert not life.is_over(in_use=True)
    parent.kill()
    parent.wait()
    clock.now += 1
    assert life.is_over(in_use=True)


def test_a_parent_that_was_gone_before_is_gone():
    parent = subprocess.Popen([sys.executable, "-c", ""])
    parent.wait()
    assert Lifetime(idle_timeout_s=None, parent_pid=parent.pid).is_over(in_use=True)


# --- shots and plans


def shot(**more: object) -> ShotRecord:
    return ShotRecord("id", "session", "client", OpenShot(1001, 1004, 64, 48, 3, "uint8", **more), ShotSettings())


def test_a_worker_is_told_only_of_the_frames_a_job_sees():
    known = shot()
    known.plates = {n: f"p{n}" for n in known.numbers}
    known.mattes = {n: f"m{n}" for n in known.numbers}
    known.cleans = {1001: "c1001", 1003: "c1003"}
    note = known.note("normal", {1002, 1003}, {1003})
    assert note["plates"] == [None, "p1002", "p1003", None] and note["mattes"] == [None, None, "m1003", None]
    assert note["cleans"] == [None, None, "c1003", None]


def test_a_still_matte_is_every_frame_s():
    known = shot(still_matte=True)
    known.mattes = {1001: "m"}
    assert [known.matte_of(n) for n in known.numbers] == ["m"] * 4


def test_what_a_shot_was_is_remembered_only_if_something_was_made_of_it():
    known = shot()
    known.mattes = {1001: "a"}
    known.before_edit()
    assert known.earlier is None
    known.has_artifacts = True
    known.before_edit()
    known.mattes[1001] = "b"
    known.before_edit()
    assert known.earlier is not None and known.earlier.mattes == {1001: "a"}


@pytest.mark.parametrize("knob", KNOBS, ids=[knob.name for knob in KNOBS])
@pytest.mark.parametrize("engine", ["classical", "propainter"])
def test_settings_make_a_shot_stale_exactly_if_its_engine_heeds_them(engine: str, knob: Knob):
    if knob.name == "engine":
        return
    known = shot()
    known.auto = engine
    edited = replace(known, own_settings=known.own_settings.changed({knob.name: another_value(knob)}))
    notes = known.note("normal"), edited.note("normal")
    heeds = engine in knob.engines
    assert (_key_of(known, notes[0]) != _key_of(edited, notes[1])) == heeds
    assert (known.resettle(edited) is not None) == heeds
    assert known.settings == edited.settings, "a worker, and whoever asks, is told all of them"


def another_value(knob: Knob) -> object:
    if knob.kind == "size":
        return (32, 24)
    if knob.kind == "bool":
        return not knob.default
    if knob.words:
        return next(word for word in knob.words if word != knob.default)
    return knob.low if knob.default != knob.low else knob.high


def test_until_a_worker_has_told_its_engine_every_setting_counts():
    known = shot()
    edited = replace(known, own_settings=known.own_settings.changed({"flow_iterations": 3}))
    assert known.resettle(edited) is not None


def test_a_plan_tells_what_frames_see_in_the_host_s_numbers():
    plan = ReachPlan.from_note(
        {"engine": "classical", "working_size": [64, 48], "reach": [[[0, 1]], [[0, 2]], [[0, 0], [2, 3]], [[0, 1]]]}
    )
    assert plan.seen_by([0], first=1001) == {1001, 1002}
    assert plan.seen_by([0, 2], first=1001) == {1001, 1002, 1003, 1004}
    reaches = plan.reach_of([0, 2, 3], first=1001)
    assert reaches == [range(1001, 1003), frozenset({1001, 1003, 1004}), range(1001, 1003)]
    assert reaches[0] is reaches[2]


def test_states_are_told_in_runs():
    now, before = [True, True, False, False, False], [True, True, True, True, False]
    assert state_runs(7, now, before) == ((7, 8, "cached"), (9, 10, "stale"), (11, 11, "missing"))
    assert state_runs(7, now, None) == ((7, 8, "cached"), (9, 11, "missing"))
    assert state_runs(7, [], None) == ()
