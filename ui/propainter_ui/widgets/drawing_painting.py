"""How drawing looks while it goes on: boxes, strokes, outlines with their points and handles, the brush's circle.

Here: painting, on a painter that is given; what is given is in plate pixels. Not here: the gestures (``drawing/``), the
matte itself (``shot/picture.py``).

Every line is drawn twice, dark and wide below, light and thin above, so that it is seen on any picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from propainter_ui.drawing.outlines import Part, end_of
from propainter_ui.matte.outlines import Outline, Vertex
from propainter_ui.matte.strokes import Box, Dab, Point
from propainter_ui.qt import Qt, QtCore, QtGui
from propainter_ui.widgets.placement import Placement

REMOVES = QtGui.QColor(255, 92, 80)
KEEPS = QtGui.QColor(88, 200, 255)
NEUTRAL = QtGui.QColor(255, 255, 255)
_BELOW = QtGui.QColor(0, 0, 0, 150)
_KNOT_PX, _HANDLE_PX = 3.5, 3.0
_CROSS_PX = 7.0
_HANDLES: tuple[Part, ...] = ("before", "after")


class DrawingPainter:
    """Paints over the picture. placement: where it lies in the widget."""

    def __init__(self, painter: QtGui.QPainter, placement: Placement) -> None:
        self._painter, self._rect, self._zoom = painter, placement.rect(), placement.zoom
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def place(self, point: Point) -> QtCore.QPointF:
        """Where a point of the picture is in the widget."""
        return QtCore.QPointF(self._rect.left() + point[0] * self._zoom, self._rect.top() + point[1] * self._zoom)

    def box(self, box: Box, colour: QtGui.QColor) -> None:
        """A box."""
        path = QtGui.QPainterPath()
        far = self.place((box.x + box.width, box.y + box.height))
        path.addRect(QtCore.QRectF(self.place((box.x, box.y)), far))
        self._line(path, colour)

    def stroke(self, dabs: Sequence[Dab], radius: float, colour: QtGui.QColor, opacity: float) -> None:
        """A stroke as wide as its brush was pressed, see-through."""
        if not dabs:
            return
        path = QtGui.QPainterPath()
        path.setFillRule(Qt.FillRule.WindingFill)
        if len(dabs) == 1:
            (x, y, pressure), *_ = dabs
            path.addEllipse(self.place((x, y)), radius * pressure * self._zoom, radius * pressure * self._zoom)
        for (ax, ay, pressure), (bx, by, other) in pairwise(dabs):
            pen = QtGui.QPainterPathStroker()
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
            pen.setWidth((pressure + other) * radius * self._zoom)
            line = QtGui.QPainterPath(self.place((ax, ay)))
            line.lineTo(self.place((bx, by)))
            path.addPath(pen.createStroke(line))
        shade = QtGui.QColor(colour)
        shade.setAlphaF(opacity)
        path.setFillRule(Qt.FillRule.WindingFill)  # Qt takes that of what was added last
        self._painter.fillPath(path, shade)

    def polyline(self, points: Sequence[Point], colour: QtGui.QColor, *, is_closed: bool) -> None:
        """A line through points."""
        if points:
            path = QtGui.QPainterPath(self.place(points[0]))
            for point in points[1:]:
                path.lineTo(self.place(point))
            if is_closed:
                path.closeSubpath()
            self._line(path, colour)

    def outline(self, outline: Outline, colour: QtGui.QColor, *, selected: int | None = None) -> None:
        """An outline with its points, and the handles of the selected one and its neighbours."""
        self.polyline(outline.flattened(), colour, is_closed=True)
        self.vertices(outline.vertices, colour, selected=selected)

    def vertices(self, vertices: Sequence[Vertex], colour: QtGui.QColor, *, selected: int | None) -> None:
        """Points that can be dragged. selected: the one whose handles are seen, its neighbours' with them."""
        count = len(vertices)
        for index, vertex in enumerate(vertices):
            is_near = selected is not None and (index - selected) % count in (0, 1, count - 1)
            if is_near and not vertex.is_corner:
                self._handles(vertex, colour)
            self._spot(self.place(vertex.point), colour if index == selected else NEUTRAL, _KNOT_PX, is_square=True)

    def _handles(self, vertex: Vertex, colour: QtGui.QColor) -> None:
        for part in _HANDLES:
            end = self.place(end_of(vertex, part))
            path = QtGui.QPainterPath(self.place(vertex.point))
            path.lineTo(end)
            self._line(path, colour, width=1.0)
            self._spot(end, NEUTRAL, _HANDLE_PX, is_square=False)

    def circle(self, middle: Point, radius: float, colour: QtGui.QColor, *, softness: float = 0.0) -> None:
        """The brush, and how far inside it begins to fade."""
        path = QtGui.QPainterPath()
        path.addEllipse(self.place(middle), radius * self._zoom, radius * self._zoom)
        self._line(path, colour)
        inner = radius * (1 - softness) * self._zoom
        if softness > 0 and inner > 1:
            self._painter.setPen(QtGui.QPen(QtGui.QColor(255, 255, 255, 120), 1.0, Qt.PenStyle.DotLine))
            self._painter.drawEllipse(self.place(middle), inner, inner)

    def cross(self, at: Point, colour: QtGui.QColor) -> None:
        """A place: where the stamp copies from."""
        place, path = self.place(at), QtGui.QPainterPath()
        for dx, dy in ((_CROSS_PX, 0.0), (0.0, _CROSS_PX)):
            path.moveTo(place - QtCore.QPointF(dx, dy))
            path.lineTo(place + QtCore.QPointF(dx, dy))
        self._line(path, colour)

    def _line(self, path: QtGui.QPainterPath, colour: QtGui.QColor, *, width: float = 1.5) -> None:
        for pen in (QtGui.QPen(_BELOW, width + 2), QtGui.QPen(colour, width)):
            self._painter.setPen(pen)
            self._painter.drawPath(path)

    def _spot(self, place: QtCore.QPointF, colour: QtGui.QColor, size: float, *, is_square: bool) -> None:
        self._painter.setPen(QtGui.QPen(_BELOW, 1.5))
        self._painter.setBrush(colour)
        rect = QtCore.QRectF(place.x() - size, place.y() - size, 2 * size, 2 * size)
        (self._painter.drawRect if is_square else self._painter.drawEllipse)(rect)
        self._painter.setBrush(Qt.BrushStyle.NoBrush)
