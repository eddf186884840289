"""The viewer: one picture, or two with a wipe between them; zoom, pan, and the colour under the pointer.

Here: what is shown, and the mouse. Not here: drawing on it (``drawn_on.py``), painting it (``viewer_painting.py``), where
picture and wipe lie (``placement.py``, ``wipe_line.py``), making pictures (``shot/frame_maker.py``), which ones
(``screen.py``).
"""

from __future__ import annotations

from typing import Literal

from propainter_ui.look import colours_of
from propainter_ui.qt import Qt, QtCore, QtGui, QtWidgets, Signal, place_of
from propainter_ui.state.wipe import Wipe
from propainter_ui.widgets.drawn_on import DrawnOn
from propainter_ui.widgets.viewer_painting import Shown, paint_focus, paint_pictures
from propainter_ui.widgets.wipe_line import Grip, WipeLine

_ZOOM_STEP = 1.25
_CURSORS = {
    "": Qt.CursorShape.CrossCursor, "line": Qt.CursorShape.SplitHCursor, "middle": Qt.CursorShape.SizeAllCursor,
    "turn": Qt.CursorShape.PointingHandCursor,
}  # fmt: skip


class Viewer(DrawnOn):
    """Shows pictures and asks for the wipe to be moved; dropped files are handed on."""

    wipe_asked = Signal(object)
    """A ``Wipe``."""
    dropped = Signal(list)
    pointed = Signal(str)
    """Position and colour under the pointer, in words; empty outside."""
    zoom_changed = Signal(float)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Viewer")
        self.setAccessibleDescription("The picture; drop a plate and a matte here. Wheel zooms, middle button pans.")
        self.setMouseTracking(True)
        self.setAcceptDrops(True)
        self.setMinimumSize(240, 120)
        self._after: Shown | None = None
        self._before: Shown | None = None
        self._wipe: Wipe | None = None
        self._hint = ""
        self._grabbed: Grip | Literal["picture"] = ""
        self._grabbed_at = QtCore.QPointF()
        self._is_dropping = False

    # --- what is shown --------------------------------------------------------------------------------------------

    def show_pictures(self, after: Shown | None, before: Shown | None, wipe: Wipe | None, hint: str) -> None:
        """Show a picture; with ``wipe``, ``before`` to the left of it. hint: a line of text near the bottom."""
        self._after, self._before, self._wipe, self._hint = after, before, wipe, hint
        size = after.image.size() if after is not None else QtCore.QSize(16, 9)
        if size != self._placement.size:
            self._placement.size = size
            self.zoom_changed.emit(self.zoom)
        self.update()

    @property
    def has_picture(self) -> bool:
        """Whether there is anything to zoom into."""
        return self._after is not None

    @property
    def zoom(self) -> float:
        """Screen pixels a picture pixel takes, display density aside."""
        return self._placement.zoom

    @property
    def placed(self) -> tuple[float, float, float]:
        """See ``Placement.placed``."""
        return self._placement.placed

    def place(self, zoom: float, x: float, y: float) -> None:
        """Show the picture so again."""
        self._placement.place(zoom, x, y)
        self._zoomed()

    def fit(self) -> None:
        """Show the whole picture."""
        self._placement.fit()
        self._zoomed()

    def zoom_by(self, factor: float, around: QtCore.QPointF | None = None) -> None:
        """Zoom in (above 1) or out, the point under ``around`` staying where it is."""
        self._placement.zoom_by(factor, around)
        self._zoomed()

    def move_by(self, x: float, y: float) -> None:
        """Move the picture by so many pixels of the screen."""
        self._placement.move_by(QtCore.QPointF(x, y))
        self.update()

    def actual_size(self) -> None:
        """One picture pixel a screen pixel."""
        self.zoom_by(1 / self.zoom)

    def _zoomed(self) -> None:
        self.zoom_changed.emit(self.zoom)
        self.update()

    def wipe_line(self) -> WipeLine | None:
        """The wipe's line as it lies in the widget; None without one."""
        if self._wipe is None or self._after is None:
            return None
        return WipeLine(self._wipe, self._placement.rect(), QtCore.QSizeF(self.size()))

    # --- painting -------------------------------------------------------------------------------------------------

    def paintEvent(self, _: QtGui.QPaintEvent) -> None:
        colours = colours_of(self)
        painter = QtGui.QPainter(self)
        painter.fillRect(self.rect(), QtGui.QColor(colours.canvas))
        if self._after is not None:
            paint_pictures(
                painter, self._placement, self._after, before=self._before, line=self.wipe_line(), hint=self._hint,
                area=self.size(),
            )  # fmt: skip
            if self.hand is not None:
                self.hand.paint(painter, self._placement)
        if self._is_dropping or self._has_tabbed_focus:
            paint_focus(painter, self)

    # --- the mouse ------------------------------------------------------------------------------------------------

    def wheelEvent(self, event: QtGui.QWheelEvent) -> None:
        self.zoom_by(_ZOOM_STEP ** (event.angleDelta().y() / 120), place_of(event))
        event.accept()

    def mousePressEvent(self, event: QtGui.QMouseEvent) -> None:
        self._grabbed_at = place_of(event)
        is_pan = event.button() == Qt.MouseButton.MiddleButton or (
            event.button() == Qt.MouseButton.LeftButton and bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
        )
        if is_pan:
            self._grabbed = "picture"
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        elif event.button() == Qt.MouseButton.LeftButton:
            self._grabbed = self._grip_at(place_of(event))
            if not self._grabbed and self.has_picture:
                self.begins_to_draw(event)

    def mouseMoveEvent(self, event: QtGui.QMouseEvent) -> None:
        place, line = place_of(event), self.wipe_line()
        if self._grabbed == "picture":
            self._placement.move_by(place - self._grabbed_at)
            self._grabbed_at = place
            self.update()
        elif self._grabbed and line is not None:
            snaps = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self.wipe_asked.emit(line.dragged(self._grabbed, place, snaps=snaps))
        elif not self.draws_on(event) and (self.hand is None or self._grip_at(place)):
            self.setCursor(_CURSORS[self._grip_at(place)])
        self._tell_pointed(place)

    def mouseReleaseEvent(self, event: QtGui.QMouseEvent) -> None:
        self._grabbed = ""
        if not self.ends_drawing(event):
            self.unsetCursor()

    def mouseDoubleClickEvent(self, event: QtGui.QMouseEvent) -> None:
        if self._grip_at(place_of(event)):  # a hand that presses twice means the line
            self.mousePressEvent(event)
        elif self.hand is None:
            self.fit()
        elif not self.hand.finish():
            self.mousePressEvent(event)

    def leaveEvent(self, event: QtCore.QEvent) -> None:
        super().leaveEvent(event)
        self.pointed.emit("")

    def resizeEvent(self, _: QtGui.QResizeEvent) -> None:
        self.zoom_changed.emit(self.zoom)

    def _grip_at(self, place: QtCore.QPointF) -> Grip:
        line = self.wipe_line()
        return "" if line is None else line.grip_at(place)

    def _tell_pointed(self, place: QtCore.QPointF) -> None:
        if self._after is None:
            return
        spot, image = self._placement.point(place), self._after.image
        line = self.wipe_line()
        if line is not None and self._before is not None and not line.is_right(place):
            image = self._before.image
        x, y = int(spot.x() // 1), int(spot.y() // 1)
        if not image.rect().contains(x, y):
            self.pointed.emit("")
            return
        colour = image.pixelColor(x, y)
        self.pointed.emit(f"{x}, {y}   R {colour.red()}  G {colour.green()}  B {colour.blue()}")

    # --- files ----------------------------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QtGui.QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()
            self._is_dropping = True
            self.update()

    def dragLeaveEvent(self, _: QtGui.QDragLeaveEvent) -> None:
        self._is_dropping = False
        self.update()

    def dropEvent(self, event: QtGui.QDropEvent) -> None:
        self._is_dropping = False
        self.update()
        paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.dropped.emit(paths)
