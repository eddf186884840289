"""What an engine is: one choice of flow estimator, flow completer, propagator and painter behind the same doors.

Here: the protocol both engines (``classical/``, ``learned.py``) fulfil. Not here: the order of the stages
(``stages.py``), caching and files (the backend).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from propainter.spread import Spread
from propainter.types import Beyond, BidirectionalFlow, Carried, Propagated, Sights
from propainter_plan.layouts import Layout


@runtime_checkable
class Engine(Layout, Protocol):
    """One way of removing what a hole covers. All tensors live on ``device``; every method is free of side effects that
    change a later result."""

    @property
    def name(self) -> str:
        """``classical`` or ``propainter``; printed, reported and stored with every output."""

    @property
    def weights_id(self) -> str:
        """Digest of the weight set in use; ``none`` where there is none."""

    @property
    def code_version(self) -> str:
        """Changes whenever this engine's results may change: part of every cache key."""

    @property
    def channels_last(self) -> bool:
        """Whether it works on [h, w, c] arrays: pictures and flow then lie so in memory and need not be copied."""

    @property
    def device(self) -> torch.device:
        """Where the tensors given to this engine must live."""

    @property
    def spread(self) -> Spread:
        """How what may be done side by side on the processor is shared out. It moves no bit."""

    @property
    def pairs_apart(self) -> bool:
        """Whether a pair's flow is estimated, and completed, from that pair alone and by one core of the processor: then
        many pairs may be given from as many threads at once."""

    @property
    def paints_itself(self) -> bool:
        """Whether its painter is part of it; otherwise ``Settings.never_seen`` chooses one (``painters.py``)."""

    @property
    def preview_reach(self) -> int | None:
        """Frames on each side that a provisional picture of a frame looks at, propagated and painted by itself; None: it
        comes from the window nearest to the frame, and costs all that this window needs."""

    def estimate_flow(
        self, frames: Float[Tensor, "1 t 3 h w"], *, iterations: int, stop: float = 0.0
    ) -> BidirectionalFlow:
        """Flow of every neighbouring pair, both ways. A pair's flow does not depend on the run it is estimated in.

        iterations: at most; stop: fewer where updates became smaller than this (``Settings.flow_stop``), 0 = never.
        """

    def complete_flow(self, flow: BidirectionalFlow, holes: Float[Tensor, "1 t 1 h w"]) -> BidirectionalFlow:
        """Fill the flow inside the holes, one chunk at once; outside them the given flow comes back unchanged.

        flow: t-1 pairs; holes: t frames (pairs + 1).
        """

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
        """Pull known pixels into the holes along completed flow, one chunk at once.

        wanted: the frames whose result will be read; the others' are of no use. pair_keys: content keys, one a pair, of
        both frames, both holes and the flow between; they save time and change nothing. may_overwrite: whether the memory of
        ``frames`` may be written over, which saves a copy of them. beyond: what the rest of the shot shows, for engines that
        carry places. with_sights: whether the wanted frames' sights will be asked for, too: an engine may give them at once.
        """

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
        """Where the background behind the holes of the wanted frames is seen, by completed flow; frames counted as given,
        those before them from -1 down.

        It is for looking there in larger pictures of the same frames. The other arguments: see ``propagate_plate``.
        """

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
        """Paint the neighbours of one window.

        frames, holes, unseen: neighbours then references, propagated. flow: completed, among the l neighbours, so
        ``flow.pairs + 1 == l``. frame_keys: content keys, one a frame; features of a frame already seen are reused.
        may_overwrite: see ``propagate_plate``.
        Returns the l painted neighbours in [-1, 1]; only their holes are of use.
        """


@runtime_checkable
class Carrier(Protocol):
    """An engine that carries places from chunk to chunk (``Layout.carries``)."""

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
        """Where the background near the last frame's hole is seen before it; not onward: near the first one's, after it.

        known: the same at the other end of the frames, from a call before; None: there the shot begins, or ends.
        """
