"""What a render would cost, and the buttons that begin it: below the pages, on the screen whichever is open.

Here: ``CostCard``. Not here: the settings (``settings.py``), working the cost out (``state/forecast.py``).
"""

from __future__ import annotations

from propainter_ui.qt import Qt, QtCore, QtWidgets, Signal
from propainter_ui.state.forecast import estimate_of
from propainter_ui.state.panel_state import PanelState
from propainter_ui.state.shown import render_label

_ESTIMATE_MS = 30
_WATCHED = ("settings", "quality", "bands", "shot", "first", "last", "rates", "engine", "daemon", "applied")
"""What of the state the cost depends on."""


class CostCard(QtWidgets.QFrame):
    """Shows what a render would cost, and asks for it."""

    apply_asked = Signal()
    revert_asked = Signal()
    render_asked = Signal()
    cancel_asked = Signal()

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("bar")
        self._state = PanelState()
        self._later = QtCore.QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(_ESTIMATE_MS)
        self._later.timeout.connect(self._show_estimate)
        self._lay_out()
        self._apply.clicked.connect(lambda: self.apply_asked.emit())
        self._revert.clicked.connect(lambda: self.revert_asked.emit())
        self._render.clicked.connect(self._ask_render)

    def _lay_out(self) -> None:
        grid = QtWidgets.QGridLayout(self)
        grid.setContentsMargins(14, 10, 14, 12)
        for column, share in ((1, 3), (3, 2)):
            grid.setColumnStretch(column, share)
        self._work, self._time, self._memory = (QtWidgets.QLabel("–") for _ in range(3))
        texts = ("To redo", self._work, 0, 0, 3), ("Time", self._time, 1, 0, 1), ("Memory", self._memory, 1, 2, 1)
        for text, label, line, column, span in texts:
            caption = QtWidgets.QLabel(text)
            caption.setObjectName("dim")
            label.setWordWrap(True)
            label.setAlignment(Qt.AlignmentFlag.AlignTop)
            label.setMinimumHeight(label.fontMetrics().height() + 2)
            label.setAccessibleName(f"Estimate: {text}")
            grid.addWidget(caption, line, column, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(label, line, column + 1, 1, span)
        grid.setColumnMinimumWidth(0, 60)
        self._apply, self._revert = QtWidgets.QPushButton("Apply"), QtWidgets.QPushButton("Revert")
        self._apply.setToolTip("Take these settings: see what stays valid, render nothing")
        self._revert.setToolTip("Back to the settings applied last")
        self._apply.setAccessibleName("Apply settings")
        self._revert.setAccessibleName("Revert settings")
        self._render = QtWidgets.QPushButton("Render")
        self._render.setObjectName("primary")
        buttons = QtWidgets.QHBoxLayout()
        buttons.addWidget(self._revert, 1)
        buttons.addWidget(self._apply, 1)
        grid.addLayout(buttons, 2, 0, 1, 4)
        grid.addWidget(self._render, 3, 0, 1, 4)

    def show_state(self, state: PanelState) -> None:
        """Show what can be asked for at once; what it costs a moment later, so that a moving slider need not wait for it."""
        old, self._state = self._state, state
        if any(getattr(state, name) is not getattr(old, name) for name in _WATCHED):
            self._later.start()
        self._render.setText(render_label(state) if state.is_free else "Cancel")
        self._render.setAccessibleName(self._render.text())
        self._render.setEnabled(not state.is_free or state.can_render)
        self._render.setToolTip("" if state.can_render or not state.is_free else "Open a plate and its matte first")
        self._apply.setEnabled(state.can_apply)
        self._revert.setEnabled(state.is_edited)

    def _show_estimate(self) -> None:
        estimate = estimate_of(self._state)
        for label, text in (
            (self._work, estimate.work if estimate else "–"),
            (self._time, estimate.time if estimate else "–"),
            (self._memory, estimate.memory if estimate else "–"),
        ):
            label.setText(text)

    def _ask_render(self) -> None:
        (self.render_asked if self._state.is_free else self.cancel_asked).emit()
