"""What is kept for a while: found again, forgotten in order, never more than its limit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from propainter.kept import Kept


def numbered(calls: list[str], key: str, length: int = 4) -> Callable[[], np.ndarray]:
    def compute() -> np.ndarray:
        calls.append(key)
        return np.zeros(length, np.float32)

    return compute


def test_the_least_recently_used_is_forgotten_first() -> None:
    kept: Kept[np.ndarray] = Kept(3 * 16)
    calls: list[str] = []
    for key in "abcadabcd":  # d takes the place of b, b of c, c of d, d of a
        kept.remember(key, numbered(calls, key))
    assert calls == list("abcdbcd")
    assert kept.held_bytes == 48


def test_no_more_are_kept_than_the_limit_in_number() -> None:
    kept: Kept[np.ndarray] = Kept(1000, limit=2)
    calls: list[str] = []
    for key in "abcabc":
        kept.remember(key, numbered(calls, key))
    assert calls == list("abcabc")
    assert kept.held_bytes == 32


def test_what_is_larger_than_the_limit_or_has_no_key_is_not_kept() -> None:
    kept: Kept[np.ndarray] = Kept(16)
    calls: list[str] = []
    for _ in range(2):
        kept.remember("large", numbered(calls, "large", 5))
        kept.remember(None, numbered(calls, "none"))
    assert calls == ["large", "none"] * 2
    assert kept.held_bytes == 0
