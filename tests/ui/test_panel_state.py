"""The panel's state: what every event and every wish makes of it. No Qt, no backend."""

from __future__ import annotations

from dataclasses import replace

import pytest

from propainter_ui.state import changes, events, forecast, outcomes, panel_state, shown, sizes
from propainter_ui.state.estimates import Rates, memory_bytes, size_text, time_text
from propainter_ui.state.panel_state import DaemonState, JobState, PanelState, ShotState
from propainter_ui.state.windows_preview import plan_for
from propainter_wire.messages import CacheStateIs, JobLine, ShotSettings, StageRuns, Welcome

SHOT = ShotState("hill", "/p", "/m", 1001, 1040, 432, 240, "uint8", 24.0)
ID = "0" * 32


def opened(**changes: object) -> PanelState:
    """A panel with a shot and a connected backend."""
    state = outcomes.after(PanelState(), events.ShotFound(SHOT, revision=1))
    state = outcomes.after(state, events.DaemonReady(Welcome(ID, "1.0", "0.1", "propainter", "cuda:0")))
    state = outcomes.after(state, events.ShotUnderstood(ShotSettings(), "normal", "propainter", (432, 240), 1))
    return replace(state, **changes)  # type: ignore[arg-type]


def all_cached(state: PanelState) -> PanelState:
    """Every stage of the shot cached."""
    stages = tuple(
        StageRuns(stage, ((1001, 1040 - (stage in ("flow", "completion")), "cached"),))
        for stage in ("plate", "matte", "flow", "completion", "propagation", "painting")
    )
    return outcomes.after(state, events.BandsChanged(CacheStateIs(ID, stages)))


def test_opening_a_shot_puts_playhead_and_range_on_it() -> None:
    state = opened()
    assert (state.frame, state.first, state.last) == (1001, 1001, 1040)
    assert state.view == "matte" and state.can_render


def test_a_plate_alone_asks_for_its_matte_and_cannot_be_rendered() -> None:
    state = outcomes.after(PanelState(), events.ShotFound(replace(SHOT, matte=""), revision=1))
    assert state.notice is not None and "drop its roto matte" in state.notice.text
    assert not state.can_render and state.view == "plate"


def test_another_matte_for_the_same_plate_keeps_the_place_and_the_earlier_result() -> None:
    state = changes.at_frame(outcomes.after(opened(), events.ResultArrived(1, 1005)), 1020)
    state = outcomes.after(state, events.ShotFound(replace(SHOT, matte="/m2"), revision=2))
    assert state.frame == 1020
    assert state.results == frozenset() and state.previous_results == {1005}


@pytest.mark.parametrize(("asked", "shown"), [(5, 1001), (1020, 1020), (99999, 1040)])
def test_the_playhead_stays_within_the_shot(asked: int, shown: int) -> None:
    assert changes.at_frame(opened(), asked).frame == shown


def test_in_and_out_never_cross() -> None:
    state = changes.with_range(opened(), last=1010)
    assert (state.first, state.last) == (1001, 1010)
    assert changes.with_range(state, first=1030).last == 1030
    assert changes.with_range(changes.with_range(opened(), first=1030), last=1010).first == 1010


def test_playing_goes_round_within_the_range() -> None:
    state = changes.with_range(changes.with_range(opened(), first=1003), last=1004)
    frames = []
    for _ in range(4):
        state = changes.played_on(state)
        frames.append(state.frame)
    assert frames == [1003, 1004, 1003, 1004]


def test_a_setting_the_wire_refuses_changes_nothing() -> None:
    state = opened()
    assert changes.with_setting(state, "neighbor_length", 1) is state
    assert changes.with_setting(state, "grow", "much") is state


