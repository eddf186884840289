"""The window of the panel standing alone: its menus, its title, its place on the desktop.

Here: ``Window``. Not here: the panel (``panel.py``), what the menus hold (``menus.py``), the application (``__main__.py``).
"""

from __future__ import annotations

from collections.abc import Callable

from propainter_ui.menus import fill_menu_bar
from propainter_ui.panel import Panel
from propainter_ui.qt import QtGui, QtWidgets
from propainter_ui.quitting import Quitting
from propainter_ui.remembered import Remembered
from propainter_ui.state.panel_state import PanelState
from propainter_ui.state.shown import quitting_sentence, window_title

_SIZE = (1360, 860)


class Window(QtWidgets.QMainWindow):
    """The panel standing alone."""

    def __init__(self, *, remembered: Remembered, set_theme: Callable[[str], None], theme: str) -> None:
        super().__init__()
        self._remembered = remembered
        self._set_theme = set_theme
        self.panel = Panel(remembered=remembered)
        self.setCentralWidget(self.panel)
        self._show_title(self.panel.state)
        self.panel.state_shown.connect(self._show_title)
        fill_menu_bar(self.menuBar(), self.panel, theme=theme, choose_theme=self._choose_theme)
        self._quitting = Quitting(self, self._at_stake, self._leave)
        self._take_place()

    def _take_place(self) -> None:
        """As large as last time, and never larger than the screen."""
        screen = self.screen().availableSize()
        self.resize(min(_SIZE[0], screen.width()), min(_SIZE[1], screen.height()))
        geometry = self._remembered.bytes("geometry")
        if geometry is not None:
            self.restoreGeometry(geometry)

    def _show_title(self, state: PanelState) -> None:
        title = window_title(state)
        if self.windowTitle() != title:
            self.setWindowTitle(title)

    def _choose_theme(self, name: str) -> None:
        self._set_theme(name)
        self._remembered.keep("theme", name)
        self.panel.refresh_icons()

    def _at_stake(self) -> str:
        return quitting_sentence(self.panel.state, queued=self.panel.batch.unwritten)

    def _leave(self) -> None:
        self.close()
        QtWidgets.QApplication.quit()  # a hidden window is not the last one that closes

    def showEvent(self, event: QtGui.QShowEvent) -> None:
        super().showEvent(event)
        self.panel.take_focus()

    def closeEvent(self, event: QtGui.QCloseEvent) -> None:
        if not self._quitting.may_close():
            event.ignore()
            return
        self._remembered.keep("geometry", self.saveGeometry())
        self.panel.close_panel()
        super().closeEvent(event)
