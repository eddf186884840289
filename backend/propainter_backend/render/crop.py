"""Crop to matte: the same removal, seen through a box around the holes.

A shot is cut into stretches of frames (``Stretch``), each with one box: what its holes cover, plus a margin. Everything from
the flow on sees the plate through that box, at the size it would have there anyway. Stretches overlap; in the overlap one
fades out while the other fades in.

Here: ``CroppedRenderer``, which is asked like a ``ShotRenderer`` and asks one for every stretch. Not here: the walk of a
frame (``shot_renderer.py``), which does not know that it is given a part.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, cast

import cv2
import numpy as np
from torch import Tensor

from propainter.engine import Engine
from propainter.types import Settings
from propainter_backend.render.keys import key_of
from propainter_backend.render.outputs import Region, picture_of
from propainter_backend.render.shot import Shot, ShotPictures
from propainter_backend.render.shot_cache import ShotCache
from propainter_backend.render.shot_renderer import ShotRenderer
from propainter_backend.render.stages.painting import WindowObserver
from propainter_backend.render.steps import RenderCounts, Steps
from propainter_pictures.frame import Frame
from propainter_wire.messages import OUTPUT_CHANNELS, Output

OVERLAP = 10
"""Frames a stretch looks into its neighbours on each side: as far as image propagation does (spec, section 5)."""
GRID = 32
"""Plate pixels the box snaps outward to, so that a small edit of the roto leaves it, and the flow in it, as they were."""
SMALLEST = 128
"""Plate pixels a side of the smallest box; RAFT's coarsest correlation needs as much."""
_AUTOMATIC = 8
"""The padding where none is asked for: the plate's shorter side divided by this (docs/adr/0008-crop-to-matte.md)."""
_KEPT_STRETCHES = 4


@dataclass(frozen=True)
class Stretch:
    """Frames, 0-based, both ends included, treated through one box."""

    number: int
    first: int
    last: int
    fade_end: int | None
    """The frame it fades out towards, perhaps beyond the shot; None: it is the last."""

    def share(self, frame: int) -> float:
        """How much of a frame it gives: 1, but where it overlaps the one before or after."""
        rise = 1.0 if self.number == 0 else (frame - self.first + 0.5) / (2 * OVERLAP)
        fall = 1.0 if self.fade_end is None else (self.fade_end - frame + 0.5) / (2 * OVERLAP)
        return max(0.0, min(1.0, rise, fall))


class StretchPlan:
    """How a shot is cut: every ``length`` frames, anchored at its first, with overlap; a short rest belongs to the stretch
    before it. Integers only."""

    def __init__(self, frame_count: int, length: int) -> None:
        self.frame_count = frame_count
        self._length = length = max(length, 2 * OVERLAP)
        starts = range(0, max(1, frame_count - OVERLAP), length)
        self.stretches = tuple(
            self._stretch(k, first, length, is_last=k == len(starts) - 1) for k, first in enumerate(starts)
        )

    def _stretch(self, number: int, first: int, length: int, *, is_last: bool) -> Stretch:
        fade_end = None if is_last else first + length + OVERLAP - 1
        last = self.frame_count - 1 if fade_end is None else min(fade_end, self.frame_count - 1)
        return Stretch(number, max(0, first - OVERLAP), last, fade_end)

    def of(self, frame: int) -> tuple[Stretch, ...]:
        """The stretches that give a frame, the one that gives most of it first."""
        around = frame // self._length
        near = self.stretches[max(0, around - 2) : around + 2]
        seen = [s for s in near if s.first <= frame <= s.last and s.share(frame) > 0]
        return tuple(sorted(seen, key=lambda s: (-s.share(frame), s.number)))

    def reach(self, frame: int) -> range:
        """Every frame whose plate or matte matters to a frame."""
        seen = self.of(frame)
        return range(min(s.first for s in seen), max(s.last for s in seen) + 1)


class CroppedPictures:
    """A stretch of a shot's pictures through a box; an edit outside the box is none."""

    def __init__(self, pictures: ShotPictures, stretch: Stretch, box: Region) -> None:
        self._pictures = pictures
        self._stretch = stretch
        self._box = box

    @property
    def frame_count(self) -> int:
        return self._stretch.last - self._stretch.first + 1

    def plate(self, index: int) -> Frame:
        """Only red, green and blue: the rest of the plate is laid around the result whole."""
        frame = self._pictures.plate(index + self._stretch.first)
        return replace(frame, pixels=_cut(frame.rgb(), self._box), channel_names=("R", "G", "B"), header=None)

    def matte(self, index: int) -> np.ndarray:
        """Of the box."""
        return _cut(self._pictures.matte(index + self._stretch.first), self._box)

    def clean(self, index: int) -> Frame | None:
        """Of the box."""
        frame = self._pictures.clean(index + self._stretch.first)
        return None if frame is None else replace(frame, pixels=_cut(frame.pixels, self._box), header=None)

    def plate_digest(self, index: int) -> str:
        """Names the plate and the box."""
        return self._named(self._pictures.plate_digest(index + self._stretch.first))

    def matte_digest(self, index: int) -> str:
        """Names the matte and the box."""
        return self._named(self._pictures.matte_digest(index + self._stretch.first))

    def clean_digest(self, index: int) -> str | None:
        """Names the clean plate and the box."""
        digest = self._pictures.clean_digest(index + self._stretch.first)
        return None if digest is None else self._named(digest)

    def _named(self, digest: str) -> str:
        return f"{digest} through {self._box}"


