"""The CleanPlate input: which frames of it count, where it holds, and what of it reaches the daemon.

The fake daemon fills a frame's hole with that frame's clean plate where it holds, else with the plate turned inside out.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake_daemon import FakeDaemon
from node_fixtures import Shot, make_shot, node_effect, sentence

from propainter_host import Effect, Host
from propainter_host.images import NumpyClip
from propainter_host.profiles import NATRON, PROFILES, Profile

HOSTS_WITH_TIME = [name for name in PROFILES if name != "mlt"]
EVERY_DEPTH = replace(NATRON, depths=("Float", "Half", "Short", "Byte"))


def paint(shot: Shot, *, channels: int = 3) -> np.ndarray:
    """A clean plate for every frame, (t, h, w, c), opaque where it has alpha."""
    noise = make_shot(frames=len(shot.plate), dtype=str(shot.plate.dtype), channels=channels).plate
    return np.roll(noise, 5, axis=2)


def expected(shot: Shot, painted: np.ndarray, frame: int, *, holds: np.ndarray | None = None) -> np.ndarray:
    """The fake daemon's answer where the clean plate holds, by default everywhere."""
    index = frame - shot.first
    covered = (shot.matte[index] > 0) & (np.ones_like(shot.matte[index], bool) if holds is None else holds)
    picture = shot.expected(frame)
    picture[covered, :3] = painted[index][covered, :3]
    return picture


def node(host: Host, bundle: Path, shot: Shot, painted: np.ndarray | NumpyClip | None, **params: object) -> Effect:
    clean = NumpyClip(painted, first=shot.first) if isinstance(painted, np.ndarray) else painted
    clips = {"Source": shot.source(), "Mask": shot.mask(), "CleanPlate": clean}
    effect = node_effect(host, bundle, shot, clips=clips)
    for name, value in params.items():
        effect.set_param(name, value)
    return effect


def render(
    profile: str | Profile, bundle: Path, shot: Shot, painted: np.ndarray | NumpyClip, **params: object
) -> np.ndarray:
    with Host(profile) as host:
        rendered = node(host, bundle, shot, painted, **params).render(shot.first + 4)
    assert rendered.outcome == "done", sentence(rendered)
    assert rendered.pixels is not None
    return rendered.pixels


def sent(daemon: FakeDaemon) -> list[tuple[int, int, int]]:
    """The shapes of the clean plates that were put."""
    return [put.buffer.shape for put in daemon.puts if put.kind == "clean"]


@pytest.mark.parametrize("profile", HOSTS_WITH_TIME)
def test_every_host_with_time_fills_the_hole_from_the_clean_plate(
    node_bundle: Path, daemon: FakeDaemon, profile: str
) -> None:
    shot = make_shot()
    painted = paint(shot, channels=4)
    np.testing.assert_array_equal(render(profile, node_bundle, shot, painted), expected(shot, painted, 5))


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("dtype", ["float32", "float16", "uint16", "uint8"])
def test_every_depth_goes_over_the_wire_as_it_is(
    node_bundle: Path, daemon: FakeDaemon, dtype: str, channels: int
) -> None:
    shot = make_shot(dtype=dtype, channels=channels)
    painted = paint(shot, channels=channels)
    np.testing.assert_array_equal(render(EVERY_DEPTH, node_bundle, shot, painted), expected(shot, painted, 5))
    assert {put.buffer.dtype for put in daemon.puts if put.kind == "clean"} == {dtype}
    assert set(sent(daemon)) == {(12, 16, 3)}  # an opaque one holds everywhere, which needs no fourth channel


