"""From a roto matte to geometry: the hole the networks fill, the soft alpha the composite blends by.

Here: growth, snapping, the working grid. Not here: reading mattes (the backend), blending (``composite.py``).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from propainter.region import Box, boxes_of_holes


def grow(mask: Float[Tensor, "h w"], *, pixels: int) -> Float[Tensor, "h w"]:
    """Dilate by the 4-connected cross, ``pixels`` times: an L1 ball (diamond) of that radius.

    mask: any non-negative values; each pixel becomes the maximum within the diamond (spec, section 1.4). Nothing enters
    from outside the image.
    """
    grown = mask.clone()
    if pixels and (box := _around(mask, reach=pixels)) is not None:
        part = mask[box]
        for _ in range(pixels):
            part = _grow_once(part)
        grown[box] = part
    return grown


def _around(mask: Tensor, *, reach: int) -> tuple[slice, slice] | None:
    """The box beyond which nothing comes when what is above zero grows so far: elsewhere is no work. None: nothing is."""
    (box,) = boxes_of_holes(mask[None, None])
    size = mask.shape[0], mask.shape[1]
    return None if box is None else box.grown(reach, size).inside(Box.whole(size))


def _grow_once(mask: Tensor) -> Tensor:
    grown = mask.clone()
    torch.maximum(grown[1:], mask[:-1], out=grown[1:])
    torch.maximum(grown[:-1], mask[1:], out=grown[:-1])
    torch.maximum(grown[:, 1:], mask[:, :-1], out=grown[:, 1:])
    torch.maximum(grown[:, :-1], mask[:, 1:], out=grown[:, :-1])
    return grown


def hole_of(matte: Float[Tensor, "h w"], *, threshold: float, grow_pixels: int) -> Float[Tensor, "h w"]:
    """The hole of one matte at the matte's own size: 1 where the matte, above ``threshold``, lies within the diamond.

    matte: 0 = keep .. 1 = remove. With threshold 0 every value above zero counts (spec, section 1.3).
    """
    return grow((matte > threshold).to(matte.dtype), pixels=grow_pixels)


def soft_alpha(
    matte: Float[Tensor, "h w"], *, threshold: float, grow_pixels: int, feather: int
) -> Float[Tensor, "h w"]:
    """How much of the fill each pixel takes, 0..1; above zero exactly on the hole of the same matte.

    The matte is dilated by a cone: the value at distance d (L1) is its own value times a ramp that is 1 up to
    ``grow_pixels - feather`` and falls in equal steps to 1 / (feather + 1) at ``grow_pixels``. So a soft roto edge stays
    soft, the object itself (matte 1) is replaced entirely, and the fade lies in the grown ring alone.
    """
    fade = min(feather, grow_pixels)
    shell = torch.where(matte > threshold, matte, torch.zeros_like(matte))
    alpha = shell.clone()
    if (box := _around(shell, reach=grow_pixels)) is None:
        return alpha
    shell = shell[box]
    for distance in range(1, grow_pixels + 1):
        shell = _grow_once(shell)
        ramp = min(1.0, (grow_pixels + 1 - distance) / (fade + 1))
        torch.maximum(alpha[box], shell * ramp, out=alpha[box])
    return alpha


def snap_outward(hole: Float[Tensor, "h w"], *, block: int) -> Float[Tensor, "h w"]:
    """Widen a hole to whole ``block`` x ``block`` squares of a grid anchored at the top left; 0 leaves it exact.

    History-free: the same hole always snaps to the same squares, on the workstation and on the farm.
    """
    if block == 0:
        return hole
    height, width = hole.shape
    coarse = F.max_pool2d(hole[None, None], block, ceil_mode=True)
    return F.interpolate(coarse, scale_factor=block, mode="nearest")[0, 0, :height, :width]


def shrink_to_working(hole: Float[Tensor, "h w"], *, width: int, height: int) -> Float[Tensor, "hw ww"]:
    """The hole on the working grid: 1 wherever any plate pixel under it is in the hole, so thin mattes survive."""
    if hole.shape == (height, width):
        return hole
    return F.adaptive_max_pool2d(hole[None, None], (height, width))[0, 0]
