"""What a draft is, and a first picture: the same removal at a smaller working size; a draft's flow is less refined.

Here: the one rule for the command line and the daemon. Not here: who asks for a draft (``removal.py``, ``worker.py``).
"""

from __future__ import annotations

from dataclasses import replace

from propainter.types import Settings

SCALE = 0.5
FLOW_ITERATIONS = 5
FLOW_STOP = 0.02
"""Where RAFT may stop (docs/adr/0005-raft-early-stop.md)."""
_SMALLEST = 8
_MOST_PREVIEWED = 200_000
"""Pixels of a working picture up to which a first picture is made at the working size (ADR 20)."""


def draft_settings(settings: Settings, *, flow_iterations: int = FLOW_ITERATIONS) -> Settings:
    """The settings with at most so many flow iterations, which may stop early."""
    return replace(
        settings,
        flow_iterations=min(settings.flow_iterations, flow_iterations),
        flow_stop=max(settings.flow_stop, FLOW_STOP),
    )


def draft_size(size: tuple[int, int], *, scale: float = SCALE) -> tuple[int, int]:
    """Width, height of a draft of a working size in pixels, at least 8 each."""
    width, height = size
    return max(_SMALLEST, round(width * scale)), max(_SMALLEST, round(height * scale))


def preview_size(size: tuple[int, int]) -> tuple[int, int]:
    """Width, height of a first picture of a shot whose working size this is: whole parts of it, so that it comes soon."""
    width, height = size
    parts = 1
    while width * height > _MOST_PREVIEWED * parts**2:
        parts += 1
    return (
        (width, height) if parts == 1 else (max(_SMALLEST, round(width / parts)), max(_SMALLEST, round(height / parts)))
    )
