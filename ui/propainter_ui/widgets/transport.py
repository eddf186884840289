"""The bar above the timeline: stepping, playing and its speed, and what is going on.

Here: its buttons, the status line and the progress. Not here: keys (``commands.py``), the frames (``timeline.py``), the
clock (``playing.py``).
"""

from __future__ import annotations

from propainter_ui.look import icon
from propainter_ui.qt import QtCore, QtWidgets, Signal
from propainter_ui.state.panel_state import PanelState
from propainter_ui.state.shown import play_rate
from propainter_ui.widgets.parts import fill_bar, name_style, show_number


class Transport(QtWidgets.QFrame):
    """Asks for steps, shows the panel's own work."""

    step_asked = Signal(str)
    """first, previous, play, next or last."""
    rate_asked = Signal(object)
    """Frames a second to play at; None: the shot's own."""

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
        self._rate = QtWidgets.QDoubleSpinBox()
        self._rate.setRange(1, 240)
        self._rate.setDecimals(3)
        self._rate.setSuffix(" fps")
        self._rate.setKeyboardTracking(False)
        self._rate.setFixedWidth(86)
        self._rate.setAccessibleName("Playback rate, frames a second")
        self._rate.setToolTip("Playback rate; the viewer's alone. The shot's own rate is where it begins.")
        self._rate.valueChanged.connect(self._ask_rate)
        self._own_fps = 24.0
        self._reached = QtWidgets.QLabel("–")
        self._reached.setObjectName("dim")
        self._reached.setAccessibleName("Rate reached")
        self._reached.setToolTip("Frames a second really shown. Red: slower than you asked for.")
        self._reached.setFixedWidth(self._reached.fontMetrics().horizontalAdvance("240.0 shown") + 6)
        self._status, self._progress = QtWidgets.QLabel(), QtWidgets.QProgressBar()
        self._status.setAccessibleName("Status")
        self._progress.setAccessibleName("Progress")
        self._progress.setTextVisible(False)
        self._progress.setFixedSize(120, 6)
        self._status.setSizePolicy(QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Preferred)
        fill_bar(self, *self._buttons, 8, self._rate, self._reached, 8, self._status, self._progress)

    def show_state(self, state: PanelState) -> None:
        """Show what can be done and what is being done."""
        self._show_status(state)
        for button in self._buttons:
            button.setEnabled(state.shot is not None)
        self._rate.setEnabled(state.shot is not None)
        self._own_fps = state.shot.fps if state.shot is not None else 24.0
        wanted = play_rate(state)
        if abs(self._rate.value() - wanted) > 0.0005:
            show_number(self._rate, wanted)
        if self._play.property("playing") != state.is_playing:
            self._play.setProperty("playing", state.is_playing)
            self._play.setIcon(icon("pause" if state.is_playing else "play", self))

    def show_rate(self, reached: float | None) -> None:
        """Say how many frames a second are shown; None: nothing plays."""
        is_slow = reached is not None and reached < 0.95 * self._rate.value()
        self._reached.setText("–" if reached is None else f"{reached:.1f} shown")
        name_style(self._reached, "error" if is_slow else "dim")

    def _ask_rate(self, fps: float) -> None:
        self.rate_asked.emit(None if abs(fps - self._own_fps) < 0.0005 else fps)

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
        text = job.sentence if job is not None else _place_text(state)
        self._status.setText(text)
        self._status.setToolTip(text)  # a narrow window cuts it


def _place_text(state: PanelState) -> str:
    if state.shot is None:
        return ""
    count = state.last - state.first + 1
    followed = f"Following {state.follows}   " if state.follows else ""
    at_hand = f"{len(state.results)} result{'s' * (len(state.results) != 1)} at hand"
    return f"{followed}Frame {state.frame}   range {state.first}–{state.last} ({count})   {at_hand}"
