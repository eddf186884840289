"""The bar below the viewer: which view, compared with what, which channel, how light, how large.

Here: its controls. Not here: the picture (``viewer.py``), keys (``commands.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from propainter_ui.qt import Qt, QtGui, QtWidgets, Signal
from propainter_ui.state.panel_state import AGAINST_NAMES, VIEW_NAMES, VIEWS, Isolated, PanelState, View
from propainter_ui.widgets.flow import FlowLayout, group_of
from propainter_ui.widgets.parts import number, show_number, toggle

_VIEW_HELP: Mapping[View, str] = {
    "plate": "The plate",
    "matte": "The matte in red; in yellow what Grow adds, fading as Feather says, and the hole's outline",
    "result": "The result",
    "unseen": "Magenta: what no frame ever showed, so it was invented",
    "difference": "Result minus plate, four times as strong",
    "grain_free": "The result, its fill without grain: what is left to those who regrain it themselves",
    "alpha": "The matte in black and white: white is removed",
    "edge": "The plate as it is, with a line around the matte",
    "hole": "What threshold, grow and feather make of the matte: how much of the fill each pixel takes",
}
_CHANNEL_NAMES: Mapping[Isolated, str] = {"R": "Red", "G": "Green", "B": "Blue", "A": "Alpha"}


_FOLDED_BELOW = 640
"""Pixels of width: on a narrower bar the views are a list, so that the picture keeps its height."""


class ViewBar(QtWidgets.QFrame):
    """Asks for views and comparisons; its public controls are connected by the panel."""

    view_asked = Signal(str)
    against_asked = Signal(str)
    channel_asked = Signal(str)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("bar")
        self._view_buttons = {view: self._view_button(key, view) for key, view in enumerate(VIEWS, start=1)}
        self._folded = QtWidgets.QComboBox()
        self._folded.setAccessibleName("View")
        self._folded.setToolTip("What is shown; the keys 1 to 9 choose, too")
        for view in VIEWS:
            self._folded.addItem(VIEW_NAMES[view], view)
        self._folded.activated.connect(lambda _: self.view_asked.emit(self._folded.currentData()))
        self._channel_buttons = {name: self._channel_button(name) for name in get_args(Isolated) if name}
        self.wipe = toggle("Wipe", "Compare two pictures: drag the line to move it, its round end to turn it (W)")
        self._against = QtWidgets.QComboBox()
        self._against.setAccessibleName("Left of the wipe")
        self._against.setToolTip("The picture left of the wipe; the view you choose is right of it")
        for against, name in AGAINST_NAMES.items():
            self._against.addItem(f"left: {name}", against)
        self.previous = toggle("A/B", "The result before the last change of settings, and back (C)")
        self.onion = toggle("Onion", "Outlines of the key mattes before (blue) and after (orange) this frame (Shift+O)")
        self.onion.setAccessibleName("Onion skin")
        self.exposure = number("Exposure, stops", -10, 10, 0.25, "EV ")
        self.gamma = number("Gamma", 0.2, 4, 0.1, "γ ")
        self.zoom = QtWidgets.QToolButton()
        self.zoom.setText("Fit")
        self.zoom.setMinimumWidth(56)
        self.zoom.setAccessibleName("Fit picture to viewer")
        self.zoom.setToolTip("Show the whole picture (F); wheel zooms, middle button pans, + and - zoom")
        self.pointed = QtWidgets.QLabel()
        self.pointed.setObjectName("dim")
        self.pointed.setAccessibleName("Colour under the pointer")
        self.pointed.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.pointed.setMinimumHeight(self.zoom.sizeHint().height())  # level with the buttons of its row
        self.pointed.setFixedWidth(self.fontMetrics().horizontalAdvance("0000, 0000   R 000  G 000  B 000") + 12)
        self._against.activated.connect(lambda _: self.against_asked.emit(self._against.currentData()))
        self._lay_out()

    def _lay_out(self) -> None:
        row = FlowLayout(self, spacing=4, margins=(10, 5, 10, 5))
        for button in self._view_buttons.values():
            row.addWidget(button)
        row.addWidget(self._folded)
        for group in (
            self._channel_buttons.values(), (self.wipe, self._against, self.previous), (self.onion,),
            (self.exposure, self.gamma, self.zoom), (self.pointed,),
        ):  # fmt: skip
            row.addWidget(group_of(*group))
        self._fold(is_folded=False)

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:
        """Qt's: another width."""
        super().resizeEvent(event)
        self._fold(is_folded=event.size().width() < _FOLDED_BELOW)

    def _fold(self, *, is_folded: bool) -> None:
        """The views as a list, or a button each."""
        self._folded.setVisible(is_folded)
        for button in self._view_buttons.values():
            button.setVisible(not is_folded)

    def _view_button(self, key: int, view: View) -> QtWidgets.QToolButton:
        button = toggle(VIEW_NAMES[view], f"{_VIEW_HELP[view]} ({key})")
        button.setAccessibleName(f"View: {VIEW_NAMES[view]}")
        button.clicked.connect(lambda: self.view_asked.emit(view))
        return button

    def _channel_button(self, channel: Isolated) -> QtWidgets.QToolButton:
        name = _CHANNEL_NAMES[channel]
        button = toggle(channel, f"{name} alone, and back ({channel})")
        button.setAccessibleName(f"{name} channel alone")
        button.setFixedWidth(26)
        button.clicked.connect(lambda: self.channel_asked.emit(channel))
        return button

    def show_state(self, state: PanelState) -> None:
        """Show view, comparison and how light the picture is."""
        for view, button in self._view_buttons.items():
            button.setChecked(view == state.view)
        self._folded.setCurrentIndex(self._folded.findData(state.view))
        for channel, button in self._channel_buttons.items():
            button.setChecked(channel == state.isolated)
        self.wipe.setChecked(state.wipe is not None)
        self._against.setEnabled(state.wipe is not None)
        if self._against.currentData() != state.against:
            self._against.setCurrentIndex(self._against.findData(state.against))
        self.previous.setChecked(state.shows_previous)
        self.previous.setEnabled(bool(state.previous_results))
        self.onion.setChecked(state.onion)
        self.onion.setEnabled(state.drawn is not None)
        for box, value in ((self.exposure, state.exposure), (self.gamma, state.gamma)):
            if box.value() != value:
                show_number(box, value)

    def show_zoom(self, zoom: float | None) -> None:
        """Say how large the picture is; None: there is none."""
        self.zoom.setText(f"{zoom * 100:.0f} %" if zoom is not None else "Fit")