def test_edits_are_only_edits_until_the_backend_has_understood_them() -> None:
    state = changes.with_setting(opened(), "ref_stride", 5)
    assert state.is_edited and state.applied == ShotSettings()
    told = events.ShotUnderstood(state.settings, "normal", "propainter", (432, 240), 2)
    assert not outcomes.after(state, told).is_edited
    assert changes.reverted(state).settings == ShotSettings()
    assert changes.with_default(state, "ref_stride").settings == ShotSettings()


def test_applied_settings_turn_results_into_previous_ones() -> None:
    state = outcomes.after(opened(), events.ResultArrived(1, 1003))
    assert state.view == "result", "the first result is shown"
    state = outcomes.after(state, events.ShotUnderstood(ShotSettings(grow=8), "normal", "propainter", (432, 240), 2))
    assert state.results == frozenset() and state.previous_results == {1003} and state.previous_revision == 1
    assert state.bands == {}, "what was cached for the settings before says nothing about these"
    assert changes.with_previous_shown(state, True).shows_previous
    assert changes.with_against(state, "previous").against == "previous"


def test_there_is_no_previous_result_to_compare_with_before_there_is_one() -> None:
    assert not changes.with_previous_shown(opened(), True).shows_previous
    assert changes.with_against(opened(), "previous").against == "plate"


def test_a_late_result_of_older_settings_is_not_taken_for_a_current_one() -> None:
    assert outcomes.after(opened(revision=3), events.ResultArrived(2, 1003)).results == frozenset()


def test_losing_the_backend_in_a_render_says_so_in_words_and_keeps_what_was_shown() -> None:
    job = JobState("rendering", ID, "painting", 3, 8, first=1001, last=1040)
    state = outcomes.after(opened(job=job), events.ResultArrived(1, 1003))
    lost = outcomes.after(state, events.DaemonLost("process 7 is gone"))
    assert lost.daemon.phase == "lost" and lost.job is None
    assert lost.results == {1003} and lost.view == "result" and lost.shot == SHOT
    assert lost.notice is not None and lost.notice.action == "restart"
    assert lost.notice.text == (
        "The backend is gone during a render. The 1 finished frames stay here, and what it had cached is still on disk. "
        "Restart it to go on."
    )
    assert lost.bands == state.bands
    assert outcomes.after(lost, events.DaemonStarting()).notice is None, "what the button offered is being done"


def test_a_backend_that_was_asked_to_stop_is_no_failure() -> None:
    stopped = outcomes.after(opened(), events.DaemonLost("", was_asked=True))
    assert stopped.daemon.phase == "absent" and stopped.notice is None


def test_what_is_computed_is_running_in_the_range_except_where_it_is_cached() -> None:
    bands = {
        "flow": ((1001, 1039, "cached"),), "propagation": ((1001, 1010, "cached"), (1011, 1040, "missing")),
        "painting": ((1001, 1040, "missing"),),
    }  # fmt: skip
    job = JobState("rendering", ID, "completion", first=1005, last=1020)
    bands_now = shown.bands_shown(opened(bands=bands, job=job))
    assert bands_now["painting"] == bands["painting"], "it comes later"
    assert bands_now["propagation"] == ((1001, 1010, "cached"), (1011, 1020, "running"), (1021, 1040, "missing"))


def test_frames_the_backend_has_are_fetched_from_the_playhead_outward() -> None:
    state = outcomes.after(all_cached(opened()), events.ResultArrived(1, 1011))
    assert shown.frames_to_fetch(changes.at_frame(state, 1010))[:4] == [1010, 1009, 1008, 1012]


def test_the_estimate_counts_what_an_edit_makes_stale() -> None:
    state = all_cached(opened())
    told = forecast.estimate_of(state)
    assert told is not None and told.work == "nothing: all of it is cached"
    told = forecast.estimate_of(changes.with_setting(state, "neighbor_length", 20))
    assert told is not None and told.work == "3 of 4 windows, flow kept", "the first sees what one saw before"
    told = forecast.estimate_of(changes.with_range(changes.with_setting(state, "grow", 9), last=1001))
    assert told is not None and told.work == "all 2 windows, flow kept, 1 chunk"


