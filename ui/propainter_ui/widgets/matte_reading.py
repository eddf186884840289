"""How the shot's matte is read: which channel of it counts, and whether its black is removed.

Here: two controls of the settings page. Not here: where they stand (``settings.py``), reading (``shot/shot_files.py``).
"""

from __future__ import annotations

from propainter_knobs.controls import CONTROL_BY_NAME
from propainter_pictures.mattes import MatteReading
from propainter_ui.qt import QtCore, QtWidgets, Signal
from propainter_ui.state.panel_state import PanelState
from propainter_ui.widgets.parts import Quiet

_NAMES = {"auto": "Auto", "alpha": "Alpha", "luma": "Luma"}
_HELP = (
    "The channel of the matte that counts: white is removed. Auto takes an alpha that holds anything, else luma. "
    "A matte of one channel leaves no choice."
)
_UNREAD = "choose the channel"


class MatteReadingControls(QtCore.QObject):
    """Shows how the matte is read and asks for another way."""

    asked = Signal(str, object)
    """The matte's path and a ``MatteReading``."""

    def __init__(self, parent: QtWidgets.QWidget) -> None:
        super().__init__(parent)
        self._state = PanelState()
        self.channel = QtWidgets.QComboBox()
        self.channel.setAccessibleName(CONTROL_BY_NAME["matte_channel"].label)
        self.channel.setToolTip(_HELP)
        self.channel.setSizeAdjustPolicy(QtWidgets.QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.invert = QtWidgets.QCheckBox(CONTROL_BY_NAME["invert_matte"].label)
        self.invert.setAccessibleName(self.invert.text())
        self.invert.setToolTip(CONTROL_BY_NAME["invert_matte"].help)
        self.channel.activated.connect(lambda _: self._ask())
        self.invert.clicked.connect(lambda _: self._ask())

    def show_state(self, state: PanelState) -> None:
        """Show how the matte is read, or that it has to be said how."""
        self._state = state
        shot, unread = state.shot, state.unread
        offered = unread.channels if unread is not None else shot.matte_channels if shot is not None else ()
        wanted = "" if unread is not None else shot.matte_channel if shot is not None else "auto"
        if unread is not None:
            choices = [("", _UNREAD), *((name, _NAMES.get(name, name)) for name in offered if name != "auto")]
        else:
            choices = [(name, _NAMES.get(name, name)) for name in offered or ("auto",)]
            if wanted not in dict(choices):  # another file has this one's channel no more
                choices.append((wanted, wanted))
        with Quiet(self.channel):
            if choices != [(self.channel.itemData(i), self.channel.itemText(i)) for i in range(self.channel.count())]:
                self.channel.clear()
                for name, text in choices:
                    self.channel.addItem(text, name)
            self.channel.setCurrentIndex(self.channel.findData(wanted))
        self.channel.setEnabled(len(choices) > 1)
        self.invert.setEnabled(shot is not None and bool(shot.matte))
        self.invert.setChecked(shot is not None and shot.is_inverted)

    def _ask(self) -> None:
        shot, unread = self._state.shot, self._state.unread
        channel = self.channel.currentData()
        path = unread.path if unread is not None else shot.matte if shot is not None else ""
        if path and channel:
            is_inverted = self.invert.isChecked() and unread is None
            self.asked.emit(path, MatteReading(channel, is_inverted=is_inverted))
