"""The keys artifacts are stored under.

A key is the digest of exactly what its unit depends on: content of frames and holes, the settings that matter to the
stage, the engine and its weights, the code version. So a roto edit needs no invalidation code: the flow's key does not
contain the matte. Keys of later stages contain the *content* digests of earlier artifacts, so that work stops where a
recomputed artifact equals the old one (early cut-off).

Here: digesting. Not here: what a stage depends on (``propainter_plan/stages.py``), storage (``shot_cache.py``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from propainter.engine import Engine

_CODE_VERSION = "1"
"""Changes when the way stages are wired here changes a picture; the engine has its own."""

Scalar = str | int | float | None


def key_of(stage: str, *parts: Scalar | Sequence[Scalar]) -> str:
    """64 hex digits naming an artifact: sha256 over the stage and everything it depends on."""
    text = json.dumps([_CODE_VERSION, stage, *parts], separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def part_key(unit: str, index: int) -> str:
    """Key of one frame's or pair's share of a unit that computes several at once."""
    return hashlib.sha256(f"{unit}/{index}".encode()).hexdigest()


def engine_parts(engine: Engine) -> tuple[str, str, str]:
    """What of an engine belongs into every key."""
    return engine.name, engine.weights_id, engine.code_version
