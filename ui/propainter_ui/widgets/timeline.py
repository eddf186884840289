"""The timeline: frame numbers, in and out, what is cached stage by stage, and which frames the window at the playhead sees.

Here: what is shown of a state, and the mouse. Not here: painting (``timeline_painting.py``), where a frame lies
(``timeline_span.py``), which frames a window sees (``state/windows_preview.py``), what is cached (the backend).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from propainter_ui.look import colours_of
from propainter_ui.qt import Qt, QtCore, QtGui, QtWidgets, Signal, place_of
from propainter_ui.state.forecast import window_sentence
from propainter_ui.state.matte_bands import MatteBands, matte_bands
from propainter_ui.state.panel_state import BANDS, PanelState, Run
from propainter_ui.state.shown import bands_shown, clean_frames
from propainter_ui.widgets.surface_with_focus import SurfaceWithFocus
from propainter_ui.widgets.timeline_painting import (
    BAND,
    BAND_NAMES,
    BOTTOM,
    GAP,
    RULER,
    WINDOW,
    TimelinePainter,
    row_top,
)
from propainter_ui.widgets.timeline_span import LABELS, TimelineSpan
from propainter_ui.widgets.viewer_painting import paint_focus
from propainter_wire.shot import runs_of

_GRAB_PX = 6
_ZOOM_STEP = 1.25
_WATCHED = (
    "report", "shot", "settings", "daemon", "engine", "bands", "results", "job", "frame", "first", "last", "drawn",
)  # fmt: skip


class Timeline(SurfaceWithFocus):
    """Shows the shot along time and asks for frames and ranges."""

    frame_asked = Signal(int)
    first_asked = Signal(int)
    last_asked = Signal(int)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Timeline")
        self.setAccessibleDescription(
            "Drag to move the playhead. Drag the handles of the ruler, or press I and O, to set the range. The wheel zooms, "
            "the middle button moves along. A band for every stage shows what is cached, stale, running and missing. "
            "Of a drawn matte, diamonds are its key frames, and bars how doubtful a frame is; arrows mark those to look at."
        )
        self.setMouseTracking(True)
        self.span = TimelineSpan()
        self._state = PanelState()
        self._rows: tuple[str, ...] = ()
        self._bands: dict[str, tuple[Run, ...]] = {}
        self._matte = MatteBands()
        self._show_rows()
        self._grabbed: Literal["", "frame", "first", "last", "along"] = ""
        self._grabbed_at = 0.0

    def show_state(self, state: PanelState) -> None:
        """Show this state; does nothing where nothing of it is shown here."""
        old, self._state = self._state, state
        if state.shot is not old.shot or state.drawn is not old.drawn:
            self._show_rows()
        if state.shot is not old.shot and state.shot is not None:
            self.span.take(state.shot.first, state.shot.last)
        if state.frame != old.frame and self._grabbed != "along":
            self.span.reveal(state.frame)
        if any(getattr(state, name) is not getattr(old, name) for name in ("shot", "bands", "results", "job", "drawn")):
            self._matte = matte_bands(state)
            self._bands = {
                **bands_shown(state), "here": _runs_of(state.results), "clean": _runs_of(clean_frames(state)),
                "drawn": self._matte.runs,
            }  # fmt: skip
        if any(getattr(state, name) is not getattr(old, name) for name in _WATCHED):
            self.update()

    def _show_rows(self) -> None:
        """A row for every stage, one for results, one for clean plates where there are any, two for a drawn matte."""
        clean = ("clean",) if clean_frames(self._state) else ()
        rows = (*BANDS, "here", *clean, *(("drawn", "doubt") if self._state.drawn is not None else ()))
        if rows != self._rows:
            self._rows = rows
            self.setFixedHeight(row_top(len(rows)) + BOTTOM)

    # --- which frames are in sight --------------------------------------------------------------------------------

    def zoom_by(self, factor: float) -> None:
        """Zoom in (above 1) or out; the playhead stays where it is."""
        self.span.zoom_by(factor, self.span.x_of(self._state.frame + 0.5))
        self.update()

    def show_all(self) -> None:
        """Show the whole shot."""
        self.span.show_all()
        self.update()

    def show_range(self) -> None:
        """Show the frames from in to out point."""
        self.span.show_part(self._state.first, self._state.last)
        self.update()

    def x_of(self, frame: float) -> float:
        """The left edge of a frame."""
        return self.span.x_of(frame)

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:
        super().resizeEvent(event)
        self.span.width = self.width()

    # --- painting -------------------------------------------------------------------------------------------------

    def paintEvent(self, _: QtGui.QPaintEvent) -> None:
        colours = colours_of(self)
        painter = QtGui.QPainter(self)
        painter.fillRect(self.rect(), QtGui.QColor(colours.base))
        font = QtGui.QFont(self.font())
        font.setPointSizeF(max(7.0, font.pointSizeF() * 0.82))
        painter.setFont(font)
        TimelinePainter(painter, colours, self.span, self.size(), self._state).paint(
            self._rows, self._bands, self.cut_marks(), self._matte
        )
        if self._has_tabbed_focus:
            paint_focus(painter, self)

    def cut_marks(self) -> list[float]:
        """Where the film is cut: the left edges of the frames that begin another scene, as the last report names them."""
        shot, found = self._state.shot, (self._state.report or {}).get("cuts", ())
        return [self.x_of(frame) for frame in found if shot is not None and shot.first < frame <= shot.last]

    # --- the mouse ------------------------------------------------------------------------------------------------

    def wheelEvent(self, event: QtGui.QWheelEvent) -> None:
        turned = event.angleDelta()
        if self._state.shot is None:
            return
        if turned.x() or event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.span.move_by((turned.x() or turned.y()) / 2)
        else:
            self.span.zoom_by(_ZOOM_STEP ** (turned.y() / 120), place_of(event).x())
        self.update()
        event.accept()

    def mousePressEvent(self, event: QtGui.QMouseEvent) -> None:
        if self._state.shot is None:
            return
        place = place_of(event)
        if event.button() == Qt.MouseButton.MiddleButton:
            self._grabbed, self._grabbed_at = "along", place.x()
        elif event.button() == Qt.MouseButton.LeftButton:
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
        half = self.span.frame_width / 2
        if self._grabbed == "first":
            self.first_asked.emit(self.span.frame_at(x + half))
        elif self._grabbed == "last":
            self.last_asked.emit(self.span.frame_at(x - half))
        elif self._grabbed == "along":
            self.span.move_by(x - self._grabbed_at)
            self._grabbed_at = x
            self.update()
        else:
            self.frame_asked.emit(self.span.frame_at(x))

    def _handle_at(self, place: QtCore.QPointF) -> Literal["", "first", "last"]:
        if place.y() > RULER or self._state.shot is None:
            return ""
        if abs(place.x() - self.x_of(self._state.first)) <= _GRAB_PX:
            return "first"
        return "last" if abs(place.x() - self.x_of(self._state.last + 1)) <= _GRAB_PX else ""

    def _tip_at(self, place: QtCore.QPointF) -> str:
        """What lies under the pointer, in words."""
        shot = self._state.shot
        if shot is None or place.x() < LABELS or place.y() < RULER:
            return ""
        if place.y() < RULER + WINDOW:
            return window_sentence(self._state)
        frame, row = self.span.frame_at(place.x()), int((place.y() - RULER - WINDOW) // (BAND + GAP))
        if not (0 <= row < len(self._rows) and shot.first <= frame <= shot.last):
            return ""
        name = self._rows[row]
        if name in ("drawn", "doubt"):
            said = self._matte.said_of(frame) if name == "drawn" else self._matte.doubt_said_of(frame)
            return f"{BAND_NAMES[name].capitalize()} of frame {frame}: {said}"
        what = next((w for first, last, w in self._bands.get(name, ()) if first <= frame <= last), "missing")
        if name in ("here", "clean"):
            what = "at hand" if what == "cached" else "none"
        return f"{BAND_NAMES[name]} of frame {frame}: {what}"


def _runs_of(frames: Iterable[int]) -> tuple[Run, ...]:
    """Frames there is something of, as runs of a band."""
    return tuple((first, last, "cached") for first, last in runs_of(frames))
