"""The bar below the viewer: which view, compared with what, how light, how large.

Here: its controls. Not here: the picture (``viewer.py``).
"""

from __future__ import annotations

from collections.abc import Mapping

from propainter_ui.qt import Qt, QtWidgets, Signal
from propainter_ui.state.panel_state import VIEW_NAMES, VIEWS, PanelState, View
from propainter_ui.widgets.parts import fill_bar, number, show_number, toggle

_VIEW_HELP: Mapping[View, str] = {
    "plate": "The plate",
    "matte": "The matte in red, the hole it makes outlined",
    "result": "The result",
    "unseen": "Magenta: what no frame ever showed, so it was invented",
    "difference": "Result minus plate, four times as strong",
    "grain_free": "The result, its fill without grain: what is left to those who regrain it themselves",
}


class ViewBar(QtWidgets.QFrame):
    """Asks for views and comparisons; its public controls are connected by the panel."""

    view_asked = Signal(str)
    against_asked = Signal(str)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._view_buttons: dict[View, QtWidgets.QToolButton] = {}
        for key, view in enumerate(VIEWS, start=1):
            button = QtWidgets.QToolButton()
            button.setText(VIEW_NAMES[view])
            button.setCheckable(True)
            button.setAccessibleName(f"View: {VIEW_NAMES[view]}")
            button.setToolTip(f"{_VIEW_HELP[view]} ({key})")
            button.clicked.connect(lambda _=False, view=view: self.view_asked.emit(view))
            self._view_buttons[view] = button
        self.wipe = toggle("Wipe", "Compare: drag the line in the picture (W)")
        self._against = QtWidgets.QComboBox()
        self._against.setAccessibleName("Compare with")
        self._against.addItem("against plate", "plate")
        self._against.addItem("against previous result", "previous")
        self.previous = toggle("A/B", "The result before the last change of settings, and back (B)")
        self.exposure = number("Exposure, stops", -10, 10, 0.25, "EV ")
        self.gamma = number("Gamma", 0.2, 4, 0.1, "γ ")
        self.zoom = QtWidgets.QToolButton()
        self.zoom.setText("Fit")
        self.zoom.setMinimumWidth(64)
        self.zoom.setAccessibleName("Fit picture to viewer")
        self.zoom.setToolTip("Show the whole picture (F); wheel zooms, middle button pans, + and - zoom")
        self.pointed = QtWidgets.QLabel()
        self.pointed.setObjectName("dim")
        self.pointed.setAccessibleName("Colour under the pointer")
        self.pointed.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.pointed.setSizePolicy(QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Preferred)
        self._against.activated.connect(lambda _: self.against_asked.emit(self._against.currentData()))
        fill_bar(
            self, *self._view_buttons.values(), 8, self.wipe, self._against, self.previous, self.pointed, 8,
            self.exposure, self.gamma, self.zoom,
        )  # fmt: skip

    def show_state(self, state: PanelState) -> None:
        """Show view, comparison and how light the picture is."""
        for view, button in self._view_buttons.items():
            button.setChecked(view == state.view)
        self.wipe.setChecked(state.wipe is not None)
        self._against.setVisible(state.wipe is not None and bool(state.previous_results))
        if self._against.currentData() != state.against:
            self._against.setCurrentIndex(self._against.findData(state.against))
        self.previous.setChecked(state.shows_previous)
        self.previous.setEnabled(bool(state.previous_results))
        for box, value in ((self.exposure, state.exposure), (self.gamma, state.gamma)):
            if box.value() != value:
                show_number(box, value)

    def show_zoom(self, zoom: float | None) -> None:
        """Say how large the picture is; None: there is none."""
        self.zoom.setText(f"{zoom * 100:.0f} %" if zoom is not None else "Fit")
