"""How what is drawn on a frame looks over the picture: boxes, strokes, outlines, and the outline under the hand.

Here: ``paint_drawn``, ``paint_outlines``. Not here: lines and colours on a painter (``widgets/drawing_painting.py``), the
hand (``hands.py``), the matte itself (``shot/picture.py``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from propainter_ui.drawing.outline_hand import OutlineHand
from propainter_ui.drawing.outlines import open_curve
from propainter_ui.matte.outlines import Outline, Role
from propainter_ui.matte.strokes import Point
from propainter_ui.qt import QtGui
from propainter_ui.state.panel_state import PanelState
from propainter_ui.widgets.drawing_painting import KEEPS, REMOVES, DrawingPainter

COLOURS: Mapping[Role, QtGui.QColor] = {
    "object": REMOVES, "keep_out": KEEPS, "always_in": QtGui.QColor(255, 170, 60),
}  # fmt: skip


def paint_drawn(
    paint: DrawingPainter, state: PanelState, *, without_box: int | None, without_shapes: Collection[int]
) -> None:
    """Boxes, strokes and outlines of the frame. without_box, without_shapes: those under the hand, which it paints."""
    if state.drawn is None:
        return
    there = state.drawn.edits_of(state.frame)
    for place, box in enumerate(there.boxes):
        if place != without_box:
            paint.box(box, REMOVES)
    for scribble in there.scribbles:
        dabs = [(x, y, 1.0) for x, y in scribble.points]
        paint.stroke(dabs, scribble.radius, REMOVES if scribble.removes else KEEPS, 0.35)
    for place, shape in enumerate(state.drawn.shapes):
        outline = shape.at(state.frame) if place not in without_shapes else None
        if outline is not None:
            paint.polyline(outline.flattened(), COLOURS[shape.role], is_closed=True)


def paint_outlines(
    paint: DrawingPainter, hand: OutlineHand, there: Sequence[Outline], colour: QtGui.QColor, at: Point | None
) -> None:
    """The outlines a tool edits, as the hand has them now, and the one being drawn, on to where the hand is."""
    for which, outline in enumerate(there):
        shown = hand.changed.outline if hand.changed is not None and hand.changed.which == which else outline
        index = hand.selected[1] if hand.selected is not None and hand.selected[0] == which else None
        paint.outline(shown, colour, selected=index)
    if hand.is_drawing:
        points = [*open_curve(hand.drawn), *([at] if at is not None else [])]
        paint.polyline(points, colour, is_closed=False)
        paint.vertices(hand.drawn, colour, selected=len(hand.drawn) - 1)
