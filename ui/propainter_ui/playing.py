"""Playing the range at the speed that was chosen, or as fast as pictures come.

Here: ``Player``, its clock, and the speed it really reaches. Not here: which frame follows (``state/changes.py``), the
buttons (``widgets/transport.py``).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from propainter_ui.qt import Qt, QtCore, Signal
from propainter_ui.screen import Screen
from propainter_ui.state import changes
from propainter_ui.state.panel_state import PanelState
from propainter_ui.state.shown import play_rate

_MEASURED = 24
"""Frames the reached speed is measured over."""
_RETRY_S = 0.004
_LATE_S = 0.25
"""Further behind than this, the clock starts anew instead of hurrying."""


class Player(QtCore.QObject):
    """Moves the playhead on while the range plays. state: gives the panel's state as it is now; change: makes it another."""

    rate_reached = Signal(object)
    """Frames a second shown lately; None: nothing plays."""

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
        self._step = 1
        self._due = 0.0
        self._shown: deque[float] = deque(maxlen=_MEASURED + 1)
        self._timer = QtCore.QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._play_on)

    def toggle(self) -> None:
        """Play the range forward, or stop."""
        if self._state().is_playing:
            self.stop()
        else:
            self.play(1)

    def play(self, step: int) -> None:
        """Play the range, forward (1) or backward (-1)."""
        if self._state().shot is None:
            return
        self._step = step
        self._shown.clear()
        self._due = time.perf_counter() + self._pause_s()
        self._change(replace(self._state(), is_playing=True))
        self._wait()

    def stop(self) -> None:
        """Stop where the playhead is."""
        self._timer.stop()
        if self._state().is_playing:
            self._change(replace(self._state(), is_playing=False))
        self.rate_reached.emit(None)

    def _pause_s(self) -> float:
        return 1 / play_rate(self._state())

    def _wait(self) -> None:
        self._timer.start(max(0, round((self._due - time.perf_counter()) * 1000)))

    def _play_on(self) -> None:
        if not self._state().is_playing:  # something else stopped it: a render, another shot
            self.rate_reached.emit(None)
            return
        now = time.perf_counter()
        if self._screen.pending:  # every frame is shown; a slow disk makes it slower, not jumpy
            self._timer.start(round(_RETRY_S * 1000))
            return
        self._screen.direction = self._step
        self._change(changes.played_on(self._state(), self._step))
        self._tell_rate(now)
        self._due = now + self._pause_s() if now - self._due > _LATE_S else self._due + self._pause_s()
        self._wait()

    def _tell_rate(self, now: float) -> None:
        self._shown.append(now)
        passed = self._shown[-1] - self._shown[0]
        if len(self._shown) > 2 and passed > 0:
            self.rate_reached.emit((len(self._shown) - 1) / passed)
