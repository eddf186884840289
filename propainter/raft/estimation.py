"""Flow of a whole run of frames, both directions, with every frame encoded once and the memory bounded.

Here: which frames meet in which order. Not here: the network (``network.py``), flow without a network (``dis.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from propainter.raft.correlation import CorrelationPyramid, correlate
from propainter.raft.network import SCALE, Raft, upsample_flow
from propainter.types import BidirectionalFlow

STRAGGLERS = 0.01
"""Share of cells that may still move when a flow counts as converged: where nothing matches, some never settle."""
CHECK_EVERY = 2
"""Iterations between two looks at what has converged: each makes the host wait for the device."""
_MOST_AT_ONCE = 4
"""Pairs a GPU works on at once, both ways, if they fit: eight flows fill a large card at 432x240, and more would only make a
lone pair dearer (docs/performance.md)."""
_BATCH_BYTES = 1 << 30


@torch.no_grad()
def estimate_flow(
    net: Raft, frames: Float[Tensor, "1 t 3 h w"], *, iterations: int, stop: float = 0.0, at_once: int | None = None
) -> BidirectionalFlow:
    """Motion between neighbouring frames, in pixels of ``frames``, both directions: t-1 pairs (none for one frame).

    frames: RGB in [-1, 1], unmasked: the holes show what moves there. Sides are multiples of 8.
    iterations: updates a pair; the network was trained with 12, the reference runs 20.
    stop: a flow is converged, and updated no further, once at least 99 % of its cells were moved by at most this many
    cells (8 pixels) in an iteration; every second iteration is looked at. 0: all iterations are run.
    at_once: pairs worked on at once, both ways in one batch; 0: one direction of one pair after the other; None: what
    ``pairs_at_once`` says on a GPU, elsewhere 0.
    Always fp32, even under autocast (spec, section 2). A pair's flow does not depend on the others in the run, so it is
    not started from its predecessor's either (docs/adr/0005-raft-early-stop.md).
    Raises ValueError where a side is not a multiple of 8, or below 16, there is no iteration, or stop is below 0.
    """
    _check(frames, iterations, stop)
    with torch.autocast(frames.device.type, enabled=False):
        pictures = frames[0].float()
        if at_once is None:
            at_once = pairs_at_once(frames.shape[-1], frames.shape[-2]) if frames.is_cuda else 0
        if at_once:
            return _estimate_in_batches(net, pictures, at_once, iterations=iterations, stop=stop)
        return _estimate_one_by_one(net, pictures, iterations=iterations, stop=stop)


def _check(frames: Tensor, iterations: int, stop: float) -> None:
    height, width = frames.shape[-2:]
    if height % SCALE or width % SCALE:
        raise ValueError(
            f"frames are {width}x{height}; RAFT needs sides that are multiples of {SCALE}: resize or crop them"
        )
    if min(height, width) < 2 * SCALE:
        raise ValueError(f"frames are {width}x{height}; RAFT needs at least {2 * SCALE} pixels a side")
    if iterations < 1:
        raise ValueError(f"RAFT was asked for {iterations} iterations; give at least 1")
    if not stop >= 0:
        raise ValueError(f"RAFT was asked to stop below updates of {stop} cells; give 0 (never) or more")


@dataclass(frozen=True)
class _Encoded:
    """What the two encoders say about frames."""

    features: Float[Tensor, "t features h w"]
    hidden: Float[Tensor, "t hidden h w"]
    context: Float[Tensor, "t context h w"]


def _estimate_one_by_one(
    net: Raft, frames: Float[Tensor, "t 3 h w"], *, iterations: int, stop: float
) -> BidirectionalFlow:
    """For a processor, and for large pictures: one flow keeps the device busy, and needs the least memory.

    A processor's convolutions round a batch of one otherwise than others, so there it is the only way.
    """
    pairs = frames.shape[0] - 1
    forward = frames.new_empty(1, pairs, 2, *frames.shape[-2:])
    backward = torch.empty_like(forward)
    here = _encode(net, frames[:1])
    for i in range(pairs):
        there = _encode(net, frames[i + 1 : i + 2])
        forward[0, i : i + 1] = _iterate(net, here, there, iterations=iterations, stop=stop)
        backward[0, i : i + 1] = _iterate(net, there, here, iterations=iterations, stop=stop)
        here = there
    return BidirectionalFlow(forward, backward)


def _estimate_in_batches(
    net: Raft, frames: Float[Tensor, "t 3 h w"], at_once: int, *, iterations: int, stop: float
) -> BidirectionalFlow:
    """For a GPU: both ways of ``at_once`` pairs in one batch, so that a sixth of the kernels do the same work.

    A batch is always full, its last pair repeated where none is left: kernels are chosen by a batch's size, and a pair's
    bits must not tell in which run, or beside how many others, it was. For the same reason frames are encoded singly, which
    keeps a card busy already.
    """
    pairs = frames.shape[0] - 1
    forward = frames.new_empty(1, pairs, 2, *frames.shape[-2:])
    backward = torch.empty_like(forward)
    encoded = [_encode(net, frames[:1])]  # of frames first.. of a batch
    for first in range(0, pairs, at_once):
        last = min(first + at_once, pairs) - 1
        encoded = [encoded[-1], *(_encode(net, frames[i : i + 1]) for i in range(first + 1, last + 2))]
        starts = [min(i, last - first) for i in range(at_once)]
        here, there = _joined([encoded[i] for i in starts]), _joined([encoded[i + 1] for i in starts])
        flow = _iterate(net, _joined([here, there]), _joined([there, here]), iterations=iterations, stop=stop)
        count = last - first + 1
        forward[0, first : last + 1], backward[0, first : last + 1] = flow[:count], flow[at_once : at_once + count]
    return BidirectionalFlow(forward, backward)


def pairs_at_once(width: int, height: int) -> int:
    """How many pairs a GPU works on at once, by their size alone: what they hold at their peak, both ways, fits 1 GB. 0: not
    even one does."""
    return min(_MOST_AT_ONCE, _BATCH_BYTES // (2 * flow_bytes(width, height)))


def flow_bytes(width: int, height: int) -> int:
    """What one flow holds at its peak: the correlation volume, cells^2 floats and a third more for its pyramid, and some
    4096 floats a cell."""
    cells = width * height // SCALE**2
    return 4 * cells * (4 * cells // 3 + 4096)


def _iterate(
    net: Raft, source: _Encoded, target: _Encoded, *, iterations: int, stop: float
) -> Float[Tensor, "pairs 2 h w"]:
    """Flow from each source frame to its target frame, in pixels at full size, refined from zero.

    A flow that has converged stands still while the rest of its run goes on: each stops where it would stop alone.
    The volume of the opposite direction is this one transposed, and computed anew all the same: that is 0.4 % of a pair at
    432x240, and from 848x480 on transposing it takes longer and needs both at once.
    """
    height, width = source.features.shape[-2:]
    volume = correlate(source.features, target.features)
    pyramid = CorrelationPyramid(volume, height, width, levels=net.config.levels, radius=net.config.radius)
    update = net.update_block
    hidden, gates = source.hidden, update.gru.prepare(source.context)
    cells = _cell_positions(height, width, like=hidden)
    flow = hidden.new_zeros(hidden.shape[0], 2, height, width)
    moving = torch.ones_like(flow[:, :1, :1, :1], dtype=torch.bool)
    for count in range(1, iterations + 1):
        updated, correction = update(hidden, gates, pyramid.look_up(cells + flow), flow)
        hidden, flow = torch.where(moving, updated, hidden), torch.where(moving, flow + correction, flow)
        if stop > 0 and count % CHECK_EVERY == 0 and count < iterations:
            moving = moving & ~_has_converged(correction, stop)
            if not moving.any():
                break
    return upsample_flow(flow, update.upsampling_weights(hidden))


def _has_converged(correction: Float[Tensor, "pairs 2 h w"], stop: float) -> Bool[Tensor, "pairs 1 1 1"]:
    moved = correction.square().sum(1, keepdim=True) > stop * stop
    return moved.float().mean((2, 3), keepdim=True) <= STRAGGLERS


def _cell_positions(height: int, width: int, *, like: Tensor) -> Float[Tensor, "2 h w"]:
    y, x = torch.meshgrid(
        torch.arange(height, dtype=like.dtype, device=like.device),
        torch.arange(width, dtype=like.dtype, device=like.device),
        indexing="ij",
    )
    return torch.stack((x, y))


def _encode(net: Raft, frames: Float[Tensor, "t 3 h w"]) -> _Encoded:
    return _Encoded(net.matching_features(frames), *net.starting_state(frames))


def _joined(encoded: Sequence[_Encoded]) -> _Encoded:
    parts = [(each.features, each.hidden, each.context) for each in encoded]
    return _Encoded(*(torch.cat(same) for same in zip(*parts, strict=True)))
