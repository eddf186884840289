"""Recurrent flow completion: the motion behind the hole, guessed from the motion around it.

Here: the network (Zhou et al., ProPainter, ICCV 2023, section 3.1; spec, section 3), all its hyper-parameters, and the
completion of one chunk in both directions. Attribute names are the keys of the published checkpoint, so its state dict
loads strictly. Not here: how a long shot is cut into chunks (``propainter_plan/cuts.py``), flow estimation
(``raft/``), reading weights (``weights.py``).

Frames go through the encoder one at a time, as a stream: each temporal convolution remembers the five frames it needs.
What stays in memory for all frames is only what the recurrence must see in both directions, at 1/4 and 1/8 of the size.
Of the predicted flow only the hole is of use, so only the box around each hole is decoded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, tee
from math import sqrt

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from propainter.deform import modulated_deform_conv2d
from propainter.region import Box, DoublingConv, Part, box_read, boxes_of_holes, run_inside
from propainter.types import BidirectionalFlow

SLOPE, GENTLE_SLOPE = 0.2, 0.1  # of the leaky ReLUs: everywhere, and inside the propagation
SHRINK = 8  # the recurrence runs at 1/8 of the size: three strides of 2


@dataclass(frozen=True)
class FlowCompletionConfig:
    """Every hyper-parameter; the defaults are the published network."""

    channels: int = 32
    """At 1/2 of the size; twice as many at 1/4, four times at 1/8."""
    deform_groups: int = 16
    """Groups of channels that look at their own places."""
    reach: float = 5.0
    """Farthest displacement of a tap, in cells of 1/8 of the size, each axis."""
    edge_channels: int = 16


@torch.no_grad()
def complete_flow(
    net: FlowCompletion, flow: BidirectionalFlow, holes: Float[Tensor, "1 t 1 h w"], *, both_at_once: bool | None = None
) -> BidirectionalFlow:
    """Fill the flow inside the holes, both directions, one chunk at once; outside them it comes back unchanged.

    flow: pixels at this resolution; what it says inside the holes is not looked at. Sides are multiples of 8.
    holes: 1 inside, 0 on good plate, nothing between; one frame more than there are pairs.
    Each flow has the hole of the frame it starts in: hole i for forward[:, i], hole i+1 for backward[:, i]. The
    backward flows run through the same network in reversed time (spec, section 3).
    both_at_once: whether both directions go through it in one batch: half the kernels, a chunk's features twice at a time;
    None: on a GPU.
    Under ``torch.autocast`` the features are half precision; the flow, and where features are read, stay fp32.
    Raises ValueError where the number of holes or a side does not fit.
    """
    _check(flow, holes)
    order = range(flow.pairs)
    ways = [
        _Way(flow.forward[0], holes[0, :-1], order),
        _Way(flow.backward[0], holes[0, 1:], order[::-1]),
    ]
    if flow.forward.is_cuda if both_at_once is None else both_at_once:
        forward, backward = _complete(net, ways)
    else:
        (forward,), (backward,) = (_complete(net, [way]) for way in ways)
    return BidirectionalFlow(forward[None], backward[None])


def _check(flow: BidirectionalFlow, holes: Tensor) -> None:
    if holes.shape[1] != flow.pairs + 1:
        raise ValueError(
            f"{flow.pairs} flow pairs come with the holes of {holes.shape[1]} frames; give {flow.pairs + 1} holes"
        )
    height, width = flow.forward.shape[-2:]
    if holes.shape[-2:] != (height, width):
        raise ValueError(
            f"flow is {width}x{height} but the holes are {holes.shape[-1]}x{holes.shape[-2]}; bring both to one size"
        )
    if height % SHRINK or width % SHRINK:
        raise ValueError(
            f"flow is {width}x{height}; flow completion needs sides that are multiples of {SHRINK}: resize or crop"
        )


@dataclass(frozen=True)
class _Way:
    """One direction of a chunk."""

    known: Float[Tensor, "pairs 2 h w"]
    holes: Float[Tensor, "pairs 1 h w"]
    order: range
    """In which the network sees the pairs."""

    def step(self, i: int) -> Float[Tensor, "3 h w"]:
        """What the network is given of a pair."""
        return torch.cat((self.known[i] * (1 - self.holes[i]), self.holes[i]))


def _complete(net: FlowCompletion, ways: Sequence[_Way]) -> list[Float[Tensor, "pairs 2 h w"]]:
    """The directions side by side, each as a sample of the batch."""
    completed = [way.known.clone() for way in ways]
    boxes = boxes_of_holes(torch.cat([way.holes for way in ways]))
    boxes_of = [boxes[at * len(way.holes) : (at + 1) * len(way.holes)] for at, way in enumerate(ways)]
    places = list(zip(*(way.order for way in ways), strict=True))
    steps = (torch.stack([way.step(i) for way, i in zip(ways, pairs, strict=True)]) for pairs in places)
    wanted = [[own[i] for own, i in zip(boxes_of, pairs, strict=True)] for pairs in places]
    for pairs, predicted in zip(places, net(steps, wanted), strict=True):
        for way, made, i, part in zip(ways, completed, pairs, predicted, strict=True):
            if part is not None:
                rows, cols = part.box.inside(Box.whole(part.size))
                inside = way.holes[i, :, rows, cols] > 0
                made[i, :, rows, cols] = torch.where(inside, part.values[0], way.known[i, :, rows, cols])
    return completed


class FlowCompletion(nn.Module):
    """The frozen network, one direction: an encoder, a recurrence over time both ways, a decoder with one skip."""

    def __init__(self, config: FlowCompletionConfig = FlowCompletionConfig()) -> None:
        super().__init__()
        half, quarter, eighth = config.channels, 2 * config.channels, 4 * config.channels
        self.downsample = nn.Sequential(FrameConv(3, half, 5, stride=2, replicate=True), nn.LeakyReLU(SLOPE))
        self.encoder1 = SpaceTimeEncoder(half, quarter)
        self.encoder2 = SpaceTimeEncoder(quarter, eighth)
        self.mid_dilation = nn.Sequential(
            FrameConv(eighth, eighth, 3, dilation=3),
            nn.LeakyReLU(SLOPE),
            FrameConv(eighth, eighth, 3, dilation=2),
            nn.LeakyReLU(SLOPE),
            FrameConv(eighth, eighth, 3, dilation=1),
            nn.LeakyReLU(SLOPE),
        )
        self.feat_prop_module = Propagation(eighth, config)
        self.decoder2 = nn.Sequential(*_upscaling(eighth, quarter), nn.LeakyReLU(SLOPE))
        self.decoder1 = nn.Sequential(*_upscaling(quarter, half), nn.LeakyReLU(SLOPE))
        self.upsample = nn.Sequential(*_upscaling(half, 2))
        self.edgeDetector = _edge_head(config.edge_channels)
        self.requires_grad_(False)

    def forward(
        self, steps: Iterable[Float[Tensor, "n 3 h w"]], boxes: Iterable[Sequence[Box | None]]
    ) -> Iterator[list[Part | None]]:
        """Predict the flow of every step, in order, of each of its n samples inside its box; nothing where there is none.

        steps: flow x, flow y (0 in the hole), hole.
        """
        half = map(self.downsample, steps)
        quarter, skips = tee(self.encoder1.stream(half))  # a skip waits here until its frame is decoded
        features = [self.mid_dilation(feature) for feature in self.encoder2.stream(quarter)]
        for feature, skip, wanted in zip(self.feat_prop_module(features), skips, boxes, strict=True):
            samples = zip(torch.split(feature, 1), torch.split(skip, 1), wanted, strict=True)
            yield [
                None if box is None else self._decode(Part.whole(each), Part.whole(own), box)
                for each, own, box in samples
            ]

    def _decode(self, feature: Part, skip: Part, wanted: Box) -> Part:
        """Only the first decoder has a skip. The layer that speaks in pixels is fp32, lest the flow be rounded."""
        *before, to_pixels = self.upsample
        quarter, half = skip.size, (2 * skip.size[0], 2 * skip.size[1])
        box_before = box_read([to_pixels], wanted, half)
        box_half = box_read(before, box_before, half)
        box_quarter = box_read(self.decoder1, box_half, quarter)
        x = run_inside(self.decoder2, feature, box_quarter)
        x = Part(x.values + skip.cut(box_quarter).values, box_quarter, quarter)
        x = run_inside(before, run_inside(self.decoder1, x, box_half), box_before)
        with torch.autocast(x.values.device.type, enabled=False):
            return run_inside([to_pixels], Part(x.values.float(), box_before, half), wanted)


class FrameConv(nn.Conv3d):
    """A convolution within each frame. The checkpoint keeps it as a 3-D kernel one frame thick."""

    def __init__(
        self, i: int, o: int, kernel: int, *, stride: int = 1, dilation: int = 1, replicate: bool = False
    ) -> None:
        """replicate: repeat the border outwards, where the default is zeros."""
        super().__init__(i, o, (1, kernel, kernel))
        self._stride, self._dilation, self._replicate = stride, dilation, replicate
        self._margin = dilation * (kernel // 2)

    def forward(self, frame: Float[Tensor, "n i h w"]) -> Float[Tensor, "n o h2 w2"]:
        margin = self._margin
        if self._replicate:
            frame, margin = F.pad(frame, (margin,) * 4, mode="replicate"), 0
        weight = self.weight[:, :, 0]
        return F.conv2d(frame, weight, self.bias, stride=self._stride, padding=margin, dilation=self._dilation)


class FrameMix(nn.Conv3d):
    """A convolution along time, pixel by pixel: frames t-2, t and t+2, where they exist."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, (3, 1, 1))

    def stream(self, frames: Iterable[Float[Tensor, "n c h w"]]) -> Iterator[Float[Tensor, "n c h w"]]:
        """As many frames out as in, each two frames later than it came."""
        window: deque[Tensor | None] = deque([None] * 5, maxlen=5)
        for frame in chain(frames, (None, None)):
            window.append(frame)
            if window[2] is not None:
                yield self._mix(window[0], window[2], window[4])

    def _mix(self, *frames: Tensor | None) -> Tensor:
        there = [tap for tap, frame in enumerate(frames) if frame is not None]
        # The middle one always is there. A list of taps instead of a slice would be sent to the device, and waited for.
        taps = slice(there[0], there[-1] + 1)
        present = torch.cat([frame for frame in frames if frame is not None], dim=1)
        weight = self.weight[:, :, taps, :, 0].transpose(1, 2).flatten(1, 2)  # o i taps 1 -> o taps*i 1
        return F.conv2d(present, weight[..., None], self.bias)


