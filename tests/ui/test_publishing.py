"""What the panel publishes and how it tells of it. No Qt, no backend."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from propainter_ui.state import changes, events, outcomes, publishing, sizes
from propainter_ui.state.matte_shown import facts_of
from propainter_ui.state.panel_state import DaemonState, PanelState, ShotState
from propainter_ui.widgets import settings as page
from propainter_wire.messages import ShotLine, ShotSettings

ID = "0" * 32


def line(
    number: int, name: str = "", *, follows: bool = True, size: tuple[int, int] = (432, 240), **given: Any
) -> ShotLine:
    return ShotLine(f"{number:032x}", name, "node", 1001, 1040, *size, follows, ShotSettings(**given))


def connected(*shots: ShotLine, **changes: Any) -> PanelState:
    """A panel with a backend that has these shots open."""
    return replace(PanelState(), daemon=DaemonState("ready", shots=shots), **changes)


def published(state: PanelState, channel: str = "") -> PanelState:
    """What the page shows is published."""
    return outcomes.after(state, events.SettingsPublished(channel, publishing.settings_to_publish(state)))


def test_everything_the_page_shows_is_published_and_nothing_else() -> None:
    """A setting left out would be the node's own, whatever the page shows; one without a control cannot be seen."""
    drafts, others = {"draft_scale", "draft_flow_iterations"}, {"flow_hole_snap"}
    unseen = drafts | others | {"precision", "color"}
    assert set(publishing.PUBLISHED_NAMES) == set(vars(ShotSettings())) - unseen
    rows = {row.name for row in page.SETTING_ROWS}
    assert rows <= set(publishing.PUBLISHED_NAMES)


def test_a_default_is_published_as_well_so_that_a_knob_elsewhere_does_not_count() -> None:
    part = publishing.settings_to_publish(connected())
    assert ShotSettings(grow=40, working_size=(96, 64), color="srgb").changed(part) == ShotSettings(color="srgb")


@pytest.mark.parametrize(
    ("shots", "text"),
    [
        ((), "No shot follows: turn on Follow panel in a node."),
        ((line(1), line(2, "hill", follows=False)), "Nothing is published: 1 shot that follows, by the knobs of each."),
    ],
)
def test_who_follows_is_told_before_anything_is_published(shots: tuple[ShotLine, ...], text: str) -> None:
    state = connected(*shots)
    assert publishing.publish_sentence(state) == text
    assert publishing.badge_text(state) == "" and publishing.can_publish(state)
    assert publishing.publish_label(state) == ("Publish to 1 shot" if shots else "Publish")


def test_what_is_published_is_told_until_it_is_withdrawn() -> None:
    state = published(changes.with_setting(connected(line(1), line(2)), "grow", 8))
    assert publishing.publish_sentence(state) == (
        "Published: 2 shots use it, whatever the knobs say. Grow 8 px, the rest at its default."
    )
    assert publishing.badge_text(state) == "Published to 2 shots"
    assert publishing.publish_label(state) == "Published" and not publishing.can_publish(state)
    state = outcomes.after(state, events.SettingsPublished("", None))
    assert publishing.badge_text(state) == "" and publishing.publish_label(state) == "Publish to 2 shots"


def test_a_matte_that_was_published_before_the_panel_began_can_be_withdrawn() -> None:
    shot = ShotState("hill", "/p", "/m", 1001, 1040, 432, 240, "uint8", 24.0)
    state = connected(shot=shot)
    assert "withdraw" not in facts_of(state).possible
    state = outcomes.after(state, events.SettingsPublished("", None, 24))
    assert "withdraw" in facts_of(state).possible
    state = outcomes.after(state, events.SettingsPublished("", None))
    assert "withdraw" not in facts_of(state).possible


def test_an_edit_after_publishing_is_told_and_can_be_published() -> None:
    state = changes.with_setting(published(connected(line(1))), "crop_to_matte", True)
    assert publishing.publish_sentence(state).endswith("Everything at its default. This page differs.")
    assert publishing.publish_label(state) == "Publish changes" and publishing.can_publish(state)
    assert publishing.published_values(published(state), "") == "Crop to matte on, the rest at its default"


def test_what_is_published_for_nobody_yet_is_still_told() -> None:
    state = published(connected())
    assert publishing.badge_text(state) == "Published, no shot follows"
    assert "the next that does will use it" in publishing.publish_sentence(state)


def test_another_channels_publishing_is_told_while_shots_follow_it() -> None:
    state = published(connected(line(1, "hill")), "hill")
    assert state.channel == "" and publishing.badge_text(state) == "Published to 1 shot"
    assert "Channel hill, 1 shot: Everything at its default." in publishing.badge_help(state)
    nobody = replace(state, daemon=DaemonState("ready"))
    assert publishing.badge_text(nobody) == ""


def test_a_shot_that_is_steered_lends_its_settings_and_its_channel() -> None:
    shot = line(1, "hill", grow=9, working_size=(216, 120), color="srgb", precision="fp16")
    state = publishing.steering(connected(shot), shot)
    assert state.channel == "hill"
    assert (state.settings.grow, state.settings.working_size) == (9, (216, 120))
    assert (state.settings.color, state.settings.precision) == ("auto", "auto"), "of the node, not of the page"
    assert sizes.plate_size(state) == (432, 240), "so that half and quarter are shares of its plate"


def test_a_working_size_meant_for_another_plate_is_told() -> None:
    shot = ShotState("hill", "/p", "/m", 1001, 1040, 432, 240, "uint8", 24.0)
    state = connected(line(1), line(2, size=(2048, 1152)), shot=shot, settings=ShotSettings(working_size=(216, 120)))
    assert publishing.publish_sentence(published(state)).endswith(
        "2048×1152 is filled at 216×120, too: choose Auto where plates differ."
    )


def test_without_a_backend_nothing_is_said_to_be_published() -> None:
    state = outcomes.after(published(connected(line(1))), events.DaemonLost("it is gone"))
    assert publishing.badge_text(state) == "" and not publishing.can_publish(state)
    assert publishing.publish_sentence(state) == "No backend is running that could pass settings on."


def test_channels_to_choose_from_are_those_somebody_uses() -> None:
    state = published(connected(line(1, "a"), line(2, "b", follows=False), channel="mine"), "c")
    assert publishing.channels_known(state) == ("", "mine", "a", "c")


def test_a_shot_of_the_list_says_what_it_follows() -> None:
    state = published(connected(line(1, "hill"), line(2), line(3, "cliff", follows=False)), "hill")
    assert [publishing.shot_text(state, shot) for shot in state.daemon.shots] == [
        "node\n1001–1040, 432×240\nfollows channel hill: published settings count",
        "node\n1001–1040, 432×240\nfollows the default channel: nothing is published",
        "cliff\n1001–1040, 432×240, node",
    ]
