"""The runs of frames between cuts of the film: nothing is tracked across a cut.

Here: ``scenes_of``. Not here: what a cut is (``propainter/scene_cuts.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np

from propainter.scene_cuts import is_cut, small


def scenes_of(picture: Callable[[int], np.ndarray], count: int) -> list[range]:
    """Scenes among ``count`` frames, found on pictures [h, w, 3] uint8."""

    @lru_cache(8)
    def smaller(index: int) -> np.ndarray:
        return small(picture(index).astype(np.float32) / np.float32(127.5) - np.float32(1))

    return scenes_between([pair + 1 for pair in range(count - 1) if is_cut(smaller, pair, count)], count)


def scenes_between(cuts: Sequence[int], count: int) -> list[range]:
    """The same where the frames that begin a scene are known."""
    begins = [0, *cuts, count]
    return [range(first, end) for first, end in pairwise(begins)]
