"""The way of pictures to the device that works on them: one by one, page-locked where that lets the host go on meanwhile.

Here: ``put``. Not here: what is sent and when (``gathering.py``); results come back when they are asked for.
"""

from __future__ import annotations

from torch import Tensor


def put(place: Tensor, picture: Tensor) -> None:
    """Copy a picture in host memory to its place, part of a larger tensor, on the engine's device.

    To a GPU it goes by way of page-locked memory, and the call does not wait: the next picture is read and decoded while
    this one is on its way. Torch keeps that memory until it has arrived, and then gives it to a later picture.
    """
    if place.is_cuda:
        picture = picture.pin_memory()
    place.copy_(picture, non_blocking=True)
