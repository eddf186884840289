"""The mask-guided sparse video transformer: feature maps to tokens, eight blocks of attention and mixing, and back.

Here: soft split, soft composition, attention in windows, the fusion feed-forward (paper, section 3.3; spec, section 7).
Not here: the convolutional encoder and decoder and the feature propagation around it, and the table of sizes
(``painter.py``).

A call computes what its plan asks for: the first blocks everything, the last ones only what is read afterwards.

Axes: ``t`` frames, ``c`` channels, ``h w`` the feature map, ``rows cols`` the token grid. There is no batch axis: one
call sees one clip.

A linear layer on unfolded patches is written as the strided convolution it is, folding a linear layer's output as the
transposed one. Same sums, but no feature map is copied patch by patch, and on two CPU cores the feed-forward takes half
the time (0.58 instead of 1.12 s for 18 frames of 432x240).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from propainter.region import Box, Part, Size

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
class BlockPlan:
    """What one block computes in one call: of which frames and tokens, in which windows, from which keys.

    Frames are places in what the block is given; tokens are flat places in the padded grid of rows x cols.
    """

    size: Size
    """Of the feature map."""
    rows: int
    cols: int
    """Token grid, padded to whole windows."""
    tokens_of_masked: Int[Tensor, "m n"]
    """Windows that any painted frame's hole touches: their tokens."""
    tokens_of_unmasked: Int[Tensor, "u n"]
    """The other windows, likewise. Of both kinds only those with tokens in ``attended``."""
    frames: Int[Tensor, " f"]
    """Frames that come out."""
    keys: Int[Tensor, " k"]
    """Frames that masked windows look at."""
    attended: Box
    """Tokens that need attention: the mixing of those that come out reads them."""
    tokens: Box
    """Tokens that come out."""


