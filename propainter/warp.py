"""Reading a picture along a flow, and whether two opposite flows agree.

Here: backward warping and the forward-backward consistency check (spec, section 4). Not here: who is warped along what
(``propagation.py``, ``painter.py``), convolution with displaced taps (``deform.py``).
"""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F


def warp(
    x: Float[Tensor, "b c h w"], flow: Float[Tensor, "b 2 h w"], *, mode: Literal["bilinear", "nearest"] = "bilinear"
) -> Float[Tensor, "b c h w"]:
    """out(p) = x(p + flow(p)), zero outside the picture (spec, section 4).

    flow: pixels, x right, y down. nearest rounds half to even. Positions are at least fp32 whatever the inputs are: in
    fp16 they would be off by up to a third of a pixel near the edges (spec, section 10.4). The result keeps x's dtype.
    """
    precise = torch.promote_types(flow.dtype, torch.float32)
    grid = _reading_grid(flow.to(precise))
    return F.grid_sample(x.to(precise), grid, mode=mode, padding_mode="zeros", align_corners=True).to(x.dtype)


def is_consistent(flow: Float[Tensor, "b 2 h w"], opposite: Float[Tensor, "b 2 h w"]) -> Bool[Tensor, "b 1 h w"]:
    """Where going along ``flow`` and back along ``opposite`` comes home: |F + B(p + F)|^2 < 0.01 (|F|^2 + |B|^2) + 0.5.

    flow: from the frame asked about to the other one; opposite: back, defined on the other frame. Both in pixels at
    this resolution (the constants are the same at a quarter of it). A flow that leaves the picture reads B = 0 there, so
    it still counts as consistent when it is shorter than 0.711 px (spec, section 4).
    """
    returned = warp(opposite, flow)
    gap = (flow + returned).square().sum(1, keepdim=True)
    length = flow.square().sum(1, keepdim=True) + returned.square().sum(1, keepdim=True)
    return gap < 0.01 * length + 0.5


def _reading_grid(flow: Float[Tensor, "b 2 h w"]) -> Float[Tensor, "b h w 2"]:
    """Positions p + flow(p), normalised so that -1 and 1 are the centres of the outermost pixels."""
    height, width = flow.shape[-2:]
    x = torch.arange(width, dtype=flow.dtype, device=flow.device) + flow[:, 0]
    y = torch.arange(height, dtype=flow.dtype, device=flow.device)[:, None] + flow[:, 1]
    return torch.stack((2 * x / max(width - 1, 1) - 1, 2 * y / max(height - 1, 1) - 1), dim=-1)
