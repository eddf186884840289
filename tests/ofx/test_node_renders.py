"""What comes out of the node, against the fake daemon's way of removing: the plate turned inside out under the matte."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_daemon import Behaviour, FakeDaemon, inverted
from node_fixtures import Shot, make_shot, node_effect, sentence, when

from propainter_host.host import Host
from propainter_host.images import Frame, NumpyClip
from propainter_host.profiles import FUSION, NATRON, NUKE, PROFILES, Profile
from propainter_wire import router

HOSTS_WITH_TIME = [name for name in PROFILES if name != "mlt"]

EVERY_DEPTH = replace(NATRON, depths=("Float", "Half", "Short", "Byte"))
DOWNWARD = replace(EVERY_DEPTH, row_order="down", row_padding=52)
PADDED = replace(EVERY_DEPTH, row_padding=13)


def render(profile: str | Profile, bundle: Path, shot: Shot, frame: int, **params: object) -> np.ndarray:
    with Host(profile) as host:
        effect = node_effect(host, bundle, shot)
        for name, value in params.items():
            effect.set_param(name, value)
        rendered = effect.render(frame)
        assert rendered.outcome == "done", sentence(rendered)
        assert rendered.pixels is not None
        return rendered.pixels


@pytest.mark.parametrize("profile", HOSTS_WITH_TIME)
def test_every_host_with_time_gets_the_removed_frame_and_no_other_bit_changed(
    node_bundle: Path, daemon: FakeDaemon, profile: str
) -> None:
    shot = make_shot()
    np.testing.assert_array_equal(render(profile, node_bundle, shot, 5), shot.expected(5))


@pytest.mark.parametrize("layout", [EVERY_DEPTH, DOWNWARD, PADDED], ids=["upward", "downward", "odd rows"])
@pytest.mark.parametrize("dtype", ["float32", "float16", "uint16", "uint8"])
def test_every_depth_and_row_layout_gives_the_same_picture(
    node_bundle: Path, daemon: FakeDaemon, dtype: str, layout: Profile
) -> None:
    shot = make_shot(dtype=dtype)
    np.testing.assert_array_equal(render(layout, node_bundle, shot, 4), shot.expected(4))
    assert {opened.dtype for opened in daemon.opened} == {dtype}


@pytest.mark.parametrize("dtype", ["float32", "float16", "uint16", "uint8"])
def test_three_channel_plates_pass_like_four_channel_ones(node_bundle: Path, daemon: FakeDaemon, dtype: str) -> None:
    shot = make_shot(dtype=dtype, channels=3)
    np.testing.assert_array_equal(render(EVERY_DEPTH, node_bundle, shot, 4), shot.expected(4))


@pytest.mark.parametrize("dtype", ["float32", "float16", "uint16", "uint8"])
def test_premultiplied_plates_keep_their_alpha_and_every_bit_outside_the_matte(
    node_bundle: Path, daemon: FakeDaemon, dtype: str
) -> None:
    shot = make_shot(dtype=dtype, alpha=0.4)
    top = np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else 1
    straight = shot.plate[..., :3].astype(np.float64) / top
    alpha = shot.plate[..., 3:].astype(np.float64) / top
    premultiplied = shot.plate.copy()
    premultiplied[..., :3] = straight * alpha * top
    picture = render(EVERY_DEPTH, node_bundle, replace(shot, plate=premultiplied), 4)

    hole, plate = shot.matte[3] > 0, premultiplied[3]
    np.testing.assert_array_equal(picture[~hole], plate[~hole])
    np.testing.assert_array_equal(picture[..., 3], plate[..., 3])
    seen = plate[hole][:, :3].astype(np.float64) / top / alpha[3][hole]
    expected = (1 - seen) * alpha[3][hole]
    step = {"float32": 1e-6, "float16": 2e-3, "uint16": 3 / 65535, "uint8": 3 / 255}[dtype]
    np.testing.assert_allclose(picture[hole][:, :3].astype(np.float64) / top, expected, atol=step)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16"])
def test_light_brighter_than_its_alpha_keeps_its_bits_beside_the_hole(
    node_bundle: Path, daemon: FakeDaemon, dtype: str
) -> None:
    """Fire and flares: straight, they would be beyond what whole numbers hold, and could not be brought back."""
    shot = make_shot(dtype=dtype, alpha=0.2)
    picture = render(EVERY_DEPTH, node_bundle, shot, 4)
    np.testing.assert_array_equal(picture[shot.matte[3] == 0], shot.plate[3][shot.matte[3] == 0])


def test_an_alpha_that_was_never_filled_in_does_not_turn_the_fill_black(node_bundle: Path, daemon: FakeDaemon) -> None:
    shot = make_shot(alpha=0.0)
    np.testing.assert_array_equal(render("nuke", node_bundle, shot, 5), shot.expected(5))


def test_an_unpremultiplied_plate_is_not_divided_by_its_alpha(node_bundle: Path, daemon: FakeDaemon) -> None:
    shot = make_shot(alpha=0.25)
    with Host("natron") as host:
        clips = {"Source": shot.source(premultiplication="unpremultiplied"), "Mask": shot.mask()}
        rendered = node_effect(host, node_bundle, shot, clips=clips).render(5)
        np.testing.assert_array_equal(rendered.pixels, shot.expected(5))


def test_bounds_may_lie_anywhere_and_the_mattes_elsewhere(node_bundle: Path, daemon: FakeDaemon) -> None:
    shot = make_shot()
    small = np.ones((9, 4, 5), np.float32)
    with Host(NUKE) as host:
        source = NumpyClip(shot.plate, origin=(-7, 21))
        mask = NumpyClip(small, origin=(-9, 30))  # three of its columns, and three of its rows, lie over the plate
        rendered = node_effect(host, node_bundle, shot, clips={"Source": source, "Mask": mask}).render(5)
    expected = shot.plate[4].copy()
    expected[0:3, 0:3, :3] = inverted(
        expected[0:3, 0:3, :3]
    )  # the plate's top rows are y 30..32, its left columns x -7..-5
    np.testing.assert_array_equal(rendered.pixels, expected)
    assert (daemon.opened[0].width, daemon.opened[0].height) == (16, 12)


def test_only_the_window_asked_for_is_written_and_it_is_right(node_bundle: Path, daemon: FakeDaemon) -> None:
    shot = make_shot()
    with Host(FUSION) as host:
        rendered = node_effect(host, node_bundle, shot).render(5, window=(3, 2, 11, 9))
    np.testing.assert_array_equal(rendered.pixels, shot.expected(5)[12 - 9 : 12 - 2, 3:11])


def test_a_plate_that_moves_over_the_canvas_is_seen_through_the_current_frames_window(
    node_bundle: Path, daemon: FakeDaemon
) -> None:
    shot = make_shot()
    moving = {frame: Frame(shot.plate[frame - 1], (frame, 0)) for frame in range(1, 10)}
    with Host("natron") as host:
        clips = {"Source": NumpyClip(moving), "Mask": NumpyClip(shot.matte, origin=(5, 0))}
        rendered = node_effect(host, node_bundle, shot, clips=clips).render(5)
    np.testing.assert_array_equal(rendered.pixels, shot.expected(5))
    assert len({(opened.width, opened.height) for opened in daemon.opened}) == 1


def test_a_proxy_is_a_smaller_shot_with_smaller_growth(node_bundle: Path, daemon: FakeDaemon) -> None:
    shot = make_shot()
    with Host("natron") as host:
        effect = node_effect(host, node_bundle, shot)
        effect.set_param("grow", 8)
        effect.set_param("feather", 1)
        rendered = effect.render(5, scale=(0.5, 0.5))
    assert rendered.outcome == "done"
    assert rendered.pixels is not None
    assert rendered.pixels.shape == (6, 8, 4)
    (opened,) = daemon.opened
    assert (opened.width, opened.height) == (8, 6)
    assert opened.settings["grow"] == 4
    assert opened.settings["feather"] == 1


def test_the_settings_that_reach_the_daemon_are_the_panels(node_bundle: Path, daemon: FakeDaemon) -> None:
    values = {
        "neighbour_window": 12, "reference_stride": 5, "chunk_length": 40, "flow_iterations": 7, "grow": 9, "feather": 2,
        "threshold": 0.25, "flow_hole_snap": 16, "engine": "Classical", "precision": "bf16", "input_colour": "sRGB",
        "working_size": "Half", "grow_flow": 11, "crop_to_matte": True, "crop_padding": 30,
        "native_fill": False, "flow_stop": 0.03, "cuts": "None",
        "never_seen": "Smooth", "match_grain": 0.5,
    }  # fmt: skip
    render("nuke", node_bundle, make_shot(), 5, **values, quality="Best")
    (opened,) = daemon.opened
    assert dict(opened.settings) == {
        "neighbor_length": 12, "ref_stride": 5, "chunk_length": 40, "flow_iterations": 7, "grow": 9, "feather": 2,
        "threshold": 0.25, "flow_hole_snap": 16, "engine": "classical", "precision": "bf16", "color": "srgb",
        "working_size": (8, 6), "grow_flow": 11, "crop_to_matte": True, "crop_padding": 30,
        "native_fill": False, "flow_stop": 0.03, "cuts": "none",
        "never_seen": "smooth", "match_grain": 0.5,
    }  # fmt: skip
    assert [wish.quality for wish in daemon.renders] == ["best"]


@pytest.mark.parametrize(("choice", "size"), [("Auto", None), ("Full", (16, 12)), ("Quarter", (4, 3))])
def test_auto_leaves_the_working_size_to_the_daemon_and_full_names_the_plates(
    node_bundle: Path, daemon: FakeDaemon, choice: str, size: tuple[int, int] | None
) -> None:
    render("nuke", node_bundle, make_shot(), 5, working_size=choice)
    assert [opened.settings.get("working_size") for opened in daemon.opened] == [size]


@pytest.mark.parametrize(
    ("profile", "colour"), [("nuke", "auto"), ("natron", "auto"), ("resolve", "rec709"), ("fusion", "rec709")]
)
def test_the_assumed_colour_is_the_hosts(node_bundle: Path, daemon: FakeDaemon, profile: str, colour: str) -> None:
    render(profile, node_bundle, make_shot(), 5)
    assert [opened.settings["color"] for opened in daemon.opened] == [colour]


def test_growth_and_padding_shrink_with_the_proxy(node_bundle: Path, daemon: FakeDaemon) -> None:
    shot = make_shot()
    with Host("natron") as host:
        effect = node_effect(host, node_bundle, shot)
        effect.set_param("grow_flow", 9)
        effect.set_param("crop_padding", 30)
        assert effect.render(5, scale=(1 / 3, 1 / 3)).outcome == "done"
    (opened,) = daemon.opened
    assert opened.settings["grow_flow"] == 3
    assert opened.settings["crop_padding"] == 10


@pytest.mark.parametrize("name", ["", "hero"])
def test_a_node_that_follows_the_panel_names_its_channel_and_takes_what_is_published_there(
    node_bundle: Path, daemon: FakeDaemon, name: str
) -> None:
    shot = make_shot()
    shot.matte[shot.matte > 0] = 0.5
    daemon.published[name] = {"threshold": 0.25}
    with Host("nuke") as host:
        effect = node_effect(host, node_bundle, shot)
        effect.set_param("threshold", 0.6)
        np.testing.assert_array_equal(effect.render(5).pixels, shot.plate[4])  # nothing asked of the daemon
        effect.set_param("follow_panel", True)
        effect.set_param("panel_name", name)
        np.testing.assert_array_equal(effect.render(5).pixels, shot.expected(5))
    (opened,) = daemon.opened
    assert (opened.follow, opened.name) == (True, name)


def test_a_node_that_stops_following_opens_a_shot_of_its_own(node_bundle: Path, daemon: FakeDaemon) -> None:
    shot = make_shot()
    with Host("nuke") as host:
        effect = node_effect(host, node_bundle, shot)
        for follows in (True, False, True):
            effect.set_param("follow_panel", follows)
            effect.render(5)
    assert [opened.follow for opened in daemon.opened] == [True, False]
    assert daemon.opened[1].name.startswith("uk.co.thefoundry.nuke node ")


def test_following_the_panel_asks_the_host_for_the_whole_shot(node_bundle: Path, runtime: Path) -> None:
    """Nobody knows before the render how far the published settings reach."""
    shot = make_shot(first=1001, frames=400)
    with Host("nuke") as host:
        effect = node_effect(host, node_bundle, shot)
        assert effect.frames_needed(1010)["Source"] != [(1001, 1400)]
        effect.set_param("follow_panel", True)
        assert effect.frames_needed(1010)["Source"] == [(1001, 1400)]


def test_a_changed_setting_reaches_the_shot_that_is_open(node_bundle: Path, daemon: FakeDaemon) -> None:
    shot = make_shot()
    with Host("nuke") as host:
        effect = node_effect(host, node_bundle, shot)
        effect.render(5)
        effect.set_param("feather", 6)
        effect.render(5)
    assert daemon.seen["open_shot"] == 1
    assert daemon.seen["settings"] == 1


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_mix_blends_source_and_result(node_bundle: Path, daemon: FakeDaemon, dtype: str) -> None:
    shot = make_shot(dtype=dtype)
    picture = render(EVERY_DEPTH, node_bundle, shot, 5, mix=0.25)
    hole, plate = shot.matte[4] > 0, shot.plate[4]
    expected = plate.astype(np.float64) + 0.25 * (shot.expected(5).astype(np.float64) - plate)
    np.testing.assert_array_equal(picture[~hole], plate[~hole])
    np.testing.assert_allclose(picture[hole], expected[hole], atol=0.51 if dtype == "uint8" else 1e-6)


def test_no_mix_no_mask_and_frames_outside_a_custom_range_are_the_source_without_a_render(
    node_bundle: Path, daemon: FakeDaemon
) -> None:
    shot = make_shot()
    with Host("nuke") as host:
        effect = node_effect(host, node_bundle, shot)
        effect.set_param("mix", 0.0)
        assert effect.render(5).identity == ("Source", 5.0)
        effect.set_param("mix", 1.0)
        effect.set_param("frame_range", "Custom")
        effect.set_param("range_first", 2)
        effect.set_param("range_last", 4)
        assert effect.render(5).identity == ("Source", 5.0)
        assert effect.render(4).identity is None
        effect.set_clip("Mask", None)
        assert effect.render(4).identity == ("Source", 4.0)


def test_a_frame_without_matte_costs_no_daemon(node_bundle: Path, runtime: Path) -> None:
    shot = make_shot()
    shot.matte[4] = 0
    for name in HOSTS_WITH_TIME:
        np.testing.assert_array_equal(render(name, node_bundle, shot, 5), shot.plate[4])


def test_hosts_that_call_an_empty_input_connected_get_their_source_back(node_bundle: Path, runtime: Path) -> None:
    shot = make_shot()
    for name in ("resolve", "resolve14"):
        with Host(name) as host:
            rendered = node_effect(host, node_bundle, shot, clips={"Source": shot.source()}).render(5)
            np.testing.assert_array_equal(rendered.pixels, shot.plate[4])


def test_the_matte_can_be_the_sources_own_alpha(node_bundle: Path, daemon: FakeDaemon) -> None:
    shot = make_shot()
    shot.plate[..., 3] = shot.matte
    with Host("resolve") as host:
        clips = {"Source": shot.source(premultiplication="unpremultiplied")}
        effect = node_effect(host, node_bundle, shot, clips=clips)
        effect.set_param("matte_channel", "Source alpha")
        np.testing.assert_array_equal(effect.render(5).pixels, shot.expected(5))


@pytest.mark.parametrize("channel", ["Mask alpha", "Mask luma"])
def test_a_matte_painted_in_the_colours_of_an_opaque_mask_is_found(
    node_bundle: Path, daemon: FakeDaemon, channel: str
) -> None:
    shot = make_shot()
    painted = np.repeat(shot.matte[..., None], 4, axis=3)
    painted[..., 3] = 1
    with Host("fusion") as host:
        clips = {"Source": shot.source(), "Mask": NumpyClip(painted)}
        effect = node_effect(host, node_bundle, shot, clips=clips)
        effect.set_param("matte_channel", channel)
        np.testing.assert_array_equal(effect.render(5).pixels, shot.expected(5))


@pytest.mark.parametrize("dtype", ["float32", "uint16"])
def test_an_inverted_matte_removes_the_rest(node_bundle: Path, daemon: FakeDaemon, dtype: str) -> None:
    shot = make_shot(dtype=dtype)
    picture = render(EVERY_DEPTH, node_bundle, shot, 5, invert_matte=True)
    other = replace(shot, matte=1 - shot.matte)
    np.testing.assert_array_equal(picture, other.expected(5))


def test_values_at_the_threshold_stay(node_bundle: Path, daemon: FakeDaemon) -> None:
    shot = make_shot()
    shot.matte[shot.matte > 0] = 0.5
    np.testing.assert_array_equal(render("nuke", node_bundle, shot, 5, threshold=0.5), shot.plate[4])
    np.testing.assert_array_equal(render("nuke", node_bundle, shot, 5, threshold=0.49), shot.expected(5))


@pytest.mark.parametrize("output", ["Fill only", "Hole", "Never seen", "Difference", "Flow", "Grain-free fill"])
def test_the_other_outputs_show_what_they_say(node_bundle: Path, daemon: FakeDaemon, output: str) -> None:
    shot = make_shot()
    picture = render("nuke", node_bundle, shot, 5, output=output)
    hole = shot.matte[4] > 0
    whole = {
        "Fill only": np.where(hole[..., None], shot.expected(5), 0),
        "Grain-free fill": np.where(hole[..., None], shot.expected(5), 0),
        "Hole": np.repeat(hole[..., None], 4, axis=2),
        "Never seen": np.repeat(hole[..., None], 4, axis=2),
        "Difference": np.concatenate(
            [shot.expected(5)[..., :3] - shot.plate[4][..., :3], shot.plate[4][..., 3:]], axis=2
        ),
        "Flow": np.where(hole[..., None], [2, -3, 0, 1], [0, 0, 0, 1]),
    }[output]
    np.testing.assert_allclose(picture, whole, atol=1e-6)


@pytest.mark.parametrize("output", ["Difference", "Flow"])
def test_signed_outputs_lie_around_mid_grey_on_whole_number_depths(
    node_bundle: Path, daemon: FakeDaemon, output: str
) -> None:
    shot = make_shot(dtype="uint16")
    picture = render(EVERY_DEPTH, node_bundle, shot, 5, output=output) / 65535
    hole = shot.matte[4] > 0
    grey = np.full((*hole.shape, 3), 0.5)
    if output == "Difference":
        grey += (shot.expected(5)[..., :3].astype(np.float64) - shot.plate[4][..., :3]) / 65535 / 2
    else:
        grey[hole] += np.array([2, -3, 0]) / 256
    np.testing.assert_allclose(picture[..., :3], grey, atol=2e-5)


def test_the_overlay_tints_the_hole_half_red(node_bundle: Path, daemon: FakeDaemon) -> None:
    shot = make_shot()
    picture = render("nuke", node_bundle, shot, 5, show_overlay=True)
    hole, expected = shot.matte[4] > 0, shot.expected(5)
    expected[hole, :3] = 0.5 * expected[hole, :3] + 0.5 * np.array([1, 0, 0], np.float32)
    np.testing.assert_allclose(picture, expected, atol=1e-6)


def test_a_frame_sent_once_is_not_sent_again_whoever_asks(node_bundle: Path, daemon: FakeDaemon) -> None:
    shot = make_shot()
    with Host("nuke") as host:
        effect = node_effect(host, node_bundle, shot)
        effect.render(5)
        first = len(daemon.puts)
        assert first == 2 * 7 - 1  # frames 2..8, and two of the mattes are alike
        effect.render(5)
        assert len(daemon.puts) == first
        effect.render(6)  # one more frame comes into reach
        assert len(daemon.puts) <= first + 2
    with Host("natron") as host:
        before = len(daemon.puts)
        node_effect(host, node_bundle, shot).render(5)
        assert len(daemon.puts) == before


def test_an_edited_matte_is_noticed_without_being_told(node_bundle: Path, daemon: FakeDaemon) -> None:
    shot = make_shot()
    with Host("natron") as host:
        effect = node_effect(host, node_bundle, shot)
        effect.render(5)
        plates = sum(put.kind == "plate" for put in daemon.puts)
        shot.matte[4, 9, 9] = 1
        np.testing.assert_array_equal(effect.render(5).pixels, shot.expected(5))
        assert sum(put.kind == "plate" for put in daemon.puts) == plates


def test_large_frames_go_through_shared_memory_and_come_back_through_it(
    node_bundle: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shot = make_shot()
    returned = note_places(monkeypatch)
    with FakeDaemon(runtime, shm_min_bytes=64) as daemon, Host("nuke") as host:
        effect = node_effect(host, node_bundle, shot)
        for frame in (5, 6, 5):
            np.testing.assert_array_equal(effect.render(frame).pixels, shot.expected(frame))
    assert {type(put.buffer.place).__name__ for put in daemon.puts} == {"InSegment"}
    assert returned == ["InSegment"] * 3  # each time there was room: the node had given it back


def test_a_result_that_comes_too_late_gives_its_room_back(
    node_bundle: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shot = make_shot()
    returned = note_places(monkeypatch)
    behaviour = Behaviour(never_done=True, finishes_all_the_same=True)
    with FakeDaemon(runtime, behaviour, shm_min_bytes=64) as daemon, Host("nuke") as host:
        effect = node_effect(host, node_bundle, shot)
        for count in (1, 2):
            begun, abort = len(host.progress), threading.Event()
            # Not before the node has been told of its job: it could only hang up.
            when(lambda begun=begun: 0.5 in host.progress[begun:], abort)
            assert effect.render(5, abort=abort).outcome == "aborted"
            daemon.wait_for("cancel", count)
        behaviour.never_done = False
        for _ in range(2):
            np.testing.assert_array_equal(effect.render(5).pixels, shot.expected(5))
    assert returned == ["InSegment"] * 4


def note_places(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How results come back, one entry a result, while the test lasts."""
    returned: list[str] = []
    place = router.placed_pixels

    def noting(session: Any, pixels: Any, **options: Any) -> Any:
        placed = place(session, pixels, **options)
        returned.append(type(placed[0]).__name__)
        return placed

    monkeypatch.setattr(router, "placed_pixels", noting)
    return returned


