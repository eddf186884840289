"""The viewer: one picture, or two with a wipe between them; zoom, pan, and the colour under the pointer.

Here: painting and the mouse. Not here: making pictures (``frame_maker.py``), which ones (``panel.py``).
"""

from __future__ import annotations

from dataclasses import dataclass

from propainter_ui.look import colours_of
from propainter_ui.qt import Qt, QtCore, QtGui, QtWidgets, Signal, place_of

_GRAB_PX = 8
_ZOOM_STEP = 1.25
_SMALLEST_ZOOM, _LARGEST_ZOOM = 0.02, 64.0
_SHARP_FROM = 2.0
"""Zoomed in this far, pixels are shown as squares."""


@dataclass(frozen=True)
class Shown:
    """A picture and what it is called."""

    image: QtGui.QImage
    label: str


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
        self._zoom = 0.0
        self._centre = QtCore.QPointF(0.5, 0.5)
        self._grabbed = ""
        self._grabbed_at = QtCore.QPointF()
        self._is_dropping = False

    # --- what is shown --------------------------------------------------------------------------------------------

    def show_pictures(self, after: Shown | None, before: Shown | None, wipe: float | None, hint: str) -> None:
        """Show a picture; with ``wipe``, ``before`` to the left of it. hint: a line of text at the bottom."""
        old_size = self._picture_size()
        self._after, self._before, self._wipe, self._hint = after, before, wipe, hint
        if self._picture_size() != old_size:
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
        return self._zoom or self._fitting_zoom()

    def fit(self) -> None:
        """Show the whole picture."""
        self._zoom, self._centre = 0.0, QtCore.QPointF(0.5, 0.5)
        self._zoomed()

    def zoom_by(self, factor: float, around: QtCore.QPointF | None = None) -> None:
        """Zoom in (above 1) or out, the point under ``around`` staying where it is."""
        anchor = around if around is not None else QtCore.QPointF(self.rect().center())
        spot = self._picture_point(anchor)
        self._zoom = min(max(self.zoom * factor, _SMALLEST_ZOOM), _LARGEST_ZOOM)
        moved = self._picture_point(anchor)
        size = self._picture_size()
        self._centre += QtCore.QPointF((spot.x() - moved.x()) / size.width(), (spot.y() - moved.y()) / size.height())
        self._zoomed()

    def actual_size(self) -> None:
        """One picture pixel a screen pixel."""
        self.zoom_by(1 / self.zoom)

    def _zoomed(self) -> None:
        self.zoom_changed.emit(self.zoom)
        self.update()

    # --- geometry -------------------------------------------------------------------------------------------------

    def _picture_size(self) -> QtCore.QSize:
        return self._after.image.size() if self._after is not None else QtCore.QSize(16, 9)

    def _fitting_zoom(self) -> float:
        size = self._picture_size()
        return max(_SMALLEST_ZOOM, min((self.width() - 24) / size.width(), (self.height() - 24) / size.height()))

    def _picture_rect(self) -> QtCore.QRectF:
        size, zoom = self._picture_size(), self.zoom
        width, height = size.width() * zoom, size.height() * zoom
        left = self.width() / 2 - self._centre.x() * width
        return QtCore.QRectF(left, self.height() / 2 - self._centre.y() * height, width, height)

    def _picture_point(self, place: QtCore.QPointF) -> QtCore.QPointF:
        rect = self._picture_rect()
        return QtCore.QPointF((place.x() - rect.left()) / self.zoom, (place.y() - rect.top()) / self.zoom)

    def wipe_x(self) -> float | None:
        """Where in the widget the wipe's line is; None without one."""
        if self._wipe is None or self._after is None:
            return None
        rect = self._picture_rect()
        return rect.left() + self._wipe * rect.width()

    # --- painting -------------------------------------------------------------------------------------------------

    def paintEvent(self, _: QtGui.QPaintEvent) -> None:
        colours = colours_of(self)
        painter = QtGui.QPainter(self)
        painter.fillRect(self.rect(), QtGui.QColor(colours.canvas))
        if self._after is None:
            self._paint_invitation(painter)
        else:
            self._paint_pictures(painter, self._after)
        if self._is_dropping:
            painter.setPen(QtGui.QPen(QtGui.QColor(colours.accent), 3))
            painter.drawRect(self.rect().adjusted(2, 2, -3, -3))

    def _paint_invitation(self, painter: QtGui.QPainter) -> None:
        colours = colours_of(self)
        box = QtCore.QRectF(0, 0, min(460, self.width() - 40), min(180, self.height() - 30))
        box.moveCenter(QtCore.QPointF(self.rect().center()))
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        pen = QtGui.QPen(QtGui.QColor("#5c636d"), 1.5, Qt.PenStyle.CustomDashLine)
        pen.setDashPattern([5, 4])
        painter.setPen(pen)
        painter.drawRoundedRect(box, 10, 10)
        title, _, rest = self._invitation.partition("\n")
        font = QtGui.QFont(self.font())
        font.setPointSizeF(font.pointSizeF() * 1.35)
        painter.setFont(font)
        painter.setPen(QtGui.QColor("#e3e6ea"))
        upper = QtCore.QRectF(box.left(), box.top() + box.height() * 0.2, box.width(), box.height() * 0.28)
        painter.drawText(upper, int(Qt.AlignmentFlag.AlignCenter), title)
        painter.setFont(self.font())
        painter.setPen(QtGui.QColor("#9aa2ac"))
        lower = QtCore.QRectF(box.left() + 24, box.center().y(), box.width() - 48, box.height() * 0.4)
        painter.drawText(lower, int(Qt.AlignmentFlag.AlignHCenter) | int(Qt.TextFlag.TextWordWrap), rest)
        painter.setPen(QtGui.QColor(colours.accent))

    def _paint_pictures(self, painter: QtGui.QPainter, after: Shown) -> None:
        rect = self._picture_rect()
        painter.setRenderHint(QtGui.QPainter.RenderHint.SmoothPixmapTransform, self.zoom < _SHARP_FROM)
        line = self.wipe_x()
        if line is None or self._before is None:
            painter.drawImage(rect, after.image)
            self._paint_label(painter, after.label, is_left=True)
        else:
            painter.save()
            painter.setClipRect(QtCore.QRectF(line, 0, self.width() - line, self.height()))
            painter.drawImage(rect, after.image)
            painter.setClipRect(QtCore.QRectF(0, 0, line, self.height()))
            painter.drawImage(rect, self._before.image)
            painter.restore()
            self._paint_wipe(painter, line)
            self._paint_label(painter, self._before.label, is_left=True)
            self._paint_label(painter, after.label, is_left=False)
        if self._hint:
            self._paint_hint(painter, self._hint)

    def _paint_wipe(self, painter: QtGui.QPainter, line: float) -> None:
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        for colour, width in ((QtGui.QColor(0, 0, 0, 130), 3.0), (QtGui.QColor(255, 255, 255, 230), 1.2)):
            painter.setPen(QtGui.QPen(colour, width))
            painter.drawLine(QtCore.QPointF(line, 0), QtCore.QPointF(line, self.height()))
        middle = QtCore.QPointF(line, self.height() / 2)
        painter.setBrush(QtGui.QColor(20, 22, 25, 200))
        painter.drawEllipse(middle, 11, 11)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QtGui.QColor(255, 255, 255))
        for side in (-1, 1):
            tip = [QtCore.QPointF(line + side * x, middle.y() + y) for x, y in ((7.5, 0), (3, -4), (3, 4))]
            painter.drawPolygon(tip)
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def _paint_label(self, painter: QtGui.QPainter, text: str, *, is_left: bool) -> None:
        width = painter.fontMetrics().horizontalAdvance(text) + 18
        left = 10.0 if is_left else self.width() - width - 10.0
        self._paint_pill(painter, QtCore.QRectF(left, 10, width, painter.fontMetrics().height() + 8), text)

    def _paint_hint(self, painter: QtGui.QPainter, text: str) -> None:
        width = painter.fontMetrics().horizontalAdvance(text) + 24
        height = painter.fontMetrics().height() + 10
        self._paint_pill(
            painter, QtCore.QRectF((self.width() - width) / 2, self.height() - height - 12, width, height), text
        )

    def _paint_pill(self, painter: QtGui.QPainter, rect: QtCore.QRectF, text: str) -> None:
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QtGui.QColor(16, 18, 20, 190))
        painter.drawRoundedRect(rect, 5, 5)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QtGui.QColor("#eceff2"))
        painter.drawText(rect, int(Qt.AlignmentFlag.AlignCenter), text)

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
            rect = self._picture_rect()
            self.wipe_asked.emit((place.x() - rect.left()) / rect.width())
        elif self._grabbed == "picture":
            rect, moved = self._picture_rect(), place - self._grabbed_at
            self._zoom = self.zoom
            self._centre -= QtCore.QPointF(moved.x() / rect.width(), moved.y() / rect.height())
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
        spot, image = self._picture_point(place), self._after.image
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
