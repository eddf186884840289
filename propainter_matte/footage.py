"""The frames a matte is made for: at the working size, with their colours, the flow between neighbours, the camera's way.

Here: ``Footage``, ``working_size``, ``estimated_flow``. Not here: reading files (whoever asks gives ``read``), how flow is
estimated (``propainter/dis.py``), the background model (``propainter/classical/motion.py``).

Memory is bounded: frames and flow are kept while they are recent, and made again when asked for later.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Protocol, cast

import cv2
import numpy as np
import numpy.typing as npt

from propainter.classical.motion import Matrix, background_motion, distance_to, flow_of_motion
from propainter.dis import flow_between, refined_flow
from propainter_matte.arrays import Field, Mask, Picture

WORKING_PIXELS = 432 * 240
"""Pixels a frame is tracked at, at most; edges are found again at the plate's own size."""
_KEPT_FRAMES = 64
_KEPT_PAIRS = 40
_KEPT_CAMERA_FLOWS = 4
_LOOKED_AT = 8
"""Frames whose colours tell how finely colours are told apart."""
_FINENESS = (14.0, 6.0, 6.0)
"""Width of a cell of colour in 8-bit CIE Lab: lightness, green to red, blue to yellow."""
_MOST_CELLS = 20

FlowPair = tuple[Field, Field]


class PairFlow(Protocol):
    """Who gives flow: forward and backward [h, w, 2] of pair i, at the working size."""

    def __call__(self, pair: int, /) -> FlowPair: ...


def working_size(width: int, height: int) -> tuple[int, int]:
    """The size frames of the plate are tracked at: never above the plate's, the same shape."""
    factor = min(1.0, (WORKING_PIXELS / (width * height)) ** 0.5)
    return max(1, round(width * factor)), max(1, round(height * factor))


