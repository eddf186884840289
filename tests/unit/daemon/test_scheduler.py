"""Who computes what next: urgency, fairness, sharing, and that nothing is ever lost, forgotten or done twice."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from propainter_backend.daemon.work.events import (
    PRIORITIES,
    Deliver,
    EndJob,
    Event,
    FailJob,
    FinishJob,
    Instruction,
    Job,
    JobCancelled,
    JobStep,
    JobSubmitted,
    JobView,
    RestartWorker,
    SessionEnded,
    SessionPaused,
    SessionResumed,
    ShotChanged,
    Start,
    StepDone,
    StepFailed,
    StepStopped,
    Stop,
    StopRequested,
    Work,
    WorkerDied,
    WorkerReady,
    order_outward,
)
from propainter_backend.daemon.work.scheduler import Scheduler


def final(frame: int, key: str = "k") -> Work:
    return Work(key, frame, provisional=False)


def coarse(frame: int, key: str = "k") -> Work:
    return Work(key, frame, provisional=True)


def job(
    name: str, *works: Work, session: str = "s", shot: str = "shot", priority="final", kind="render", reach=0
) -> Job:
    """A job whose steps see ``reach`` frames to either side."""
    steps = tuple(JobStep(work, range(work.frame - reach, work.frame + reach + 1)) for work in works)
    return Job(name, session, shot, kind, priority, steps)


class Daemon:
    """Feeds a scheduler, checks it after every event, and keeps what it said."""

    def __init__(self, *workers: str) -> None:
        self.scheduler = Scheduler()
        self.at: dict[str, Work] = {}
        self.said: list[Instruction] = []
        for worker in workers:
            self.tell(WorkerReady(worker))

    def tell(self, event: Event) -> list[Instruction]:
        answer = self.scheduler.handle(event)
        self.scheduler.check()
        self.at.update({start.worker: start.work for start in answer if isinstance(start, Start)})
        self.said += answer
        return answer

    def submit(self, *args, **kwargs) -> list[Instruction]:
        return self.tell(JobSubmitted(job(*args, **kwargs)))

    def done(self, worker: str = "w") -> list[Instruction]:
        return self.tell(StepDone(worker, self.at.pop(worker)))

    def stopped(self, worker: str = "w") -> list[Instruction]:
        return self.tell(StepStopped(worker, self.at.pop(worker)))

    def failed(self, worker: str = "w", *, retry: bool) -> list[Instruction]:
        return self.tell(StepFailed(worker, self.at.pop(worker), "out_of_memory", "too large", retry))

    def died(self, worker: str = "w") -> list[Instruction]:
        self.at.pop(worker, None)
        return self.tell(WorkerDied(worker))

    def finish_all(self) -> list[Work]:
        """Let the workers do everything; what was started on the way, in order."""
        before = len(self.said)
        while self.at:
            self.done(next(iter(self.at)))
        return [start.work for start in self.said[before:] if isinstance(start, Start)]

    def all_said(self, kind: type) -> list[Instruction]:
        return [instruction for instruction in self.said if isinstance(instruction, kind)]


# --- a job's life


def test_a_job_gets_its_frames_in_order_and_is_finished_once():
    daemon = Daemon("w")
    assert daemon.submit("a", final(3), final(1)) == [Start("w", final(3), "a", "s")]
    assert daemon.done() == [Deliver("a", "s", final(3)), Start("w", final(1), "a", "s")]
    assert daemon.done() == [Deliver("a", "s", final(1)), FinishJob("a", "s")]
    assert daemon.scheduler.jobs() == []


def test_work_waits_for_a_worker_that_is_not_there_yet():
    daemon = Daemon()
    assert daemon.submit("a", final(1)) == []
    assert daemon.tell(WorkerReady("w")) == [Start("w", final(1), "a", "s")]


def test_a_job_without_steps_is_finished_at_once():
    assert Daemon("w").submit("a") == [FinishJob("a", "s")]


def test_a_job_asks_for_each_frame_once():
    with pytest.raises(ValueError, match="job a has 2 final steps of frame 7"):
        job("a", final(7), coarse(7), final(7, "other"))


def test_frames_are_ordered_from_the_playhead_outward_each_once():
    assert order_outward([5, 1, 2, 3, 4, 9, 3], 3) == (3, 4, 2, 5, 1, 9)
    assert order_outward([10, 12], 1) == (10, 12)
    assert order_outward([], 1) == ()


def test_the_status_list_tells_what_is_done_and_what_runs():
    daemon = Daemon("w")
    daemon.submit("a", final(1), final(2), priority="preview")
    daemon.submit("b", final(1, "other"), session="t")
    daemon.done()
    daemon.tell(JobSubmitted(job("c", final(9), session="u")))
    assert daemon.scheduler.jobs() == [
        JobView("a", "s", "preview", done=1, total=2, running=True),
        JobView("b", "t", "final", done=0, total=1, running=False),
        JobView("c", "u", "final", done=0, total=1, running=False),
    ]


# --- priority


def test_the_playhead_frame_comes_before_any_final_work():
    daemon = Daemon()
    daemon.submit("render", final(1), final(2), session="farm")
    daemon.submit("ahead", coarse(1, "p"), final(1, "p"), session="b", priority="preview")
    daemon.submit("look", coarse(5, "q"), final(5, "q"), session="c", priority="playhead")
    daemon.tell(WorkerReady("w"))
    order = [daemon.at["w"], *daemon.finish_all()]
    assert order == [coarse(5, "q"), final(5, "q"), coarse(1, "p"), final(1, "p"), final(1), final(2)]


def test_more_urgent_work_stops_less_urgent_work_which_comes_back_to_its_place():
    daemon = Daemon("w")
    daemon.submit("render", final(1), final(2))
    assert daemon.submit("look", final(5, "q"), priority="playhead") == [Stop("w")]
    assert daemon.stopped() == [Start("w", final(5, "q"), "look", "s")]
    assert daemon.done()[-1] == Start("w", final(1), "render", "s")
    assert daemon.finish_all() == [final(2)]


@pytest.mark.parametrize("second", ["playhead", "preview", "final"])
def test_equally_or_less_urgent_work_stops_nobody(second):
    daemon = Daemon("w")
    daemon.submit("a", final(1), priority="playhead")
    assert daemon.submit("b", final(2), session="t", priority=second) == []


def test_a_worker_is_asked_to_stop_only_once():
    daemon = Daemon("w")
    daemon.submit("render", final(1))
    assert daemon.submit("look", final(5, "q"), priority="playhead") == [Stop("w")]
    assert daemon.submit("look more", final(6, "q"), priority="playhead") == []
    assert daemon.tell(JobCancelled("render")) == [EndJob("render", "s", was_running=True)]


def test_nobody_is_stopped_while_a_worker_is_idle():
    daemon = Daemon("v", "w")
    daemon.submit("render", final(1))
    assert daemon.submit("look", final(5), priority="playhead") == [Start("w", final(5), "look", "s")]


def test_the_least_urgent_worker_is_stopped_and_no_more_than_needed():
    daemon = Daemon("u", "v", "w")
    daemon.submit("look", final(1), priority="playhead")
    daemon.submit("render", final(2))
    daemon.submit("ahead", final(3), priority="preview")
    assert daemon.submit("look 2", final(4), priority="playhead") == [Stop("v")]
    assert daemon.submit("look 3", final(5), priority="playhead") == [Stop("w")]
    assert daemon.submit("look 4", final(6), priority="playhead") == []


@pytest.mark.parametrize("latest", ["v", "w"])
def test_of_equally_urgent_workers_the_one_that_began_last_is_stopped(latest):
    daemon = Daemon("v", "w")
    daemon.submit("render", final(1), final(2), final(3))
    daemon.done(latest)  # begins frame 3 now
    assert daemon.submit("look", final(5), priority="playhead") == [Stop(latest)]


def test_urgent_work_that_several_wait_for_stops_one_worker():
    daemon = Daemon("v", "w")
    daemon.submit("render", final(1), final(2))
    assert daemon.submit("look", final(5), session="t", priority="playhead") == [Stop("w")]
    assert daemon.submit("look too", final(5), session="u", priority="playhead") == []


def test_a_worker_about_to_be_free_saves_another_from_being_stopped():
    daemon = Daemon("v", "w")
    daemon.submit("old", final(1, "old"), session="t")
    daemon.submit("render", final(2))
    assert daemon.tell(JobCancelled("old"))[-1] == Stop("v")
    assert daemon.submit("look", final(5), priority="playhead") == []


def test_work_someone_more_urgent_waits_for_too_is_not_stopped():
    daemon = Daemon("w")
    daemon.submit("render", final(1))
    assert daemon.submit("look", final(1), session="t", priority="playhead") == []
    assert daemon.submit("ahead", final(8), session="u", priority="preview") == []
    assert daemon.tell(JobCancelled("look"))[1:] == [Stop("w")], "without it, the preview is more urgent again"


def test_a_stopped_step_is_never_lost():
    daemon = Daemon("w")
    daemon.submit("render", final(1), final(2), final(3))
    for number in range(5):
        daemon.submit(f"look {number}", final(number, "q"), priority="playhead")
        daemon.stopped()
        daemon.done()
    daemon.finish_all()
    assert [d.work for d in daemon.all_said(Deliver) if d.job_id == "render"] == [final(1), final(2), final(3)]


def test_a_step_done_before_it_obeyed_is_delivered():
    daemon = Daemon("w")
    daemon.submit("render", final(1))
    daemon.submit("look", final(5, "q"), priority="playhead")
    assert daemon.done()[:2] == [Deliver("render", "s", final(1)), FinishJob("render", "s")]


# --- fairness


def test_one_client_cannot_starve_another():
    daemon = Daemon("w")
    daemon.submit("long", *[final(frame, "a") for frame in range(100)], session="a")
    daemon.submit("short", *[final(frame, "b") for frame in range(3)], session="b")
    assert [work.key for work in daemon.finish_all()[:7]] == ["b", "a", "b", "a", "b", "a", "a"]


def test_many_small_jobs_get_no_more_than_one_long_one():
    daemon = Daemon("w")
    daemon.submit("long", *[final(frame, "long") for frame in range(50)], session="a")
    order = []
    for number in range(10):
        daemon.submit(f"small {number}", final(number, "small"), session="b")
        while not any(view.id == f"small {number}" and view.running for view in daemon.scheduler.jobs()):
            daemon.done()
            order.append(daemon.at["w"].key)
        daemon.done()  # the small one ends; the next one is submitted only now
        order.append(daemon.at["w"].key)
    assert order == ["small", "long"] * 10


def test_a_session_that_returns_starts_with_nothing_held_against_it():
    daemon = Daemon("w")
    daemon.submit("a", final(1), session="patient")
    daemon.submit("b", final(2), session="returning")
    daemon.finish_all()
    daemon.tell(SessionEnded("returning"))
    daemon.submit("busy", final(3), session="busy")
    daemon.submit("c", final(4), session="patient")
    daemon.submit("d", final(5), session="returning")
    assert daemon.finish_all() == [final(5), final(4)]


def test_nothing_is_started_for_a_client_that_does_not_read_until_it_does():
    daemon = Daemon("w")
    daemon.submit("slow", final(1, "a"), final(2, "a"), session="slow", priority="playhead")
    daemon.submit("other", final(3, "b"), final(4, "b"), session="other")
    daemon.tell(SessionPaused("slow"))
    assert daemon.finish_all() == [final(3, "b"), final(4, "b")]
    assert daemon.tell(SessionResumed("slow")) == [Start("w", final(2, "a"), "slow", "slow")]


def test_work_a_paused_client_shares_with_another_is_done_for_both():
    daemon = Daemon()
    daemon.submit("slow", final(1), session="slow")
    daemon.submit("other", final(1), session="other")
    daemon.tell(SessionPaused("slow"))
    daemon.tell(WorkerReady("w"))
    assert {said.job_id for said in daemon.done() if isinstance(said, FinishJob)} == {"slow", "other"}


def test_urgent_work_of_a_paused_client_stops_nobody():
    daemon = Daemon("w")
    daemon.submit("other", final(1), session="other")
    daemon.tell(SessionPaused("slow"))
    assert daemon.submit("slow", final(2), session="slow", priority="playhead") == []
    assert Stop("w") in daemon.tell(SessionResumed("slow"))


def test_within_a_client_the_oldest_job_comes_first():
    daemon = Daemon()
    for number in range(4):
        daemon.submit(f"job {number}", final(number))
    daemon.tell(WorkerReady("w"))
    assert [daemon.at["w"], *daemon.finish_all()] == [final(0), final(1), final(2), final(3)]


def test_the_newest_playhead_of_a_shot_goes_before_its_older_ones():
    daemon = Daemon()
    daemon.submit("before", final(1), shot="x", priority="playhead")
    daemon.submit("elsewhere", final(2), shot="y", priority="playhead")
    daemon.submit("now", final(3), shot="x", priority="playhead")
    daemon.tell(WorkerReady("w"))
    assert [daemon.at["w"], *daemon.finish_all()] == [final(3), final(1), final(2)]


# --- equal work


def test_equal_work_of_two_clients_runs_once_and_reaches_both():
    daemon = Daemon("v", "w")
    daemon.submit("a", final(1), session="s")
    assert daemon.submit("b", final(1), final(2), session="t") == [Start("w", final(2), "b", "t")]
    assert daemon.scheduler.wanted_by(final(1)) == [("a", "s"), ("b", "t")]
    assert daemon.done("v") == [Deliver("a", "s", final(1)), FinishJob("a", "s"), Deliver("b", "t", final(1))]
    assert daemon.done("w") == [Deliver("b", "t", final(2)), FinishJob("b", "t")]


def test_work_that_differs_in_anything_is_not_shared():
    daemon = Daemon("u", "v", "w")
    daemon.submit("a", final(1), session="s")
    daemon.submit("b", final(1, "other"), session="t")
    daemon.submit("c", coarse(1), session="u")
    assert len(daemon.all_said(Start)) == 3


def test_shared_work_goes_on_while_anyone_wants_it():
    daemon = Daemon("w")
    daemon.submit("a", final(1), session="s")
    daemon.submit("b", final(1), session="t")
    assert daemon.tell(JobCancelled("a")) == [EndJob("a", "s", was_running=True)]
    assert daemon.done() == [Deliver("b", "t", final(1)), FinishJob("b", "t")]


def test_work_asked_for_again_while_it_is_being_stopped_is_done_after_all():
    daemon = Daemon("w")
    daemon.submit("a", final(1))
    assert daemon.tell(JobCancelled("a"))[-1] == Stop("w")
    assert daemon.submit("b", final(1)) == []
    assert daemon.stopped() == [Start("w", final(1), "b", "s")]


def test_a_provisional_result_never_comes_after_its_final_one():
    daemon = Daemon("v", "w")
    daemon.submit("a", coarse(1), final(1), final(2))
    assert daemon.done("w") == [Deliver("a", "s", final(1)), Stop("v"), Start("w", final(2), "a", "s")]
    assert daemon.done("v") == []
    assert daemon.done("w") == [Deliver("a", "s", final(2)), FinishJob("a", "s")]


def test_a_provisional_result_made_needless_by_another_client_is_not_computed():
    daemon = Daemon("w")
    daemon.submit("a", final(1), session="s", priority="playhead")
    daemon.submit("b", coarse(1), final(1), session="t")
    assert daemon.done()[-1] == FinishJob("b", "t")
    assert daemon.scheduler.jobs() == []


# --- ends


def test_a_cancelled_job_ends_at_once_and_its_late_result_goes_nowhere():
    daemon = Daemon("w")
    daemon.submit("a", final(1), final(2))
    assert daemon.tell(JobCancelled("a")) == [EndJob("a", "s", was_running=True), Stop("w")]
    assert daemon.done() == []
    assert daemon.submit("b", final(3)) == [Start("w", final(3), "b", "s")]


def test_cancelling_what_has_ended_or_never_was_does_nothing():
    daemon = Daemon("w")
    daemon.submit("a", final(1))
    daemon.done()
    assert daemon.tell(JobCancelled("a")) == daemon.tell(JobCancelled("never")) == []


def test_a_job_that_only_waited_says_so_when_it_ends():
    daemon = Daemon("w")
    daemon.submit("a", final(1))
    daemon.submit("b", final(2))
    assert daemon.tell(JobCancelled("b")) == [EndJob("b", "s", was_running=False)]


def test_a_session_takes_its_jobs_with_it_and_no_others():
    daemon = Daemon("w")
    daemon.submit("a", final(1), session="gone")
    daemon.submit("b", final(2), session="gone", priority="preview")
    daemon.submit("c", final(3), session="here")
    answer = daemon.tell(SessionEnded("gone"))
    assert [end.job_id for end in answer if isinstance(end, EndJob)] == ["a", "b"]
    assert [view.id for view in daemon.scheduler.jobs()] == ["c"]


def test_an_edit_ends_only_jobs_with_an_unfinished_step_that_sees_it():
    daemon = Daemon("w")
    daemon.submit("near", final(10), final(11), reach=5)
    daemon.submit("far", final(30), reach=5)
    daemon.submit("other shot", final(10, "o"), shot="other", reach=5)
    daemon.done()  # frame 10 is delivered, only frame 11 is left of it
    assert daemon.tell(ShotChanged("shot", frozenset({5}))) == []
    answer = daemon.tell(ShotChanged("shot", frozenset({6, 99})))
    assert answer == [EndJob("near", "s", was_running=True), Stop("w")]
    assert [view.id for view in daemon.scheduler.jobs()] == ["far", "other shot"]


def test_a_reach_with_holes_is_seen_exactly():
    daemon = Daemon()
    step = JobStep(final(10), frozenset({1, 10, 20}))
    daemon.tell(JobSubmitted(Job("a", "s", "shot", "render", "final", (step,))))
    assert daemon.tell(ShotChanged("shot", frozenset(range(2, 10)))) == []
    assert daemon.tell(ShotChanged("shot", frozenset({20}))) == [EndJob("a", "s", was_running=False)]


def test_new_settings_end_every_job_of_the_shot_but_none_submitted_afterwards():
    daemon = Daemon("w")
    daemon.submit("a", final(1))
    daemon.submit("b", final(1, "y"), shot="other")
    assert daemon.tell(ShotChanged("shot", None)) == [EndJob("a", "s", was_running=True), Stop("w")]
    daemon.submit("c", final(1, "new"))
    daemon.stopped()
    daemon.finish_all()
    assert [finish.job_id for finish in daemon.all_said(FinishJob)] == ["b", "c"]


def test_an_edit_of_the_roto_leaves_an_analysis_alone():
    daemon = Daemon("w")
    daemon.submit("flow", final(1, "flow"), kind="analyse")
    daemon.submit("render", final(1))
    answer = daemon.tell(ShotChanged("shot", frozenset({1}), mattes_only=True))
    assert answer == [EndJob("render", "s", was_running=False)]
    assert daemon.tell(ShotChanged("shot", frozenset({1})))[0] == EndJob("flow", "s", was_running=True)


def test_a_matte_hears_of_plates_and_of_the_shot_s_end_and_of_nothing_else():
    daemon = Daemon("w")
    daemon.submit("matte", final(1), final(2), kind="matte")
    assert daemon.tell(ShotChanged("shot", None)) == []  # settings
    assert daemon.tell(ShotChanged("shot", frozenset({1}), mattes_only=True)) == []
    assert daemon.tell(ShotChanged("shot", frozenset({2})))[0] == EndJob("matte", "s", was_running=True)
    daemon.submit("other", final(1, "y"), kind="matte")
    assert EndJob("other", "s", was_running=False) in daemon.tell(ShotChanged("shot", None, is_closed=True))


def test_steps_of_a_matte_are_made_one_after_the_other_however_many_workers_idle():
    daemon = Daemon("v", "w")
    assert daemon.submit("matte", final(1), final(2), kind="matte") == [Start("v", final(1), "matte", "s")]
    assert daemon.submit("look", final(9, "y"), priority="playhead") == [Start("w", final(9, "y"), "look", "s")]
    assert daemon.submit("more", final(8, "z"), priority="playhead") == [Stop("v")]
    daemon.stopped("v")
    daemon.done("w")
    assert daemon.finish_all()[-1] == final(2)
    assert [deliver.work for deliver in daemon.all_said(Deliver) if deliver.job_id == "matte"] == [final(1), final(2)]


# --- mishaps


def test_a_dead_worker_is_started_anew_and_its_step_done_again():
    daemon = Daemon("w")
    daemon.submit("a", final(1), final(2))
    assert daemon.died() == [RestartWorker("w")]
    assert daemon.tell(WorkerReady("w")) == [Start("w", final(1), "a", "s")]
    assert daemon.finish_all() == [final(2)]


def test_a_dead_workers_step_goes_to_another_that_is_idle():
    daemon = Daemon("v", "w")
    daemon.submit("a", final(1))
    assert daemon.died("v") == [RestartWorker("v"), Start("w", final(1), "a", "s")]


def test_a_step_that_kills_twice_fails_its_jobs_and_no_others():
    daemon = Daemon("w")
    daemon.submit("poison", final(1), final(2), session="s")
    daemon.submit("sound", final(9), session="t")
    daemon.submit("poison too", final(1), session="u")
    daemon.died()
    daemon.tell(WorkerReady("w"))
    assert daemon.at["w"] == final(9), "whose turn it is does not wait for the step that killed"
    daemon.done()
    assert daemon.at["w"] == final(1)
    *failures, restart = daemon.died()
    assert [(fail.job_id, fail.code, fail.retry) for fail in failures] == [
        ("poison", "internal", False),
        ("poison too", "internal", False),
    ]
    assert "frame 1 " in failures[0].message
    assert restart == RestartWorker("w")
    daemon.submit("again", final(1), session="s")
    daemon.tell(WorkerReady("w"))
    assert daemon.died() == [RestartWorker("w")], "deaths of ended jobs are forgotten"


def test_a_worker_that_dies_idle_or_unknown_is_started_anew():
    daemon = Daemon("w")
    assert daemon.died("w") == daemon.died("w") == [RestartWorker("w")]


def test_a_worker_that_returns_without_a_word_gets_its_step_again():
    daemon = Daemon("w")
    daemon.submit("a", final(1))
    assert daemon.tell(WorkerReady("w")) == [Start("w", final(1), "a", "s")]


def test_late_news_of_an_earlier_life_is_ignored():
    daemon = Daemon("w")
    daemon.submit("a", final(1))
    daemon.died()
    assert daemon.tell(StepDone("w", final(1))) == []
    daemon.tell(WorkerReady("w"))
    assert daemon.tell(StepStopped("w", final(7))) == []
    daemon.tell(WorkerReady("v"))
    assert daemon.tell(StepStopped("v", final(1))) == [], "it is w that is at it"
    assert daemon.done() == [Deliver("a", "s", final(1)), FinishJob("a", "s")]


def test_a_failure_that_may_pass_is_tried_once_more():
    daemon = Daemon("w")
    daemon.submit("a", final(1), final(2))
    assert daemon.failed(retry=True) == [Start("w", final(1), "a", "s")]
    assert daemon.failed(retry=True) == [FailJob("a", "s", "out_of_memory", "too large", retry=True)]


def test_a_failure_that_will_not_pass_ends_every_job_that_wants_the_step():
    daemon = Daemon("v", "w")
    daemon.submit("a", final(1), final(2), session="s")
    daemon.submit("b", final(1), session="t")
    assert daemon.failed("v", retry=False) == [
        FailJob("a", "s", "out_of_memory", "too large", retry=False),
        FailJob("b", "t", "out_of_memory", "too large", retry=False),
        Stop("w"),
    ]
    assert daemon.done("w") == []


def test_a_failure_nobody_waits_for_is_nobodys():
    daemon = Daemon("w")
    daemon.submit("a", final(1))
    daemon.tell(JobCancelled("a"))
    assert daemon.failed(retry=False) == []


# --- several workers


def test_workers_share_a_job_without_doing_anything_twice():
    daemon = Daemon("u", "v", "w")
    daemon.submit("a", *[final(frame) for frame in range(20)])
    daemon.finish_all()
    works = [start.work for start in daemon.all_said(Start)]
    assert works == [final(frame) for frame in range(20)]
    assert len({start.worker for start in daemon.all_said(Start)}) == 3


def test_a_shot_returns_to_the_worker_that_knows_it():
    daemon = Daemon("v", "w")
    daemon.submit("a", final(1, "x"))
    daemon.submit("b", final(1, "y"))
    daemon.finish_all()
    assert daemon.submit("c", final(2, "y")) == [Start("w", final(2, "y"), "c", "s")]
    assert daemon.submit("d", final(2, "x")) == [Start("v", final(2, "x"), "d", "s")]


def test_a_worker_remembers_a_shot_over_many_frames_of_another():
    daemon = Daemon("v")
    daemon.submit("a", final(1, "x"))
    daemon.submit("b", *[final(frame, "y") for frame in range(10)])
    daemon.finish_all()
    daemon.tell(WorkerReady("w"))
    assert daemon.submit("c", final(2, "x")) == [Start("v", final(2, "x"), "c", "s")]


def test_a_new_shot_goes_to_the_worker_that_knows_least():
    daemon = Daemon("v", "w")
    daemon.submit("a", final(1, "x"))
    daemon.finish_all()
    assert daemon.submit("b", final(1, "y")) == [Start("w", final(1, "y"), "b", "s")]


# --- stopping


def test_stopping_now_ends_every_job_and_drains():
    daemon = Daemon("v", "w")
    daemon.submit("a", final(1), final(2), final(3))
    daemon.submit("b", final(1), session="t")
    answer = daemon.tell(StopRequested("now"))
    assert answer == [EndJob("a", "s", True), EndJob("b", "t", True), Stop("v"), Stop("w")]
    daemon.stopped("v")
    assert not daemon.scheduler.is_drained
    assert daemon.died("w") == [], "a worker nobody needs any more is not started anew"
    assert daemon.scheduler.is_drained


def test_stopping_when_idle_finishes_old_jobs_and_refuses_new_ones():
    daemon = Daemon("w")
    daemon.submit("a", final(1), final(2))
    assert daemon.tell(StopRequested("idle")) == []
    (refusal,) = daemon.submit("b", final(1))
    assert (refusal.job_id, refusal.code, refusal.retry) == ("b", "shutting_down", True)
    assert daemon.died() == [RestartWorker("w")]
    assert not daemon.scheduler.is_drained
    daemon.tell(WorkerReady("w"))
    daemon.finish_all()
    assert daemon.all_said(FinishJob) == [FinishJob("a", "s")]
    assert daemon.scheduler.is_drained


def test_an_idle_daemon_is_not_drained_until_it_is_asked_to_stop():
    daemon = Daemon("w")
    assert not daemon.scheduler.is_drained
    daemon.tell(StopRequested("idle"))
    assert daemon.scheduler.is_drained


# --- whatever happens


SESSIONS = {"ann": ("ann 1", "ann 2"), "bob": ("bob 1",)}
WORKERS = ("u", "v", "w")


class AnyDay(RuleBasedStateMachine):
    """A daemon with clients and workers that do as they like. What it expects is told by its own simple books: per job
    the works still owed, per worker what it is at. Every instruction must be allowed by them."""

    def __init__(self) -> None:
        super().__init__()
        self.scheduler = Scheduler()
        self.live: dict[str, Job] = {}
        self.owed: dict[str, set[Work]] = {}
        self.at: dict[str, Work | None] = {}
        self.asked: set[str] = set()
        self.deaths: dict[Work, int] = {}
        self.submitted = 0
        self.is_stopping = False

    # what may happen

    @rule(
        session=st.sampled_from(sorted(SESSIONS)),
        shot=st.integers(0, 1),
        priority=st.sampled_from(PRIORITIES),
        kind=st.sampled_from(["render", "analyse", "matte"]),
        frames=st.lists(st.integers(1, 6), min_size=1, max_size=4, unique=True),
        key=st.sampled_from("kl"),
        with_coarse=st.booleans(),
    )
    def submit(self, session, shot, priority, kind, frames, key, with_coarse) -> None:
        self.submitted += 1
        shots = SESSIONS[session]
        if kind == "matte":  # as the daemon makes them: shared with no render, and none more urgent than another
            key, priority = f"matte {key}", "preview"
        works = [w for f in frames for w in ([coarse(f, key), final(f, key)] if with_coarse else [final(f, key)])]
        wish = job(
            f"job {self.submitted}",
            *works,
            session=session,
            shot=shots[shot % len(shots)],
            priority=priority,
            kind=kind,
            reach=1,
        )
        if not self.is_stopping:
            self.live[wish.id] = wish
            self.owed[wish.id] = set(works)
        answer = self.tell(JobSubmitted(wish))
        if self.is_stopping:
            assert [(fail.job_id, fail.code) for fail in answer] == [(wish.id, "shutting_down")]

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def cancel(self, data) -> None:
        name = data.draw(st.sampled_from(sorted(self.live)))
        self.tell(JobCancelled(name), ends={name})

    @rule(session=st.sampled_from(sorted(SESSIONS)))
    def end_session(self, session) -> None:
        self.tell(SessionEnded(session), ends={name for name, wish in self.live.items() if wish.session == session})

    @rule(
        shot=st.sampled_from([shot for shots in SESSIONS.values() for shot in shots]),
        frames=st.none() | st.frozensets(st.integers(0, 7), max_size=2),
        mattes_only=st.booleans(),
        is_closed=st.booleans(),
    )
    def change_shot(self, shot, frames, mattes_only, is_closed) -> None:
        def is_stale(wish: Job) -> bool:
            seen = {f for step in wish.steps if step.work in self.owed[wish.id] for f in step.reach}
            is_blind = mattes_only and wish.kind != "render"
            if frames is None:
                return wish.shot == shot and (wish.kind != "matte" or is_closed)
            return wish.shot == shot and not is_blind and bool(seen & frames)

        ends = {name for name, wish in self.live.items() if is_stale(wish)}
        self.tell(ShotChanged(shot, frames, mattes_only, is_closed), ends=ends)

    @precondition(lambda self: len(self.at) < len(WORKERS))
    @rule(data=st.data())
    def greet_worker(self, data) -> None:
        worker = data.draw(st.sampled_from([name for name in WORKERS if name not in self.at]))
        self.at[worker] = None
        self.tell(WorkerReady(worker))

    @precondition(lambda self: any(self.at.values()))
    @rule(data=st.data(), outcome=st.sampled_from(["done", "done", "done", "failed", "retry", "stopped", "died"]))
    def work(self, data, outcome) -> None:
        worker = data.draw(st.sampled_from(sorted(name for name, work in self.at.items() if work)))
        self.settle(worker, outcome)

    @precondition(lambda self: not self.is_stopping and self.submitted > 5)
    @rule(when=st.sampled_from(["now", "idle"]), really=st.sampled_from([True] + [False] * 9))
    def stop(self, when, really) -> None:
        if really:
            self.is_stopping = True
            self.tell(StopRequested(when), ends=set(self.live) if when == "now" else set())

    # what is expected of it

    def settle(self, worker: str, outcome: str) -> None:
        work = self.at[worker]
        assert work is not None
        self.at[worker] = None
        self.asked.discard(worker)
        wanters = self.wanters(work)
        match outcome:
            case "done":
                self.tell(StepDone(worker, work), delivered=work)
            case "stopped":
                self.tell(StepStopped(worker, work))
            case "failed":
                self.tell(StepFailed(worker, work, "internal", "broken", retry=False), fails=wanters)
            case "retry":
                self.tell(StepFailed(worker, work, "busy", "later", retry=True), may_fail=wanters)
            case "died":
                del self.at[worker]
                answer = self.tell(WorkerDied(worker), may_fail=wanters)
                assert (RestartWorker(worker) in answer) or (self.is_stopping and not self.live)

    def tell(self, event, *, ends=frozenset(), fails=frozenset(), may_fail=frozenset(), delivered=None):
        before = {name: set(owed) for name, owed in self.owed.items()}
        answer = self.scheduler.handle(event)
        self.scheduler.check()
        ended, failed = set(), set()
        stops = []
        for instruction in answer:
            match instruction:
                case Start(worker, work, job_id, session):
                    assert self.at[worker] is None and work not in self.at.values()
                    assert work in self.owed[job_id] and self.live[job_id].session == session
                    self.at[worker] = work
                case Stop(worker):
                    assert self.at[worker] and worker not in self.asked
                    self.asked.add(worker)
                    stops.append(worker)
                case Deliver(job_id, _, work):
                    assert work == delivered and work in self.owed[job_id]
                    superseded = {w for w in self.owed[job_id] if w.provisional and w.frame == work.frame}
                    self.owed[job_id] -= {work} if work.provisional else {work} | superseded
                case FinishJob(job_id):
                    assert not self.owed.pop(job_id), "finished before everything was delivered"
                    del self.live[job_id]
                case EndJob(job_id):
                    ended.add(job_id)
                    del self.live[job_id], self.owed[job_id]
                case FailJob(job_id, _, code) if code != "shutting_down":
                    failed.add(job_id)
                    del self.live[job_id], self.owed[job_id]
        assert ended == set(ends)
        assert failed == set(fails) or (not fails and failed in (set(), set(may_fail)))
        if delivered:
            assert not any(delivered in owed for owed in self.owed.values()), "someone who wanted it got nothing"
            assert all(owed != before[name] for name, owed in self.owed.items() if delivered in before[name])
        waiting = [self.rank(work) for work in self.waiting()]
        for worker in stops:
            rank = self.rank(self.at[worker])
            assert rank == len(PRIORITIES) or min(waiting) < rank, "stopped for nothing"
        for start in answer:
            if isinstance(start, Start):
                assert all(self.rank(start.work) <= rank for rank in waiting), "something more urgent waits"
        return answer

    def wanters(self, work: Work) -> set[str]:
        return {name for name, owed in self.owed.items() if work in owed}

    def rank(self, work: Work) -> int:
        ranks = [PRIORITIES.index(self.live[name].priority) for name in self.wanters(work)]
        return min(ranks, default=len(PRIORITIES))

    def waiting(self) -> set[Work]:
        """What may be begun: of a matte, whose steps build on each other, the first and none beside it."""
        at = set(self.at.values())
        free: set[Work] = set()
        for name, owed in self.owed.items():
            if self.live[name].kind != "matte":
                free |= owed
            elif not owed & at:
                free.add(next(step.work for step in self.live[name].steps if step.work in owed))
        return free - at

    @invariant()
    def nobody_idles_while_work_waits(self) -> None:
        assert not self.waiting() or all(self.at.values())

    @invariant()
    def nobody_works_unasked_for_nobody(self) -> None:
        assert all(self.wanters(work) or name in self.asked for name, work in self.at.items() if work)

    @invariant()
    def urgent_work_waits_for_no_more_than_a_stop(self) -> None:
        for name, work in self.at.items():
            if work and name not in self.asked:
                more_urgent = sum(rank < self.rank(work) for rank in map(self.rank, self.waiting()))
                assert more_urgent <= len(self.asked)

    @invariant()
    def the_status_list_is_true(self) -> None:
        assert [(view.id, view.total - view.done) for view in self.scheduler.jobs()] == [
            (name, len(self.owed[name])) for name in self.live
        ]
        is_quiet = not self.live and not any(self.at.values())
        assert self.scheduler.is_drained == (self.is_stopping and is_quiet)

    def teardown(self) -> None:
        """Left in peace, the workers finish every job there is."""
        if "u" not in self.at:
            self.at["u"] = None
            self.tell(WorkerReady("u"))
        while busy := [name for name, work in self.at.items() if work]:
            self.settle(busy[0], "done")
        assert not self.live and self.scheduler.jobs() == []


TestAnyDay = AnyDay.TestCase
TestAnyDay.settings = settings(max_examples=100, stateful_step_count=40)
