"""The clone stamp's strokes, laid down once it is known how the background moves to the frame they copy from.

Here: ``Stamper``. Not here: where a place comes from (``drawing/stamping.py``), the pixels (``matte/cloning.py``), finding
the motion (``bridge/matting.py``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from propainter_ui.bridge.matte_wishes import MotionWish
from propainter_ui.drawing.stamping import StampSource
from propainter_ui.drawing.strokes import StrokeGesture
from propainter_ui.matte import edits
from propainter_ui.matte.document import MatteDocument
from propainter_ui.matte.strokes import STILL, CloneStroke, Matrix
from propainter_ui.state.matte_events import MotionFound
from propainter_ui.state.panel_state import Notice

if TYPE_CHECKING:
    from propainter_ui.desk.desk import MatteDesk
    from propainter_ui.panel import Panel


class Stamper:
    """Paints clean-plate frames of the open shot."""

    def __init__(self, panel: Panel, desk: MatteDesk) -> None:
        self._panel, self._desk = panel, desk
        self._motions: dict[tuple[int, int], Matrix] = {}
        self._waiting: list[tuple[int, StrokeGesture, StampSource]] = []
        """Strokes, with the frame they are of."""

    def forget(self) -> None:
        """Another shot."""
        self._motions.clear()
        self._waiting.clear()

    def stamp(self, stroke: StrokeGesture) -> None:
        """A stroke is done: it is laid down once the background's motion is known."""
        state = self._panel.state
        source = state.tools.stamp
        if not source.is_set:
            text = "The stamp has nothing to copy. Ctrl-click on a place to copy from, or choose another frame."
            self._panel.change(replace(state, notice=Notice("warning", text)))
            return
        self._waiting.append((state.frame, stroke, source))
        self._lay_down()

    def take(self, told: MotionFound) -> None:
        """A motion is known."""
        self._motions[told.frame, told.to] = told.matrix
        self._lay_down()

    def _lay_down(self) -> None:
        waiting, self._waiting = self._waiting, []
        for frame, stroke, source in waiting:
            state = self._panel.state
            shot = state.shot
            if shot is None:
                return
            document = state.drawn or MatteDocument(shot.width, shot.height, shot.first, shot.last)
            copied = min(max(frame + source.frame_step, shot.first), shot.last)
            motion = STILL if copied == frame else self._motions.get((frame, copied))
            if motion is None:
                self._waiting.append((frame, stroke, source))
                self._panel.bridge.matte.find_motion(MotionWish(frame, copied))
                continue
            softness = state.tools.softness
            clone = CloneStroke(tuple(stroke.dabs), stroke.radius, copied, source.matrix(motion), softness)
            self._desk.draw(edits.with_clone(document, frame, clone))
