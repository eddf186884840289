"""Publishing: a card below the settings, a badge in the title strip, the list of shots the backend knows.

Here: showing what is published and who follows, and asking to publish, withdraw and steer. Not here: what is published and
the sentences about it (``state/publishing.py``).
"""

from __future__ import annotations

from propainter_ui.qt import QtWidgets, Signal
from propainter_ui.state import publishing
from propainter_ui.state.panel_state import PanelState
from propainter_ui.widgets.parts import name_style
from propainter_wire.messages import ShotLine

_DEFAULT = "default"


class PublishCard(QtWidgets.QFrame):
    """Channel, how it stands, publish, withdraw."""

    channel_asked = Signal(str)
    publish_asked = Signal()
    withdraw_asked = Signal()

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("bar")
        self._channels: tuple[str, ...] = ()
        self._channel = QtWidgets.QComboBox()
        self._typed = QtWidgets.QLineEdit()
        self._channel.setLineEdit(self._typed)
        self._channel.setInsertPolicy(QtWidgets.QComboBox.InsertPolicy.NoInsert)
        self._channel.setAccessibleName("Channel")
        self._channel.setToolTip(
            "The name settings are published under: nodes with Follow panel on and this Panel name use them.\n"
            "Empty: the default channel."
        )
        self._typed.setPlaceholderText(_DEFAULT)
        self._text = QtWidgets.QLabel()
        self._text.setWordWrap(True)
        self._text.setAccessibleName("Published settings")
        self._publish, self._withdraw = QtWidgets.QPushButton(), QtWidgets.QPushButton("Withdraw")
        self._withdraw.setAccessibleName("Withdraw published settings")
        self._withdraw.setToolTip("Publish nothing: every node's own knobs count again")
        self._lay_out()
        self._channel.activated.connect(lambda _: self.channel_asked.emit(self._channel.currentData()))
        self._typed.editingFinished.connect(self._ask_channel)
        self._publish.clicked.connect(lambda: self.publish_asked.emit())
        self._withdraw.clicked.connect(lambda: self.withdraw_asked.emit())
        self.show_state(PanelState())

    def _lay_out(self) -> None:
        grid = QtWidgets.QGridLayout(self)
        grid.setContentsMargins(0, 8, 0, 8)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        caption = QtWidgets.QLabel("Publish to")
        caption.setObjectName("dim")
        caption.setMinimumWidth(60)
        caption.setBuddy(self._channel)
        grid.addWidget(caption, 0, 0)
        grid.addWidget(self._channel, 0, 1)
        grid.addWidget(self._publish, 0, 2)
        grid.addWidget(self._withdraw, 0, 3)
        grid.addWidget(self._text, 1, 0, 1, 4)

    def show_state(self, state: PanelState) -> None:
        """Show this state."""
        channels = publishing.channels_known(state)
        if channels != self._channels:
            self._list(channels)
        if not self._typed.hasFocus() or state.channel != self._channel.property("shown"):
            self._channel.setProperty("shown", state.channel)
            self._channel.setCurrentIndex(channels.index(state.channel))
            self._typed.setText(state.channel)
        sentence = publishing.publish_sentence(state)
        if self._text.text() != sentence:
            self._text.setText(sentence)
        name_style(self._text, "published" if publishing.is_published(state) else "dim")
        self._publish.setText(publishing.publish_label(state))
        self._publish.setAccessibleName(self._publish.text())
        self._publish.setEnabled(publishing.can_publish(state))
        self._publish.setToolTip("Nodes that follow this channel render with the settings of this page from then on")
        self._withdraw.setEnabled(publishing.is_published(state) and state.daemon.phase == "ready")

    def _list(self, channels: tuple[str, ...]) -> None:
        self._channels = channels
        typed, place = self._typed.text(), self._typed.cursorPosition()
        self._channel.clear()
        for channel in channels:
            self._channel.addItem(channel or _DEFAULT, channel)
        self._typed.setText(typed)
        self._typed.setCursorPosition(place)  # it may be being typed in

    def _ask_channel(self) -> None:
        typed = self._typed.text().strip()
        self.channel_asked.emit("" if typed == _DEFAULT else typed)


class PublishedBadge(QtWidgets.QPushButton):
    """Seen on every page for as long as something published counts in place of knobs."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("published")
        self.setAccessibleName("Published settings")
        self.hide()

    def show_state(self, state: PanelState) -> None:
        """Show this state."""
        text = publishing.badge_text(state)
        self.setVisible(bool(text))
        if text:
            self.setText(text)
            self.setAccessibleDescription(text)
            self.setToolTip(publishing.badge_help(state))


class KnownShots(QtWidgets.QWidget):
    """Shots open at the backend, every client's; one that follows can be steered."""

    steer_asked = Signal(object)
    """A ``ShotLine``."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._shots: tuple[ShotLine, ...] = ()
        self._texts: tuple[str, ...] = ()
        self._list = QtWidgets.QListWidget()
        self._list.setAccessibleName("Shots at the backend")
        self._list.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        self._list.setWordWrap(True)
        self._none = QtWidgets.QLabel("No shot is open. What any host or panel opens at this backend is listed here.")
        self._none.setObjectName("dim")
        self._none.setWordWrap(True)
        self._steer = QtWidgets.QPushButton("Steer selected shot")
        self._steer.setAccessibleName("Steer selected shot")
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(14, 6, 14, 12)
        caption = QtWidgets.QLabel("Shots")
        caption.setObjectName("dim")
        for widget in (caption, self._none):
            column.addWidget(widget)
        column.addWidget(self._list, 1)
        column.addWidget(self._steer)
        self._list.itemActivated.connect(lambda _: self._ask())
        self._list.currentRowChanged.connect(lambda _: self._show_button())
        self._steer.clicked.connect(self._ask)
        self._show_button()

    def show_state(self, state: PanelState) -> None:
        """Show this state; rows are touched only where they differ, the selected shot stays selected."""
        shots = state.daemon.shots
        texts = tuple(publishing.shot_text(state, shot) for shot in shots)
        if (texts, [shot.shot for shot in shots]) == (self._texts, [shot.shot for shot in self._shots]):
            self._shots = shots
            return
        selected = self._selected()
        self._shots, self._texts = shots, texts
        self._list.blockSignals(True)
        self._list.clear()
        self._list.addItems(list(texts))
        if selected is not None:
            row = next((row for row, shot in enumerate(shots) if shot.shot == selected.shot), -1)
            self._list.setCurrentRow(row)
        self._list.blockSignals(False)
        self._none.setVisible(not shots)
        self._show_button()

    def _selected(self) -> ShotLine | None:
        row = self._list.currentRow()
        return self._shots[row] if 0 <= row < len(self._shots) else None

    def _show_button(self) -> None:
        selected = self._selected()
        follows = selected is not None and selected.follows
        self._steer.setEnabled(follows)
        self._steer.setToolTip(
            "Show its settings on the settings page, and publish to its channel from there" if follows
            else "Select a shot that follows; a node does with Follow panel on"
        )  # fmt: skip

    def _ask(self) -> None:
        selected = self._selected()
        if selected is not None and selected.follows:
            self.steer_asked.emit(selected)
