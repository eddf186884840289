"""How well every cell of one frame matches every cell of the other, and how to look that up around a guess.

Here: the all-pairs correlation volume, its pyramid and the lookup (RAFT, section 3.2; spec, section 2). Not here: the
features it is made of (``network.py``).
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


def correlate(
    source: Float[Tensor, "n c h w"], target: Float[Tensor, "n c h w"]
) -> Float[Tensor, "n source_cells target_cells"]:
    """Dot products of all cells of both frames over sqrt(c). Transposing the result exchanges source and target."""
    return source.flatten(2).transpose(1, 2) @ (target.flatten(2) / math.sqrt(source.shape[1]))


class CorrelationPyramid:
    """One correlation volume at several resolutions of the target; the source keeps its resolution.

    The volume is the largest thing RAFT holds: cells^2 floats a pair and a third more for the coarser levels.
    """

    def __init__(
        self, volume: Float[Tensor, "n source_cells target_cells"], height: int, width: int, *, levels: int, radius: int
    ) -> None:
        """height, width: the cells of both frames, height*width = source_cells = target_cells."""
        reach = torch.arange(-radius, radius + 1, dtype=volume.dtype, device=volume.device)
        # The slow axis moves x, the fast one y.
        self._window = torch.stack(torch.meshgrid(reach, reach, indexing="ij"), dim=-1)
        finest = volume.reshape(-1, 1, height, width)  # a picture of the target for every source cell
        self._levels = [finest]
        for _ in range(1, levels):
            self._levels.append(_halve(self._levels[-1]))
        # On the device before the iterations: they must not wait for the host.
        self._sizes = [
            torch.tensor(level.shape[:-3:-1], dtype=volume.dtype, device=volume.device) for level in self._levels
        ]

    def look_up(self, positions: Float[Tensor, "n 2 h w"]) -> Float[Tensor, "n lookup h w"]:
        """Correlation of every source cell with (2*radius+1)^2 places around its position in the target, at each level.

        positions: (x, y) in cells of the finest level. Outside the target the correlation is 0.
        Channel order, a quirk the checkpoint was trained with: within a level the x offset is the SLOW axis,
        level*81 + (dx + 4)*9 + (dy + 4) for radius 4.
        """
        n, _, height, width = positions.shape
        centres = positions.permute(0, 2, 3, 1).reshape(-1, 1, 1, 2)
        seen = [
            _read(level, size, centres / 2**number + self._window)
            for number, (level, size) in enumerate(zip(self._levels, self._sizes, strict=True))
        ]
        return torch.cat([level.view(n, height, width, -1) for level in seen], dim=-1).permute(0, 3, 1, 2)


def _halve(level: Float[Tensor, "cells 1 h w"]) -> Float[Tensor, "cells 1 h2 w2"]:
    """Mean of 2x2, an odd last row or column dropped; a level that shrinks to nothing is empty."""
    if min(level.shape[-2:]) < 2:
        return level[..., :0, :0]
    return F.avg_pool2d(level, 2)


def _read(
    level: Float[Tensor, "cells 1 h w"], size: Float[Tensor, " 2"], positions: Float[Tensor, "cells dx dy 2"]
) -> Float[Tensor, "cells dx dy"]:
    """Bilinear, zero outside. size: width and height of the level.

    With align_corners=False, (2*p + 1)/size - 1 is the place that True would read, and a level one cell high or wide
    (frames below 128 pixels) does not divide by zero, where the reference yields NaN (spec, section 10.1).
    """
    if level.shape[-2] == 0:
        return positions.new_zeros(positions.shape[:-1])
    grid = (2 * positions + 1) / size - 1
    return F.grid_sample(level, grid, padding_mode="zeros", align_corners=False)[:, 0]
