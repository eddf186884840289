"""What a render will cost: seconds from what the last ones took, bytes from the sizes involved.

Here: pure arithmetic. Not here: which units have to be computed (``windows_preview.py``), measuring (the backend's
report of every job).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from propainter_plan.plan import ShotPlan
from propainter_plan.stages import COUNTED
from propainter_plan.units import Chunk
from propainter_ui.state.windows_preview import Redo

STAGES = COUNTED

_MB = 1 << 20
_NETWORK_BASE_BYTES = 730_000_000
_NETWORK_BYTES_PER_PIXEL = 19_500
_NETWORK_BYTES_PER_PIXEL_AND_FRAME = 217
"""Straight-line fit of the memory table published with the networks (fp32): 3 GB at 320x240 and 50 frames, 10 at 640x480,
11 at 720x480, 28 at 1280x720; at 80 frames 12 at 640x480, 4 at 320x240. Within 4 % of all but the last (11 % low)."""
_HALF_PRECISION_SHARE = 0.65
"""fp16 next to fp32 in the same table: 2/3 to 19/28."""
_CLASSICAL_BASE_BYTES = 380 * _MB
_CLASSICAL_BYTES_PER_PIXEL_AND_FRAME = 90
"""Measured: a worker of 584 MB after 24 frames of 432x240, of which the program alone takes 380 MB."""


@dataclass(frozen=True)
class Rates:
    """Seconds a million working pixels take in each stage: a pair, a frame of a chunk, a frame of a window, a frame."""

    seconds: Mapping[str, float]

    def estimate(self, redo: Redo, pixels: int) -> float | None:
        """Seconds to carry out this work at this many working pixels a frame; None while a stage is unmeasured."""
        units = unit_frames(redo)
        needed = [stage for stage in STAGES if units[stage]]
        if any(stage not in self.seconds for stage in needed):
            return None
        return sum(self.seconds[stage] * units[stage] * pixels / 1e6 for stage in needed)

    def learned_from(self, report: Mapping[str, Any], plan: ShotPlan, pixels: int) -> Rates:
        """Corrected by a finished job's report; stages in which it computed nothing keep their rate."""
        sizes = {
            "flow": 1.0, "composite": 1.0,
            "completion": _mean_reach(plan.completion), "propagation": _mean_reach(plan.propagation),
            "painting": sum(len(w.seen) for w in plan.windows) / max(1, len(plan.windows)),
        }  # fmt: skip
        rates = dict(self.seconds)
        for stage, cost in report.get("stages", {}).items():
            work = cost.get("computed", 0) * sizes.get(stage, 1.0) * pixels / 1e6
            if stage in sizes and work > 0:
                rates[stage] = cost["seconds"] / work
        return Rates(rates)


def unit_frames(redo: Redo) -> dict[str, int]:
    """How many frames (pairs) each stage has to treat, those it only looks at included."""
    return {
        "flow": redo.pairs,
        "completion": sum(c.reach_length for c in redo.completion),
        "propagation": sum(c.reach_length for c in redo.propagation),
        "painting": sum(len(window.seen) for window in redo.windows),
        "composite": redo.frames,
    }


def memory_bytes(plan: ShotPlan, *, engine: str, working_size: tuple[int, int], precision: str = "auto") -> int:
    """About what the largest single pass holds at once, the program included."""
    pixels = working_size[0] * working_size[1]
    largest = max([len(window.seen) for window in plan.windows] + [c.reach_length for c in plan.propagation] + [1])
    if engine == "classical":
        return _CLASSICAL_BASE_BYTES + _CLASSICAL_BYTES_PER_PIXEL_AND_FRAME * pixels * largest
    share = _HALF_PRECISION_SHARE if precision in ("fp16", "bf16") else 1.0
    a_pixel = _NETWORK_BYTES_PER_PIXEL + _NETWORK_BYTES_PER_PIXEL_AND_FRAME * largest
    return int(share * (_NETWORK_BASE_BYTES + a_pixel * pixels))


def size_text(nbytes: float) -> str:
    """Bytes in the unit that suits them: 584 MB, 2.1 GB."""
    return f"{nbytes / 2**30:.1f} GB" if nbytes >= 0.95 * 2**30 else f"{nbytes / _MB:.0f} MB"


def time_text(seconds: float) -> str:
    """Seconds for people: under a second, 42 s, 3 min 20 s, 1 h 05 min."""
    if seconds < 1:
        return "under a second"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def _mean_reach(found: tuple[Chunk, ...]) -> float:
    return sum(c.reach_length for c in found) / max(1, len(found))
