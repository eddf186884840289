"""Finished frames: found again, the longest unsent forgotten first, never more than the limit."""

from __future__ import annotations

import numpy as np

from propainter.kept import Kept
from propainter_backend.worker.steps import Finished


def frame(length: int = 16) -> Finished:
    return Finished(np.zeros(length, np.uint8), {"hole": length})


def test_the_longest_unsent_is_forgotten_first() -> None:
    frames = Kept[Finished](48)
    for name in "abc":
        frames.put(name, frame())
    assert frames.get("a") is not None
    frames.put("d", frame())
    assert [name for name in "abcd" if frames.get(name)] == ["a", "c", "d"]
    frames.put("a", frame(48))  # in place of the smaller one: it takes the room of all
    assert [name for name in "abcd" if frames.get(name)] == ["a"]


def test_what_is_too_large_is_not_kept_and_everything_can_be_forgotten() -> None:
    frames = Kept[Finished](16)
    frames.put("large", frame(17))
    assert frames.get("large") is None
    frames.put("small", frame())
    frames.clear()
    assert frames.get("small") is None
    frames.put("again", frame())  # the room is there again
    assert frames.get("again") is not None
