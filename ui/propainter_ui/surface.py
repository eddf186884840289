"""What the whole panel takes that none of its controls took: keys of the focused control, Return, dropped files.

Here: ``Surface``, the widget the panel is. Not here: hotkeys (``commands.py``), whose keys are whose (``keys.py``), what a
drop means (``shot/shot_files.py``).
"""

from __future__ import annotations

from typing import cast

from propainter_ui.keys import belongs_to, press_focused
from propainter_ui.qt import Qt, QtCore, QtGui, QtWidgets, Signal


class Surface(QtWidgets.QWidget):
    """A widget whose controls keep their keys, and on which files may be dropped anywhere."""

    dropped = Signal(list)
    """Paths."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAcceptDrops(True)

    def event(self, event: QtCore.QEvent) -> bool:
        is_key = event.type() == QtCore.QEvent.Type.ShortcutOverride and isinstance(event, QtGui.QKeyEvent)
        if is_key and belongs_to(QtWidgets.QApplication.focusWidget(), cast(QtGui.QKeyEvent, event)):
            event.accept()  # the control gets the key, and no hotkey does
            return True
        return super().event(event)

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        is_return = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if not (is_return and not event.isAutoRepeat() and press_focused()):
            super().keyPressEvent(event)

    def dragEnterEvent(self, event: QtGui.QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QtGui.QDropEvent) -> None:
        paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.dropped.emit(paths)
