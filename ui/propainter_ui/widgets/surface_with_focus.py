"""What picture and timeline have in common: a ring while Tab has brought the focus, and Return that confirms.

Here: ``SurfaceWithFocus``. Not here: what each paints and what Return does (``viewer.py``, ``timeline.py``, ``wiring.py``).
"""

from __future__ import annotations

from propainter_ui.keys import came_by_tab
from propainter_ui.qt import Qt, QtGui, QtWidgets, Signal


class SurfaceWithFocus(QtWidgets.QWidget):
    """A widget that paints itself and can have the focus."""

    confirmed = Signal()
    """Return was pressed on it."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._has_tabbed_focus = False

    def focusInEvent(self, event: QtGui.QFocusEvent) -> None:
        super().focusInEvent(event)
        self._has_tabbed_focus = came_by_tab(event)
        self.update()

    def focusOutEvent(self, event: QtGui.QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._has_tabbed_focus = False
        self.update()

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.isAutoRepeat():
            self.confirmed.emit()
        else:
            super().keyPressEvent(event)
