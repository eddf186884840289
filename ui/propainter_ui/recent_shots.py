"""The shots opened lately: remembered, listed, opened again.

Here: ``RecentShots``. Not here: the file they are kept in (``remembered.py``), the list on the screen (``widgets/jobs.py``).
"""

from __future__ import annotations

from pathlib import Path

from propainter_ui.bridge.backend_bridge import BackendBridge
from propainter_ui.remembered import Remembered
from propainter_ui.state.panel_state import ShotState
from propainter_ui.widgets.jobs import RecentShot, Shots


class RecentShots:
    """Keeps the list on the screen and the one on disk."""

    def __init__(self, remembered: Remembered, shown: Shots, bridge: BackendBridge) -> None:
        self._remembered = remembered
        self._list = shown
        self._bridge = bridge
        self._known = remembered.recent
        shown.show_recent(self._known)

    def remember(self, shot: ShotState) -> None:
        """Put the open shot first."""
        detail = f"{shot.first}–{shot.last}, {shot.width}×{shot.height}" + ("" if shot.matte else ", no matte")
        self._known = self._remembered.keep_recent(
            RecentShot(shot.name, shot.plate, shot.matte, detail, shot.clean), self._known
        )
        self._list.show_recent(self._known)

    def open_last(self) -> None:
        """Open the shot of the last session, if its files are still there."""
        for shot in self._known[:1]:
            if all(Path(path).exists() for path in (shot.plate, shot.matte, shot.clean) if path):
                self._bridge.reopen(shot.plate, shot.matte, shot.clean)
