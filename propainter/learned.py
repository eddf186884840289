"""The learned engine: RAFT, recurrent flow completion, image propagation and the ProPainter generator.

Here: the three networks behind the engine's doors, their precision, the guard against fp16 overflow, and what is kept
of a frame between overlapping windows: its features, and its tokens where it is a reference. Not here: the networks
(``raft/``, ``flow_completion.py``, ``painter.py``), reading their weights (``weights.py``), the engine without networks
(``classical/``).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from propainter import propagation, raft
from propainter.classical.alignment import KEPT_PAIRS, AlignedPair
from propainter.classical.sights import find_sights
from propainter.flow_completion import FlowCompletion, complete_flow
from propainter.kept import Kept
from propainter.painter import SCALE, Painter
from propainter.raft import Raft
from propainter.spread import ONE_BY_ONE, Spread
from propainter.types import Beyond, BidirectionalFlow, Precision, Propagated, Sights
from propainter_plan.layouts import LearnedLayout

logger = logging.getLogger(__name__)

CODE_VERSION = "2"
"""Raise it with every change that may move a pixel; it is part of every cache key."""


class ProPainterEngine(LearnedLayout):
    """An ``Engine`` made of three networks with their weights already loaded; it moves them to its device.

    precision: of the painter. Flow is always fp32: half precision would round a 50 px motion to 1/32 px (bf16: to 1/4),
    and every later stage looks where the flow says. On a CPU the painter is fp32 too, whatever is asked for.
    feature_bytes: memory for encoder features of frames that later windows see again.
    aligned_bytes: memory for alignments of pairs, of which sights for native resolution are found again after an edit.
    compiler: a backend of ``torch.compile`` (``inductor``) for the parts whose shapes never change; None: as they are.
    It pays on long shots and large devices: on two CPU cores RAFT takes 4 % less, after two minutes of compiling.
    """

    name = "propainter"
    channels_last = False
    pairs_apart = False
    paints_itself = True
    paints_whole: bool
    """Whether windows are painted outside the boxes around their holes too, where nobody looks; False until it is set."""
    preview_reach = None

    def __init__(
        self,
        raft_net: Raft,
        completion_net: FlowCompletion,
        painter: Painter,
        *,
        weights_id: str,
        device: torch.device,
        precision: Precision = Precision.FP32,
        feature_bytes: int = 1 << 29,
        aligned_bytes: int = 256 << 20,
        compiler: str | None = None,
        spread: Spread = ONE_BY_ONE,
    ) -> None:
        self.spread = spread
        self.device = device
        self.weights_id = weights_id
        self.precision = precision if device.type == "cuda" else Precision.FP32
        self._raft = raft_net.to(device).eval().requires_grad_(False)
        self._completion = completion_net.to(device).eval().requires_grad_(False)
        self._painter = painter.to(device).eval().requires_grad_(False)
        self.paints_whole = False
        self._features: Kept[Tensor] = Kept(feature_bytes)
        self._aligned: Kept[AlignedPair] = Kept(aligned_bytes, limit=KEPT_PAIRS)
        self._compiler = compiler
        if compiler is not None:
            for part in (raft_net.fnet, raft_net.cnet, raft_net.update_block, painter.encoder):
                part.compile(backend=compiler)

    @property
    def code_version(self) -> str:
        """Of this engine, precision and compiler included: results differ in the last levels."""
        return "-".join([CODE_VERSION, *([self._compiler] if self._compiler else []), self.precision.value])

    @torch.inference_mode()
    def estimate_flow(
        self, frames: Float[Tensor, "1 t 3 h w"], *, iterations: int, stop: float = 0.0
    ) -> BidirectionalFlow:
        """Flow of every neighbouring pair, both ways; none for a single frame."""
        return raft.estimate_flow(self._raft, frames, iterations=iterations, stop=stop)

    @torch.inference_mode()
    def complete_flow(self, flow: BidirectionalFlow, holes: Float[Tensor, "1 t 1 h w"]) -> BidirectionalFlow:
        """Fill the flow inside the holes, one chunk at once; outside them the given flow comes back unchanged."""
        return complete_flow(self._completion, flow, holes) if flow.pairs else flow

    @torch.inference_mode()
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
        """Pull known pixels into the holes along completed flow, one chunk at once, all frames of it."""
        return propagation.propagate_plate(frames, holes, flow)

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
        """Where the background behind the holes of the wanted frames is seen, found by the classical parts."""
        return find_sights(
            frames,
            holes,
            flow,
            wanted=wanted,
            pair_keys=pair_keys,
            aligned=self._aligned,
            may_overwrite=may_overwrite,
            spread=self.spread,
        )

    @torch.inference_mode()
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
        """Paint the neighbours of one window inside the boxes around their holes; see ``Engine``.

        frame_keys: must differ where a frame, its hole or what is unseen in it differ. They only save time: frames are
        encoded one by one, so the picture is the same to the bit with and without them.
        Raises ValueError where frames and flow do not fit the painter, ArithmeticError when the result is not finite even
        in fp32.
        """
        _check_fit(frames, flow)
        reduced = {Precision.FP16: torch.float16, Precision.BF16: torch.bfloat16}.get(self.precision)
        if reduced is not None:
            with torch.autocast(self.device.type, dtype=reduced):
                painted = self._paint(frames[0], holes[0], unseen[0], flow, frame_keys)
            if painted.isfinite().all():
                return painted.float()
            logger.warning("a window overflowed in %s; painting it again in fp32", self.precision.value)
            frame_keys = None  # the features kept may be what overflowed
        painted = self._paint(frames[0], holes[0], unseen[0], flow, frame_keys)
        if not painted.isfinite().all():
            raise ArithmeticError(
                "a painted window has values that are not finite, even in fp32; "
                "look for NaN or infinity in the plate, or load the weights again"
            )
        return painted

    def _paint(
        self, frames: Tensor, holes: Tensor, unseen: Tensor, flow: BidirectionalFlow, keys: Sequence[str] | None
    ) -> Float[Tensor, "l 3 h w"]:
        def name(i: int, what: str) -> str | None:
            return None if keys is None else f"{keys[i]} {what}"

        def encode(i: int) -> Tensor:
            return self._features.remember(
                name(i, "features"), lambda: self._painter.encode_frame(frames[i], holes[i], unseen[i])
            )

        def embed(i: int) -> Tensor:
            return self._features.remember(name(i, "tokens"), lambda: self._painter.reference_tokens(encode(i)))

        count = flow.pairs + 1
        features = torch.stack([encode(i) for i in range(count)])
        references = [embed(i) for i in range(count, len(frames))]
        painted: Tensor = self._painter(
            features, references, holes[:count], unseen[:count], flow, whole=self.paints_whole
        )
        return painted


def _check_fit(frames: Tensor, flow: BidirectionalFlow) -> None:
    count, (height, width) = frames.shape[1], frames.shape[-2:]
    if height % SCALE or width % SCALE:
        raise ValueError(
            f"frames are {width}x{height}; the painter needs sides that are multiples of {SCALE} "
            "(flow estimation, of 8): resize or crop them"
        )
    if flow.pairs >= count:
        raise ValueError(
            f"{flow.pairs} pairs of flow belong to {flow.pairs + 1} neighbours, but the window has {count} frames; "
            "give the flow among the neighbours alone"
        )
