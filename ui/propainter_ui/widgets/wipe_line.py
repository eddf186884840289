"""The wipe's line on the screen: where it runs, what the mouse grabs of it, and the sides it parts.

Here: geometry alone, of a ``Wipe`` and the rectangle its picture fills. Not here: painting (``viewer_painting.py``), the
mouse (``viewer.py``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from propainter_ui.qt import QtCore, QtGui
from propainter_ui.state.wipe import Wipe

Grip = Literal["", "line", "middle", "turn"]

_GRAB_PX = 8
_ARM_PX = 78
"""From the middle to the round end that turns the line."""
_SNAP_DEGREES = 15


@dataclass(frozen=True)
class WipeLine:
    """A wipe over a picture that fills ``rect``, in a widget of this size."""

    wipe: Wipe
    rect: QtCore.QRectF
    area: QtCore.QSizeF

    @property
    def along(self) -> QtCore.QPointF:
        """One pixel along the line; downward where it is upright."""
        turn = math.radians(self.wipe.angle)
        return QtCore.QPointF(-math.sin(turn), math.cos(turn))

    @property
    def across(self) -> QtCore.QPointF:
        """One pixel across the line, to its right side."""
        turn = math.radians(self.wipe.angle)
        return QtCore.QPointF(math.cos(turn), math.sin(turn))

    @property
    def middle(self) -> QtCore.QPointF:
        """The handle: the wipe's point, or where the line passes the widget's centre once that is scrolled away."""
        rect = self.rect
        point = QtCore.QPointF(rect.left() + self.wipe.x * rect.width(), rect.top() + self.wipe.y * rect.height())
        seen = QtCore.QRectF(QtCore.QPointF(0, 0), self.area).adjusted(20, 20, -20, -20)
        if seen.contains(point):
            return point
        return point + self.along * _dot(seen.center() - point, self.along)

    @property
    def turning_end(self) -> QtCore.QPointF:
        """The round end that turns the line."""
        return self.middle - self.along * _ARM_PX

    @property
    def ends(self) -> tuple[QtCore.QPointF, QtCore.QPointF]:
        """Two points of the line, beyond the widget."""
        far = self.area.width() + self.area.height()
        return self.middle - self.along * far, self.middle + self.along * far

    def side(self, *, is_right: bool) -> QtGui.QPainterPath:
        """All of the widget on one side."""
        far = (self.area.width() + self.area.height()) * (1 if is_right else -1)
        start, end = self.ends
        path = QtGui.QPainterPath()
        path.addPolygon(QtGui.QPolygonF([start, end, end + self.across * far, start + self.across * far]))
        return path

    def is_right(self, place: QtCore.QPointF) -> bool:
        """Whether a place lies right of the line."""
        return _dot(place - self.middle, self.across) >= 0

    def grip_at(self, place: QtCore.QPointF) -> Grip:
        """What of the line lies under the mouse."""
        if _length(place - self.turning_end) <= _GRAB_PX + 2:
            return "turn"
        if _length(place - self.middle) <= _GRAB_PX + 4:
            return "middle"
        return "line" if abs(_dot(place - self.middle, self.across)) <= _GRAB_PX else ""

    def dragged(self, grip: Grip, place: QtCore.QPointF, *, snaps: bool = False) -> Wipe:
        """The wipe after its grip was dragged to a place. snaps: to every 15 degrees while it turns."""
        if grip == "turn":
            away = self.middle - place
            angle = math.degrees(math.atan2(-away.x(), away.y()))
            return self.wipe.turned_to(round(angle / _SNAP_DEGREES) * _SNAP_DEGREES if snaps else round(angle, 1))
        if grip == "line":  # the line follows the mouse, its middle stays as far along it as it was
            place = self.middle + self.across * _dot(place - self.middle, self.across)
        rect = self.rect
        return self.wipe.through((place.x() - rect.left()) / rect.width(), (place.y() - rect.top()) / rect.height())


def _dot(one: QtCore.QPointF, other: QtCore.QPointF) -> float:
    return one.x() * other.x() + one.y() * other.y()


def _length(vector: QtCore.QPointF) -> float:
    return math.hypot(vector.x(), vector.y())
