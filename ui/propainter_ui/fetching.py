"""Fetching: what the backend has and the screen lacks is asked for.

Here: ``Fetcher``. Not here: the asking itself (``bridge/looking.py``).
"""

from __future__ import annotations

from propainter_ui.bridge.backend_bridge import BackendBridge
from propainter_ui.bridge.wishes import LookWish
from propainter_ui.shot.frame_store import ShotLibrary
from propainter_ui.state.panel_state import ASKED_APART, PanelState, View
from propainter_ui.state.shown import frames_to_fetch


class Fetcher:
    """Asks for results of the open shot, once for every state that lacks others."""

    def __init__(self, bridge: BackendBridge, library: ShotLibrary) -> None:
        self._bridge = bridge
        self._library = library
        self._fetched_for: object = None

    def fetch_missing(self, state: PanelState) -> None:
        """Ask the backend for what it has and the screen lacks: the playhead's frame first.

        Asked anew only when the playhead or what the backend has is another: frames that arrive do not start it over.
        """
        s = state
        if s.daemon.phase != "ready" or not s.has_matte or s.is_playing:
            return
        lacks_playhead = s.frame in s.results and self._library.patch("result", s.revision, s.frame) is None
        wanted = (
            s.frame,
            _looked_at(s),
            s.revision,
            s.bands,
            s.job.stage if s.job else "",
            lacks_playhead,
            s.daemon.pid,
        )
        if wanted == self._fetched_for:
            return
        self._fetched_for = wanted
        frames = [s.frame] if lacks_playhead else []
        if s.job is None:
            frames += frames_to_fetch(s)
        elif (
            s.job.kind == "rendering"
            and s.frame not in s.results
            and s.frame != s.job.begins_at
            and s.job.stage in ("painting", "composite")
        ):
            frames = [s.frame]  # looked at now: before the others of the range
        more = {view: self._lacking(s, view) for view in ASKED_APART}
        if frames or any(more.values()):
            self._bridge.look(LookWish(s.applied, s.applied_quality, tuple(frames), **more))

    def _lacking(self, s: PanelState, view: View) -> tuple[int, ...]:
        """The playhead's frame, where this view of it is looked at and not at hand."""
        has_it = self._library.patch(view, s.revision, s.frame) is not None
        return (s.frame,) if view in _looked_at(s) and s.frame in s.results and not has_it else ()


def _looked_at(s: PanelState) -> tuple[str, ...]:
    """The views on the screen: the one that is chosen, and what the wipe compares it with."""
    return (s.view,) if s.wipe is None else (s.view, s.against)
