"""What a render through the daemon computes, what it reuses, in which order it comes, and for whom."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from daemon_harness import (
    Rendered,
    TinyShot,
    assert_same,
    collect,
    daemon,
    home,
    wait_until,
)

from propainter_wire.client import Client, FrameResult
from propainter_wire.errors import BackendDied, JobCancelled, RemoteError
from propainter_wire.link import Exchange, Link
from propainter_wire.messages import (
    Accepted,
    Cancel,
    Cancelled,
    Done,
    FrameContent,
    Have,
    Hello,
    Message,
    Need,
    OpenShot,
    Progress,
    Render,
    Result,
)
from propainter_wire.shot import digest_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and sockets of POSIX")

LONG = 48
CHUNKS = {"chunk_length": 12}
"""In a shot of LONG frames: four chunks, one window each, and the last cannot see the first frame's matte."""


@pytest.fixture(scope="module")
def running():
    with daemon() as started:
        yield started


@pytest.fixture
def client(running):
    with running.client() as connected:
        yield connected


# --- flow once


def test_an_edited_frame_costs_no_flow_and_gives_the_picture_of_a_render_from_scratch(client):
    shot = TinyShot(8, size=(64, 48), seed=1)
    opened = shot.open(client)
    first = shot.render(client, opened)
    assert first.computed("flow") == 7
    shot.assert_removed(first)
    shot.edit(1004)
    again = shot.render(client, opened)
    assert again.computed("flow") == 0 and again.report["stages"]["flow"]["reused"] == 7
    assert again.report["windows_redone"]
    assert not np.array_equal(again.frames[1004], first.frames[1004])
    with daemon() as fresh, fresh.client() as other:
        assert_same(again, shot.render(other, shot.open(other)))
    assert_same(again, shot.expected())


def test_rendering_again_without_an_edit_computes_nothing(client):
    shot = TinyShot(6, seed=2)
    opened = shot.open(client)
    first = shot.render(client, opened)
    again = shot.render(client, opened)
    assert_same(first, again)
    stages = ("flow", "completion", "propagation", "painting", "composite")
    assert {again.computed(stage) for stage in stages} == {0}
    assert again.report["windows_redone"] == []
    other = shot.render(client, shot.open(client))  # another shot, the same content
    assert other.computed("painting") == 0


def test_windows_that_cannot_see_an_edit_are_not_redone_even_by_a_daemon_killed_and_started_anew():
    shot = TinyShot(LONG, seed=3)
    with home() as folder, daemon(at=folder) as started:
        with started.client() as client:
            first = shot.render(client, shot.open(client, **CHUNKS), priority="final")
            every_window = first.report["windows_redone"]
            assert len(every_window) == 4
        started.kill()
        shot.edit(1001)
        started.start()
        with started.client() as client:
            opened = shot.open(client, **CHUNKS)
            assert client.prepare(opened, shot.frames, shot) == 1, "only the edited matte had to be sent"
            again = shot.render(client, opened, priority="final")
        assert again.computed("flow") == 0
        redone = again.report["windows_redone"]
        assert redone and set(redone) < set(every_window) and max(redone) < 36
        assert "does not verify" not in started.said()
    assert all(np.array_equal(first.frames[frame], again.frames[frame]) for frame in (1047, 1048))
    assert np.array_equal(again.frames[1001], shot.expected([1001], **CHUNKS).frames[1001])


def test_the_report_says_what_is_suspicious_about_the_mattes(client):
    shot = TinyShot(4, seed=9)
    assert not any("matte" in said for said in shot.render(client, shot.open(client)).report["warnings"])
    shot.mattes = [(matte == 0).astype(np.float32) for matte in shot.mattes]
    (said,) = (said for said in shot.render(client, shot.open(client)).report["warnings"] if "inverted" in said)
    assert said.startswith("the matte looks inverted: it covers 9") and "--" not in said


# --- preview first


