"""A shot's pictures for whoever renders it, and what it means that one is nowhere any more.

Here: ``ContentPictures``, ``PartlyKnownPictures``, ``ContentGone``. Not here: where pixels come from (``fetching.py``).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import cv2
import numpy as np

from propainter_backend.worker.shot_spec import ShotSpec
from propainter_pictures.frame import Frame, as_float

_KEPT_FRAMES = 3


class ContentGone(Exception):
    """A plate or matte is neither in the cache nor with the daemon; the client has to send it again."""


class ContentPictures:
    """A shot's pictures, fetched by digest. fetch: raises ContentGone for what nobody has any more."""

    def __init__(self, spec: ShotSpec, fetch: Callable[[str], np.ndarray]) -> None:
        self.spec = spec
        self._fetch = fetch
        self._recent: OrderedDict[str, np.ndarray] = OrderedDict()

    @property
    def frame_count(self) -> int:
        return self.spec.frame_count

    def plate(self, index: int) -> Frame:
        """The plate as the client sent it."""
        pixels = self._pixels(self.plate_digest(index))
        return Frame(pixels, tuple("RGBA"[: self.spec.channels]), number=self.spec.first + index)

    def matte(self, index: int) -> np.ndarray:
        """The matte as shares, [h, w]."""
        pixels = self._pixels(self._told(self.spec.mattes[index], index))[..., 0]
        shares: np.ndarray = np.nan_to_num(as_float(pixels)).clip(0, 1)
        return shares if self.spec.matte_size is None else _resized(shares, self.spec.size)

    def plate_digest(self, index: int) -> str:
        """Raises ContentGone where none was ever told."""
        return self._told(self.spec.plates[index], index)

    def matte_digest(self, index: int) -> str:
        """Raises ContentGone where none was ever told."""
        told = self._told(self.spec.mattes[index], index)
        return told if self.spec.matte_size is None else f"{told} at {self.spec.size[0]}x{self.spec.size[1]}"

    def clean(self, index: int) -> Frame | None:
        """The clean plate as the client sent it."""
        digest = self.clean_digest(index)
        if digest is None:
            return None
        pixels = self._pixels(digest)
        return Frame(pixels, tuple("RGBA"[: pixels.shape[2]]), number=self.spec.first + index)

    def clean_digest(self, index: int) -> str | None:
        """None for a frame without one."""
        return self.spec.cleans[index]

    def _told(self, digest: str | None, index: int) -> str:
        if digest is None:
            raise ContentGone(f"frame {self.spec.first + index} was not sent")
        return digest

    def _pixels(self, digest: str) -> np.ndarray:
        pixels = self._recent.get(digest)
        if pixels is None:
            pixels = self._recent[digest] = self._fetch(digest)
            if len(self._recent) > _KEPT_FRAMES:
                self._recent.popitem(last=False)
        return pixels


def _resized(matte: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A matte [h, w] at another size: width, height."""
    smaller = size[0] < matte.shape[1]
    resized = cv2.resize(matte.astype(np.float32), size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    found: np.ndarray = resized.clip(0, 1)
    return found


class PartlyKnownPictures(ContentPictures):
    """The same, for asking what is stored: a frame nobody told of has a digest nothing was ever stored under."""

    def matte(self, index: int) -> np.ndarray:
        """An unknown matte is empty."""
        if self.spec.mattes[index] is None:
            return np.zeros(self.spec.size[::-1], np.float32)
        return super().matte(index)

    def _told(self, digest: str | None, index: int) -> str:
        return f"unknown {index}" if digest is None else digest
