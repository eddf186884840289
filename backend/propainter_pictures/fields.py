"""Interlaced and 3:2 material, told from a run of plates: two moments in one picture are no motion that can be followed.

Here: ``scan_of`` some frames, ``fields_sentence`` about a shot. Not here: taking fields apart (an editor's work, before us).

A picture's odd lines are held against the even lines of its own and of its neighbours. Where something moves, lines of one
moment fit best: in a progressive picture its own; in an interlaced one its own and those of one neighbour fit equally; after
3:2 pulldown, in two pictures of five, a neighbour's fit better than its own. Stripes and fences fit alike in all, and so
does noise: then there is nothing to tell.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from propainter_pictures.frame import Frame, as_float

Luma = npt.NDArray[np.float32]
Scan = Literal["progressive", "interlaced", "pulldown"]

SCANS: tuple[Scan | None, ...] = (None, "progressive", "interlaced", "pulldown")
RUN = 12
"""Frames looked at in one place: two cycles of pulldown and a little more."""
_PLACES = (1 / 2, 1 / 6, 5 / 6)
"""Where in a shot, one after the other until something moves."""
_MOVES = 0.03
"""Least change of the misfit between fields, of the greatest one, at which something moves."""
_NEAR = 0.35
"""Share of the way from the best to the worst fit that still counts as the best."""
_MOST = np.float32(1e30)
"""Brightness beyond which sums of it would be none."""
_LEAST = 4
"""Pairs of frames in motion that it takes to tell."""


def fields_sentence(frame_count: int, plate: Callable[[int], Frame]) -> str | None:
    """One sentence for the user where a shot is not progressive. plate: gives a frame by index; few are asked for."""
    for share in _PLACES:
        first = max(0, min(round(frame_count * share) - RUN // 2, frame_count - RUN))
        scan = scan_of([luma_of(plate(i)) for i in range(first, min(first + RUN, frame_count))])
        if scan is not None:
            return sentence_of(scan)
        if frame_count <= RUN:
            break
    return None


def sentence_of(scan: Scan | None) -> str | None:
    """What a user is told of material so scanned; None: nothing."""
    return None if scan is None else _SENTENCES[scan]


_SENTENCES: dict[Scan, str | None] = {
    "progressive": None,
    "interlaced": "the plate is interlaced (each frame shows two moments), so its motion cannot be followed; "
    "deinterlace plate and matte first",
    "pulldown": "the plate has 3:2 pulldown (two frames of five show two moments), so its motion cannot be followed; "
    "remove it from plate and matte first",
}


def scan_of(lumas: Sequence[Luma]) -> Scan | None:
    """How consecutive pictures (h, w) were scanned; None: too little moves to tell."""
    kinds = {i: kind for i in range(len(lumas) - 1) if (kind := _kind(lumas[i], lumas[i + 1])) is not None}
    if len(kinds) < _LEAST:
        return None
    other = {i for i, kind in kinds.items() if kind == "other"}
    for phase in range(5):
        cycle = {i for i in kinds if (i - phase) % 5 in (0, 1)}
        if len(cycle) >= _LEAST and len(other & cycle) >= 0.75 * len(cycle) and len(other - cycle) <= 0.2 * len(other):
            return "pulldown"
    return "interlaced" if sum(kind != "own" for kind in kinds.values()) > 0.6 * len(kinds) else "progressive"


def luma_of(frame: Frame) -> Luma:
    """The brightness of a picture's lines, (h, w), every column of a narrow one and every second of a wide one."""
    rgb = frame.rgb()
    if rgb.shape[1] > 1024:
        rgb = rgb[:, ::2]
    values = np.nan_to_num(as_float(rgb)).astype(np.float32).clip(-_MOST, _MOST)
    luma: Luma = values @ np.array([0.25, 0.5, 0.25], np.float32)
    return luma


def _kind(here: Luma, following: Luma) -> Literal["own", "both", "other"] | None:
    """Whose even lines a picture's odd ones fit: its own, its own and a neighbour's alike, another's better."""
    own, ahead, behind = _misfit(here, here), _misfit(following, here), _misfit(here, following)
    best, middle, worst = sorted((own, ahead, behind))
    if worst - best <= _MOVES * worst:
        return None
    if own == worst and middle - best < _NEAR * (worst - best):
        return None  # both neighbours fit better alike: stripes of single lines, moving
    if own - best > _NEAR * (worst - best):
        return "other"
    return "both" if middle - best < _NEAR * (worst - best) else "own"


def _misfit(even: Luma, odd: Luma) -> float:
    """How far the odd lines of one picture lie from midway between the even lines of another; 0 where there are none."""
    above, below = even[0:-2:2], even[2::2]
    rows = min(len(above), len(below))
    between = odd[1:-1:2][:rows]
    if not between.size:
        return 0.0
    return float(np.abs(between - (above[:rows] + below[:rows]) / 2).mean())
