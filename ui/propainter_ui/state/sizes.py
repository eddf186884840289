"""The sizes that are meant: the plate's, and the working size the edited settings ask for.

Here: which shot they are taken from, too, where none is open. Not here: what they cost (``forecast.py``).
"""

from __future__ import annotations

from propainter_plan.sizes import usual_size
from propainter_ui.state.panel_state import PanelState
from propainter_wire.messages import ShotLine


def plate_size(state: PanelState) -> tuple[int, int] | None:
    """Width, height of the open shot's plate; of the first that follows the channel, where none is open."""
    if state.shot is not None:
        return state.shot.width, state.shot.height
    following = followers_of(state, state.channel)
    return (following[0].width, following[0].height) if following else None


def followers_of(state: PanelState, channel: str) -> tuple[ShotLine, ...]:
    """The open shots that use what is published under a channel."""
    return tuple(shot for shot in state.daemon.shots if shot.follows and shot.name == channel)


def working_size_wanted(state: PanelState) -> tuple[int, int]:
    """Width, height the edited settings ask for, drafts included."""
    plate = plate_size(state)
    if plate is None:
        return (0, 0)
    settings, whole = state.settings, state.quality == "best"
    told = state.working_size if settings.working_size == state.applied.working_size and not whole else None
    usual = usual_size(plate, engine=state.engine_wanted, native_fill=settings.native_fill, whole=whole)
    width, height = settings.working_size or told or usual or plate
    if state.quality == "draft":
        scale = state.settings.draft_scale
        width, height = max(8, round(width * scale)), max(8, round(height * scale))
    return width, height