def test_the_playhead_s_rough_frame_comes_before_any_other_final_work(running):
    """The order is that of the wire: ``seq`` counts every message of one connection."""
    shot = TinyShot(LONG, seed=4)
    with running.client() as client:
        opened = shot.open(client, **CHUNKS)
        client.prepare(opened, shot.frames, shot)
    link = Link(running.connection())
    try:
        link.open(Hello("two wishes", ("1.0",)), timeout_s=30)
        opened_again = link.ask(OpenShot(1001, 1048, 48, 32, 3, "uint8", settings=CHUNKS), timeout_s=30)
        content = tuple(FrameContent(f, digest_of(shot.plate(f)), digest_of(shot.matte(f))) for f in shot.frames)
        link.ask(Have(opened_again.shot, content), timeout_s=30)
        final = link.send(Render(opened_again.shot, tuple(shot.frames), priority="final"))
        final_job = until_result(final)
        look = link.send(Render(opened_again.shot, (1040, 1039), priority="playhead", provisional=True))
        accepted_at = look.next(30)
        assert isinstance(accepted_at.message, Accepted)
        looked = messages_of(look)
        link.send(Cancel(final_job))
        rest = messages_of(final)
    finally:
        link.close()
    results = [(seq, message) for seq, message in looked if isinstance(message, Result)]
    assert [(m.frame, m.provisional) for _, m in results] == [(1040, True), (1040, False), (1039, False)]
    first_look = results[0][0]
    between = [
        message.frame for seq, message in rest
        if isinstance(message, Result) and accepted_at.header.seq < seq < first_look
    ]  # fmt: skip
    assert len(between) <= 1, "more than the frame under work came first"
    assert looked[-1][1].report["first_result_s"] > 0
    assert rest[-1][1] == Cancelled(final_job, was_running=True), "the final work was over before the look came"


def until_result(exchange: Exchange) -> str:
    while not isinstance(message := exchange.next(60).message, Result):
        pass
    return message.job


def messages_of(exchange: Exchange) -> list[tuple[int, Message]]:
    """Everything up to the end of a job, with its place on the wire."""
    messages: list[tuple[int, Message]] = []
    while not messages or not isinstance(messages[-1][1], (Done, Cancelled)):
        envelope = exchange.next(60)
        messages.append((envelope.header.seq, envelope.message))
    return messages


def test_a_look_of_one_client_comes_before_the_final_work_of_another(running, client):
    quick = TinyShot(4, seed=6)
    job, events = start(client, TinyShot(LONG, seed=5), priority="final")
    with running.client() as other:
        looked = quick.render(other, quick.open(other), priority="playhead", provisional=True)
        assert looked.order[0] == (1001, True)
    assert client.cancel(job), "the final work was over before the look began"
    with pytest.raises(JobCancelled):
        collect(events)


def start(client: Client, shot: TinyShot, **how: object) -> tuple[str, Iterator[object]]:
    """A job under work, its first unit done. Its events must be kept: letting go of them cancels it."""
    opened = shot.open(client, **CHUNKS)
    client.prepare(opened, shot.frames, shot)
    events = client.render(opened, shot.frames, **how)
    accepted = next(events)
    assert isinstance(accepted, Accepted)
    while not (isinstance(event := next(events), Progress) and event.stage not in ("queued", "loading")):
        assert not isinstance(event, FrameResult)
    return accepted.job, events


# --- several at once


def test_one_client_cancels_and_the_other_s_frames_are_right(running):
    mine, theirs = TinyShot(LONG, seed=7), TinyShot(8, seed=8)
    with running.client() as one, running.client() as other:
        job, events = start(one, mine, priority="final")
        opened = theirs.open(other)
        theirs_rendered: list[Rendered] = []
        thread = threading.Thread(target=lambda: theirs_rendered.append(theirs.render(other, opened, priority="final")))
        thread.start()
        assert one.cancel(job)
        with pytest.raises(JobCancelled):
            collect(events)
        thread.join(60)
        assert_same(theirs_rendered[0], theirs.expected())
        assert one.status().jobs == ()


