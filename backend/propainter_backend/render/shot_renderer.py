"""One shot rendered frame by frame: asks for what a frame needs, reuses what is stored, computes the rest unit by unit.

Every step is a generator: it yields ``Progress`` after each unit of work, so that its caller can show progress, stop
between two units (close the generator) or turn to a more urgent frame. Nothing here grows with the length of the shot:
frames and artifacts live in the ``ShotCache``, whose memory is bounded.

Here: ``Shot`` (what is given), ``ShotRenderer`` (the walk), ``RenderCounts`` (what was computed and reused). Not here:
reading files (``plates.py``), what depends on what (``stage_graph.py``), the networks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from propainter import native, stages
from propainter.composite import blend_windows, composite
from propainter.engine import Engine
from propainter.hole import hole_of, shrink_to_working, snap_outward, soft_alpha
from propainter.types import BidirectionalFlow, Chunk, Propagated, Settings, Sights, Window
from propainter_backend.render.clean_plate import CleanPlate
from propainter_backend.render.memory import give_back
from propainter_backend.render.plate_parts import PlateParts
from propainter_backend.render.shot_cache import Arrays, ShotCache, content_digest
from propainter_backend.render.stage_graph import STAGES, Plan, ShotPlan, engine_parts, key_of, part_key, share_of
from propainter_backend.render.staging import put
from propainter_pictures.color import WorkingSpace, from_working, to_working
from propainter_pictures.frame import Frame, as_float, as_type

_COLOR_VERSION = "1"
_MAX_RUN_PIXELS = 12 * 640 * 360
"""Pixels of frames that one call of the flow estimator is given; its features of all of them are in memory at once."""

T = TypeVar("T")


@dataclass(frozen=True)
class Progress:
    """One unit of work is done: ``done`` of ``total`` of this stage."""

    stage: str
    done: int
    total: int
    frame: int
    """The frame (0-based) whose picture was being worked for."""


Steps = Generator[Progress, None, T]


class NotCached(Exception):
    """An artifact would have to be computed, and may not be."""


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
    flow_pairs: int | None = None
    """Most pairs whose flow is estimated in one call, where memory is short; None: ``longest_run``."""

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


@dataclass
class StageCount:
    """What one stage cost."""

    seconds: float = 0.0
    computed: set[object] = field(default_factory=set)
    reused: set[object] = field(default_factory=set)


class RenderCounts:
    """Seconds and units of every stage since it was made: pairs, chunks, chunks, windows, frames."""

    def __init__(self) -> None:
        self.stages = {stage: StageCount() for stage in STAGES}

    def report(self) -> dict[str, dict[str, float | int]]:
        """Per stage: seconds, units computed, units found in the cache."""
        return {
            stage: {
                "seconds": round(count.seconds, 3),
                "computed": len(count.computed),
                "reused": len(count.reused - count.computed),
            }
            for stage, count in self.stages.items()
        }

    @staticmethod
    def merged(parts: Sequence[tuple[int, RenderCounts]]) -> RenderCounts:
        """Counts of several stretches of a shot as one; each stands behind the shot's frame it begins at."""
        whole = RenderCounts()
        for first, counts in parts:
            for stage, (seconds, computed, reused) in counts.units().items():
                count = whole.stages[stage]
                count.seconds += seconds
                count.computed |= {first + unit for unit in computed}
                count.reused |= {first + unit for unit in reused}
        return whole

    def units(self) -> dict[str, tuple[float, set[int], set[int]]]:
        """Per stage: seconds, and which units were computed and reused, named by their first frame or centre."""
        return {
            stage: (count.seconds, set(map(_name_of, count.computed)), set(map(_name_of, count.reused)))
            for stage, count in self.stages.items()
        }


def _name_of(unit: object) -> int:
    if isinstance(unit, Window):
        return unit.centre
    return unit.core_first if isinstance(unit, Chunk) else int(unit)  # type: ignore[call-overload]


WindowObserver = Callable[[Window, Tensor], None]


