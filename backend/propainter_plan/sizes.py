"""The size a fill is made at where nobody asks for one.

Here: ``usual_size``. Not here: what a smaller size costs the picture (ADR 20), a draft's share of it (the
backend's ``render/drafts.py``).
"""

from __future__ import annotations

MOST_PIXELS = 1_000_000
"""Pixels of a working picture up to which a plate is taken whole: 1280x720 is."""


def usual_size(
    plate_size: tuple[int, int], *, engine: str, native_fill: bool, whole: bool = False
) -> tuple[int, int] | None:
    """Width, height of the fill; None: the plate's.

    The embedded engine halves a large plate: native fill looks at the plates themselves. Networks paint what they give, so
    their size is the plate's. whole: that is wanted in any case.
    """
    width, height = plate_size
    if whole or engine != "classical" or not native_fill or width * height <= MOST_PIXELS:
        return None
    return max(1, round(width / 2)), max(1, round(height / 2))
