"""Tensors to the arrays the classical parts work on, and back.

Here: conversions alone; nothing is copied where the memory lies as it is wanted. Not here: any computation.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from torch import Tensor

from propainter.classical.harmonic import Field, Mask
from propainter.types import BidirectionalFlow


def images_of(frames: Tensor) -> Field:
    """(1, t, c, h, w) -> (t, h, w, c)."""
    return cast(Field, np.ascontiguousarray(frames[0].permute(0, 2, 3, 1).cpu().numpy(), dtype=np.float32))


def images_to_write(frames: Tensor, *, may_overwrite: bool) -> Field:
    """The same, to be written: the frames' own memory only if that may be."""
    images = images_of(frames)
    is_theirs = np.may_share_memory(images, frames.numpy()) if frames.device.type == "cpu" else False
    return images.copy() if is_theirs and not may_overwrite else images


def masks_of(holes: Tensor) -> Mask:
    """(1, t, 1, h, w), 1 or 0 -> (t, h, w), True or False."""
    return holes[0, :, 0].cpu().numpy() > 0


def arrays_of(flow: BidirectionalFlow) -> tuple[Field, Field]:
    """Forward and backward, (t-1, h, w, 2) each."""
    return images_of(flow.forward), images_of(flow.backward)


def frames_of(images: Field) -> Tensor:
    """(t, h, w, c) -> (t, c, h, w)."""
    return torch.from_numpy(images).permute(0, 3, 1, 2)


def flow_of(forward: Field, backward: Field) -> BidirectionalFlow:
    """(t-1, h, w, 2) each -> flow of a batch of one."""
    return BidirectionalFlow(frames_of(forward)[None], frames_of(backward)[None])
