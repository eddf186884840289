"""What the panel publishes for shots that follow it, and how that is told: pure, on a ``PanelState``.

Published is what the settings page shows, all of it, so that a shot that follows renders with what the artist sees there,
the defaults included. What the page has no control for (colour, precision, how drafts are made and other fine points) stays
each shot's own, and so does quality, which belongs to a render.

Here: which settings those are, how they differ, the sentences. Not here: asking the backend (``bridge/questions.py``),
the card and the badge that show it (``widgets/publishing.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from propainter_knobs.table import BY_NAME, KNOBS
from propainter_ui.state.panel_state import PanelState
from propainter_ui.state.sizes import followers_of, plate_size
from propainter_wire.messages import ShotLine, ShotSettings

PUBLISHED_NAMES: tuple[str, ...] = tuple(knob.name for knob in KNOBS if knob.in_panel)
"""The settings that have a control on the page."""


def settings_to_publish(state: PanelState) -> dict[str, Any]:
    """What the page shows, as the wire carries a part of the settings."""
    return {name: getattr(state.settings, name) for name in PUBLISHED_NAMES}


def is_published(state: PanelState) -> bool:
    """Whether anything is published under the panel's channel, as far as a backend tells."""
    return state.channel in state.published


def is_published_otherwise(state: PanelState) -> bool:
    """Whether the page shows something else than what is published under its channel."""
    return is_published(state) and _typed(state.published[state.channel]) != settings_to_publish(state)


def can_publish(state: PanelState) -> bool:
    """Whether publishing would change anything."""
    return state.daemon.phase == "ready" and (not is_published(state) or is_published_otherwise(state))


def steering(state: PanelState, shot: ShotLine) -> PanelState:
    """The panel set to publish to a shot that follows: its channel, and on the page the settings it has now."""
    shown = {name: getattr(shot.settings, name) for name in PUBLISHED_NAMES}
    return replace(state, channel=shot.name, settings=state.settings.changed(shown))


def channels_known(state: PanelState) -> tuple[str, ...]:
    """Channels to choose from: the default one, the panel's, those followed, those with something published."""
    followed = (shot.name for shot in state.daemon.shots if shot.follows)
    return tuple(dict.fromkeys(("", state.channel, *followed, *state.published)))


def channel_name(channel: str) -> str:
    """A channel in words."""
    return f"channel {channel}" if channel else "the default channel"


def publish_label(state: PanelState) -> str:
    """What the publish button will do."""
    if is_published(state) and not is_published_otherwise(state):
        return "Published"
    if is_published(state):
        return "Publish changes"
    followers = len(followers_of(state, state.channel))
    return f"Publish to {_shots(followers)}" if followers else "Publish"


def publish_sentence(state: PanelState) -> str:
    """How the panel's channel stands."""
    followers = followers_of(state, state.channel)
    count = len(followers)
    if state.daemon.phase != "ready":
        return "No backend is running that could pass settings on."
    if is_published(state):
        if not count:
            return "Published. No shot follows yet; the next that does will use it."
        text = f"Published: {_shots(count)} use{'s' * (count == 1)} it, whatever the knobs say. "
        text += published_values(state, state.channel) + "."
        text += " This page differs." if is_published_otherwise(state) else ""
        return text + _size_warning(state, followers)
    if not count:
        return "No shot follows: turn on Follow panel in a node."
    return f"Nothing is published: {_shots(count)} that follow{'s' * (count == 1)}, by the knobs of each."


def published_values(state: PanelState, channel: str) -> str:
    """What is published under a channel: what is not at its default, and that the rest is."""
    defaults = ShotSettings()
    published = _typed(state.published.get(channel, {}))
    parts = [_value_text(name, value) for name, value in published.items() if value != getattr(defaults, name)]
    return ", ".join([*parts, "the rest at its default"]) if parts else "Everything at its default"


def badge_text(state: PanelState) -> str:
    """A few words for the title strip while something published counts, or waits for a shot; else empty."""
    channels = [name for name in state.published if name == state.channel or followers_of(state, name)]
    if not channels:
        return ""
    count = sum(len(followers_of(state, name)) for name in channels)
    return f"Published to {_shots(count)}" if count else "Published, no shot follows"


def badge_help(state: PanelState) -> str:
    """What the badge stands for, channel by channel."""
    lines = [
        f"{channel_name(name).capitalize()}, {_shots(len(followers_of(state, name)))}: {published_values(state, name)}."
        for name in state.published
    ]
    return "\n".join(["Published settings count in place of the knobs of nodes with Follow panel on.", *lines])


def shot_text(state: PanelState, shot: ShotLine) -> str:
    """A shot of the backend's list: its name and client (one that follows has its channel for a name), what it is, and
    what it follows.
    """
    measures = f"{shot.first}–{shot.last}, {shot.width}×{shot.height}"
    if not shot.follows:
        return f"{shot.name or 'unnamed'}\n{measures}" + (f", {shot.client}" if shot.client else "")
    how = "published settings count" if shot.name in state.published else "nothing is published"
    return f"{shot.client}\n{measures}\nfollows {channel_name(shot.name)}: {how}"


def _typed(published: Mapping[str, Any]) -> dict[str, Any]:
    """A published part with values as ``ShotSettings`` holds them."""
    settings = ShotSettings().changed(published)
    return {name: getattr(settings, name) for name in published}


def _size_warning(state: PanelState, followers: tuple[ShotLine, ...]) -> str:
    size, plate = _typed(state.published[state.channel]).get("working_size"), plate_size(state)
    other = next((shot for shot in followers if (shot.width, shot.height) != plate), None)
    if size is None or other is None:
        return ""
    return f" {other.width}×{other.height} is filled at {size[0]}×{size[1]}, too: choose Auto where plates differ."


def _value_text(name: str, value: object) -> str:
    knob = BY_NAME[name]
    label = knob.label
    if isinstance(value, bool):
        return f"{label} {'on' if value else 'off'}"
    if isinstance(value, tuple):
        return f"{label} {value[0]}×{value[1]}"
    if knob.kind == "int":
        return f"{label} {knob.text(value)}"
    return f"{label} {value}"


def _shots(count: int) -> str:
    return f"{count} shot{'s' * (count != 1)}"
