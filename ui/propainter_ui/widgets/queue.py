"""The queue on the screen: its shots, and the buttons that add, move, remove and run them.

Here: ``QueuePage``. Not here: what the queue is (``state/queue.py``), carrying it out (``batch.py``).
"""

from __future__ import annotations

from propainter_ui.qt import QtWidgets, Signal
from propainter_ui.state.queue import Queue

_SIGNS = {"waiting": "·", "running": "▶", "done": "✓", "failed": "✕"}
_WORDS = {"waiting": "waiting", "running": "rendering", "done": "done", "failed": "failed"}


class QueuePage(QtWidgets.QFrame):
    """Shows a queue and asks for changes of it."""

    add_asked = Signal()
    """The open shot, with its settings and range."""
    choose_asked = Signal()
    """Other shots, by their plates."""
    remove_asked = Signal(int)
    move_asked = Signal(int, int)
    """Which, and one place up (-1) or down (1)."""
    run_asked = Signal()
    stop_asked = Signal()

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._queue, self._is_running = Queue(), False
        self.list = QtWidgets.QListWidget()
        self.list.setAccessibleName("Queue of shots")
        self.list.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        self.list.setWordWrap(True)
        self.list.setMinimumHeight(72)
        self._none = QtWidgets.QLabel("The queue is empty. Add shots and the panel renders and writes them in turn.")
        self._none.setObjectName("dim")
        self._none.setWordWrap(True)
        self.add = _button("Add open shot", "Add the open shot with its settings and range")
        self.choose = _button("Add shots …", "Choose plates. Each needs its matte beside it: hill and hill_matte.")
        self.up, self.down = _button("Up", "Render the selected shot earlier"), _button("Down", "Render it later")
        self.remove = _button("Remove", "Take the selected shot out of the queue")
        self.run = _button("Run queue", "Render every waiting shot and write it beside its plate as a sequence")
        self._lay_out()
        self.add.clicked.connect(lambda: self.add_asked.emit())
        self.choose.clicked.connect(lambda: self.choose_asked.emit())
        self.up.clicked.connect(lambda: self._move(-1))
        self.down.clicked.connect(lambda: self._move(1))
        self.remove.clicked.connect(lambda: self.remove_asked.emit(self.list.currentRow()))
        self.run.clicked.connect(lambda: (self.stop_asked if self._is_running else self.run_asked).emit())
        self.list.currentRowChanged.connect(lambda _: self._show_buttons())
        self._show_buttons()

    def _lay_out(self) -> None:
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(14, 12, 14, 4)
        caption = QtWidgets.QLabel("Queue")
        caption.setObjectName("dim")
        for widget in (caption, self._none, self.list):
            column.addWidget(widget)
        for buttons in ((self.add, self.choose), (self.up, self.down, self.remove), (self.run,)):
            row = QtWidgets.QHBoxLayout()
            for button in buttons:
                row.addWidget(button, 1)
            column.addLayout(row)

    def show_queue(self, queue: Queue, *, is_running: bool, can_add: bool) -> None:
        """Show this queue. can_add: whether there is an open shot with a matte."""
        self.add.setEnabled(can_add)
        if queue != self._queue:
            selected = self.list.currentRow()
            self.list.blockSignals(True)
            self.list.clear()
            for shot in queue.shots:
                said = shot.said or _WORDS[shot.progress]
                self.list.addItem(f"{_SIGNS[shot.progress]}  {shot.title}\n{said}")
            self.list.setCurrentRow(min(selected, len(queue.shots) - 1))
            self.list.blockSignals(False)
        self._queue, self._is_running = queue, is_running
        self._show_buttons()

    def _move(self, step: int) -> None:
        place = self.list.currentRow()
        self.move_asked.emit(place, step)
        if 0 <= place + step < self.list.count():
            self.list.setCurrentRow(place + step)

    def _show_buttons(self) -> None:
        place, count = self.list.currentRow(), len(self._queue.shots)
        self._none.setVisible(not count)
        self.list.setVisible(bool(count))
        self.up.setEnabled(place > 0)
        self.down.setEnabled(0 <= place < count - 1)
        self.remove.setEnabled(0 <= place < count and place != self._queue.running)
        self.run.setText("Stop queue" if self._is_running else "Run queue")
        self.run.setAccessibleName(self.run.text())
        self.run.setEnabled(self._is_running or any(shot.progress != "done" for shot in self._queue.shots))


def _button(text: str, tip: str) -> QtWidgets.QPushButton:
    button = QtWidgets.QPushButton(text)
    button.setAccessibleName(text)
    button.setToolTip(tip)
    return button