def test_loopback_tcp_serves_where_there_is_no_ipc(node_bundle: Path, runtime: Path) -> None:
    shot = make_shot()
    with FakeDaemon(runtime, endpoint="tcp://127.0.0.1:*"), Host("nuke") as host:
        effect = node_effect(host, node_bundle, shot)
        np.testing.assert_array_equal(effect.render(5).pixels, shot.expected(5))


def test_where_the_host_has_no_more_frames_the_shot_ends(node_bundle: Path, daemon: FakeDaemon) -> None:
    """Resolve's ranges do not lie on the axis of its times, and beyond a clip's ends it answers with an error."""
    shot = make_shot(first=86400)
    with Host("resolve") as host:
        effect = node_effect(host, node_bundle, shot)
        for frame in (86400, 86404, 86408):
            np.testing.assert_array_equal(effect.render(frame).pixels, shot.expected(frame))
    last = daemon.opened[-1]
    assert last.last == 86408


def test_without_a_known_range_neighbouring_frames_share_one_shot(node_bundle: Path, daemon: FakeDaemon) -> None:
    shot = make_shot(first=86400, frames=30)
    with Host(replace(PROFILES["resolve"], edges="hold")) as host:
        effect = node_effect(host, node_bundle, shot)
        for frame in (86410, 86411, 86412):
            effect.render(frame)
    assert daemon.seen["open_shot"] == 1


