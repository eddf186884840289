"""What stages read of a shot's files, the latest kept: one frame asks several times.

Here: ``Sources``: alpha, clean plate, boxes of plates. Not here: files themselves (``propainter_pictures``), holes and
working pictures, which are stages.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

from propainter.hole import soft_alpha
from propainter_backend.render.clean_plate import CleanPlate
from propainter_backend.render.plate_parts import PlateParts
from propainter_backend.render.shot import Shot
from propainter_backend.render.shot_cache import ShotCache
from propainter_pictures.frame import Frame

_ALPHAS_BYTES = 64 << 20
"""Memory for alpha: a frame is filled and laid over its plate in two steps, and some frames are at work at once."""


class Sources:
    """One shot's mattes and clean plates as stages use them."""

    def __init__(self, shot: Shot, cache: ShotCache) -> None:
        self._reading = threading.RLock()
        """Boxes of plates are read by threads that fill frames, while the next frame is made ready for them."""
        self.plate_parts = PlateParts(shot, cache, self._reading)
        self._shot = shot
        self._held: tuple[int, Frame] | None = None
        self._ahead: dict[int, Frame] = {}
        self._alphas: OrderedDict[int, Tensor] = OrderedDict()
        self._clean: tuple[tuple[int, str], CleanPlate] | None = None

    @contextmanager
    def holding(self, index: int) -> Iterator[Frame]:
        """Within it a frame's plate is held, so that it is read once however often it is asked for."""
        ahead = self._ahead.pop(index, None)
        self._held = (index, self._shot.pictures.plate(index) if ahead is None else ahead)
        try:
            yield self._held[1]
        finally:
            self._held = None

    def plate(self, index: int) -> Frame:
        """The plate, native type, all channels."""
        if self._held is not None and self._held[0] == index:
            return self._held[1]
        return self._shot.pictures.plate(index)

    def keep_ahead(self, plates: Mapping[int, Frame]) -> None:
        """Keep these plates until they are held, and none that were kept so before."""
        self._ahead = dict(plates)

    def alpha(self, index: int) -> Tensor:
        """How much of the fill each plate pixel takes, [h, w], 0..1. In any thread."""
        with self._reading:
            if (known := self._alphas.get(index)) is not None:
                return known
            matte = torch.from_numpy(self._shot.pictures.matte(index))
        s = self._shot.settings
        alpha = soft_alpha(matte, threshold=s.threshold, grow_pixels=s.grow, feather=s.feather)
        with self._reading:
            self._alphas[index] = alpha
            while len(self._alphas) > 1 and len(self._alphas) * alpha.nbytes > _ALPHAS_BYTES:
                self._alphas.popitem(last=False)
        return alpha

    def clean(self, index: int) -> CleanPlate | None:
        """The frame's clean plate in the plate's own type; None: it has none."""
        pictures = self._shot.pictures
        digest = pictures.clean_digest(index)
        if digest is None:
            return None
        if self._clean is None or self._clean[0] != (index, digest):
            frame = pictures.clean(index)
            assert frame is not None
            self._clean = ((index, digest), CleanPlate.of(frame, dtype=self.plate(index).pixels.dtype))
        return self._clean[1]
