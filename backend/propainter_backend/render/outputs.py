"""What a job may ask to see of a frame: the result, or one of the stages behind it.

Here: ``picture_of``: renderer and frame -> pixels as the wire carries them. Not here: how a stage is made
(``stages/``).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from propainter_backend.render.shot import from_grid
from propainter_backend.render.shot_renderer import ShotRenderer
from propainter_backend.render.steps import Steps
from propainter_pictures.frame import Frame, as_float, as_type

Region = tuple[int, int, int, int]
"""x, y, width, height in the plate, y down."""


def picture_of(renderer: ShotRenderer, index: int, output: str, *, provisional: bool) -> Steps[np.ndarray]:
    """One frame of an output, [h, w, c]: floats 0..1 (or any, for HDR) except ``result``, which has the plate's type.

    output: result, fill, hole, unseen, difference, flow or grain_free (docs/wire.md). Raises KeyError for another.
    """
    makers: dict[str, Callable[[], Steps[np.ndarray]]] = {
        "result": lambda: _result(renderer, index, provisional),
        "fill": lambda: _fill(renderer, index, provisional),
        "difference": lambda: _difference(renderer, index, provisional),
        "hole": lambda: _hole(renderer, index),
        "unseen": lambda: _unseen(renderer, index),
        "flow": lambda: _flow(renderer, index),
        "grain_free": lambda: _grain_free(renderer, index),
    }
    return (yield from makers[output]())


def region_of(alpha: torch.Tensor) -> Region:
    """The smallest rectangle that holds everything the removal touches; one pixel where it touches nothing.

    alpha: how much of the fill each plate pixel takes, [h, w].
    """
    touched = alpha.numpy() > 0
    rows, columns = np.flatnonzero(touched.any(1)), np.flatnonzero(touched.any(0))
    if rows.size == 0:
        return 0, 0, 1, 1
    left, top = int(columns[0]), int(rows[0])
    return left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1


def cropped(pixels: np.ndarray, region: Region) -> np.ndarray:
    """The part of a picture that a region names."""
    x, y, width, height = region
    return np.ascontiguousarray(pixels[y : y + height, x : x + width])


def converted(pixels: np.ndarray, dtype: str | None) -> np.ndarray:
    """The same picture in another pixel type; None keeps it."""
    if dtype is None or pixels.dtype == np.dtype(dtype):
        return pixels
    return as_type(as_float(pixels), np.dtype(dtype))


def _result(renderer: ShotRenderer, index: int, provisional: bool) -> Steps[np.ndarray]:
    frame: Frame = yield from renderer.frame(index, provisional=provisional)
    return frame.pixels


def _fill(renderer: ShotRenderer, index: int, provisional: bool) -> Steps[np.ndarray]:
    frame = yield from renderer.frame(index, provisional=provisional)
    plate, result = as_float(renderer.shot.pictures.plate(index).rgb()), as_float(frame.rgb())
    alpha = renderer.alpha(index).numpy()[..., None]
    premultiplied = np.where(alpha > 0, result - (1 - alpha) * plate, 0)
    return np.concatenate([premultiplied, alpha], axis=-1).astype(np.float32)


def _grain_free(renderer: ShotRenderer, index: int) -> Steps[np.ndarray]:
    alpha = renderer.alpha(index).numpy()
    premultiplied = np.zeros((*alpha.shape, 4), np.float32)
    premultiplied[..., 3] = alpha
    if (alpha > 0).any():
        colours = yield from renderer.grain_free(index)
        premultiplied[alpha > 0, :3] = colours * alpha[alpha > 0][:, None]
    return premultiplied


def _difference(renderer: ShotRenderer, index: int, provisional: bool) -> Steps[np.ndarray]:
    frame = yield from renderer.frame(index, provisional=provisional)
    difference = as_float(frame.rgb()) - as_float(renderer.shot.pictures.plate(index).rgb())
    return np.where(renderer.alpha(index).numpy()[..., None] > 0, difference, 0).astype(np.float32)


def _hole(renderer: ShotRenderer, index: int) -> Steps[np.ndarray]:
    yield from ()
    return (renderer.alpha(index).numpy() > 0).astype(np.float32)[..., None]


def _unseen(renderer: ShotRenderer, index: int) -> Steps[np.ndarray]:
    if not bool(renderer.hole(index).any()):
        width, height = renderer.shot.plate_size
        return np.zeros((height, width, 1), np.float32)
    invented = yield from renderer.invented(index)
    return _to_plate(renderer, invented, mode="nearest").clip(0, 1)


def _flow(renderer: ShotRenderer, index: int) -> Steps[np.ndarray]:
    width, height = renderer.shot.plate_size
    if index + 1 >= renderer.shot.pictures.frame_count:
        return np.zeros((height, width, 2), np.float32)
    flow = yield from renderer.completed(index)
    working = renderer.shot.working_size or renderer.shot.plate_size
    scale = np.array([width / working[0], height / working[1]], np.float32)
    return _to_plate(renderer, flow.forward[0, 0].cpu(), mode="bilinear") * scale


def _to_plate(renderer: ShotRenderer, picture: torch.Tensor, *, mode: str) -> np.ndarray:
    at_plate = from_grid(picture, renderer.shot, mode=mode)
    return np.ascontiguousarray(at_plate.permute(1, 2, 0).numpy(), dtype=np.float32)
