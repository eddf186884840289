"""The bar at the top: opening, reloading, exporting, and on its right what is published and how the backend does.

Here: its buttons and menus. Not here: dialogs (``dialogs.py``), badge and strip, which are given.
"""

from __future__ import annotations

from propainter_ui.qt import QAction, QtWidgets, Signal
from propainter_ui.shot.export import EXPORT_NAMES, ExportKind
from propainter_ui.state.panel_state import PanelState
from propainter_ui.widgets.parts import fill_bar, menu_button


class FileBar(QtWidgets.QFrame):
    """Asks for files to be opened and written. right: what stands on its right."""

    open_asked = Signal(str)
    """plate, matte or clean."""
    drop_clean_asked = Signal()
    reload_asked = Signal()
    export_asked = Signal(str)
    """An ``ExportKind``."""

    def __init__(self, *right: QtWidgets.QWidget | int) -> None:
        super().__init__()
        self.export = menu_button("Export", "Write the result of the range as files")
        self._export_actions = {kind: self._export_action(kind) for kind in EXPORT_NAMES}
        self.export.menu().addActions(list(self._export_actions.values()))
        self._open = menu_button("Open", "Open a plate, a matte or a clean plate")
        for name, what in (("Plate", "plate"), ("Matte", "matte"), ("Clean plate", "clean")):
            action = self._open.menu().addAction(f"{name}: any frame, or a video …")
            action.triggered.connect(lambda _=False, what=what: self.open_asked.emit(what))
        self._open_clean = action
        self._drop_clean = self._open.menu().addAction("Do without the clean plate")
        self._drop_clean.triggered.connect(lambda: self.drop_clean_asked.emit())
        self._reload = QtWidgets.QPushButton("Reload")
        self._reload.setAccessibleName("Reload files")
        self._reload.setToolTip("Read all files anew (R); what did not change stays cached")
        self._reload.clicked.connect(lambda: self.reload_asked.emit())
        fill_bar(self, self._open, self._reload, self.export, None, *right, name="strip")

    def show_state(self, state: PanelState) -> None:
        """Show what can be opened, left out and exported."""
        self.export.setEnabled(state.can_render)
        self._reload.setEnabled(state.shot is not None)
        self._open_clean.setEnabled(state.shot is not None)
        self._drop_clean.setEnabled(state.shot is not None and bool(state.shot.clean))
        for kind, action in self._export_actions.items():
            action.setEnabled(kind != "report" or bool(state.report))

    def _export_action(self, kind: ExportKind) -> QAction:
        action = QAction(f"{EXPORT_NAMES[kind]} …", self)
        action.triggered.connect(lambda _=False: self.export_asked.emit(kind))
        return action
