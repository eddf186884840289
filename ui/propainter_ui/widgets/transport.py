"""The bar above the timeline: stepping, playing, and what is going on.

Here: its buttons, the status line and the progress. Not here: keys (``panel.py``), the frames (``timeline.py``).
"""

from __future__ import annotations

from propainter_ui.look import icon
from propainter_ui.qt import QtCore, QtWidgets, Signal
from propainter_ui.state.panel_state import PanelState
from propainter_ui.widgets.parts import fill_bar


class Transport(QtWidgets.QFrame):
    """Asks for steps, shows the panel's own work."""

    step_asked = Signal(str)
    """first, previous, play, next or last."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._buttons: list[QtWidgets.QToolButton] = []
        steps = (
            ("first", "First frame of the range (Home)"),
            ("previous", "One frame back (Left)"),
            ("play", "Play the range (Space)"),
            ("next", "One frame on (Right)"),
            ("last", "Last frame of the range (End)"),
        )
        for name, tip in steps:
            button = QtWidgets.QToolButton()
            button.setAccessibleName(tip.partition(" (")[0])
            button.setToolTip(tip)
            button.setProperty("icon_name", name)
            button.clicked.connect(lambda _=False, name=name: self.step_asked.emit(name))
            self._buttons.append(button)
        self._play = self._buttons[2]
        self._status, self._progress = QtWidgets.QLabel(), QtWidgets.QProgressBar()
        self._status.setAccessibleName("Status")
        self._progress.setAccessibleName("Progress")
        self._progress.setTextVisible(False)
        self._progress.setFixedSize(180, 6)
        fill_bar(self, *self._buttons, 12, self._status, self._progress)

    def show_state(self, state: PanelState) -> None:
        """Show what can be done and what is being done."""
        self._show_status(state)
        for button in self._buttons:
            button.setEnabled(state.shot is not None)
        if self._play.property("playing") != state.is_playing:
            self._play.setProperty("playing", state.is_playing)
            self._play.setIcon(icon("pause" if state.is_playing else "play", self))

    def refresh_icons(self) -> None:
        """Draw icons anew, after the theme has changed."""
        for button in self._buttons:
            button.setIcon(icon(str(button.property("icon_name")), self))
            button.setIconSize(QtCore.QSize(18, 18))
        self._play.setProperty("playing", None)

    def _show_status(self, state: PanelState) -> None:
        job = state.job
        self._progress.setVisible(job is not None)
        if job is not None:
            share = job.share
            self._progress.setRange(0, 0 if share is None else 1000)
            self._progress.setValue(round((share or 0) * 1000))
            self._status.setText(job.sentence)
        else:
            self._status.setText(_place_text(state))


def _place_text(state: PanelState) -> str:
    if state.shot is None:
        return ""
    count = state.last - state.first + 1
    followed = f"Following {state.follows}   " if state.follows else ""
    at_hand = f"{len(state.results)} results at hand"
    return f"{followed}Frame {state.frame}   range {state.first}–{state.last} ({count})   {at_hand}"