@pytest.mark.parametrize("dtype", ["float32", "float16", "uint16", "uint8"])
@pytest.mark.parametrize("premultiplication", ["premultiplied", "unpremultiplied"])
def test_alpha_says_where_it_holds(node_bundle: Path, daemon: FakeDaemon, dtype: str, premultiplication: str) -> None:
    shot = make_shot(dtype=dtype)
    painted = paint(shot, channels=4)
    holds = np.zeros(shot.matte.shape[1:], bool)
    holds[3:5, :6] = True
    painted[:, ~holds] = 0
    clean = NumpyClip(painted, premultiplication=premultiplication)
    picture = render(EVERY_DEPTH, node_bundle, shot, clean)
    np.testing.assert_array_equal(picture, expected(shot, painted, 5, holds=holds))
    assert set(sent(daemon)) == {(12, 16, 4)}


def test_a_premultiplied_one_is_divided_by_its_alpha(node_bundle: Path, daemon: FakeDaemon) -> None:
    shot = make_shot()
    painted = paint(shot, channels=4)
    faded = painted * np.float32(0.75)  # alpha, too
    picture = render("natron", node_bundle, shot, NumpyClip(faded, premultiplication="premultiplied"))
    np.testing.assert_allclose(picture, expected(shot, painted, 5), atol=1e-6)


def test_an_alpha_that_was_never_filled_in_holds_everywhere(node_bundle: Path, daemon: FakeDaemon) -> None:
    shot = make_shot()
    painted = paint(shot, channels=4)
    painted[..., 3] = 0
    np.testing.assert_array_equal(render("nuke", node_bundle, shot, painted), expected(shot, painted, 5))


def test_it_holds_nowhere_beyond_its_own_bounds(node_bundle: Path, daemon: FakeDaemon) -> None:
    shot = make_shot()
    painted = paint(shot)
    patch = NumpyClip(np.ascontiguousarray(painted[:, 2:5, 1:7]), origin=(1, 12 - 5))
    holds = np.zeros(shot.matte.shape[1:], bool)
    holds[2:5, 1:7] = True
    np.testing.assert_array_equal(render("natron", node_bundle, shot, patch), expected(shot, painted, 5, holds=holds))


def test_a_proxy_brings_a_smaller_one(node_bundle: Path, daemon: FakeDaemon) -> None:
    shot = make_shot()
    with Host("natron") as host:
        assert node(host, node_bundle, shot, paint(shot)).render(5, scale=(0.5, 0.5)).outcome == "done"
    assert set(sent(daemon)) == {(6, 8, 3)}


def test_an_inverted_matte_leaves_it_as_it_is(node_bundle: Path, daemon: FakeDaemon) -> None:
    shot = make_shot()
    painted = paint(shot)
    picture = render("nuke", node_bundle, shot, painted, invert_matte=True)
    np.testing.assert_array_equal(picture, expected(replace(shot, matte=1 - shot.matte), painted, 5))


@pytest.mark.parametrize(("listed", "counts"), [("1005", {1005}), (" 1002 , 1004-1006,", {1002, 1004, 1005, 1006})])
def test_only_listed_frames_count(node_bundle: Path, daemon: FakeDaemon, listed: str, counts: set[int]) -> None:
    shot = make_shot(first=1001)
    painted = paint(shot)
    with Host("nuke") as host:
        effect = node(host, node_bundle, shot, painted, clean_frames=listed)
        for frame in range(1001, 1010):
            right = expected(shot, painted, frame) if frame in counts else shot.expected(frame)
            np.testing.assert_array_equal(effect.render(frame).pixels, right)
    assert len(sent(daemon)) == len(counts)


@pytest.mark.parametrize(
    "listed", ["x", "1001-", "1001,,1003", "1001 1003;", "10.5", "-", "99999999999", "1e3", "1001x2", "3-5-7"]
)
def test_a_list_that_is_none_is_refused_in_words(node_bundle: Path, daemon: FakeDaemon, listed: str) -> None:
    shot = make_shot()
    with Host("natron") as host:
        rendered = node(host, node_bundle, shot, paint(shot), clean_frames=listed).render(5)
    assert rendered.outcome == "failed"
    assert f"'{listed}', which is no list of frames; write it like 1001, 1040-1045" in sentence(rendered)
    assert not daemon.seen


