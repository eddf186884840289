"""Small shots and a small engine for tests: the least that shows what a test promises.

Here: textured plates with known motion, mattes, an in-memory shot, a recording engine of plain arithmetic which goes through
the same doors as the real ones. Not here: golden vectors (``golden.py``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch

from propainter.classical.sights import find_sights
from propainter.kept import Kept
from propainter.spread import ONE_BY_ONE, Spread
from propainter.types import BidirectionalFlow, Propagated, Settings, Sights
from propainter_backend.render.shot import Shot
from propainter_pictures.color import WorkingSpace
from propainter_pictures.frame import Frame
from propainter_plan import cuts
from propainter_plan.units import Chunk, Window
from propainter_wire.shot import digest_of

RGB = ("R", "G", "B")


def texture(height: int, width: int, *, seed: int = 1) -> np.ndarray:
    """A smooth random picture, float32 [h, w, 3], 0..1."""
    noise = np.random.default_rng(seed).random((height, width, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 3)
    return (soft - soft.min()) / (soft.max() - soft.min())


def moving_plates(count: int, *, size: tuple[int, int] = (64, 48), step: int = 2, dtype: str = "uint8") -> list[Frame]:
    """A texture sliding ``step`` pixels a frame to the left, as frames of a plate."""
    width, height = size
    wide = texture(height, width + step * count)
    frames = []
    for i in range(count):
        view = wide[:, step * i : step * i + width]
        pixels = np.rint(view * np.iinfo(dtype).max) if np.issubdtype(np.dtype(dtype), np.integer) else view
        frames.append(Frame(np.ascontiguousarray(pixels.astype(dtype)), RGB, number=i))
    return frames


def box_matte(size: tuple[int, int], *, left: int, top: int, width: int = 10, height: int = 8) -> np.ndarray:
    """A hard-edged box, float32 [h, w]."""
    matte = np.zeros((size[1], size[0]), np.float32)
    matte[top : top + height, left : left + width] = 1
    return matte


@dataclass
class MemoryPictures:
    """A shot's pictures held in memory; edit ``mattes`` to edit the roto."""

    plates: list[Frame]
    mattes: list[np.ndarray]
    cleans: dict[int, Frame] = field(default_factory=dict)

    @property
    def frame_count(self) -> int:
        return len(self.plates)

    def plate(self, index: int) -> Frame:
        return self.plates[index]

    def matte(self, index: int) -> np.ndarray:
        return self.mattes[index]

    def plate_digest(self, index: int) -> str:
        return digest_of(self.plates[index].pixels)

    def matte_digest(self, index: int) -> str:
        return digest_of(self.mattes[index][..., None])

    def clean(self, index: int) -> Frame | None:
        return self.cleans.get(index)

    def clean_digest(self, index: int) -> str | None:
        return digest_of(self.cleans[index].pixels) if index in self.cleans else None


def box_shot(count: int, settings: Settings, *, size: tuple[int, int] = (64, 48), dtype: str = "uint8") -> Shot:
    """A sliding texture with a box to remove in every frame."""
    mattes = [box_matte(size, left=20 + i % 7, top=15) for i in range(count)]
    pictures = MemoryPictures(moving_plates(count, size=size, dtype=dtype), mattes)
    return Shot(pictures, WorkingSpace.AUTO, settings, size)


@dataclass
class ToyEngine:
    """Every stage as plain arithmetic that depends on all its inputs; records its calls."""

    calls: Counter[str] = field(default_factory=Counter)
    name: str = "toy"
    weights_id: str = "none"
    code_version: str = "1"
    channels_last: bool = False
    pairs_apart: bool = False
    paints_itself: bool = True
    spread: Spread = ONE_BY_ONE
    preview_reach: int | None = None
    carries: bool = False
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def estimate_flow(self, frames: torch.Tensor, *, iterations: int, stop: float = 0.0) -> BidirectionalFlow:
        self.calls["pairs"] += frames.shape[1] - 1
        change = (frames[:, 1:, :2] - frames[:, :-1, :2]) * iterations
        return BidirectionalFlow(change, -change)

    def complete_flow(self, flow: BidirectionalFlow, holes: torch.Tensor) -> BidirectionalFlow:
        self.calls["completion"] += 1
        return BidirectionalFlow(_fill(flow.forward, holes[:, :-1]), _fill(flow.backward, holes[:, 1:]))

    def propagate_plate(
        self, frames: torch.Tensor, holes: torch.Tensor, flow: BidirectionalFlow, **_: object
    ) -> Propagated:
        self.calls["propagation"] += 1
        motion = flow.forward.mean() if flow.pairs else torch.zeros(())
        return Propagated(_fill(frames, holes) + holes * motion, holes * (frames[:, :, :1] > 0))

    def find_sights(
        self, frames: torch.Tensor, holes: torch.Tensor, flow: BidirectionalFlow, *, wanted: range, **_: object
    ) -> list[Sights]:
        self.calls["sights"] += 1
        return find_sights(frames, holes, flow, wanted=wanted, aligned=Kept(0))

    def completion_chunks(self, pair_count: int, settings: Settings) -> tuple[Chunk, ...]:
        return cuts.completion_chunks(pair_count, settings)

    def propagation_chunks(self, frame_count: int, settings: Settings) -> tuple[Chunk, ...]:
        return cuts.propagation_chunks(frame_count, settings)

    def windows(self, frame_count: int, settings: Settings) -> tuple[Window, ...]:
        return cuts.paint_windows(frame_count, settings)

    def paint_window(
        self,
        frames: torch.Tensor,
        holes: torch.Tensor,
        unseen: torch.Tensor,
        flow: BidirectionalFlow,
        *,
        frame_keys: Sequence[str] | None = None,
        may_overwrite: bool = False,
    ) -> torch.Tensor:
        self.calls["painting"] += 1
        motion = flow.forward.mean() if flow.pairs else torch.zeros(())
        return frames[0, : flow.pairs + 1] * 0.5 + frames.mean() + unseen.mean() + motion


def _fill(values: torch.Tensor, holes: torch.Tensor) -> torch.Tensor:
    outside = (values * (1 - holes)).sum() / (1 - holes).sum().clamp(min=1)
    return values * (1 - holes) + outside * holes
