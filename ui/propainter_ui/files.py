"""Files the artist asks for: opening by dialog, from the list of recent shots, the sample; exporting.

Here: ``Files``, which asks and hands on. Not here: the dialogs (``dialogs.py``), what a path means
(``shot/shot_files.py``), opening and writing (``bridge/``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from propainter_pictures.sample import sample_folder
from propainter_ui.dialogs import Dialogs
from propainter_ui.state.panel_state import Notice
from propainter_ui.widgets.jobs import RecentShot

if TYPE_CHECKING:
    from propainter_ui.panel import Panel


class Files:
    """The panel's wishes about files that need an answer first."""

    def __init__(self, panel: Panel, dialogs: Dialogs) -> None:
        self._panel = panel
        self._dialogs = dialogs

    def open_chosen(self, what: str) -> None:
        """Ask for a file and open it as plate, matte or clean plate; with ``any``, find out what each chosen file is."""
        if what == "any":
            paths = self._dialogs.files_to_open(self._panel.state)
            if paths:
                self._panel.open_paths(paths)
            return
        path = self._dialogs.file_to_open(what, self._panel.state)
        if path is not None:
            self._panel.bridge.open_as(what, path)

    def open_sample(self) -> None:
        """Open the shot that comes with the panel."""
        found = sample_folder()
        if found is None:
            text = "This installation has no sample shot. Install propainter-remove again, or open a shot of your own."
            self._panel.change(replace(self._panel.state, notice=Notice("error", text)))
        else:
            self._panel.open_paths([str(found / "plate"), str(found / "matte")])

    def open_recent(self, shot: RecentShot) -> None:
        """Open a shot of the list again."""
        self._panel.bridge.reopen(shot.plate, shot.matte, shot.clean)

    def export_chosen(self) -> None:
        """Ask what to write and where, and write it."""
        files = self._panel.library.files
        if files is None or not self._panel.state.can_render:
            return
        chosen = self._dialogs.export_wanted(self._panel.state, files)
        if chosen is not None:
            self._panel.export(chosen.kind, chosen.path, chosen.ending)