def test_a_range_that_ends_before_it_starts_is_refused_in_words(node_bundle: Path, daemon: FakeDaemon) -> None:
    shot = make_shot()
    with Host("natron") as host:
        rendered = node(host, node_bundle, shot, paint(shot), clean_frames="7-3").render(5)
    assert "hold 7-3, which ends before it starts; write 3-7" in sentence(rendered)


@pytest.mark.parametrize("listed", ["-3", "-3--2, 5", "-4 - 5"])
def test_frames_below_zero_can_be_listed(node_bundle: Path, daemon: FakeDaemon, listed: str) -> None:
    shot = make_shot(first=-7)
    painted = paint(shot)
    picture = render("natron", node_bundle, shot, painted, clean_frames=listed)
    np.testing.assert_array_equal(picture, expected(shot, painted, -3))


def test_a_clip_of_one_painted_frame_counts_at_that_frame_alone(node_bundle: Path, daemon: FakeDaemon) -> None:
    """Hosts hold a clip's last frame for ever; what was painted for one frame is wrong in all others."""
    shot = make_shot()
    painted = paint(shot)
    with Host("nuke") as host:
        effect = node(host, node_bundle, shot, NumpyClip(painted[3:4], first=4))
        np.testing.assert_array_equal(effect.render(4).pixels, expected(shot, painted, 4))
        np.testing.assert_array_equal(effect.render(5).pixels, shot.expected(5))
        effect.set_param("clean_frames", "5")
        held = np.repeat(painted[3:4], 9, axis=0)
        np.testing.assert_array_equal(effect.render(5).pixels, expected(shot, held, 5))


def test_a_clip_beside_the_shot_is_named_with_the_way_out(node_bundle: Path, daemon: FakeDaemon) -> None:
    shot = make_shot(first=1001)
    with Host("natron") as host:
        effect = node(host, node_bundle, shot, NumpyClip(paint(shot)[:1], first=1))
        rendered = effect.render(1005)
        assert rendered.outcome == "failed"
        assert "has frames 1 to 1, none of which is in the shot (1001 to 1009)" in sentence(rendered)
        effect.set_param("clean_frames", "1005")
        assert effect.render(1005).outcome == "done"


@pytest.mark.parametrize("profile", HOSTS_WITH_TIME)
def test_an_input_nobody_connected_is_no_clean_plate(node_bundle: Path, daemon: FakeDaemon, profile: str) -> None:
    shot = make_shot()
    with Host(profile) as host:
        np.testing.assert_array_equal(node(host, node_bundle, shot, None).render(5).pixels, shot.expected(5))
    assert sent(daemon) == []


def test_opaque_black_is_none_where_hosts_give_it_for_nothing_and_black_paint_elsewhere(
    node_bundle: Path, daemon: FakeDaemon
) -> None:
    shot = make_shot()
    black = np.zeros_like(shot.plate)
    black[..., 3] = 1
    np.testing.assert_array_equal(render("resolve", node_bundle, shot, black), shot.expected(5))
    assert sent(daemon) == []
    np.testing.assert_array_equal(render("natron", node_bundle, shot, black), expected(shot, black, 5))


def test_switching_it_off_or_pulling_it_out_takes_it_back(node_bundle: Path, daemon: FakeDaemon) -> None:
    shot = make_shot()
    painted = paint(shot)
    with Host("nuke") as host:
        effect = node(host, node_bundle, shot, painted)
        np.testing.assert_array_equal(effect.render(5).pixels, expected(shot, painted, 5))
        effect.set_param("use_clean_plate", False)
        np.testing.assert_array_equal(effect.render(5).pixels, shot.expected(5))
        effect.set_param("use_clean_plate", True)
        np.testing.assert_array_equal(effect.render(5).pixels, expected(shot, painted, 5))
        effect.set_clip("CleanPlate", None)
        np.testing.assert_array_equal(effect.render(5).pixels, shot.expected(5))