def test_time_between_frames_looks_at_times_between_frames(node_bundle: Path, daemon: FakeDaemon) -> None:
    shot = make_shot()
    with Host("natron") as host:
        rendered = node_effect(host, node_bundle, shot).render(5.25)
    np.testing.assert_array_equal(rendered.pixels, shot.expected(5))


def test_two_instances_with_different_mattes_do_not_mix(node_bundle: Path, daemon: FakeDaemon) -> None:
    one = make_shot()
    other = replace(one, matte=np.roll(one.matte, 3, axis=1))
    with Host("nuke") as host:
        plugin = host.load(node_bundle)
        effects = [plugin.create(clips={"Source": shot.source(), "Mask": shot.mask()}) for shot in (one, other)]
        for effect, shot in [*zip(effects, (one, other), strict=True)] * 2:
            np.testing.assert_array_equal(effect.render(5).pixels, shot.expected(5))
    assert daemon.seen["open_shot"] == 2


def test_a_host_without_time_that_remembers_a_description_is_refused_in_words_and_gets_no_picture(
    node_bundle: Path, daemon: FakeDaemon
) -> None:
    """Hosts keep descriptions in a file and need not ask for another: the render is the last to notice."""
    with Host("nuke") as host:
        effect = node_effect(host, node_bundle, make_shot())
        effect._plugin._host_props.put(OfxImageEffectPropTemporalClipAccess=0)
        effect._plugin.perform("OfxActionLoad")
        rendered = effect.render(5)
    assert rendered.outcome == "failed"
    assert "only the current frame" in sentence(rendered)
    assert not daemon.renders


