"""Frames the host has and does not hand over: never a shorter shot, an empty matte or black, always a sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fake_daemon import FakeDaemon
from node_fixtures import make_shot, node_effect, sentence

from propainter_host.graph.project import Project
from propainter_host.host import Host
from propainter_host.images import NumpyClip


def without(frames: np.ndarray, missing: int, *, first: int = 1) -> NumpyClip:
    """A clip one of whose frames cannot be read."""
    return NumpyClip(
        lambda number: None if number == missing else frames[number - first], first=first, last=first + len(frames) - 1
    )


@pytest.mark.parametrize("profile", ["natron", "nuke", "fusion", "resolve"])
@pytest.mark.parametrize(
    ("clip", "missing"), [("Source", 5), ("Source", 3), ("Source", 7), ("Mask", 5), ("Mask", 3), ("CleanPlate", 5)]
)
def test_a_frame_that_cannot_be_read_is_a_refusal_and_no_shorter_shot(
    node_bundle: Path, daemon: FakeDaemon, profile: str, clip: str, missing: int
) -> None:
    """Its neighbours would come out differently, and a matte that was not read would leave the object in."""
    first = 86400 if profile == "resolve" else 1
    shot = make_shot(first=first)
    frames = {"Source": shot.plate, "Mask": shot.matte, "CleanPlate": shot.plate[..., ::-1].copy()}
    clips = {name: NumpyClip(pixels, first=first) for name, pixels in frames.items()}
    missing += first - 1
    clips[clip] = without(frames[clip], missing, first=first)
    with Host(profile) as host:
        effect = node_effect(host, node_bundle, shot, clips=clips)
        effect.set_param("clean_frames", str(first + 4))
        rendered = effect.render(first + 4)
    if profile == "resolve" and clip != "Source":
        return  # what a clip has there cannot be told: every input is connected, and its range lies elsewhere
    assert rendered.outcome == "failed"
    assert f"no picture for the {clip} at frame {missing}" in sentence(rendered)
    assert not daemon.renders


def test_a_matte_that_covers_nothing_at_a_frame_is_empty_there(node_bundle: Path, daemon: FakeDaemon) -> None:
    """A roto without a shape on some frames: its region is empty, and hosts have no image of that."""
    shot = make_shot()
    mattes: dict[int, np.ndarray] = {1 + index: matte for index, matte in enumerate(shot.matte)}
    mattes[4] = np.zeros((0, 16), np.float32)
    with Host("natron") as host:
        effect = node_effect(host, node_bundle, shot, clips={"Source": shot.source(), "Mask": NumpyClip(mattes)})
        np.testing.assert_array_equal(effect.render(5).pixels, shot.expected(5))
        np.testing.assert_array_equal(effect.render(4).pixels, shot.plate[3])


@pytest.mark.parametrize("profile", ["natron", "nuke", "fusion", "resolve", "resolve14"])
def test_without_a_picture_to_start_from_the_render_is_refused(
    node_bundle: Path, daemon: FakeDaemon, profile: str
) -> None:
    shot = make_shot()
    project = Project(16, 12, last=9)
    with Host(profile) as host:
        effect = node_effect(host, node_bundle, shot, clips={"Mask": shot.mask()}, project=project)
        rendered = effect.render(5)
    if profile == "resolve14":  # an input nobody connected is black there, like a night
        return
    assert rendered.outcome == "failed"
    assert "no picture for the Source at frame 5" in sentence(rendered)


def test_a_gap_between_painted_frames_is_none_unless_the_artist_lists_it(node_bundle: Path, daemon: FakeDaemon) -> None:
    shot = make_shot()
    painted = NumpyClip({3: shot.plate[2], 6: shot.plate[5]})
    with Host("natron") as host:
        clips = {"Source": shot.source(), "Mask": shot.mask(), "CleanPlate": painted}
        effect = node_effect(host, node_bundle, shot, clips=clips)
        np.testing.assert_array_equal(effect.render(5).pixels, shot.expected(5))
        effect.set_param("clean_frames", "3, 5")
        assert "no picture for the CleanPlate at frame 5" in sentence(effect.render(5))
