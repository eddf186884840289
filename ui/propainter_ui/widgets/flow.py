"""Controls side by side, going on in the next row where a narrow window ends.

Here: ``FlowLayout``: Qt has none of its own. Not here: what is laid out.
"""

from __future__ import annotations

from propainter_ui.qt import Qt, QtCore, QtWidgets


class FlowLayout(QtWidgets.QLayout):
    """Rows of controls, each as wide as it likes. A control that is hidden keeps its place if its policy says so."""

    def __init__(self, parent: QtWidgets.QWidget, *, spacing: int, margins: tuple[int, int, int, int]) -> None:
        super().__init__(parent)
        self._items: list[QtWidgets.QLayoutItem] = []
        self.setSpacing(spacing)
        self.setContentsMargins(*margins)

    def addItem(self, item: QtWidgets.QLayoutItem) -> None:
        self._items.append(item)

    def count(self) -> int:
        return len(self._items)

    def itemAt(self, index: int) -> QtWidgets.QLayoutItem | None:
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QtWidgets.QLayoutItem | None:
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> Qt.Orientation:
        return Qt.Orientation(0)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return self._place(QtCore.QRect(0, 0, width, 0), is_real=False)

    def setGeometry(self, rect: QtCore.QRect) -> None:
        super().setGeometry(rect)
        self._place(rect, is_real=True)

    def sizeHint(self) -> QtCore.QSize:
        return self.minimumSize()

    def minimumSize(self) -> QtCore.QSize:
        size = QtCore.QSize()
        for item in self._items:
            size = size.expandedTo(item.minimumSize())
        edges = self.contentsMargins()
        return size + QtCore.QSize(edges.left() + edges.right(), edges.top() + edges.bottom())

    def _place(self, rect: QtCore.QRect, *, is_real: bool) -> int:
        """Lay the controls out in rows; the height it takes."""
        edges = self.contentsMargins()
        inner = rect.adjusted(edges.left(), edges.top(), -edges.right(), -edges.bottom())
        x, y, row = inner.x(), inner.y(), 0
        for item in self._items:
            if item.isEmpty():
                continue
            size = item.sizeHint()
            if x + size.width() > inner.right() + 1 and row:
                x, y, row = inner.x(), y + row + self.spacing(), 0
            if is_real:
                item.setGeometry(QtCore.QRect(QtCore.QPoint(x, y), size))
            x += size.width() + self.spacing()
            row = max(row, size.height())
        return y + row - rect.y() + edges.bottom()


def group_of(*widgets: QtWidgets.QWidget) -> QtWidgets.QWidget:
    """Controls that belong together and go to the next row together."""
    holder = QtWidgets.QWidget()
    row = QtWidgets.QHBoxLayout(holder)
    row.setContentsMargins(0, 0, 6, 0)
    row.setSpacing(3)
    for widget in widgets:
        row.addWidget(widget)
    return holder
