"""The words of the package as types: flow, windows, chunks, settings, precision.

Here: immutable values that refuse to be wrong. Not here: any computation (see ``stages.py``), any file or socket.

Axis vocabulary, used in every signature: ``b`` batch, ``t`` frames, ``c`` channels, ``h`` rows, ``w`` columns; pairs of
frames count ``t-1``. Images are RGB in [-1, 1] at the working size; holes are 1 = fill, 0 = good plate, nothing
between.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import Enum

import numpy as np
import numpy.typing as npt
from jaxtyping import Float
from torch import Tensor

from propainter_knobs.table import BY_NAME, default_of

NOWHERE = int(np.iinfo(np.int32).min)
"""In the place of a frame's number: no frame."""


class Precision(str, Enum):
    """Arithmetic of the networks. RAFT and every sampling grid stay fp32 whatever is chosen (spec, section 10.4)."""

    FP32 = "fp32"
    FP16 = "fp16"
    BF16 = "bf16"


@dataclass(frozen=True)
class BidirectionalFlow:
    """Motion both ways between neighbouring frames, in pixels at this resolution, x right, y down."""

    forward: Float[Tensor, "b pairs 2 h w"]
    """forward[:, i] carries frame i to frame i + 1."""
    backward: Float[Tensor, "b pairs 2 h w"]
    """backward[:, i] carries frame i + 1 to frame i."""

    def __post_init__(self) -> None:
        if self.forward.shape != self.backward.shape:
            raise ValueError(
                f"forward flow is {tuple(self.forward.shape)} but backward flow is {tuple(self.backward.shape)}; "
                "both directions describe the same pairs"
            )

    @property
    def pairs(self) -> int:
        """Number of neighbouring frame pairs (frames - 1)."""
        return self.forward.shape[1]

    def span(self, first: int, last: int) -> BidirectionalFlow:
        """The flow among frames first..last (both included): pairs first..last-1."""
        return BidirectionalFlow(self.forward[:, first:last], self.backward[:, first:last])


@dataclass(frozen=True)
class Propagated:
    """A plate whose hole has been filled, as far as it goes, with pixels pulled from other frames."""

    frames: Float[Tensor, "b t 3 h w"]
    """The plate with known pixels carried into the hole; what is still unseen is 0 (mid grey)."""
    unseen: Float[Tensor, "b t 1 h w"]
    """1 where no frame in reach ever showed the background: still to be invented."""
    kernels_in_holes: int = 0
    """Places sampled whose kernel read a pixel under a hole: counted, and never more than 0."""
    sights: list[Sights] | None = None
    """Where the wanted frames' holes are seen, where that was asked for and came with the work; None: ``find_sights``."""


@dataclass(frozen=True, eq=False)
class Carried:
    """Where the background near one frame's hole is seen beyond that frame, one way in time: what a sweep may begin with.

    Its n pixels are the hole and those beside it whose kernels may touch it, by row, column.
    """

    away: npt.NDArray[np.int32]
    """(n,): how many frames away the frame lies that shows it; 0: none does."""
    x: npt.NDArray[np.float32]
    """(n,): where in that frame, in pixels; so is y."""
    y: npt.NDArray[np.float32]
    doubtful: npt.NDArray[np.bool_]
    """(n,): a step of the way failed the forward-backward check."""
    around: npt.NDArray[np.uint8]
    """(h, bytes): one bit a pixel, set where the frame shows no background: near its hole, and where things are in front."""
    width: npt.NDArray[np.int_]
    """(1,): of the frame, in pixels."""
    away_by_model: npt.NDArray[np.int32]
    """(m,): as ``away``, of the m pixels that are set, by the background model alone; so are the last two."""
    x_by_model: npt.NDArray[np.float32]
    y_by_model: npt.NDArray[np.float32]

    @property
    def named(self) -> list[int]:
        """How far away each frame lies that is named, once each, in order."""
        both = np.union1d(self.away, self.away_by_model)
        return [int(away) for away in both[both > 0]]


@dataclass(frozen=True, eq=False)
class Beyond:
    """What lies beyond the frames of a chunk's reach, as far as it is seen behind their holes."""

    past: Carried | None
    """Near the hole of the first frame, where the shot shows it before; None: that is where it begins."""
    future: Carried | None
    """Near the hole of the last frame, where the shot shows it after."""
    read: Callable[[int], tuple[Tensor, Tensor]]
    """Given a frame that one of them names, counted from the first of the reach (so below 0 before it): picture [3, h, w]
    and hole [h, w]. Called for one frame after the other, for some more than once."""


