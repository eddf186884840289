"""What the panel can ask the bridge to render, look at and export, as data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from propainter_ui.shot.export import ExportKind
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


@dataclass(frozen=True)
class LookWish:
    """Frames to have on the screen soon, of results that exist or are being made."""

    settings: ShotSettings
    quality: Quality
    frames: tuple[int, ...] = ()
    unseen: tuple[int, ...] = ()


@dataclass(frozen=True)
class ExportWish:
    """A result as files."""

    kind: ExportKind
    path: Path
    render: RenderWish
    report: dict[str, Any]
    """What the report says besides the daemon's own."""
