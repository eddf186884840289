"""Flow that is only asked at pixels, so that it need not lie in one array."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from propainter.classical.harmonic import Field

Index = npt.NDArray[np.intp]


@runtime_checkable
class FlowImage(Protocol):
    """Flow of one pair, one way: an array (h, w, 2), or something that is asked like one."""

    def __getitem__(self, at: tuple[Index, Index], /) -> Field:
        """Flow (..., 2) at these rows and columns (...); the caller's own."""


@runtime_checkable
class Flows(Protocol):
    """Flow of neighbouring pairs, one way: an array (t-1, h, w, 2), or a list of images."""

    def __len__(self) -> int: ...

    def __getitem__(self, pair: int, /) -> FlowImage: ...
