"""Image propagation: pulling pixels that other frames show into the hole, along completed flow. No learned parameters.

Here: one chunk of frames, twice through time (paper, section 3.2; spec, section 5). Not here: how a shot is cut into
chunks (``propainter_plan/cuts.py``), the same idea on features (``painter.py``), warping itself (``warp.py``).
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from propainter.types import BidirectionalFlow, Propagated
from propainter.warp import is_consistent, warp


def propagate_plate(
    frames: Float[Tensor, "b t 3 h w"], holes: Float[Tensor, "b t 1 h w"], flow: BidirectionalFlow
) -> Propagated:
    """Fill the holes of one chunk as far as other frames show what is behind.

    frames: [-1, 1]; what they show inside the holes is not looked at. flow: completed, one pair fewer than frames.
    First every frame takes from the next one, last to first; then, on that result, from the one before, first to last.
    Outside the holes frames come back unchanged; what stays unseen is 0.

    Known quirk, kept to agree with the reference: a flow shorter than 0.711 px that leaves the picture counts as
    consistent, so grey (0) is carried in and the pixel counts as seen (spec, section 5).
    """
    count = frames.shape[1]
    if flow.pairs != count - 1:
        raise ValueError(
            f"{count} frames need {count - 1} pairs of flow, got {flow.pairs}; give the flow of just these"
        )
    images = frames.masked_fill(holes > 0.5, 0.0)
    unseen = holes.clone()
    for t in reversed(range(count - 1)):
        _pull(images, unseen, flow.forward[:, t], flow.backward[:, t], source=t + 1, target=t)
    for t in range(1, count):
        _pull(images, unseen, flow.backward[:, t - 1], flow.forward[:, t - 1], source=t - 1, target=t)
    return Propagated(images, unseen)


def _pull(images: Tensor, unseen: Tensor, flow: Tensor, opposite: Tensor, *, source: int, target: int) -> None:
    """Fill, in place, what frame ``target`` has not seen with what frame ``source`` has, where flow can be trusted."""
    pulled = warp(images[:, source], flow, mode="nearest")
    # Bilinear and a low threshold: a source pixel next to an unseen one is not taken, whatever nearest would read.
    source_is_seen = warp(unseen[:, source], flow) <= 0.1
    fills = (unseen[:, target] > 0.1) & is_consistent(flow, opposite) & source_is_seen
    images[:, target] = torch.where(fills, pulled, images[:, target])
    unseen[:, target].masked_fill_(fills, 0.0)
