"""Parts that several widgets are made of: buttons, number fields, bars and columns.

Here: making them, and showing a value without losing what is being typed. Not here: what they do.
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
    box.setFixedWidth(70)
    box.setAccessibleName(name)
    box.setToolTip(f"{name}, for the viewer alone; wheel or arrow keys change it")
    box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return box


def field(name: str, low: float, high: float, decimals: int, *, step: float = 1.0) -> QtWidgets.QDoubleSpinBox:
    """A number that counts once it is typed."""
    box = QtWidgets.QDoubleSpinBox()
    box.setRange(low, high)
    box.setSingleStep(step)
    box.setDecimals(decimals)
    box.setKeyboardTracking(False)
    box.setAccessibleName(name)
    return box


def dim_text(name: str) -> QtWidgets.QLabel:
    """Room for a sentence that says more, empty so far."""
    label = QtWidgets.QLabel()
    label.setObjectName("dim")
    label.setWordWrap(True)
    label.setAccessibleName(name)
    label.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
    return label


def name_style(widget: QtWidgets.QWidget, name: str) -> None:
    """Give a widget another name in the style sheet."""
    if widget.objectName() != name:
        widget.setObjectName(name)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


class Quiet:
    """Within it, a control tells nobody of its changes: they are ours, not the artist's."""

    def __init__(self, widget: QtWidgets.QWidget) -> None:
        self._widget = widget

    def __enter__(self) -> None:
        self._was_blocked = self._widget.blockSignals(True)

    def __exit__(self, *_: object) -> None:
        self._widget.blockSignals(self._was_blocked)


def show_number(box: QtWidgets.QSpinBox | QtWidgets.QDoubleSpinBox, value: float) -> None:
    """Show a value, unless digits are being typed: Qt would put the old ones back in their place.

    They count once they are confirmed, by Return, Tab or a click elsewhere.
    """
    if not _is_being_typed(box):
        with Quiet(box):
            box.setValue(value)  # type: ignore[arg-type]


def forget_typed(box: QtWidgets.QSpinBox | QtWidgets.QDoubleSpinBox) -> None:
    """Show the field's value again: the artist chose another by the slider, or the default."""
    with Quiet(box):
        box.setValue(box.value())  # type: ignore[arg-type]


def _is_being_typed(box: QtWidgets.QSpinBox | QtWidgets.QDoubleSpinBox) -> bool:
    """Whether the field shows other text than its value's."""
    shown = f"{box.prefix()}{box.textFromValue(box.value())}{box.suffix()}"  # type: ignore[arg-type]
    if box.specialValueText() and box.value() == box.minimum():
        shown = box.specialValueText()
    return box.text() != shown


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
