"""Mattes through the daemon: drawn, tracked, corrected, cast, published; what is refused, and what a fault leaves."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest
from daemon_harness import TinyShot, collect, daemon, home, wait_until

from matte_scenes import Scene, moving_disc
from propainter_backend.commands import matte as command
from propainter_matte.arrays import overlap
from propainter_matte.shadows import shadow_of
from propainter_pictures.frame import Frame, as_type
from propainter_pictures.images import read_image, write_image
from propainter_wire.client import Client, FrameMatte
from propainter_wire.errors import JobCancelled, RemoteError
from propainter_wire.messages import Accepted, Done, FrameContent, Have, Need, OpenShot, Progress
from propainter_wire.shot import digest_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and sockets of POSIX")

FIRST, COUNT = 1001, 6
LAST = FIRST + COUNT - 1


@pytest.fixture(scope="module")
def running():
    with daemon() as started:
        yield started


@pytest.fixture
def client(running):
    with running.client() as connected:
        yield connected


@pytest.fixture(scope="module")
def scene() -> Scene:
    return moving_disc(COUNT, speed=3)


class Plates:
    """Frames for a client to offer, without mattes."""

    def __init__(self, frames: list[np.ndarray]) -> None:
        self._frames = frames

    def plate(self, frame: int) -> np.ndarray:
        return self._frames[frame - FIRST]

    def matte(self, frame: int) -> None:
        return None

    def clean(self, frame: int) -> None:
        return None


def opened(client: Client, frames: list[np.ndarray], **more: object) -> str:
    """A shot whose plates the backend has."""
    height, width = frames[0].shape[:2]
    last = FIRST + len(frames) - 1
    shot = client.open_shot(OpenShot(FIRST, last, width, height, 3, frames[0].dtype.name, **more)).shot
    client.offer_frames(shot, range(FIRST, last + 1), Plates(frames), mattes=False)
    return shot


def box(scene: Scene, index: int = 0) -> dict[str, object]:
    return {"boxes": [list(scene.box(index))]}


def tracked(events: Iterator[object]) -> tuple[dict[int, FrameMatte], dict[str, object]]:
    """Mattes by frame, each of which came once, and the report."""
    found: dict[int, FrameMatte] = {}
    for event in events:
        if isinstance(event, FrameMatte):
            assert event.frame not in found
            found[event.frame] = event
        elif isinstance(event, Done):
            return found, dict(event.report)
    raise AssertionError("no done")


def put(client: Client, shot: str, matte: np.ndarray) -> str:
    return client.put(shot, "matte", as_type(matte, np.dtype("uint8"))[..., None])


def shares(matte: FrameMatte) -> np.ndarray:
    return matte.pixels[..., 0] / np.float32(255)


# --- what comes


def test_a_box_tracked_through_the_daemon_is_what_the_command_writes(client, scene, tmp_path):
    (tmp_path / "plate").mkdir()
    for i, frame in enumerate(scene.frames):
        write_image(tmp_path / "plate" / f"p.{FIRST + i}.png", Frame(frame, ("R", "G", "B"), FIRST + i), {})
    drawn = "1001:{:g},{:g},{:g},{:g}".format(*scene.box(0))
    plate, output = str(tmp_path / "plate"), str(tmp_path / "out")
    assert command.main(["--plate", plate, "--box", drawn, "--output", output, "--quiet"]) == 0

    shot = opened(client, scene.frames)
    key = client.select(shot, FIRST, box(scene))
    assert (key.pixels.dtype, key.digest) == (np.uint8, digest_of(key.pixels))
    found, report = tracked(client.track(shot, {FIRST: key.digest}, FIRST, LAST))
    assert sorted(found) == list(range(FIRST, LAST + 1))
    assert found[FIRST].digest == key.digest  # a key stays as it is
    for frame, matte in found.items():
        wrote = read_image(Path(output) / f"p.{frame}.png", frame).pixels
        close = np.abs(matte.pixels.astype(int) - wrote.reshape(matte.pixels.shape).astype(int))
        # A key comes back from its edges at the plate's size, the command's never left the working size.
        assert (close <= 1).all() if frame == FIRST else overlap(shares(matte), wrote.squeeze() / 255) > 0.99
        assert overlap(shares(matte), scene.truth[frame - FIRST]) > 0.9
    assert set(report["doubt"]) == {str(frame) for frame in found}
    assert (report["help"], report["empty"], report["tracked"]) == ([], [], [[FIRST, LAST]])


def test_strokes_correct_a_matte_that_is_there_and_leave_the_rest_of_it_alone(client, scene):
    shot = opened(client, scene.frames)
    wrong = scene.truth[2].copy()
    wrong[:20, :20] = 1  # a patch that is none of it
    start = put(client, shot, wrong)
    matte = client.select(
        shot, FIRST + 2, {"keep": [{"points": [[4, 4], [16, 16], [4, 16]], "radius": 4}]}, start=start
    )
    assert shares(matte)[4:16, 4:16].mean() < 0.1
    far = as_type(wrong, np.dtype("uint8"))[30:]
    np.testing.assert_array_equal(matte.pixels[30:, :, 0], far)


def test_a_half_float_plate_has_half_float_mattes(client, scene):
    frames = [(frame / np.float32(255)).astype(np.float16) for frame in scene.frames]
    shot = opened(client, frames, settings={"color": "raw"})
    matte = client.select(shot, FIRST, box(scene))
    assert matte.pixels.dtype == np.float16
    assert overlap(matte.pixels[..., 0].astype(np.float32), scene.truth[0]) > 0.9


def test_after_one_changed_key_only_the_spans_it_ends_are_tracked(client, scene):
    shot = opened(client, scene.frames)
    keys = {FIRST + i: put(client, shot, scene.truth[i]) for i in (0, 2, 5)}
    _, report = tracked(client.track(shot, keys, FIRST, LAST))
    assert report["tracked"] == [[1001, 1003], [1003, 1006]]
    again, report = tracked(client.track(shot, keys, FIRST, LAST))
    assert (report["tracked"], len(again)) == ([], COUNT)
    keys[LAST] = put(client, shot, cv2.dilate(scene.truth[5], np.ones((3, 3), np.uint8)))
    fresh, report = tracked(client.track(shot, keys, FIRST, LAST))
    assert report["tracked"] == [[1003, 1006]]
    assert fresh[1002].digest == again[1002].digest


def test_known_mattes_are_neither_made_nor_sent(client, scene):
    shot = opened(client, [frame[::-1].copy() for frame in scene.frames])
    keys = {FIRST + i: put(client, shot, scene.truth[i][::-1]) for i in (2, 5)}
    known = dict.fromkeys((1001, 1002, 1003), "0" * 32)
    found, report = tracked(client.track(shot, keys, FIRST, LAST, known=known))
    assert sorted(found) == [1004, 1005, 1006]
    assert report["tracked"] == [[1003, 1006]]


def test_nothing_is_tracked_across_a_cut_and_a_scene_without_a_key_is_empty(client, scene):
    other = moving_disc(3, speed=3, contrast=-0.3)
    frames = [*scene.frames[:3], *(255 - frame[:, ::-1] // 2 for frame in other.frames)]
    shot = opened(client, frames)
    key = put(client, shot, scene.truth[0])
    found, report = tracked(client.track(shot, {FIRST: key}, FIRST, LAST))
    assert report["empty"] == [[1004, 1006]]
    assert [bool(found[frame].pixels.any()) for frame in sorted(found)] == [True] * 3 + [False] * 3


def test_a_shadow_comes_as_a_matte_of_its_own(client):
    scene = moving_disc(14, speed=4, shadow=0.4)
    shot = opened(client, scene.frames)
    mattes = {FIRST + i: put(client, shot, truth) for i, truth in enumerate(scene.truth)}
    found, report = tracked(client.cast(shot, mattes, FIRST + 6, FIRST + 7, threshold=0.1))
    truths = {i: as_type(truth, np.dtype("uint8")) / np.float32(255) for i, truth in enumerate(scene.truth)}
    for frame, matte in found.items():
        expected = shadow_of(scene.footage, frame - FIRST, truths, threshold=0.1)
        assert np.abs(shares(matte) - expected).max() < 0.02
    assert report["offered"] == sorted(found) == [FIRST + 6, FIRST + 7]


def test_points_and_stamps_are_carried_by_the_object_and_by_the_camera(client, scene):
    shot = opened(client, scene.frames)  # the ground goes 1 to the left, the disc 3 to the right
    matrix = np.array(client.motion(shot, FIRST, FIRST + 3)).reshape(3, 3)
    x, y, w = matrix @ (80, 100, 1)
    assert (x / w, y / w) == pytest.approx((83, 100), abs=0.3)
    turns = np.arange(0, 2 * np.pi, np.pi / 6)  # an outline on the disc's very edge, where flow is half the ground's
    outline = [(40.5 + 18 * np.cos(turn), 60.5 + 18 * np.sin(turn)) for turn in turns]
    moved = client.carry(shot, FIRST, FIRST + 3, outline)
    assert np.array(moved) == pytest.approx(np.array(outline) + np.array([9, 0]), abs=0.9)
    back = client.carry(shot, FIRST + 3, FIRST, moved)
    assert np.array(back) == pytest.approx(np.array(outline), abs=0.9)
    assert client.carry(shot, FIRST, FIRST, outline) == tuple(outline)


# --- what is refused


def test_what_is_not_there_is_named_so_that_it_can_be_sent(client, scene):
    height, width = scene.frames[0].shape[:2]
    shot = client.open_shot(OpenShot(FIRST, LAST, width, height, 3, "uint8")).shot
    told = [FrameContent(FIRST + i, digest_of(frame)) for i, frame in enumerate(scene.frames[:2])]
    client.ask(Have(shot, tuple(told)), Need)
    for asks in (
        lambda: client.select(shot, FIRST, box(scene), start="a" * 32),
        lambda: list(client.track(shot, {FIRST: "a" * 32}, FIRST, LAST)),
        lambda: list(client.cast(shot, dict.fromkeys(range(FIRST, LAST + 1), "a" * 32), FIRST, LAST)),
    ):
        with pytest.raises(RemoteError) as caught:
            asks()
        assert caught.value.code == "frames_missing"
        assert caught.value.details["plates"][-1][1] == LAST
        assert caught.value.details["mattes"][0][0] == FIRST
    with pytest.raises(RemoteError, match="plates of"):
        client.carry(shot, FIRST, LAST, [(1, 1)])


@pytest.mark.parametrize(
    ("frame", "marks", "said"),
    [
        (900, {"boxes": [[1, 1, 9, 9]]}, "frame 900 lies outside the shot"),
        (1001, {"boxes": [[500, 500, 9, 9]]}, "the box 500,500,9,9 of frame 1001 lies outside the plate's 160x120"),
        (1001, {"remove": [{"points": [[-4, -4]]}]}, "the point -4,-4 of frame 1001 lies outside"),
        (1001, {"keep": [{"points": [[4, 4]]}]}, "nothing says what to remove on frame 1001"),
        (1001, {}, "nothing says what to remove on frame 1001"),
        (1001, {"boxes": [[1, 1, 9]]}, "the marks of frame 1001 cannot be read"),
        (1001, {"boxes": 7}, "the marks of frame 1001 cannot be read"),
        (1001, {"remove": [[1, 2]]}, "the marks of frame 1001 cannot be read"),
        (1001, {"remove": [{"radius": 3}]}, "'points' is missing"),
        (1001, {"remove": [{"points": [[4, 4]], "radius": "wide"}]}, "the marks of frame 1001 cannot be read"),
        (1001, {"polygons": [[[1, 1], [2, 2]]]}, "a polygon of 2 points has no inside"),
        (1001, {"boxs": []}, "'boxs' is none of boxes, remove, keep, polygons"),
        (1001, {"polygons": [[[1e300, 1], [2, 2], [9, 9]]], "keep": [{"points": [[5, 5]], "radius": 300}]}, "nothing was"),
    ],
)  # fmt: skip
def test_marks_that_cannot_be_are_refused_in_one_sentence(client, scene, frame, marks, said):
    shot = opened(client, scene.frames)
    with pytest.raises(RemoteError) as caught:
        client.select(shot, frame, marks)
    assert caught.value.code == "bad_message"
    assert said in str(caught.value)


def test_wishes_that_cannot_be_are_refused_in_one_sentence(client, scene):
    shot = opened(client, scene.frames)
    key = put(client, shot, scene.truth[0])
    small = opened(client, [frame[:60, :80].copy() for frame in scene.frames])
    other = put(client, small, scene.truth[0][:60, :80])
    for asks, said in (
        (lambda: client.track(shot, {900: key}, FIRST, LAST), "frame 900 lies outside the shot"),
        (lambda: client.track(shot, {FIRST: other}, FIRST, LAST), "the matte of frame 1001 is 80x60 with 1 channel"),
        (lambda: client.cast(shot, {FIRST: key}, FIRST, LAST), "frame 1002 has no matte"),
        (lambda: client.track("0" * 32, {FIRST: key}, FIRST, LAST), "this session has no such shot"),
    ):  # fmt: skip
        with pytest.raises(RemoteError, match=said):
            list(asks())
    frames = [*scene.frames[:3], *(255 - frame[:, ::-1] // 2 for frame in scene.frames[3:])]
    cut = opened(client, frames)
    with pytest.raises(RemoteError, match="the film is cut between frames 1003 and 1004"):
        client.motion(cut, FIRST, LAST)


# --- faults


def test_a_track_that_is_cancelled_ends_and_leaves_the_worker_free(client, scene):
    shot = opened(client, [np.roll(frame, 5, axis=1) for frame in scene.frames])
    key = put(client, shot, np.roll(scene.truth[0], 5, axis=1))
    events = client.track(shot, {FIRST: key}, FIRST, LAST)
    accepted = next(events)
    assert isinstance(accepted, Accepted)
    assert client.cancel(accepted.job)
    with pytest.raises(JobCancelled):
        list(events)
    found, _ = tracked(client.track(shot, {FIRST: key}, FIRST, FIRST + 1))
    assert sorted(found) == [FIRST, FIRST + 1]


def test_a_worker_killed_amid_a_track_costs_time_and_nothing_else(running, client, scene):
    shot = opened(client, [np.roll(frame, 9, axis=1) for frame in scene.frames])
    key = put(client, shot, np.roll(scene.truth[0], 9, axis=1))
    found: dict[int, FrameMatte] = {}
    report = None
    for event in client.track(shot, {FIRST: key}, FIRST, LAST):
        if isinstance(event, FrameMatte):
            assert event.frame not in found
            found[event.frame] = event
            if len(found) == 2:
                running.worker().kill()
        elif isinstance(event, Done):
            report = event.report
    assert sorted(found) == list(range(FIRST, LAST + 1))
    assert report is not None and report["tracked"] == [[FIRST, LAST]]
    again, _ = tracked(client.track(shot, {FIRST: key}, FIRST, LAST))
    assert {frame: matte.digest for frame, matte in again.items()} == {f: m.digest for f, m in found.items()}


def test_settings_do_not_end_a_track_but_another_plate_does(client, scene):
    shot = opened(client, [np.roll(frame, 13, axis=1) for frame in scene.frames])
    key = put(client, shot, np.roll(scene.truth[0], 13, axis=1))
    events = client.track(shot, {FIRST: key}, FIRST, LAST)
    assert isinstance(next(events), Accepted)
    client.change_settings(shot, {"grow": 9})
    assert any(isinstance(event, (Progress, FrameMatte)) for event in (next(events), next(events)))
    client.ask(Have(shot, (FrameContent(LAST, "b" * 32),)), Need)
    with pytest.raises(JobCancelled):
        list(events)


def test_an_artist_who_draws_waits_for_no_render_and_a_render_for_no_track(client, scene):
    tiny = TinyShot(24, seed=77)
    rendered = tiny.open(client)
    client.prepare(rendered, tiny.frames, tiny)
    shot = opened(client, [np.roll(frame, 17, axis=1) for frame in scene.frames])
    moved = scene.box(0)
    marks = {"boxes": [[moved[0] + 17, *moved[1:]]]}
    key = client.select(shot, FIRST, marks).digest
    render = client.render(rendered, tiny.frames, priority="final")
    assert isinstance(next(render), Accepted)
    client.select(shot, FIRST + 1, marks)
    assert any(isinstance(event, Progress) for event in render), "the render was over before a stroke was answered"
    # A track is left for what the artist looks at, gone on with, and comes out as it would have.
    events = client.track(shot, {FIRST: key}, FIRST, LAST)
    found = {}
    for event in events:
        if isinstance(event, FrameMatte):
            found[event.frame] = event.digest
            if len(found) == 2:
                assert collect(client.render(rendered, [tiny.first], output="fill")).frames
    alone, _ = tracked(client.track(shot, {FIRST: key}, FIRST, LAST))
    assert found == {frame: matte.digest for frame, matte in alone.items()}


# --- published


def published(client: Client, shot: str, mattes: Mapping[int, np.ndarray], tiny: TinyShot, name: str) -> int:
    digests = {frame: client.put(shot, "matte", matte) for frame, matte in mattes.items()}
    return client.publish_mattes(name, tiny.frames[0], tiny.frames[-1], tiny.size, digests).followers


def taking(client: Client, tiny: TinyShot, name: str) -> str:
    """A shot that has its plates from here and its mattes from the panel."""
    width, height = tiny.size
    shot = client.open_shot(
        OpenShot(tiny.first, tiny.frames[-1], width, height, 3, "uint8", name=name, panel_mattes=True)
    ).shot
    client.offer_frames(shot, tiny.frames, tiny, mattes=False)
    return shot


def test_published_mattes_render_as_the_same_mattes_told_would(client):
    tiny = TinyShot(4, seed=21)
    expected = tiny.expected()
    panel = tiny.open(client)
    assert client.published("hero").matte_frames == 0
    assert published(client, panel, dict(zip(tiny.frames, tiny.mattes, strict=True)), tiny, "hero") == 0
    assert client.published("hero").matte_frames == 4
    shot = taking(client, tiny, "hero")
    assert client.reach(shot, tiny.frames).mattes == ()
    result = collect(client.render(shot, tiny.frames))
    for frame in tiny.frames:
        np.testing.assert_array_equal(result.frames[frame], expected.frames[frame])
    client.clear_cache("content")
    client.offer_frames(shot, tiny.frames, tiny, mattes=False)
    kept = collect(client.render(shot, tiny.frames, output="hole"))
    assert all(hole.any() for hole in kept.frames.values())
    tiny.edit(tiny.first)
    assert published(client, panel, dict(zip(tiny.frames, tiny.mattes, strict=True)), tiny, "hero") == 1
    result = collect(client.render(shot, tiny.frames))
    edited = tiny.expected()
    for frame in tiny.frames:
        np.testing.assert_array_equal(result.frames[frame], edited.frames[frame])
    # A frame that is not listed has an empty matte; nothing published is a sentence.
    assert published(client, panel, {tiny.first: tiny.mattes[0]}, tiny, "hero") == 1
    hole = collect(client.render(shot, [tiny.first + 1], output="hole")).frames[tiny.first + 1]
    assert not hole.any()
    assert published(client, panel, {}, tiny, "hero") == 1
    with pytest.raises(
        RemoteError, match="no mattes are published under the panel name 'hero'; publish them in the panel"
    ):
        list(client.render(shot, tiny.frames))


def test_published_mattes_fit_proxies_and_refuse_other_frames_and_shapes(client):
    tiny, proxy = TinyShot(3, size=(96, 64), seed=31), TinyShot(3, seed=31)
    panel = tiny.open(client)
    published(client, panel, dict(zip(tiny.frames, tiny.mattes, strict=True)), tiny, "proxy")
    shot = taking(client, proxy, "proxy")
    hole = collect(client.render(shot, [proxy.first], output="hole", quality="best")).frames[proxy.first]
    full = cv2.resize(tiny.mattes[0][..., 0], proxy.size, interpolation=cv2.INTER_AREA) > 0
    assert np.all(hole[..., 0][full] > 0)
    longer, wider = TinyShot(5, seed=31), TinyShot(3, size=(64, 32), seed=31)
    for other, said in (
        (longer, "are of frames 1001-1003, but frames 1004-1005 are needed"),
        (wider, "of another shape"),
    ):
        with pytest.raises(RemoteError, match=said):
            client.reach(taking(client, other, "proxy"), other.frames)
    with pytest.raises(RemoteError) as caught:
        client.publish_mattes("proxy", 1001, 1003, tiny.size, {1002: "c" * 32})
    assert (caught.value.code, caught.value.details["mattes"]) == ("frames_missing", [[1002, 1002]])
    with pytest.raises(RemoteError, match="the matte of frame 1001 is 48x32 with 1 channel but 96x64 is published"):
        digest = client.put(proxy.open(client), "matte", proxy.mattes[0])
        client.publish_mattes("proxy", 1001, 1003, tiny.size, {1001: digest})


@pytest.mark.slow
def test_published_mattes_outlive_the_daemon():
    tiny = TinyShot(3, seed=41)
    with home() as path:
        with daemon(at=path) as running, running.client() as client:
            published(client, tiny.open(client), dict(zip(tiny.frames, tiny.mattes, strict=True)), tiny, "kept")
        with daemon(at=path) as running, running.client() as client:
            assert client.published("kept").matte_frames == 3
            result = collect(client.render(taking(client, tiny, "kept"), tiny.frames))
            expected = tiny.expected()
            for frame in tiny.frames:
                np.testing.assert_array_equal(result.frames[frame], expected.frames[frame])
        for file in (path / "cache" / "published_mattes").glob("*.npz"):
            file.write_bytes(file.read_bytes()[:-40])
        with daemon(at=path) as running, running.client() as client:
            client.clear_cache("content")
            with pytest.raises(RemoteError) as caught:
                list(client.render(taking(client, tiny, "kept"), tiny.frames))
            assert caught.value.code == "frames_missing"
            assert "cannot be read" in running.said()


def test_many_clients_ask_at_once_and_each_gets_its_own(running, scene):
    shifts = (21, 23, 25)
    found: dict[int, np.ndarray] = {}

    def ask(shift: int) -> None:
        with running.client(f"client {shift}") as mine:
            shot = opened(mine, [np.roll(frame, shift, axis=1) for frame in scene.frames])
            x, *rest = scene.box(0)
            found[shift] = mine.select(shot, FIRST, {"boxes": [[x + shift, *rest]]}).pixels

    threads = [threading.Thread(target=ask, args=(shift,)) for shift in shifts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for shift in shifts:
        assert overlap(found[shift][..., 0] / 255, np.roll(scene.truth[0], shift, axis=1)) > 0.9
    with running.client() as client:
        wait_until(lambda: client.status().memory["kept"]["questions"] == 0)
