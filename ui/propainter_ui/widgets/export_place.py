"""Where an export goes: a place to begin with, what stands in its way, and a question before anything is replaced.

Here: ``ExportPlace``. Not here: which places are refused and suggested (``shot/export.py``), writing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from propainter_ui.qt import QtWidgets
from propainter_ui.shot.export import ENDINGS, EXPORT_NAMES, ExportKind, check_place, places_there
from propainter_ui.shot.shot_files import BadShot, ShotFiles


class ExportPlace(QtWidgets.QDialog):
    """A path to type or to browse for; ``place`` is the one that was accepted.

    It stays open, and says why, where plate, matte or clean plate would be overwritten. Earlier exports are replaced by a
    button of its own, never by Return.
    """

    def __init__(
        self, parent: QtWidgets.QWidget | None, kind: ExportKind, suggested: Path, files: ShotFiles, frames: Sequence[int]
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self.place = suggested
        self._kind, self._files, self._frames = kind, files, frames
        self._start = suggested.parent
        self.setWindowTitle(f"Export {EXPORT_NAMES[kind].lower()}, frames {frames[0]}–{frames[-1]}")
        self.path = QtWidgets.QLineEdit(str(suggested))
        self.path.setMinimumWidth(440)
        self.path.setAccessibleName("Folder to export to" if kind == "sequence" else "File to export to")
        self.browse = QtWidgets.QPushButton("Browse …")
        self.browse.setAutoDefault(False)
        self.says = QtWidgets.QLabel()
        self.says.setWordWrap(True)
        self.says.setObjectName("dim")
        self.says.setAccessibleName("About this place")
        self.replace = QtWidgets.QPushButton()
        self.replace.setAutoDefault(False)
        self.replace.hide()
        self.export = QtWidgets.QPushButton("Export")
        self.export.setObjectName("primary")
        self.export.setDefault(True)
        self.cancel = QtWidgets.QPushButton("Cancel")
        self.cancel.setAutoDefault(False)
        self._lay_out()
        self.path.textEdited.connect(lambda _: self._say(""))
        self.browse.clicked.connect(self._browse)
        self.export.clicked.connect(lambda: self._try(may_replace=False))
        self.replace.clicked.connect(lambda: self._try(may_replace=True))
        self.cancel.clicked.connect(self.reject)
        self._say("")
        self.path.setFocus()
        self.path.selectAll()

    def _lay_out(self) -> None:
        caption = QtWidgets.QLabel("Folder" if self._kind == "sequence" else "File")
        caption.setBuddy(self.path)
        line = QtWidgets.QHBoxLayout()
        for widget in (caption, self.path, self.browse):
            line.addWidget(widget, 1 if widget is self.path else 0)
        buttons = QtWidgets.QHBoxLayout()
        buttons.addStretch(1)
        for widget in (self.cancel, self.replace, self.export):
            buttons.addWidget(widget)
        column = QtWidgets.QVBoxLayout(self)
        column.addLayout(line)
        column.addWidget(self.says)
        column.addLayout(buttons)

    def _typed(self) -> Path:
        path = self._start / Path(self.path.text().strip()).expanduser()
        if self._kind != "sequence" and not path.suffix:
            return path.with_name(path.name + ENDINGS[self._kind])
        return path

    def _try(self, *, may_replace: bool) -> None:
        if not self.path.text().strip():
            self._say("Type where the export goes, or browse for a place.", is_refusal=True)
            return
        path = self._typed()
        try:
            check_place(self._kind, path, self._files, self._frames)
        except BadShot as error:
            self._say(f"{error}.", is_refusal=True)
            return
        earlier = len(places_there(self._kind, path, self._files, self._frames))
        if earlier and not may_replace:
            what = f"{earlier} frame{'s' * (earlier != 1)}" if self._kind == "sequence" else path.name
            self._say(f"{path} already holds {what} of this name." if self._kind == "sequence" else f"{path} exists.")
            self.says.setText(f"{self.says.text()} Replace {'them' if earlier > 1 else 'it'}, or choose another place.")
            self.replace.setText(f"Replace {what}")
            self.replace.setAccessibleName(self.replace.text())
            self.replace.show()
            return
        self.place = path
        self.accept()

    def _say(self, text: str, *, is_refusal: bool = False) -> None:
        self.replace.hide()
        self.says.setText(text or "Folders that are not there yet are made.")
        self.says.setObjectName("error" if is_refusal else "dim")
        self.says.style().unpolish(self.says)
        self.says.style().polish(self.says)

    def _browse(self) -> None:
        path = self._typed()
        start = next((str(p) for p in (path, *path.parents) if p.is_dir()), "")
        if self._kind == "sequence":
            chosen = QtWidgets.QFileDialog.getExistingDirectory(self, self.windowTitle(), start)
        else:
            asked_here = QtWidgets.QFileDialog.Option.DontConfirmOverwrite  # this window asks, and knows the inputs
            chosen, _ = QtWidgets.QFileDialog.getSaveFileName(
                self, self.windowTitle(), str(Path(start) / path.name), f"*{ENDINGS[self._kind]}", options=asked_here
            )
        if chosen:
            self.path.setText(chosen)
            self._say("")