class SpaceTimeBlock(nn.Module):
    """A convolution in space, then one in time (P3D: Qiu et al., ICCV 2017), without their residual."""

    def __init__(self, i: int, o: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(FrameConv(i, o, 3, stride=stride), nn.LeakyReLU(SLOPE))
        self.conv2 = nn.ModuleList([FrameMix(o)])  # a list of one: the checkpoint's key is conv2.0

    def stream(self, frames: Iterable[Tensor]) -> Iterator[Tensor]:
        mix = self.conv2[0]
        assert isinstance(mix, FrameMix)
        return mix.stream(map(self.conv1, frames))


class SpaceTimeEncoder(nn.Sequential):
    """Half the size: one block at full, one at half resolution."""

    def __init__(self, i: int, o: int) -> None:
        super().__init__(
            SpaceTimeBlock(i, i, stride=1),
            nn.LeakyReLU(SLOPE),
            SpaceTimeBlock(i, o, stride=2),
            nn.LeakyReLU(SLOPE),
        )

    def stream(self, frames: Iterable[Float[Tensor, "n i h w"]]) -> Iterator[Float[Tensor, "n o h2 w2"]]:
        for layer in self:
            frames = layer.stream(frames) if isinstance(layer, SpaceTimeBlock) else map(layer, frames)
        return iter(frames)


class Propagation(nn.Module):
    """A recurrence over the features, from the last frame to the first and then back, each aligned by deformation."""

    def __init__(self, channels: int, config: FlowCompletionConfig) -> None:
        super().__init__()
        self.deform_align = nn.ModuleDict(
            {"backward_": Alignment(channels, config), "forward_": Alignment(channels, config)}
        )
        self.backbone = nn.ModuleDict(
            {"backward_": _backbone(2 * channels, channels), "forward_": _backbone(3 * channels, channels)}
        )
        self.fusion = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, features: list[Tensor]) -> Iterator[Float[Tensor, "n c h w"]]:
        """The features with what both passes know added. The second pass runs only as far as it is asked."""
        later = list(self._sweep("backward_", ((feature,) for feature in reversed(features))))[::-1]
        earlier = self._sweep("forward_", zip(features, later, strict=True))
        for feature, from_later, from_earlier in zip(features, later, earlier, strict=True):
            yield self.fusion(torch.cat((from_later, from_earlier), dim=1)) + feature

    def _sweep(self, way: str, inputs: Iterable[tuple[Tensor, ...]]) -> Iterator[Tensor]:
        """One pass. inputs: for every step the current feature, then what else the backbone sees beside the state."""
        align, refine = self.deform_align[way], self.backbone[way]
        previous: Tensor | None = None
        before: Tensor | None = None
        for current, *others in inputs:
            nothing = torch.zeros_like(current)
            before = nothing if before is None else before
            state = nothing if previous is None else align(current, previous, before)
            state = state + refine(torch.cat((current, *others, state), dim=1))
            yield state
            previous, before = state, previous


