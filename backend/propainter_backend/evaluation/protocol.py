"""The run: every clip damaged under its masks, restored, and measured against itself.

Here: the protocol's settings, one clip's figures, the data set's means. Not here: the measures (``measures.py``), where
clips and masks lie (``clips.py``).

As the paper's evaluation does (docs/propainter_spec.md, sections 1 and 8): pictures at 432x240 by bilinear resampling, masks
by nearest and grown by 4, 20 iterations of RAFT, windows of 20 frames and every tenth frame as reference, no sub-videos,
windows blended in floats. Colours are compared as floats, never rounded to 8 bits. Flow is estimated on the intact pictures,
as the published program does: only what it says outside the holes is used, yet there it profits from what they hide.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from propainter import dis
from propainter.engine import Engine
from propainter.hole import hole_of
from propainter.types import Settings
from propainter_backend.evaluation.clips import Clip, Pictures, Size
from propainter_backend.evaluation.holes import stationary_hole
from propainter_backend.evaluation.measures import frechet_distance, psnr, ssim, warping_error
from propainter_backend.render.memory_plan import fitted
from propainter_backend.render.shot import Shot
from propainter_backend.render.shot_cache import ShotCache
from propainter_backend.render.shot_renderer import ShotRenderer
from propainter_backend.render.spill import spill_folder
from propainter_backend.render.steps import run_to_end
from propainter_pictures.color import WorkingSpace
from propainter_pictures.frame import Frame
from propainter_wire.shot import digest_of

SIZE: Size = (432, 240)
SETTINGS = Settings(
    neighbor_length=20, ref_stride=10, chunk_length=10000, flow_iterations=20, flow_stop=0.0,
    grow=4, grow_flow=0, feather=0, threshold=0.0, flow_hole_snap=0,
)  # fmt: skip
_MEMORY = 1 << 30
Restored = NDArray[np.float32]
"""[t, h, w, 3], 0..255, the truth outside the hole."""
Features = Callable[[torch.Tensor], torch.Tensor]
"""A clip [3, t, h, w] in [-1, 1] to its features."""


@dataclass(frozen=True)
class ClipFigures:
    """What came of one clip."""

    name: str
    frames: int
    hole_share: float
    """Of the picture."""
    psnr: float
    ssim: float
    warping: float
    warping_of_truth: float
    """What the truth itself has: no restoration should be far below it."""
    seconds: float
    """Of the removal."""
    notes: tuple[str, ...] = ()
    """Where memory forced other settings than the protocol's."""
    features: tuple[NDArray[np.float32], NDArray[np.float32]] | None = field(default=None, repr=False)
    """Of the restored clip and of the truth, for VFID."""


@dataclass(frozen=True)
class Figures:
    """A data set's: means of all its frames."""

    clips: tuple[ClipFigures, ...]

    def mean(self, name: str) -> float:
        """Of a field of ``ClipFigures``, a clip weighing as many times as it has frames."""
        values, frames = ([getattr(clip, each) for clip in self.clips] for each in (name, "frames"))
        return float(np.average(values, weights=frames))

    @property
    def seconds_a_frame(self) -> float:
        """Of the removal."""
        return sum(clip.seconds for clip in self.clips) / sum(clip.frames for clip in self.clips)

    @property
    def vfid(self) -> float | None:
        """None without features, or with fewer than two clips."""
        found = [clip.features for clip in self.clips if clip.features is not None]
        if len(found) < 2:
            return None
        return frechet_distance(np.stack([ours for ours, _ in found]), np.stack([truth for _, truth in found]))


@dataclass(frozen=True)
class Wish:
    """How clips are evaluated."""

    size: Size = SIZE
    limit: int | None = None
    """Of each clip the first so many frames; None: all."""
    truth_flow: str = "dis"
    """Whose flow of the truth the warping error follows: ``dis``, or ``engine``, the engine's own."""
    features: Features | None = None
    """The network behind VFID; None: no VFID."""
    settings: Settings = SETTINGS
    hides: bool = False
    """Whether what the holes cover is made grey first, so that not even flow estimation sees it; the paper does not."""


