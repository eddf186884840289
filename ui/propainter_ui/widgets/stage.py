"""The viewer with what lies over it: messages at the top, the welcome while no shot is open.

Here: ``Stage``, which places them, so that neither ever moves the picture. Not here: the messages (``notice.py``), the
welcome (``welcome.py``).
"""

from __future__ import annotations

from propainter_ui.qt import QtCore, QtGui, QtWidgets
from propainter_ui.widgets.notice import NoticeBar
from propainter_ui.widgets.viewer import Viewer
from propainter_ui.widgets.welcome import Welcome

_MARGIN = 8
_WIDEST = 900


class Stage(QtWidgets.QWidget):
    """Viewer, notice and welcome, one over the other."""

    def __init__(self, viewer: Viewer, notice: NoticeBar, welcome: Welcome) -> None:
        super().__init__()
        self._viewer, self._notice, self._welcome = viewer, notice, welcome
        column = QtWidgets.QGridLayout(self)  # the welcome shares the viewer's cell, and is on top of it
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(viewer, 0, 0)
        column.addWidget(welcome, 0, 0)
        notice.setParent(self)
        notice.changed.connect(self._place_notice)
        notice.raise_()

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_notice()

    def _place_notice(self) -> None:
        width = min(self.width() - 2 * _MARGIN, _WIDEST)
        height = max(self._notice.heightForWidth(width), self._notice.minimumSizeHint().height())
        left = (self.width() - width) // 2
        self._notice.setGeometry(QtCore.QRect(left, _MARGIN, width, min(height, self.height() - 2 * _MARGIN)))
        self._notice.raise_()
