"""A window in a corner from which files can be dragged, as from a file manager. Usage: drag_source.py X Y PATH..."""

import sys

from propainter_ui.qt import Qt, QtCore, QtGui, QtWidgets


class Source(QtWidgets.QLabel):
    def __init__(self, paths: list[str]) -> None:
        super().__init__("drag me")
        self._paths = paths

    def mouseMoveEvent(self, _: QtGui.QMouseEvent) -> None:
        data = QtCore.QMimeData()
        data.setUrls([QtCore.QUrl.fromLocalFile(path) for path in self._paths])
        drag = QtGui.QDrag(self)
        drag.setMimeData(data)
        drag.exec(Qt.DropAction.CopyAction)


if __name__ == "__main__":
    application = QtWidgets.QApplication(sys.argv[:1])
    source = Source(sys.argv[3:])
    source.setGeometry(int(sys.argv[1]), int(sys.argv[2]), 160, 60)
    source.show()
    raise SystemExit(application.exec())
