"""Shots laid out for work: their renderers, which hold what a frame has in common with the next.

Here: ``Benches``. Not here: rendering (``propainter_backend/render``).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from propainter_backend.render.crop import Renderer, make_renderer
from propainter_backend.render.keys import key_of
from propainter_backend.render.progress import TimeLeft
from propainter_backend.render.shot import Shot
from propainter_backend.render.shot_cache import ShotCache
from propainter_backend.worker.fitting import Lowered
from propainter_backend.worker.loaded_engines import LoadedEngines
from propainter_backend.worker.pictures import ContentGone, ContentPictures, PartlyKnownPictures
from propainter_backend.worker.shot_spec import ShotSpec
from propainter_pictures.color import WorkingSpace
from propainter_pictures.fields import RUN, SCANS, luma_of, scan_of, sentence_of

_KEPT_RENDERERS = 6


@dataclass
class Bench:
    """A shot laid out for work: its renderer and time estimates."""

    renderer: Renderer
    left: TimeLeft
    aim: object = None
    """What progress is counted towards."""

    def warnings(self, index: int, cache: ShotCache) -> list[str]:
        """What is to be said of the plates around a frame: that they are no progressive pictures. Found once, and kept."""
        pictures = self.renderer.shot.pictures
        around = range(max(0, index - RUN // 2), min(pictures.frame_count, index + RUN // 2))
        try:
            key = key_of("fields", *(pictures.plate_digest(i) for i in around))
            if (found := cache.load(key)) is None:
                scan = scan_of([luma_of(pictures.plate(i)) for i in around])
                found = {"scan": np.array([SCANS.index(scan)])}
                cache.save(key, found)
        except ContentGone:
            return []
        said = sentence_of(SCANS[int(found["scan"][0])])
        return [] if said is None else [said]


class Benches:
    """fetch: pixels by digest."""

    def __init__(self, engines: LoadedEngines, cache: ShotCache, fetch: Callable[[str], np.ndarray]) -> None:
        self._engines = engines
        self._cache = cache
        self._fetch = fetch
        self._benches: OrderedDict[str, Bench] = OrderedDict()

    def __len__(self) -> int:
        return len(self._benches)

    def of(self, key: str, lowered: Lowered) -> Bench:
        """A shot's bench; those longest unused are cleared."""
        bench = self._benches.get(key)
        if bench is None:
            renderer = self._make_renderer(ContentPictures(lowered.spec, self._fetch), lowered.flow_pairs)
            bench = self._benches[key] = Bench(renderer, TimeLeft())
            while len(self._benches) > _KEPT_RENDERERS:
                self._benches.popitem(last=False)
        self._benches.move_to_end(key)
        return bench

    def asking(self, spec: ShotSpec) -> Renderer:
        """A renderer to ask what is stored of a shot not all of whose frames are known; it is not kept."""
        return self._make_renderer(PartlyKnownPictures(spec, self._fetch))

    def clear(self) -> None:
        """Let go of all."""
        self._benches.clear()

    def _make_renderer(self, pictures: ContentPictures, flow_pairs: int | None = None) -> Renderer:
        spec, engine = pictures.spec, self._engines.of(pictures.spec)
        settings = spec.removal_settings(self._engines.snap(engine))
        space, fills_natively = WorkingSpace(spec.settings["color"]), spec.fills_natively()
        shot = Shot(
            pictures, space, settings, spec.size, spec.working_size(engine.name), fills_natively, spec.cuts(),
            match_grain=spec.match_grain(), flow_pairs=flow_pairs,
        )  # fmt: skip
        return make_renderer(shot, engine, self._cache, crop_padding=spec.crop_padding())
