"""The shots opened lately: remembered, listed, opened again.

Here: ``RecentShots``. Not here: the file they are kept in (``remembered.py``), the list on the screen (``widgets/jobs.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from propainter_ui.bridge.backend_bridge import BackendBridge
from propainter_ui.remembered import Remembered
from propainter_ui.state.panel_state import ShotState
from propainter_ui.widgets.jobs import RecentShot


class ShotList(Protocol):
    """What lists shots on the screen."""

    def show_recent(self, shots: Sequence[RecentShot]) -> None:
        """List these, the latest first."""


class RecentShots:
    """Keeps the lists on the screen and the one on disk."""

    def __init__(self, remembered: Remembered, shown: Sequence[ShotList], bridge: BackendBridge) -> None:
        self._remembered = remembered
        self._lists = shown
        self._bridge = bridge
        self.known = remembered.recent
        """The latest first."""
        self._show()

    def _show(self) -> None:
        for each in self._lists:
            each.show_recent(self.known)

    def remember(self, shot: ShotState) -> None:
        """Put the open shot first."""
        detail = f"{shot.first}–{shot.last}, {shot.width}×{shot.height}" + ("" if shot.matte else ", no matte")
        self.known = self._remembered.keep_recent(
            RecentShot(shot.name, shot.plate, shot.matte, detail, shot.clean), self.known
        )
        self._show()

    def open_last(self) -> None:
        """Open the shot of the last session, if its files are still there."""
        for shot in self.known[:1]:
            if all(Path(path).exists() for path in (shot.plate, shot.matte, shot.clean) if path):
                self._bridge.reopen(shot.plate, shot.matte, shot.clean)