@dataclass(frozen=True, eq=False)
class Sights:
    """Where the background behind each of the n pixels of one frame's hole is seen, at most twice: before and after.

    Pixels by row, column. Numbers of a pixel that no frame shows mean nothing but for its ``source``.
    """

    source: npt.NDArray[np.int32]
    """(2, n): the frame that shows it; ``NOWHERE``: none."""
    x: npt.NDArray[np.float32]
    """(2, n): where in that frame, in pixels; so is y."""
    y: npt.NDArray[np.float32]
    weight: npt.NDArray[np.float32]
    """(2, n): share of the sight in the pixel; they add up to 1 where it is seen at all."""
    frames: npt.NDArray[np.int32]
    """(m,): every frame that is named."""
    gain: npt.NDArray[np.float32]
    """(m, 3): logarithm of what its colours are multiplied by to take on this frame's exposure; black is -1."""
    piece: npt.NDArray[np.int32] | None = None
    """(2, n): places of one piece belong together, between those of two nothing may be looked up; None: all do."""


@dataclass(frozen=True, eq=False)
class Invented:
    """Where the n unseen pixels of one frame, by row, column, were copied from, and how sure that is."""

    source: npt.NDArray[np.int32]
    """(n,): the frame; ``NOWHERE``: nothing was like enough to copy, a smooth surface stands there."""
    x: npt.NDArray[np.float32]
    """(n,): where in that frame, in pixels; so is y."""
    y: npt.NDArray[np.float32]
    piece: npt.NDArray[np.int32]
    """(n,): neighbours of one piece were copied from neighbours."""
    miss: npt.NDArray[np.float32]
    """(n,): how unlike in kind (colour, contrast, direction) the piece is to what it meets along its border: 0 alike, 2 at
    most; infinite: a smooth surface."""

    @classmethod
    def nothing(cls, count: int) -> Invented:
        """A smooth surface in every pixel."""
        x, y = np.zeros((2, count), np.float32)
        nowhere, infinite = np.full(count, NOWHERE, np.int32), np.full(count, np.inf, np.float32)
        return cls(nowhere, x, y, np.zeros(count, np.int32), infinite)

    @property
    def copied(self) -> npt.NDArray[np.bool_]:
        """Where there was anything to copy."""
        copied: npt.NDArray[np.bool_] = self.source != NOWHERE
        return copied

    def set(self, which: npt.NDArray[np.intp], *values: npt.NDArray[np.generic]) -> None:
        """Write source, x, y, piece and miss of some pixels."""
        for name, value in zip(("source", "x", "y", "piece", "miss"), values, strict=True):
            getattr(self, name)[which] = value


@dataclass(frozen=True)
class Settings:
    """Everything about a removal that changes the picture, except the plate, the matte and the weights.

    Defaults and lower ends are the knobs'. Their upper ends are for strangers: a box keeps a shot in one longer chunk.
    """

    neighbor_length: int = default_of("neighbor_length")
    """Local frames a window paints; half of it on each side of the centre."""
    ref_stride: int = default_of("ref_stride")
    """Frames between two references; lower looks at more of the shot and costs more."""
    chunk_length: int = default_of("chunk_length")
    """Flow pairs a completion pass, and (up to 100) frames a propagation pass, treats at once."""
    flow_iterations: int = default_of("flow_iterations")
    """RAFT updates a pair; 5 is enough for a preview."""
    flow_stop: float = default_of("flow_stop")
    """A pair's flow is final once RAFT moves 99 % of it by at most this many cells of 1/8 resolution; 0 = never earlier."""
    grow: int = default_of("grow")
    """Plate pixels the matte grows outward (4-connected diamond) before it becomes the hole."""
    feather: int = default_of("feather")
    """Plate pixels, inside the grown ring, over which the fill fades into the plate."""
    threshold: float = default_of("threshold")
    """Matte values above this are removed (0: every value above zero, as the reference does)."""
    flow_hole_snap: int = default_of("flow_hole_snap")
    """The hole given to flow completion is widened to whole blocks of this many working pixels; 0 = exact."""
    grow_flow: int = default_of("grow_flow")
    """Plate pixels the matte grows before it becomes the hole given to flow completion; below ``grow``: as ``grow``."""
    never_seen: str = default_of("never_seen")
    """What stands where no frame shows the background: ``texture`` or ``smooth``."""

    def __post_init__(self) -> None:
        for field in fields(self):
            name, value, low = field.name, getattr(self, field.name), BY_NAME[field.name].low
            if words := BY_NAME[name].words:
                if value not in words:
                    raise ValueError(f"{name} is {value!r}; it must be one of {', '.join(words)}")
            elif name != "threshold" and not value >= low:
                raise ValueError(f"{name} is {value}; it must be at least {low:g}")
        if not 0.0 <= self.threshold < 1.0:
            raise ValueError(f"threshold is {self.threshold}; it must be at least 0 and below 1")
