"""What one render is asked for, and what came of it."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from propainter_host.abi import Status
from propainter_host.core import Message
from propainter_host.errors import BadValue
from propainter_host.images import Array, Rect


@dataclass(frozen=True)
class Wanted:
    """What one render is asked for."""

    time: float
    scale: tuple[float, float]
    field: str
    abort: threading.Event
    draft: bool
    thumbnail: bool


@dataclass(frozen=True, eq=False)
class Rendered:
    """What came of asking for one frame."""

    time: float
    outcome: str
    """"done", "identity" (the host copied a clip), "failed", "aborted", or "blocked" (a persistent message stands and this
    host does not ask while it does)."""
    status: Status
    pixels: Array | None
    """(h, w, c), top-down, the render window; None when failed, aborted or blocked."""
    window: Rect
    components: str
    premultiplication: str
    messages: tuple[Message, ...] = ()
    """What the plugin said meanwhile."""
    identity: tuple[str, float] | None = None
    """The clip and time the frame is identical to."""


def as_scale(scale: tuple[float, float]) -> tuple[float, float]:
    """A render scale as floats; BadValue unless both are above 0."""
    x, y = float(scale[0]), float(scale[1])
    if min(x, y) <= 0:
        raise BadValue(f"a render scale of {x:g} x {y:g} shows nothing; give positive numbers, 1 for full size")
    return x, y
