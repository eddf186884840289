"""What the panel can ask the bridge to render, look at and export, as data, and what its state asks for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from propainter_ui.matte.document import MatteDocument
from propainter_ui.shot.export import ExportKind
from propainter_ui.state.panel_state import PanelState
from propainter_wire.messages import Quality, ShotSettings


@dataclass(frozen=True)
class RenderWish:
    """Frames of the open shot under some settings."""

    settings: ShotSettings
    quality: Quality
    first: int
    last: int
    frame: int
    """Rendered first, then outward."""
    drawn: MatteDocument | None = None
    """What is removed, where that is drawn."""


@dataclass(frozen=True)
class LookWish:
    """Frames to have on the screen soon, of results that exist or are being made."""

    settings: ShotSettings
    quality: Quality
    frames: tuple[int, ...] = ()
    unseen: tuple[int, ...] = ()
    grain_free: tuple[int, ...] = ()


@dataclass(frozen=True)
class ExportWish:
    """A result as files."""

    kind: ExportKind
    path: Path
    render: RenderWish
    report: dict[str, Any]
    """What the report says besides the daemon's own."""
    ending: str | None = None
    """Of a sequence's files; None: the plate's format."""


def render_wish_of(state: PanelState) -> RenderWish:
    """The range with the edited settings, the playhead's frame first."""
    s = state
    return RenderWish(s.settings, s.quality, s.first, s.last, min(max(s.frame, s.first), s.last), s.drawn)


def report_of(state: PanelState) -> dict[str, Any]:
    """What an exported report says of the shot and the last render."""
    s, shot = state, state.shot
    return {
        "shot": vars(shot) if shot else {}, "range": {"first": s.first, "last": s.last},
        "backend": {"version": s.daemon.server, "device": s.daemon.device, "licence": s.daemon.licence},
        "quality": s.applied_quality, **s.report,
    }  # fmt: skip