def test_what_is_cropped_costs_at_most_what_the_whole_frame_does() -> None:
    rates = Rates(dict.fromkeys(("flow", "completion", "propagation", "painting", "composite"), 100.0))
    state = changes.with_setting(all_cached(opened(rates=rates)), "crop_to_matte", True)
    told = forecast.estimate_of(state)
    assert told is not None and told.work == "all 8 windows, flow of 39 pairs, 1 chunk"
    assert told.time.startswith("at most ") and told.memory.startswith("at most ")


def test_padding_counts_for_drafts_whatever_the_switch_says() -> None:
    drafts = all_cached(opened(quality="draft", applied_quality="draft"))
    told = forecast.estimate_of(changes.with_setting(drafts, "crop_padding", 100))
    assert told is not None and "flow of 39 pairs" in told.work
    told = forecast.estimate_of(changes.with_setting(all_cached(opened()), "crop_padding", 100))
    assert told is not None and told.work == "nothing: all of it is cached"


def test_a_clean_plate_for_the_same_shot_keeps_the_place_and_the_earlier_result() -> None:
    state = changes.at_frame(outcomes.after(opened(), events.ResultArrived(1, 1005)), 1020)
    painted = replace(SHOT, clean="/c", clean_frames=(1020,))
    state = outcomes.after(state, events.ShotFound(painted, revision=2, note="Clean plate c: the fill of frame 1020"))
    assert (state.frame, state.shot, state.previous_results) == (1020, painted, {1005})
    assert state.notice is not None and state.notice.text.startswith("Clean plate c")


def test_another_quality_finds_nothing_cached() -> None:
    told = forecast.estimate_of(replace(all_cached(opened()), quality="draft"))
    assert told is not None and told.work == "all 8 windows, flow of 39 pairs, 1 chunk"


def test_time_is_estimated_from_the_last_renders_report() -> None:
    """40 windows' frames at 2 s a megapixel each would be the closed form; here: 8 windows took 8 s."""
    report = {
        "stages": {"painting": {"seconds": 8.0, "computed": 8}, "composite": {"seconds": 0.0, "computed": 40}},
        "seconds": 9.0, "windows_redone": list(range(8)), "unseen_fraction": 0.02,
    }  # fmt: skip
    state = outcomes.after(all_cached(opened()), events.RenderFinished(report, 40))
    assert state.notice is not None
    assert state.notice.text == "Rendered 40 frames in 9 s; 8 windows painted, 2.0% of the hole never seen."
    warned = outcomes.after(
        all_cached(opened()), events.RenderFinished({**report, "warnings": ["it looks inverted"]}, 40)
    )
    assert warned.notice is not None and warned.notice.text.endswith("never seen. It looks inverted.")
    edited = changes.with_setting(state, "ref_stride", 11)
    redo = forecast.redo_of(edited)
    assert redo is not None
    plan = plan_for(40, "propainter", ShotSettings())
    a_frame = 8.0 / sum(len(window.seen) for window in plan.windows)
    expected = a_frame * sum(len(window.seen) for window in redo.windows)
    assert state.rates.estimate(redo, 432 * 240) == pytest.approx(expected)


def test_time_is_unknown_while_a_stage_has_never_been_measured() -> None:
    told = forecast.estimate_of(opened(rates=Rates({"flow": 1.0})))
    assert told is not None and told.time == "known after a render"


@pytest.mark.parametrize(
    ("size", "frames", "gigabytes"),
    [((640, 480), 50, 10), ((720, 480), 50, 11), ((1280, 720), 50, 28), ((640, 480), 80, 12)],
)
def test_memory_of_the_networks_is_that_of_the_published_table(
    size: tuple[int, int], frames: int, gigabytes: float
) -> None:
    plan = plan_for(frames, "propainter", ShotSettings(chunk_length=frames))
    assert memory_bytes(plan, engine="propainter", working_size=size) == pytest.approx(gigabytes * 1e9, rel=0.04)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "under a second"), (41.7, "42 s"), (200, "3 min 20 s"), (3900, "1 h 05 min")],
)
def test_times_are_told_as_people_tell_them(seconds: float, text: str) -> None:
    assert time_text(seconds) == text


