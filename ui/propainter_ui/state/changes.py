"""Changes of the state that somebody wants: state in, state out.

Here: playhead, range, view, wipe, settings, another shot or revision. Not here: what the bridge tells of (``outcomes.py``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from propainter_ui.state.panel_state import Against, Isolated, Notice, PanelState, ShotState, View
from propainter_ui.state.wipe import Wipe
from propainter_wire.errors import WireError
from propainter_wire.messages import Quality, ShotSettings


class Kept(Protocol):
    """What is kept of a shot (``kept/shot_sessions.py``)."""

    @property
    def settings(self) -> ShotSettings: ...
    @property
    def quality(self) -> Quality: ...
    @property
    def first(self) -> int: ...
    @property
    def last(self) -> int: ...
    @property
    def frame(self) -> int: ...
    @property
    def view(self) -> View: ...
    @property
    def exposure(self) -> float: ...
    @property
    def gamma(self) -> float: ...


def with_shot(state: PanelState, shot: ShotState, revision: int, note: str = "") -> PanelState:
    """Another shot is open; or the same plate with another matte or clean plate, which keeps the place and the earlier
    results.
    """
    old = state.shot
    if old is not None and _plate_alone(old) == _plate_alone(shot):
        fresh = with_revision(replace(state, shot=shot, bands={}), revision)
    else:
        fresh = replace(
            state, shot=shot, bands={}, previous_revision=None, previous_results=frozenset(), results=frozenset(),
            revision=revision, is_playing=False, shows_previous=False, frame=shot.first, first=shot.first,
            last=shot.last, wipe=None, report={}, rough=frozenset(), last_results={}, play_fps=None, drawn=None,
            meanwhile=None,
        )  # fmt: skip
    fresh = replace(fresh, unread=None)
    if not fresh.has_matte:
        wanted = f"{shot.name} is open. Draw a box around what must go, or drop its roto matte: white is removed."
        return replace(fresh, notice=Notice("info", f"{note} {wanted}".strip(), "draw"), view="plate")
    return replace(fresh, notice=Notice("info", note) if note else None, view="matte")


def is_as_it_was(old: ShotState, new: ShotState) -> bool:
    """Whether this is the same plate, in the frames and the size it had."""
    return (old.plate, old.first, old.last, old.width, old.height) == (
        new.plate, new.first, new.last, new.width, new.height,
    )  # fmt: skip


def _plate_alone(shot: ShotState) -> ShotState:
    return replace(
        shot,
        matte="",
        still_matte=False,
        is_inverted=False,
        matte_channel="auto",
        matte_channels=(),
        clean="",
        clean_frames=(),
    )


def with_revision(state: PanelState, revision: int) -> PanelState:
    """Results belong to another revision from here on; those so far become the previous ones."""
    if revision == state.revision:
        return state
    if not state.results:
        return replace(state, revision=revision, bands={}, rough=frozenset())
    return replace(
        state, revision=revision, bands={}, rough=frozenset(), results=frozenset(), previous_revision=state.revision,
        previous_results=state.results, shows_previous=False,
    )  # fmt: skip


def with_setting(state: PanelState, name: str, value: object) -> PanelState:
    """One setting edited. A value that cannot be leaves everything as it is."""
    try:
        return replace(state, settings=state.settings.changed({name: value}))
    except WireError:
        return state


def with_default(state: PanelState, name: str) -> PanelState:
    """One setting back at its default."""
    return with_setting(state, name, getattr(ShotSettings(), name))


def all_reset(state: PanelState) -> PanelState:
    """Every setting and the quality at their defaults."""
    return replace(state, settings=ShotSettings(), quality="normal")


def with_session(state: PanelState, kept: Kept) -> PanelState:
    """The open shot as it was left. A range that is no longer in it is left out."""
    shot = state.shot
    assert shot is not None
    left = replace(
        state, settings=kept.settings, quality=kept.quality, exposure=kept.exposure, gamma=kept.gamma,
        view=kept.view if shot.matte or kept.view == "plate" else state.view,
    )  # fmt: skip
    if shot.first <= kept.first <= kept.last <= shot.last:
        left = replace(left, first=kept.first, last=kept.last)
    return at_frame(left, kept.frame)


def with_channel(state: PanelState, channel: str) -> PanelState:
    """Another name to publish under."""
    return state if channel == state.channel else replace(state, channel=channel)


def at_frame(state: PanelState, frame: int) -> PanelState:
    """The playhead there, held within the shot."""
    if state.shot is None:
        return state
    frame = min(max(frame, state.shot.first), state.shot.last)
    return state if frame == state.frame else replace(state, frame=frame)


def played_on(state: PanelState, step: int = 1) -> PanelState:
    """One frame on (or back, with -1), round and round between in and out point."""
    following = state.frame + step
    if state.first <= following <= state.last:
        return at_frame(state, following)
    return at_frame(state, state.first if step > 0 else state.last)


def with_range(state: PanelState, *, first: int | None = None, last: int | None = None) -> PanelState:
    """In or out point moved, held within the shot and never past the other."""
    if state.shot is None:
        return state
    new_first = state.first if first is None else min(max(first, state.shot.first), state.shot.last)
    new_last = state.last if last is None else min(max(last, state.shot.first), state.shot.last)
    if first is not None:
        new_last = max(new_first, new_last)
    else:
        new_first = min(new_first, new_last)
    return replace(state, first=new_first, last=new_last)


def with_whole_range(state: PanelState) -> PanelState:
    """In and out point cleared: the range is the whole shot."""
    return state if state.shot is None else replace(state, first=state.shot.first, last=state.shot.last)


def with_view(state: PanelState, view: View) -> PanelState:
    """Another view."""
    return replace(state, view=view)


def with_wipe(state: PanelState, wipe: Wipe | None) -> PanelState:
    """The wipe's line there; None: no wipe."""
    return replace(state, wipe=wipe)


def with_wipe_turned(state: PanelState, degrees: float) -> PanelState:
    """The wipe's line so much further round."""
    return state if state.wipe is None else replace(state, wipe=state.wipe.turned_to(state.wipe.angle + degrees))


def with_wipe_moved(state: PanelState, x: float, y: float) -> PanelState:
    """The wipe's line so much further, in shares of the picture."""
    return state if state.wipe is None else replace(state, wipe=state.wipe.moved(x, y))


def compared_with(state: PanelState, against: Against) -> PanelState:
    """The wipe on, with this picture on its left."""
    return with_against(state if state.wipe is not None else replace(state, wipe=Wipe()), against)


def with_against(state: PanelState, against: Against) -> PanelState:
    """What the wipe compares with. The previous result can be chosen once there is one."""
    return replace(state, against="plate" if against == "previous" and not state.previous_results else against)


def with_isolated(state: PanelState, channel: Isolated) -> PanelState:
    """One channel alone; the one that is shown alone already: all of them again."""
    return replace(state, isolated="" if channel == state.isolated else channel)


def with_onion(state: PanelState) -> PanelState:
    """The outlines of the neighbouring key mattes on, or off."""
    return replace(state, onion=not state.onion)


def with_previous_shown(state: PanelState, is_shown: bool) -> PanelState:
    """A/B: the results before the last change, where there are any."""
    return replace(state, shows_previous=is_shown and bool(state.previous_results))


def reverted(state: PanelState) -> PanelState:
    """Edits thrown away."""
    return replace(state, settings=state.applied, quality=state.applied_quality)