class SparseTransformer(nn.Module):
    """The stack of blocks."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.transformer = nn.ModuleList(SparseBlock(config) for _ in range(config.blocks))

    def forward(
        self, tokens: Float[Tensor, "t rows cols c"], plan: Sequence[BlockPlan]
    ) -> Float[Tensor, "l rows2 cols2 c"]:
        """tokens: of all frames, painted ones first. Returns of the painted frames the tokens that the last block's
        plan names."""
        for block, its_plan in zip(self.transformer, plan, strict=True):
            tokens = block(tokens, its_plan)
        return tokens


class SparseBlock(nn.Module):
    """x += attention(norm(x)); x += mix(norm(x))."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.attention = SparseWindowAttention(config)
        self.norm1 = nn.LayerNorm(config.dim)
        self.norm2 = nn.LayerNorm(config.dim)
        self.mlp = FusionFeedForward(config)

    def forward(self, x: Float[Tensor, "t rows cols c"], plan: BlockPlan) -> Float[Tensor, "f rows2 cols2 c"]:
        rows, cols = plan.attended.inside(Box.whole((x.shape[1], x.shape[2])))
        x = x[plan.frames, rows, cols] + self.attention(self.norm1(x), plan)
        mixed: Tensor = self.mlp(self.norm2(x), plan)
        rows, cols = plan.tokens.inside(plan.attended)
        return x[:, rows, cols] + mixed


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

    def forward(self, x: Float[Tensor, "t rows cols c"], plan: BlockPlan) -> Float[Tensor, "f rows2 cols2 c"]:
        """Returns, of the plan's frames, the tokens that need attention."""
        # Padded tokens are zero, so their query, key and value are the biases; they take part (spec, section 10.6).
        padded = F.pad(x, (0, 0, 0, plan.cols - x.shape[2], 0, plan.rows - x.shape[1]))
        asking = padded[plan.frames].flatten(1, 2)
        attended = torch.zeros_like(asking)
        self._attend_in_frame(attended, asking, plan.tokens_of_unmasked)
        self._attend_widely(attended, asking, padded[plan.keys], plan)
        rows, cols = plan.attended.inside(Box.whole((plan.rows, plan.cols)))
        projected: Tensor = self.proj(torch.unflatten(attended, 1, (plan.rows, plan.cols))[:, rows, cols])
        return projected

    def _attend_in_frame(self, out: Tensor, asking: Float[Tensor, "f g c"], tokens: Int[Tensor, "u n"]) -> None:
        """Every frame of every unmasked window for itself; written into ``out``."""
        seen = asking[:, tokens].flatten(0, 1)
        q, k, v = (self._by_head(layer(seen)) for layer in (self.query, self.key, self.value))
        attended = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        out[:, tokens] = torch.unflatten(attended, 0, (len(asking), len(tokens)))

    def _attend_widely(
        self, out: Tensor, asking: Float[Tensor, "f g c"], looked_at: Float[Tensor, "k rows cols c"], plan: BlockPlan
    ) -> None:
        """Masked windows over the key frames; written into ``out``.

        A single frame has no key frames in odd blocks; attention over nothing is 0, as it should be (spec, section 10.7).
        A few windows at a time: gathered keys are the largest thing in the network (each of a window's 45 tokens brings
        148 from its ring), and need not all be there at once.
        """
        if not len(plan.tokens_of_masked):
            return
        pooled = self.pool_layer(looked_at.permute(0, 3, 1, 2)).flatten(2).transpose(1, 2)
        sources = torch.cat((looked_at.flatten(1, 2), pooled.to(looked_at.dtype)), dim=1)
        key, value = self.key(sources), self.value(sources)
        positions = self._key_positions(plan, pooled=pooled.shape[1])
        per_window = key.shape[0] * positions.shape[1] * key.shape[2] * key.element_size()
        count = max(1, _gather_budget(key.device) // max(per_window, 1))
        for tokens, seen in zip(torch.split(plan.tokens_of_masked, count), torch.split(positions, count), strict=True):
            q = self._by_head(self.query(asking[:, tokens].transpose(0, 1).flatten(1, 2)))
            k, v = (self._by_head(x[:, seen].transpose(0, 1).flatten(1, 2)) for x in (key, value))
            attended = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
            out[:, tokens] = torch.unflatten(attended, 1, (len(asking), -1)).transpose(0, 1)

    def _by_head(self, x: Float[Tensor, "m n c"]) -> Float[Tensor, "m heads n d"]:
        return torch.unflatten(x, -1, (self.config.heads, -1)).transpose(1, 2)

    def _key_positions(self, plan: BlockPlan, *, pooled: int) -> Int[Tensor, "m k"]:
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

    def forward(self, x: Float[Tensor, "f rows cols c"], plan: BlockPlan) -> Float[Tensor, "f rows2 cols2 c"]:
        """x: the tokens that had attention. Returns those that come out.

        GELU acts on single values and keeps 0, so it is applied once a map pixel instead of once a patch entry.
        """
        pixels = pixels_read(plan.tokens, plan.size)
        summed = compose(x, cast(nn.Linear, self.fc1[0]), plan.attended, pixels)
        overlapped = summed / Part.whole(overlap_count(plan.size, x.device)).cut(pixels).values
        return split(Part(self.fc2[0](overlapped), pixels, plan.size), cast(nn.Linear, self.fc2[1]), plan.tokens)


class SoftSplit(nn.Module):
    """Feature maps to tokens."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.embedding = nn.Linear(config.feature_channels * PATCH * PATCH, config.dim)

    def forward(self, x: Float[Tensor, "t c h w"]) -> Float[Tensor, "t rows cols d"]:
        whole = Part.whole(x)
        return split(whole, self.embedding, Box.whole(token_grid(whole.size)))


class SoftComposition(nn.Module):
    """Tokens to feature maps: overlapping patches are added (not averaged) and smoothed (spec, section 7)."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.embedding = nn.Linear(config.dim, config.feature_channels * PATCH * PATCH)
        self.bias_conv = nn.Conv2d(config.feature_channels, config.feature_channels, 3, padding=1)

    def forward(
        self, x: Float[Tensor, "t rows cols d"], held: Box, wanted: Box, size: Size
    ) -> Float[Tensor, "t c h w"]:
        """x: tokens ``held``, at least what ``tokens_read`` names for ``wanted``, a box of the map of ``size``."""
        pixels = wanted.grown(1, size)
        summed = compose(x, self.embedding, held, pixels)
        return Part(self.bias_conv(summed), pixels, size).cut(wanted).values


def split(x: Part, linear: nn.Linear, tokens: Box) -> Float[Tensor, "t rows cols d"]:
    """Linear layer on the 7x7 patches of these tokens; a patch's values are channel-major, as ``unfold`` lays them out.

    x: at least ``pixels_read(tokens)``; a patch that reaches beyond the map finds zeros there.
    """
    cut = x.cut(pixels_read(tokens, x.size))
    first_row, last_row = patch_span(tokens.first_row, tokens.last_row)
    first_col, last_col = patch_span(tokens.first_col, tokens.last_col)
    beyond = (
        cut.box.first_col - first_col, last_col - cut.box.last_col,
        cut.box.first_row - first_row, last_row - cut.box.last_row,
    )  # fmt: skip
    kernel = torch.unflatten(linear.weight, 1, (-1, PATCH, PATCH))
    return F.conv2d(F.pad(cut.values, beyond), kernel, linear.bias, stride=STRIDE).permute(0, 2, 3, 1)


def compose(x: Float[Tensor, "t rows cols d"], linear: nn.Linear, held: Box, wanted: Box) -> Float[Tensor, "t c h w"]:
    """Linear layer to a 7x7 patch a token, overlapping patches added, as ``fold`` does; pixels ``wanted`` of the map.

    held: which tokens x is; all that reach a wanted pixel.
    """
    kernel = torch.unflatten(linear.weight.t(), 1, (-1, PATCH, PATCH))
    summed = F.conv_transpose2d(x.permute(0, 3, 1, 2), kernel, stride=STRIDE)
    biases = linear.bias[None, :, None].expand(1, -1, held.size[0] * held.size[1])
    summed = summed + F.fold(biases, (summed.shape[-2], summed.shape[-1]), PATCH, stride=STRIDE)
    top, left = patch_span(held.first_row, held.first_row)[0], patch_span(held.first_col, held.first_col)[0]
    return summed[
        ..., wanted.first_row - top : wanted.last_row - top + 1, wanted.first_col - left : wanted.last_col - left + 1
    ]


def patch_span(first: int, last: int) -> tuple[int, int]:
    """First and last pixel of the patches of tokens first..last, along one axis; may lie beyond the map."""
    return STRIDE * first - PADDING, STRIDE * last - PADDING + PATCH - 1


def pixels_read(tokens: Box, size: Size) -> Box:
    """The map under these tokens' patches."""
    first_row, last_row = patch_span(tokens.first_row, tokens.last_row)
    first_col, last_col = patch_span(tokens.first_col, tokens.last_col)
    return Box(max(first_row, 0), min(last_row, size[0] - 1), max(first_col, 0), min(last_col, size[1] - 1))


def tokens_reaching(pixels: Box, size: Size) -> Box:
    """The tokens whose patches touch these pixels: those within 3 pixels of one, each way."""
    rows, cols = token_grid(size)
    return Box(
        max(-(-(pixels.first_row - PADDING) // STRIDE), 0),
        min((pixels.last_row + PADDING) // STRIDE, rows - 1),
        max(-(-(pixels.first_col - PADDING) // STRIDE), 0),
        min((pixels.last_col + PADDING) // STRIDE, cols - 1),
    )


def overlap_count(size: tuple[int, int], device: torch.device) -> Float[Tensor, "1 1 h w"]:
    """How many patches cover each pixel: 1 to 9."""
    rows, cols = token_grid(size)
    ones = torch.ones(1, PATCH * PATCH, rows * cols, device=device)
    return F.fold(ones, size, PATCH, padding=PADDING, stride=STRIDE)


def token_grid(size: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of tokens of a feature map."""
    return ((size[0] - 1) // STRIDE + 1, (size[1] - 1) // STRIDE + 1)


def plan_blocks(
    hole: Float[Tensor, "l 1 h w"], config: TransformerConfig, *, references: int, read: Box | None = None
) -> list[BlockPlan]:
    """What every block computes, so that the painted frames have their tokens under ``read`` at the end.

    hole: of the painted frames, at feature size; it alone decides what is masked. references: frames after those.
    read: which features the decoder reads; None: all. It narrows the last block, which also leaves the references out;
    the block before it leaves out references that the last one does not look at.
    Waits for the device: the number of masked windows decides the shapes of all that follows.
    """
    size = (hole.shape[-2], hole.shape[-1])
    grid = token_grid(size)
    rows, cols = (-(-n // side) * side for n, side in zip(grid, config.window, strict=True))
    tokens = _by_window(torch.arange(rows * cols).view(rows, cols), config)
    touched = F.max_pool2d(hole.amax(0, keepdim=True), PATCH, stride=STRIDE, padding=PADDING)[0, 0].cpu()
    touched = F.pad(touched, (0, cols - grid[1], 0, rows - grid[0]))
    is_masked: Bool[Tensor, " windows"] = (_by_window(touched, config) > 0).any(1)

    def plan(coming: list[int], frames: list[int], keys: list[int], *, out: Box) -> BlockPlan:
        attended = tokens_reaching(pixels_read(out, size), size)
        reach_rows, reach_cols = attended.inside(Box.whole((rows, cols)))
        asks = torch.zeros(rows, cols, dtype=torch.bool)
        asks[reach_rows, reach_cols] = True
        asked = _by_window(asks, config).any(1)
        places = {frame: place for place, frame in enumerate(coming)}
        return BlockPlan(
            size=size,
            rows=rows,
            cols=cols,
            tokens_of_masked=tokens[is_masked & asked].to(hole.device),
            tokens_of_unmasked=tokens[~is_masked & asked].to(hole.device),
            frames=torch.tensor([places[f] for f in frames], device=hole.device),
            keys=torch.tensor([places[f] for f in keys], dtype=torch.long, device=hole.device),
            attended=attended,
            tokens=out,
        )

    everything = Box.whole(grid)
    plans: list[BlockPlan] = []
    frames = list(range(len(hole)))
    out = everything if read is None else tokens_reaching(read.grown(1, size), size)
    for index in reversed(range(config.blocks)):
        keys = list(range(index % config.frame_step, len(hole) + references, config.frame_step))
        coming = sorted({*frames, *keys}) if index else list(range(len(hole) + references))
        plans.append(plan(coming, frames, keys, out=out))
        frames, out = coming, everything
    return plans[::-1]


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
