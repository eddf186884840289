"""A surface that a hand may draw on: mouse, pen and keys of the viewer, handed to whatever tool is taken up.

Here: ``DrawnOn``, which makes touches of Qt's events; ``PictureHand``, what a tool is to it. Not here: the tools
(``desk/hands.py``), the picture (``viewer.py``).
"""

from __future__ import annotations

from typing import Any, Protocol, cast

from propainter_ui.drawing.touch import Touch
from propainter_ui.qt import Qt, QtCore, QtGui, QtWidgets, place_of
from propainter_ui.widgets.placement import Placement
from propainter_ui.widgets.surface_with_focus import SurfaceWithFocus

_REACH_PX = 8.0
_TABLET = frozenset({
    QtCore.QEvent.Type.TabletPress, QtCore.QEvent.Type.TabletMove, QtCore.QEvent.Type.TabletRelease,
})  # fmt: skip


class PictureHand(Protocol):
    """A tool that is taken up. Touches are in pixels of the plate."""

    @property
    def cursor(self) -> Qt.CursorShape:
        """What the pointer looks like over the picture."""

    def press(self, touch: Touch) -> None:
        """The button goes down."""

    def move(self, touch: Touch) -> None:
        """The hand moves, whether or not the button is down."""

    def release(self, touch: Touch) -> None:
        """The button goes up."""

    def finish(self) -> bool:
        """Pressed twice: what is being drawn is complete. Whether that means anything to this tool."""

    def leave(self) -> None:
        """The hand is no longer over the picture."""

    def takes_key(self, key: int) -> bool:
        """Whether it does something of its own with a key now, before any hotkey does."""

    def key(self, key: int) -> None:
        """That key was pressed."""

    def paint(self, painter: QtGui.QPainter, placement: Placement) -> None:
        """Paint what is being drawn."""


class DrawnOn(SurfaceWithFocus):
    """A widget over which a hand draws, while there is one."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.hand: PictureHand | None = None
        """The tool that is taken up; None: the mouse moves picture and wipe alone."""
        self._is_drawing = False
        self._placement = Placement(self)

    def take_up(self, hand: PictureHand | None) -> None:
        """Draw with this from here on."""
        self.hand, self._is_drawing = hand, False
        if hand is None:
            self.unsetCursor()
        else:
            self.setCursor(hand.cursor)
        self.update()

    # --- touches --------------------------------------------------------------------------------------------------

    def _touch_of(
        self, event: QtGui.QMouseEvent | QtGui.QTabletEvent, pressure: float = 1.0, *, is_eraser: bool = False
    ) -> Touch:
        """Where mouse or pen are in the widget, as a touch on the picture."""
        spot, modifiers = self._placement.point(place_of(event)), event.modifiers()
        return Touch(
            spot.x(), spot.y(), pressure, _REACH_PX / self._placement.zoom,
            bool(modifiers & Qt.KeyboardModifier.ControlModifier), bool(modifiers & Qt.KeyboardModifier.ShiftModifier),
            is_eraser,
        )  # fmt: skip

    def begins_to_draw(self, event: QtGui.QMouseEvent) -> bool:
        """A button went down: whether the hand took it."""
        if self.hand is None or event.button() != Qt.MouseButton.LeftButton:
            return False
        self._is_drawing = True
        self.hand.press(self._touch_of(event))
        self.update()
        return True

    def draws_on(self, event: QtGui.QMouseEvent) -> bool:
        """The mouse moved: whether the hand has the button."""
        if self.hand is None:
            return False
        self.setCursor(self.hand.cursor)
        self.hand.move(self._touch_of(event))
        self.update()
        return self._is_drawing

    def ends_drawing(self, event: QtGui.QMouseEvent) -> bool:
        """The button went up: whether the hand had it."""
        if self.hand is None or not self._is_drawing:
            return False
        self._is_drawing = False
        self.hand.release(self._touch_of(event))
        self.update()
        return True

    def tabletEvent(self, event: QtGui.QTabletEvent) -> None:
        """A pen: as the mouse, with its pressure. What the hand does not take becomes the mouse's."""
        is_press = event.type() == QtCore.QEvent.Type.TabletPress
        is_plain = not event.modifiers() & Qt.KeyboardModifier.AltModifier
        begins = is_press and event.button() == Qt.MouseButton.LeftButton and is_plain
        if self.hand is None or event.type() not in _TABLET or not (begins or self._is_drawing):
            event.ignore()
            return
        pressure = event.pressure() if event.type() != QtCore.QEvent.Type.TabletRelease else 1.0
        touch = self._touch_of(event, pressure, is_eraser=_is_eraser(event))
        if begins:
            self._is_drawing = True
            self.setFocus(Qt.FocusReason.MouseFocusReason)
            self.hand.press(touch)
        elif event.type() == QtCore.QEvent.Type.TabletMove:
            self.hand.move(touch)
        else:
            self._is_drawing = False
            self.hand.release(touch)
        event.accept()
        self.update()

    def leaveEvent(self, event: QtCore.QEvent) -> None:
        super().leaveEvent(event)
        if self.hand is not None:
            self.hand.leave()
            self.update()

    # --- keys -----------------------------------------------------------------------------------------------------

    def event(self, event: QtCore.QEvent) -> bool:
        if event.type() == QtCore.QEvent.Type.ShortcutOverride and self._is_for_hand(cast(QtGui.QKeyEvent, event)):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        if self._is_for_hand(event):
            assert self.hand is not None
            self.hand.key(int(event.key()))
            self.update()
        else:
            super().keyPressEvent(event)

    def _is_for_hand(self, event: QtGui.QKeyEvent) -> bool:
        commanding = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
        return self.hand is not None and not event.modifiers() & commanding and self.hand.takes_key(int(event.key()))


def _is_eraser(event: Any) -> bool:
    """Whether the pen is turned round; Qt 5 and 6 name it differently."""
    return str(event.pointerType()).endswith("Eraser")
