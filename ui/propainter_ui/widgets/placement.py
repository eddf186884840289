"""Where the picture lies in the viewer: zoom and centre.

Here: ``Placement``, geometry alone. Not here: painting (``viewer_painting.py``), the mouse (``viewer.py``).
"""

from __future__ import annotations

from propainter_ui.qt import QtCore, QtWidgets

_SMALLEST_ZOOM, _LARGEST_ZOOM = 0.02, 64.0


class Placement:
    """Places a picture of ``size`` in a widget: all of it, until it is zoomed or moved."""

    def __init__(self, widget: QtWidgets.QWidget) -> None:
        self._widget = widget
        self.size = QtCore.QSize(16, 9)
        """Of the picture, in its own pixels."""
        self._zoom = 0.0
        self._centre = QtCore.QPointF(0.5, 0.5)

    @property
    def zoom(self) -> float:
        """Screen pixels a picture pixel takes, display density aside."""
        return self._zoom or self._fitting_zoom()

    @property
    def placed(self) -> tuple[float, float, float]:
        """Zoom, 0 for all of the picture, and the point of it in the middle, 0..1: to be given to ``place`` again."""
        return self._zoom, self._centre.x(), self._centre.y()

    def place(self, zoom: float, x: float, y: float) -> None:
        """Zoom and middle as ``placed`` told them."""
        self._zoom = min(max(zoom, _SMALLEST_ZOOM), _LARGEST_ZOOM) if zoom else 0.0
        self._centre = QtCore.QPointF(x, y)

    def fit(self) -> None:
        """Show the whole picture."""
        self._zoom, self._centre = 0.0, QtCore.QPointF(0.5, 0.5)

    def zoom_by(self, factor: float, around: QtCore.QPointF | None = None) -> None:
        """Zoom in (above 1) or out, the point under ``around`` staying where it is."""
        anchor = around if around is not None else QtCore.QPointF(self._widget.rect().center())
        spot = self.point(anchor)
        self._zoom = min(max(self.zoom * factor, _SMALLEST_ZOOM), _LARGEST_ZOOM)
        moved = self.point(anchor)
        self._centre += QtCore.QPointF(
            (spot.x() - moved.x()) / self.size.width(), (spot.y() - moved.y()) / self.size.height()
        )

    def move_by(self, moved: QtCore.QPointF) -> None:
        """Move the picture by so much of the widget."""
        rect = self.rect()
        self._zoom = self.zoom
        self._centre -= QtCore.QPointF(moved.x() / rect.width(), moved.y() / rect.height())

    def rect(self) -> QtCore.QRectF:
        """Where the picture lies in the widget."""
        width, height = self.size.width() * self.zoom, self.size.height() * self.zoom
        left = self._widget.width() / 2 - self._centre.x() * width
        return QtCore.QRectF(left, self._widget.height() / 2 - self._centre.y() * height, width, height)

    def point(self, place: QtCore.QPointF) -> QtCore.QPointF:
        """A place in the widget as a point of the picture."""
        rect = self.rect()
        return QtCore.QPointF((place.x() - rect.left()) / self.zoom, (place.y() - rect.top()) / self.zoom)

    def _fitting_zoom(self) -> float:
        width, height = self._widget.width() - 24, self._widget.height() - 24
        return max(_SMALLEST_ZOOM, min(width / self.size.width(), height / self.size.height()))
