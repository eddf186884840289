"""Which keys belong to the control that has the focus, and not to the panel's hotkeys.

Here: ``belongs_to``, the order of Tab, and who takes the focus by a click. Not here: the hotkeys (``commands.py``).

A button takes Space, a slider the arrows, a list letters: whoever tabs there means the control. A click with the mouse
leaves the focus where it was, so that Space goes on playing after a click on Render.
"""

from __future__ import annotations

from collections.abc import Iterator

from propainter_ui.qt import Qt, QtCore, QtGui, QtWidgets

_ARROWS = frozenset({
    Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Home, Qt.Key.Key_End,
    Qt.Key.Key_PageUp, Qt.Key.Key_PageDown,
})  # fmt: skip
_EDITING = frozenset({Qt.Key.Key_Backspace, Qt.Key.Key_Delete, Qt.Key.Key_Return, Qt.Key.Key_Enter})
_PRESSING = frozenset({Qt.Key.Key_Space, Qt.Key.Key_Select, Qt.Key.Key_Return, Qt.Key.Key_Enter})
_COMMANDING = (
    Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier
)  # fmt: skip


def belongs_to(widget: QtWidgets.QWidget | None, event: QtGui.QKeyEvent) -> bool:
    """Whether a control with the focus does something of its own with a key."""
    if widget is None or event.modifiers() & _COMMANDING:
        return False
    key, is_typed = event.key(), event.text().isprintable() and bool(event.text())
    if isinstance(widget, QtWidgets.QAbstractButton):
        return key in _PRESSING
    if isinstance(widget, (QtWidgets.QLineEdit, QtWidgets.QAbstractSpinBox, QtWidgets.QTextEdit)):
        return is_typed or key in _ARROWS or key in _EDITING
    if isinstance(widget, (QtWidgets.QComboBox, QtWidgets.QAbstractItemView)):
        return is_typed or key in _ARROWS or key in _PRESSING
    return isinstance(widget, (QtWidgets.QAbstractSlider, QtWidgets.QTabBar)) and key in _ARROWS


def press_focused() -> bool:
    """Return on the control with the focus: press it, or open its choices. Whether there was one."""
    widget = QtWidgets.QApplication.focusWidget()
    if isinstance(widget, QtWidgets.QAbstractButton):
        widget.click()
        return True
    if isinstance(widget, QtWidgets.QComboBox) and not widget.isEditable():
        widget.showPopup()
        return True
    return False


def came_by_tab(event: QtGui.QFocusEvent) -> bool:
    """Whether the focus came by a key: only then a picture or timeline shows it."""
    return event.reason() in (
        Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason, Qt.FocusReason.ShortcutFocusReason,
    )  # fmt: skip


def leave_focus_on_click(root: QtWidgets.QWidget) -> None:
    """Buttons, choices and sliders take the focus by Tab alone."""
    for kind in (QtWidgets.QAbstractButton, QtWidgets.QComboBox, QtWidgets.QSlider):
        for widget in root.findChildren(kind):
            if widget.focusPolicy() != Qt.FocusPolicy.NoFocus and not _is_editable(widget):
                widget.setFocusPolicy(Qt.FocusPolicy.TabFocus)


def order_tabs(root: QtWidgets.QWidget) -> None:
    """Make Tab go through the controls as they are read: from the top left to the bottom right."""
    before: QtWidgets.QWidget | None = None
    for widget in controls_in_order(root):
        if before is not None:
            QtWidgets.QWidget.setTabOrder(before, widget)
        before = widget


def controls_in_order(root: QtWidgets.QWidget) -> Iterator[QtWidgets.QWidget]:
    """Everything within that takes the focus by Tab, hidden pages too, in the order of the layouts."""
    for widget in _parts_of(root):
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
            yield widget
        if not isinstance(widget, (QtWidgets.QAbstractSpinBox, QtWidgets.QComboBox, QtWidgets.QAbstractItemView)):
            yield from controls_in_order(widget)


class WheelGuard(QtCore.QObject):
    """Lets the wheel scroll a page past its number fields, sliders and choices, unless one has the focus."""

    def watch(self, page: QtWidgets.QWidget) -> None:
        """Guard every such control of a page."""
        for kind in (QtWidgets.QAbstractSpinBox, QtWidgets.QComboBox, QtWidgets.QSlider):
            for widget in page.findChildren(kind):
                if widget.focusPolicy() == Qt.FocusPolicy.WheelFocus:
                    widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
                widget.installEventFilter(self)

    def eventFilter(self, watched: QtCore.QObject, event: QtCore.QEvent) -> bool:
        is_wheel = event.type() == QtCore.QEvent.Type.Wheel
        if is_wheel and isinstance(watched, QtWidgets.QWidget) and not watched.hasFocus():
            event.ignore()  # the page behind it gets it
            return True
        return False


def _is_editable(widget: QtWidgets.QWidget) -> bool:
    return isinstance(widget, QtWidgets.QComboBox) and widget.isEditable()


def _parts_of(widget: QtWidgets.QWidget) -> Iterator[QtWidgets.QWidget]:
    parts: list[QtWidgets.QWidget | None] = []
    if isinstance(widget, QtWidgets.QTabWidget):
        parts = [widget.tabBar(), *(widget.widget(page) for page in range(widget.count()))]
    elif isinstance(widget, QtWidgets.QSplitter):
        parts = [widget.widget(part) for part in range(widget.count())]
    elif isinstance(widget, QtWidgets.QScrollArea):
        parts = [widget.widget()]
    elif widget.layout() is not None:
        laid = list(_parts_of_layout(widget.layout()))
        lying_over = [w for w in widget.children() if isinstance(w, QtWidgets.QWidget) and w not in laid]
        parts = [*lying_over, *laid]
    yield from (part for part in parts if part is not None)


def _parts_of_layout(layout: QtWidgets.QLayout | None) -> Iterator[QtWidgets.QWidget]:
    for place in range(layout.count() if layout is not None else 0):
        item = layout.itemAt(place) if layout is not None else None
        widget = item.widget() if item is not None else None
        if widget is not None:
            yield widget
        elif item is not None:
            yield from _parts_of_layout(item.layout())