class Footage:
    """``count`` frames of one size.

    read: frame i as uint8 RGB [h, w, 3], display-encoded, at the working size. flow: where flow is cached already; None
    estimates it.
    """

    def __init__(self, read: Callable[[int], Picture], count: int, *, flow: PairFlow | None = None) -> None:
        self.count = count
        self._read = read
        self.lab = lru_cache(_KEPT_FRAMES)(self._lab)
        """Frame i in 8-bit CIE Lab [h, w, 3]."""
        self.cells = lru_cache(12)(self._cells)
        """The cell of colour of every pixel of frame i [h, w]."""
        self._pair = lru_cache(_KEPT_PAIRS)(flow or self._estimated)
        self._motions: dict[tuple[int, int], Matrix] = {}
        self._camera_flows: dict[tuple[int, int], Field] = {}
        self._half: Footage | None = None
        self.coarseness = 1.0
        """Pixels of the working size that one is wide."""
        self.height, self.width = self.lab(0).shape[:2]
        self.unit = (self.height * self.width / WORKING_PIXELS) ** 0.5
        """Lengths below are meant for 432x240; times this they fit the footage."""
        self.cell_counts, self._low, self._step = self._cells_of_colour()

    def flow(self, source: int, target: int) -> Field:
        """Flow [h, w, 2] in pixels from a frame to its neighbour."""
        forward, backward = self._pair(min(source, target))
        return forward if target > source else backward

    def straight_flow(self, source: int, target: int, start: Field) -> Field:
        """Flow [h, w, 2] between frames that need not be neighbours, sought around ``start``."""
        here, there = (np.ascontiguousarray(self.lab(index)[..., 0]) for index in (source, target))
        return refined_flow(here, there, start)

    def motion(self, source: int, target: int, beside: Mask) -> Matrix:
        """The camera's motion between neighbours, as a homography, found outside ``beside`` when first asked for."""
        known = self._motions.get((source, target))
        if known is None:
            none = np.full(beside.shape, 1e6, np.float32)
            known = background_motion(self.flow(source, target), distance_to(beside), none)
            self._motions[source, target] = known
        return known

    def camera_flow(self, source: int, target: int, beside: Mask) -> Field:
        """The same as flow [h, w, 2]."""
        motion = self.motion(source, target, beside)
        known = self._camera_flows.get((source, target))
        if known is None:
            known = flow_of_motion(motion, slice(0, self.height), slice(0, self.width))
            while len(self._camera_flows) >= _KEPT_CAMERA_FLOWS:
                self._camera_flows.pop(next(iter(self._camera_flows)))
            self._camera_flows[source, target] = known
        return known

    def forget_motion(self, source: int | None = None) -> None:
        """Find the camera's motion anew: somebody knows better by now what is object. source: from this frame alone."""
        for known in (self._motions, self._camera_flows):
            for pair in [pair for pair in known if source in (None, pair[0])]:
                del known[pair]
        if self._half is not None:
            self._half.forget_motion(source)

    def _cells_of_colour(self) -> tuple[npt.NDArray[np.int64], Field, Field]:
        """How many cells of colour there are along each axis, where they begin, how wide they are."""
        looked = np.unique(np.linspace(0, self.count - 1, _LOOKED_AT).astype(int))
        colours = np.concatenate([self.lab(int(i))[::3, ::3].reshape(-1, 3) for i in looked])
        low, high = np.percentile(colours, (0.5, 99.5), axis=0)
        counts = np.clip(np.ceil((high - low) / _FINENESS).astype(int) + 1, 2, _MOST_CELLS)
        return counts, low, np.maximum((high - low) / (counts - 1), np.array(_FINENESS))

    def halved(self) -> Footage:
        """The same at half the size, its flow and its motion too: four times faster to look at."""
        if self._half is None:
            self._half = _Half(self)
        return self._half

    def _lab(self, index: int) -> Picture:
        return cast(Picture, cv2.cvtColor(self._read(index), cv2.COLOR_RGB2LAB))

    def _cells(self, index: int) -> npt.NDArray[np.int64]:
        place = np.rint((self.lab(index) - self._low) / self._step)
        place = np.clip(place, 0, self.cell_counts - 1).astype(np.int64)
        _, green, blue = (int(count) for count in self.cell_counts)
        cells: npt.NDArray[np.int64] = (place[..., 0] * green + place[..., 1]) * blue + place[..., 2]
        return cells

    def _estimated(self, pair: int) -> FlowPair:
        return _flow_of(self.lab(pair), self.lab(pair + 1))


def estimated_flow(first: Picture, second: Picture) -> FlowPair:
    """Forward and backward flow [h, w, 2] of two neighbours, uint8 RGB [h, w, 3]: what ``Footage`` estimates itself."""
    return _flow_of(*(cast(Picture, cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)) for picture in (first, second)))


def _flow_of(*labs: Picture) -> FlowPair:
    first, second = (np.ascontiguousarray(lab[..., 0]) for lab in labs)
    return flow_between(first, second, finest_scale=0), flow_between(second, first, finest_scale=0)


class _Half(Footage):
    """Footage at half its size."""

    def __init__(self, whole: Footage) -> None:
        self._whole = whole
        super().__init__(lambda index: whole.lab(index), whole.count, flow=self._halved_flow)
        self.coarseness = 2 * whole.coarseness

    def _cells_of_colour(self) -> tuple[npt.NDArray[np.int64], Field, Field]:
        return self._whole.cell_counts, self._whole._low, self._whole._step

    def _lab(self, index: int) -> Picture:
        lab = self._read(index)
        size = (-(-lab.shape[1] // 2), -(-lab.shape[0] // 2))
        return cast(Picture, cv2.resize(lab, size, interpolation=cv2.INTER_AREA))

    def _halved_flow(self, pair: int) -> FlowPair:
        both = self._whole.flow(pair, pair + 1), self._whole.flow(pair + 1, pair)
        size = (self.width, self.height)
        shares = np.array([size[0] / both[0].shape[1], size[1] / both[0].shape[0]], np.float32)
        first, second = (cv2.resize(each, size, interpolation=cv2.INTER_AREA) * shares for each in both)
        return first, second