def test_leaving_a_render_early_cancels_its_job(client):
    _, events = start(client, TinyShot(LONG, seed=9), priority="final")
    events.close()
    wait_until(lambda: client.status().jobs == ())


def test_a_client_that_goes_away_takes_its_jobs_with_it(running, client):
    gone, shot = running.client(), TinyShot(LONG, seed=10)
    _, events = start(gone, shot, priority="final")
    assert len(client.status().jobs) == 1
    gone.close()
    wait_until(lambda: client.status().jobs == () and client.status().sessions == 1)
    with pytest.raises(BackendDied):
        collect(events)
    opened = shot.open(client, **CHUNKS)
    client.prepare(opened, shot.frames, shot)
    assert states(client, opened, "painting")[-1][2] == "missing", "it was rendered to its end, for nobody"


def test_a_newer_matte_ends_the_job_that_sees_it_and_no_other(client):
    shot = TinyShot(LONG, seed=11)
    opened = shot.open(client, **CHUNKS)
    client.prepare(opened, shot.frames, shot)
    whole = client.render(opened, shot.frames, priority="final")
    far = client.render(opened, [1048], priority="final", quality="draft")  # a draft sees its stretch of the shot alone
    assert isinstance(next(whole), Accepted) and isinstance(next(far), Accepted)
    shot.edit(1001)
    client.offer_frames(opened, [1001], shot)
    with pytest.raises(JobCancelled):
        collect(whole)
    assert collect(far).frames.keys() == {1048}


def test_newer_settings_end_every_job_of_the_shot(client):
    shot = TinyShot(LONG, seed=12)
    opened = shot.open(client, **CHUNKS)
    client.prepare(opened, shot.frames, shot)
    events = client.render(opened, shot.frames, priority="final")
    next(events)
    assert client.change_settings(opened, {"grow": 6}).settings.grow == 6
    with pytest.raises(JobCancelled):
        collect(events)


def test_equal_wishes_of_two_clients_are_computed_once(running):
    shot = TinyShot(12, seed=13)
    with running.client() as one, running.client() as other:
        opened = {client: shot.open(client) for client in (one, other)}
        for client, name in opened.items():
            client.prepare(name, shot.frames, shot)
        events = {client: client.render(name, shot.frames) for client, name in opened.items()}
        jobs = {client: next(stream).job for client, stream in events.items()}
        assert len(set(jobs.values())) == 2
        got = [collect(stream) for stream in events.values()]
    assert_same(*got)
    assert got[0].report["stages"]["flow"]["seconds"] == got[1].report["stages"]["flow"]["seconds"]
    assert {result.computed("flow") for result in got} == {11}
    spent = [result.report["stages"]["propagation"]["seconds"] for result in got]
    assert spent[0] == spent[1], "each was told of the same, one, computation"


# --- what is cached


def states(client: Client, shot: str, stage: str) -> list[tuple[int, int, str]]:
    (runs,) = [line.runs for line in client.cache_state(shot).stages if line.stage == stage]
    return list(runs)


