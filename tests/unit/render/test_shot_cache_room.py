"""The store when there is no room, and when it is not alone: it gives way, waits, and never lies."""

from __future__ import annotations

import errno
import logging
import os
import threading
from pathlib import Path

import numpy as np
import pytest

from propainter_backend.render.shot_cache import ShotCache

KEYS = [f"{i:064x}" for i in range(1, 40)]
ENTRY = 4200
"""Bytes of one entry on disk, a little over."""


def array(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(1000).astype(np.float32)


class Disk:
    """A folder of limited size: opening a file for writing fails when it is full, or while it is broken."""

    def __init__(self, root: Path, room: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.room, self.is_broken = root, room, False
        self.attempts = 0
        real = os.open

        def limited(path, flags, *args, **kwargs):
            if flags & os.O_CREAT and Path(path).is_relative_to(self.root):
                self.attempts += 1
                if self.is_broken:
                    raise OSError(errno.EIO, "Input/output error")
                if self.used() + ENTRY > self.room:
                    raise OSError(errno.ENOSPC, "No space left on device")
            return real(path, flags, *args, **kwargs)

        monkeypatch.setattr("os.open", limited)

    def used(self) -> int:
        return sum(path.stat().st_size for path in self.root.rglob("*") if path.is_file())


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def holds(cache: ShotCache, key: str, seed: int) -> bool:
    found = cache.load(key)
    return found is not None and np.array_equal(found["x"], array(seed))


def test_a_full_disk_costs_the_oldest_entries_and_not_the_new_one(tmp_path, monkeypatch, caplog):
    Disk(tmp_path, 5 * ENTRY, monkeypatch)
    cache = ShotCache(tmp_path, memory_budget=0)
    for i, key in enumerate(KEYS):
        cache.save(key, {"x": array(i)})
        assert holds(cache, key, i)
    assert cache.load(KEYS[0]) is None
    assert cache.use().disk_entries <= 5
    assert caplog.text == ""


def test_a_disk_with_nothing_to_give_way_is_left_alone_for_a_minute_and_then_tried_again(
    tmp_path, monkeypatch, caplog, clock
):
    caplog.set_level(logging.INFO)
    disk = Disk(tmp_path, 0, monkeypatch)
    cache = ShotCache(tmp_path, memory_budget=1 << 20, clock=clock)
    for i, key in enumerate(KEYS[:10]):
        cache.save(key, {"x": array(i)})
    assert all(holds(cache, key, i) for i, key in enumerate(KEYS[:10])), "memory goes on"
    assert disk.attempts == 1
    assert caplog.text.count("going on without it") == 1
    clock.now += 61
    cache.save(KEYS[10], {"x": array(10)})
    assert disk.attempts == 2
    assert caplog.text.count("going on without it") == 1, "said once an outage, not once a minute"
    disk.room = 1 << 20
    clock.now += 61
    cache.save(KEYS[11], {"x": array(11)})
    assert caplog.text.count("can be written again") == 1
    assert holds(ShotCache(tmp_path, memory_budget=0), KEYS[11], 11)


def test_a_broken_disk_costs_no_entries(tmp_path, monkeypatch, clock):
    disk = Disk(tmp_path, 1 << 20, monkeypatch)
    cache = ShotCache(tmp_path, memory_budget=0, clock=clock)
    cache.save(KEYS[0], {"x": array(0)})
    disk.is_broken = True
    cache.save(KEYS[1], {"x": array(1)})
    assert holds(cache, KEYS[0], 0)
    disk.is_broken = False
    clock.now += 61
    cache.save(KEYS[2], {"x": array(2)})
    assert holds(cache, KEYS[2], 2)


def test_two_processes_on_one_folder_keep_within_their_common_budget(tmp_path):
    budget = 16 * ENTRY
    stores = [ShotCache(tmp_path, memory_budget=0, disk_budget=budget) for _ in range(2)]
    for i, key in enumerate(KEYS):
        stores[i % 2].save(key, {"x": array(i)})
    used = sum(path.stat().st_size for path in tmp_path.rglob("*.safetensors"))
    assert used <= budget + 2 * budget // 16 + 2 * ENTRY
    assert all(holds(store, KEYS[-1], len(KEYS) - 1) for store in stores)


def test_clearing_also_takes_what_another_process_wrote_and_says_how_much(tmp_path):
    mine, other = (ShotCache(tmp_path, memory_budget=0) for _ in range(2))
    for i, key in enumerate(KEYS[:6]):
        (mine if i % 2 else other).save(key, {"x": array(i)})
    on_disk = sum(path.stat().st_size for path in tmp_path.rglob("*.safetensors"))
    assert mine.clear() == on_disk
    assert not list(tmp_path.rglob("*.safetensors"))
    assert other.load(KEYS[0]) is None and other.digest(KEYS[0]) is None


def test_a_deleted_folder_is_made_again(tmp_path):
    root = tmp_path / "cache"
    cache = ShotCache(root, memory_budget=0)
    root.rmdir()
    cache.save(KEYS[0], {"x": array(0)})
    assert holds(cache, KEYS[0], 0)
    assert root.stat().st_mode & 0o077 == 0


def test_reading_what_others_wrote_is_not_remembered_for_ever(tmp_path):
    writer, reader = ShotCache(tmp_path, memory_budget=0), ShotCache(tmp_path, memory_budget=0)
    for i, key in enumerate(KEYS):
        writer.save(key, {"x": array(i)})
        assert holds(reader, key, i)
    assert reader.use().disk_entries == 0
    assert writer.use().disk_entries == len(KEYS)


def test_threads_that_share_a_store_take_turns(tmp_path, monkeypatch):
    """One is held in the middle of writing a file: nobody else sees, or changes, anything half done."""
    cache = ShotCache(tmp_path, memory_budget=10_000)
    cache.save(KEYS[0], {"x": array(0)})
    real, is_writing, may_write, has_looked = os.open, threading.Event(), threading.Event(), threading.Event()

    def held(path, flags, *args, **kwargs):
        is_writing.set()
        assert may_write.wait(30)
        return real(path, flags, *args, **kwargs)

    def look() -> None:
        assert cache.use().disk_entries == 2 and holds(cache, KEYS[1], 1)
        has_looked.set()

    monkeypatch.setattr("os.open", held)
    writer = threading.Thread(target=cache.save, args=(KEYS[1], {"x": array(1)}))
    writer.start()
    assert is_writing.wait(30)
    reader = threading.Thread(target=look)
    reader.start()
    assert not has_looked.wait(0.2)
    may_write.set()
    assert has_looked.wait(30)
    writer.join()
    reader.join()
