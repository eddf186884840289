"""Modulated deformable convolution: a convolution that chooses, for every output pixel, where its taps look.

Here: the operation alone, in plain torch, so that no compiled extension is needed on any platform. Not here: the
networks that predict its offsets (``flow_completion.py``, ``painter.py``), warping along a flow (``warp.py``).
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


def modulated_deform_conv2d(
    x: Float[Tensor, "b c h w"],
    offset: Float[Tensor, "b offsets h w"],
    modulation: Float[Tensor, "b taps h w"],
    weight: Float[Tensor, "o i k k"],
    bias: Float[Tensor, " o"],
    *,
    padding: int = 1,
    deform_groups: int,
) -> Float[Tensor, "b o h w"]:
    """Convolve ``x`` (stride 1, same size out) with taps displaced by ``offset`` and scaled by ``modulation``.

    Taps are counted row by row, 0..k*k-1; the channels of ``x`` are split evenly into ``deform_groups`` groups, each
    with its own taps (Zhu et al., Deformable ConvNets v2, equation 1; layout: spec, section 3, "DCN here").

    offset: pixels; channel 2*(group*k*k + tap) is dy, the next one dx, added to the tap's regular position.
    modulation: channel group*k*k + tap.
    Reading is bilinear; each of the four corners that lies outside the image counts as 0, however far away it is.
    Positions, and the reading itself, are at least fp32 whatever the inputs are; only the product with ``weight``
    follows the weight's dtype, or autocast (spec, section 10.4).
    Raises ValueError where channels, groups or padding do not fit the weight.
    """
    _check_fit(x, offset, modulation, weight, padding=padding, deform_groups=deform_groups)
    batch, channels, height, width = x.shape
    kernel = weight.shape[-1]
    taps = kernel * kernel
    precise = torch.promote_types(x.dtype, torch.float32)
    groups = x.to(precise).reshape(batch * deform_groups, channels // deform_groups, height, width)
    displaced = offset.to(precise).reshape(batch * deform_groups, taps, 2, height, width)
    scale = modulation.to(precise).reshape(batch * deform_groups, 1, taps, height, width)
    as_pointwise = weight.reshape(weight.shape[0], channels * taps, 1, 1)

    bands = []
    rows = _rows_per_band(batch * channels * taps * width * precise.itemsize, x.device)
    for first in range(0, height, rows):
        last = min(first + rows, height) - 1
        grid = _reading_grid(displaced, first, last, kernel=kernel, padding=padding)
        columns = F.grid_sample(groups, grid.flatten(1, 2), padding_mode="zeros", align_corners=False)
        columns = columns.view(*columns.shape[:2], taps, -1, width).mul_(scale[:, :, :, first : last + 1])
        columns = columns.view(batch, channels * taps, -1, width).to(weight.dtype)
        bands.append(F.conv2d(columns, as_pointwise, bias))
    return torch.cat(bands, dim=2)


def _check_fit(
    x: Tensor, offset: Tensor, modulation: Tensor, weight: Tensor, *, padding: int, deform_groups: int
) -> None:
    channels, kernel = weight.shape[1], weight.shape[-1]
    if x.shape[1] != channels or channels % deform_groups:
        raise ValueError(
            f"deformable convolution got {x.shape[1]} channels in {deform_groups} groups, its weight has {channels}; "
            "give as many channels as the weight has, a multiple of the groups"
        )
    taps = deform_groups * kernel * kernel
    if offset.shape[1] != 2 * taps or modulation.shape[1] != taps:
        raise ValueError(
            f"deformable convolution got {offset.shape[1]} offset and {modulation.shape[1]} modulation channels; "
            f"{deform_groups} groups of {kernel}x{kernel} taps need {2 * taps} and {taps}"
        )
    if 2 * padding != kernel - 1:
        raise ValueError(
            f"padding {padding} does not keep the size under a {kernel}x{kernel} kernel; use {kernel // 2}"
        )


def _rows_per_band(row_bytes: int, device: torch.device) -> int:
    """Output rows treated at once, so that the taps read (9 times the input for 3x3) never fill the memory.

    On a CPU 16 MB bands stay near the cache: 38 instead of 66 ms for 128 channels at 108x60 on two cores.
    """
    budget = 1 << 24 if device.type == "cpu" else 1 << 28
    return max(1, budget // row_bytes)


def _reading_grid(
    displaced: Float[Tensor, "bg taps 2 h w"], first: int, last: int, *, kernel: int, padding: int
) -> Float[Tensor, "bg taps rows w 2"]:
    """Where the taps of output rows first..last look, as (x, y) for ``grid_sample`` with align_corners=False.

    That convention, (2 * position + 1) / size - 1, reads the same places as align_corners=True and does not divide by
    zero when a side is one pixel long.
    """
    height, width = displaced.shape[-2:]
    steps = torch.arange(kernel, dtype=displaced.dtype, device=displaced.device) - padding
    rows = torch.arange(first, last + 1, dtype=displaced.dtype, device=displaced.device)[:, None]
    columns = torch.arange(width, dtype=displaced.dtype, device=displaced.device)
    y = displaced[:, :, 0, first : last + 1] + (rows + steps.repeat_interleave(kernel)[:, None, None])
    x = displaced[:, :, 1, first : last + 1] + (columns + steps.repeat(kernel)[:, None, None])
    return torch.stack(((2 * x + 1) / width - 1, (2 * y + 1) / height - 1), dim=-1)