def test_the_cache_is_missing_then_cached_and_stale_where_an_edit_reaches(client):
    shot = TinyShot(LONG, seed=14)
    opened = shot.open(client, **CHUNKS)
    assert states(client, opened, "plate") == [(1001, 1048, "missing")]
    client.offer_frames(opened, [1001], shot)
    assert states(client, opened, "plate") == [(1001, 1001, "cached"), (1002, 1048, "missing")]
    shot.render(client, opened, [1001])
    painted = states(client, opened, "painting")
    assert painted[0][2] == "cached" and painted[-1][1:] == (1048, "missing"), "what is known of a shot told in part"
    client.prepare(opened, shot.frames, shot)
    assert states(client, opened, "plate") == states(client, opened, "matte") == [(1001, 1048, "cached")]
    shot.render(client, opened)
    for stage, last in (("flow", 1047), ("completion", 1047), ("propagation", 1048), ("painting", 1048)):
        assert states(client, opened, stage) == [(1001, last, "cached")]
    shot.edit(1001)
    digest = digest_of(shot.matte(1001))
    client.ask(Have(opened, (FrameContent(1001, None, digest),)), Need)
    assert states(client, opened, "matte") == [(1001, 1001, "stale"), (1002, 1048, "cached")]
    client.put(opened, "matte", shot.matte(1001))
    assert states(client, opened, "matte") == [(1001, 1048, "cached")]
    assert states(client, opened, "flow") == [(1001, 1047, "cached")]
    assert states(client, opened, "painting")[0][::2] == (
        1001,
        "stale",
    )  # and at most all that places may be carried to
    redone = shot.render(client, opened)
    assert redone.report["windows_redone"] and max(redone.report["windows_redone"]) < 1030
    assert states(client, opened, "painting") == [(1001, 1048, "cached")]


def test_settings_that_make_everything_new_leave_the_old_stale(client):
    shot = TinyShot(6, seed=16)
    opened = shot.open(client)
    shot.render(client, opened)
    client.change_settings(opened, {"grow": 7})
    assert states(client, opened, "flow") == [(1001, 1005, "cached")]
    assert states(client, opened, "painting") == [(1001, 1006, "stale")]


# --- analysis, outputs, refusals


def test_flow_analysed_ahead_of_the_roto_is_not_computed_again(client):
    shot = TinyShot(20, seed=17)
    opened = shot.open(client)
    client.offer_frames(opened, shot.frames, shot, mattes=False)
    analysed = collect(client.analyse(opened, 1001, 1020))
    assert analysed.computed("flow") == 19
    assert analysed.report["notes"] == []
    drafted = collect(client.analyse(opened, 1001, 1002, quality="draft"))
    assert any("cropped to the matte" in note for note in drafted.report["notes"])
    assert max(progress.done for progress in analysed.progress) <= 19
    assert {progress.total for progress in analysed.progress if progress.stage == "flow"} == {19}
    shot.edit(1003)
    client.offer_frames(opened, [1003], shot)
    assert shot.render(client, opened, [1003]).computed("flow") == 0


def test_every_output_is_of_the_size_channels_and_type_that_were_asked_for(client):
    shot = TinyShot(4, seed=18)
    opened = shot.open(client)
    client.prepare(opened, shot.frames, shot)
    channels = {"result": 3, "fill": 4, "hole": 1, "unseen": 1, "difference": 3, "flow": 2, "grain_free": 4}
    outputs = {
        output: collect(client.render(opened, [1002], output=output, dtype="float32")).frames[1002]
        for output in channels
    }
    assert {output: pixels.shape for output, pixels in outputs.items()} == {
        output: (32, 48, count) for output, count in channels.items()
    }
    over = outputs["fill"][..., :3] + (1 - outputs["fill"][..., 3:]) * (shot.plate(1002) / np.float32(255))
    assert np.abs(over - outputs["result"]).max() < 1 / 254
    (event,) = [e for e in client.render(opened, [1002], crop=True) if isinstance(e, FrameResult)]
    x, y, width, height = event.region
    assert event.pixels.shape == (height, width, 3) and width < 48
    whole = collect(client.render(opened, [1002])).frames[1002]
    assert np.array_equal(whole[y : y + height, x : x + width], event.pixels)


@pytest.mark.parametrize(
    ("wish", "code", "said"),
    [
        (lambda c, s: c.render(s, [2000]), "bad_message", "outside the shot"),
        (lambda c, s: c.render("0" * 32, [1001]), "unknown_shot", "open it again"),
        (lambda c, s: c.analyse(s, 1001, 1009), "bad_message", "outside the shot"),
        (lambda c, s: c.render(s, [1001]), "frames_missing", "plates of 4 frames from 1001 on and mattes of 4 frames"),
    ],
)
def test_a_wish_that_cannot_be_fulfilled_is_refused_in_one_sentence(client, wish, code, said):
    shot = TinyShot(4, seed=19)
    with pytest.raises(RemoteError, match=said) as refused:
        next(wish(client, shot.open(client)))
    assert refused.value.code == code