def test_a_stroke_of_paint_sends_that_frame_again_and_no_other(node_bundle: Path, daemon: FakeDaemon) -> None:
    shot = make_shot()
    painted = paint(shot)
    with Host("natron") as host:
        effect = node(host, node_bundle, shot, painted)
        effect.render(5)
        puts = len(daemon.puts)
        effect.render(5)
        assert len(daemon.puts) == puts
        painted[4] = 0.5
        np.testing.assert_array_equal(effect.render(5).pixels, expected(shot, painted, 5))
        assert len(daemon.puts) == puts + 1


def test_a_backend_that_forgot_it_is_sent_it_again(node_bundle: Path, daemon: FakeDaemon) -> None:
    shot = make_shot()
    painted = paint(shot)
    with Host("natron") as host:
        effect = node(host, node_bundle, shot, painted)
        effect.render(5)
        daemon.content.clear()
        np.testing.assert_array_equal(effect.render(5).pixels, expected(shot, painted, 5))


def test_without_a_matte_the_frame_is_the_source_whatever_is_painted(node_bundle: Path, runtime: Path) -> None:
    shot = make_shot()
    with Host("nuke") as host:
        effect = node(host, node_bundle, shot, paint(shot))
        effect.set_clip("Mask", None)
        assert effect.render(5).identity == ("Source", 5.0)


def test_analysing_sends_none_of_it(node_bundle: Path, daemon: FakeDaemon) -> None:
    shot = make_shot()
    shot.matte[:] = 0
    with Host("nuke") as host:
        effect = node(host, node_bundle, shot, paint(shot))
        effect.push_button("analyse")
        effect.render(5)
    assert daemon.seen["analyse"] == 1
    assert sent(daemon) == []


def test_the_host_is_asked_for_the_frames_that_count(node_bundle: Path, runtime: Path) -> None:
    shot = make_shot(first=1001, frames=30)
    with Host("nuke") as host:
        effect = node(host, node_bundle, shot, paint(shot))
        assert effect.frames_needed(1010)["CleanPlate"] == [(1001, 1030)]
        effect.set_param("clean_frames", "1, 1003, 1020-1100")
        assert effect.frames_needed(1010)["CleanPlate"] == [(1003, 1003), (1020, 1030)]
        effect.set_param("use_clean_plate", False)
        assert effect.frames_needed(1010)["CleanPlate"] == [(1010, 1010)]


@pytest.mark.parametrize("mask_components", ["Alpha", "RGBA"])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_the_output_is_what_the_source_is_however_rich_the_other_inputs(
    node_bundle: Path, daemon: FakeDaemon, mask_components: str, channels: int, dtype: str
) -> None:
    """Hosts make the output like their richest input, and premultiplied if any is, unless told otherwise."""
    shot = make_shot(channels=channels, dtype=dtype)
    painted = paint(shot, channels=7 - channels)
    clips = {
        "Source": shot.source(premultiplication="unpremultiplied"),
        "Mask": shot.mask(),
        "CleanPlate": NumpyClip(painted, premultiplication="premultiplied"),
    }
    with Host(replace(EVERY_DEPTH, mask_components=mask_components)) as host:
        effect = node_effect(host, node_bundle, shot, clips=clips)
        rendered = effect.render(5)
        source, output = effect.clips["Source"], effect.clips["Output"]
        assert (output.components, output.depth) == (source.components, source.depth)
        assert output.premultiplication == "unpremultiplied"
    assert rendered.outcome == "done", sentence(rendered)
    np.testing.assert_array_equal(rendered.pixels, expected(shot, painted, 5))


def test_an_output_unlike_the_source_is_refused_before_the_daemon_is_asked(
    node_bundle: Path, daemon: FakeDaemon
) -> None:
    shot = make_shot(channels=3)
    with Host("natron") as host:
        effect = node_effect(host, node_bundle, shot)
        effect.clips["Output"].components = "RGBA"
        rendered = effect.render(5)
    assert rendered.outcome == "failed"
    assert "asks for RGBA float32 but the Source is RGB float32" in sentence(rendered)
    assert not daemon.seen
