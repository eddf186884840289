"""The last stage: overlapping windows into one fill, the fill into the plate.

Here: blending in float. Not here: colour (the backend's ``color.py``), the matte's geometry (``hole.py``).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def blend_windows(painted: Sequence[Float[Tensor, "*pixels"]], weights: Sequence[float]) -> Float[Tensor, "*pixels"]:
    """One frame painted by several windows, as their weighted mean.

    The reference keeps a running 0.5 / 0.5 mean in 8 bit, so its last window wins (spec, section 8); here the weights
    belong to the windows, so that the order of painting changes nothing.

    painted: the same pixels as each window painted them, windows in order of their centres. weights: > 0, one a window.
    Raises ValueError when no window painted the frame.
    """
    if not painted:
        raise ValueError("no window painted this frame")
    total = sum(weights)
    fill = torch.zeros_like(painted[0])
    for image, weight in zip(painted, weights, strict=True):
        fill.add_(image, alpha=weight / total)
    return fill


def composite(
    plate: Float[Tensor, "*pixels c"], fill: Float[Tensor, "*pixels c"], alpha: Float[Tensor, "*pixels"]
) -> Float[Tensor, "*pixels c"]:
    """Lay the fill over the plate: ``plate + alpha (fill - plate)``.

    Where alpha is 0 the plate's own bits come back (also NaN, infinities and negative zero); where it is 1, or the plate
    is not finite, the fill's. Values above 1 or below 0 pass on both sides.
    """
    soft = alpha[..., None]
    mixed = torch.lerp(plate, fill, soft.to(plate.dtype))
    takes_all = (soft >= 1) | ~torch.isfinite(mixed)
    return torch.where(soft <= 0, plate, torch.where(takes_all, fill, mixed))
