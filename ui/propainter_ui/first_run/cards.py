"""The cards of the first window: one subject each, with what is known of it and what may be done.

Here: ``Card``, ``NodeCard``, ``MachineCard``. Not here: asking (``asking.py``), their order (``page.py``).
"""

from __future__ import annotations

from collections.abc import Sequence

from propainter_install.node import NodeState
from propainter_ui.first_run.findings import Finding, lines_of, offer_of, summary
from propainter_ui.qt import Qt, QtCore, QtWidgets, Signal

_WORDS = {"ok": "OK", "note": "Note", "FIX": "To do"}


class Card(QtWidgets.QFrame):
    """A heading, what is known, and room for buttons."""

    def __init__(self, heading: str, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        title = QtWidgets.QLabel(heading)
        title.setObjectName("card_title")
        self.text = QtWidgets.QLabel()
        self.text.setWordWrap(True)
        self.text.setAccessibleName(heading)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.buttons = QtWidgets.QHBoxLayout()
        self.buttons.setSpacing(8)
        self.column = QtWidgets.QVBoxLayout(self)
        self.column.setContentsMargins(16, 12, 16, 12)
        self.column.setSpacing(8)
        for widget in (title, self.text):
            self.column.addWidget(widget)
        self.column.addLayout(self.buttons)

    def add_button(self, text: str) -> QtWidgets.QPushButton:
        """One more, from the left."""
        button = QtWidgets.QPushButton(text)
        self.buttons.addWidget(button)
        return button


class NodeCard(Card):
    """The node, for compositors."""

    put_asked = Signal()
    remove_asked = Signal()

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__("Node for Nuke, Resolve, Fusion and Natron", parent)
        self.put = self.add_button("Install node")
        self.remove = self.add_button("Remove node")
        self.remove.setToolTip("Take the node away from this machine; panel, commands and backend stay")
        self.buttons.addStretch(1)
        self.put.clicked.connect(lambda: self._ask(self.put_asked))
        self.remove.clicked.connect(lambda: self._ask(self.remove_asked))
        self.more = QtWidgets.QLabel()
        self.more.setWordWrap(True)
        self.more.setObjectName("dim")
        self.column.addWidget(self.more)
        self.more.hide()
        self.show_busy("Looking …")

    def show_busy(self, text: str) -> None:
        """Something is under way."""
        self.text.setText(text)
        for button in (self.put, self.remove):
            button.setEnabled(False)

    def show_node(self, state: NodeState) -> None:
        """How it stands, and what may be done about it."""
        self.text.setText(state.sentence)
        offer = offer_of(state.standing, is_ours=state.is_ours)
        self.put.setVisible(bool(offer.put))
        self.put.setText(offer.put or self.put.text())
        self.put.setToolTip("Put the node where hosts look for it" if state.standing == "absent" else
                            "Put back what is missing; what was changed is set aside")  # fmt: skip
        self.remove.setVisible(offer.can_remove)
        self.put.setEnabled(bool(offer.put))
        self.remove.setEnabled(offer.can_remove)

    def say(self, sentence: str) -> None:
        """What else there is to say; empty: nothing."""
        self.more.setText(sentence)
        self.more.setVisible(bool(sentence))

    def _ask(self, signal: QtCore.SignalInstance) -> None:
        self.show_busy("Working …")
        self.say("")
        signal.emit()


class MachineCard(Card):
    """What the doctor found."""

    look_asked = Signal()

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__("What works on this machine", parent)
        self.look = self.add_button("Look again")
        self.buttons.addStretch(1)
        self.look.clicked.connect(lambda: self.look_asked.emit())
        self._rows = QtWidgets.QGridLayout()
        self._rows.setHorizontalSpacing(12)
        self._rows.setVerticalSpacing(4)
        self._rows.setColumnStretch(1, 1)
        self.column.insertLayout(2, self._rows)

    def show_busy(self) -> None:
        """It is being looked at."""
        self.text.setText("Looking … this takes some seconds.")
        self.look.setEnabled(False)

    def show_failure(self, sentence: str) -> None:
        """It could not be looked at."""
        self._clear()
        self.text.setText(sentence)
        self.look.setEnabled(True)

    def show_findings(self, findings: Sequence[Finding]) -> None:
        """A line each, and what to do below it."""
        self._clear()
        self.text.setText(summary(findings))
        self.look.setEnabled(True)
        for row, one in enumerate(lines_of(findings)):
            mark = QtWidgets.QLabel(_WORDS[one.mark])
            mark.setObjectName(f"mark_{one.mark.lower()}")
            mark.setAlignment(Qt.AlignmentFlag.AlignTop)
            line = QtWidgets.QLabel(one.what if not one.advice else f"{one.what}\n{one.advice}")
            line.setTextFormat(Qt.TextFormat.PlainText)
            line.setWordWrap(True)
            line.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            line.setAccessibleName(f"{_WORDS[one.mark]}: {one.what}")
            self._rows.addWidget(mark, row, 0)
            self._rows.addWidget(line, row, 1)

    def _clear(self) -> None:
        while (item := self._rows.takeAt(0)) is not None:
            old = item.widget()
            if old is not None:
                old.hide()
                old.deleteLater()
