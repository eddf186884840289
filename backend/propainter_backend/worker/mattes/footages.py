"""Pictures and flow at the matte's working size, kept by content: an answer to the next stroke estimates nothing anew.

Here: ``Footages``. Not here: what is made of them (``propainter_matte``), where pixels come from (``worker/fetching.py``).

All is kept by the digests of the plates it was made of, so nothing is ever stale: not after an edit, in another shot, or for
another client. Flow that a render has cached does not serve here. It is of another size nearly always, and where it is not
it was estimated on another grey: a matte would depend on what happened to be rendered before.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from propainter.kept import Kept, Sized
from propainter.scene_cuts import is_cut, small
from propainter_backend.errors import BadInput
from propainter_backend.matting.plates import as_seen, resized
from propainter_backend.worker.mattes.clip import Clip
from propainter_matte.footage import FlowPair, Footage, estimated_flow
from propainter_pictures.frame import Frame, as_float

_FLOW_SHARE = 0.75
"""Of the memory, what flow may take; pictures at the working size take the rest."""
_PLATES_BYTES = 96 << 20
"""Plates as they are seen, at their own size: of the frames that are being looked at."""
_KEPT_FOOTAGES = 8
_KEPT_CUTS = 20_000

T = TypeVar("T", bound=Sized)


@dataclass(frozen=True)
class _Pair:
    """Flow of two neighbours, both ways."""

    flow: FlowPair

    @property
    def nbytes(self) -> int:
        """Memory it takes."""
        return sum(each.nbytes for each in self.flow)


class Footages:
    """Asked by several threads. fetch: pixels by digest, raises ContentGone. memory: bytes that may be kept."""

    def __init__(self, fetch: Callable[[str], np.ndarray], *, memory: int) -> None:
        self._fetch = fetch
        self._lock = threading.Lock()
        self._plates: Kept[np.ndarray] = Kept(_PLATES_BYTES)
        self._small: Kept[np.ndarray] = Kept(int(memory * (1 - _FLOW_SHARE)))
        self._pairs: Kept[_Pair] = Kept(int(memory * _FLOW_SHARE))
        self._cuts: OrderedDict[Hashable, bool] = OrderedDict()
        self._footages: OrderedDict[Hashable, Footage] = OrderedDict()

    def clear(self) -> None:
        """Let go of everything."""
        with self._lock:
            for kept in (self._plates, self._small, self._pairs):
                kept.clear()
            self._cuts.clear()
            self._footages.clear()

    def picture(self, clip: Clip, index: int) -> np.ndarray:
        """A frame as it is seen: uint8 RGB [h, w, 3] at the plate's size."""
        digest = clip.plates[index]

        def make() -> np.ndarray:
            pixels = self._fetch(digest)
            return as_seen(Frame(pixels, tuple("RGBA"[: clip.channels]), number=clip.number(index)), clip.space)

        return self._remembered(self._plates, (digest, clip.color), make)

    def small(self, clip: Clip, index: int) -> np.ndarray:
        """The same at the working size."""

        def make() -> np.ndarray:
            return resized(self.picture(clip, index), clip.working)

        return self._remembered(self._small, (clip.plates[index], clip.color), make)

    def matte(self, digest: str, clip: Clip, number: int) -> np.ndarray:
        """A matte that was put, float32 [h, w] in [0, 1] at the plate's size. Raises BadInput for one of another size."""
        pixels = self._fetch(digest)
        width, height = clip.size
        if pixels.shape != (height, width, 1):
            raise BadInput(
                f"the matte of frame {number} is {pixels.shape[1]}x{pixels.shape[0]} with {pixels.shape[2]} channels but "
                f"the plate is {width}x{height}; put a matte of one channel at the plate's size"
            )
        shares: np.ndarray = np.nan_to_num(as_float(pixels[..., 0]).astype(np.float32)).clip(0, 1)
        return shares

    def footage(self, clip: Clip) -> Footage:
        """The clip for whoever makes mattes; one object may serve one thread at a time (``fresh`` for another)."""
        key = (clip.plates, clip.color, clip.size)
        with self._lock:
            if (known := self._footages.get(key)) is not None:
                self._footages.move_to_end(key)
                return known
        made = self.fresh(clip)
        with self._lock:
            self._footages[key] = made
            while len(self._footages) > _KEPT_FOOTAGES:
                self._footages.popitem(last=False)
        return made

    def fresh(self, clip: Clip) -> Footage:
        """The same as an object of its own: what it learns of the camera's motion is of one purpose."""
        return Footage(lambda i: self.small(clip, i), clip.count, flow=lambda pair: self._flow(clip, pair))

    def scene_of(self, clip: Clip, index: int) -> range:
        """The frames of the clip between the cuts of the film on either side of a frame."""
        begin, end = index, index
        while begin > 0 and not self.is_cut(clip, begin - 1):
            begin -= 1
        while end + 1 < clip.count and not self.is_cut(clip, end):
            end += 1
        return range(begin, end + 1)

    def _flow(self, clip: Clip, pair: int) -> FlowPair:
        def make() -> _Pair:
            return _Pair(estimated_flow(self.small(clip, pair), self.small(clip, pair + 1)))

        return self._remembered(self._pairs, (clip.plates[pair], clip.plates[pair + 1], clip.color), make).flow

    def is_cut(self, clip: Clip, pair: int) -> bool:
        """Whether the second frame of a pair begins another scene."""
        beside = clip.plates[max(0, pair - 1) : pair + 3]
        key = (beside, pair == 0, clip.color)
        with self._lock:
            if (known := self._cuts.get(key)) is not None:
                return known

        def tiny(index: int) -> np.ndarray:
            return small(self.small(clip, index).astype(np.float32) / np.float32(127.5) - np.float32(1))

        found = is_cut(tiny, pair, clip.count)
        with self._lock:
            self._cuts[key] = found
            while len(self._cuts) > _KEPT_CUTS:
                self._cuts.popitem(last=False)
        return found

    def _remembered(self, kept: Kept[T], key: Hashable, make: Callable[[], T]) -> T:
        """What is kept, else made now: by two threads at once rather than by one for which another waits."""
        with self._lock:
            if (found := kept.get(key)) is not None:
                return found
        made = make()
        with self._lock:
            kept.put(key, made)
        return made
