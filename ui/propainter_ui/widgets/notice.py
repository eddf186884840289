"""The message over the viewer, and the button that answers it.

Here: showing both. Not here: the sentences (``state/``), what the buttons do (``panel.py``), where it lies (``stage.py``).
"""

from __future__ import annotations

from propainter_ui.look import icon
from propainter_ui.qt import QtWidgets, Signal
from propainter_ui.state.panel_state import Notice
from propainter_ui.widgets.parts import name_style


class NoticeBar(QtWidgets.QFrame):
    """A sentence for the artist, ``act`` and ``dismiss``."""

    changed = Signal()
    """Another message is shown: it may take more room."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._text, self.act = QtWidgets.QLabel(), QtWidgets.QPushButton()
        self._text.setWordWrap(True)
        self._text.setAccessibleName("Message")
        self.act.setAccessibleName("No action")
        self.dismiss = QtWidgets.QToolButton()
        self.dismiss.setObjectName("quiet")
        self.dismiss.setAccessibleName("Dismiss message")
        self.dismiss.setToolTip("Dismiss this message")
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(14, 7, 10, 7)
        row.addWidget(self._text, 1)
        row.addWidget(self.act)
        row.addWidget(self.dismiss)

    def show_notice(self, notice: Notice | None, old: Notice | None) -> None:
        """Show a message, or none. old: the one shown before."""
        self.setVisible(notice is not None)
        if notice is None or (notice == old and self.objectName() == f"notice_{notice.level}"):
            return
        name_style(self, f"notice_{notice.level}")
        self._text.setText(notice.text)
        self._text.setAccessibleDescription(notice.text)
        names = {
            "start": "Start backend", "restart": "Restart backend", "render": "Render", "publish": "Publish",
            "draw": "Draw a box", "track": "Track both ways", "": "",
        }  # fmt: skip
        self.act.setText(names[notice.action])
        self.act.setAccessibleName(names[notice.action] or "No action")
        self.act.setVisible(bool(notice.action))
        self.changed.emit()

    def refresh_icons(self) -> None:
        """Draw icons anew, after the theme has changed."""
        self.dismiss.setIcon(icon("close", self))
