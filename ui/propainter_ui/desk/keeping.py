"""The drawn matte from one day to the next: kept beside the shot's settings, opened again with the shot.

Here: ``Keeping``, when it is kept and opened. Not here: where else it is saved (``filing.py``), the files' form
(``matte/project.py``).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from propainter_ui.bridge.matte_filing import discarded
from propainter_ui.kept.kept_file import data_folder
from propainter_ui.kept.shot_sessions import name_of_plate
from propainter_ui.matte.document import MatteDocument
from propainter_ui.qt import QtCore
from propainter_ui.state.changes import is_as_it_was
from propainter_ui.state.matte_events import MatteOpened
from propainter_ui.state.matte_shown import is_at_matte
from propainter_ui.state.panel_state import PanelState, ShotState

if TYPE_CHECKING:
    from propainter_ui.panel import Panel

_KEPT_AFTER_MS = 2500
"""A hand at rest so long: what it drew is written down."""


class Keeping(QtCore.QObject):
    """Keeps the drawn matte of every shot."""

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        self._panel = panel
        self._saved_as = ""
        self._is_lent = False
        """Whether the queue draws with another matte than the one that is kept."""
        self._unkept: tuple[Path, MatteDocument | None, str] | None = None
        """What is to be kept, and where: of a shot that has been left meanwhile, too."""
        self._later = QtCore.QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(_KEPT_AFTER_MS)
        self._later.timeout.connect(self._keep_later)

    def note(self, old: PanelState, new: PanelState) -> None:
        """The state has changed."""
        is_same = new.shot is not None and old.shot is not None and is_as_it_was(old.shot, new.shot)
        if is_same and new.drawn is not old.drawn and not (self._is_lent and self._panel.batch.is_running):
            assert new.shot is not None
            self._unkept = _place_of(new.shot.plate), new.drawn, self._saved_as
            self._later.start()

    def saved(self, place: str) -> None:
        """The matte was saved as this sequence: opened with the plate, it is the drawn one."""
        self._saved_as = place
        shot, drawn = self._panel.state.shot, self._panel.state.drawn
        if shot is not None and drawn is not None:
            self._unkept = _place_of(shot.plate), drawn, place
            self._later.start()

    def counts(self, told: MatteOpened) -> bool:
        """Whether what was kept of the shot is drawn on: it gives way to another matte that was opened with the plate."""
        shot = self._panel.state.shot
        self._saved_as = told.saved_as
        if shot is None or not shot.matte:
            return True
        same = {os.path.abspath(path) for path in (told.document.start, told.saved_as) if path}  # noqa: PTH100 - as typed
        return os.path.abspath(shot.matte) in same  # noqa: PTH100

    def lend(self, queued: MatteDocument | None) -> None:
        """The queue goes on with the matte a shot had when it was added. Where more was drawn since, that stays kept."""
        self.keep()
        self._is_lent = self._panel.state.drawn != queued

    def discard(self, drawn: MatteDocument, shot: ShotState) -> Path:
        """A drawing no longer fits its plate: it is kept under another name, to be opened; where."""
        self.leave()
        place = _place_of(shot.plate)
        for document in (drawn, None):
            self._panel.bridge.matte.keep(place, document, self._saved_as)
        self._saved_as = ""
        return discarded(place)

    def leave(self) -> None:
        """What is kept stays as it is."""
        self._later.stop()
        self._unkept = None

    def open(self) -> None:
        """A shot has been opened: as it was drawn, if it was here before."""
        self.keep()
        self._saved_as = ""
        shot = self._panel.state.shot
        if shot is not None:
            self._panel.bridge.matte.open_kept(_place_of(shot.plate))

    def _keep_later(self) -> None:
        if is_at_matte(self._panel.state):
            self._later.start()  # every frame would be another document
        else:
            self.keep()

    def keep(self) -> None:
        """Have it written down, where that is news."""
        self._later.stop()
        unkept, self._unkept = self._unkept, None
        if unkept is not None:
            self._panel.bridge.matte.keep(*unkept)


def _place_of(plate: str) -> Path:
    return data_folder() / "mattes" / f"{name_of_plate(plate)}.matte.json"