class CroppedRenderer:
    """Renders frames of one shot through boxes. Asked like a ``ShotRenderer``, of which it keeps one a stretch.

    padding: plate pixels of margin around what the holes cover; 0: ``automatic_padding``.
    """

    def __init__(self, shot: Shot, engine: Engine, cache: ShotCache, *, padding: int) -> None:
        self.shot = shot
        self.stretches = StretchPlan(shot.pictures.frame_count, shot.settings.chunk_length)
        self._engine = engine
        self._cache = cache
        self._padding = padding or automatic_padding(shot.plate_size)
        self._whole = ShotRenderer(shot, engine, cache)
        self._boxes: dict[int, Region | None] = {}
        self._renderers: OrderedDict[int, ShotRenderer] = OrderedDict()
        self._cuts: set[int] = set()
        self._counted: list[tuple[int, RenderCounts]] = []
        self._aim: tuple[frozenset[int], bool] = (frozenset(), False)
        self._aimed_at: set[int] = set()
        self._shares: dict[int, float] = {}
        """How much of each stretch's work is done."""

    @property
    def counts(self) -> RenderCounts:
        """Seconds and units of all stretches since it was last set, named by the shot's own frames."""
        return RenderCounts.merged([(0, self._whole.counts), *self._counted])

    @counts.setter
    def counts(self, fresh: RenderCounts) -> None:
        self._whole.counts = fresh
        self._counted = []
        for number, renderer in self._renderers.items():
            self._count_anew(number, renderer)

    def _count_anew(self, number: int, renderer: ShotRenderer) -> None:
        renderer.counts = RenderCounts()
        self._counted.append((self.stretches.stretches[number].first, renderer.counts))

    @property
    def cuts(self) -> list[int]:
        """See ``ShotRenderer.cuts``."""
        for number, renderer in self._renderers.items():
            self._cuts.update(self.stretches.stretches[number].first + frame for frame in renderer.cuts)
        return sorted(self._cuts)

    def box(self, stretch: Stretch) -> Region | None:
        """x, y, width, height in the plate; None where no frame of the stretch has a hole."""
        if stretch.number not in self._boxes:
            self._boxes[stretch.number] = self._find_box(stretch)
        return self._boxes[stretch.number]

    def aim_at(self, frames: Sequence[int], *, nearest_only: bool = False) -> None:
        """Tell which frames will be asked for, so that progress can be counted towards a total."""
        if self._aim != (aim := (frozenset(frames), nearest_only)):
            self._aim, self._shares = aim, {}
            self._aimed_at = {stretch.number for index in aim[0] for stretch in self.stretches.of(index)}
        for number, renderer in self._renderers.items():
            self._pass_aim(self.stretches.stretches[number], renderer)

    def frame(self, index: int, *, provisional: bool = False) -> Steps[Frame]:
        """The finished frame; see ``ShotRenderer.frame``."""
        plate = self.shot.pictures.plate(index)
        rgb = yield from self._mixed(index, "result", provisional)
        return plate if rgb is None else plate.with_rgb(rgb)

    def picture(self, index: int, output: str, *, provisional: bool = False) -> Steps[np.ndarray]:
        """One frame of an output, [h, w, c], as ``outputs.picture_of`` gives it; outside the box the plate, or 0."""
        if output == "result":
            frame = yield from self.frame(index, provisional=provisional)
            return frame.pixels
        found = yield from self._mixed(index, output, provisional)
        if found is None:  # nothing to remove anywhere near
            return np.zeros(
                (self.shot.plate_size[1], self.shot.plate_size[0], OUTPUT_CHANNELS[cast(Output, output)]), np.float32
            )
        return found

    def _mixed(self, index: int, output: str, provisional: bool) -> Steps[np.ndarray | None]:
        """What the stretches that give a frame make of it, in its place in the plate; None: there is no hole near."""
        found: np.ndarray | None = None
        so_far = 0.0
        for stretch in self.stretches.of(index)[: 1 if provisional else None]:
            box, share = self.box(stretch), stretch.share(index)
            if box is None:
                continue
            renderer = self._renderer(stretch, box)
            steps = picture_of(renderer, index - stretch.first, output, provisional=provisional)
            part = yield from self._counted_in(stretch, steps)
            laid = self._laid(index, part, box, is_result=output == "result")
            so_far += share
            found = laid if found is None else _faded(found, laid, share / so_far)
        return found

    def _counted_in(self, stretch: Stretch, steps: Steps[np.ndarray]) -> Steps[np.ndarray]:
        """The steps of one stretch, their share of the work counted among all stretches that are wanted."""
        while True:
            try:
                step = next(steps)
            except StopIteration as stop:
                return cast(np.ndarray, stop.value)
            self._shares[stretch.number] = max(step.share, self._shares.get(stretch.number, 0.0))
            yield replace(step, share=sum(self._shares.values()) / max(1, len(self._aimed_at), len(self._shares)))

    def _laid(self, index: int, part: np.ndarray, box: Region, *, is_result: bool) -> np.ndarray:
        """The picture of a box, in its place."""
        x, y, width, height = box
        if is_result:
            canvas = self.shot.pictures.plate(index).rgb()
        else:
            canvas = np.zeros((self.shot.plate_size[1], self.shot.plate_size[0], part.shape[2]), part.dtype)
        canvas[y : y + height, x : x + width] = part
        return canvas

    def alpha(self, index: int) -> Tensor:
        """How much of the fill each plate pixel takes, [h, w], 0..1."""
        return self._whole.alpha(index)

    def unseen_pixels(self, index: int) -> tuple[int, int]:
        """Pixels of a frame's hole, and how many of them are unseen; of what is stored, without computing."""
        stretch = self.stretches.of(index)[0]
        box = self.box(stretch)
        return (0, 0) if box is None else self._renderer(stretch, box).unseen_pixels(index - stretch.first)

    def unsure_pixels(self, index: int) -> int:
        """Unseen pixels of a frame whose surroundings nothing was much like; of what is stored, without computing."""
        stretch = self.stretches.of(index)[0]
        box = self.box(stretch)
        return 0 if box is None else self._renderer(stretch, box).unsure_pixels(index - stretch.first)

    def analyse(self, pairs: Sequence[int]) -> Steps[None]:
        """Estimate the flow of whole frames: the box is not known before there is a roto."""
        yield from self._whole.analyse(pairs)

    def cached(self, is_worth_asking: Callable[[int], bool] = lambda index: True) -> dict[str, list[bool]]:
        """Per stage, of every frame, whether its artifact is stored in every stretch that gives it.

        is_worth_asking: as in ``ShotRenderer.cached``.
        """
        stored = {stage: [True] * len(self._whole.plan.parts(stage)) for stage in self._whole.ask.reported}
        for stretch in self.stretches.stretches:
            box = self.box(stretch)
            if box is None:
                continue
            asked = [is_worth_asking(index) for index in range(stretch.first, stretch.last + 1)]
            of_box = self._renderer(stretch, box).cached(asked.__getitem__)
            for stage, of_stretch in of_box.items():
                for offset, here in enumerate(of_stretch, stretch.first):
                    stored[stage][offset] &= here
        return stored

    def _renderer(self, stretch: Stretch, box: Region) -> ShotRenderer:
        renderer = self._renderers.get(stretch.number)
        if renderer is None:
            renderer = ShotRenderer(self._shot_of(stretch, box), self._engine, self._cache)
            self._count_anew(stretch.number, renderer)
            self._pass_aim(stretch, renderer)
            self._renderers[stretch.number] = renderer
            while len(self._renderers) > _KEPT_STRETCHES:
                gone, old = self._renderers.popitem(last=False)
                self._cuts.update(self.stretches.stretches[gone].first + frame for frame in old.cuts)
        self._renderers.move_to_end(stretch.number)
        return renderer

    def _shot_of(self, stretch: Stretch, box: Region) -> Shot:
        size, working = (box[2], box[3]), self.shot.working_size
        if working is not None:
            width, height = self.shot.plate_size
            working = max(8, round(size[0] * working[0] / width)), max(8, round(size[1] * working[1] / height))
        pictures = CroppedPictures(self.shot.pictures, stretch, box)
        settings = whole_in_one_chunk(self.shot.settings, pictures.frame_count)
        cuts = self.shot.cuts
        if isinstance(cuts, tuple):
            cuts = tuple(frame - stretch.first for frame in cuts)
        return replace(
            self.shot,
            pictures=pictures,
            settings=settings,
            plate_size=size,
            working_size=working,
            cuts=cuts,
            origin=box[:2],
        )

    def _pass_aim(self, stretch: Stretch, renderer: ShotRenderer) -> None:
        frames, nearest_only = self._aim
        here = [i - stretch.first for i in sorted(frames) if stretch.first <= i <= stretch.last]
        renderer.aim_at(here, nearest_only=nearest_only)

    def _find_box(self, stretch: Stretch) -> Region | None:
        boxes = [box for i in range(stretch.first, stretch.last + 1) if (box := self._matte_box(i)) is not None]
        if not boxes:
            return None
        left, top = (min(box[axis] for box in boxes) for axis in (0, 1))
        right, bottom = (max(box[axis] for box in boxes) for axis in (2, 3))
        margin = self.shot.settings.grow + self._padding
        (x, width), (y, height) = (
            _snapped(low - margin, high + margin, limit)
            for (low, high), limit in zip(((left, right), (top, bottom)), self.shot.plate_size, strict=True)
        )
        return x, y, width, height

    def _matte_box(self, index: int) -> tuple[int, int, int, int] | None:
        """left, top, right, bottom (not included) of what one matte removes; None where it removes nothing."""
        key = key_of("matte box", self.shot.pictures.matte_digest(index), self.shot.settings.threshold)
        arrays = self._cache.load(key)
        if arrays is None:
            removed = self.shot.pictures.matte(index) > self.shot.settings.threshold
            x, y, width, height = cv2.boundingRect(removed.astype(np.uint8))
            arrays = {"box": np.array([x, y, x + width, y + height], np.int32)}
            self._cache.save(key, arrays)
        left, top, right, bottom = (int(edge) for edge in arrays["box"])
        return (left, top, right, bottom) if right > left else None


