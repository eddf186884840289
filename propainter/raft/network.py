"""RAFT, the optical flow network: every layer and every hyper-parameter.

Here: what the network computes for given features (Teed & Deng, RAFT, ECCV 2020; spec, section 2). Attribute names
are the keys of the published checkpoint without its ``module.`` prefix, so its state dict loads strictly. Not here: the
correlation pyramid (``correlation.py``), which frames meet in which order (``estimation.py``), reading weights
(``weights.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

SCALE = 8  # the network sees motion on a grid of 8x8 pixel cells: three strides of 2


@dataclass(frozen=True)
class RaftConfig:
    """Every hyper-parameter; the defaults are the published "things" network."""

    stage_channels: tuple[int, int, int] = (64, 96, 128)
    """Channels of the encoders at 1/2, 1/4 and 1/8 of the size."""
    feature_channels: int = 256
    """Length of the vectors whose dot products are the correlation."""
    hidden_channels: int = 128
    """State of the recurrent update."""
    context_channels: int = 128
    """What the source frame tells the update at every iteration."""
    levels: int = 4
    """Correlation pyramid levels; each halves the target's resolution."""
    radius: int = 4
    """Cells the lookup reaches each way, at every level."""
    correlation_channels: tuple[int, int] = (256, 192)
    flow_channels: tuple[int, int] = (128, 64)
    motion_channels: int = 128
    """Out of the motion encoder, the two channels of the flow itself included."""
    head_channels: int = 256
    """Between the two layers of the flow head and of the mask head."""


