"""ProPainter's generator: paints the holes of a window's neighbours, looking at its references too.

Here: encoder, feature propagation with deformable alignment, decoder, and the order of all parts (paper, sections 3.2
and 3.3; spec, section 7). Not here: the transformer between them (``transformer.py``), which frames form a window
(``propainter_plan/cuts.py``), weights (``weights.py``), precision and caching (``learned.py``).

Axes: ``t`` all frames of a window, ``l`` the neighbours, which come first, ``c h w``; features live at a quarter of the
picture. There is no batch axis: one call paints one window.

Of the painted picture only the hole is of use, so nothing is decoded that no hole's surrounding box needs, and the last
transformer blocks compute only the tokens read there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from propainter.deform import modulated_deform_conv2d
from propainter.region import Box, DoublingConv, Part, box_read, boxes_of_holes, join, run_inside
from propainter.transformer import SoftComposition, SoftSplit, SparseTransformer, TransformerConfig, plan_blocks
from propainter.types import BidirectionalFlow
from propainter.warp import is_consistent, warp

SCALE = 4
"""Picture pixels a feature pixel, each way."""


@dataclass(frozen=True)
class PainterConfig:
    """Every size of the published network (spec, section 7)."""

    encoder_stem: tuple[tuple[int, int], ...] = ((64, 2), (64, 1), (128, 2), (256, 1))
    """Channels and stride of the encoder's convolutions up to the shared feature."""
    encoder_rest: tuple[tuple[int, int], ...] = ((384, 1), (512, 2), (384, 4), (256, 8), (128, 1))
    """Channels and groups of those after it; from the second on the shared feature is read again."""
    decoder_channels: tuple[int, int] = (128, 64)
    deform_groups: int = 16
    deform_kernel: int = 3
    max_offset: float = 3.0
    """Feature pixels a tap may stray from where the flow points."""
    transformer: TransformerConfig = field(default_factory=TransformerConfig)

    @property
    def channels(self) -> int:
        """Channels of the feature map between encoder and decoder."""
        return self.transformer.feature_channels


@dataclass(frozen=True)
class Guides:
    """What steers feature propagation, at feature size."""

    flow: BidirectionalFlow
    """Among the neighbours, in feature pixels; batch axis 1."""
    masks: Float[Tensor, "l 2 h w"]
    """Hole, and what image propagation left unseen."""


class Painter(nn.Module):
    """The generator. Submodules carry the published checkpoint's names."""

    def __init__(self, config: PainterConfig | None = None) -> None:
        super().__init__()
        self.config = config or PainterConfig()
        self.encoder = Encoder(self.config)
        self.feat_prop_module = FeaturePropagation(self.config)
        self.ss = SoftSplit(self.config.transformer)
        self.transformers = SparseTransformer(self.config.transformer)
        self.sc = SoftComposition(self.config.transformer)
        self.decoder = decoder(self.config)

    def encode_frame(
        self, frame: Float[Tensor, "3 h w"], hole: Float[Tensor, "1 h w"], unseen: Float[Tensor, "1 h w"]
    ) -> Float[Tensor, "c h/4 w/4"]:
        """Features of one propagated frame; they depend on nothing else, so they may be kept and used again."""
        features: Tensor = self.encoder(torch.cat((frame, hole, unseen))[None])[0]
        return features

    def reference_tokens(self, features: Float[Tensor, "c fh fw"]) -> Float[Tensor, "rows cols d"]:
        """Tokens of a frame that is looked at but not painted; of its features alone, so they may be kept as well."""
        tokens: Tensor = self.ss(features[None])[0]
        return tokens

    def forward(
        self,
        features: Float[Tensor, "l c fh fw"],
        references: Sequence[Float[Tensor, "rows cols d"]],
        holes: Float[Tensor, "l 1 h w"],
        unseen: Float[Tensor, "l 1 h w"],
        flow: BidirectionalFlow,
        *,
        whole: bool = False,
    ) -> Float[Tensor, "l 3 h w"]:
        """Paint the l neighbours inside the box around each one's hole; 0 outside it.

        features: of the neighbours (``encode_frame``). references: ``reference_tokens`` of the other frames.
        flow: completed, among the neighbours, in pixels of the picture, batch axis 1.
        whole: paint whole pictures all the same, to be compared with other implementations.
        Waits for the device twice, before any work is queued: the holes decide the shapes of what follows.
        """
        size = (features.shape[-2], features.shape[-1])
        everything = Box.whole((holes.shape[-2], holes.shape[-1]))
        boxes = [everything for _ in holes] if whole else boxes_of_holes(holes)
        decoded = join([box and box_read(self.decoder, box, size) for box in boxes])
        if decoded is None:
            return torch.zeros_like(holes.expand(-1, 3, -1, -1))
        guides = quarter_guides(holes, unseen, flow)
        plan = plan_blocks(guides.masks[:, :1], self.config.transformer, references=len(references), read=decoded)
        neighbours = self.feat_prop_module(features, guides)
        tokens = self.transformers(torch.cat((self.ss(neighbours), *(r[None] for r in references))), plan)
        neighbours = Part.whole(neighbours).cut(decoded).values + self.sc(tokens, plan[-1].tokens, decoded, size)
        return self._decode(Part(neighbours, decoded, size), boxes)

    def _decode(self, features: Part, boxes: Sequence[Box | None]) -> Float[Tensor, "l 3 h w"]:
        """One frame at a time: the decoder's maps are at full size, a window of them would be the peak of all memory."""
        height, width = features.size
        painted = features.values.new_zeros(len(boxes), 3, SCALE * height, SCALE * width)
        for picture, feature, box in zip(painted, features.values, boxes, strict=True):
            if box is not None:
                rows, cols = box.inside(Box.whole((SCALE * height, SCALE * width)))
                decoded = run_inside(self.decoder, Part(feature[None], features.box, features.size), box)
                picture[:, rows, cols] = torch.tanh(decoded.values[0])
        return painted


