"""Jobs of the backend, all clients' of them, with progress; and the shots opened lately.

Here: showing both and asking to cancel or open. Only a client's own jobs can be cancelled by it: the backend says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from propainter_ui.look import icon
from propainter_ui.qt import Qt, QtWidgets, Signal
from propainter_ui.state.panel_state import STAGE_NAMES, PanelState


@dataclass(frozen=True)
class _Line:
    """What one row of the list shows."""

    job: str
    title: str
    detail: str
    share: float | None
    is_own: bool


class Jobs(QtWidgets.QWidget):
    """The list of jobs."""

    cancel_asked = Signal()

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines: tuple[_Line, ...] | None = None
        self._rows: list[_JobRow] = []
        self._column = QtWidgets.QVBoxLayout(self)
        self._column.setContentsMargins(14, 12, 14, 12)
        self._column.setSpacing(8)
        self._none = QtWidgets.QLabel("No jobs. This list shows what every host renders on this backend.")
        self._none.setObjectName("dim")
        self._none.setWordWrap(True)
        self._column.addWidget(self._none)
        self._column.addStretch(1)

    def show_state(self, state: PanelState) -> None:
        """Show this state's jobs."""
        lines = _lines_of(state)
        if lines == self._lines:
            return
        self._lines = lines
        self._none.setVisible(not lines)
        while len(self._rows) < len(lines):
            row = _JobRow()
            row.cancel_asked.connect(self.cancel_asked.emit)
            self._rows.append(row)
            self._column.insertWidget(self._column.count() - 1, row)
        for row, line in zip(self._rows, lines, strict=False):
            row.show_line(line)
        for row in self._rows[len(lines) :]:
            row.hide()


class _JobRow(QtWidgets.QFrame):
    """Name, stage, bar, cancel."""

    cancel_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("card")
        self._title, self._detail = QtWidgets.QLabel(), QtWidgets.QLabel()
        self._title.setObjectName("strong")
        self._detail.setObjectName("dim")
        self._detail.setWordWrap(True)
        self._bar = QtWidgets.QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setFixedHeight(6)
        self._cancel = QtWidgets.QToolButton()
        self._cancel.setObjectName("quiet")
        self._cancel.setAccessibleName("Cancel job")
        self._cancel.setToolTip("Cancel this job; what it has cached stays")
        self._cancel.clicked.connect(lambda: self.cancel_asked.emit())
        grid = QtWidgets.QGridLayout(self)
        grid.setContentsMargins(10, 8, 8, 10)
        grid.addWidget(self._title, 0, 0)
        grid.addWidget(self._cancel, 0, 1, Qt.AlignmentFlag.AlignRight)
        grid.addWidget(self._detail, 1, 0, 1, 2)
        grid.addWidget(self._bar, 2, 0, 1, 2)
        grid.setColumnStretch(0, 1)

    def show_line(self, line: _Line) -> None:
        self._title.setText(line.title)
        self._detail.setText(line.detail)
        self._bar.setRange(0, 0 if line.share is None else 1000)
        self._bar.setValue(round((line.share or 0) * 1000))
        self._bar.setAccessibleName(f"Progress of {line.title}")
        self._cancel.setIcon(icon("close", self))
        self._cancel.setVisible(line.is_own)
        self.show()


def _lines_of(state: PanelState) -> tuple[_Line, ...]:
    own = state.job
    lines = []
    if own is not None:
        title = state.shot.name if state.shot is not None else ""
        lines.append(_Line(own.job, title, own.sentence, own.share, True))
    for job in state.daemon.jobs:
        if own is not None and job.job == own.job:
            continue
        share = f", {job.done / job.total:.0%} done" if job.total and job.stage != "queued" else ""
        detail = f"{job.priority}: {STAGE_NAMES.get(job.stage, job.stage)}{share}"
        lines.append(_Line(job.job, job.name, detail, job.done / job.total if job.total else None, False))
    return tuple(lines)


@dataclass(frozen=True)
class RecentShot:
    """A shot that was open: what it takes to open it again."""

    name: str
    plate: str
    matte: str
    detail: str
    clean: str = ""


class Shots(QtWidgets.QWidget):
    """The open shot, and those before it."""

    reopen_asked = Signal(str, str, str)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._open = QtWidgets.QLabel()
        self._open.setWordWrap(True)
        self._open.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._open.setAccessibleName("Open shot")
        self._open.setMinimumWidth(1)  # a path without a place to break must not widen the page
        self._recent = QtWidgets.QListWidget()
        self._recent.setAccessibleName("Recent shots")
        self._recent.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        self._recent.itemActivated.connect(self._ask)
        self._button = QtWidgets.QPushButton("Open selected shot")
        self._button.setAccessibleName("Open selected shot")
        self._button.clicked.connect(lambda: self._ask(self._recent.currentItem()))
        self._recent.currentItemChanged.connect(lambda item, _: self._button.setEnabled(item is not None))
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(14, 12, 14, 12)
        column.addWidget(self._open)
        caption = QtWidgets.QLabel("Opened lately")
        caption.setObjectName("dim")
        column.addWidget(caption)
        column.addWidget(self._recent, 1)
        column.addWidget(self._button)
        self._button.setEnabled(False)

    def show_state(self, state: PanelState) -> None:
        """Show the open shot."""
        shot = state.shot
        if shot is None:
            text = "No shot is open. Drop a plate and its matte onto the viewer."
        else:
            matte = Path(shot.matte).name + (" (still)" if shot.still_matte else "") if shot.matte else "none yet"
            cleans = f"<br>clean plate {Path(shot.clean).name}, {_count(shot.clean_frames)}" if shot.clean else ""
            text = (
                f"<b>{shot.name}</b><br>{shot.first}–{shot.last}, {shot.width}×{shot.height}, {shot.dtype}, "
                f"{'scene-linear' if shot.is_linear else 'display-encoded'}<br>plate {shot.plate}<br>matte {matte}{cleans}"
            )
        if self._open.text() != text:
            self._open.setText(text)

    def show_recent(self, shots: Sequence[RecentShot]) -> None:
        """List these, the latest first."""
        self._recent.clear()
        for shot in shots:
            item = QtWidgets.QListWidgetItem(f"{shot.name}\n{shot.detail}")
            item.setData(int(Qt.ItemDataRole.UserRole), (shot.plate, shot.matte, shot.clean))
            item.setToolTip("\n".join(path for path in (shot.plate, shot.matte, shot.clean) if path))
            self._recent.addItem(item)

    def _ask(self, item: QtWidgets.QListWidgetItem | None) -> None:
        if item is not None:
            self.reopen_asked.emit(*item.data(int(Qt.ItemDataRole.UserRole)))


def _count(frames: Sequence[int]) -> str:
    return f"{len(frames)} frame{'s' * (len(frames) != 1)}"