class Raft(nn.Module):
    """The frozen network: it is never trained here, so it is built in evaluation mode and without gradients.

    Batch normalisation must use its stored statistics; do not switch it to training mode.
    """

    def __init__(self, config: RaftConfig = RaftConfig()) -> None:
        super().__init__()
        self.config = config
        context_out = config.hidden_channels + config.context_channels
        self.fnet = Encoder(config.stage_channels, config.feature_channels, norm=nn.InstanceNorm2d)
        self.cnet = Encoder(config.stage_channels, context_out, norm=nn.BatchNorm2d)
        self.update_block = UpdateBlock(config)
        self.eval().requires_grad_(False)

    def matching_features(self, frames: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n features h8 w8"]:
        """Vectors that agree where two frames show the same thing. frames: [-1, 1]."""
        features: Tensor = self.fnet(frames)
        return features

    def starting_state(
        self, frames: Float[Tensor, "n 3 h w"]
    ) -> tuple[Float[Tensor, "n hidden h8 w8"], Float[Tensor, "n context h8 w8"]]:
        """Hidden state and context of the recurrent update, from the source frame alone. frames: [-1, 1]."""
        hidden, context = self.cnet(frames).split([self.config.hidden_channels, self.config.context_channels], dim=1)
        return torch.tanh(hidden), torch.relu(context)


class Encoder(nn.Module):
    """A frame at 1/8 of its size: a stride-2 stem, then three stages of two residual blocks."""

    def __init__(self, stage_channels: tuple[int, int, int], out_channels: int, *, norm: type[nn.Module]) -> None:
        super().__init__()
        first, second, third = stage_channels
        self.conv1 = nn.Conv2d(3, first, 7, stride=2, padding=3)
        self.norm1 = norm(first)
        self.layer1 = nn.Sequential(ResidualBlock(first, first, 1, norm), ResidualBlock(first, first, 1, norm))
        self.layer2 = nn.Sequential(ResidualBlock(first, second, 2, norm), ResidualBlock(second, second, 1, norm))
        self.layer3 = nn.Sequential(ResidualBlock(second, third, 2, norm), ResidualBlock(third, third, 1, norm))
        self.conv2 = nn.Conv2d(third, out_channels, 1)

    def forward(self, frames: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n o h8 w8"]:
        x = torch.relu(self.norm1(self.conv1(frames)))
        x = self.layer3(self.layer2(self.layer1(x)))
        features: Tensor = self.conv2(x)
        return features


class ResidualBlock(nn.Module):
    """Two normalised 3x3 convolutions beside a shortcut, which is convolved only where the size changes."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, norm: type[nn.Module]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1)
        self.norm1 = norm(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        self.norm2 = norm(out_channels)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1:
            # The checkpoint stores this one normalisation under two names, norm3.* and downsample.1.*
            self.norm3 = norm(out_channels)
            self.downsample = nn.Sequential(nn.Conv2d(in_channels, out_channels, 1, stride=stride), self.norm3)

    def forward(self, x: Float[Tensor, "n i h w"]) -> Float[Tensor, "n o h2 w2"]:
        y = torch.relu(self.norm1(self.conv1(x)))
        y = torch.relu(self.norm2(self.conv2(y)))
        return torch.relu(self.downsample(x) + y)


class UpdateBlock(nn.Module):
    """One iteration: look at the correlation around the present guess, remember, and correct the guess."""

    def __init__(self, config: RaftConfig) -> None:
        super().__init__()
        hidden = config.hidden_channels
        self.encoder = MotionEncoder(config)
        self.gru = SeparableGru(hidden, config.context_channels, config.motion_channels)
        self.flow_head = FlowHead(hidden, config.head_channels)
        self.mask = nn.Sequential(
            nn.Conv2d(hidden, config.head_channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(config.head_channels, 9 * SCALE * SCALE, 1),
        )

    def forward(
        self,
        hidden: Float[Tensor, "n hidden h w"],
        gates: tuple[PreparedGates, PreparedGates],
        correlation: Float[Tensor, "n lookup h w"],
        flow: Float[Tensor, "n 2 h w"],
    ) -> tuple[Float[Tensor, "n hidden h w"], Float[Tensor, "n 2 h w"]]:
        """The next hidden state, and what to add to ``flow`` (in cells). gates: from ``gru.prepare(context)``."""
        hidden = self.gru(hidden, gates, self.encoder(correlation, flow))
        return hidden, self.flow_head(hidden)

    def upsampling_weights(self, hidden: Float[Tensor, "n hidden h w"]) -> Float[Tensor, "n k h w"]:
        """Logits of ``upsample_flow``; 0.25 balances the gradients in training and belongs to the weights."""
        logits: Tensor = 0.25 * self.mask(hidden)
        return logits


class MotionEncoder(nn.Module):
    """The correlation seen and the flow it was seen at, as features; the flow itself rides along."""

    def __init__(self, config: RaftConfig) -> None:
        super().__init__()
        (corr1, corr2), (flow1, flow2) = config.correlation_channels, config.flow_channels
        self.convc1 = nn.Conv2d(config.levels * (2 * config.radius + 1) ** 2, corr1, 1)
        self.convc2 = nn.Conv2d(corr1, corr2, 3, padding=1)
        self.convf1 = nn.Conv2d(2, flow1, 7, padding=3)
        self.convf2 = nn.Conv2d(flow1, flow2, 3, padding=1)
        self.conv = nn.Conv2d(corr2 + flow2, config.motion_channels - 2, 3, padding=1)

    def forward(
        self, correlation: Float[Tensor, "n lookup h w"], flow: Float[Tensor, "n 2 h w"]
    ) -> Float[Tensor, "n motion h w"]:
        seen = torch.relu(self.convc2(torch.relu(self.convc1(correlation))))
        moved = torch.relu(self.convf2(torch.relu(self.convf1(flow))))
        return torch.cat((torch.relu(self.conv(torch.cat((seen, moved), dim=1))), flow), dim=1)


class PreparedGates(NamedTuple):
    """One pass of the GRU for one context: its z, r and q convolutions, the context's constant share taken out."""

    zr_weight: Float[Tensor, "zr i kh kw"]
    q_weight: Float[Tensor, "q i kh kw"]
    zr_share: Float[Tensor, "n zr h w"]
    q_share: Float[Tensor, "n q h w"]


class SeparableGru(nn.Module):
    """A convolutional GRU that looks along rows (1x5), then along columns (5x1).

    z, r = sigmoid(conv([h, x])), q = tanh(conv([r*h, x])), h' = (1 - z)*h + z*q, with x = [context, motion].
    A convolution is linear and the context does not change between iterations, so its share is computed once: a third
    of the work of the gates.
    """

    def __init__(self, hidden: int, context: int, motion: int) -> None:
        super().__init__()
        self.hidden, self.context = hidden, context
        inputs = hidden + context + motion
        self.convz1, self.convr1, self.convq1 = (nn.Conv2d(inputs, hidden, (1, 5), padding=(0, 2)) for _ in range(3))
        self.convz2, self.convr2, self.convq2 = (nn.Conv2d(inputs, hidden, (5, 1), padding=(2, 0)) for _ in range(3))

    def prepare(self, context: Float[Tensor, "n context h w"]) -> tuple[PreparedGates, PreparedGates]:
        """Both passes, ready to be iterated with this context."""
        along_rows = self._prepare_pass(self.convz1, self.convr1, self.convq1, context)
        return along_rows, self._prepare_pass(self.convz2, self.convr2, self.convq2, context)

    def forward(
        self,
        hidden: Float[Tensor, "n hidden h w"],
        gates: tuple[PreparedGates, PreparedGates],
        motion: Float[Tensor, "n motion h w"],
    ) -> Float[Tensor, "n hidden h w"]:
        for zr_weight, q_weight, zr_share, q_share in gates:
            zr = F.conv2d(torch.cat((hidden, motion), dim=1), zr_weight, padding="same") + zr_share
            z, r = torch.sigmoid(zr).chunk(2, dim=1)
            q = F.conv2d(torch.cat((r * hidden, motion), dim=1), q_weight, padding="same") + q_share
            hidden = torch.lerp(hidden, torch.tanh(q), z)
        return hidden

    def _prepare_pass(self, z: nn.Conv2d, r: nn.Conv2d, q: nn.Conv2d, context: Tensor) -> PreparedGates:
        weight = torch.cat((z.weight, r.weight, q.weight))
        share = F.conv2d(context, self._context_only(weight), _joined_bias(z, r, q), padding="same")
        return PreparedGates(
            zr_weight=self._without_context(weight[: 2 * self.hidden]),
            q_weight=self._without_context(weight[2 * self.hidden :]),
            zr_share=share[:, : 2 * self.hidden],
            q_share=share[:, 2 * self.hidden :],
        )

    def _context_only(self, weight: Tensor) -> Tensor:
        return weight[:, self.hidden : self.hidden + self.context]

    def _without_context(self, weight: Tensor) -> Tensor:
        return torch.cat((weight[:, : self.hidden], weight[:, self.hidden + self.context :]), dim=1)


def _joined_bias(*convs: nn.Conv2d) -> Tensor:
    return torch.cat([conv.bias for conv in convs if conv.bias is not None])


class FlowHead(nn.Module):
    """The correction of the flow, in cells."""

    def __init__(self, hidden: int, head: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(hidden, head, 3, padding=1)
        self.conv2 = nn.Conv2d(head, 2, 3, padding=1)

    def forward(self, hidden: Float[Tensor, "n hidden h w"]) -> Float[Tensor, "n 2 h w"]:
        correction: Tensor = self.conv2(torch.relu(self.conv1(hidden)))
        return correction


def upsample_flow(flow: Float[Tensor, "n 2 h w"], logits: Float[Tensor, "n k h w"]) -> Float[Tensor, "n 2 h8 w8"]:
    """Flow in cells on the 1/8 grid -> flow in pixels at full size.

    Each pixel's flow is a convex combination (softmax over 9 logits of its own) of the 3x3 cells around its cell; cells
    outside count as zero flow (RAFT, section 3.3).
    """
    n, _, h, w = flow.shape
    weights = logits.view(n, 1, 9, SCALE, SCALE, h, w).softmax(dim=2)
    cells = F.unfold(SCALE * flow, 3, padding=1).view(n, 2, 9, 1, 1, h, w)
    pixels = (weights * cells).sum(dim=2)  # n 2 8 8 h w
    return pixels.permute(0, 1, 4, 2, 5, 3).reshape(n, 2, SCALE * h, SCALE * w)
