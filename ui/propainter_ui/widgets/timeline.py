"""The timeline: frame numbers, in and out, what is cached stage by stage, and which frames the window at the playhead sees.

Here: painting and the mouse. Not here: which frames those are (``state/windows_preview.py``), what is cached (the backend).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from propainter_ui.look import Colours, colours_of
from propainter_ui.qt import Qt, QtCore, QtGui, QtWidgets, Signal, place_of
from propainter_ui.state.forecast import window_seen, window_sentence
from propainter_ui.state.panel_state import BANDS, PanelState, Run
from propainter_ui.state.shown import bands_shown
from propainter_wire.shot import runs_of

_LABELS = 96
_RULER = 24
_WINDOW = 26
_BAND = 11
_GAP = 3
_BAND_NAMES = {
    "plate": "plate", "matte": "matte", "flow": "flow", "completion": "completed flow",
    "propagation": "propagated", "painting": "painted", "here": "result here", "clean": "clean plate",
}  # fmt: skip
_GRAB_PX = 6


class Timeline(QtWidgets.QWidget):
    """Shows the shot along time and asks for frames and ranges.

    One class, though a long one: what is painted and what the mouse finds must agree on where a frame lies.
    """

    frame_asked = Signal(int)
    first_asked = Signal(int)
    last_asked = Signal(int)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Timeline")
        self.setAccessibleDescription(
            "Drag to scrub; drag the handles of the ruler, or press I and O, to set the range. A band for every stage "
            "shows what is cached, stale, running and missing."
        )
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self._state = PanelState()
        self._rows: tuple[str, ...] = ()
        self._show_rows(has_clean=False)
        self._bands: dict[str, tuple[Run, ...]] = {}
        self._grabbed: Literal["", "frame", "first", "last"] = ""

    def show_state(self, state: PanelState) -> None:
        """Show this state; does nothing where nothing of it is shown here."""
        old, self._state = self._state, state
        if state.shot is not old.shot:
            self._show_rows(has_clean=state.shot is not None and bool(state.shot.clean))
        if any(getattr(state, name) is not getattr(old, name) for name in ("shot", "bands", "results", "job")):
            self._bands = {**bands_shown(state), "here": _runs_of(state.results)}
            self._bands["clean"] = _runs_of(state.shot.clean_frames) if state.shot is not None else ()
        watched = (
            "report",
            "shot",
            "settings",
            "daemon",
            "engine",
            "bands",
            "results",
            "job",
            "frame",
            "first",
            "last",
        )
        if any(getattr(state, name) is not getattr(old, name) for name in watched):
            self.update()

    def _show_rows(self, *, has_clean: bool) -> None:
        """A row for every stage, one for results, and one for clean plates where there are any."""
        rows = (*BANDS, "here", *(("clean",) if has_clean else ()))
        if rows == self._rows:
            return
        self._rows = rows
        self.setFixedHeight(_RULER + _WINDOW + len(self._rows) * (_BAND + _GAP) + 8)

    # --- geometry -------------------------------------------------------------------------------------------------

    def _span(self) -> tuple[float, float]:
        """Where the frames begin, and how wide one is."""
        count = self._state.shot.frame_count if self._state.shot else 1
        return float(_LABELS), max(0.01, (self.width() - _LABELS - 12) / count)

    def x_of(self, frame: int) -> float:
        """The left edge of a frame."""
        left, width = self._span()
        return left + self._state.index(frame) * width

    def frame_at(self, x: float) -> int:
        """The frame under a place."""
        left, width = self._span()
        first = self._state.shot.first if self._state.shot else 0
        return first + int((x - left) // width)

    def _row_top(self, row: int) -> int:
        return _RULER + _WINDOW + row * (_BAND + _GAP)

    # --- painting -------------------------------------------------------------------------------------------------

    def paintEvent(self, _: QtGui.QPaintEvent) -> None:
        colours = colours_of(self)
        painter = QtGui.QPainter(self)
        painter.fillRect(self.rect(), QtGui.QColor(colours.base))
        font = QtGui.QFont(self.font())
        font.setPointSizeF(max(7.0, font.pointSizeF() * 0.82))
        painter.setFont(font)
        self._paint_row_names(painter, colours)
        if self._state.shot is None:
            painter.setPen(QtGui.QColor(colours.dim))
            painter.drawText(
                self.rect().adjusted(_LABELS, 0, 0, 0), int(Qt.AlignmentFlag.AlignCenter), "no shot is open"
            )
            return
        self._paint_ruler(painter, colours)
        self._paint_bands(painter, colours)
        self._paint_window(painter, colours)
        self._paint_cuts(painter, colours)
        self._paint_range(painter, colours)
        self._paint_playhead(painter, colours)

    def _paint_row_names(self, painter: QtGui.QPainter, colours: Colours) -> None:
        painter.setPen(QtGui.QColor(colours.dim))
        right = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        painter.drawText(QtCore.QRect(0, _RULER, _LABELS - 8, _WINDOW), right, "window sees")
        for row, name in enumerate(self._rows):
            painter.drawText(QtCore.QRect(0, self._row_top(row) - 2, _LABELS - 8, _BAND + 4), right, _BAND_NAMES[name])

    def cut_marks(self) -> list[float]:
        """Where the film is cut: the left edges of the frames that begin another scene, as the last report names them."""
        shot, found = self._state.shot, (self._state.report or {}).get("cuts", ())
        return [self.x_of(frame) for frame in found if shot is not None and shot.first < frame <= shot.last]

    def _paint_cuts(self, painter: QtGui.QPainter, colours: Colours) -> None:
        painter.setPen(QtGui.QPen(QtGui.QColor(colours.text), 1, Qt.PenStyle.DashLine))
        for x in self.cut_marks():
            painter.drawLine(QtCore.QPointF(x, _RULER - 9), QtCore.QPointF(x, self.height() - 4))

    def _paint_ruler(self, painter: QtGui.QPainter, colours: Colours) -> None:
        shot = self._state.shot
        assert shot is not None
        _, width = self._span()
        step = _tick_step(width, painter.fontMetrics().horizontalAdvance("00000") + 14)
        frame = shot.first + (-shot.first) % step
        painter.setPen(QtGui.QColor(colours.dim))
        while frame <= shot.last:
            x = self.x_of(frame) + width / 2
            painter.drawLine(QtCore.QPointF(x, _RULER - 5), QtCore.QPointF(x, _RULER))
            painter.drawText(QtCore.QRectF(x - 40, 0, 80, _RULER - 5), int(Qt.AlignmentFlag.AlignCenter), str(frame))
            frame += step

    def _paint_bands(self, painter: QtGui.QPainter, colours: Colours) -> None:
        shot = self._state.shot
        assert shot is not None
        fills = {"cached": colours.cached, "stale": colours.stale, "running": colours.running}
        own = {"here": colours.accent, "clean": colours.reference}
        whole = QtCore.QRectF(self.x_of(shot.first), 0, self.x_of(shot.last + 1) - self.x_of(shot.first), _BAND)
        for row, name in enumerate(self._rows):
            whole.moveTop(self._row_top(row))
            painter.fillRect(whole, QtGui.QColor(colours.missing))
            for first, last, what in self._bands.get(name, ()):
                if what not in fills:
                    continue
                left, right = self.x_of(first), self.x_of(last + 1)
                if name in ("flow", "completion"):  # a pair lies between its two frames
                    half = self._span()[1] / 2
                    left, right = left + half, right + half
                rect = QtCore.QRectF(left, self._row_top(row), max(1.0, right - left), _BAND)
                painter.fillRect(rect, QtGui.QColor(own.get(name, fills[what])))
                if what == "running":
                    painter.fillRect(rect, QtGui.QBrush(QtGui.QColor(255, 255, 255, 70), Qt.BrushStyle.BDiagPattern))

    def _paint_window(self, painter: QtGui.QPainter, colours: Colours) -> None:
        """Neighbours as a bar, references as diamonds, the frame between them."""
        seen, shot = window_seen(self._state), self._state.shot
        if seen is None or shot is None:
            return
        _, width = self._span()
        top, height = _RULER + 5, _WINDOW - 12
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        painter.setOpacity(1.0 if self._state.is_drawing_networks else 0.65)
        left, right = self.x_of(seen.neighbours[0] + shot.first), self.x_of(seen.neighbours[-1] + shot.first + 1)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QtGui.QColor(colours.neighbour))
        painter.drawRoundedRect(QtCore.QRectF(left, top, right - left, height), 3, 3)
        painter.setPen(QtGui.QPen(QtGui.QColor(colours.base), 1))
        if width > 4:
            for index in seen.neighbours[1:]:
                x = self.x_of(index + shot.first)
                painter.drawLine(QtCore.QPointF(x, top), QtCore.QPointF(x, top + height))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QtGui.QColor(colours.reference))
        size = min(6.5, max(3.0, width / 2))
        for index in seen.references:
            middle = QtCore.QPointF(self.x_of(index + shot.first) + width / 2, top + height / 2)
            painter.drawPolygon(
                [middle + QtCore.QPointF(x, y) for x, y in ((0, -size), (size, 0), (0, size), (-size, 0))]
            )
        painter.setOpacity(1.0)
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing, False)

    def _paint_range(self, painter: QtGui.QPainter, colours: Colours) -> None:
        state = self._state
        shade = QtGui.QColor(colours.base)
        shade.setAlpha(150)
        first, last = self.x_of(state.first), self.x_of(state.last + 1)
        below = self.height() - _RULER
        painter.fillRect(QtCore.QRectF(_LABELS, _RULER, first - _LABELS, below), shade)
        painter.fillRect(QtCore.QRectF(last, _RULER, self.width() - last, below), shade)
        painter.setPen(QtGui.QPen(QtGui.QColor(colours.text), 2))
        for x, way in ((first, 1), (last, -1)):
            painter.drawLine(QtCore.QPointF(x, 3), QtCore.QPointF(x, _RULER))
            painter.drawLine(QtCore.QPointF(x, 3), QtCore.QPointF(x + way * 5, 3))
            painter.drawLine(QtCore.QPointF(x, _RULER - 1), QtCore.QPointF(x + way * 5, _RULER - 1))

    def _paint_playhead(self, painter: QtGui.QPainter, colours: Colours) -> None:
        _, width = self._span()
        x = self.x_of(self._state.frame)
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        tint = QtGui.QColor(colours.playhead)
        tint.setAlpha(70)
        painter.fillRect(QtCore.QRectF(x, _RULER, max(1.0, width), self.height() - _RULER), tint)
        middle = x + width / 2
        painter.setPen(QtGui.QPen(QtGui.QColor(colours.playhead), 1.4))
        painter.drawLine(QtCore.QPointF(middle, _RULER - 6), QtCore.QPointF(middle, self.height()))
        text = str(self._state.frame)
        half = painter.fontMetrics().horizontalAdvance(text) / 2 + 6
        flag = QtCore.QRectF(min(middle - half, self.width() - 2 * half - 2), 2, 2 * half, _RULER - 7)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QtGui.QColor(colours.playhead))
        painter.drawRoundedRect(flag, 3, 3)
        painter.setPen(QtGui.QColor("#ffffff"))
        painter.drawText(flag, int(Qt.AlignmentFlag.AlignCenter), text)

    # --- the mouse ------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QtGui.QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or self._state.shot is None:
            return
        place = place_of(event)
        self._grabbed = self._handle_at(place) or "frame"
        self._drag_to(place.x())

    def mouseMoveEvent(self, event: QtGui.QMouseEvent) -> None:
        place = place_of(event)
        if self._grabbed:
            self._drag_to(place.x())
            return
        is_handle = bool(self._handle_at(place))
        self.setCursor(Qt.CursorShape.SplitHCursor if is_handle else Qt.CursorShape.ArrowCursor)
        self.setToolTip(self._tip_at(place))

    def mouseReleaseEvent(self, _: QtGui.QMouseEvent) -> None:
        self._grabbed = ""

    def _drag_to(self, x: float) -> None:
        if self._grabbed == "first":
            self.first_asked.emit(self.frame_at(x + self._span()[1] / 2))
        elif self._grabbed == "last":
            self.last_asked.emit(self.frame_at(x - self._span()[1] / 2))
        else:
            self.frame_asked.emit(self.frame_at(x))

    def _handle_at(self, place: QtCore.QPointF) -> Literal["", "first", "last"]:
        if place.y() > _RULER or self._state.shot is None:
            return ""
        if abs(place.x() - self.x_of(self._state.first)) <= _GRAB_PX:
            return "first"
        return "last" if abs(place.x() - self.x_of(self._state.last + 1)) <= _GRAB_PX else ""

    def _tip_at(self, place: QtCore.QPointF) -> str:
        """What lies under the pointer, in words."""
        shot = self._state.shot
        if shot is None or place.x() < _LABELS or place.y() < _RULER:
            return ""
        if place.y() < _RULER + _WINDOW:
            return window_sentence(self._state)
        frame, row = self.frame_at(place.x()), int((place.y() - _RULER - _WINDOW) // (_BAND + _GAP))
        if not (0 <= row < len(self._rows) and shot.first <= frame <= shot.last):
            return ""
        name = self._rows[row]
        what = next((w for first, last, w in self._bands.get(name, ()) if first <= frame <= last), "missing")
        if name in ("here", "clean"):
            what = "at hand" if what == "cached" else "none"
        return f"{_BAND_NAMES[name]} of frame {frame}: {what}"


def _runs_of(frames: Iterable[int]) -> tuple[Run, ...]:
    """Frames there is something of, as runs of a band."""
    return tuple((first, last, "cached") for first, last in runs_of(frames))


def _tick_step(width: float, room: float) -> int:
    """Frames between two numbers: 1, 2, 5, 10, 20, 50 ... so that they do not touch."""
    step = 1
    while True:
        for factor in (1, 2, 5):
            if step * factor * width >= room:
                return step * factor
        step *= 10
