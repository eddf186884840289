"""Getting the weights of the ProPainter engine from the first window: the licence first, then the download.

Here: ``WeightsCard``, ``WeightsWork``, which runs the backend's own command, and the licence's dialog. Not here: where the
files come from and what is accepted (``propainter-weights``, whose words are shown).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from propainter_pictures.console import as_sentence
from propainter_ui.first_run.cards import Card
from propainter_ui.first_run.findings import Finding, lack_weights, weights_sentence
from propainter_ui.qt import QtCore, QtWidgets, Signal
from propainter_wire.errors import BackendUnreachable
from propainter_wire.start import find_command

_PROGRESS = re.compile(r"^[^\s:]+: [\d.]+ (of [\d.]+ )?MB$")
_DONE = "The weights are complete. A backend that runs has them once it is stopped and started again."
_STOPPED = "Stopped. What has arrived is kept, and the next try goes on from there."


class WeightsWork(QtCore.QObject):
    """Runs one command at a time."""

    licence_told = Signal(str)
    """What the licence asks."""
    progressed = Signal(str)
    ended = Signal(str)
    """One sentence: how it went."""

    def __init__(self, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self._process: QtCore.QProcess | None = None
        self._told = ""

    def ask_for_licence(self) -> None:
        """What does it ask?"""
        self._run(["licence"], self._licence_is_there)

    def fetch(self) -> None:
        """Download what is missing; the licence has been accepted."""
        self._run(["fetch", "--accept-licence", "--say-progress"], lambda: self.ended.emit(_DONE))

    def stop(self) -> None:
        """End a download that is under way."""
        if self._end():
            self.ended.emit(_STOPPED)

    def close(self) -> None:
        """End what is under way; nothing is heard any more."""
        self._end()

    def _run(self, words: list[str], done: Callable[[], None]) -> None:
        if self._process is not None:
            return
        try:
            program, *before = find_command()
        except BackendUnreachable as error:
            self.ended.emit(as_sentence(str(error)))
            return
        self._told = ""
        process = self._process = QtCore.QProcess(self)
        process.finished.connect(lambda code, _: self._finished(code, done))
        process.errorOccurred.connect(self._not_started)
        process.readyReadStandardOutput.connect(self._read)
        process.start(program, [*before, "weights", *words])

    def _read(self) -> None:
        if self._process is None:
            return
        self._told += bytes(self._process.readAllStandardOutput().data()).decode("utf-8", "replace")
        told = [line for line in self._told.splitlines() if _PROGRESS.match(line)]
        if told:
            self.progressed.emit(f"{told[-1]}.")

    def _finished(self, code: int, done: Callable[[], None]) -> None:
        process = self._process
        if process is None:
            return
        self._read()
        complaint = bytes(process.readAllStandardError().data()).decode("utf-8", "replace").strip()
        self._end()
        if code == 0:
            done()
            return
        reason = complaint.splitlines()[-1].removeprefix("propainter-weights: ") if complaint else f"exit code {code}"
        self.ended.emit(f"The weights are not complete: {reason}.")

    def _licence_is_there(self) -> None:
        self.licence_told.emit(self._told.strip())

    def _not_started(self, error: QtCore.QProcess.ProcessError) -> None:
        if error == QtCore.QProcess.ProcessError.FailedToStart and self._process is not None:
            name = self._process.program()
            self._end()
            self.ended.emit(f"{name} does not start. Install it again.")

    def _end(self) -> bool:
        process, self._process = self._process, None
        if process is None:
            return False
        process.blockSignals(True)
        if process.state() != QtCore.QProcess.ProcessState.NotRunning:
            process.kill()
            process.waitForFinished(2000)
        process.deleteLater()
        return True


class WeightsCard(Card):
    """The weights: whether they are there, and getting them."""

    has_changed = Signal()
    """The doctor would say something else now."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__("Weights of the ProPainter engine", parent)
        self.get, self.cancel = self.add_button("Get the weights …"), self.add_button("Cancel")
        self.get.setToolTip("Shows their licence first; nothing is downloaded before you accept it")
        self.cancel.setAccessibleName("Cancel the download")
        self.buttons.addStretch(1)
        self.more = QtWidgets.QLabel()
        self.more.setWordWrap(True)
        self.more.setObjectName("dim")
        self.column.addWidget(self.more)
        self.more.hide()
        self.work = WeightsWork(self)
        self.dialog: LicenceDialog | None = None
        self.get.clicked.connect(self._begin)
        self.cancel.clicked.connect(self.work.stop)
        self.work.licence_told.connect(self._ask)
        self.work.progressed.connect(self._say)
        self.work.ended.connect(self._ended)
        self.get.hide()
        self.cancel.hide()
        self.show_findings(())

    def show_findings(self, findings: Sequence[Finding]) -> None:
        """What the doctor knows of them."""
        self.text.setText(weights_sentence(findings))
        self.get.setVisible(lack_weights(findings) and self.cancel.isHidden())

    def _begin(self) -> None:
        self.get.setEnabled(False)
        self._say("Looking up the licence …")
        self.work.ask_for_licence()

    def _ask(self, licence: str) -> None:
        self.dialog = LicenceDialog(licence, self)
        self.dialog.accepted.connect(self._fetch)
        self.dialog.rejected.connect(lambda: self.get.setEnabled(True))
        self._say("")
        self.dialog.open()

    def _fetch(self) -> None:
        self.get.hide()
        self.cancel.show()
        self._say("Downloading …")
        self.work.fetch()

    def _ended(self, sentence: str) -> None:
        self.cancel.hide()
        self.get.show()
        self.get.setEnabled(True)
        self._say(sentence)
        self.has_changed.emit()

    def _say(self, sentence: str) -> None:
        self.more.setText(sentence)
        self.more.setVisible(bool(sentence))


class LicenceDialog(QtWidgets.QDialog):
    """The licence's words, to be accepted or not."""

    def __init__(self, licence: str, parent: QtWidgets.QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Licence of the ProPainter weights")
        self.words = QtWidgets.QPlainTextEdit(licence)
        self.words.setLineWrapMode(QtWidgets.QPlainTextEdit.LineWrapMode.NoWrap)  # its lines are broken already
        self.words.setReadOnly(True)
        self.words.setAccessibleName("Licence of the weights")
        self.accept_button = QtWidgets.QPushButton("Accept and download")
        refuse = QtWidgets.QPushButton("Do not download")
        refuse.setDefault(True)
        self.accept_button.clicked.connect(self.accept)
        refuse.clicked.connect(self.reject)
        row = QtWidgets.QHBoxLayout()
        row.addStretch(1)
        row.addWidget(refuse)
        row.addWidget(self.accept_button)
        column = QtWidgets.QVBoxLayout(self)
        column.addWidget(self.words, 1)
        column.addLayout(row)
        self.resize(860, 320)
