"""Flow of a whole run of frames, both directions, with every frame encoded once and the memory bounded.

Here: which frames meet in which order. Not here: the network (``network.py``), flow without a network (``dis.py``).
"""

from __future__ import annotations

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


@torch.no_grad()
def estimate_flow(
    net: Raft, frames: Float[Tensor, "1 t 3 h w"], *, iterations: int, stop: float = 0.0
) -> BidirectionalFlow:
    """Motion between neighbouring frames, in pixels of ``frames``, both directions: t-1 pairs (none for one frame).

    frames: RGB in [-1, 1], unmasked: the holes show what moves there. Sides are multiples of 8.
    iterations: updates a pair; the network was trained with 12, the reference runs 20.
    stop: a flow is converged, and updated no further, once at least 99 % of its cells were moved by at most this many
    cells (8 pixels) in an iteration; every second iteration is looked at. 0: all iterations are run.
    Always fp32, even under autocast (spec, section 2). A pair's flow does not depend on the others in the run, so it is
    not started from its predecessor's either (docs/adr/0005-raft-early-stop.md).
    Raises ValueError where a side is not a multiple of 8, or below 16, there is no iteration, or stop is below 0.
    """
    _check(frames, iterations, stop)
    with torch.autocast(frames.device.type, enabled=False):
        return _estimate_in_runs(net, frames[0].float(), iterations=iterations, stop=stop)


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
    """What the two encoders say about consecutive frames."""

    features: Float[Tensor, "t features h w"]
    hidden: Float[Tensor, "t hidden h w"]
    context: Float[Tensor, "t context h w"]


def _estimate_in_runs(
    net: Raft, frames: Float[Tensor, "t 3 h w"], *, iterations: int, stop: float
) -> BidirectionalFlow:
    """Pairs in runs. A run's last frame is the next run's first; its encoding is carried over."""
    pairs = frames.shape[0] - 1
    forward = frames.new_empty(1, pairs, 2, *frames.shape[-2:])
    backward = torch.empty_like(forward)
    step = _pairs_per_run(frames)
    encoded = _encode(net, frames[:1])
    for first in range(0, pairs, step):
        last = min(first + step, pairs) - 1
        encoded = _append(_last(encoded), _encode(net, frames[first + 1 : last + 2]))
        here, there = _span(encoded, slice(None, -1)), _span(encoded, slice(1, None))
        forward[0, first : last + 1] = _iterate(net, here, there, iterations=iterations, stop=stop)
        backward[0, first : last + 1] = _iterate(net, there, here, iterations=iterations, stop=stop)
    return BidirectionalFlow(forward, backward)


def _pairs_per_run(frames: Float[Tensor, "t 3 h w"]) -> int:
    """On a GPU as many pairs as fit a budget (at least one), counting what a pair holds at its peak; elsewhere one.

    That is the correlation volume, cells^2 floats and a third more for its pyramid, and some 4096 floats a cell in the
    encoders. More than one pair at once pays only where a single one leaves the device idle; and a processor's convolutions
    round a batch of one otherwise than others, so that a pair's last bits would tell in which run it was.
    """
    if not frames.is_cuda:
        return 1
    cells = frames.shape[-2] * frames.shape[-1] // SCALE**2
    pair_bytes = 4 * cells * (4 * cells // 3 + 4096)
    return max(1, (1 << 30) // pair_bytes)


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


def _last(encoded: _Encoded) -> _Encoded:
    return _span(encoded, slice(-1, None))


def _span(encoded: _Encoded, frames: slice) -> _Encoded:
    return _Encoded(encoded.features[frames], encoded.hidden[frames], encoded.context[frames])


def _append(first: _Encoded, then: _Encoded) -> _Encoded:
    return _Encoded(
        torch.cat((first.features, then.features)),
        torch.cat((first.hidden, then.hidden)),
        torch.cat((first.context, then.context)),
    )
