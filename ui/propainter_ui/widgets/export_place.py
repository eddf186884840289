"""What an export is and where it goes: kind, format, a place to begin with, and a question before anything is replaced.

Here: ``ExportPlace``. Not here: which formats there are (``shot/export_formats.py``), which places are refused and
suggested (``shot/export.py``), writing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from propainter_ui.qt import QtWidgets
from propainter_ui.shot.export import EXPORT_NAMES, ExportKind, check_place, places_there, suggested_place
from propainter_ui.shot.export_formats import Format, formats_of
from propainter_ui.shot.shot_files import BadShot, ShotFiles
from propainter_ui.widgets.parts import name_style


class ExportPlace(QtWidgets.QDialog):
    """Choices to make and a path to type or to browse for; ``kind``, ``place`` and ``ending`` are what was accepted.

    It stays open, and says why, where plate, matte or clean plate would be overwritten. Earlier exports are replaced by a
    button of its own, never by Return.
    """

    def __init__(
        self, parent: QtWidgets.QWidget | None, kind: ExportKind, name: str, files: ShotFiles, frames: Sequence[int],
        folders: Sequence[Path], *, without: Collection[ExportKind] = (),
    ) -> None:  # fmt: skip
        """name: the shot's. folders: where a place is looked for, in this order. without: kinds there is nothing for."""
        super().__init__(parent)
        self._name, self._files, self._frames, self._folders = name, files, frames, folders
        self._formats: tuple[Format, ...] = ()
        self.place = Path()
        self.setWindowTitle(f"Export {name}, frames {frames[0]}–{frames[-1]}")
        self._make_widgets(kind, without)
        self._lay_out()
        self._connect()
        self._take_kind()
        self.path.setFocus()
        self.path.selectAll()

    @property
    def kind(self) -> ExportKind:
        """What is to be written."""
        kind: ExportKind = self.what.currentData()
        return kind

    @property
    def ending(self) -> str | None:
        """The ending of a sequence's files; None: the plate's format, or no sequence."""
        return self._chosen.ending if self.kind == "sequence" and self.format.currentIndex() > 0 else None

    @property
    def _chosen(self) -> Format:
        return self._formats[max(0, self.format.currentIndex())]

    # --- the window -----------------------------------------------------------------------------------------------

    def _make_widgets(self, kind: ExportKind, without: Collection[ExportKind]) -> None:
        self.what, self.format = QtWidgets.QComboBox(), QtWidgets.QComboBox()
        self.what.setAccessibleName("What to export")
        self.format.setAccessibleName("Format")
        for each, name in EXPORT_NAMES.items():
            if each not in without:
                self.what.addItem(name, each)
        self.what.setCurrentIndex(self.what.findData(kind))
        self.about, self.says = QtWidgets.QLabel(), QtWidgets.QLabel()
        for label, name in ((self.about, "About this format"), (self.says, "About this place")):
            label.setWordWrap(True)
            label.setObjectName("dim")
            label.setAccessibleName(name)
        self.path = QtWidgets.QLineEdit()
        self.path.setMinimumWidth(440)
        self.browse = QtWidgets.QPushButton("Browse …")
        self.replace = QtWidgets.QPushButton()
        self.replace.setAccessibleName("Replace")
        self.cancel = QtWidgets.QPushButton("Cancel")
        for button in (self.browse, self.replace, self.cancel):
            button.setAutoDefault(False)
        self.replace.hide()
        self.export = QtWidgets.QPushButton("Export")
        self.export.setObjectName("primary")
        self.export.setDefault(True)

    def _lay_out(self) -> None:
        self._caption = QtWidgets.QLabel("Folder")
        self._caption.setBuddy(self.path)
        form = QtWidgets.QGridLayout()
        form.setColumnStretch(1, 1)
        for line, (text, choice) in enumerate((("What", self.what), ("Format", self.format))):
            caption = QtWidgets.QLabel(text)
            caption.setBuddy(choice)
            form.addWidget(caption, line, 0)
            form.addWidget(choice, line, 1, 1, 2)
        form.addWidget(self.about, 2, 1, 1, 2)
        form.addWidget(self._caption, 3, 0)
        form.addWidget(self.path, 3, 1)
        form.addWidget(self.browse, 3, 2)
        form.addWidget(self.says, 4, 1, 1, 2)
        buttons = QtWidgets.QHBoxLayout()
        buttons.addStretch(1)
        for widget in (self.cancel, self.replace, self.export):
            buttons.addWidget(widget)
        column = QtWidgets.QVBoxLayout(self)
        column.setSpacing(12)
        column.addLayout(form)
        column.addStretch(1)
        column.addLayout(buttons)

    def _connect(self) -> None:
        self.what.currentIndexChanged.connect(lambda _: self._take_kind())
        self.format.currentIndexChanged.connect(lambda _: self._take_format())
        self.path.textEdited.connect(lambda _: self._say(""))
        self.browse.clicked.connect(self._browse)
        self.export.clicked.connect(lambda: self._try(may_replace=False))
        self.replace.clicked.connect(lambda: self._try(may_replace=True))
        self.cancel.clicked.connect(self.reject)

    # --- choosing -------------------------------------------------------------------------------------------------

    def _take_kind(self) -> None:
        """Offer this kind's formats, and a place for it."""
        self._formats = formats_of(self.kind, self._files)
        blocked = self.format.blockSignals(True)
        self.format.clear()
        for each in self._formats:
            self.format.addItem(f"{each.name} ({each.ending})", each.ending)
        self.format.blockSignals(blocked)
        self.format.setEnabled(len(self._formats) > 1)
        is_folder = self.kind == "sequence"
        self._caption.setText("Folder" if is_folder else "File")
        self.path.setAccessibleName("Folder to export to" if is_folder else "File to export to")
        ending = None if is_folder else self._chosen.ending
        suggested = suggested_place(self.kind, self._name, self._files, self._frames, self._folders, ending)
        self._start = suggested.parent
        self.path.setText(str(suggested))
        self._take_format()

    def _take_format(self) -> None:
        """Say what it keeps; a file's name gets its ending."""
        self.about.setText(self._chosen.about)
        typed = self.path.text().strip()
        if self.kind != "sequence" and typed:
            path = Path(typed)
            known = {each.ending for each in self._formats}
            self.path.setText(str(path.with_suffix(self._chosen.ending) if path.suffix.lower() in known else path))
        self._say("")

    def _typed(self) -> Path:
        path = self._start / Path(self.path.text().strip()).expanduser()
        if self.kind != "sequence" and not path.suffix:
            return path.with_name(path.name + self._chosen.ending)
        return path

    def _try(self, *, may_replace: bool) -> None:
        if not self.path.text().strip():
            self._say("Type where the export goes, or browse for a place.", is_refusal=True)
            return
        path, is_folder = self._typed(), self.kind == "sequence"
        try:
            check_place(self.kind, path, self._files, self._frames, self.ending)
        except BadShot as error:
            self._say(f"{error}.", is_refusal=True)
            return
        earlier = len(places_there(self.kind, path, self._files, self._frames, self.ending))
        if earlier and not may_replace:
            what = f"{earlier} frame{'s' * (earlier != 1)}" if is_folder else path.name
            self._say(f"{path} already holds {what} of this name." if is_folder else f"{path} exists.")
            self.says.setText(f"{self.says.text()} Replace {'them' if earlier > 1 else 'it'}, or choose another place.")
            self.replace.setText(f"Replace {what}")
            self.replace.setAccessibleName(self.replace.text())
            self.replace.show()
            return
        self.place = path
        self.accept()

    def _say(self, text: str, *, is_refusal: bool = False) -> None:
        self.replace.hide()
        self.says.setText(text or "The panel makes folders that are not there yet.")
        name_style(self.says, "error" if is_refusal else "dim")

    def _browse(self) -> None:
        path = self._typed()
        start = next((str(p) for p in (path, *path.parents) if p.is_dir()), "")
        if self.kind == "sequence":
            chosen = QtWidgets.QFileDialog.getExistingDirectory(self, self.windowTitle(), start)
        else:
            asked_here = QtWidgets.QFileDialog.Option.DontConfirmOverwrite  # this window asks, and knows the inputs
            chosen, _ = QtWidgets.QFileDialog.getSaveFileName(
                self, self.windowTitle(), str(Path(start) / path.name), f"*{self._chosen.ending}", options=asked_here
            )
        if chosen:
            self.path.setText(chosen)
            self._say("")