def evaluate(clip: Clip, engine: Engine, wish: Wish) -> tuple[ClipFigures, Restored]:
    """Damage, restore, measure. Raises BadInput where the clip cannot be read."""
    truth = clip.pictures(wish.size, wish.limit)
    if clip.masks is None:
        masks = np.repeat(stationary_hole(clip.name, wish.size)[None], len(truth), axis=0)
    else:
        masks = clip.drawn_masks(wish.size, wish.limit)
    holes = np.stack([_hole(mask, wish.settings) for mask in masks])
    started = time.perf_counter()
    restored, notes = restore(truth, masks, holes, engine, wish)
    seconds = time.perf_counter() - started
    errors = _warping(restored, truth, _truth_flow(truth, engine, wish))
    features = None
    if wish.features is not None:
        features = _features(wish.features, restored, engine.device), _features(wish.features, truth, engine.device)
    figures = ClipFigures(
        name=clip.name,
        frames=len(truth),
        hole_share=float(holes.mean()),
        psnr=float(np.mean([psnr(ours, true) for ours, true in zip(restored, truth, strict=True)])),
        ssim=float(np.mean([ssim(ours, true) for ours, true in zip(restored, truth, strict=True)])),
        warping=errors[0],
        warping_of_truth=errors[1],
        seconds=seconds,
        notes=notes,
        features=features,
    )
    return figures, restored


def restore(
    truth: Pictures, masks: NDArray[np.bool_], holes: NDArray[np.bool_], engine: Engine, wish: Wish
) -> tuple[Restored, tuple[str, ...]]:
    """The clip with its holes filled, and sentences where memory forced other settings."""
    given = np.where(holes[..., None], np.uint8(128), truth) if wish.hides else truth
    size, settings = wish.size, wish.settings
    shot = Shot(
        _Pictures(given, masks), WorkingSpace.SRGB, settings, size, native_fill=False, cuts="none", match_grain=0.0
    )
    shot, notes = fitted(shot, engine, artifacts=_MEMORY)
    restored = truth.astype(np.float32)
    with spill_folder() as spill:
        cache = ShotCache(spill / "artifacts", memory_budget=_MEMORY, write_through=False)
        renderer = ShotRenderer(shot, engine, cache)
        renderer.aim_at(range(len(truth)))
        for index, hole in enumerate(holes):
            if hole.any():
                fill = run_to_end(renderer.fill(index)).float().cpu().numpy().transpose(1, 2, 0)
                inside = fill[: size[1], : size[0]][hole]
                restored[index][hole] = np.clip((inside + 1) * 127.5, 0, 255)
    return restored, notes


class _Pictures:
    """A clip in memory, as a renderer asks for it."""

    def __init__(self, frames: Pictures, masks: NDArray[np.bool_]) -> None:
        self._frames = frames
        self._mattes = [np.asarray(mask, np.float32) for mask in masks]

    @property
    def frame_count(self) -> int:
        return len(self._frames)

    def plate(self, index: int) -> Frame:
        return Frame(self._frames[index], ("R", "G", "B"), number=index)

    def matte(self, index: int) -> NDArray[np.float32]:
        return self._mattes[index]

    def plate_digest(self, index: int) -> str:
        return digest_of(self._frames[index])

    def matte_digest(self, index: int) -> str:
        return digest_of(self._mattes[index][..., None])

    def clean(self, index: int) -> Frame | None:
        return None

    def clean_digest(self, index: int) -> str | None:
        return None


def _hole(mask: NDArray[np.bool_], settings: Settings) -> NDArray[np.bool_]:
    matte = torch.from_numpy(mask.astype(np.float32))
    grown: NDArray[np.float32] = hole_of(matte, threshold=settings.threshold, grow_pixels=settings.grow).numpy()
    return grown > 0


def _truth_flow(truth: Pictures, engine: Engine, wish: Wish) -> Sequence[tuple[NDArray[np.float32], ...]]:
    """Forward and backward flow [h, w, 2] of every pair."""
    working = truth.astype(np.float32) / 127.5 - 1
    if wish.truth_flow == "dis":
        return list(zip(*dis.estimate_flow(working), strict=True))
    frames = torch.from_numpy(working).permute(0, 3, 1, 2)[None].contiguous()
    found = []
    for first in range(len(truth) - 1):
        pair = frames[:, first : first + 2].to(engine.device)
        flow = engine.estimate_flow(pair, iterations=wish.settings.flow_iterations)
        both = (flow.forward[0, 0], flow.backward[0, 0])
        found.append(tuple(way.float().cpu().numpy().transpose(1, 2, 0) for way in both))
    return found


def _warping(
    restored: Restored, truth: Pictures, flow: Sequence[tuple[NDArray[np.float32], ...]]
) -> tuple[float, float]:
    """Of the restored clip and of the truth, means of all pairs."""
    ours, theirs = (
        float(np.mean([warping_error(each[t], each[t + 1], *ways) for t, ways in enumerate(flow)]))
        for each in (restored, truth)
    )
    return ours, theirs


def _features(network: Features, pictures: NDArray[np.generic], device: torch.device) -> NDArray[np.float32]:
    clip = torch.from_numpy(np.asarray(pictures, np.float32) / 127.5 - 1).permute(3, 0, 1, 2)
    return np.asarray(network(clip.to(device)).float().cpu().numpy())
