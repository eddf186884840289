"""How the viewer looks: pictures with the wipe between them, labels, the invitation.

Here: painting, on a painter that is given. Not here: where the picture lies (``placement.py``), which it is
(``viewer.py``).
"""

from __future__ import annotations

from dataclasses import dataclass

from propainter_ui.look import colours_of
from propainter_ui.qt import Qt, QtCore, QtGui, QtWidgets
from propainter_ui.widgets.placement import Placement

_SHARP_FROM = 2.0
"""Zoomed in this far, pixels are shown as squares."""


@dataclass(frozen=True)
class Shown:
    """A picture and what it is called."""

    image: QtGui.QImage
    label: str


def paint_invitation(painter: QtGui.QPainter, widget: QtWidgets.QWidget, text: str) -> None:
    """Say what can be dropped, while there is no picture. text: a title, and more on its second line."""
    colours = colours_of(widget)
    box = QtCore.QRectF(0, 0, min(460, widget.width() - 40), min(180, widget.height() - 30))
    box.moveCenter(QtCore.QPointF(widget.rect().center()))
    painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
    pen = QtGui.QPen(QtGui.QColor("#5c636d"), 1.5, Qt.PenStyle.CustomDashLine)
    pen.setDashPattern([5, 4])
    painter.setPen(pen)
    painter.drawRoundedRect(box, 10, 10)
    title, _, rest = text.partition("\n")
    font = QtGui.QFont(widget.font())
    font.setPointSizeF(font.pointSizeF() * 1.35)
    painter.setFont(font)
    painter.setPen(QtGui.QColor("#e3e6ea"))
    upper = QtCore.QRectF(box.left(), box.top() + box.height() * 0.2, box.width(), box.height() * 0.28)
    painter.drawText(upper, int(Qt.AlignmentFlag.AlignCenter), title)
    painter.setFont(widget.font())
    painter.setPen(QtGui.QColor("#9aa2ac"))
    lower = QtCore.QRectF(box.left() + 24, box.center().y(), box.width() - 48, box.height() * 0.4)
    painter.drawText(lower, int(Qt.AlignmentFlag.AlignHCenter) | int(Qt.TextFlag.TextWordWrap), rest)
    painter.setPen(QtGui.QColor(colours.accent))


def paint_pictures(
    painter: QtGui.QPainter,
    placement: Placement,
    after: Shown,
    *,
    before: Shown | None,
    line: float | None,
    hint: str,
    area: QtCore.QSize,
) -> None:
    """Paint a picture, or two with the wipe's line at ``line`` between them, into ``area``."""
    rect = placement.rect()
    painter.setRenderHint(QtGui.QPainter.RenderHint.SmoothPixmapTransform, placement.zoom < _SHARP_FROM)
    if line is None or before is None:
        painter.drawImage(rect, after.image)
        _paint_label(painter, area, after.label, is_left=True)
    else:
        painter.save()
        painter.setClipRect(QtCore.QRectF(line, 0, area.width() - line, area.height()))
        painter.drawImage(rect, after.image)
        painter.setClipRect(QtCore.QRectF(0, 0, line, area.height()))
        painter.drawImage(rect, before.image)
        painter.restore()
        _paint_wipe(painter, line, area)
        _paint_label(painter, area, before.label, is_left=True)
        _paint_label(painter, area, after.label, is_left=False)
    if hint:
        _paint_hint(painter, area, hint)


def _paint_wipe(painter: QtGui.QPainter, line: float, area: QtCore.QSize) -> None:
    painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
    for colour, width in ((QtGui.QColor(0, 0, 0, 130), 3.0), (QtGui.QColor(255, 255, 255, 230), 1.2)):
        painter.setPen(QtGui.QPen(colour, width))
        painter.drawLine(QtCore.QPointF(line, 0), QtCore.QPointF(line, area.height()))
    middle = QtCore.QPointF(line, area.height() / 2)
    painter.setBrush(QtGui.QColor(20, 22, 25, 200))
    painter.drawEllipse(middle, 11, 11)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QtGui.QColor(255, 255, 255))
    for side in (-1, 1):
        tip = [QtCore.QPointF(line + side * x, middle.y() + y) for x, y in ((7.5, 0), (3, -4), (3, 4))]
        painter.drawPolygon(tip)
    painter.setBrush(Qt.BrushStyle.NoBrush)


def _paint_label(painter: QtGui.QPainter, area: QtCore.QSize, text: str, *, is_left: bool) -> None:
    width = painter.fontMetrics().horizontalAdvance(text) + 18
    left = 10.0 if is_left else area.width() - width - 10.0
    _paint_pill(painter, QtCore.QRectF(left, 10, width, painter.fontMetrics().height() + 8), text)


def _paint_hint(painter: QtGui.QPainter, area: QtCore.QSize, text: str) -> None:
    width = painter.fontMetrics().horizontalAdvance(text) + 24
    height = painter.fontMetrics().height() + 10
    _paint_pill(painter, QtCore.QRectF((area.width() - width) / 2, area.height() - height - 12, width, height), text)


def _paint_pill(painter: QtGui.QPainter, rect: QtCore.QRectF, text: str) -> None:
    painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QtGui.QColor(16, 18, 20, 190))
    painter.drawRoundedRect(rect, 5, 5)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QtGui.QColor("#eceff2"))
    painter.drawText(rect, int(Qt.AlignmentFlag.AlignCenter), text)
