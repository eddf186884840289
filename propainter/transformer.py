"""The mask-guided sparse video transformer: feature maps to tokens, eight blocks of attention and mixing, and back.

Here: soft split, soft composition, attention in windows, the fusion feed-forward (paper, section 3.3; spec, section 7).
Not here: the convolutional encoder and decoder and the feature propagation around it, and the table of sizes
(``painter.py``).

Axes: ``t`` frames, ``c`` channels, ``h w`` the feature map, ``rows cols`` the token grid. There is no batch axis: one
call sees one clip.

A linear layer on unfolded patches is written as the strided convolution it is, folding a linear layer's output as the
transposed one. Same sums, but no feature map is copied patch by patch, and on two CPU cores the feed-forward takes half
the time (0.58 instead of 1.12 s for 18 frames of 432x240).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

PATCH, STRIDE, PADDING = 7, 3, 3
"""A token is a 7x7 patch of the feature map, one every 3 pixels: patches overlap."""


@dataclass(frozen=True)
class TransformerConfig:
    """Sizes of the published network (paper, section 4; spec, section 7)."""

    feature_channels: int = 128
    """Channels of the feature map at a quarter of the picture."""
    dim: int = 512
    """Channels of a token."""
    heads: int = 4
    blocks: int = 8
    window: tuple[int, int] = (5, 9)
    """Rows and columns of tokens that attend together."""
    reach: tuple[int, int] = (3, 5)
    """How far the rolled keys look beyond the window."""
    pool: int = 4
    """Every pool x pool tokens become one coarse key of the whole picture."""
    frame_step: int = 2
    """Block k takes keys from frames k mod frame_step, k mod frame_step + frame_step, ..."""
    mix_channels: int = 40
    """Channels of the feature map inside the feed-forward."""


@dataclass(frozen=True)
class WindowPlan:
    """How one call's token grid is cut into windows, and which of them need the whole attention."""

    rows: int
    cols: int
    """Token grid, padded to whole windows."""
    tokens_of_masked: Int[Tensor, "m n"]
    """Windows that any painted frame's hole touches: flat positions of their tokens in the padded grid."""
    tokens_of_unmasked: Int[Tensor, "u n"]
    """The other windows, likewise."""


class SparseTransformer(nn.Module):
    """The stack of blocks."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.transformer = nn.ModuleList(SparseBlock(config) for _ in range(config.blocks))

    def forward(
        self, tokens: Float[Tensor, "t rows cols c"], hole: Float[Tensor, "l 1 h w"]
    ) -> Float[Tensor, "t rows cols c"]:
        """tokens: of all frames. hole: of the painted frames, at feature size; it alone decides what is masked."""
        size = (hole.shape[-2], hole.shape[-1])
        plan = plan_windows(hole, self.config)
        for index, block in enumerate(self.transformer):
            tokens = block(tokens, plan, size, first_key_frame=index % self.config.frame_step)
        return tokens


class SparseBlock(nn.Module):
    """x += attention(norm(x)); x += mix(norm(x))."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.attention = SparseWindowAttention(config)
        self.norm1 = nn.LayerNorm(config.dim)
        self.norm2 = nn.LayerNorm(config.dim)
        self.mlp = FusionFeedForward(config)

    def forward(
        self, x: Float[Tensor, "t rows cols c"], plan: WindowPlan, size: tuple[int, int], *, first_key_frame: int
    ) -> Float[Tensor, "t rows cols c"]:
        x = x + self.attention(self.norm1(x), plan, first_key_frame=first_key_frame)
        mixed: Tensor = self.mlp(self.norm2(x), size)
        return x + mixed