class ShotRenderer:
    """Renders frames of one shot with one engine, through one cache.

    on_painted: called with every window as it is painted, whole ([l, 3, h, w]); for those who keep stages.
    """

    def __init__(
        self, shot: Shot, engine: Engine, cache: ShotCache, *, on_painted: WindowObserver | None = None
    ) -> None:
        self.shot = shot
        self.counts = RenderCounts()
        self.plan = ShotPlan(engine, shot.pictures.frame_count, shot.settings)
        self._engine = engine
        self._cache = cache
        self._on_painted = on_painted
        self._engine_parts = engine_parts(engine)
        self._goal: Plan | None = None
        self._seen: dict[str, set[object]] = {stage: set() for stage in STAGES}
        self._for_frame = 0
        self._known: dict[tuple[str, int], str] = {}
        self._painting_keys: dict[int, tuple[str, list[str]]] = {}
        self._alpha: tuple[int, Tensor] | None = None
        self._latest_clean: tuple[tuple[int, str], CleanPlate] | None = None
        self._may_compute = True
        self._plate_parts = PlateParts(shot, cache)

    # -- what a caller asks for ------------------------------------------------------------------------------------

    def aim_at(self, frames: Sequence[int], *, nearest_only: bool = False) -> None:
        """Tell which frames will be asked for, so that progress can be counted towards a total."""
        goal = self.plan.plan(frames, nearest_only=nearest_only)
        if goal != self._goal:
            self._goal = goal
            self._seen = {stage: set() for stage in STAGES}

    def frame(self, index: int, *, provisional: bool = False) -> Steps[Frame]:
        """The finished frame. ``provisional``: as soon as possible, from less of the shot (``Engine.preview_reach``)."""
        self._for_frame = index
        plate = self.shot.pictures.plate(index)
        if not bool(self._grown(index, self.shot.settings.grow).any()):
            self.counts.stages["composite"].computed.add(index)
            return plate
        provisional = provisional and not self._is_ready(index)
        fill = yield from self.fill(index, provisional=provisional)
        wants_plates = self.shot.fills_natively and not provisional and bool(self.hole(index).any())
        colours = (yield from self._native_part(index, fill)) if wants_plates else None
        started = time.perf_counter()
        result = self._lay_over(plate, index, fill, colours)
        self._count("composite", started, index)
        return result

    def fill(self, index: int, *, provisional: bool = False) -> Steps[Tensor]:
        """The working picture of a frame with its hole painted, [3, h, w]."""
        self._for_frame = index
        hole = self.hole(index)
        if not bool(hole.any()):  # the clean plate shows all of it
            return self.known(index)
        provisional = provisional and not self._is_ready(index)
        reach = self._engine.preview_reach
        if provisional and reach is not None:
            blended = yield from self._previewed(index, reach)
        else:
            windows = self.plan.windows_of(index, nearest_only=provisional)
            shares = []
            for window in windows:
                shares.append((yield from self._painted(window, index)))
            blended = blend_windows(shares, [share_of(window, index) for window in windows])
        picture = self.known(index)
        picture[:, hole > 0] = blended.T
        return picture

    def _is_ready(self, index: int) -> bool:
        """Whether all windows of a frame are stored: then the final picture is the quickest."""
        with self._only_stored():
            return self._is_painted(index)

    def propagated(self, index: int) -> Steps[tuple[Tensor, Tensor]]:
        """A frame after image propagation [3, h, w], and what of it is still unseen [1, h, w]."""
        arrays = yield from self._propagated_part(index)
        inside = self.hole(index) > 0
        picture = self.known(index)
        picture[:, inside] = torch.from_numpy(np.array(arrays["rgb"]))
        unseen = torch.zeros(1, *inside.shape)
        unseen[:, inside] = torch.from_numpy(arrays["unseen"].astype(np.float32))
        return picture, unseen

    def flow(self, pair: int) -> Steps[BidirectionalFlow]:
        """Flow between a frame and the next, as estimated on the plate; the caller's own."""
        arrays = yield from self._flow_part(pair, pair, pair)
        return _flow_from(arrays)

    def completed(self, pair: int) -> Steps[BidirectionalFlow]:
        """Completed flow between a frame and the next."""
        flow = yield from self.flow(pair)
        arrays = yield from self._completed_part(pair)
        flow.forward[0, 0][:, self._flow_hole(pair) > 0] = torch.from_numpy(np.array(arrays["forward"]))
        flow.backward[0, 0][:, self._flow_hole(pair + 1) > 0] = torch.from_numpy(np.array(arrays["backward"]))
        return flow

    def unseen_pixels(self, index: int) -> tuple[int, int]:
        """Pixels of a frame's hole, and how many of them are unseen; of what is stored, without computing."""
        hole = self.hole(index)
        if not bool(hole.any()):
            return 0, 0
        try:
            with self._only_stored():
                _, unseen = run_to_end(self.propagated(index))
        except NotCached:
            return int(hole.sum()), 0
        return int(hole.sum()), int(unseen.sum())

    def analyse(self, pairs: Sequence[int]) -> Steps[None]:
        """Estimate flow ahead of roto, so that later edits find it."""
        for pair in pairs:
            self._for_frame = pair
            yield from self._flow_part(pair, pairs[0], pairs[-1])

    def working(self, index: int) -> Tensor:
        """The plate on the working grid, [3, h, w], in the working range; the caller's own."""
        shot, key = self.shot, self._working_id(index)
        arrays = self._cache.load(key)
        if arrays is None:
            rgb = np.nan_to_num(to_working(shot.pictures.plate(index).rgb(), shot.space), copy=False)
            arrays = {"rgb": _to_grid(rgb, shot).numpy()}
            self._cache.save(key, arrays)
        return torch.from_numpy(np.array(arrays["rgb"]))

    def known(self, index: int) -> Tensor:
        """The working picture with a clean plate laid into the hole where it holds, [3, h, w]; the caller's own."""
        picture = self.working(index)
        clean = self._clean(index)
        if clean is None:
            return picture
        shown = self._grown(index, self.shot.settings.grow) > self.hole(index)
        rgb = np.nan_to_num(to_working(clean.rgb, self.shot.space), copy=False)
        picture[:, shown] = _to_grid(rgb, self.shot)[:, shown]
        return picture

    def cached(self) -> dict[str, list[bool]]:
        """Per stage, of every frame (flow and completion: of the pair it begins), whether its artifact is stored.

        Computes nothing; use a renderer of its own for it, beside one that is at work.
        """
        count = self.plan.frame_count
        with self._only_stored():
            return {
                "flow": [self._cache.digest(self._flow_key(pair)) is not None for pair in range(count - 1)],
                "completion": [self._is_stored(self._completed_id(pair)) for pair in range(count - 1)],
                "propagation": [self._is_stored(self._propagated_id(i)) for i in range(count)],
                "painting": [self._is_painted(i) for i in range(count)],
            }

    @contextmanager
    def _only_stored(self) -> Iterator[None]:
        """Within it, whatever would have to be computed raises NotCached."""
        self._may_compute = False
        try:
            yield
        finally:
            self._may_compute = True

    def _is_painted(self, index: int) -> bool:
        if not bool(self.hole(index).any()):
            return True
        return all(self._is_stored(self._painted_id(window, index)) for window in self.plan.windows_of(index))

    @staticmethod
    def _is_stored(steps: Steps[object]) -> bool:
        try:
            run_to_end(steps)
        except NotCached:
            return False
        return True

    def _start(self) -> float:
        """Called before every computation: when it begins. Raises NotCached where none is allowed."""
        if not self._may_compute:
            raise NotCached
        return time.perf_counter()

    # -- holes -----------------------------------------------------------------------------------------------------

    def _grown_key(self, index: int, grow: int) -> str:
        s = self.shot.settings
        return key_of("hole", self.shot.pictures.matte_digest(index), *self.shot.made_at, s.threshold, grow)

    def _grown(self, index: int, grow: int) -> Tensor:
        """The grown matte on the working grid, [h, w], 1 or 0; what a clean plate shows is in it, too."""
        key = self._grown_key(index, grow)
        return self._mask_of(self._cache.load(key) or self._grow(index, grow))

    def _grow(self, index: int, grow: int) -> Arrays:
        matte = torch.from_numpy(self.shot.pictures.matte(index))
        at_plate = hole_of(matte, threshold=self.shot.settings.threshold, grow_pixels=grow)
        arrays = _bits_of(_mask_to_grid(at_plate, self.shot))
        self._cache.save(self._grown_key(index, grow), arrays)
        return arrays

    def _mask_of(self, arrays: Arrays) -> Tensor:
        width, height = self.shot.grid
        bits = np.unpackbits(arrays["bits"], count=width * height).reshape(height, width)
        return torch.from_numpy(bits.astype(np.float32))

    def _grown_id(self, index: int, grow: int) -> str:
        key = self._grown_key(index, grow)
        return self._cache.digest(key) or content_digest(self._grow(index, grow))

    def _hole_key(self, index: int) -> str:
        grow, clean = self.shot.settings.grow, self.shot.pictures.clean_digest(index)
        if clean is None:
            return self._grown_key(index, grow)
        return key_of("hole beside clean plate", self._grown_id(index, grow), clean)

    def hole(self, index: int) -> Tensor:
        """The hole on the working grid, [h, w], 1 = fill: the grown matte without what a clean plate shows."""
        return self._mask_of(self._cache.load(self._hole_key(index)) or self._make_hole(index))

    def _make_hole(self, index: int) -> Arrays:
        clean = self._clean(index)
        if clean is None:
            return self._grow(index, self.shot.settings.grow)
        lacking = _mask_to_grid(torch.from_numpy(~clean.holds).float(), self.shot)
        arrays = _bits_of(self._grown(index, self.shot.settings.grow) * lacking)
        self._cache.save(self._hole_key(index), arrays)
        return arrays

    def _hole_id(self, index: int) -> str:
        """Content digest of a hole; two mattes that cut the same hole are the same to every stage."""
        if (known := self._known.get(("hole", index))) is None:
            known = self._cache.digest(self._hole_key(index)) or content_digest(self._make_hole(index))
            self._known["hole", index] = known
        return known

    def _clean(self, index: int) -> CleanPlate | None:
        """The frame's clean plate in the plate's own type. The latest is kept: one frame asks several times."""
        digest = self.shot.pictures.clean_digest(index)
        if digest is None:
            return None
        if self._latest_clean is None or self._latest_clean[0] != (index, digest):
            frame = self.shot.pictures.clean(index)
            assert frame is not None
            clean = CleanPlate.of(frame, dtype=self.shot.pictures.plate(index).pixels.dtype)
            self._latest_clean = ((index, digest), clean)
        return self._latest_clean[1]

    def _known_id(self, index: int) -> str:
        """Key of what ``known`` gives."""
        clean = self.shot.pictures.clean_digest(index)
        if clean is None:
            return self._working_id(index)
        return key_of("known", self._working_id(index), self._grown_id(index, self.shot.settings.grow), clean)

    @property
    def _flow_grow(self) -> int:
        return max(self.shot.settings.grow, self.shot.settings.grow_flow)

    def _flow_hole(self, index: int) -> Tensor:
        """The hole in the flow: where a clean plate stands in, the plate's flow is still that of what is removed."""
        return snap_outward(self._grown(index, self._flow_grow), block=self.shot.settings.flow_hole_snap)

    def _flow_hole_id(self, index: int) -> str:
        if (known := self._known.get(("flow hole", index))) is None:
            known = self._find_flow_hole_id(index)
            self._known["flow hole", index] = known
        return known

    def _find_flow_hole_id(self, index: int) -> str:
        grown, block = self._grown_id(index, self._flow_grow), self.shot.settings.flow_hole_snap
        if block == 0:
            return grown
        key = key_of("flow hole", grown, block)
        return self._cache.digest(key) or self._cache.save(key, _bits_of(self._flow_hole(index)))

    def alpha(self, index: int) -> Tensor:
        """How much of the fill each plate pixel takes, [h, w], 0..1. The latest is kept: one frame asks several times."""
        if self._alpha is None or self._alpha[0] != index:
            s = self.shot.settings
            matte = torch.from_numpy(self.shot.pictures.matte(index))
            alpha = soft_alpha(matte, threshold=s.threshold, grow_pixels=s.grow, feather=s.feather)
            self._alpha = (index, alpha)
        return self._alpha[1]

    # -- flow ------------------------------------------------------------------------------------------------------

    def _flow_key(self, pair: int) -> str:
        if (known := self._known.get(("flow key", pair))) is None:
            ends = [self._working_id(pair), self._working_id(pair + 1)]
            s = self.shot.settings
            known = key_of("flow", *self._engine_parts, s.flow_iterations, s.flow_stop, *ends)
            self._known["flow key", pair] = known
        return known

    def _working_id(self, index: int) -> str:
        if (known := self._known.get(("working", index))) is None:
            shot = self.shot
            known = key_of(
                "working", shot.pictures.plate_digest(index), *shot.made_at, shot.space.value, _COLOR_VERSION
            )
            self._known["working", index] = known
        return known

    def _flow_part(self, pair: int, first: int, last: int) -> Steps[Arrays]:
        """One pair's flow; what is missing of first..last behind it is estimated in the same run."""
        key = self._flow_key(pair)
        if (found := self._cache.load(key)) is not None:
            self.counts.stages["flow"].reused.add(pair)
            return found
        longest = self.shot.flow_pairs or longest_run(*self.shot.grid)
        end = pair
        while end < last and end - pair + 1 < longest and self._cache.digest(self._flow_key(end + 1)) is None:
            end += 1
        started = self._start()
        flow = stages.estimate_flow(
            self._engine, self._gather(self.working, range(pair, end + 2)), settings=self.shot.settings
        )
        run = [
            {"forward": _numpy(flow.forward[0, i]), "backward": _numpy(flow.backward[0, i])}
            for i in range(end - pair + 1)
        ]
        for offset, arrays in enumerate(run):
            self._cache.save(self._flow_key(pair + offset), arrays)
        yield self._count("flow", started, *range(pair, end + 1))
        return run[0]

    # -- completed flow --------------------------------------------------------------------------------------------

    def _completed_part(self, pair: int) -> Steps[Arrays]:
        """Completed flow of one pair inside its flow holes: values of forward and backward, pixel by pixel."""
        chunk = self.plan.completion_of(pair)
        unit = yield from self._completion_key(chunk)
        if (found := self._cache.load(part_key(unit, pair))) is not None:
            self.counts.stages["completion"].reused.add(chunk)
            return found
        run = yield from self._complete_chunk(chunk, unit)
        return run[pair - chunk.core_first]

    def _completed_id(self, pair: int) -> Steps[str]:
        if (known := self._known.get(("completed", pair))) is not None:
            return known
        chunk = self.plan.completion_of(pair)
        unit = yield from self._completion_key(chunk)
        digest = self._cache.digest(part_key(unit, pair))
        if digest is None:
            run = yield from self._complete_chunk(chunk, unit)
            digest = content_digest(run[pair - chunk.core_first])
        else:
            self.counts.stages["completion"].reused.add(chunk)
        self._known["completed", pair] = digest
        return digest

    def _completion_key(self, chunk: Chunk) -> Steps[str]:
        if (known := self._known.get(("completion", chunk.core_first))) is not None:
            return known
        pairs = range(chunk.reach_first, chunk.reach_last + 1)
        flows = []
        for pair in pairs:
            flows.append((yield from self._flow_id(pair, chunk)))
        holes = [self._flow_hole_id(i) for i in range(chunk.reach_first, chunk.reach_last + 2)]
        core = (chunk.core_first - chunk.reach_first, chunk.core_last - chunk.reach_first)
        unit = key_of("completion", *self._engine_parts, *core, flows, holes)
        self._known["completion", chunk.core_first] = unit
        return unit

    def _flow_id(self, pair: int, chunk: Chunk) -> Steps[str]:
        if (known := self._known.get(("flow", pair))) is not None:
            return known
        digest = self._cache.digest(self._flow_key(pair))
        if digest is None:
            digest = content_digest((yield from self._flow_part(pair, chunk.reach_first, chunk.reach_last)))
        else:
            self.counts.stages["flow"].reused.add(pair)
        self._known["flow", pair] = digest
        return digest

    def _complete_chunk(self, chunk: Chunk, unit: str) -> Steps[list[dict[str, np.ndarray]]]:
        flow = yield from self._flow_span(self._reach_flow(chunk), chunk.reach_first, chunk.reach_last + 1)
        holes = self._gather(self._flow_hole, range(chunk.reach_first, chunk.reach_last + 2))
        started = self._start()
        core = stages.complete_chunk(self._engine, flow, holes[:, :, None], chunk)
        run = []
        for offset, pair in enumerate(range(chunk.core_first, chunk.core_last + 1)):
            here, there = self._flow_hole(pair) > 0, self._flow_hole(pair + 1) > 0
            arrays = {
                "forward": _numpy(core.forward[0, offset].cpu()[:, here]),
                "backward": _numpy(core.backward[0, offset].cpu()[:, there]),
            }
            self._cache.save(part_key(unit, pair), arrays)
            run.append(arrays)
        del core
        give_back()
        yield self._count("completion", started, chunk)
        return run

    def _reach_flow(self, chunk: Chunk) -> Callable[[int], Steps[BidirectionalFlow]]:
        """Flow of a pair of a chunk's reach; what is missing behind it is estimated in the same run."""

        def flow(pair: int) -> Steps[BidirectionalFlow]:
            return _flow_from((yield from self._flow_part(pair, chunk.reach_first, chunk.reach_last)))

        return flow

    def _flow_span(
        self, flow_of: Callable[[int], Steps[BidirectionalFlow]], first: int, last: int
    ) -> Steps[BidirectionalFlow]:
        """Flow among frames first..last, on the engine's device; filled pair by pair, so that it is held once."""
        width, height = self.shot.grid
        both = [self._empty(last - first, 2, height, width) for _ in range(2)]
        for offset, pair in enumerate(range(first, last)):
            flow = yield from flow_of(pair)
            put(both[0][:, offset], flow.forward[:, 0])
            put(both[1][:, offset], flow.backward[:, 0])
        return BidirectionalFlow(*both)

    # -- propagated plate ------------------------------------------------------------------------------------------

    def _propagated_part(self, index: int) -> Steps[Arrays]:
        """One frame's propagated pixels inside its hole (RGB) and which of them are unseen."""
        chunk = self.plan.propagation_of(index)
        unit = yield from self._propagation_key(chunk)
        if (found := self._cache.load(part_key(unit, index))) is not None:
            self.counts.stages["propagation"].reused.add(chunk)
            return found
        run = yield from self._propagate_chunk(chunk, unit)
        return run[index - chunk.core_first]

    def _propagated_id(self, index: int) -> Steps[str]:
        if (known := self._known.get(("propagated", index))) is not None:
            return known
        chunk = self.plan.propagation_of(index)
        unit = yield from self._propagation_key(chunk)
        digest = self._cache.digest(part_key(unit, index))
        if digest is None:
            run = yield from self._propagate_chunk(chunk, unit)
            digest = content_digest(run[index - chunk.core_first])
        else:
            self.counts.stages["propagation"].reused.add(chunk)
        self._known["propagated", index] = digest
        return digest

    def _propagation_key(self, chunk: Chunk) -> Steps[str]:
        if (known := self._known.get(("propagation", chunk.core_first))) is not None:
            return known
        frames = range(chunk.reach_first, chunk.reach_last + 1)
        flows = []
        for pair in frames[:-1]:
            flows.append(self._flow_key(pair))
            flows.append((yield from self._completed_id(pair)))
        pictures = [part for i in frames for part in (self._known_id(i), self._hole_id(i))]
        core = (chunk.core_first - chunk.reach_first, chunk.core_last - chunk.reach_first)
        unit = key_of("propagation", *self._engine_parts, *core, flows, pictures)
        self._known["propagation", chunk.core_first] = unit
        return unit

    def _propagate_chunk(self, chunk: Chunk, unit: str) -> Steps[list[dict[str, np.ndarray]]]:
        flow = yield from self._flow_span(self.completed, chunk.reach_first, chunk.reach_last)
        core = yield from self._pull(chunk, flow)
        run = []
        for offset, index in enumerate(range(chunk.core_first, chunk.core_last + 1)):
            inside = self.hole(index) > 0
            arrays = {
                "rgb": _numpy(core.frames[0, offset].cpu()[:, inside]),
                "unseen": _numpy(core.unseen[0, offset].cpu()[:, inside]).astype(np.uint8),
            }
            self._cache.save(part_key(unit, index), arrays)
            run.append(arrays)
        del core
        give_back()
        return run

    def _pull(self, chunk: Chunk, flow: BidirectionalFlow) -> Steps[Propagated]:
        """The core frames of a chunk, pulled; of its unit of work the one part that takes time."""
        frames = range(chunk.reach_first, chunk.reach_last + 1)
        pair_keys = yield from self._pair_keys(frames)
        started = self._start()
        core = stages.propagate_chunk(
            self._engine,
            self._gather(self.known, frames),
            self._gather(self.hole, frames)[:, :, None],
            flow,
            chunk,
            pair_keys=pair_keys,
            may_overwrite=True,
        )
        yield self._count("propagation", started, chunk)
        return core

    def _pair_keys(self, frames: range) -> Steps[list[str]]:
        """Content keys of the pairs among frames: their pictures, holes and flow."""
        keys = []
        for pair in frames[:-1]:
            ends = [part for i in (pair, pair + 1) for part in (self._known_id(i), self._hole_id(i))]
            keys.append(key_of("pair", self._flow_key(pair), (yield from self._completed_id(pair)), *ends))
        return keys

    # -- previews --------------------------------------------------------------------------------------------------

    def _previewed(self, index: int, reach: int) -> Steps[Tensor]:
        """A frame's hole from the frames within reach alone, [n, 3]; kept nowhere, for a better one follows."""
        chunk = Chunk(index, index, max(0, index - reach), min(self.plan.frame_count - 1, index + reach))
        flow = yield from self._flow_span(self.completed, chunk.reach_first, chunk.reach_last)
        pulled = yield from self._pull(chunk, flow)
        started, here = self._start(), index - chunk.reach_first
        hole = self.hole(index)
        painted = self._engine.paint_window(
            pulled.frames, hole[None, None, None].to(self._engine.device), pulled.unseen, flow.span(here, here)
        )
        yield self._count("painting", started)
        return painted[0].cpu()[:, hole > 0].T

    # -- painted windows -------------------------------------------------------------------------------------------

    def _painted(self, window: Window, index: int) -> Steps[Tensor]:
        """One neighbour of a window inside its hole, [n, 3]."""
        unit, frame_keys = yield from self._painting_key(window)
        if (found := self._cache.load(part_key(unit, index))) is not None:
            self.counts.stages["painting"].reused.add(window)
            return torch.from_numpy(np.array(found["rgb"]))
        run = yield from self._paint_window(window, unit, frame_keys)
        return torch.from_numpy(run[index]["rgb"])

    def _painted_id(self, window: Window, index: int) -> Steps[str]:
        unit, _ = yield from self._painting_key(window)
        digest = self._cache.digest(part_key(unit, index))
        if digest is None:
            raise NotCached
        return digest

    def _painting_key(self, window: Window) -> Steps[tuple[str, list[str]]]:
        if (known := self._painting_keys.get(window.centre)) is not None:
            return known
        frame_keys = []
        for index in window.neighbours + window.references:
            propagated = yield from self._propagated_id(index)
            frame_keys.append(key_of("frame", self._known_id(index), self._hole_id(index), propagated))
        flows = []
        for pair in window.neighbours[:-1]:
            flows.append(self._flow_key(pair))
            flows.append((yield from self._completed_id(pair)))
        unit = key_of("painting", *self._engine_parts, len(window.neighbours), frame_keys, flows)
        self._painting_keys[window.centre] = (unit, frame_keys)
        return unit, frame_keys

    def _paint_window(
        self, window: Window, unit: str, frame_keys: list[str]
    ) -> Steps[dict[int, dict[str, np.ndarray]]]:
        seen = window.neighbours + window.references
        width, height = self.shot.grid
        pictures, unseen = self._empty(len(seen), 3, height, width), self._empty(len(seen), 1, height, width)
        for offset, index in enumerate(seen):
            picture, lacking = yield from self.propagated(index)
            put(pictures[0, offset], picture)
            put(unseen[0, offset], lacking)
        flow = yield from self._flow_span(self.completed, window.neighbours[0], window.neighbours[-1])
        holes = self._gather(self.hole, seen)[:, :, None]
        started = self._start()
        painted = self._engine.paint_window(
            pictures, holes, unseen, flow, frame_keys=frame_keys, may_overwrite=True
        ).cpu()
        run = {}
        for offset, index in enumerate(window.neighbours):
            run[index] = {"rgb": _numpy(painted[offset][:, self.hole(index) > 0].T)}
            self._cache.save(part_key(unit, index), run[index])
        if self._on_painted is not None:
            self._on_painted(window, painted)
        yield self._count("painting", started, window)
        return run

    # -- native resolution -----------------------------------------------------------------------------------------

    def _native_part(self, index: int, fill: Tensor) -> Steps[np.ndarray]:
        """The colours a frame takes inside its alpha, [n, 3] in the working range: from the plates, else the fill's."""
        arrays = yield from self._sights_part(index)
        s, hole = self.shot.settings, self.hole(index)
        key = key_of(
            "native", native.CODE_VERSION, *self.shot.plate_size, *self.shot.made_at, self.shot.space.value,
            content_digest(arrays), content_digest({"rgb": _numpy(fill[:, hole > 0])}),
            self._known_id(index), self._hole_id(index), self.shot.pictures.matte_digest(index), s.threshold, s.grow,
            [part for source in arrays["frames"] for part in self._plate_parts.id(int(source))],
        )  # fmt: skip
        if (found := self._cache.load(key)) is not None:
            return found["rgb"]
        started = self._start()
        colours = native.fill_natively(
            from_grid(fill, self.shot).permute(1, 2, 0).numpy(),
            self.alpha(index).numpy() > 0,
            Sights(**arrays),
            hole.numpy() > 0,
            working_size=self.shot.made_at,
            read=self._plate_parts.read,
        )
        self._cache.save(key, {"rgb": colours})
        yield self._count("composite", started)
        return colours

    def _sights_part(self, index: int) -> Steps[Arrays]:
        """Where the background behind one frame's hole is seen: the fields of ``Sights``, frames counted in the shot."""
        chunk = self.plan.propagation_of(index)
        unit = key_of("sights", native.CODE_VERSION, (yield from self._propagation_key(chunk)))
        if (found := self._cache.load(part_key(unit, index))) is not None:
            return found
        frames = range(chunk.reach_first, chunk.reach_last + 1)
        flow = yield from self._flow_span(self.completed, chunk.reach_first, chunk.reach_last)
        pair_keys = yield from self._pair_keys(frames)
        started = self._start()
        run = self._engine.find_sights(
            self._gather(self.known, frames),
            self._gather(self.hole, frames)[:, :, None],
            flow,
            wanted=range(chunk.core_first - frames.start, chunk.core_last + 1 - frames.start),
            pair_keys=pair_keys,
            may_overwrite=True,
        )
        stored: dict[int, Arrays] = {}
        for here, sights in enumerate(run, chunk.core_first):
            source = np.where(sights.source < 0, -1, sights.source + frames.start).astype(np.int32)
            stored[here] = vars(replace(sights, source=source, frames=sights.frames + frames.start))
            self._cache.save(part_key(unit, here), stored[here])
        give_back()
        yield self._count("composite", started)
        return stored[index]

    # -- composite -------------------------------------------------------------------------------------------------

    def _lay_over(self, plate: Frame, index: int, fill: Tensor, colours: np.ndarray | None) -> Frame:
        """colours: of the fill inside alpha, at the plate's size; None: those of ``fill`` there."""
        alpha, clean = self.alpha(index), self._clean(index)
        inside = alpha.numpy() > 0
        if colours is None:
            colours = from_grid(fill, self.shot).permute(1, 2, 0).numpy()[inside]
        rgb = plate.rgb()
        linear = self.shot.space.is_linear(rgb.dtype)
        painted = from_working(colours, np.float32, WorkingSpace.LINEAR if linear else WorkingSpace.RAW)
        if clean is not None:  # as it is: not by way of the working size
            painted[clean.holds[inside]] = as_float(clean.rgb[inside & clean.holds])
        before, share = torch.from_numpy(as_float(rgb[inside])), alpha[torch.from_numpy(inside)]
        rgb[inside] = as_type(composite(before, torch.from_numpy(painted), share).numpy(), rgb.dtype)
        return plate.with_rgb(rgb)

    # -- small things ----------------------------------------------------------------------------------------------

    def _count(self, stage: str, started: float, *units: object) -> Progress:
        count = self.counts.stages[stage]
        count.seconds += time.perf_counter() - started
        count.computed.update(units)
        self._seen[stage] |= count.computed | count.reused
        done = len(self._seen[stage])
        total = max(done, self._goal.count(stage) if self._goal is not None else done)
        return Progress(stage, done, total, self._for_frame)

    def _gather(self, make: Callable[[int], Tensor], indices: Sequence[int]) -> Tensor:
        """One tensor a frame, [1, t, ...] on the engine's device; filled one by one, so that they are held once."""
        first = make(indices[0])
        gathered = self._empty(len(indices), *first.shape)
        for offset, index in enumerate(indices):
            put(gathered[0, offset], make(index) if offset else first)
        return gathered

    def _empty(self, count: int, *shape: int) -> Tensor:
        """Room for [1, t, c, h, w] on the engine's device, in memory as the engine likes it."""
        device = self._engine.device
        if len(shape) == 3 and self._engine.channels_last:
            channels, height, width = shape
            return torch.empty(1, count, height, width, channels, device=device).permute(0, 1, 4, 2, 3)
        return torch.empty(1, count, *shape, device=device)