def test_sizes_are_told_in_the_unit_that_suits_them() -> None:
    assert (size_text(584 << 20), size_text(2.1 * 2**30)) == ("584 MB", "2.1 GB")


@pytest.mark.parametrize(
    ("phase", "label"),
    [("ready", "Render 40 frames"), ("absent", "Start backend, render 40 frames")],
)
def test_the_render_button_says_what_it_will_do(phase: panel_state.Phase, label: str) -> None:
    assert shown.render_label(opened(daemon=DaemonState(phase))) == label


def test_the_window_is_told_in_the_shots_frame_numbers() -> None:
    state = changes.at_frame(opened(), 1007)
    assert forecast.window_sentence(state) == (
        "Frame 1007: window around 1006 paints 1001–1011 and looks at 2 references"
    )
    classical = replace(state, daemon=DaemonState("ready", engine="classical"))
    assert forecast.window_sentence(classical) == "" and forecast.window_seen(classical) is None


@pytest.mark.parametrize(
    ("asked", "daemon", "told", "heeds_iterations", "heeds_never_seen"),
    [
        ("auto", "", "", True, True),
        ("auto", "classical", "", False, True),
        ("auto", "propainter", "", True, False),
        ("auto", "", "classical", False, True),
        ("classical", "propainter", "propainter", False, True),
        ("propainter", "classical", "", True, False),
    ],
)
def test_a_knob_counts_while_the_engine_that_would_render_listens(
    asked: str, daemon: str, told: str, heeds_iterations: bool, heeds_never_seen: bool
) -> None:
    state = opened(settings=ShotSettings(engine=asked), daemon=DaemonState("ready", engine=daemon), engine=told)  # type: ignore[arg-type]
    assert state.listens("flow_iterations") == heeds_iterations
    assert state.listens("never_seen") == heeds_never_seen
    assert state.listens("grow")


def test_a_draft_works_at_half_the_size() -> None:
    assert sizes.working_size_wanted(opened(quality="draft")) == (216, 120)
    assert sizes.working_size_wanted(opened()) == (432, 240)


def test_a_report_says_where_the_film_is_cut_and_what_is_wrong_with_the_plate() -> None:
    report = {"cuts": [1024, 1057], "notes": ["the plate is interlaced: deinterlace it", "memory would run out"]}
    state = outcomes.after(all_cached(opened()), events.RenderFinished(report, 40))
    assert state.notice is not None
    assert state.notice.text.endswith("never seen. Cuts at 1024, 1057. The plate is interlaced: deinterlace it.")


# --- how far a job is, and what it waits for


def test_a_renders_share_counts_reading_and_all_stages_and_never_falls() -> None:
    job = JobState("rendering", first=1001, last=1040, frames_total=40)
    assert job.share is None
    shares = []
    steps = [("reading", 0, 40), ("reading", 20, 40), ("loading", 0, 0), ("flow", 0, 1000), ("flow", 300, 1000)]
    steps += [("painting", 250, 1000), ("composite", 999, 1000), ("composite", 1000, 1000)]
    for stage, done, total in steps:
        job = job.read(done, total) if stage == "reading" else job.rendered(stage, done, total, None)
        shares.append(job.share or 0.0)
    assert shares == sorted(shares) and shares[-1] == 1.0
    assert shares[1] == pytest.approx(0.05) and shares[4] == pytest.approx(0.37)
    assert "37% done" in replace(job, whole=0.37, stage="flow").sentence


