"""Dialogs: which file to open, where to write an export, whether to stop what works for others.

Here: asking. Not here: doing it (``panel.py``), the window
that asks for an export's place (``widgets/export_place.py``).
"""

from __future__ import annotations

from pathlib import Path

from propainter_pictures.formats import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from propainter_ui.qt import QtWidgets
from propainter_ui.remembered import Remembered
from propainter_ui.shot.export import ExportKind, folder_beside, suggested_place
from propainter_ui.shot.shot_files import ShotFiles
from propainter_ui.state.panel_state import PanelState
from propainter_ui.widgets.export_place import ExportPlace


class Dialogs:
    """Asks the artist for paths."""

    def __init__(self, parent: QtWidgets.QWidget, remembered: Remembered) -> None:
        self._parent = parent
        self._remembered = remembered

    def file_to_open(self, what: str, state: PanelState) -> Path | None:
        """The file chosen as ``plate``, ``matte`` or ``clean`` plate; None: the artist thought better of it."""
        endings = " ".join(f"*{suffix}" for suffix in sorted(IMAGE_SUFFIXES | VIDEO_SUFFIXES))
        start = str(Path(state.shot.plate).parent) if state.shot else ""
        title = "Open clean plate" if what == "clean" else f"Open {what}"
        path, _ = QtWidgets.QFileDialog.getOpenFileName(self._parent, title, start, f"Pictures and videos ({endings})")
        return Path(path) if path else None

    def place_to_export(self, kind: ExportKind, state: PanelState, files: ShotFiles) -> Path | None:
        """Where to write; None: the artist thought better of it."""
        shot, frames = state.shot, range(state.first, state.last + 1)
        assert shot is not None
        remembered = self._remembered.text("export_folder")
        folders = [Path(remembered)] if remembered and Path(remembered).is_dir() else []
        folders += [folder_beside(files), Path.home()]
        asked = ExportPlace(self._parent, kind, suggested_place(kind, shot.name, files, frames, folders), files, frames)
        is_chosen = asked.exec() == QtWidgets.QDialog.DialogCode.Accepted
        asked.deleteLater()
        if not is_chosen:
            return None
        self._remembered.keep("export_folder", str(asked.place.parent))
        return asked.place

    def may_stop(self, at_stake: str) -> bool:
        """Whether to stop a backend that works for others. at_stake: a sentence that says for whom."""
        asked = QtWidgets.QMessageBox(self._parent)
        asked.setIcon(QtWidgets.QMessageBox.Icon.Warning)
        asked.setWindowTitle("Stop the backend?")
        asked.setText(at_stake)
        stop = asked.addButton("Stop anyway", QtWidgets.QMessageBox.ButtonRole.DestructiveRole)
        keep = asked.addButton("Keep it running", QtWidgets.QMessageBox.ButtonRole.RejectRole)
        asked.setDefaultButton(keep)
        asked.setEscapeButton(keep)
        asked.exec()
        is_meant = asked.clickedButton() is stop
        asked.deleteLater()
        return is_meant