def quarter_guides(
    holes: Float[Tensor, "l 1 h w"], unseen: Float[Tensor, "l 1 h w"], flow: BidirectionalFlow
) -> Guides:
    """Flow and masks at feature size: flow by the mean of the four middle pixels, masks by the first of each 4x4 block
    (spec, section 7, Downsampling of guides)."""
    masks = torch.cat((holes, unseen), dim=1)[..., ::SCALE, ::SCALE]
    return Guides(BidirectionalFlow(_quarter_flow(flow.forward), _quarter_flow(flow.backward)), masks)


def _quarter_flow(flow: Float[Tensor, "1 pairs 2 h w"]) -> Float[Tensor, "1 pairs 2 h/4 w/4"]:
    return F.interpolate(flow[0], scale_factor=1 / SCALE, mode="bilinear", align_corners=False)[None] / SCALE


class Encoder(nn.Module):
    """Picture and masks to features. Later convolutions read an early, shared feature again, group by group."""

    def __init__(self, config: PainterConfig) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 5
        for out, stride in config.encoder_stem:
            layers += [nn.Conv2d(channels, out, 3, stride, 1), nn.LeakyReLU(0.2)]
            channels = out
        self.shared_at = len(layers)
        shared, again = channels, 0
        for out, groups in config.encoder_rest:
            layers += [nn.Conv2d(channels + again, out, 3, 1, 1, groups=groups), nn.LeakyReLU(0.2)]
            channels, again = out, shared
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Float[Tensor, "t 5 h w"]) -> Float[Tensor, "t c h/4 w/4"]:
        """x: red, green, blue, hole, unseen."""
        for layer in self.layers[: self.shared_at]:
            x = layer(x)
        shared = x
        for at, layer in enumerate(self.layers[self.shared_at :]):
            if isinstance(layer, nn.Conv2d) and at > 0:
                x = _by_group(shared, x, layer.groups)
            x = layer(x)
        return x


def _by_group(a: Float[Tensor, "t c h w"], b: Float[Tensor, "t d h w"], groups: int) -> Float[Tensor, "t e h w"]:
    """Concatenate so that each of the next convolution's groups sees its share of both."""
    return torch.cat((torch.unflatten(a, 1, (groups, -1)), torch.unflatten(b, 1, (groups, -1))), dim=2).flatten(1, 2)


