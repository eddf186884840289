"""The training-free flow estimator: OpenCV's dense inverse search (Kroeger et al., ECCV 2016), both ways per pair.

Here: plate to 8-bit grey, one pair's flow, the flow of a run of frames. Not here: what is done about the hole
(``classical/``), the learned estimator (``raft/``).

A pair's flow is a function of its two frames alone, to the bit, whatever the number of threads.
"""

from __future__ import annotations

from typing import Any, cast

import cv2
import numpy as np
import numpy.typing as npt

from propainter.spread import ONE_BY_ONE, Spread, carry_out

Grey = npt.NDArray[np.uint8]
Flow = npt.NDArray[np.float32]

_SMALLEST_SIDE = 32
"""Below this many pixels a side, dense inverse search has no pyramid to stand on; smaller images are padded to it."""
_GREY_BYTES, _FLOW_BYTES = 40, 100
"""Bytes a pixel that a picture's grey takes while it is made, and flow one way."""
_WHITE = 230.0
"""Grey level of diffuse white (1 in the working range); highlights above it share what is left up to 255."""


def grey_of(frame: npt.NDArray[np.float32]) -> Grey:
    """Luma of an (h, w, 3) RGB frame for matching; [-1, 1] maps linearly to 0..230, highlights are compressed above.

    Weights of ITU-R BT.601. An HDR frame so keeps texture in its highlights, and a frame's grey depends on no other.
    """
    luma = (frame @ np.array([0.299, 0.587, 0.114], np.float32) + 1.0) * 0.5
    over = np.maximum(luma - 1.0, 0.0)
    level = _WHITE * np.clip(luma, 0.0, 1.0) + (255.0 - _WHITE) * (1.0 - np.exp(-over * (_WHITE / (255.0 - _WHITE))))
    return cast(Grey, np.rint(level).astype(np.uint8))


def make_estimator(*, finest_scale: int) -> Any:
    """OpenCV's medium preset down to a scale: 0 is full resolution, 1 half of it, at 2.6 times less work. Of use for one
    pair: a picture too small for the scale changes it for good (OpenCV's ``autoSelectPatchSizeAndScales``).

    Measured on a textured pan of known motion: mean error 0.055 px at scale 0, 0.088 at 1 away from objects, 0.55 and
    1.07 around them. Where flow is averaged afterwards, scale 1 serves as well.
    """
    estimator = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    estimator.setFinestScale(finest_scale)
    return estimator


def flow_between(source: Grey, target: Grey, *, finest_scale: int) -> Flow:
    """Flow (h, w, 2) in pixels that carries each pixel of ``source`` to its place in ``target``.

    finest_scale: see ``make_estimator``. What was estimated before has no say: an estimator of its own for every call.
    """
    height, width = source.shape
    below, right = max(0, _SMALLEST_SIDE - height), max(0, _SMALLEST_SIDE - width)
    if below or right:
        source, target = (np.pad(image, ((0, below), (0, right)), mode="edge") for image in (source, target))
    flow = make_estimator(finest_scale=finest_scale).calc(
        np.ascontiguousarray(source), np.ascontiguousarray(target), None
    )
    return cast(Flow, flow[:height, :width])


def refined_flow(source: Grey, target: Grey, start: Flow, *, finest_scale: int = 1) -> Flow:
    """The same, sought around a flow (h, w, 2) that is nearly right already: for frames far apart."""
    if min(source.shape) < _SMALLEST_SIDE:
        return start
    estimator = make_estimator(finest_scale=finest_scale)
    flow = estimator.calc(np.ascontiguousarray(source), np.ascontiguousarray(target), start.astype(np.float32))
    return cast(Flow, flow)


def estimate_flow(frames: npt.NDArray[np.float32], *, spread: Spread = ONE_BY_ONE) -> tuple[Flow, Flow]:
    """Forward and backward flow of every neighbouring pair.

    frames: (t, h, w, 3) RGB, nominally [-1, 1]. Returns two (t-1, h, w, 2) arrays in pixels, x right, y down; the first
    carries frame i to i + 1, the second i + 1 to i.
    """
    count, height, width, _ = frames.shape
    both = np.empty((2, max(count - 1, 0), height, width, 2), np.float32)
    grey = list(spread(grey_of, frames, each_bytes=_GREY_BYTES * height * width))

    def estimate(way: tuple[int, int]) -> None:
        pair, is_backward = way
        ends = grey[pair], grey[pair + 1]
        both[is_backward, pair] = flow_between(*(ends[::-1] if is_backward else ends), finest_scale=0)

    ways = ((pair, is_backward) for pair in range(count - 1) for is_backward in (0, 1))
    carry_out(spread, estimate, ways, each_bytes=_FLOW_BYTES * height * width)
    return both[0], both[1]
