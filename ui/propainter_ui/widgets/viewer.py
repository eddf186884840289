"""The viewer: one picture, or two with a wipe between them; zoom, pan, and the colour under the pointer.

Here: what is shown, and the mouse. Not here: painting it (``viewer_painting.py``), where it lies (``placement.py``), making
pictures (``shot/frame_maker.py``), which ones (``screen.py``).
"""

from __future__ import annotations

from propainter_ui.look import colours_of
from propainter_ui.qt import Qt, QtCore, QtGui, QtWidgets, Signal, place_of
from propainter_ui.widgets.placement import Placement
from propainter_ui.widgets.viewer_painting import Shown, paint_invitation, paint_pictures

_GRAB_PX = 8
_ZOOM_STEP = 1.25


class Viewer(QtWidgets.QWidget):
    """Shows pictures and asks for the wipe to be moved; dropped files are handed on."""

    wipe_asked = Signal(float)
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
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(320, 200)
        self._after: Shown | None = None
        self._before: Shown | None = None
        self._wipe: float | None = None
        self._invitation = ""
        self._hint = ""
        self._placement = Placement(self)
        self._grabbed = ""
        self._grabbed_at = QtCore.QPointF()
        self._is_dropping = False

    # --- what is shown --------------------------------------------------------------------------------------------

    def show_pictures(self, after: Shown | None, before: Shown | None, wipe: float | None, hint: str) -> None:
        """Show a picture; with ``wipe``, ``before`` to the left of it. hint: a line of text at the bottom."""
        self._after, self._before, self._wipe, self._hint = after, before, wipe, hint
        size = after.image.size() if after is not None else QtCore.QSize(16, 9)
        if size != self._placement.size:
            self._placement.size = size
            self.zoom_changed.emit(self.zoom)
        self.update()

    def invite(self, text: str) -> None:
        """What is said while there is no picture."""
        self._invitation = text
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

    def actual_size(self) -> None:
        """One picture pixel a screen pixel."""
        self.zoom_by(1 / self.zoom)

    def _zoomed(self) -> None:
        self.zoom_changed.emit(self.zoom)
        self.update()

    def wipe_x(self) -> float | None:
        """Where in the widget the wipe's line is; None without one."""
        if self._wipe is None or self._after is None:
            return None
        rect = self._placement.rect()
        return rect.left() + self._wipe * rect.width()

    # --- painting -------------------------------------------------------------------------------------------------

    def paintEvent(self, _: QtGui.QPaintEvent) -> None:
        colours = colours_of(self)
        painter = QtGui.QPainter(self)
        painter.fillRect(self.rect(), QtGui.QColor(colours.canvas))
        if self._after is None:
            paint_invitation(painter, self, self._invitation)
        else:
            paint_pictures(
                painter, self._placement, self._after, before=self._before, line=self.wipe_x(), hint=self._hint,
                area=self.size(),
            )  # fmt: skip
        if self._is_dropping:
            painter.setPen(QtGui.QPen(QtGui.QColor(colours.accent), 3))
            painter.drawRect(self.rect().adjusted(2, 2, -3, -3))

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
        elif event.button() == Qt.MouseButton.LeftButton and self._is_on_wipe(place_of(event)):
            self._grabbed = "wipe"

    def mouseMoveEvent(self, event: QtGui.QMouseEvent) -> None:
        place = place_of(event)
        if self._grabbed == "wipe":
            rect = self._placement.rect()
            self.wipe_asked.emit((place.x() - rect.left()) / rect.width())
        elif self._grabbed == "picture":
            self._placement.move_by(place - self._grabbed_at)
            self._grabbed_at = place
            self.update()
        else:
            on_wipe = self._is_on_wipe(place)
            self.setCursor(Qt.CursorShape.SplitHCursor if on_wipe else Qt.CursorShape.CrossCursor)
        self._tell_pointed(place)

    def mouseReleaseEvent(self, _: QtGui.QMouseEvent) -> None:
        self._grabbed = ""
        self.unsetCursor()

    def mouseDoubleClickEvent(self, event: QtGui.QMouseEvent) -> None:
        if self._is_on_wipe(place_of(event)):  # a hand that presses twice means the line
            self.mousePressEvent(event)
        else:
            self.fit()

    def leaveEvent(self, _: QtCore.QEvent) -> None:
        self.pointed.emit("")

    def resizeEvent(self, _: QtGui.QResizeEvent) -> None:
        self.zoom_changed.emit(self.zoom)

    def _is_on_wipe(self, place: QtCore.QPointF) -> bool:
        line = self.wipe_x()
        return line is not None and abs(place.x() - line) <= _GRAB_PX

    def _tell_pointed(self, place: QtCore.QPointF) -> None:
        if self._after is None:
            return
        spot, image = self._placement.point(place), self._after.image
        line = self.wipe_x()
        if line is not None and self._before is not None and place.x() < line:
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
