"""The tools of the matte page: which there are, which is taken up, and how it is set.

Here: data, and what it says of itself. Not here: what is drawn (``matte/``), how a hand draws with a tool (``drawing/``,
``desk/hands.py``). No Qt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from propainter_ui.drawing.stamping import StampSource
from propainter_ui.drawing.strokes import held_size
from propainter_ui.matte.outlines import Reach

Tool = Literal[
    "move", "box", "remove", "keep", "paint", "erase", "polygon", "bezier", "keep_out", "always_in", "stamp"
]  # fmt: skip


@dataclass(frozen=True)
class ToolFacts:
    """What the page, the keys and the sheet of hotkeys say of a tool."""

    name: str
    key: str
    help: str
    """One sentence on what a drag or a click does."""
    has_size: bool = False
    has_softness: bool = False
    is_outline: bool = False


TOOLS: Mapping[Tool, ToolFacts] = {
    "move": ToolFacts("Look", "V", "Draws nothing; the mouse moves wipe and picture."),
    "box": ToolFacts(
        "Box", "X", "Drag a box close around the object. Drag its corners to correct it; Delete takes it away."
    ),
    "remove": ToolFacts("Remove", "S", "Stroke over what must go. With Ctrl, over what stays.", has_size=True),
    "keep": ToolFacts("Keep", "Shift+S", "Stroke over what stays. With Ctrl, over what must go.", has_size=True),
    "paint": ToolFacts(
        "Brush", "P", "Paint into the matte, pixel by pixel. Ctrl erases; so does a pen turned round.",
        has_size=True, has_softness=True,
    ),
    "erase": ToolFacts(
        "Eraser", "E", "Erase from the matte, pixel by pixel. Ctrl paints.", has_size=True, has_softness=True
    ),
    "polygon": ToolFacts(
        "Polygon", "N", "Click around the object; the first point, Return or a double click closes it. Drag points.",
        is_outline=True,
    ),
    "bezier": ToolFacts(
        "Curve", "Shift+N", "As the polygon; drag after a click for round sides. "
        "Ctrl-click adds a point or turns a corner.",
        is_outline=True,
    ),
    "keep_out": ToolFacts(
        "Keep out", "M", "A garbage matte: nothing inside its outline is ever removed.", is_outline=True
    ),
    "always_in": ToolFacts(
        "Always in", "Shift+M", "A garbage matte: all inside its outline is always removed.", is_outline=True
    ),
    "stamp": ToolFacts(
        "Clone stamp", "U", "Paints clean-plate frames. Ctrl-click where to copy from, or choose another frame; then paint.",
        has_size=True, has_softness=True,
    ),
}  # fmt: skip
REACHES: Mapping[Reach, str] = {
    "frame": "on this frame", "all": "on every frame", "tracked": "on every frame, carried along",
}  # fmt: skip


@dataclass(frozen=True)
class MatteTools:
    """The tool that is taken up, and how the tools are set."""

    tool: Tool = "move"
    radius: float = 8.0
    """Of brush, scribble and stamp, in plate pixels."""
    softness: float = 0.3
    """Share of the brush's radius over which it fades."""
    reach: Reach = "frame"
    """Frames that a new garbage matte counts on."""
    stamp: StampSource = field(default_factory=StampSource)

    @property
    def facts(self) -> ToolFacts:
        """Of the tool that is taken up."""
        return TOOLS[self.tool]

    def with_tool(self, tool: Tool) -> MatteTools:
        """This tool; the one that is taken up already is put down."""
        return replace(self, tool="move" if tool == self.tool else tool)

    def with_radius(self, radius: float) -> MatteTools:
        """Another size of the brush."""
        return replace(self, radius=held_size(radius))