def longest_run(width: int, height: int) -> int:
    """Pairs of so large pictures that one call of the flow estimator is given, where memory allows it."""
    return max(1, _MAX_RUN_PIXELS // (width * height) - 1)


def run_to_end(steps: Steps[T], on_progress: Callable[[Progress], None] = lambda _: None) -> T:
    """Carry a generator of steps through and return its value."""
    while True:
        try:
            on_progress(next(steps))
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]


def _numpy(tensor: Tensor) -> np.ndarray:
    array: np.ndarray = tensor.detach().cpu().contiguous().numpy()
    return array


def _bits_of(mask: Tensor) -> Arrays:
    return {"bits": np.packbits(mask.numpy().astype(np.uint8))}


def _mask_to_grid(mask: Tensor, shot: Shot) -> Tensor:
    """[h, w] at plate size -> on the working grid: 1 wherever any plate pixel under it is 1; 0 in the padding."""
    if shot.working_size is not None:
        mask = shrink_to_working(mask, width=shot.working_size[0], height=shot.working_size[1])
    width, height = shot.grid
    return F.pad(mask, (0, width - mask.shape[1], 0, height - mask.shape[0]))


def _flow_from(arrays: Arrays) -> BidirectionalFlow:
    return BidirectionalFlow(
        torch.from_numpy(np.array(arrays["forward"]))[None, None],
        torch.from_numpy(np.array(arrays["backward"]))[None, None],
    )


def _to_grid(rgb: np.ndarray, shot: Shot) -> Tensor:
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
