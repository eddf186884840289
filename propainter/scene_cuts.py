"""Cuts of the film, found on the plate: whether one frame and the next show two scenes.

Here: ``is_cut`` for one pair, from its two frames and one on each side, and ``likeness`` of two pictures. Not here: what a
cut changes (``propainter_plan/clipping.py``), where answers are kept (the backend's ``render/stages/cut.py``).

Two frames are alike in one of two ways: once the motion between them is taken out, the same detail lies in the same places;
or the same colours are there in the same amounts. Fast motion and blur spoil the first, changes of light the second; a
cut spoils both. Everything is relative, to the contrast and the colours the two pictures have, so that dark, flat and bright
material is judged alike.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.float32]

WIDTH, HEIGHT = 168, 96
"""Pixels that pictures are compared at."""
_ALIKE = 0.75
"""Likeness above which no two frames are of different scenes. Spliced clips lie below 0.75 (mostly at 0.45), neighbours in
one scene above 0.93."""
_STANDS_OUT = 2.0
"""A cut is so many times less alike than the pairs beside it: a whip pan is one of many such pairs."""
_DETAIL = 3.0
"""Sigma in small pixels within which detail is compared."""
_FLOOR = 0.02
"""Share of a picture's mean contrast that counts as no detail."""
_SURE = 0.6
"""Share of equal detail from which on no other motion is tried."""
_BRIGHTEST = 100.0
"""Values beyond it, as files may hold, say no more than it does."""
_CLIPPED = 0.97
"""Share of the brightest value from which on a pixel may be clipped, and tells nothing."""
_DARKER = (0.2, 0.35, 0.5)
"""Quantiles of brightness that tell an exposure: clipping reaches them last."""
_LEVELS = 6
"""Steps of each colour, equally full in both pictures together."""


def small(image: Picture) -> Picture:
    """A picture (h, w, 3), black is -1, as cuts are looked for in it: (96, 168, 3), black is 0."""
    picture = cv2.resize(image.clip(-1, _BRIGHTEST), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return cast(Picture, (picture + np.float32(1)) / np.float32(2))


def is_cut(picture: Callable[[int], Picture], pair: int, count: int) -> bool:
    """Whether the second frame of a pair begins another scene.

    picture: gives small pictures by frame; the pair's two are asked for, and one on each side of them within the ``count``
    frames. A flash is not a cut: the frames around it are alike. Nor is a dissolve: none of its pairs stands out.
    """
    alike = lru_cache(None)(lambda a, b: likeness(picture(a), picture(b)))
    if alike(pair, pair + 1) >= _ALIKE:
        return False
    over = [(pair - 1, pair + 1), (pair, pair + 2)]
    if any(alike(a, b) >= _ALIKE for a, b in over if a >= 0 and b < count):
        return False
    beside = [(a, a + 1) for a in (pair - 1, pair + 1) if a >= 0 and a + 1 < count]
    return all(1 - alike(pair, pair + 1) > _STANDS_OUT * (1 - alike(a, b)) for a, b in beside)


def likeness(first: Picture, second: Picture) -> float:
    """How alike two small pictures are, 0 to 1: in detail once moved over each other, or in colours."""
    colours = max(_equal_colours(first, second), _equal_colours(*_in_one_light(first, second)))
    return 1 - (1 - _equal_detail(first, second)) * (1 - colours)


def _equal_detail(first: Picture, second: Picture) -> float:
    """Share of the detail that lies in the same place, motion taken out; contrast and brightness do not matter."""
    greys = _grey(first), _grey(second)
    even = [_evened(grey) for grey in greys]
    found = _detail_along(greys, even, (0, 0))
    if found < _SURE:
        shift, _ = cv2.phaseCorrelate(even[0].astype(np.float32), even[1].astype(np.float32), _window())
        whole = round(shift[0]), round(shift[1])
        if whole != (0, 0):
            found = max(found, _detail_along(greys, even, whole))
    return found


def _detail_along(greys: tuple[Picture, Picture], even: list[npt.NDArray[np.uint8]], shift: tuple[int, int]) -> float:
    moved = np.array([[1, 0, -shift[0]], [0, 1, -shift[1]]], np.float32)
    begun = cv2.warpAffine(even[1], moved, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
    estimator: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    flow = estimator.calc(even[0], begun, None) + np.array(shift, np.float32)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    x, y = columns + flow[..., 0], rows + flow[..., 1]
    here = greys[0]
    there = np.asarray(cv2.remap(greys[1], x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)
    inside = (x >= 0) & (x <= WIDTH - 1) & (y >= 0) & (y <= HEIGHT - 1)
    if inside.mean() < 0.3:
        return 0.0
    detail = here - _blurred(here), there - _blurred(there)
    own, other, both = (_blurred(a * b) for a, b in ((detail[0],) * 2, (detail[1],) * 2, detail))
    floor = _FLOOR * float(np.maximum(own, other).mean()) + 1e-9
    equal = (both + floor) / np.sqrt((own + floor) * (other + floor))
    say = np.sqrt(np.sqrt(np.maximum(own * other, 0)) + floor) * inside
    free = inside & (here < _CLIPPED * here.max()) & (there < _CLIPPED * there.max())
    if free.mean() > 0.1:
        say = say * free
    return float((equal.clip(0, 1) * say).sum() / say.sum())


def _equal_colours(first: Picture, second: Picture) -> float:
    """Share of pixels whose colours both pictures have, in steps that are equally full in both together."""
    cells = np.zeros((2, HEIGHT * WIDTH), np.intp)
    for channel in range(3):
        values = [picture[..., channel].ravel() for picture in (first, second)]
        edges = np.quantile(np.concatenate(values), np.arange(1, _LEVELS) / _LEVELS)
        cells = cells * _LEVELS + np.stack([np.searchsorted(edges, each) for each in values])
    counts = [np.bincount(each, minlength=_LEVELS**3) for each in cells]
    return float(np.minimum(*counts).sum() / cells.shape[1])


def _in_one_light(first: Picture, second: Picture) -> tuple[Picture, Picture]:
    """Both as if exposed alike: by the ratio of their darker halves, and clipped where either is."""
    levels = [np.quantile(picture.mean(-1), _DARKER) + 1e-4 for picture in (first, second)]
    gain = np.float32(np.exp(np.median(np.log(np.maximum(levels[0], 1e-4) / np.maximum(levels[1], 1e-4)))))
    brightest = min(first.max(), (second * gain).max())
    return np.minimum(first, brightest), np.minimum(second * gain, brightest)


def _evened(grey: Picture) -> npt.NDArray[np.uint8]:
    """The same with one contrast everywhere, for flow."""
    detail = grey - _blurred(grey, 6.0)
    contrast = _blurred(detail * detail, 6.0)
    even = 127 + 45 * detail / np.sqrt(contrast + _FLOOR * contrast.mean() + 1e-9)
    levels: npt.NDArray[np.uint8] = even.clip(0, 255).astype(np.uint8)
    return levels


def _grey(picture: Picture) -> Picture:
    return cast(Picture, cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))


def _blurred(image: Picture, sigma: float = _DETAIL) -> Picture:
    return cv2.GaussianBlur(image, (0, 0), sigma).astype(np.float32)


@lru_cache(1)
def _window() -> Picture:
    return cv2.createHanningWindow((WIDTH, HEIGHT), cv2.CV_32F).astype(np.float32)
