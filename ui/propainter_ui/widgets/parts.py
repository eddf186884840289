"""Parts that several widgets are made of: buttons, number fields, bars and columns.

Here: making them. Not here: what they do.
"""

from __future__ import annotations

from propainter_ui.qt import Qt, QtWidgets


def toggle(text: str, tip: str) -> QtWidgets.QToolButton:
    """A button that stays down."""
    button = QtWidgets.QToolButton()
    button.setText(text)
    button.setCheckable(True)
    button.setAccessibleName(text)
    button.setToolTip(tip)
    return button


def menu_button(text: str, tip: str) -> QtWidgets.QPushButton:
    """A button with a menu, empty so far."""
    button = QtWidgets.QPushButton(text)
    button.setAccessibleName(text)
    button.setToolTip(tip)
    button.setMenu(QtWidgets.QMenu(button))
    return button


def number(name: str, low: float, high: float, step: float, prefix: str) -> QtWidgets.QDoubleSpinBox:
    """A number of the viewer's."""
    box = QtWidgets.QDoubleSpinBox()
    box.setRange(low, high)
    box.setSingleStep(step)
    box.setPrefix(prefix)
    box.setFixedWidth(78)
    box.setAccessibleName(name)
    box.setToolTip(f"{name}; of the viewer alone; wheel or arrow keys change it")
    box.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
    return box


def fill_bar(frame: QtWidgets.QFrame, *widgets: QtWidgets.QWidget | int | None, name: str = "bar") -> None:
    """Put widgets side by side; a number is a gap of so many pixels, None takes all room there is."""
    frame.setObjectName(name)
    row = QtWidgets.QHBoxLayout(frame)
    row.setContentsMargins(10, 6, 10, 6)
    row.setSpacing(5)
    for widget in widgets:
        if widget is None:
            row.addStretch(1)
        elif isinstance(widget, QtWidgets.QLabel) and not widget.text():
            row.addWidget(widget, 1)  # filled later: takes the room there is
        elif isinstance(widget, int):
            row.addSpacing(widget)
        else:
            row.addWidget(widget)


def column_of(*widgets: QtWidgets.QWidget, filling: QtWidgets.QWidget) -> QtWidgets.QWidget:
    """Widgets below each other. filling: the one of them that takes all room there is."""
    holder = QtWidgets.QWidget()
    column = QtWidgets.QVBoxLayout(holder)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    for widget in widgets:
        column.addWidget(widget, 1 if widget is filling else 0)
    return holder
