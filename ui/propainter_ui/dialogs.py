"""Dialogs: which file to open, where to write an export.

Here: asking. Not here: doing it (``panel.py``).
"""

from __future__ import annotations

from pathlib import Path

from propainter_pictures.formats import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from propainter_ui.qt import QtWidgets
from propainter_ui.remembered import Remembered
from propainter_ui.shot.export import EXPORT_NAMES, ExportKind
from propainter_ui.state.panel_state import PanelState


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

    def place_to_export(self, kind: ExportKind, state: PanelState) -> Path | None:
        """Where to write; None: the artist thought better of it."""
        shot = state.shot
        assert shot is not None
        folder = self._remembered.text("export_folder") or str(Path(shot.plate).parent)
        title = f"Export {EXPORT_NAMES[kind].lower()}, frames {state.first}–{state.last}"
        if kind == "sequence":
            path = QtWidgets.QFileDialog.getExistingDirectory(self._parent, f"{title}: into which folder?", folder)
        else:
            ending = {"mp4": "mp4", "sheet": "png", "report": "json"}[kind]
            suggested = str(Path(folder) / f"{shot.name}-{'clean' if kind == 'mp4' else kind}.{ending}")
            path, _ = QtWidgets.QFileDialog.getSaveFileName(self._parent, title, suggested, f"*.{ending}")
            if path and not Path(path).suffix:
                path += f".{ending}"
        if not path:
            return None
        self._remembered.keep("export_folder", str(Path(path) if kind == "sequence" else Path(path).parent))
        return Path(path)
