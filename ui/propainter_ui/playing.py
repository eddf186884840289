"""Playing the range at the shot's own speed, or as fast as pictures come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from propainter_ui.qt import Qt, QtCore
from propainter_ui.screen import Screen
from propainter_ui.state import changes
from propainter_ui.state.panel_state import PanelState


class Player(QtCore.QObject):
    """Moves the playhead on while the range plays. state: gives the panel's state as it is now; change: makes it another."""

    def __init__(
        self,
        state: Callable[[], PanelState],
        change: Callable[[PanelState], None],
        *,
        screen: Screen,
        parent: QtCore.QObject,
    ) -> None:
        super().__init__(parent)
        self._state = state
        self._change = change
        self._screen = screen
        self._timer = QtCore.QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._play_on)

    def toggle(self) -> None:
        """Play the range, or stop."""
        state = self._state()
        is_playing = not state.is_playing and state.shot is not None
        self._change(replace(state, is_playing=is_playing))
        if is_playing and state.shot is not None:
            self._timer.start(max(1, round(1000 / state.shot.fps)))
        else:
            self._timer.stop()

    def stop(self) -> None:
        """End with the panel."""
        self._timer.stop()

    def _play_on(self) -> None:
        if not self._screen.pending:  # every frame is shown; a slow disk makes it slower, not jumpy
            self._screen.direction = 1
            self._change(changes.played_on(self._state()))
