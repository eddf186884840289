"""The tools on the picture: each touch goes to the gesture of the tool that is taken up, each gesture to the document.

Here: ``MatteHand``, the viewer's hand. Not here: gestures as geometry (``drawing/``), how they look
(``widgets/drawing_painting.py``), changes of the document (``matte/edits.py``), asking for what they lack (``asking.py``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from propainter_ui.desk.drawn_painting import COLOURS, paint_drawn, paint_outlines
from propainter_ui.drawing import outline_hand
from propainter_ui.drawing.outline_hand import Made, OutlineHand
from propainter_ui.drawing.strokes import BoxGesture, SizeGesture, StrokeGesture, corner_at
from propainter_ui.drawing.touch import Touch
from propainter_ui.matte import edits
from propainter_ui.matte.document import MatteDocument
from propainter_ui.matte.outlines import Outline, Role, Shape
from propainter_ui.matte.standing import marks_of
from propainter_ui.matte.strokes import Box, BrushStroke, Point, Scribble
from propainter_ui.qt import Qt, QtGui
from propainter_ui.state.matte_shown import is_drawn_on
from propainter_ui.state.matte_tools import MatteTools, Tool
from propainter_ui.state.panel_state import PanelState
from propainter_ui.widgets.drawing_painting import KEEPS, NEUTRAL, REMOVES, DrawingPainter
from propainter_ui.widgets.placement import Placement

_ROLES: dict[Tool, Role] = {
    "polygon": "object", "bezier": "object", "keep_out": "keep_out", "always_in": "always_in",
}  # fmt: skip
_OF_OPEN_OUTLINE = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape, Qt.Key.Key_Backspace)
_DELETES = (Qt.Key.Key_Delete, Qt.Key.Key_Backspace)


class Paper(Protocol):
    """What the hand draws on."""

    @property
    def state(self) -> PanelState:
        """The panel's, as it is now."""

    def document(self) -> MatteDocument | None:
        """What is drawn on; None: it cannot be drawn on yet, and the artist has been told why."""

    def draw(self, document: MatteDocument) -> None:
        """This is drawn now: one step."""

    def show_what_is_drawn_on(self) -> None:
        """A view of plate or matte, where a result is looked at."""

    def set_tools(self, tools: MatteTools) -> None:
        """The tools are set so."""

    def stamp(self, stroke: StrokeGesture) -> None:
        """A stroke of the clone stamp is done."""

    def show_meanwhile(self, document: MatteDocument | None) -> None:
        """What a gesture that is under way would make of the marks; None: it is done."""

    def give_up_meanwhile(self) -> None:
        """The gesture under way is given up: what it would have made is shown no longer."""