def test_a_thumbnail_is_the_source(node_bundle: Path, runtime: Path) -> None:
    shot = make_shot()
    profile = replace(NATRON, has_api_1_5=True)
    with Host(profile) as host:
        rendered = node_effect(host, node_bundle, shot).render(5, thumbnail=True)
        np.testing.assert_array_equal(rendered.pixels, shot.plate[4])


def test_a_draft_of_the_host_is_a_draft_of_the_daemon(node_bundle: Path, daemon: FakeDaemon) -> None:
    with Host("nuke") as host:
        node_effect(host, node_bundle, make_shot()).render(5, draft=True)
    assert [wish.quality for wish in daemon.renders] == ["draft"]


def test_analyse_sends_every_plate_with_the_next_render_and_says_what_is_cached(
    node_bundle: Path, daemon: FakeDaemon
) -> None:
    shot = make_shot()
    with Host("nuke") as host:
        effect = node_effect(host, node_bundle, shot, clips={"Source": shot.source(), "Mask": None})
        effect.push_button("analyse")
        assert not daemon.seen
        np.testing.assert_array_equal(effect.render(5).pixels, shot.plate[4])
        assert daemon.seen["analyse"] == 1
        assert sum(put.kind == "plate" for put in daemon.puts) == 9
        effect.render(5)
        assert daemon.seen["analyse"] == 1
        effect.push_button("update_status")
        status = effect.get_param("status")
        assert "8 of 8 pairs" in status
        assert "none at all" in status  # the licence


