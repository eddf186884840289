"""Parts of many frames as one tensor on the engine's device, filled one by one so that they are held once.

Here: ``gather``, ``empty``, ``flow_span``, ``array_of``. Not here: the way to the device (``staging.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain

import numpy as np
import torch
from torch import Tensor

from propainter.spread import ONE_BY_ONE, carry_out
from propainter.types import BidirectionalFlow
from propainter_backend.render.stage import Ask
from propainter_backend.render.staging import put
from propainter_backend.render.steps import Steps

_RUN = 2
"""Pictures a core that are held until they are copied."""


def gather(ask: Ask, make: Callable[[Ask, int], Tensor], indices: Sequence[int]) -> Tensor:
    """One tensor a frame, [1, t, ...]."""
    first = make(ask, indices[0])
    gathered = empty(ask, len(indices), *first.shape)
    rest = (make(ask, index) for index in indices[1:])
    _put_all(ask, zip(gathered[0], chain([first], rest), strict=True))
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
    asked: list[tuple[Tensor, Tensor]] = []
    for offset, pair in enumerate(range(first, last)):
        flow = yield from flow_of(ask, pair)
        asked += [(both[0][:, offset], flow.forward[:, 0]), (both[1][:, offset], flow.backward[:, 0])]
        if len(asked) >= _RUN * ask.engine.spread.count or pair == last - 1:
            _put_all(ask, asked)
            asked.clear()
    return BidirectionalFlow(*both)


def _put_all(ask: Ask, places: Iterable[tuple[Tensor, Tensor]]) -> None:
    """Copy pictures to their places; on the CPU side by side, for a copy also turns the order of its pixels."""
    spread = ask.engine.spread if ask.engine.device.type == "cpu" else ONE_BY_ONE
    carry_out(spread, lambda both: put(*both), places)


def array_of(tensor: Tensor) -> np.ndarray:
    """A tensor as an array of its own, in host memory."""
    array: np.ndarray = tensor.detach().cpu().contiguous().numpy()
    return array
