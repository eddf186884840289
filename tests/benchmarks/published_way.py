"""The three networks computed the way they were published, for the benchmark to compare with.

Every pair encodes both its frames anew and upsamples its flow at every iteration; flow completion sees its chunk as one 3-D
array; every window encodes all its frames, builds rolled and pooled keys for all its windows of tokens, unfolds and folds
patches, and decodes whole pictures (``docs/propainter_spec.md``, sections 2, 3 and 7). The modules and their weights are
``propainter``'s. Not here: anything that a picture is made with.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from propainter.flow_completion import FlowCompletion, FrameConv, SpaceTimeBlock
from propainter.painter import Painter, quarter_guides
from propainter.raft import Raft
from propainter.raft.correlation import CorrelationPyramid, correlate
from propainter.raft.network import upsample_flow
from propainter.region import DoublingConv
from propainter.transformer import SparseBlock, SparseWindowAttention, token_grid
from propainter.types import BidirectionalFlow


def estimate_pair(net: Raft, first: Tensor, second: Tensor, *, iterations: int) -> Tensor:
    """Flow from one frame [1, 3, h, w] to the other."""
    source, target = net.matching_features(first), net.matching_features(second)
    hidden, context = net.starting_state(first)
    height, width = source.shape[-2:]
    pyramid = CorrelationPyramid(correlate(source, target), height, width, levels=4, radius=4)
    y, x = torch.meshgrid(torch.arange(float(height)), torch.arange(float(width)), indexing="ij")
    flow, full, block = torch.zeros(1, 2, height, width), torch.empty(0), net.update_block
    for _ in range(iterations):
        motion = torch.cat((context, block.encoder(pyramid.look_up(torch.stack((x, y)) + flow), flow)), dim=1)
        for number in "12":
            z, r, q = (block.gru.get_submodule(f"conv{gate}{number}") for gate in "zrq")
            joined = torch.cat((hidden, motion), dim=1)
            update, reset = torch.sigmoid(z(joined)), torch.sigmoid(r(joined))
            hidden = (1 - update) * hidden + update * torch.tanh(q(torch.cat((reset * hidden, motion), dim=1)))
        flow = flow + block.flow_head(hidden)
        full = upsample_flow(flow, block.upsampling_weights(hidden))
    return full


def complete_one_way(net: FlowCompletion, known: Tensor, holes: Tensor) -> Tensor:
    """known: [pairs, 2, h, w]; holes: [pairs, 1, h, w], of the frames the flow starts in."""
    x = torch.cat((known * (1 - holes), holes), dim=1).transpose(0, 1)[None]
    x = net.downsample[1](_within_frames(net.downsample[0], x))
    skip = x = _encode_clip(net.encoder1, x)
    x = _encode_clip(net.encoder2, x)
    for layer in net.mid_dilation:
        x = _within_frames(layer, x) if isinstance(layer, FrameConv) else layer(x)
    x = torch.cat(list(net.feat_prop_module(list(x[0].transpose(0, 1)[:, None]))))
    x = _whole(net.decoder1, _whole(net.decoder2, x) + skip[0].transpose(0, 1))
    return _whole(net.upsample, x) * holes + known * (1 - holes)


def paint(net: Painter, frames: Tensor, holes: Tensor, unseen: Tensor, flow: BidirectionalFlow) -> Tensor:
    """frames, holes, unseen: [t, c, h, w], neighbours first; flow: among the neighbours."""
    count = flow.pairs + 1
    features = net.encoder(torch.cat((frames, holes, unseen), dim=1))
    size = (features.shape[-2], features.shape[-1])
    guides = quarter_guides(holes[:count], unseen[:count], flow)
    features = torch.cat((net.feat_prop_module(features[:count], guides), features[count:]))
    patches = F.unfold(features, 7, padding=3, stride=3).transpose(1, 2)
    x = torch.unflatten(net.ss.embedding(patches), 1, token_grid(size))
    touched = F.max_pool2d(guides.masks[:, :1].amax(0, keepdim=True), 7, stride=3, padding=3)[0, 0]
    for index, block in enumerate(net.transformers.transformer):
        x = _transform(block, x, touched, size, first_key_frame=index % 2)
    composed = net.sc.bias_conv(_fold(net.sc.embedding(x), size))
    return torch.tanh(_whole(net.decoder, (features + composed)[:count]))


def _within_frames(conv: FrameConv, x: Tensor) -> Tensor:
    margin = conv._margin
    x = F.pad(x, (margin,) * 4 + (0, 0), mode="replicate" if conv._replicate else "constant")
    return F.conv3d(
        x, conv.weight, conv.bias, stride=(1, conv._stride, conv._stride), dilation=(1, conv._dilation, conv._dilation)
    )


def _encode_clip(encoder: nn.Sequential, x: Tensor) -> Tensor:
    for layer in encoder:
        if isinstance(layer, SpaceTimeBlock):
            x, mix = layer.conv1[1](_within_frames(layer.conv1[0], x)), layer.conv2[0]
            x = F.conv3d(x, mix.weight, mix.bias, padding=(2, 0, 0), dilation=(2, 1, 1))
        else:
            x = layer(x)
    return x


def _whole(layers: nn.Sequential, x: Tensor) -> Tensor:
    for layer in layers:
        if isinstance(layer, DoublingConv):
            x = layer.conv(F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True))
        else:
            x = layer(x)
    return x


def _transform(
    block: SparseBlock, x: Tensor, touched: Tensor, size: tuple[int, int], *, first_key_frame: int
) -> Tensor:
    x = x + _attend(block.attention, block.norm1(x), touched, first_key_frame=first_key_frame)
    covered = _fold(torch.ones(1, *x.shape[1:3], 49), size)
    mixed = _fold(block.mlp.fc1(block.norm2(x)), size) / covered
    patches = F.unfold(mixed, 7, padding=3, stride=3).transpose(1, 2)
    return x + torch.unflatten(block.mlp.fc2(patches), 1, x.shape[1:3])


def _fold(patches: Tensor, size: tuple[int, int]) -> Tensor:
    return F.fold(patches.flatten(1, 2).transpose(1, 2), size, 7, padding=3, stride=3)


def _attend(net: SparseWindowAttention, x: Tensor, touched: Tensor, *, first_key_frame: int) -> Tensor:
    rows, cols = x.shape[1:3]
    x = F.pad(x, (0, 0, 0, -cols % 9, 0, -rows % 5))
    is_masked = _windows(F.pad(touched, (0, -cols % 9, 0, -rows % 5))[None, ..., None])[:, 0].amax((1, 2)) > 0
    q, own_k, own_v = _windows(net.query(x)), _windows(net.key(x)), _windows(net.value(x))
    pooled = net.pool_layer(x.permute(0, 3, 1, 2)).flatten(2).transpose(1, 2)
    keys, values = (
        torch.cat((own, _ring(grid, net.valid_ind_rolled), few.expand(len(q), -1, -1, -1)), dim=2)
        for own, grid, few in ((own_k, net.key(x), net.key(pooled)), (own_v, net.value(x), net.value(pooled)))
    )
    out = _softmax_heads(q, own_k, own_v, net.config.heads)
    step = slice(first_key_frame, None, 2)
    wide = _softmax_heads(
        *(part[is_masked].flatten(1, 2) for part in (q, keys[:, step], values[:, step])), net.config.heads
    )
    out[is_masked] = wide.view(-1, *q.shape[1:])
    grid = torch.unflatten(torch.unflatten(out, 0, (x.shape[1] // 5, x.shape[2] // 9)), 3, (5, 9))
    grid = grid.permute(2, 0, 3, 1, 4, 5).reshape(x.shape)
    projected: Tensor = net.proj(grid[:, :rows, :cols])
    return projected


def _windows(grid: Tensor) -> Tensor:
    """[t, rows, cols, c] to [windows, t, 45, c]."""
    t, rows, cols, c = grid.shape
    return grid.view(t, rows // 5, 5, cols // 9, 9, c).permute(1, 3, 0, 2, 4, 5).reshape(-1, t, 45, c)


def _ring(grid: Tensor, kept: Tensor) -> Tensor:
    shifts = ((-3, -5), (-3, 5), (3, -5), (3, 5))
    return torch.cat([_windows(grid.roll(shift, (1, 2))) for shift in shifts], dim=2)[:, :, kept]


def _softmax_heads(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    q, k, v = (torch.unflatten(x, -1, (heads, -1)).transpose(-2, -3) for x in (q, k, v))
    weights = torch.softmax(q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5, dim=-1)
    return (weights @ v).transpose(-2, -3).flatten(-2)