class FeaturePropagation(nn.Module):
    """Image propagation's two passes on features, with learned alignment (paper, section 3.2; spec, section 7)."""

    def __init__(self, config: PainterConfig) -> None:
        super().__init__()
        passes = ("backward_1", "forward_1")
        self.deform_align = nn.ModuleDict({name: DeformableAlignment(config) for name in passes})
        self.backbone = nn.ModuleDict({name: _fusion(config.channels) for name in passes})
        self.fuse = _fusion(config.channels)

    def forward(self, x: Float[Tensor, "l c h w"], guides: Guides) -> Float[Tensor, "l c h w"]:
        """x: encoder features of the neighbours. The second pass runs on the result of the first."""
        forward, backward = guides.flow.forward[0], guides.flow.backward[0]
        from_next = self._carry("backward_1", x, guides.masks, forward, is_consistent(forward, backward))
        from_both = self._carry("forward_1", from_next, guides.masks, backward, is_consistent(backward, forward))
        fused: Tensor = self.fuse(torch.cat((from_next, from_both, guides.masks), dim=1))
        return x + fused

    def _carry(self, name: str, x: Tensor, masks: Tensor, flow: Tensor, trusted: Tensor) -> Float[Tensor, "l c h w"]:
        """One pass. backward_1 goes from the last frame to the first along forward flow, forward_1 the other way."""
        align, backbone = self.deform_align[name], self.backbone[name]
        against_time = name == "backward_1"
        current, mask = torch.split(x, 1), torch.split(masks, 1)
        states: dict[int, Tensor] = {}
        for t in reversed(range(len(x))) if against_time else range(len(x)):
            source = t + 1 if against_time else t - 1
            aligned = current[t]
            if states:
                pair = slice(min(t, source), min(t, source) + 1)
                aligned = align(states[source], current[t], flow[pair], trusted[pair], mask[t])
            states[t] = aligned + backbone(torch.cat((current[t], aligned, mask[t]), dim=1))
        return torch.cat([states[t] for t in range(len(x))])


class DeformableAlignment(nn.Module):
    """Fetch the previous frame's state to where it is now: flow says roughly, learned offsets say exactly."""

    def __init__(self, config: PainterConfig) -> None:
        super().__init__()
        channels, taps = config.channels, config.deform_groups * config.deform_kernel**2
        self.config = config
        self.weight = nn.Parameter(torch.empty(channels, channels, config.deform_kernel, config.deform_kernel))
        self.bias = nn.Parameter(torch.zeros(channels))
        nn.init.kaiming_uniform_(self.weight, a=5**0.5)
        self.conv_offset = nn.Sequential(
            nn.Conv2d(2 * channels + 5, channels, 3, 1, 1), nn.LeakyReLU(0.1),
            nn.Conv2d(channels, channels, 3, 1, 1), nn.LeakyReLU(0.1),
            nn.Conv2d(channels, channels, 3, 1, 1), nn.LeakyReLU(0.1),
            nn.Conv2d(channels, 3 * taps, 3, 1, 1),
        )  # fmt: skip

    def forward(
        self,
        previous: Float[Tensor, "1 c h w"],
        current: Float[Tensor, "1 c h w"],
        flow: Float[Tensor, "1 2 h w"],
        trusted: Bool[Tensor, "1 1 h w"],
        mask: Float[Tensor, "1 2 h w"],
    ) -> Float[Tensor, "1 c h w"]:
        """previous: unwarped state. flow: from here to there, in feature pixels. trusted: where flow is consistent."""
        condition = torch.cat((current, warp(previous, flow), flow, trusted.to(flow.dtype), mask), dim=1)
        predicted = self.conv_offset(condition)
        taps = predicted.shape[1] // 3
        stray, modulation = predicted.split((2 * taps, taps), dim=1)
        stray = self.config.max_offset * torch.tanh(stray)
        # Added in fp32: where to look must not be rounded to half precision (spec, section 10.4).
        offset = stray.to(flow.dtype) + flow.flip(1).repeat(1, taps, 1, 1)  # (dy, dx) a tap
        return modulated_deform_conv2d(
            previous,
            offset,
            torch.sigmoid(modulation),
            self.weight,
            self.bias,
            padding=self.config.deform_kernel // 2,
            deform_groups=self.config.deform_groups,
        )


def _fusion(channels: int) -> nn.Sequential:
    """Two features and the two masks to one feature."""
    return nn.Sequential(
        nn.Conv2d(2 * channels + 2, channels, 3, 1, 1), nn.LeakyReLU(0.2), nn.Conv2d(channels, channels, 3, 1, 1)
    )


def decoder(config: PainterConfig) -> nn.Sequential:
    """Features to a picture at four times the size, before the tanh; to be run inside a box (``region.py``)."""
    wide, narrow = config.decoder_channels
    return nn.Sequential(
        DoublingConv(config.channels, wide), nn.LeakyReLU(0.2),
        nn.Conv2d(wide, narrow, 3, 1, 1), nn.LeakyReLU(0.2),
        DoublingConv(narrow, narrow), nn.LeakyReLU(0.2),
        nn.Conv2d(narrow, 3, 3, 1, 1),
    )  # fmt: skip
