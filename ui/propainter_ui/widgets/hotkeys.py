"""The hotkey sheet: every key of the panel, by what it is for.

Here: the window. Not here: the keys (``commands.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from propainter_ui.qt import Qt, QtGui, QtWidgets

_MOUSE = (
    ("Wheel", "Zoom, on picture and timeline"),
    ("Middle button", "Move the picture or the timeline along"),
    ("Alt and left button", "Move the picture"),
    ("Double click", "Fit the picture"),
    ("Right button", "Menu of picture or timeline"),
    ("Shift while turning the wipe", "Every 15 degrees"),
)


class Hotkeys(QtWidgets.QDialog):
    """groups: a heading, then keys and what they do."""

    def __init__(
        self, parent: QtWidgets.QWidget | None, groups: Iterable[tuple[str, Sequence[tuple[str, str]]]]
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Hotkeys")
        sheet = QtWidgets.QTextBrowser()
        sheet.setAccessibleName("Hotkeys")
        sheet.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        sheet.setHtml("".join(_as_html(title, lines) for title, lines in (*groups, ("Mouse", _MOUSE))))
        sheet.moveCursor(QtGui.QTextCursor.MoveOperation.Start)
        close = QtWidgets.QPushButton("Close")
        close.setDefault(True)
        close.clicked.connect(self.accept)
        column = QtWidgets.QVBoxLayout(self)
        column.addWidget(sheet, 1)
        column.addWidget(close, 0, Qt.AlignmentFlag.AlignRight)
        self.resize(520, 560)
        self.sheet = sheet


def _as_html(title: str, lines: Sequence[tuple[str, str]]) -> str:
    rows = "".join(f"<tr><td width='190'><b>{_safe(keys)}</b></td><td>{_safe(text)}</td></tr>" for keys, text in lines)
    return f"<h3>{title}</h3><table cellspacing='3'>{rows}</table>"


def _safe(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
