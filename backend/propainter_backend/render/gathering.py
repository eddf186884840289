"""Parts of many frames as one tensor on the engine's device, filled one by one so that they are held once.

Here: ``gather``, ``empty``, ``flow_span``, ``array_of``. Not here: the way to the device (``staging.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from propainter.types import BidirectionalFlow
from propainter_backend.render.stage import Ask
from propainter_backend.render.staging import put
from propainter_backend.render.steps import Steps


def gather(ask: Ask, make: Callable[[Ask, int], Tensor], indices: Sequence[int]) -> Tensor:
    """One tensor a frame, [1, t, ...]."""
    first = make(ask, indices[0])
    gathered = empty(ask, len(indices), *first.shape)
    for offset, index in enumerate(indices):
        put(gathered[0, offset], make(ask, index) if offset else first)
    return gathered


def empty(ask: Ask, count: int, *shape: int) -> Tensor:
    """Room for [1, t, c, h, w], in memory as the engine likes it."""
    device = ask.engine.device
    if len(shape) == 3 and ask.engine.channels_last:
        channels, height, width = shape
        return torch.empty(1, count, height, width, channels, device=device).permute(0, 1, 4, 2, 3)
    return torch.empty(1, count, *shape, device=device)


def flow_span(
    ask: Ask, flow_of: Callable[[Ask, int], Steps[BidirectionalFlow]], first: int, last: int
) -> Steps[BidirectionalFlow]:
    """Flow among frames first..last."""
    width, height = ask.shot.grid
    both = [empty(ask, last - first, 2, height, width) for _ in range(2)]
    for offset, pair in enumerate(range(first, last)):
        flow = yield from flow_of(ask, pair)
        put(both[0][:, offset], flow.forward[:, 0])
        put(both[1][:, offset], flow.backward[:, 0])
    return BidirectionalFlow(*both)


def array_of(tensor: Tensor) -> np.ndarray:
    """A tensor as an array of its own, in host memory."""
    array: np.ndarray = tensor.detach().cpu().contiguous().numpy()
    return array