def test_a_plate_or_result_too_large_for_one_message_is_refused_at_once(client):
    with pytest.raises(RemoteError, match="over 1 GiB"):
        client.open_shot(OpenShot(1, 2, 16384, 16384, 3, "float32"))
    large = client.open_shot(OpenShot(1, 2, 16384, 16384, 3, "uint8")).shot
    with pytest.raises(RemoteError, match="ask for a smaller dtype"):
        next(client.render(large, [1], output="fill"))


def test_an_engine_whose_weights_are_not_there_is_refused_and_another_choice_named(client):
    with pytest.raises(RemoteError, match=r"propainter-weights fetch.*choose another engine") as refused:
        TinyShot(2).open(client, engine="propainter")
    assert refused.value.code == "engine_unavailable"


def test_a_still_matte_holds_for_every_frame(client):
    shot = TinyShot(4, seed=20)
    shot.mattes = [shot.mattes[0]] * 4
    for plate, matte in zip(shot.plates, shot.mattes, strict=True):
        plate[matte[..., 0] > 0] = 255
    moving = shot.render(client, shot.open(client))
    still = client.open_shot(OpenShot(1001, 1004, 48, 32, 3, "uint8", still_matte=True)).shot
    reach = client.reach(still, [1003])
    assert reach.mattes == ((1001, 1001),) and reach.plates == ((1001, 1004),)
    client.prepare(still, [1003], shot)
    got = collect(client.render(still, shot.frames))
    assert_same(got, moving)


def test_a_clean_plate_crosses_once_serves_the_shot_and_can_be_taken_back(client):
    shot = TinyShot(10, seed=41)
    opened = shot.open(client)
    before = shot.render(client, opened)
    background = np.full((*shot.size[::-1], 4), (90, 120, 60, 255), np.uint8)
    shot.cleans = {1004: background, 1005: background}
    assert client.prepare(opened, shot.frames, shot) == 1
    with_clean = shot.render(client, opened)
    assert_same(with_clean, shot.expected())
    assert with_clean.report["stages"]["flow"]["computed"] == 0
    matte = shot.matte(1004)[..., 0] > 0
    assert np.abs(with_clean.frames[1004][matte] - np.array([90, 120, 60])).max() <= 3  # this matte is not quite 1
    shot.cleans = {}
    assert_same(shot.render(client, opened), before)


def test_a_clean_plate_nobody_has_any_more_is_asked_for_again(client):
    shot = TinyShot(6, seed=42)
    opened = shot.open(client)
    shot.cleans = {1002: np.full((*shot.size[::-1], 3), 77, np.uint8)}
    client.prepare(opened, shot.frames, shot)
    client.clear_cache("content")
    with pytest.raises(RemoteError) as refused:
        collect(client.render(opened, [1003]))
    assert refused.value.code == "frames_missing"
    assert refused.value.details["cleans"] == [[1002, 1002]]
    assert "clean plates of 1 frames" in str(refused.value)
    assert_same(shot.render(client, opened), shot.expected())


