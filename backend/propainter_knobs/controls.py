"""What artists turn besides the settings of a removal: outputs, quality, ranges, buttons. One row a control.

Here: ``CONTROLS``; the node's parameters are generated from them, panel and command take names and choices from them. Not
here: settings of a removal (``table.py``), the section each stands in and their order (``sections.py``). After a change,
``make generate``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

ControlKind = Literal["int", "float", "bool", "choice", "text", "file", "status", "label", "button", "counter"]
"""``status``: a line the node fills in; ``label``: a line that stays; ``counter``: hidden, counts presses of a button."""


@dataclass(frozen=True)
class Control:
    """One control that is no setting of a removal."""

    name: str
    """As projects save it."""
    kind: ControlKind
    label: str
    tooltip: str
    default: int | float | bool | str = 0
    """Of a choice: its word. Of a text, status or label: the text."""
    low: float = 0
    high: float = 1
    slider: tuple[float, float] = (0, 1)
    """What a slider covers; other values of the range can be typed."""
    choices: tuple[tuple[str, str], ...] = ()
    """Words and their labels."""
    animates: bool = False
    changes_picture: bool = True
    """False: a host need not render again."""

    @property
    def words(self) -> tuple[str, ...]:
        """The words of a choice."""
        return tuple(word for word, _ in self.choices)

    @property
    def help(self) -> str:
        """What an artist reads beside it."""
        return self.tooltip


CONTROLS: tuple[Control, ...] = (
    # Main
    Control(
        "output", "choice", "Output",
        "What the node shows. Fill only: the patch, to comp over the plate. Hole: the grown matte. Never seen: areas no "
        "frame shows, so the fill is made up. Flow: motion to the next frame, in pixels. Grain-free fill: regrain it "
        "yourself.",
        "result",
        choices=(
            ("result", "Result"), ("fill", "Fill only"), ("hole", "Hole"), ("unseen", "Never seen"),
            ("difference", "Difference"), ("flow", "Flow"), ("grain_free", "Grain-free fill"),
        ),
    ),
    Control(
        "quality", "choice", "Quality",
        "Draft is a quick look at half size. Use Normal or Best for final renders.",
        "normal", choices=(("draft", "Draft"), ("normal", "Normal"), ("best", "Best")),
    ),
    Control(
        "clean_frames", "text", "Clean-plate frames",
        "Frames you painted, such as 1001, 1040-1045. Leave it empty only if every frame of the clean plate is painted.",
        "",
    ),
    Control("invert_matte", "bool", "Invert matte", "Removes black instead of white.", False),
    # Shot range
    Control(
        "frame_range", "choice", "Frame range",
        "Frames searched for background. Input: the whole clip. Custom: From and To below; other frames show the plate.",
        "input", choices=(("input", "Input"), ("global", "Global"), ("custom", "Custom")),
    ),
    Control(
        "range_first", "int", "From", "First frame of a custom range.", 1,
        low=-1000000, high=10000000, slider=(1, 1000),
    ),
    Control(
        "range_last", "int", "To", "Last frame of a custom range, included.", 100,
        low=-1000000, high=10000000, slider=(1, 1000),
    ),
    # Matte and fill
    Control(
        "matte_channel", "choice", "Matte channel",
        "Channel that holds the matte: white is removed. Source alpha: for hosts without a second input.",
        "mask_alpha",
        choices=(("mask_alpha", "Mask alpha"), ("mask_luma", "Mask luma"), ("source_alpha", "Source alpha")),
    ),
    Control(
        "matte_from_panel", "bool", "Matte from panel",
        "Takes the mattes that the ProPainter panel publishes under Panel name. The Mask input is not needed then.", False,
    ),
    Control("show_overlay", "bool", "Show overlay", "Tints the hole red over the picture.", False),
    Control(
        "use_clean_plate", "bool", "Use clean plate",
        "Fills the hole from the CleanPlate input, and other frames borrow from it. Its alpha, if any, limits the patch.",
        True,
    ),
    Control(
        "mix", "float", "Mix", "0 shows the plate, 1 the result.", 1.0, slider=(0.0, 1.0), animates=True,
    ),
    # Performance
    Control(
        "working_size", "choice", "Working size",
        "Size the fill is made at. Auto works smaller on large plates and copies from the full-size ones. Smaller is faster "
        "and softer. Pixels outside the hole are never resampled.",
        "auto",
        choices=(
            ("full", "Full"), ("half", "Half"), ("quarter", "Quarter"), ("custom", "Custom"), ("auto", "Auto"),
        ),
    ),
    Control(
        "working_width", "int", "Width", "Custom working width, in pixels of the full-size plate.", 960,
        low=8, high=16384, slider=(128, 4096),
    ),
    Control(
        "working_height", "int", "Height", "Custom working height, in pixels of the full-size plate.", 540,
        low=8, high=16384, slider=(128, 2160),
    ),
    # ProPainter engine
    Control(
        "licence_note", "label", "Weights", "The weights belong to their authors. This node's own code is Apache-2.0.",
        "ProPainter weights: S-Lab License 1.0, non-commercial", changes_picture=False,
    ),
    # Backend
    Control("status", "status", "Status", "What the backend has cached of this shot.", "not analysed",
            changes_picture=False),
    Control("update_status", "button", "Update status", "Asks the backend what it has cached of this shot."),
    Control(
        "analyse", "button", "Analyse",
        "Analyses the motion of the whole range with the next render of this node. Needs no matte.",
    ),
    Control("cancel", "button", "Cancel", "Stops this node's render."),
    Control("analysis_request", "counter", "Analysis request", "Counts presses of Analyse.", 0, high=1000000,
            slider=(0, 1000000)),
    Control(
        "follow_panel", "bool", "Follow panel",
        "Uses the settings that the ProPainter panel publishes instead of the ones here.", False,
    ),
    Control(
        "panel_name", "text", "Panel name",
        "Name in the panel, for Follow panel and Matte from panel. Empty: the panel's default.", "",
    ),
    Control(
        "on_error", "choice", "On error",
        "Show source shows the plate in the viewer if a render fails. A final render always fails, so no plate is "
        "delivered by mistake.",
        "fail", choices=(("fail", "Fail"), ("source", "Show source")), changes_picture=False,
    ),
    Control("auto_start", "bool", "Auto-start", "Starts the backend if none is running.", True, changes_picture=False),
    Control(
        "connection_file", "file", "Connection file", "Connects to another backend. Empty: your own.", "",
        changes_picture=False,
    ),
    Control(
        "timeout", "float", "Timeout", "Seconds to wait for a silent backend before the render fails.", 60.0,
        low=1.0, high=3600.0, slider=(5.0, 300.0), changes_picture=False,
    ),
    Control("clear_flow_cache", "button", "Clear flow cache", "Deletes the cached motion of all shots."),
    Control("clear_results", "button", "Clear results", "Deletes everything cached of all shots, except the motion."),
)  # fmt: skip

CONTROL_BY_NAME: Mapping[str, Control] = {control.name: control for control in CONTROLS}

OPTIONS: Mapping[str, str] = {
    "quality": "--quality", "invert_matte": "--invert-matte", "matte_channel": "--matte-channel",
    "range_first": "--first", "range_last": "--last", "working_size": "--working-size",
    "use_clean_plate": "--clean-plate",
}  # fmt: skip
"""Options of the command that do what a control does."""
