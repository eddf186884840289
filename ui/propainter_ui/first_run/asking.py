"""Asking the doctor and the installer, off the interface's thread.

Here: ``DoctorVisit``, a process of its own: looking takes seconds, for it loads torch. ``NodeWork``, the installer as a
library on a lane. Not here: what is done with the answers (``page.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from propainter_install.errors import InstallError
from propainter_install.node import look_at_node, put_node, remove_node
from propainter_ui.bridge.lane import Lane
from propainter_ui.first_run.findings import read_findings
from propainter_ui.qt import QtCore, Signal
from propainter_wire.errors import BackendUnreachable
from propainter_wire.start import find_command

_PATIENCE_MS = 120_000


class DoctorVisit(QtCore.QObject):
    """Asks once at a time."""

    found = Signal(object)
    """A list of ``Finding``."""
    failed = Signal(str)
    """A sentence."""

    def __init__(self, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self._process: QtCore.QProcess | None = None
        self._patience = QtCore.QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(_PATIENCE_MS)
        self._patience.timeout.connect(self._give_up)

    def ask(self) -> None:
        """Look at the machine, unless that is being done."""
        if self._process is not None:
            return
        try:
            program, *words = find_command()
        except BackendUnreachable as error:
            self.failed.emit(f"{error}.")
            return
        self._process = QtCore.QProcess(self)
        self._process.finished.connect(self._hear)
        self._process.errorOccurred.connect(self._not_started)
        self._patience.start()
        self._process.start(program, [*words, "doctor", "--json"])

    def close(self) -> None:
        """End what is under way; nothing is heard any more."""
        process, self._process = self._process, None
        self._patience.stop()
        if process is not None:
            process.blockSignals(True)
            process.kill()
            process.waitForFinished(2000)

    def _hear(self, code: int, _: object) -> None:
        process = self._end()
        if process is None:
            return
        said = bytes(process.readAllStandardOutput().data()).decode("utf-8", "replace")
        complaint = bytes(process.readAllStandardError().data()).decode("utf-8", "replace").strip()
        try:
            self.found.emit(read_findings(said))
        except ValueError as error:
            reason = complaint.splitlines()[-1] if complaint else f"{error} (exit code {code})"
            self.failed.emit(f"This machine could not be looked at: {reason}.")

    def _not_started(self, error: QtCore.QProcess.ProcessError) -> None:
        if error == QtCore.QProcess.ProcessError.FailedToStart:
            process = self._end()
            name = process.program() if process is not None else "propainter-backend"
            self.failed.emit(f"This machine could not be looked at: {name} does not start. Install it again.")

    def _give_up(self) -> None:
        self.close()
        self.failed.emit("This machine could not be looked at within two minutes. Press Look again.")

    def _end(self) -> QtCore.QProcess | None:
        process, self._process = self._process, None
        self._patience.stop()
        if process is not None:
            process.deleteLater()
        return process


class NodeWork(QtCore.QObject):
    """The node: looked at, put in place, taken away."""

    stands = Signal(object)
    """A ``NodeState``, after each of them."""
    said = Signal(str)
    """What else there is to say; empty: nothing."""

    def __init__(self, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self._lane = Lane("first run", self._on_error)

    def look(self) -> None:
        """How does it stand?"""
        self._lane.do(lambda: self.stands.emit(look_at_node()))

    def put(self) -> None:
        """Install or repair it."""
        self._lane.do(lambda: self._change(put_node))

    def remove(self) -> None:
        """Take it away."""
        self._lane.do(lambda: self._change(remove_node))

    def close(self) -> None:
        """After what is under way."""
        self._lane.close()

    def _change(self, act: Callable[[], Sequence[str]]) -> None:
        try:
            sentences = [f"{sentence}." for sentence in act()]
        except InstallError as error:
            sentences = [f"{error}."]
        self.stands.emit(look_at_node())
        self.said.emit(" ".join(sentences))

    def _on_error(self, error: Exception) -> None:
        self.said.emit(f"The node could not be changed: {error}.")
        self.stands.emit(look_at_node())