def test_published_settings_steer_every_shot_that_follows_now_and_later(running):
    shot = TinyShot(6, seed=43)
    width, height = shot.size
    with running.client() as node, running.client() as panel:

        def open_following(name: str, *, follow: bool = True):
            return node.open_shot(
                OpenShot(1001, 1006, width, height, 3, "uint8", settings={"grow": 2}, name=name, follow=follow)
            )

        here = open_following("comp1")
        assert here.settings.grow == 2
        told = panel.publish("comp1", {"grow": 6, "chunk_length": 40})
        assert (told.name, told.followers) == ("comp1", 1)
        later, other, alone = open_following("comp1"), open_following("comp2"), open_following("comp1", follow=False)
        assert [o.settings.grow for o in (later, other, alone)] == [6, 2, 2]
        assert_same(shot.render(node, here.shot), shot.expected(grow=6, chunk_length=40))
        assert node.change_settings(here.shot, {"grow": 3, "feather": 1}).settings == replace(
            later.settings, feather=1
        )  # what is published stands above
        listed = {line.shot: line for line in panel.status().shots}
        assert listed[here.shot].follows and listed[here.shot].name == "comp1"
        assert listed[here.shot].settings.grow == 6
        assert not listed[alone.shot].follows
        assert panel.publish("comp1", None).settings is None
        assert node.change_settings(here.shot, {}).settings.grow == 3
        assert panel.published("comp1").settings is None


def test_publishing_ends_the_jobs_of_followers(running):
    shot = TinyShot(40, seed=44)
    width, height = shot.size
    with running.client() as node, running.client() as panel:
        opened = node.open_shot(OpenShot(1001, 1040, width, height, 3, "uint8", name="busy", follow=True)).shot
        node.prepare(opened, shot.frames, shot)
        job = node.render(opened, shot.frames)
        next(job)
        panel.publish("busy", {"grow": 9})
        with pytest.raises(JobCancelled):
            collect(job)
        panel.publish("busy", None)


def test_published_settings_outlive_the_daemon_and_a_damaged_file_does_not_stop_it():
    with home() as folder, daemon(at=folder) as started:
        with started.client() as client:
            wait_until(lambda: "starting" not in client.status().device)
            client.publish("kept", {"ref_stride": 7})
            with pytest.raises(RemoteError, match="weights"):
                client.publish("kept", {"engine": "propainter"})
        started.kill()
        started.start()
        with started.client() as client:
            assert client.published("kept").settings == {"ref_stride": 7}
        started.terminate()
        (kept,) = folder.rglob("published.json")
        kept.write_text('{"kept": {"ref_stride": "seven"}}')
        started.start()
        with started.client() as client:
            assert client.published("kept").settings is None
        assert "published.json cannot be read" in started.said()


def test_progress_counts_up_to_the_whole_and_names_its_stages(client):
    shot = TinyShot(8, seed=21)
    told = shot.render(client, shot.open(client), priority="final").progress
    stages = Counter(progress.stage for progress in told)
    assert {"loading", "flow", "completion", "propagation", "painting"} <= set(stages)
    assert all(0 <= progress.done <= progress.total or progress.total == 0 for progress in told)
    shares = [progress.done / progress.total for progress in told if progress.total]
    assert shares == sorted(shares), "what was told is never taken back"
    assert 0 < shares[0] < 0.5 and shares[-1] > 0.95 and len(set(shares)) > 5


def test_what_the_embedded_engine_ignores_recomputes_nothing_and_ends_no_job(client):
    """Flow iterations and Stop flow early recomputed every pair, though no engine was there that heeds them."""
    shot = TinyShot(10, seed=22)
    opened = shot.open(client)
    before = shot.render(client, opened)
    ignored = {"flow_iterations": 7, "flow_stop": 0.02, "neighbor_length": 4, "ref_stride": 3}
    assert client.change_settings(opened, ignored).settings.flow_iterations == 7, "told as it was asked for"
    after = shot.render(client, opened)
    assert [after.computed(stage) for stage in ("flow", "completion", "propagation", "painting")] == [0, 0, 0, 0]
    for frame in shot.frames:
        np.testing.assert_array_equal(before.frames[frame], after.frames[frame])
    job = client.render(opened, shot.frames, priority="final")
    next(job)
    client.change_settings(opened, {"flow_iterations": 9})
    assert sum(isinstance(event, FrameResult) for event in job) == 10, "nothing became stale under it"
