"""The bar at the top: opening, reloading, exporting, and on its right what is published and how the backend does.

Here: its buttons and menu. Not here: dialogs (``dialogs.py``), badge and strip, which are given.
"""

from __future__ import annotations

from propainter_ui.qt import QtWidgets, Signal
from propainter_ui.state.panel_state import PanelState
from propainter_ui.widgets.parts import fill_bar, menu_button


class FileBar(QtWidgets.QFrame):
    """Asks for files to be opened and written. right: what stands on its right."""

    open_asked = Signal(str)
    """any, plate, matte or clean."""
    sample_asked = Signal()
    drop_clean_asked = Signal()
    reload_asked = Signal()
    export_asked = Signal()

    def __init__(self, *right: QtWidgets.QWidget | int) -> None:
        super().__init__()
        self.export = QtWidgets.QPushButton("Export …")
        self.export.setAccessibleName("Export")
        self.export.setToolTip("Write the result of the range as files (Ctrl+E)")
        self.export.clicked.connect(lambda: self.export_asked.emit())
        self._open = menu_button("Open", "Open a plate, a matte or a clean plate (Ctrl+O)")
        menu = self._open.menu()
        menu.addAction("Plate and matte …").triggered.connect(lambda: self.open_asked.emit("any"))
        menu.addAction("Sample shot").triggered.connect(lambda: self.sample_asked.emit())
        menu.addSeparator()
        actions = {}
        for name, what in (("Plate", "plate"), ("Matte", "matte"), ("Clean plate", "clean")):
            actions[what] = menu.addAction(f"{name}: any frame, or a video …")
            actions[what].triggered.connect(lambda _=False, what=what: self.open_asked.emit(what))
        self._needs_shot = (actions["matte"], actions["clean"])
        self._drop_clean = menu.addAction("Remove clean plate")
        self._drop_clean.triggered.connect(lambda: self.drop_clean_asked.emit())
        self._reload = QtWidgets.QPushButton("Reload")
        self._reload.setAccessibleName("Reload files")
        self._reload.setToolTip("Read all files again (Ctrl+R). What did not change stays cached.")
        self._reload.clicked.connect(lambda: self.reload_asked.emit())
        fill_bar(self, self._open, self._reload, self.export, None, *right, name="strip")

    def show_state(self, state: PanelState) -> None:
        """Show what can be opened, left out and exported."""
        self.export.setEnabled(state.can_render)
        self._reload.setEnabled(state.shot is not None)
        for action in self._needs_shot:
            action.setEnabled(state.shot is not None)
        self._drop_clean.setEnabled(state.shot is not None and bool(state.shot.clean))
