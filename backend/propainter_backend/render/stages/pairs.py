"""Pairs of frames as an engine's sweep over many of them is given them: completed flow, and what names a pair's content."""

from __future__ import annotations

from collections.abc import Sequence

from propainter.types import BidirectionalFlow
from propainter_backend.render.gathering import flow_span
from propainter_backend.render.keys import key_of
from propainter_backend.render.stage import Ask
from propainter_backend.render.stages.completion import completed
from propainter_backend.render.steps import Steps
from propainter_plan.stages import Need
from propainter_plan.units import Chunk

_FLOW, _COMPLETED = Need("flow", by_key=True), Need("completion")
_KNOWN, _HOLE = Need("known", by_key=True), Need("hole")


def reach_flow(ask: Ask, chunk: Chunk) -> Steps[BidirectionalFlow]:
    """Completed flow among the frames of a chunk's reach."""
    yield from ask.make_ready("completion", range(chunk.reach_first, chunk.reach_last))
    return (yield from flow_span(ask, completed, chunk.reach_first, chunk.reach_last))


def pair_keys(ask: Ask, frames: Sequence[int]) -> Steps[list[str]]:
    """Content keys of the pairs among neighbouring frames: what an engine may keep of a pair between two calls."""
    keys = []
    for pair in frames[:-1]:
        named = []
        for need, parts in (
            (_FLOW, (pair,)),
            (_COMPLETED, (pair,)),
            (_KNOWN, (pair, pair + 1)),
            (_HOLE, (pair, pair + 1)),
        ):
            named.extend((yield from ask.inputs(need, parts)))
        keys.append(key_of("pair", *named))
    return keys
