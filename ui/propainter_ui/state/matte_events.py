"""Events about the drawn matte: what the bridge tells of it.

Here: data alone. Not here: who tells (``bridge/matting.py``), what the state becomes (``matte_outcomes.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from propainter_ui.matte.document import MatteDocument, Shadow
from propainter_ui.matte.recipes import Recipe
from propainter_ui.matte.strokes import Matrix, Point


@dataclass(frozen=True)
class MatteSelected:
    """The matte of a frame's marks lies in the store."""

    frame: int
    marks: Mapping[str, Any]
    start: str
    digest: str
    is_meanwhile: bool = False
    """The hand is still drawing."""


@dataclass(frozen=True)
class MattesTracked:
    """Tracked mattes lie in the store."""

    mattes: Mapping[int, str]
    keys: Mapping[int, Recipe]
    """What they were tracked from."""


@dataclass(frozen=True)
class TrackFinished:
    """A range is tracked."""

    report: Mapping[str, Any]
    keys: Mapping[int, Recipe]
    first: int
    last: int


@dataclass(frozen=True)
class ShadowFound:
    """Shadows of frames lie in the store."""

    mattes: Mapping[int, str]
    shadow: Shadow
    """What was asked for."""


@dataclass(frozen=True)
class CastFinished:
    """A range was looked through for the shadow."""

    frames: int


@dataclass(frozen=True)
class ShapeCarried:
    """Points of a shape's key frame are known on another frame."""

    shape: int
    key: int
    points: tuple[Point, ...]
    """As they were asked for."""
    frame: int
    carried: tuple[Point, ...]


@dataclass(frozen=True)
class MotionFound:
    """How the background moves from a frame to another."""

    frame: int
    to: int
    matrix: Matrix


@dataclass(frozen=True)
class MattesPublished:
    """So many frames' mattes are published under a channel; 0: withdrawn."""

    channel: str
    frames: int


@dataclass(frozen=True)
class MatteOpened:
    """A matte to go on drawing on."""

    document: MatteDocument
    note: str = ""
    is_from_before: bool = False
    """Kept from the last time the shot was open: no change by hand."""
    saved_as: str = ""
    """The sequence it was saved as last; empty: never."""


@dataclass(frozen=True)
class MatteSaved:
    """A matte, or painted clean plates, are written."""

    path: str
    what: str = "Matte"
    is_matte: bool = True
    notes: tuple[str, ...] = ()


MatteEvent: TypeAlias = (
    MatteSelected | MattesTracked | TrackFinished | ShadowFound | CastFinished | ShapeCarried | MotionFound
    | MattesPublished | MatteOpened | MatteSaved
)  # fmt: skip
