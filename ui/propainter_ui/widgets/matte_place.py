"""Where a drawn matte is written, and as what: format, one channel or four, a folder, and a question before replacing.

Here: ``MattePlace``. Not here: what is written (``shot/matte_files.py``), the window for results (``export_place.py``).
"""

from __future__ import annotations

from pathlib import Path

from propainter_ui.matte.document import MatteDocument
from propainter_ui.qt import QtWidgets
from propainter_ui.shot.matte_files import files_there, suggested_place
from propainter_ui.shot.shot_files import BadShot, ShotFiles
from propainter_ui.widgets.parts import name_style

_FORMATS = ((".png", "PNG, 8 bits (.png)"), (".exr", "OpenEXR, half floats (.exr)"), (".tif", "TIFF, 8 bits (.tif)"))


class MattePlace(QtWidgets.QDialog):
    """Choices to make and a folder to type or browse for; ``place`` is what was accepted.

    Earlier files are replaced by a button of its own, never by Return.
    """

    def __init__(
        self, parent: QtWidgets.QWidget | None, name: str, document: MatteDocument, files: ShotFiles
    ) -> None:  # fmt: skip
        """name: the shot's."""
        super().__init__(parent)
        self._name, self._document, self._files = name, document, files
        self.place = ""
        """A folder, or a pattern in it, as ``save_matte`` takes it."""
        self.setWindowTitle(f"Save the matte of {name}, frames {document.first}–{document.last}")
        suggested = suggested_place(name, files)
        self._start = suggested.parent
        self.format, self.alpha = QtWidgets.QComboBox(), QtWidgets.QCheckBox("The matte in all four channels (RGBA)")
        self.format.setAccessibleName("Format")
        for ending, text in _FORMATS:
            self.format.addItem(text, ending)
        self.alpha.setAccessibleName(self.alpha.text())
        self.path, self.browse = QtWidgets.QLineEdit(str(suggested)), QtWidgets.QPushButton("Browse …")
        self.path.setAccessibleName("Folder to save the matte to")
        self.path.setMinimumWidth(440)
        self.says = QtWidgets.QLabel()
        self.says.setWordWrap(True)
        self.says.setAccessibleName("About this place")
        self.cancel, self.replace = QtWidgets.QPushButton("Cancel"), QtWidgets.QPushButton("Replace")
        self.replace.setAccessibleName("Replace")
        self.save = QtWidgets.QPushButton("Save matte")
        self.save.setObjectName("primary")
        self.save.setDefault(True)
        for button in (self.browse, self.replace, self.cancel):
            button.setAutoDefault(False)
        self._lay_out()
        self.path.textEdited.connect(lambda _: self._say(""))
        self.format.currentIndexChanged.connect(lambda _: self._say(""))
        self.browse.clicked.connect(self._browse)
        self.save.clicked.connect(lambda: self._try(may_replace=False))
        self.replace.clicked.connect(lambda: self._try(may_replace=True))
        self.cancel.clicked.connect(self.reject)
        self._say("")
        self.path.setFocus()
        self.path.selectAll()

    @property
    def as_alpha(self) -> bool:
        """Whether the matte is written into all four channels."""
        return self.alpha.isChecked()

    def _lay_out(self) -> None:
        form = QtWidgets.QGridLayout()
        form.setColumnStretch(1, 1)
        for line, (text, widget) in enumerate((("Format", self.format), ("Folder", self.path))):
            caption = QtWidgets.QLabel(text)
            caption.setBuddy(widget)
            form.addWidget(caption, line, 0)
            form.addWidget(widget, line, 1)
        form.addWidget(self.browse, 1, 2)
        form.addWidget(self.alpha, 2, 1, 1, 2)
        form.addWidget(self.says, 3, 1, 1, 2)
        buttons = QtWidgets.QHBoxLayout()
        buttons.addStretch(1)
        for button in (self.cancel, self.replace, self.save):
            buttons.addWidget(button)
        column = QtWidgets.QVBoxLayout(self)
        column.setSpacing(12)
        column.addLayout(form)
        column.addLayout(buttons)

    def _typed(self) -> str:
        folder = self._start / Path(self.path.text().strip()).expanduser()
        ending = self.format.currentData()
        return str(folder) if ending == ".png" else str(folder / f"{self._name}.####{ending}")

    def _try(self, *, may_replace: bool) -> None:
        if not self.path.text().strip():
            self._say("Type where the matte goes, or browse for a place.", is_refusal=True)
            return
        place = self._typed()
        try:
            there = files_there(place, self._document, self._files)
        except BadShot as error:
            self._say(f"{error}.", is_refusal=True)
            return
        if there and not may_replace:
            count = len(there)
            self._say(
                f"{Path(self.path.text().strip())} already holds {count} file{'s' * (count != 1)} of these names."
            )
            self.replace.setText(f"Replace {'it' if count == 1 else 'them'}")
            self.replace.setAccessibleName(self.replace.text())
            self.replace.show()
            return
        self.place = place
        self.accept()

    def _say(self, text: str, *, is_refusal: bool = False) -> None:
        self.replace.hide()
        self.says.setText(text or "The project to go on with is written beside the folder.")
        name_style(self.says, "error" if is_refusal else "dim")

    def _browse(self) -> None:
        start = Path(self.path.text().strip() or self._start)
        there = next((str(p) for p in (start, *start.parents) if p.is_dir()), "")
        chosen = QtWidgets.QFileDialog.getExistingDirectory(self, self.windowTitle(), there)
        if chosen:
            self.path.setText(chosen)
            self._say("")
