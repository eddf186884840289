"""Where each control stands: five open, the rest folded away. The same in panel, node, command and documentation.

Here: ``SECTIONS``, in the order of the screen. Not here: the rows (``table.py``, ``controls.py``), how a section is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

from propainter_knobs.controls import CONTROL_BY_NAME, Control
from propainter_knobs.knob import EngineName, Knob
from propainter_knobs.table import BY_NAME


@dataclass(frozen=True)
class Section:
    """Controls under one heading."""

    name: str
    """As the node's group is known to scripts."""
    label: str
    rows: tuple[str, ...]
    """Names of knobs and controls, from top to bottom."""
    is_open: bool = False
    engine: EngineName | None = None
    """The only engine that uses what stands here; None: any."""

    @property
    def knobs(self) -> tuple[Knob, ...]:
        """The settings of a removal among its rows."""
        return tuple(BY_NAME[name] for name in self.rows if name in BY_NAME)

    @property
    def in_node(self) -> tuple[Knob | Control, ...]:
        """The rows the node has a control for. Where control and knob share a name, the node has the control."""
        rows = tuple(CONTROL_BY_NAME.get(name) or BY_NAME[name] for name in self.rows)
        return tuple(row for row in rows if isinstance(row, Control) or row.parameter is not None)


SECTIONS: tuple[Section, ...] = (
    Section(
        "main", "Main", ("output", "quality", "grow", "feather", "clean_frames", "invert_matte"), is_open=True
    ),
    Section("shot_range", "Shot range", ("frame_range", "range_first", "range_last", "cuts")),
    Section(
        "matte_fill", "Matte and fill",
        (
            "matte_channel", "matte_from_panel", "threshold", "grow_flow", "show_overlay", "use_clean_plate", "never_seen",
            "match_grain", "color", "mix",
        ),
    ),
    Section(
        "performance", "Performance",
        (
            "working_size", "working_width", "working_height", "native_fill", "crop_to_matte", "crop_padding",
            "chunk_length", "flow_hole_snap", "draft_scale",
        ),
    ),
    Section(
        "propainter", "ProPainter engine",
        (
            "neighbor_length", "ref_stride", "flow_iterations", "flow_stop", "precision",
            "draft_flow_iterations", "licence_note",
        ),
        engine="propainter",
    ),
    Section(
        "backend", "Backend",
        (
            "engine", "status", "update_status", "analyse", "cancel", "analysis_request", "follow_panel", "panel_name",
            "on_error", "auto_start", "connection_file", "timeout", "clear_flow_cache", "clear_results",
        ),
    ),
)  # fmt: skip


def section_of(name: str) -> Section:
    """The section a knob or control stands in."""
    return next(section for section in SECTIONS if name in section.rows)
