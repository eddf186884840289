"""The window of the panel standing alone: its menus, its title, its place on the desktop.

Here: ``Window``. Not here: the panel (``panel.py``), what the menus hold (``menus.py``), the application (``__main__.py``).
"""

from __future__ import annotations

from collections.abc import Callable

from propainter_ui.first_run.page import FirstRunPage
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
        self._setup: FirstRunPage | None = None
        self._pages = QtWidgets.QStackedWidget()
        self._pages.addWidget(self.panel)
        self.setCentralWidget(self._pages)
        self._show_title(self.panel.state)
        self.panel.state_shown.connect(self._show_title)
        fill_menu_bar(
            self.menuBar(), self.panel, theme=theme, choose_theme=self._choose_theme, show_setup=self.show_setup
        )
        self._quitting = Quitting(self, self._at_stake, self._leave)
        self._take_place()

    @property
    def setup(self) -> FirstRunPage | None:
        """The first window's page while it is shown."""
        return self._setup if self._pages.currentWidget() is self._setup else None

    def show_setup(self) -> None:
        """The first window, in place of the panel: its keys and menus rest meanwhile."""
        if self._setup is None:
            self._setup = FirstRunPage()
            self._pages.addWidget(self._setup)
            self._setup.sample_asked.connect(lambda: self._leave_setup(self.panel.files.open_sample))
            self._setup.open_asked.connect(lambda: self._leave_setup(lambda: self.panel.files.open_chosen("any")))
            self._setup.panel_asked.connect(lambda: self._leave_setup(lambda: None))
            self._setup.dropped.connect(lambda paths: self._leave_setup(lambda: self.panel.open_paths(paths)))
            self._setup.strip.start_asked.connect(self.panel.start_backend)
            self._setup.strip.stop_asked.connect(self.panel.stop_backend)
            self.panel.state_shown.connect(self._setup.show_state)
        else:
            self._setup.look()
        self._setup.show_state(self.panel.state)
        self._pages.setCurrentWidget(self._setup)
        self.menuBar().hide()
        self._setup.setFocus()

    def _leave_setup(self, then: Callable[[], object]) -> None:
        """From now on the panel comes first."""
        self._remembered.keep("setup", "seen")
        self._pages.setCurrentWidget(self.panel)
        self.menuBar().show()
        self.panel.take_focus()
        then()

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
        if self.setup is None:
            self.panel.take_focus()

    def closeEvent(self, event: QtGui.QCloseEvent) -> None:
        if not self._quitting.may_close():
            event.ignore()
            return
        self._remembered.keep("geometry", self.saveGeometry())
        if self._setup is not None:
            self._setup.close_page()
        self.panel.close_panel()
        super().closeEvent(event)
