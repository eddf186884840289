"""The first window's page: try it, the node, the backend, the weights, the machine.

Here: its order, and who hears what. Not here: its cards (``cards.py``), opening a shot and starting a backend (the panel's).
"""

from __future__ import annotations

from collections.abc import Sequence

from propainter_ui.first_run.asking import DoctorVisit, NodeWork
from propainter_ui.first_run.cards import Card, MachineCard, NodeCard
from propainter_ui.first_run.findings import Finding
from propainter_ui.first_run.weights import WeightsCard
from propainter_ui.qt import Qt, QtGui, QtWidgets, Signal
from propainter_ui.state.panel_state import PanelState
from propainter_ui.surface import Surface
from propainter_ui.widgets.daemon import DaemonStrip

_WIDEST = 860
_TEXT = (
    "Give it a plate and a roto matte. It removes what the matte covers, and fills the hole with background. "
    "Drop both here, or:"
)


class FirstRunPage(Surface):
    """Everything an artist needs to begin; files may be dropped anywhere. ``close_page`` before it is thrown away."""

    sample_asked = Signal()
    open_asked = Signal()
    panel_asked = Signal()

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.node = NodeCard()
        self.backend = Card("Backend")
        self.strip = DaemonStrip()
        self.weights = WeightsCard()
        self.machine = MachineCard()
        self._doctor = DoctorVisit(self)
        self._work = NodeWork(self)
        self._has_looked = False
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        title, text = QtWidgets.QLabel("ProPainter Remove"), QtWidgets.QLabel(_TEXT)
        title.setObjectName("first_run_title")
        text.setWordWrap(True)
        self.sample, self.open = QtWidgets.QPushButton("Open sample shot"), QtWidgets.QPushButton("Open your shot …")
        self.panel = QtWidgets.QPushButton("Go to the panel")
        self.sample.setObjectName("primary")
        self.sample.setToolTip("A person walks through a panning shot: 24 frames to try everything on")
        self.open.setToolTip("Choose a plate and its matte")
        self.panel.setToolTip("Help > Set up … brings you back here")
        begin = QtWidgets.QHBoxLayout()
        begin.setSpacing(8)
        for button in (self.sample, self.open, self.panel):
            begin.addWidget(button)
        begin.addStretch(1)
        self.backend.text.setText(
            "It renders, and keeps what it has analysed. Panel and node start it when they need it."
        )
        row = QtWidgets.QHBoxLayout()
        row.addWidget(self.strip)
        row.addStretch(1)
        self.backend.column.insertLayout(1, row)
        inside = QtWidgets.QWidget()
        inside.setMaximumWidth(_WIDEST)
        column = QtWidgets.QVBoxLayout(inside)
        column.setContentsMargins(24, 24, 24, 24)
        column.setSpacing(14)
        column.addWidget(title)
        column.addWidget(text)
        column.addLayout(begin)
        for card in (self.node, self.backend, self.weights, self.machine):
            column.addWidget(card)
        column.addStretch(1)
        around = QtWidgets.QWidget()
        middle = QtWidgets.QHBoxLayout(around)
        middle.setContentsMargins(0, 0, 0, 0)
        middle.addStretch(1)
        middle.addWidget(inside, 8)
        middle.addStretch(1)
        scroll = QtWidgets.QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(around)
        outer = QtWidgets.QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll)
        self.setFocusProxy(self.sample)

    def _connect(self) -> None:
        for button, signal in (
            (self.sample, self.sample_asked), (self.open, self.open_asked), (self.panel, self.panel_asked),
        ):  # fmt: skip
            button.clicked.connect(lambda _=False, signal=signal: signal.emit())
        self.node.put_asked.connect(self._work.put)
        self.node.remove_asked.connect(self._work.remove)
        self._work.stands.connect(self.node.show_node)
        self._work.said.connect(self._hear_of_node)
        self.weights.has_changed.connect(self._ask_doctor)
        self.machine.look_asked.connect(self.look)
        self._doctor.found.connect(self._show_findings)
        self._doctor.failed.connect(self.machine.show_failure)

    def look(self) -> None:
        """Look at node and machine, anew."""
        self._has_looked = True
        self._work.look()
        self._ask_doctor()

    def show_state(self, state: PanelState) -> None:
        """What the panel knows of the backend."""
        self.strip.show_state(state)

    def close_page(self) -> None:
        """End what is under way."""
        self._doctor.close()
        self._work.close()
        self.weights.work.close()

    def showEvent(self, event: QtGui.QShowEvent) -> None:
        super().showEvent(event)
        if not self._has_looked:
            self.look()
        self.sample.setFocus(Qt.FocusReason.OtherFocusReason)

    def _hear_of_node(self, sentence: str) -> None:
        """The doctor sees another node now."""
        self.node.say(sentence)
        self._ask_doctor()

    def _ask_doctor(self) -> None:
        self.machine.show_busy()
        self._doctor.ask()

    def _show_findings(self, findings: Sequence[Finding]) -> None:
        self.weights.show_findings(findings)
        self.machine.show_findings(findings)
