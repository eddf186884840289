"""The classical engine: object removal without networks or weights, on the CPU.

Here: the engine's doors. Not here: the stages themselves - ``propainter/dis.py`` (flow), ``motion.py`` (completion),
``alignment.py``, ``layers.py`` and ``pull.py`` (propagation), ``paint.py`` (invention), ``sights.py`` (for native
resolution) - and the learned engine (``propainter/learned.py``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from propainter import dis
from propainter.classical.alignment import KEPT_PAIRS, Aligned, AlignedPair
from propainter.classical.arrays import arrays_of, flow_of, frames_of, images_of, images_to_write, masks_of
from propainter.classical.elsewhere import carry_places, elsewhere_of
from propainter.classical.harmonic import Field, Mask
from propainter.classical.layers import layered_flow
from propainter.classical.motion import complete_pairs
from propainter.classical.paint import paint_unseen
from propainter.classical.places import Places
from propainter.classical.pull import pull_plate
from propainter.classical.sampling import Plate
from propainter.classical.sights import find_sights, sights_of
from propainter.kept import Kept
from propainter.spread import ONE_BY_ONE, Spread
from propainter.types import Beyond, BidirectionalFlow, Carried, Propagated, Sights
from propainter_plan.layouts import ClassicalLayout

__all__ = ["ClassicalEngine"]

CODE_VERSION = "14"
"""Raise it with every change that may move a pixel; it is part of every cache key."""


class ClassicalEngine(ClassicalLayout):
    """An ``Engine`` of robust statistics and interpolation: same input, same bits.

    aligned_bytes: memory for alignments of pairs seen before, which the next chunk or an edit of the roto finds again.
    spread: works on pairs, runs of pixels and frames at once.
    Colours may leave [-1, 1] (HDR) and come back as they were; 8-bit images are made only to measure motion.
    """

    name = "classical"
    weights_id = "none"
    code_version = CODE_VERSION
    device = torch.device("cpu")
    channels_last = True
    pairs_apart = True
    paints_itself = False
    preview_reach = 12
    """A second of film: nearly all of what any frame shows, at the price of 25 frames (docs/adr/0007-previews.md)."""

    def __init__(self, *, aligned_bytes: int = 256 << 20, spread: Spread = ONE_BY_ONE) -> None:
        self.spread = spread
        self._aligned: Kept[AlignedPair] = Kept(aligned_bytes, limit=KEPT_PAIRS)

    def estimate_flow(
        self, frames: Float[Tensor, "1 t 3 h w"], *, iterations: int, stop: float = 0.0
    ) -> BidirectionalFlow:
        """Flow of every neighbouring pair, both ways; none for a single frame. ``iterations`` and ``stop`` are for
        networks."""
        return flow_of(*dis.estimate_flow(images_of(frames), spread=self.spread))

    def complete_flow(self, flow: BidirectionalFlow, holes: Float[Tensor, "1 t 1 h w"]) -> BidirectionalFlow:
        """Fill the flow inside the holes, one chunk at once; outside them the given flow comes back unchanged."""
        forward, backward = arrays_of(flow)
        hole = masks_of(holes)
        ways = (forward, hole[:-1], hole[1:]), (backward, hole[1:], hole[:-1])
        return flow_of(*(complete_pairs(*way, spread=self.spread) for way in ways))

    def propagate_plate(
        self,
        frames: Float[Tensor, "1 t 3 h w"],
        holes: Float[Tensor, "1 t 1 h w"],
        flow: BidirectionalFlow,
        *,
        wanted: range | None = None,
        pair_keys: Sequence[str] | None = None,
        may_overwrite: bool = False,
        beyond: Beyond | None = None,
        with_sights: bool = False,
    ) -> Propagated:
        """Pull known pixels into the holes, one chunk at once, along the flow measured again around the holes.

        Frames that are not ``wanted`` come back with their holes unfilled.
        """
        images, hole = images_to_write(frames, may_overwrite=may_overwrite), masks_of(holes)
        motion = self._aligned_flow(images, hole, flow, pair_keys)
        members = hole.copy()
        if wanted is not None:
            members[: wanted.start] = members[wanted.stop :] = False
        elsewhere = elsewhere_of(beyond, len(images))
        sights: list[Sights] = []

        def see(plate: Plate, places: list[Places], trust: list[float]) -> None:
            sights.extend(sights_of(plate, members, places, trust, wanted or range(len(images))))

        filled, unseen, touched = pull_plate(
            images, hole, motion, members, elsewhere, on_places=see if with_sights else None, spread=self.spread
        )
        lacking = torch.from_numpy(unseen.astype(np.float32))[None, :, None]
        return Propagated(frames_of(filled)[None], lacking, touched, sights if with_sights else None)

    def find_sights(
        self,
        frames: Float[Tensor, "1 t 3 h w"],
        holes: Float[Tensor, "1 t 1 h w"],
        flow: BidirectionalFlow,
        *,
        wanted: range,
        pair_keys: Sequence[str] | None = None,
        may_overwrite: bool = False,
        beyond: Beyond | None = None,
    ) -> list[Sights]:
        """Where the background behind the holes of the wanted frames is seen: where ``propagate_plate`` pulls it from."""
        return find_sights(
            frames,
            holes,
            flow,
            wanted=wanted,
            pair_keys=pair_keys,
            aligned=self._aligned,
            may_overwrite=may_overwrite,
            beyond=beyond,
            spread=self.spread,
        )

    def carry_places(
        self,
        frames: Float[Tensor, "1 t 3 h w"],
        holes: Float[Tensor, "1 t 1 h w"],
        flow: BidirectionalFlow,
        *,
        onward: bool,
        known: Carried | None,
        pair_keys: Sequence[str] | None = None,
    ) -> Carried:
        """Where the background near the last (or first) frame's hole is seen, as far as the shot has been swept."""
        hole = masks_of(holes)
        return carry_places(
            hole, self._aligned_flow(images_of(frames), hole, flow, pair_keys), onward=onward, known=known
        )

    def _aligned_flow(
        self, images: Field, hole: Mask, flow: BidirectionalFlow, pair_keys: Sequence[str] | None
    ) -> Aligned:
        kept, spread = self._aligned, self.spread
        return layered_flow(images, hole, *arrays_of(flow), kept=kept, pair_keys=pair_keys, spread=spread)

    def paint_window(
        self,
        frames: Float[Tensor, "1 t 3 h w"],
        holes: Float[Tensor, "1 t 1 h w"],
        unseen: Float[Tensor, "1 t 1 h w"],
        flow: BidirectionalFlow,
        *,
        frame_keys: Sequence[str] | None = None,
        may_overwrite: bool = False,
    ) -> Float[Tensor, "l 3 h w"]:
        """Invent what is unseen in the neighbours of one window, smoothly; there are no references to look at.

        Renders choose a painter instead (``propainter/painters.py``).
        """
        count = flow.pairs + 1
        missing = masks_of(unseen)[:count] & masks_of(holes)[:count]
        images = images_to_write(frames, may_overwrite=may_overwrite)
        return frames_of(paint_unseen(images[:count], missing, *arrays_of(flow)))