class SparseWindowAttention(nn.Module):
    """Attention of windows: wide for those a hole touches, within a frame for the others (spec, section 7, Attention).

    A masked window's queries (all frames) see, of every frame_step-th frame, their own window, the ring around it and a
    pooled view of the whole picture. An unmasked window's queries see their own window in their own frame.
    """

    valid_ind_rolled: Tensor

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.query = nn.Linear(config.dim, config.dim)
        self.key = nn.Linear(config.dim, config.dim)
        self.value = nn.Linear(config.dim, config.dim)
        self.proj = nn.Linear(config.dim, config.dim)
        self.pool_layer = nn.Conv2d(config.dim, config.dim, config.pool, stride=config.pool, groups=config.dim)
        self.register_buffer("valid_ind_rolled", _outside_own_window(config))

    def forward(
        self, x: Float[Tensor, "t rows cols c"], plan: WindowPlan, *, first_key_frame: int
    ) -> Float[Tensor, "t rows cols c"]:
        rows, cols = x.shape[1:3]
        # Padded tokens are zero, so their query, key and value are the biases; they take part (spec, section 10.6).
        padded = F.pad(x, (0, 0, 0, plan.cols - cols, 0, plan.rows - rows))
        pooled = self.pool_layer(padded.permute(0, 3, 1, 2)).flatten(2).transpose(1, 2)
        padded = padded.flatten(1, 2)
        sources = torch.cat((padded, pooled.to(padded.dtype)), dim=1)
        query, key, value = self.query(padded), self.key(sources), self.value(sources)

        attended = torch.empty_like(query)
        self._attend_in_frame(attended, query, key, value, plan.tokens_of_unmasked)
        step = slice(first_key_frame, None, self.config.frame_step)
        self._attend_widely(attended, query, key[step], value[step], plan)
        projected: Tensor = self.proj(torch.unflatten(attended, 1, (plan.rows, plan.cols))[:, :rows, :cols])
        return projected

    def _attend_in_frame(
        self, out: Tensor, query: Tensor, key: Tensor, value: Tensor, tokens: Int[Tensor, "u n"]
    ) -> None:
        """Every frame of every unmasked window for itself; written into ``out``."""
        heads = (self.config.heads, -1)
        q, k, v = (
            torch.unflatten(x[:, tokens], -1, heads).transpose(2, 3) for x in (query, key, value)
        )  # t u heads n d
        attended = F.scaled_dot_product_attention(q.flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1))
        out[:, tokens] = torch.unflatten(attended.transpose(1, 2).flatten(2), 0, q.shape[:2])

    def _attend_widely(self, out: Tensor, query: Tensor, key: Tensor, value: Tensor, plan: WindowPlan) -> None:
        """Masked windows over the key frames given; written into ``out``.

        A single frame has no key frames in odd blocks; attention over nothing is 0, as it should be (spec, section 10.7).
        A few windows at a time: gathered keys are the largest thing in the network (each of a window's 45 tokens brings
        148 from its ring), and need not all be there at once.
        """
        frames, _, dim = query.shape
        positions = self._key_positions(plan, pooled=key.shape[1] - plan.rows * plan.cols)
        per_window = key.shape[0] * positions.shape[1] * dim * key.element_size()
        count = max(1, _gather_budget(key.device) // max(per_window, 1))
        heads = (self.config.heads, -1)
        for tokens, seen in zip(torch.split(plan.tokens_of_masked, count), torch.split(positions, count), strict=True):
            q = query[:, tokens].transpose(0, 1).flatten(1, 2)
            k, v = (x[:, seen].transpose(0, 1).flatten(1, 2) for x in (key, value))
            q, k, v = (torch.unflatten(x, -1, heads).transpose(1, 2) for x in (q, k, v))  # m heads frames*n d
            attended = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
            out[:, tokens] = torch.unflatten(attended, 1, (frames, -1)).transpose(0, 1)

    def _key_positions(self, plan: WindowPlan, *, pooled: int) -> Int[Tensor, "m k"]:
        """Where a masked window's keys lie in a frame's sources: own tokens, ring, then all pooled ones.

        The ring is read by four diagonal shifts that wrap around the padded grid's borders. A token that two shifts
        reach is there twice and weighs more in the softmax; the weights were trained so (spec, section 7, Rolled keys).
        """
        up, left = self.config.reach
        row, col = plan.tokens_of_masked // plan.cols, plan.tokens_of_masked % plan.cols
        shifted = [
            (row + down) % plan.rows * plan.cols + (col + right) % plan.cols
            for down, right in ((up, left), (up, -left), (-up, left), (-up, -left))
        ]
        ring = torch.cat(shifted, dim=1)[:, self.valid_ind_rolled]
        whole = torch.arange(pooled, device=ring.device) + plan.rows * plan.cols
        return torch.cat((plan.tokens_of_masked, ring, whole.expand(len(ring), -1)), dim=1)


class FusionFeedForward(nn.Module):
    """Linear, overlap the patches to a map and average, GELU, cut patches again, linear (spec, section 7, FFN)."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        hidden = config.mix_channels * PATCH * PATCH
        self.fc1 = nn.Sequential(nn.Linear(config.dim, hidden))
        self.fc2 = nn.Sequential(nn.GELU(), nn.Linear(hidden, config.dim))

    def forward(self, x: Float[Tensor, "t rows cols c"], size: tuple[int, int]) -> Float[Tensor, "t rows cols c"]:
        """GELU acts on single values and keeps 0, so it is applied once a map pixel instead of once a patch entry."""
        overlapped = compose(x, cast(nn.Linear, self.fc1[0]), size) / overlap_count(size, x.device)
        return split(self.fc2[0](overlapped), cast(nn.Linear, self.fc2[1]))


class SoftSplit(nn.Module):
    """Feature maps to tokens."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.embedding = nn.Linear(config.feature_channels * PATCH * PATCH, config.dim)

    def forward(self, x: Float[Tensor, "t c h w"]) -> Float[Tensor, "t rows cols d"]:
        return split(x, self.embedding)


class SoftComposition(nn.Module):
    """Tokens to feature maps: overlapping patches are added (not averaged) and smoothed (spec, section 7)."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.embedding = nn.Linear(config.dim, config.feature_channels * PATCH * PATCH)
        self.bias_conv = nn.Conv2d(config.feature_channels, config.feature_channels, 3, padding=1)

    def forward(self, x: Float[Tensor, "t rows cols d"], size: tuple[int, int]) -> Float[Tensor, "t c h w"]:
        smoothed: Tensor = self.bias_conv(compose(x, self.embedding, size))
        return smoothed


def split(x: Float[Tensor, "t c h w"], linear: nn.Linear) -> Float[Tensor, "t rows cols d"]:
    """Linear layer on every 7x7 patch; a patch's values are channel-major, as ``unfold`` lays them out."""
    kernel = torch.unflatten(linear.weight, 1, (-1, PATCH, PATCH))
    return F.conv2d(x, kernel, linear.bias, stride=STRIDE, padding=PADDING).permute(0, 2, 3, 1)


def compose(x: Float[Tensor, "t rows cols d"], linear: nn.Linear, size: tuple[int, int]) -> Float[Tensor, "t c h w"]:
    """Linear layer to a 7x7 patch a token, overlapping patches added, as ``fold`` does."""
    rows, cols = x.shape[1:3]
    kernel = torch.unflatten(linear.weight.t(), 1, (-1, PATCH, PATCH))
    # What the last stride leaves over: sizes that share a token grid differ by at most 2.
    rest = (size[0] - 1 - STRIDE * (rows - 1), size[1] - 1 - STRIDE * (cols - 1))
    summed = F.conv_transpose2d(x.permute(0, 3, 1, 2), kernel, stride=STRIDE, padding=PADDING, output_padding=rest)
    biases = linear.bias[None, :, None].expand(1, -1, rows * cols)
    return summed + F.fold(biases, size, PATCH, padding=PADDING, stride=STRIDE)


def overlap_count(size: tuple[int, int], device: torch.device) -> Float[Tensor, "1 1 h w"]:
    """How many patches cover each pixel: 1 to 9."""
    rows, cols = token_grid(size)
    ones = torch.ones(1, PATCH * PATCH, rows * cols, device=device)
    return F.fold(ones, size, PATCH, padding=PADDING, stride=STRIDE)


def token_grid(size: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of tokens of a feature map."""
    return ((size[0] - 1) // STRIDE + 1, (size[1] - 1) // STRIDE + 1)


def plan_windows(hole: Float[Tensor, "l 1 h w"], config: TransformerConfig) -> WindowPlan:
    """Cut the token grid into windows; masked are those where any of the frames' holes has a token (spec, section 7).

    The one place that waits for the device: the number of masked windows decides the shapes of all that follows.
    """
    height, width = config.window
    touched = F.max_pool2d(hole.amax(0, keepdim=True), PATCH, stride=STRIDE, padding=PADDING)[0, 0]
    rows, cols = (-(-touched.shape[0] // height) * height, -(-touched.shape[1] // width) * width)
    touched = F.pad(touched, (0, cols - touched.shape[1], 0, rows - touched.shape[0]))
    tokens = _by_window(torch.arange(rows * cols, device=hole.device).view(rows, cols), config)
    is_masked: Bool[Tensor, " windows"] = (_by_window(touched, config) > 0).any(1)
    return WindowPlan(
        rows=rows,
        cols=cols,
        tokens_of_masked=tokens[is_masked],
        tokens_of_unmasked=tokens[~is_masked],
    )


def _by_window(grid: Tensor, config: TransformerConfig) -> Tensor:
    """[rows, cols] to [windows, tokens in a window]."""
    height, width = config.window
    cut = grid.reshape(grid.shape[0] // height, height, grid.shape[1] // width, width)
    return cut.transpose(1, 2).reshape(-1, height * width)


def _outside_own_window(config: TransformerConfig) -> Int[Tensor, " ring"]:
    """Of 4 x 45 diagonally shifted positions those that left their own window: 148 (spec, section 7, Rolled keys)."""
    (height, width), (up, left) = config.window, config.reach
    row, col = torch.arange(height)[:, None], torch.arange(width)[None, :]
    inside = [
        (row + down >= 0) & (row + down < height) & (col + right >= 0) & (col + right < width)
        for down, right in ((up, left), (up, -left), (-up, left), (-up, -left))
    ]
    return (~torch.stack(inside)).flatten().nonzero()[:, 0]


def _gather_budget(device: torch.device) -> int:
    """Bytes of keys gathered at once."""
    return 1 << 26 if device.type == "cpu" else 1 << 29
