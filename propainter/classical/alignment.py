"""Flow around and inside holes, measured again with the object taken out of both frames.

Here: one correction of the completed flow from the plate itself, so that colours pulled along it land to a fraction of a
pixel. Not here: the background model it starts from (``motion.py``), pulling (``pull.py``).

The plate's flow is estimated without knowing the matte, so near the hole it follows the object. Here the second frame
is laid over the first by the background model, whatever either hole covers is made alike in both, and the small motion
left over is measured. Where the pictures are alike there is nothing to follow: the object is gone from the estimate,
and what remains in its place is the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from propainter.classical.harmonic import Field, Mask, box_around, fill_harmonic
from propainter.classical.motion import Matrix, background_motion, distance_to, flow_of_motion, guard_band, warp
from propainter.dis import Flow, Grey, flow_between, make_estimator

_SMOOTHING = 4.0
"""Sigma in pixels over which left-over motion is averaged, textured pixels first."""
_TEXTURE = 4.0
"""Gradient in grey levels per pixel at which a pixel's left-over motion is worth half."""
_MODEL_SHARE = 0.1
"""Weight of 'no left-over motion' against the textured pixels around: a bare wall keeps the model."""
_RIM = 1
"""Pixels around the hole that may still carry the object's colour by filtering."""


@dataclass(frozen=True)
class Aligned:
    """What is known of the motion among t frames once the object is taken out."""

    forward: Flow
    backward: Flow
    """(t-1, h, w, 2): the plate's flow, measured again in and around the holes."""
    forward_motion: list[Matrix]
    backward_motion: list[Matrix]
    """The background model of each pair; identity where no hole asked for one."""


def align_flow(grey: list[Grey], holes: Mask, forward: Flow, backward: Flow) -> Aligned:
    """Measure the flow again in and around the holes (t, h, w).

    grey: one 8-bit image a frame; pixels inside a hole are not used. forward, backward: completed flows (t-1, h, w, 2).
    """
    distances = [distance_to(hole) for hole in holes]
    estimator = make_estimator(finest_scale=1)
    aligned = Aligned(forward.copy(), backward.copy(), [], [])
    for i in range(len(forward)):
        for flow, motions, a, b in (
            (aligned.forward[i], aligned.forward_motion, i, i + 1),
            (aligned.backward[i], aligned.backward_motion, i + 1, i),
        ):
            motions.append(background_motion(flow, distances[a], distances[b]))
            if holes[a].any():
                _align_pair((grey[a], grey[b]), (distances[a], distances[b]), flow, motions[-1], estimator)
    return aligned


def _align_pair(
    grey: tuple[Grey, Grey], distances: tuple[Field, Field], flow: Flow, motion: Matrix, estimator: Any
) -> None:
    """Measure one pair's flow again, in place. ``distances``: of each frame's pixels to its own hole."""
    guard = guard_band(*flow.shape[:2])
    rows, columns = box_around(distances[0] <= guard, pad=guard // 2)
    model = flow_of_motion(motion, rows, columns)
    first = grey[0][rows, columns]
    second = np.rint(warp(grey[1].astype(np.float32), model, x=columns.start, y=rows.start)).astype(np.uint8)
    near = distances[0][rows, columns]
    landed = warp(distances[1], model, x=columns.start, y=rows.start)
    covered_first, covered_second = near <= _RIM, landed <= _RIM
    covered = covered_first | covered_second
    first, second = _made_alike(first, second, covered_first, covered_second)
    rest = regular(flow_between(first, second, estimator), first, ~covered)
    measured = model + fill_harmonic(rest + warp(model, rest) - model, covered)
    np.copyto(flow[rows, columns], measured, where=(near <= guard)[..., None])


def _made_alike(first: Grey, second: Grey, covered_first: Mask, covered_second: Mask) -> tuple[Grey, Grey]:
    """Both images with the same content wherever either is covered: the other's, or a smooth fill where neither shows it."""
    shared = np.where(covered_first, second, first).astype(np.float32)[..., None]
    shared = fill_harmonic(shared, covered_first & covered_second)[..., 0]
    content = np.rint(shared).clip(0, 255).astype(np.uint8)
    covered = covered_first | covered_second
    return np.where(covered, content, first), np.where(covered, content, second)


def regular(rest: Flow, image: Grey, usable: Mask) -> Flow:
    """Left-over motion averaged by how well each pixel can tell motion: normalised convolution, with the model's share.

    A pixel's say is the smaller eigenvalue of its structure tensor: a bare wall says nothing, an edge half the truth.
    """
    x, y = (cv2.Sobel(image, cv2.CV_32F, *order) / 8 for order in ((1, 0), (0, 1)))
    xx, yy, xy = (cv2.GaussianBlur(product, (0, 0), 2.0) for product in (x * x, y * y, x * y))
    smaller = np.maximum(xx + yy - np.sqrt((xx - yy) ** 2 + 4 * xy * xy), 0)
    say = (smaller / (smaller + _TEXTURE**2) * usable).astype(np.float32)
    heard = cv2.GaussianBlur(rest * say[..., None], (0, 0), _SMOOTHING)
    mean: Flow = heard / (cv2.GaussianBlur(say, (0, 0), _SMOOTHING)[..., None] + _MODEL_SHARE)
    return mean