class MatteHand:
    """The tools of the matte page, as one hand on the picture."""

    def __init__(self, paper: Paper) -> None:
        self._paper = paper
        self._box: BoxGesture | None = None
        self._dragged: tuple[int, Point] | None = None
        """The box whose corner is dragged, and the corner across."""
        self._stroke: StrokeGesture | None = None
        self._is_other = False
        """Whether the stroke under way does the tool's other thing."""
        self._size: SizeGesture | None = None
        self._outlines = {curves: OutlineHand(curves=curves) for curves in (False, True)}
        self._at: Touch | None = None
        self._is_down = False

    @property
    def _tools(self) -> MatteTools:
        return self._paper.state.tools

    @property
    def outline(self) -> OutlineHand:
        """The hand on outlines, as the tool has it."""
        return self._outlines[self._tools.tool != "polygon"]

    @property
    def cursor(self) -> Qt.CursorShape:
        return Qt.CursorShape.BlankCursor if self._tools.facts.has_size else Qt.CursorShape.CrossCursor

    def put_down(self) -> None:
        """Give up whatever is under way: another tool, or another shot."""
        self._box = self._stroke = self._size = None
        self._is_down = False
        for each in self._outlines.values():
            each.give_up()
            each.selected = None

    # --- touches --------------------------------------------------------------------------------------------------

    def press(self, touch: Touch) -> None:
        tools = self._tools
        document = self._paper.document()
        if document is None:
            return
        self._paper.show_what_is_drawn_on()
        self._is_down = True
        if tools.facts.has_size and touch.is_shifted:
            self._size = SizeGesture(touch, tools.radius)
        elif tools.tool == "box":
            self._dragged = corner_at(document.edits_of(self._paper.state.frame).boxes, touch)
            start = touch if self._dragged is None else replace(touch, x=self._dragged[1][0], y=self._dragged[1][1])
            self._box = BoxGesture(start, (document.width, document.height))
            self._box.move(touch)
        elif tools.tool == "stamp" and touch.is_other:
            self._paper.set_tools(replace(tools, stamp=tools.stamp.taken(touch.point)))
            self._is_down = False
        elif tools.facts.has_size:
            if tools.tool == "stamp":
                self._paper.set_tools(replace(tools, stamp=tools.stamp.begun(touch.point)))
            self._stroke, self._is_other = StrokeGesture(tools.radius), touch.is_other
            self._stroke.move(touch)
            self._show_meanwhile()
        elif tools.facts.is_outline:
            self._take(self.outline.press(touch, self._there()))

    def move(self, touch: Touch) -> None:
        self._at = touch
        if not self._is_down:
            return
        for gesture in (self._box, self._stroke, self._size):
            if gesture is not None:
                gesture.move(touch)
        if self._size is not None:
            self._paper.set_tools(self._tools.with_radius(self._size.radius))
        elif self._stroke is not None:
            self._show_meanwhile()
        elif self._tools.facts.is_outline:
            self.outline.move(touch)

    def release(self, touch: Touch) -> None:
        if not self._is_down:
            return
        if self._box is not None:
            self._box.move(touch)
        self._is_down = False
        box, stroke, self._box, self._stroke, self._size = self._box, self._stroke, None, None, None
        document = self._paper.document()
        if document is None:
            return
        frame = self._paper.state.frame
        if box is not None and (result := box.result) is not None:
            bare = document if self._dragged is None else edits.without_box(document, frame, self._dragged[0])
            self._paper.draw(edits.with_box(bare, frame, result))
        elif stroke is not None:
            self._paper.show_meanwhile(None)
            if self._tools.tool == "stamp":
                self._paper.stamp(stroke)
            else:
                self._paper.draw(self._with_stroke(document, frame, stroke))
        elif self._tools.facts.is_outline:
            self._take(self.outline.release(self._there()))

    def _with_stroke(self, document: MatteDocument, frame: int, stroke: StrokeGesture) -> MatteDocument:
        tools, adds = self._tools, _adds(self._tools.tool, is_other=self._is_other, is_eraser=stroke.is_eraser)
        if tools.tool in ("remove", "keep"):
            return edits.with_scribble(document, frame, Scribble(stroke.points, adds, stroke.mean_radius))
        return edits.with_brush(document, frame, BrushStroke(tuple(stroke.dabs), stroke.radius, adds, tools.softness))

    def _show_meanwhile(self) -> None:
        """While a scribble is drawn its matte is looked for already."""
        document = self._paper.document()
        if document is not None and self._stroke is not None and self._tools.tool in ("remove", "keep"):
            self._paper.show_meanwhile(self._with_stroke(document, self._paper.state.frame, self._stroke))

    def finish(self) -> bool:
        if not self._tools.facts.is_outline:
            return False
        if self.outline.is_drawing:
            self._take(self.outline.close())
        return True

    def leave(self) -> None:
        self._at = None

    # --- keys -----------------------------------------------------------------------------------------------------

    def takes_key(self, key: int) -> bool:
        if self._tools.tool == "box" and not self._is_down:
            return key in _DELETES and bool(self._boxes())
        if not self._tools.facts.is_outline:
            return key == Qt.Key.Key_Escape and self._is_down
        if self.outline.is_drawing:
            return key in _OF_OPEN_OUTLINE
        return key in _DELETES and self.outline.selected is not None

    def key(self, key: int) -> None:
        hand = self.outline
        if key == Qt.Key.Key_Escape:
            self.put_down()
            self._paper.give_up_meanwhile()
        elif self._tools.tool == "box":
            self._delete_box()
        elif not hand.is_drawing:
            self._take(hand.delete(self._there()))
        elif key == Qt.Key.Key_Backspace:
            hand.step_back()
        else:
            self._take(hand.close())

    def _boxes(self) -> tuple[Box, ...]:
        state = self._paper.state
        return state.drawn.edits_of(state.frame).boxes if state.drawn is not None else ()

    def _delete_box(self) -> None:
        """The last box goes, and with the last of a frame's marks the matte they made."""
        document, frame = self._paper.document(), self._paper.state.frame
        if document is not None:
            bare = edits.without_box(document, frame, len(self._boxes()) - 1)
            self._paper.draw(bare if marks_of(bare, frame) else edits.without_marks(bare, frame))

    # --- outlines -------------------------------------------------------------------------------------------------

    def _shapes(self) -> dict[int, Outline]:
        """The outlines the tool edits that count on the frame, by their shape's place in the document."""
        document, role = self._paper.state.drawn, _ROLES.get(self._tools.tool)
        if document is None or role is None:
            return {}
        frame = self._paper.state.frame
        shapes = ((place, shape) for place, shape in enumerate(document.shapes) if shape.role == role)
        return {place: outline for place, shape in shapes if (outline := shape.at(frame)) is not None}

    def _there(self) -> list[Outline]:
        return list(self._shapes().values())

    def _take(self, made: Made | None) -> None:
        """Make of the document what the hand has made of its outlines."""
        document = self._paper.document()
        if made is None or document is None:
            return
        frame, tools = self._paper.state.frame, self._tools
        role = _ROLES[tools.tool]
        if isinstance(made, outline_hand.Drawn):
            reach = "tracked" if role == "object" else tools.reach
            self._paper.draw(edits.with_shape(document, Shape(role, reach, {frame: made.outline})))
            return
        place = list(self._shapes())[made.which]
        shape = document.shapes[place]
        new: Shape | None
        if isinstance(made, outline_hand.Changed):
            new = shape.with_key(frame, made.outline)
        elif isinstance(made, outline_hand.Inserted):
            new = shape.with_vertex_inserted(made.segment, made.share)
        else:
            new = None if made.index is None else shape.without_vertex(made.index)
        changed = edits.with_shape_changed(document, place, new)
        if new is None and role == "object":  # what it alone had marked is marked no longer
            for bare in (number for number in shape.keys if not marks_of(changed, number)):
                changed = edits.without_marks(changed, bare)
        self._paper.draw(changed)

    # --- how it looks ---------------------------------------------------------------------------------------------

    def paint(self, painter: QtGui.QPainter, placement: Placement) -> None:
        if not is_drawn_on(self._paper.state):
            return
        painter.save()
        paint, tools, shapes = DrawingPainter(painter, placement), self._tools, self._shapes()
        dragged = self._dragged[0] if self._box is not None and self._dragged is not None else None
        paint_drawn(paint, self._paper.state, without_box=dragged, without_shapes=shapes)
        if self._box is not None and (box := self._box.result) is not None:
            paint.box(box, REMOVES)
        if self._stroke is not None:
            paint.stroke(self._stroke.dabs, self._stroke.radius, self._colour(), 0.45)
        if tools.facts.is_outline:
            at = None if self._is_down or self._at is None else self._at.point
            paint_outlines(paint, self.outline, list(shapes.values()), COLOURS[_ROLES[tools.tool]], at)
        if tools.facts.has_size:
            self._paint_brush(paint)
        painter.restore()

    def _paint_brush(self, paint: DrawingPainter) -> None:
        tools = self._tools
        at: Point | None = self._size.middle if self._size is not None else self._at.point if self._at else None
        if at is None:
            return
        if tools.tool == "stamp" and tools.stamp.is_set:
            paint.cross(tools.stamp.place_of(at), NEUTRAL)
        paint.circle(at, tools.radius, self._colour(), softness=tools.softness if tools.facts.has_softness else 0.0)

    def _colour(self) -> QtGui.QColor:
        tools = self._tools
        if tools.tool == "stamp":
            return NEUTRAL
        if self._stroke is not None:
            adds = _adds(tools.tool, is_other=self._is_other, is_eraser=self._stroke.is_eraser)
        else:
            adds = _adds(tools.tool, is_other=self._at is not None and self._at.is_other, is_eraser=False)
        return REMOVES if adds else KEEPS


def _adds(tool: Tool, *, is_other: bool, is_eraser: bool) -> bool:
    """Whether a stroke adds to the matte: a pen turned round never does."""
    return (tool in ("remove", "paint")) != is_other and not is_eraser
