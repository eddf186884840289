"""The window of the panel standing alone: its menu, its place on the desktop.

Here: ``Window``. Not here: the panel (``panel.py``), the application (``__main__.py``).
"""

from __future__ import annotations

from collections.abc import Callable

from propainter_ui.look import COLOURS
from propainter_ui.panel import Panel
from propainter_ui.qt import QAction, QActionGroup, QtGui, QtWidgets
from propainter_ui.quitting import Quitting
from propainter_ui.remembered import Remembered


class Window(QtWidgets.QMainWindow):
    """The panel standing alone."""

    def __init__(self, *, remembered: Remembered, set_theme: Callable[[str], None], theme: str) -> None:
        super().__init__()
        self.setWindowTitle("ProPainter Remove")
        self._remembered = remembered
        self._set_theme = set_theme
        self.panel = Panel(remembered=remembered)
        self.setCentralWidget(self.panel)
        self._quitting = Quitting(self, lambda: self.panel.state, self._leave)
        self.resize(1360, 860)
        geometry = remembered.bytes("geometry")
        if geometry is not None:
            self.restoreGeometry(geometry)
        self._make_menu(theme)

    def _make_menu(self, theme: str) -> None:
        self.panel.editing.fill_menu(self.menuBar().addMenu("&Edit"))
        menu = self.menuBar().addMenu("&View")
        group = QActionGroup(self)
        for name in ("system", *COLOURS):
            action = QAction(f"{name.capitalize()} colours", self)
            action.setCheckable(True)
            action.setChecked(name == theme)
            action.triggered.connect(lambda _=False, name=name: self._choose_theme(name))
            group.addAction(action)
            menu.addAction(action)

    def _choose_theme(self, name: str) -> None:
        self._set_theme(name)
        self._remembered.keep("theme", name)
        self.panel.refresh_icons()

    def _leave(self) -> None:
        self.close()
        QtWidgets.QApplication.quit()  # a hidden window is not the last one that closes

    def closeEvent(self, event: QtGui.QCloseEvent) -> None:
        if not self._quitting.may_close():
            event.ignore()
            return
        self._remembered.keep("geometry", self.saveGeometry())
        self.panel.close_panel()
        super().closeEvent(event)