def test_the_status_says_what_is_suspicious_about_the_matte(node_bundle: Path, runtime: Path) -> None:
    said = ("the matte looks inverted: it covers 80% of the picture", "97% of it is never seen")
    with FakeDaemon(runtime, Behaviour(warnings=said)), Host("nuke") as host:
        effect = node_effect(host, node_bundle, make_shot())
        effect.render(5)
        effect.push_button("update_status")
        assert effect.get_param("status").startswith("; ".join(said) + "; flow of")


def test_the_clear_buttons_say_how_much_they_freed(node_bundle: Path, daemon: FakeDaemon) -> None:
    with Host("nuke") as host:
        effect = node_effect(host, node_bundle, make_shot())
        effect.push_button("clear_flow_cache")
        assert effect.get_param("status") == "cleared 3 MB"
        effect.push_button("clear_results")
        assert effect.get_param("status") == "cleared 12 MB"


def test_frames_needed_covers_the_reach_but_not_more_than_the_clip(node_bundle: Path, runtime: Path) -> None:
    shot = make_shot(first=1001, frames=30)
    with Host("nuke") as host:
        effect = node_effect(host, node_bundle, shot)
        whole = [(1001, 1030)]
        assert effect.frames_needed(1010) == {"Source": whole, "Mask": whole, "CleanPlate": [(1010, 1010)]}
        effect.set_param("chunk_length", 2)
        effect.set_param("neighbour_window", 2)
        first, last = effect.frames_needed(1015)["Source"][0]
        assert 1001 <= first < 1015 < last <= 1030


def test_whatever_part_is_asked_for_every_input_is_wanted_whole(node_bundle: Path, runtime: Path) -> None:
    shot = make_shot()
    with Host("natron") as host:
        clips = {"Source": shot.source(), "Mask": shot.mask(origin=(3, 1)), "CleanPlate": shot.source(origin=(-2, 5))}
        effect = node_effect(host, node_bundle, shot, clips=clips)
        assert effect.regions_of_interest(5, (4, 4, 6, 6)) == {
            "Source": (0, 0, 16, 12), "Mask": (3, 1, 19, 13), "CleanPlate": (-2, 5, 14, 17),
        }  # fmt: skip
