"""How the viewer looks: pictures with the wipe between them, labels, the ring that shows the focus.

Here: painting, on a painter that is given. Not here: where the picture lies (``placement.py``), which it is
(``viewer.py``).
"""

from __future__ import annotations

from dataclasses import dataclass

from propainter_ui.look import colours_of
from propainter_ui.qt import Qt, QtCore, QtGui, QtWidgets
from propainter_ui.widgets.placement import Placement
from propainter_ui.widgets.wipe_line import WipeLine

_SHARP_FROM = 2.0
"""Zoomed in this far, pixels are shown as squares."""


@dataclass(frozen=True)
class Shown:
    """A picture and what it is called."""

    image: QtGui.QImage
    label: str


def paint_focus(painter: QtGui.QPainter, widget: QtWidgets.QWidget) -> None:
    """A ring just inside a widget that has the focus."""
    painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing, False)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QtGui.QPen(QtGui.QColor(colours_of(widget).focus), 2))
    painter.drawRect(widget.rect().adjusted(1, 1, -1, -1))


def paint_pictures(
    painter: QtGui.QPainter,
    placement: Placement,
    after: Shown,
    *,
    before: Shown | None,
    line: WipeLine | None,
    hint: str,
    area: QtCore.QSize,
) -> None:
    """Paint a picture, or two with the wipe's line between them, into ``area``."""
    rect = placement.rect()
    painter.setRenderHint(QtGui.QPainter.RenderHint.SmoothPixmapTransform, placement.zoom < _SHARP_FROM)
    if line is None or before is None:
        painter.drawImage(rect, after.image)
        _paint_label(painter, area, after.label, is_left=True)
    else:
        painter.save()
        for shown, is_right in ((after, True), (before, False)):
            painter.setClipPath(line.side(is_right=is_right))
            painter.drawImage(rect, shown.image)
        painter.restore()
        _paint_wipe(painter, line)
        is_swapped = abs(line.wipe.angle) > 90
        _paint_label(painter, area, before.label, is_left=not is_swapped)
        _paint_label(painter, area, after.label, is_left=is_swapped)
    if hint:
        _paint_hint(painter, area, hint)


def _paint_wipe(painter: QtGui.QPainter, line: WipeLine) -> None:
    painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
    middle, end = line.middle, line.turning_end
    for colour, width in ((QtGui.QColor(0, 0, 0, 130), 3.0), (QtGui.QColor(255, 255, 255, 230), 1.2)):
        painter.setPen(QtGui.QPen(colour, width))
        painter.drawLine(*line.ends)
    painter.setBrush(QtGui.QColor(20, 22, 25, 200))
    painter.drawEllipse(middle, 11, 11)
    painter.drawEllipse(end, 6, 6)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QtGui.QColor(255, 255, 255))
    painter.translate(middle)
    painter.rotate(line.wipe.angle)
    for side in (-1, 1):
        painter.drawPolygon([QtCore.QPointF(side * x, y) for x, y in ((7.5, 0), (3, -4), (3, 4))])
    painter.resetTransform()
    painter.setBrush(Qt.BrushStyle.NoBrush)


def _paint_label(painter: QtGui.QPainter, area: QtCore.QSize, text: str, *, is_left: bool) -> None:
    width = painter.fontMetrics().horizontalAdvance(text) + 18
    left = 10.0 if is_left else area.width() - width - 10.0
    height = painter.fontMetrics().height() + 8
    _paint_pill(painter, QtCore.QRectF(left, area.height() - height - 10, width, height), text)


def _paint_hint(painter: QtGui.QPainter, area: QtCore.QSize, text: str) -> None:
    width = painter.fontMetrics().horizontalAdvance(text) + 24
    height = painter.fontMetrics().height() + 10
    _paint_pill(painter, QtCore.QRectF((area.width() - width) / 2, area.height() - height - 44, width, height), text)


def _paint_pill(painter: QtGui.QPainter, rect: QtCore.QRectF, text: str) -> None:
    painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QtGui.QColor(16, 18, 20, 190))
    painter.drawRoundedRect(rect, 5, 5)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QtGui.QColor("#eceff2"))
    painter.drawText(rect, int(Qt.AlignmentFlag.AlignCenter), text)
