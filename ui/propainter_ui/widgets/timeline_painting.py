"""How the timeline looks: ruler, bands, the window of the playhead, range, playhead.

Here: ``TimelinePainter``, on a painter that is given. Not here: where a frame lies (``timeline_span.py``), the mouse
(``timeline.py``), which frames a window sees (``state/windows_preview.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from propainter_ui.look import Colours
from propainter_ui.qt import Qt, QtCore, QtGui
from propainter_ui.state.forecast import window_seen
from propainter_ui.state.matte_bands import MatteBands
from propainter_ui.state.panel_state import PanelState, Run
from propainter_ui.widgets.timeline_span import LABELS, TimelineSpan

RULER = 24
WINDOW = 26
BAND = 11
GAP = 3
BOTTOM = 8
_DIAMOND = 9.0
"""Pixels across."""
_FULL_DOUBT = 0.4
"""From here on a bar is as high as its row: so doubtful a matte is wrong."""
BAND_NAMES = {
    "plate": "plate", "matte": "matte", "flow": "flow", "completion": "completed flow",
    "propagation": "propagated", "painting": "painted", "here": "result here", "clean": "clean plate",
    "drawn": "drawn matte", "doubt": "doubt",
}  # fmt: skip


def row_top(row: int) -> int:
    """Where a row of bands begins."""
    return RULER + WINDOW + row * (BAND + GAP)


class TimelinePainter:
    """Paints one state into a widget of this size."""

    def __init__(
        self, painter: QtGui.QPainter, colours: Colours, span: TimelineSpan, size: QtCore.QSize, state: PanelState
    ) -> None:  # fmt: skip
        self._painter, self._colours, self._span, self._size, self._state = painter, colours, span, size, state

    def paint(
        self, rows: Sequence[str], bands: Mapping[str, tuple[Run, ...]], cuts: Sequence[float], matte: MatteBands
    ) -> None:  # fmt: skip
        """All of it. cuts: where the film is cut, in pixels."""
        self._paint_row_names(rows)
        if self._state.shot is None:
            self._painter.setPen(QtGui.QColor(self._colours.dim))
            place = QtCore.QRect(QtCore.QPoint(LABELS, 0), self._size - QtCore.QSize(LABELS, 0))
            self._painter.drawText(place, int(Qt.AlignmentFlag.AlignCenter), "No shot is open.")
            return
        self._painter.save()
        frames = QtCore.QRectF(LABELS - 1, 0, self._span.right - LABELS + 3, self._size.height())
        self._painter.setClipRect(frames)
        self._paint_ruler()
        self._paint_bands(rows, bands)
        if "drawn" in rows:
            self._paint_doubt(rows.index("doubt"), matte)
            self._paint_keys(rows.index("drawn"), matte)
        self._paint_window()
        self._paint_cuts(cuts)
        self._paint_range()
        self._painter.restore()
        self._paint_playhead()
        self._paint_part_in_sight()

    def _paint_row_names(self, rows: Sequence[str]) -> None:
        self._painter.setPen(QtGui.QColor(self._colours.dim))
        right = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if window_seen(self._state) is not None:
            self._painter.drawText(QtCore.QRect(0, RULER, LABELS - 8, WINDOW), right, "window sees")
        for row, name in enumerate(rows):
            self._painter.drawText(QtCore.QRect(0, row_top(row) - 2, LABELS - 8, BAND + 4), right, BAND_NAMES[name])

    def _paint_cuts(self, cuts: Sequence[float]) -> None:
        self._painter.setPen(QtGui.QPen(QtGui.QColor(self._colours.text), 1, Qt.PenStyle.DashLine))
        for x in cuts:
            self._painter.drawLine(QtCore.QPointF(x, RULER - 9), QtCore.QPointF(x, self._size.height() - 4))

    def _paint_ruler(self) -> None:
        shot = self._state.shot
        assert shot is not None
        width = self._span.frame_width
        step = _tick_step(width, self._painter.fontMetrics().horizontalAdvance("00000") + 14)
        begin = max(shot.first, self._span.frame_at(LABELS) - step)
        end = min(shot.last, self._span.frame_at(self._span.right) + step)
        frame = begin + (-begin) % step
        self._painter.setPen(QtGui.QColor(self._colours.dim))
        while frame <= end:
            x = self._span.x_of(frame) + width / 2
            self._painter.drawLine(QtCore.QPointF(x, RULER - 5), QtCore.QPointF(x, RULER))
            self._painter.drawText(
                QtCore.QRectF(x - 40, 0, 80, RULER - 5), int(Qt.AlignmentFlag.AlignCenter), str(frame)
            )
            frame += step

    def _paint_bands(self, rows: Sequence[str], bands: Mapping[str, tuple[Run, ...]]) -> None:
        shot = self._state.shot
        assert shot is not None
        fills = {"cached": self._colours.cached, "stale": self._colours.stale, "running": self._colours.running}
        own = {"here": self._colours.accent, "clean": self._colours.reference}
        begin, end = self._span.x_of(shot.first), self._span.x_of(shot.last + 1)
        whole = QtCore.QRectF(begin, 0, end - begin, BAND)
        for row, name in enumerate(rows):
            whole.moveTop(row_top(row))
            self._painter.fillRect(whole, QtGui.QColor(self._colours.missing))
            for first, last, what in bands.get(name, ()):
                if what not in fills:
                    continue
                left, right = self._span.x_of(first), self._span.x_of(last + 1)
                if name in ("flow", "completion"):  # a pair lies between its two frames
                    half = self._span.frame_width / 2
                    left, right = left + half, right + half
                rect = QtCore.QRectF(left, row_top(row), max(1.0, right - left), BAND)
                self._painter.fillRect(rect, QtGui.QColor(own.get(name, fills[what])))
                if what == "running":
                    hatching = QtGui.QBrush(QtGui.QColor(255, 255, 255, 70), Qt.BrushStyle.BDiagPattern)
                    self._painter.fillRect(rect, hatching)

    def _paint_keys(self, row: int, matte: MatteBands) -> None:
        """A diamond for every key frame of a drawn matte; where they would touch, a line."""
        width, middle = self._span.frame_width, row_top(row) + BAND / 2
        self._painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        self._painter.setPen(QtGui.QPen(QtGui.QColor(self._colours.base), 1))
        self._painter.setBrush(QtGui.QColor(self._colours.text))
        keys = set(matte.keys)
        for key in matte.keys:
            x = self._span.x_of(key) + width / 2
            if width < _DIAMOND and {key - 1, key + 1} & keys:
                rect = QtCore.QRectF(self._span.x_of(key), middle - 1.5, max(1.0, width), 3)
                self._painter.fillRect(rect, QtGui.QColor(self._colours.text))
            else:
                size = _DIAMOND / 2 + 1
                self._painter.drawPolygon(
                    [QtCore.QPointF(x + a * size, middle + b * size) for a, b in ((0, -1), (1, 0), (0, 1), (-1, 0))]
                )
        self._painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing, False)

    def _paint_doubt(self, row: int, matte: MatteBands) -> None:
        """A bar for every frame, as high as its doubt, and an arrow above those to look at."""
        bottom, width = row_top(row) + BAND, self._span.frame_width
        for frame, doubt in matte.doubt.items():
            height = BAND * min(1.0, doubt / _FULL_DOUBT)
            colour = QtGui.QColor(self._colours.error if frame in matte.wanted else self._colours.stale)
            rect = QtCore.QRectF(self._span.x_of(frame), bottom - height, max(1.0, width), height)
            self._painter.fillRect(rect, colour)
        self._painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        self._painter.setPen(QtGui.QPen(QtGui.QColor(self._colours.base), 1))
        self._painter.setBrush(QtGui.QColor(self._colours.text))
        for frame in matte.wanted:
            x, top = self._span.x_of(frame) + width / 2, row_top(row)
            self._painter.drawPolygon([QtCore.QPointF(x + a, top + b) for a, b in ((-5, -3), (5, -3), (0, 5))])
        self._painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing, False)

    def _paint_window(self) -> None:
        """Neighbours as a bar, references as diamonds, the frame between them."""
        seen, shot = window_seen(self._state), self._state.shot
        if seen is None or shot is None:
            return
        width = self._span.frame_width
        top, height = RULER + 5, WINDOW - 12
        self._painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        self._painter.setOpacity(1.0 if self._state.is_drawing_networks else 0.65)
        left = self._span.x_of(seen.neighbours[0] + shot.first)
        right = self._span.x_of(seen.neighbours[-1] + shot.first + 1)
        self._painter.setPen(Qt.PenStyle.NoPen)
        self._painter.setBrush(QtGui.QColor(self._colours.neighbour))
        self._painter.drawRoundedRect(QtCore.QRectF(left, top, right - left, height), 3, 3)
        self._painter.setPen(QtGui.QPen(QtGui.QColor(self._colours.base), 1))
        if width > 4:
            for index in seen.neighbours[1:]:
                x = self._span.x_of(index + shot.first)
                self._painter.drawLine(QtCore.QPointF(x, top), QtCore.QPointF(x, top + height))
        self._painter.setPen(Qt.PenStyle.NoPen)
        self._painter.setBrush(QtGui.QColor(self._colours.reference))
        size = min(6.5, max(3.0, width / 2))
        for index in seen.references:
            middle = QtCore.QPointF(self._span.x_of(index + shot.first) + width / 2, top + height / 2)
            self._painter.drawPolygon(
                [middle + QtCore.QPointF(x, y) for x, y in ((0, -size), (size, 0), (0, size), (-size, 0))]
            )
        self._painter.setOpacity(1.0)
        self._painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing, False)

    def _paint_range(self) -> None:
        state = self._state
        shade = QtGui.QColor(self._colours.base)
        shade.setAlpha(150)
        first, last = self._span.x_of(state.first), self._span.x_of(state.last + 1)
        below = self._size.height() - RULER
        self._painter.fillRect(QtCore.QRectF(LABELS, RULER, first - LABELS, below), shade)
        self._painter.fillRect(QtCore.QRectF(last, RULER, self._size.width() - last, below), shade)
        self._painter.setPen(QtGui.QPen(QtGui.QColor(self._colours.text), 2))
        for x, way in ((first, 1), (last, -1)):
            self._painter.drawLine(QtCore.QPointF(x, 3), QtCore.QPointF(x, RULER))
            self._painter.drawLine(QtCore.QPointF(x, 3), QtCore.QPointF(x + way * 5, 3))
            self._painter.drawLine(QtCore.QPointF(x, RULER - 1), QtCore.QPointF(x + way * 5, RULER - 1))

    def _paint_playhead(self) -> None:
        width = self._span.frame_width
        x = self._span.x_of(self._state.frame)
        if not LABELS - 1 <= x + width / 2 <= self._span.right + 1:
            return
        self._painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        tint = QtGui.QColor(self._colours.playhead)
        tint.setAlpha(70)
        self._painter.fillRect(QtCore.QRectF(x, RULER, max(1.0, width), self._size.height() - RULER), tint)
        middle = x + width / 2
        self._painter.setPen(QtGui.QPen(QtGui.QColor(self._colours.playhead), 1.4))
        self._painter.drawLine(QtCore.QPointF(middle, RULER - 6), QtCore.QPointF(middle, self._size.height()))
        text = str(self._state.frame)
        half = self._painter.fontMetrics().horizontalAdvance(text) / 2 + 6
        flag = QtCore.QRectF(min(middle - half, self._size.width() - 2 * half - 2), 2, 2 * half, RULER - 7)
        self._painter.setPen(Qt.PenStyle.NoPen)
        self._painter.setBrush(QtGui.QColor(self._colours.playhead))
        self._painter.drawRoundedRect(flag, 3, 3)
        self._painter.setPen(QtGui.QColor("#ffffff"))
        self._painter.drawText(flag, int(Qt.AlignmentFlag.AlignCenter), text)

    def _paint_part_in_sight(self) -> None:
        """A thin bar at the bottom, where a part of the shot is out of sight."""
        if not self._span.is_zoomed:
            return
        left, length = float(LABELS), self._span.right - LABELS
        first, last = self._span.seen
        top = self._size.height() - 4
        self._painter.fillRect(QtCore.QRectF(left, top, length, 3), QtGui.QColor(self._colours.missing))
        part = QtCore.QRectF(left + first * length, top, max(6.0, (last - first) * length), 3)
        self._painter.fillRect(part, QtGui.QColor(self._colours.dim))


def _tick_step(width: float, room: float) -> int:
    """Frames between two numbers: 1, 2, 5, 10, 20, 50 ... so that they do not touch."""
    step = 1
    while True:
        for factor in (1, 2, 5):
            if step * factor * width >= room:
                return step * factor
        step *= 10