def test_an_export_that_is_rendered_first_has_one_bar_for_both() -> None:
    rendering = JobState("exporting", frames_total=4).rendered("composite", 1000, 1000, None)
    writing = JobState("exporting", stage="writing", begun=panel_state.WRITING_FROM, frames_total=4)
    shares = [rendering.share, *(replace(writing, frames_done=done).share for done in (0, 2, 4))]
    assert shares == pytest.approx([0.9, 0.9, 0.95, 1.0])
    assert replace(writing, begun=0.0).share == 0.0, "nothing to render: writing is all of it"


def test_with_nothing_to_read_the_share_is_the_backends() -> None:
    job = JobState("rendering").rendered("flow", 300, 1000, None)
    assert job.share == pytest.approx(0.3)


def test_waiting_says_for_what() -> None:
    job = JobState("rendering", first=1001, last=1040)
    state = outcomes.after(opened(daemon=DaemonState("starting")), events.JobChanged(job))
    assert state.job is not None and state.job.sentence == "Rendering 1001–1040: waiting for the backend to start"
    starting = DaemonState("ready", notes=("the worker process is starting",))
    state = outcomes.after(replace(state, daemon=starting), events.JobChanged(job))
    assert state.job is not None and state.job.sentence.endswith("waiting for the backend's worker to start")
    theirs = JobLine("b" * 32, "roof", "final", "flow", 1, 1000)
    busy = DaemonState("ready", jobs=(theirs, replace(theirs, job="c" * 32, name="")))
    state = outcomes.after(replace(state, daemon=busy), events.JobChanged(job))
    assert state.job is not None and state.job.sentence.endswith("waiting for 2 other renders of this backend (roof)")
    state = outcomes.after(state, events.JobChanged(job.rendered("flow", 10, 1000, None)))
    assert state.job is not None and "waiting" not in state.job.sentence


# --- results that are old, or rough


def test_new_settings_keep_the_last_result_of_every_frame_until_a_new_one_comes() -> None:
    state = outcomes.after(opened(), events.ResultArrived(1, 1005))
    state = outcomes.after(state, events.ResultArrived(1, 1006))
    edited = ShotSettings(grow=9)
    state = outcomes.after(state, events.ShotUnderstood(edited, "normal", "propainter", (432, 240), 2))
    assert state.results == frozenset() and state.last_results == {1005: 1, 1006: 1}
    state = outcomes.after(state, events.ResultArrived(2, 1005))
    state = outcomes.after(state, events.ShotUnderstood(ShotSettings(), "normal", "propainter", (432, 240), 3))
    assert state.last_results == {1005: 2, 1006: 1}, "each frame its own last one, however little of it was rendered"
    other = outcomes.after(state, events.ShotFound(replace(SHOT, plate="/other"), revision=4))
    assert other.last_results == {}


def test_a_rough_result_is_none_of_the_finished_ones_and_goes_when_they_come() -> None:
    state = outcomes.after(opened(), events.ResultArrived(1, 1005, is_rough=True))
    assert (state.rough, state.results, state.view) == ({1005}, frozenset(), "result")
    assert 1005 not in state.last_results
    state = outcomes.after(state, events.ResultArrived(1, 1005))
    assert (state.rough, state.results) == (frozenset(), {1005})
    state = outcomes.after(state, events.ResultArrived(1, 1006, is_rough=True))
    state = outcomes.after(state, events.ShotUnderstood(ShotSettings(grow=9), "normal", "propainter", (432, 240), 2))
    assert state.rough == frozenset()


def test_a_large_plate_is_shown_at_half_its_size_but_for_the_best_quality() -> None:
    hd = replace(SHOT, width=1920, height=1080)
    state = opened(shot=hd, settings=ShotSettings(engine="classical"), working_size=None, quality="normal")
    assert sizes.working_size_wanted(state) == (960, 540)
    assert sizes.working_size_wanted(replace(state, quality="best", working_size=(960, 540))) == (1920, 1080)
