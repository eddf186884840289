"""What the panel can ask about a drawn matte, as data.

Here: wishes. Not here: carrying them out (``matting.py``), what is told in answer (``state/matte_events.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from propainter_ui.matte.document import MatteDocument, Shadow
from propainter_ui.matte.recipes import Recipe, key_recipe_of, recipe_of
from propainter_ui.matte.standing import keys_of, known_of, marks_of, start_of
from propainter_ui.matte.strokes import Point
from propainter_ui.state.panel_state import PanelState


@dataclass(frozen=True)
class SelectWish:
    """A frame's matte from what is marked there."""

    frame: int
    marks: Mapping[str, Any]
    """As a file of strokes has a frame's (docs/matte.md)."""
    start: str = ""
    """Digest of the matte that strokes alone correct; empty: the marks draw it anew."""
    is_meanwhile: bool = False
    """The hand is still drawing."""

    @classmethod
    def of(cls, document: MatteDocument, frame: int, *, is_meanwhile: bool = False) -> SelectWish:
        """What a document's frame asks for."""
        return cls(frame, marks_of(document, frame), start_of(document, frame) or "", is_meanwhile)


@dataclass(frozen=True)
class TrackWish:
    """The mattes of a range from those of key frames."""

    first: int
    last: int
    keys: Mapping[int, Recipe]
    known: Mapping[int, str] = field(default_factory=dict)
    """Digests of mattes that stay valid."""

    @classmethod
    def of(cls, document: MatteDocument, first: int, last: int) -> TrackWish:
        """What a document's range lacks."""
        keys = {frame: key_recipe_of(document, frame) for frame in keys_of(document)}
        return cls(first, last, keys, known_of(document, document.first, document.last))


@dataclass(frozen=True)
class CastWish:
    """What the object of these mattes casts."""

    first: int
    last: int
    mattes: Mapping[int, Recipe]
    shadow: Shadow

    @classmethod
    def of(cls, document: MatteDocument, first: int, last: int) -> CastWish:
        """What a document's shadow is asked with: the object alone."""
        mattes = {frame: key_recipe_of(document, frame) for frame in sorted({*document.solved, *keys_of(document)})}
        return cls(first, last, mattes, document.shadow)


@dataclass(frozen=True)
class CarryWish:
    """Where a shape's points, drawn on a key frame, are on other frames, the nearest first."""

    shape: int
    key: int
    frames: tuple[int, ...]
    points: tuple[Point, ...]


@dataclass(frozen=True)
class MotionWish:
    """How the background moves from one frame to another."""

    frame: int
    """The frame whose points are carried."""
    to: int


@dataclass(frozen=True)
class MatteToPublish:
    """The final mattes of a shot under a channel's name, or that those there are to be withdrawn."""

    channel: str
    mattes: Mapping[int, Recipe] | None
    """None with a matte of files, which the panel's library has, and where nothing is published."""
    first: int
    last: int
    is_withdrawn: bool = False

    @classmethod
    def of(cls, state: PanelState, *, is_withdrawn: bool) -> MatteToPublish:
        """The open shot's matte under the panel's channel."""
        shot, drawn = state.shot, state.drawn
        assert shot is not None
        mattes: dict[int, Recipe] | None = None
        if drawn is not None and state.is_drawn and not is_withdrawn:
            mattes = {frame: recipe_of(drawn, frame) for frame in drawn.frames}
        return cls(state.channel, mattes, shot.first, shot.last, is_withdrawn)
