"""The painters: who invents what no frame shows, a choice of its own beside flow, completion and pulling.

Here: what a painter is, and the list of them. An engine whose painter is part of it (a network trained together with the
rest) keeps its own; any other takes the one that ``Settings.never_seen`` names. Not here: how they paint
(``propainter/classical/paint.py``, ``propainter/classical/texture``, ``propainter/painter.py``).

To add one, an image inpainter say: a function like ``_smooth``, its line in ``PAINTERS``, its word in the table of knobs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from propainter.classical.arrays import arrays_of, frames_of, images_to_write, masks_of
from propainter.classical.harmonic import Field, Mask
from propainter.classical.kernels import Tally
from propainter.classical.paint import paint_unseen
from propainter.classical.texture.painter import paint_texture
from propainter.engine import Engine
from propainter.spread import ONE_BY_ONE, Spread
from propainter.types import BidirectionalFlow, Invented


@dataclass(frozen=True, eq=False)
class Painted:
    """The neighbours of one window, painted."""

    frames: Float[Tensor, "l 3 h w"]
    """In [-1, 1]; only their holes are of use."""
    invented: list[Invented] | None
    """Of each neighbour, where its unseen pixels were copied from; None: the painter makes colours, it copies nothing."""
    kernels_in_holes: int = 0
    """Places sampled whose kernel read a pixel under a hole: counted, and never more than 0."""


@runtime_checkable
class _Painter(Protocol):
    def __call__(
        self,
        frames: Field,
        holes: Mask,
        unseen: Mask,
        forward: Field,
        backward: Field,
        tally: Tally,
        *,
        spread: Spread = ONE_BY_ONE,
    ) -> list[Invented] | None:
        """Frames (t, h, w, 3) are painted in place; holes and unseen (t, h, w); completed flows (t-1, h, w, 2).

        tally: counts kernels that touch a hole.
        """


def paint(
    engine: Engine,
    never_seen: str,
    frames: Float[Tensor, "1 t 3 h w"],
    holes: Float[Tensor, "1 t 1 h w"],
    unseen: Float[Tensor, "1 t 1 h w"],
    flow: BidirectionalFlow,
    *,
    frame_keys: Sequence[str] | None = None,
    may_overwrite: bool = False,
) -> Painted:
    """Paint the neighbours of one window: by the engine's own painter, or by the one of this name.

    The other arguments: see ``Engine.paint_window``. Raises ValueError where there is no painter of this name.
    """
    if engine.paints_itself:
        painted = engine.paint_window(frames, holes, unseen, flow, frame_keys=frame_keys, may_overwrite=may_overwrite)
        return Painted(painted, None)
    painter = PAINTERS.get(never_seen)
    if painter is None:
        raise ValueError(f"there is no painter {never_seen!r}; choose one of {', '.join(PAINTERS)}")
    count = flow.pairs + 1
    hole = masks_of(holes)[:count]
    images = images_to_write(frames, may_overwrite=may_overwrite)[:count]
    tally = Tally()
    invented = painter(images, hole, masks_of(unseen)[:count] & hole, *arrays_of(flow), tally, spread=engine.spread)
    return Painted(frames_of(images), invented, tally.touched)


def copies(engine: Engine, never_seen: str) -> bool:
    """Whether what no frame shows is copied from elsewhere, so that it is known how sure that is."""
    return not engine.paints_itself and never_seen in COPYING


def _smooth(
    frames: Field,
    holes: Mask,
    unseen: Mask,
    forward: Field,
    backward: Field,
    tally: Tally,
    *,
    spread: Spread = ONE_BY_ONE,
) -> None:
    del holes, tally, spread
    paint_unseen(frames, unseen, forward, backward)


COPYING = frozenset({"texture"})
"""Painters that tell where they copied from, and so how sure they are."""
PAINTERS: Mapping[str, _Painter] = {"texture": paint_texture, "smooth": _smooth}
"""By the words of the setting."""
