"""Quitting while something of one's own is under way: ask, and do as the artist says.

Here: ``Quitting``. Not here: the window that is closed (``window.py``), stopping a backend (``panel.py``).
"""

from __future__ import annotations

from collections.abc import Callable

from propainter_ui.qt import QtCore, QtWidgets

_LOOKED_AT_MS = 300


class Quitting(QtCore.QObject):
    """at_stake: what would end with the panel now, in words; empty: nothing. leave: ends the panel, and that with it."""

    def __init__(self, window: QtWidgets.QWidget, at_stake: Callable[[], str], leave: Callable[[], None]) -> None:
        super().__init__(window)
        self._window, self._at_stake, self._leave = window, at_stake, leave
        self._is_decided = False
        self._watch = QtCore.QTimer(self)
        self._watch.setInterval(_LOOKED_AT_MS)
        self._watch.timeout.connect(self._leave_when_done)

    def may_close(self) -> bool:
        """Whether the window may close now; asks where that would end a render or an export."""
        at_stake = self._at_stake()
        if self._is_decided or not at_stake:
            return True
        asked = QtWidgets.QMessageBox(self._window)
        asked.setIcon(QtWidgets.QMessageBox.Icon.Question)
        asked.setWindowTitle("Quit?")
        asked.setText(at_stake)
        stop = asked.addButton("Stop and quit", QtWidgets.QMessageBox.ButtonRole.DestructiveRole)
        finish = asked.addButton("Finish, then quit", QtWidgets.QMessageBox.ButtonRole.AcceptRole)
        stay = asked.addButton("Stay", QtWidgets.QMessageBox.ButtonRole.RejectRole)
        asked.setDefaultButton(stay)
        asked.setEscapeButton(stay)
        asked.exec()
        answer = asked.clickedButton()
        asked.deleteLater()
        if answer is finish:
            self._window.hide()
            self._watch.start()
        self._is_decided = answer is stop
        return answer is stop

    def _leave_when_done(self) -> None:
        if not self._at_stake():
            self._watch.stop()
            self._is_decided = True
            self._leave()
