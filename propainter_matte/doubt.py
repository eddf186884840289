"""Which frames need help, in order.

Here: ``frames_to_help``. Not here: how drift is measured (``tracking.py``), correcting (``selecting.py``).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

from propainter_matte.tracking import Track

_LASTS = 12.0
"""Frames after which a correction's help has fallen to a third: half a second."""
SURE = 0.1
"""Drift below which a frame needs no help."""


def frames_to_help(track: Track, *, settled: Collection[int] | None = None, most: int = 8) -> list[int]:
    """Frames in order of the doubt that correcting them takes away; sure ones are not among them.

    A corrected frame helps those around it, too, the more the nearer they are, up to the next keys. So the first is not the
    very worst but the one in the thick of doubt, and each lessens the doubt of those around it before the next is chosen.
    settled: keys somebody has gone over, which are never named; None: all. Others, made of a mere box, may be wrong.
    """
    count = len(track.mattes)
    settled = set(track.keys if settled is None else settled)
    doubt = {i: drift * _tent(track, settled, i) for i, drift in track.drift.items() if i not in settled}
    doubt = {i: value for i, value in doubt.items() if value >= SURE}
    keys = set(track.keys)
    named: list[int] = []
    while doubt and len(named) < most:
        worst = max(
            doubt, key=lambda i: (_lifted(doubt, _corrected(track, settled, keys, i), _ends(keys, i, count)), -i)
        )
        if doubt[worst] >= SURE:
            named.append(worst)
        right, ends = _corrected(track, settled, keys, worst), _ends(keys, worst, count)
        doubt = {i: drift * (1 - _help(right, ends, i)) for i, drift in doubt.items() if i != worst}
        keys.add(worst)
        if doubt and max(doubt.values()) < SURE:
            break
    return named


def _tent(track: Track, settled: set[int], index: int) -> float:
    """How far the two mattes' difference may be a frame's own fault: beside a settled key the walk from afar is wrong."""
    if index in track.keys:
        return 1.0
    below, above = _ends(set(track.keys), index, len(track.mattes))
    if below < 0 or above >= len(track.mattes):
        return 1.0
    half = (above - below) / 2
    sides = [abs(index - key) / half for key in (below, above) if key in settled]
    return min(1.0, *sides) if sides else 1.0


def _ends(keys: set[int], index: int, count: int) -> tuple[int, int]:
    """The keys around a frame; beyond the last there is none, -1 or ``count`` then."""
    return max((k for k in keys if k < index), default=-1), min((k for k in keys if k > index), default=count)


def _corrected(track: Track, settled: set[int], keys: set[int], index: int) -> list[int]:
    """The frames that are right once ``index`` is corrected, as far as others of its spans gain by it.

    A key that nobody has gone over pulls all of its spans astray. Once it is right, the settled keys at their other ends
    tell, too.
    """
    if index not in track.keys:
        return [index]
    return [index, *(key for key in _ends(keys, index, len(track.mattes)) if key in settled)]


def _help(corrected: Sequence[int], ends: tuple[int, int], index: int) -> float:
    """How much a correction between two ends helps a frame, 0 to 1: tracking loses a share of what is left of it a frame.

    So a correction at a shot's end, where doubt is highest, helps fewer than one in its midst.
    """
    below, above = ends
    return math.exp(-min(abs(index - each) for each in corrected) / _LASTS) if below < index < above else 0.0


def _lifted(doubt: Mapping[int, float], corrected: Sequence[int], ends: tuple[int, int]) -> float:
    """The doubt that a correction takes away, its neighbours' too."""
    return sum(drift * _help(corrected, ends, i) for i, drift in doubt.items())