class Alignment(nn.Module):
    """Second-order deformable alignment: what the last two states say about the current frame."""

    def __init__(self, channels: int, config: FlowCompletionConfig) -> None:
        super().__init__()
        self._groups, self._reach = config.deform_groups, config.reach
        self._taps = 9 * config.deform_groups
        bound = 1 / sqrt(9 * 2 * channels)
        self.weight = nn.Parameter(torch.empty(channels, 2 * channels, 3, 3).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.conv_offset = nn.Sequential(
            nn.Conv2d(3 * channels, channels, 3, padding=1),
            nn.LeakyReLU(GENTLE_SLOPE),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.LeakyReLU(GENTLE_SLOPE),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.LeakyReLU(GENTLE_SLOPE),
            nn.Conv2d(channels, 3 * self._taps, 3, padding=1),
        )

    def forward(
        self,
        current: Float[Tensor, "n c h w"],
        previous: Float[Tensor, "n c h w"],
        before: Float[Tensor, "n c h w"],
    ) -> Float[Tensor, "n c h w"]:
        guidance = self.conv_offset(torch.cat((previous, current, before), dim=1)).float()
        offset, modulation = guidance.split([2 * self._taps, self._taps], dim=1)
        return modulated_deform_conv2d(
            torch.cat((previous, before), dim=1),
            self._reach * torch.tanh(offset),
            torch.sigmoid(modulation),
            self.weight,
            self.bias,
            deform_groups=self._groups,
        )


def _upscaling(i: int, o: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(i, i, 3, padding=1), nn.LeakyReLU(SLOPE), DoublingConv(i, o)


def _backbone(i: int, o: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(i, o, 3, padding=1), nn.LeakyReLU(GENTLE_SLOPE), nn.Conv2d(o, o, 3, padding=1)
    )  # fmt: skip


def _edge_head(channels: int) -> nn.ModuleDict:
    """Parameters of a head that only the training loss listens to: they are in the checkpoint, and never run here."""
    return nn.ModuleDict(
        {
            "projection": nn.Sequential(nn.Conv2d(2, channels, 3, padding=1)),
            "mid_layer_1": nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1)),
            "mid_layer_2": nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1)),
            "out_layer": nn.Conv2d(channels, 1, 1),
        }
    )
