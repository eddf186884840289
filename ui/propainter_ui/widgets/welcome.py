"""The welcome: where to drop a shot, and the other ways to open one, while none is open.

Here: its words and buttons. Not here: what a drop means (``shot/shot_files.py``), opening (``panel.py``).
"""

from __future__ import annotations

from collections.abc import Sequence

from propainter_ui.qt import Qt, QtWidgets, Signal
from propainter_ui.widgets.jobs import RecentShot

_TITLE = "Drop a plate and its roto matte here"
_TEXT = (
    "Drop folders of frames, one frame of a sequence, or videos. White in the matte is removed.\n"
    "Drop <i>hill</i> alone and the panel looks for <i>hill_matte</i> beside it.\n"
    "No matte? Drop the plate or the video alone, and draw a box around what must go."
)
_RECENT = 4


class Welcome(QtWidgets.QFrame):
    """Asks for a shot."""

    open_asked = Signal()
    sample_asked = Signal()
    recent_asked = Signal(object)
    """A ``RecentShot``."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("welcome")
        title, text = QtWidgets.QLabel(_TITLE), QtWidgets.QLabel(_TEXT.replace("\n", "<br>"))
        title.setObjectName("welcome_title")
        text.setObjectName("welcome_text")
        for label in (title, text):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            label.setWordWrap(True)
        self.open = QtWidgets.QPushButton("Open …")
        self.open.setObjectName("primary")
        self.open.setAccessibleName("Open plate and matte")
        self.open.setToolTip("Choose a plate and its matte (Ctrl+O)")
        self.sample = QtWidgets.QPushButton("Open sample shot")
        self.sample.setAccessibleName("Open sample shot")
        self.sample.setToolTip("A person walks through a panning shot: 24 frames to try everything on")
        self.open.clicked.connect(lambda: self.open_asked.emit())
        self.sample.clicked.connect(lambda: self.sample_asked.emit())
        self._recent = QtWidgets.QHBoxLayout()
        self._recent.setSpacing(6)
        buttons = QtWidgets.QHBoxLayout()
        buttons.addStretch(1)
        for button in (self.open, self.sample):
            buttons.addWidget(button)
        buttons.addStretch(1)
        self._caption = QtWidgets.QLabel("Recent shots")
        self._caption.setObjectName("welcome_text")
        self._caption.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(24, 16, 24, 16)
        column.setSpacing(10)
        column.addStretch(1)
        column.addWidget(title)
        column.addWidget(text)
        column.addSpacing(4)
        column.addLayout(buttons)
        column.addSpacing(8)
        column.addWidget(self._caption)
        column.addLayout(self._recent)
        column.addStretch(1)
        self.show_recent(())

    def show_recent(self, shots: Sequence[RecentShot]) -> None:
        """Offer these, the latest first."""
        while (item := self._recent.takeAt(0)) is not None:
            old = item.widget()
            if old is not None:
                old.deleteLater()
        self._caption.setVisible(bool(shots))
        self._recent.addStretch(1)
        for shot in shots[:_RECENT]:
            button = QtWidgets.QPushButton(shot.name)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.setAccessibleName(f"Open {shot.name}")
            button.setToolTip("\n".join(path for path in (shot.plate, shot.matte, shot.clean) if path))
            button.clicked.connect(lambda _=False, shot=shot: self.recent_asked.emit(shot))
            self._recent.addWidget(button)
        self._recent.addStretch(1)
