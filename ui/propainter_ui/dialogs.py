"""Dialogs: which files to open, what to export and where, whether to stop what works for others; and help.

Here: asking and telling. Not here: doing it (``panel.py``, ``files.py``), the windows themselves
(``widgets/export_place.py``, ``widgets/hotkeys.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from propainter_pictures.formats import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from propainter_pictures.sample import is_sample
from propainter_ui.qt import Qt, QtWidgets
from propainter_ui.remembered import Remembered
from propainter_ui.shot.export import EXPORT_NAMES, ExportKind, folder_beside
from propainter_ui.shot.export_formats import formats_of
from propainter_ui.shot.matte_files import PROJECT_ENDING
from propainter_ui.shot.shot_files import ShotFiles, is_named_clean
from propainter_ui.state.panel_state import PanelState
from propainter_ui.widgets.export_place import ExportPlace
from propainter_ui.widgets.hotkeys import Hotkeys
from propainter_ui.widgets.matte_place import MattePlace

_FILTER = f"Pictures and videos ({' '.join(f'*{suffix}' for suffix in sorted(IMAGE_SUFFIXES | VIDEO_SUFFIXES))})"


@dataclass(frozen=True)
class ExportChosen:
    """What the artist wants written."""

    kind: ExportKind
    path: Path
    ending: str | None
    """Of a sequence's files; None: the plate's format."""


@dataclass(frozen=True)
class MatteChosen:
    """Where the drawn matte goes."""

    place: str
    """A folder, or a pattern in it."""
    as_alpha: bool


class Dialogs:
    """Asks the artist."""

    def __init__(self, parent: QtWidgets.QWidget, remembered: Remembered) -> None:
        self._parent = parent
        self._remembered = remembered

    def file_to_open(self, what: str, state: PanelState) -> Path | None:
        """The file chosen as ``plate``, ``matte`` or ``clean`` plate; None: the artist thought better of it."""
        title = "Open clean plate" if what == "clean" else f"Open {what}"
        path, _ = QtWidgets.QFileDialog.getOpenFileName(self._parent, title, _start(state), _FILTER)
        return Path(path) if path else None

    def files_to_open(self, state: PanelState) -> list[str]:
        """Files chosen together: a plate, its matte, a clean plate; empty: the artist thought better of it."""
        title = "Open plate and matte: any frame of each, or videos"
        chosen, _ = QtWidgets.QFileDialog.getOpenFileNames(self._parent, title, _start(state), _FILTER)
        return list(chosen)

    def export_wanted(self, state: PanelState, files: ShotFiles) -> ExportChosen | None:
        """What to write and where; None: the artist thought better of it."""
        shot, frames = state.shot, range(state.first, state.last + 1)
        assert shot is not None
        without: set[ExportKind] = set() if state.report else {"report"}
        if not formats_of("video", files):
            without.add("video")
        kind: ExportKind = next((k for k in EXPORT_NAMES if k == self._remembered.text("export_kind")), "sequence")
        asked = ExportPlace(
            self._parent, "sequence" if kind in without else kind, shot.name, files, frames, self.folders_for(files),
            without=without,
        )  # fmt: skip
        is_chosen = asked.exec() == QtWidgets.QDialog.DialogCode.Accepted
        asked.deleteLater()
        if not is_chosen:
            return None
        self._remembered.keep("export_folder", str(asked.place.parent))
        self._remembered.keep("export_kind", asked.kind)
        return ExportChosen(asked.kind, asked.place, asked.ending)

    def matte_place_wanted(self, state: PanelState, files: ShotFiles) -> MatteChosen | None:
        """Where the drawn matte goes, and as what; None: the artist thought better of it."""
        assert state.shot is not None and state.drawn is not None
        asked = MattePlace(self._parent, state.shot.name, state.drawn, files)
        is_chosen = asked.exec() == QtWidgets.QDialog.DialogCode.Accepted
        asked.deleteLater()
        return MatteChosen(asked.place, asked.as_alpha) if is_chosen else None

    def clean_place_wanted(self, state: PanelState, files: ShotFiles) -> Path | None:
        """The folder painted clean plates go to; None: the artist thought better of it.

        It has a clean plate's name, by which the panel knows it when it is dropped: of that name within what was chosen.
        """
        title = "Folder for the painted clean plate"
        chosen = QtWidgets.QFileDialog.getExistingDirectory(self._parent, title, str(folder_beside(files)))
        if not chosen:
            return None
        folder, name = Path(chosen), state.shot.name if state.shot else "shot"
        return folder if is_named_clean(folder) else folder / f"{name}_cleanplate"

    def matte_project_wanted(self, state: PanelState) -> Path | None:
        """A project of a drawn matte; None: the artist thought better of it."""
        start = str(Path(state.shot.plate).parent) if state.shot else ""
        path, _ = QtWidgets.QFileDialog.getOpenFileName(
            self._parent, "Open matte project", start, f"Matte projects (*{PROJECT_ENDING})"
        )
        return Path(path) if path else None

    def folders_for(self, files: ShotFiles) -> list[Path]:
        """Where a place for an export is looked for, the likeliest first."""
        remembered = self._remembered.text("export_folder")
        folders = [Path(remembered)] if remembered and Path(remembered).is_dir() else []
        if not is_sample(Path(files.plate_frames.path)):
            folders.append(folder_beside(files))
        return [*folders, Path.home()]

    def show_hotkeys(self, groups: Sequence[tuple[str, Sequence[tuple[str, str]]]]) -> None:
        """Every key, by what it is for."""
        shown = Hotkeys(self._parent, groups)
        shown.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        shown.open()

    def show_about(self) -> None:
        """Name, version, licence."""
        try:
            number = version("propainter-remove")
        except PackageNotFoundError:  # inside Nuke the files alone are there
            number = ""
        QtWidgets.QMessageBox.about(
            self._parent, "About ProPainter Remove",
            f"<b>ProPainter Remove {number}</b><br>It removes objects from plates.<br>Apache License 2.0",
        )  # fmt: skip

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


def _start(state: PanelState) -> str:
    """The folder a file dialog begins in."""
    return str(Path(state.shot.plate).parent) if state.shot else ""
