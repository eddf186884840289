"""Which frames need help, in order.

Here: ``frames_to_help``. Not here: how drift is measured (``tracking.py``), correcting (``selecting.py``).
"""

from __future__ import annotations

from propainter_matte.tracking import Track

SURE = 0.1
"""Drift below which a frame needs no help."""


def frames_to_help(track: Track, *, most: int = 8) -> list[int]:
    """Frames in order of doubt, the most doubtful first; sure ones are not among them.

    A corrected frame helps its neighbours, too, the more the nearer they are within its span. So each frame named
    lessens the doubt of those around it before the next is chosen.
    """
    count = len(track.mattes)
    doubt = {i: drift for i, drift in track.drift.items() if i not in track.keys and drift >= SURE}
    places = sorted(track.keys)
    named: list[int] = []
    while doubt and len(named) < most:
        worst = max(doubt, key=lambda i: (_bared(doubt, i), -i))
        if doubt[worst] < SURE:
            break
        named.append(worst)
        below = max((k for k in places if k < worst), default=-1)
        above = min((k for k in places if k > worst), default=count)
        for i in range(below + 1, above):
            if i in doubt:
                reach = (worst - below) if i <= worst else (above - worst)
                doubt[i] *= abs(i - worst) / reach
        del doubt[worst]
        places = sorted([*places, worst])
    return named


def _bared(doubt: dict[int, float], index: int) -> float:
    """A frame's doubt with that of the frames beside it, so that no lone spike goes first."""
    beside = [doubt[i] for i in (index - 1, index, index + 1) if i in doubt]
    return (doubt[index] + sum(beside) / len(beside)) / 2
