"""Whatever call fails in a cache: what is read is right or not there, and no render is lost for it."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest
from bench import Bench, Fault, points
from scenarios import KEYS, is_entry

from propainter_backend.render.shot_cache import ShotCache

KINDS = [
    Fault(error=errno.EIO),
    Fault(error=errno.EIO, stays=True),
    Fault(error=errno.ENOSPC, stays=True),
    Fault(error=errno.EROFS, stays=True),
    Fault(error=errno.ENOMEM, least=4 << 10),
]
SHAPES = {"unbounded": (None, 0), "on disk, bounded": (60_000, 0), "in memory, bounded": (60_000, 30_000)}
"""Bytes on disk and in memory."""


def require_sound_cache(root: Path) -> int:
    """Every entry is whole or not there, and nothing half-written left. Returns how many there are."""
    cache, found = ShotCache(root, memory_budget=1 << 20), 0
    for index, key in enumerate(KEYS):
        stated, arrays = cache.digest(key), cache.load(key)
        assert (stated is None) == (arrays is None), "its header speaks of what cannot be read"
        assert arrays is None or is_entry(arrays, index)
        found += arrays is not None
    assert not list(root.rglob("*.tmp"))
    return found


def store_all(bench: Bench, tmp_path: Path, kind: Fault, shape: str, few: int | None) -> None:
    budget, memory = SHAPES[shape]
    root = tmp_path / "cache"
    given = {"root": str(root), "budget": budget, "memory": memory}
    plain = bench.run("store", given, tmp_path, Fault(0, kind.error, kind.stays, kind.least))
    assert plain.code == 0 and plain.seen > 20, plain
    assert require_sound_cache(root) > 1
    faults = [Fault(at, kind.error, kind.stays, kind.least) for at in points(plain.seen, few=few)]
    for fault in faults:
        shutil.rmtree(root, ignore_errors=True)
        run = bench.run("store", given, tmp_path, fault)
        assert run.code == 0 or (kind.least and run.said.endswith("no memory\n")), f"{fault} ({run.failed})\n{run.said}"
        require_sound_cache(root)
    print(f"{len(faults)} injected faults in a cache {shape}")


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_some_calls_of_storing_may_fail(bench: Bench, tmp_path: Path, kind: Fault) -> None:
    store_all(bench, tmp_path, kind, "on disk, bounded", few=12)


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_every_call_of_storing_may_fail(bench: Bench, tmp_path: Path, kind: Fault, shape: str) -> None:
    store_all(bench, tmp_path, kind, shape, few=None)
