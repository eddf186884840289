"""One removal: its pictures, how to read them, how to treat them; and the working grid its tensors lie on.

Here: ``Shot`` and the ways onto the working grid and back. Not here: reading files (``propainter_pictures``), stages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from propainter.engine import Engine
from propainter.hole import shrink_to_working
from propainter.types import Settings
from propainter_pictures.color import WorkingSpace
from propainter_pictures.frame import Frame

_MAX_RUN_PIXELS = 12 * 640 * 360
"""Pixels of frames that one call of the flow estimator is given; its features of all of them are in memory at once."""


class ShotPictures(Protocol):
    """What the renderer asks of a shot's plate, matte and clean plates. Indices are 0-based."""

    @property
    def frame_count(self) -> int: ...

    def plate(self, index: int) -> Frame:
        """The plate, native type, all channels."""

    def matte(self, index: int) -> np.ndarray:
        """The roto matte, float32 [h, w], 0..1, of the plate's size."""

    def plate_digest(self, index: int) -> str:
        """Content digest of the plate's frame."""

    def matte_digest(self, index: int) -> str:
        """Content digest of the roto matte's frame."""

    def clean(self, index: int) -> Frame | None:
        """A picture of the frame's background, of the plate's size, encoded as the plate; None: there is none."""

    def clean_digest(self, index: int) -> str | None:
        """Content digest of the clean plate."""


Cuts = Literal["auto", "none"] | tuple[int, ...]


@dataclass(frozen=True)
class Shot:
    """One removal: pictures, how to read them, how to treat them."""

    pictures: ShotPictures
    space: WorkingSpace
    settings: Settings
    plate_size: tuple[int, int]
    """Width, height of the plate."""
    working_size: tuple[int, int] | None = None
    """Width, height the networks work at; None: the plate's, padded to multiples of 8."""
    native_fill: bool = True
    """Where the working size is below the plate's, fill from the plates themselves as far as they show what is behind."""
    cuts: Cuts = "auto"
    """Where the film is cut: ``auto``, found on the plate; ``none``; or the indices of frames that begin another scene."""
    match_grain: float = 0.0
    """How much of the plate's grain the fill is given, 0..1."""
    origin: tuple[int, int] = (0, 0)
    """Column and row of these pictures' first pixel in the plate they are a box of."""
    flow_pairs: int | None = None
    """Most pairs whose flow is estimated in one call, where memory is short; None: ``pairs_at_once``."""

    @property
    def fills_natively(self) -> bool:
        """Whether that is wanted, and the working size is below the plate's."""
        width, height = self.made_at
        smaller = (width, height) != self.plate_size and width <= self.plate_size[0] and height <= self.plate_size[1]
        return self.native_fill and smaller

    @property
    def made_at(self) -> tuple[int, int]:
        """Width, height the fill is made at."""
        return self.working_size or self.plate_size

    @property
    def grid(self) -> tuple[int, int]:
        """Width, height of working tensors: multiples of 8."""
        width, height = self.made_at
        return -(-width // 8) * 8, -(-height // 8) * 8


def longest_run(width: int, height: int) -> int:
    """Pairs of so large pictures that one call of the flow estimator is given, where memory allows it."""
    return max(1, _MAX_RUN_PIXELS // (width * height) - 1)


def pairs_at_once(engine: Engine, width: int, height: int) -> int:
    """The same for an engine: enough to keep every core at work."""
    return max(longest_run(width, height), engine.spread.count)


def mask_to_grid(mask: Tensor, shot: Shot) -> Tensor:
    """[h, w] at plate size -> on the working grid: 1 wherever any plate pixel under it is 1.

    The padding goes on as the border does, as the picture's: what is removed at the border is no background beyond it.
    """
    if shot.working_size is not None:
        mask = shrink_to_working(mask, width=shot.working_size[0], height=shot.working_size[1])
    width, height = shot.grid
    return F.pad(mask[None, None], (0, width - mask.shape[1], 0, height - mask.shape[0]), mode="replicate")[0, 0]


def to_grid(rgb: np.ndarray, shot: Shot) -> Tensor:
    """[h, w, 3] at plate size -> [3, h, w] on the working grid: resampled only if a working size asks for it, then
    padded."""
    picture = torch.from_numpy(np.ascontiguousarray(rgb)).permute(2, 0, 1)
    if shot.working_size is not None and shot.working_size != shot.plate_size:
        width, height = shot.working_size
        picture = F.interpolate(picture[None], (height, width), mode="bicubic", antialias=True)[0]
    width, height = shot.grid
    right, bottom = width - picture.shape[2], height - picture.shape[1]
    return F.pad(picture[None], (0, right, 0, bottom), mode="replicate")[0].contiguous()


def from_grid(picture: Tensor, shot: Shot, *, mode: str = "bicubic") -> Tensor:
    """[c, h, w] on the working grid -> at the plate's size: the padding cut off, the rest resampled."""
    width, height = shot.made_at
    picture = picture[:, :height, :width]
    if (width, height) == shot.plate_size:
        return picture
    return F.interpolate(picture[None], (shot.plate_size[1], shot.plate_size[0]), mode=mode)[0]
