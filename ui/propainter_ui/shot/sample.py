"""The sample shot that comes with the panel.

Here: where it lies. Not here: what it is made of (``samples/README.md``, which lies beside it when installed).
"""

from __future__ import annotations

from pathlib import Path

_PLACES = (Path(__file__).parents[1] / "samples/synth-pan", Path(__file__).parents[3] / "samples/synth-pan")
"""In an installation, and in a checkout."""


def sample_shot() -> tuple[Path, Path] | None:
    """Its plate and its matte; None where it was left out."""
    for place in _PLACES:
        if (place / "plate").is_dir() and (place / "matte").is_dir():
            return place / "plate", place / "matte"
    return None


def is_sample(path: Path) -> bool:
    """Whether a file is the sample's: nothing is written beside it."""
    return any(place in path.parents for place in _PLACES)