def automatic_padding(plate_size: tuple[int, int]) -> int:
    """Plate pixels around what the holes cover that cost no quality, of a plate of width x height (ADR 0008)."""
    return -(-min(plate_size) // _AUTOMATIC)


def whole_in_one_chunk(settings: Settings, frame_count: int) -> Settings:
    """Settings under which so many frames are one chunk: a stretch is never cut again."""
    return replace(settings, chunk_length=max(settings.chunk_length, frame_count))


def _snapped(low: int, high: int, limit: int) -> tuple[int, int]:
    """Where a span begins and how long it is, widened to the grid and the smallest box, within 0..limit."""
    low, high = max(0, low) // GRID * GRID, min(limit, -(-min(high, limit) // GRID) * GRID)
    if high - low < SMALLEST:
        high = min(limit, low + SMALLEST)
        low = max(0, high - SMALLEST)
    return low, high - low


def _cut(pixels: np.ndarray, box: Region) -> np.ndarray:
    x, y, width, height = box
    part: np.ndarray = np.ascontiguousarray(pixels[y : y + height, x : x + width])
    return part


def _faded(one: np.ndarray, other: np.ndarray, share: float) -> np.ndarray:
    """Both mixed where they differ; where they agree, as they are to the bit. share: of the other."""
    differ = one != other
    mixed: np.ndarray = one.copy()
    blend = one[differ].astype(np.float64) * (1 - share) + other[differ].astype(np.float64) * share
    mixed[differ] = np.rint(blend) if np.issubdtype(one.dtype, np.integer) else blend
    return mixed


Renderer: TypeAlias = ShotRenderer | CroppedRenderer


def make_renderer(
    shot: Shot,
    engine: Engine,
    cache: ShotCache,
    *,
    crop_padding: int | None,
    on_painted: WindowObserver | None = None,
) -> Renderer:
    """The renderer of a shot. crop_padding: plate pixels around the holes' box, 0: automatic; None: all of it is seen."""
    if crop_padding is None:
        return ShotRenderer(shot, engine, cache, on_painted=on_painted)
    return CroppedRenderer(shot, engine, cache, padding=crop_padding)


def picture_from(renderer: Renderer, index: int, output: str, *, provisional: bool = False) -> Steps[np.ndarray]:
    """One frame of an output from either; see ``outputs.picture_of``."""
    if isinstance(renderer, CroppedRenderer):
        return renderer.picture(index, output, provisional=provisional)
    return picture_of(renderer, index, output, provisional=provisional)


def unseen_share(renderer: Renderer, indices: Sequence[int]) -> float:
    """Share of the hole's pixels, over frames that have been rendered, that no frame in reach ever showed."""
    counts = [renderer.unseen_pixels(index) for index in indices]
    hole = sum(count for count, _ in counts)
    return sum(unseen for _, unseen in counts) / hole if hole else 0.0


def unsure_share(renderer: Renderer, indices: Sequence[int]) -> float:
    """Share of the hole's pixels, over such frames, that were invented though nothing was much like their surroundings."""
    hole = sum(renderer.unseen_pixels(index)[0] for index in indices)
    return sum(renderer.unsure_pixels(index) for index in indices) / hole if hole else 0.0
